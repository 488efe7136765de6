// SPDX-License-Identifier: MIT
/*
 * Commands that show what the CPU has and how it is set: features, registers.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/report.h>
#include <pagoda/kernel/smp/smp.h>

static void show_content(const struct sysreg_field *field, u64 value)
{
	u64 content = value >> field->shift & ~(u64)0 >> (64 - field->width);
	const char *text = sysreg_value_text(field, value);

	print("%#lx%s%s%s", content, text ? " (" : "", text ? text : "", text ? ")" : "");
}

/*
 * The fields of @reg, and what became of those that @after has otherwise. Bits that the table has
 * no name for are shown where they are set: CPUs are newer than tables.
 */
static void show_fields(enum sysreg reg, u64 before, u64 after)
{
	const struct sysreg_desc *desc = &sysreg_table[reg];
	u64 unnamed = before;

	for (unsigned i = 0; i < desc->field_count; i++) {
		const struct sysreg_field *field = &sysreg_fields[desc->first_field + i];

		unnamed &= ~(~(u64)0 >> (64 - field->width) << field->shift);
		print("  %-12s %2u:%-2u ", field->name, field->shift + field->width - 1u,
		      field->shift);
		show_content(field, before);
		if (sysreg_field_get(field, before) != sysreg_field_get(field, after)) {
			print("  -> ");
			show_content(field, after);
		}
		print("\n");
	}
	if (unnamed != 0)
		print("  other bits         0x%016lx\n", unnamed);
}

/* Registers in which a further CPU is not as the one that boots, and what stands in them there. */
static void show_differences(const struct kernel *kernel, u32 number)
{
	const struct cpu *cpu = kernel->smp->cpu[number].cpu;
	const u64 *first = kernel->handoff->facts.id;

	if (cpu == NULL || kernel->smp->cpu[number].el == 0)
		return;
	for (unsigned i = 0; i < SYSREG_FACT_COUNT && !console_interrupted(); i++) {
		if (i == SYSREG_MPIDR_EL1 ||
		    (cpu->had[i] == first[i] && cpu->id[i] == kernel->handoff->id[i]))
			continue;
		print("CPU %u: %-16s 0x%016lx", number, sysreg_table[i].name, cpu->had[i]);
		if (cpu->had[i] != cpu->id[i])
			print("  -> 0x%016lx", cpu->id[i]);
		print("\n");
		show_fields(i, cpu->had[i], cpu->id[i]);
	}
}

COMMAND(40, features, "", "every field of the ID registers, and what other CPUs have otherwise",
	"more features", "");

static void command_features(const struct kernel *kernel, const struct arguments *arguments)
{
	const u64 *before = kernel->handoff->facts.id, *after = kernel->handoff->id;

	if (!argument_count(arguments, 0, 0))
		return;
	for (unsigned i = 0; i < SYSREG_FACT_COUNT && !console_interrupted(); i++) {
		print("%-16s 0x%016lx", sysreg_table[i].name, before[i]);
		if (before[i] != after[i])
			print("  -> 0x%016lx", after[i]);
		print("\n");
		show_fields(i, before[i], after[i]);
	}
	for (u32 i = 1; kernel->smp != NULL && i < kernel->smp->count; i++)
		show_differences(kernel, i);
}

COMMAND(60, registers, "", "the control registers, field by field", "registers", "");

static void command_registers(const struct kernel *kernel, const struct arguments *arguments)
{
	struct report_register reg;

	if (!argument_count(arguments, 0, 0))
		return;
	for (unsigned i = 0; report_register(kernel, i, &reg); i++) {
		print("%-16s 0x%016lx\n", reg.name, reg.value);
		show_fields(reg.reg, reg.value, reg.value);
	}
}
