// SPDX-License-Identifier: MIT
/*
 * Commands that show what the CPU has and how it is set: features, registers.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/arch.h>
#include <pagoda/command.h>
#include <pagoda/console.h>

static void show_content(const struct sysreg_field *field, u64 value)
{
	u64 content = value >> field->shift & ~(u64)0 >> (64 - field->width);
	const char *text = sysreg_value_text(field, value);

	print("%#lx%s%s%s", content, text ? " (" : "", text ? text : "", text ? ")" : "");
}

/* The fields of @reg that the table has, and what became of those that @after has otherwise. */
static void show_fields(enum sysreg reg, u64 before, u64 after)
{
	const struct sysreg_desc *desc = &sysreg_table[reg];

	for (unsigned i = 0; i < desc->field_count; i++) {
		const struct sysreg_field *field = &sysreg_fields[desc->first_field + i];

		print("  %-12s ", field->name);
		show_content(field, before);
		if (sysreg_field_get(field, before) != sysreg_field_get(field, after)) {
			print("  -> ");
			show_content(field, after);
		}
		print("\n");
	}
}

void command_features(const struct kernel *kernel)
{
	const u64 *before = kernel->handoff->facts.id, *after = kernel->handoff->id;

	for (unsigned i = 0; i < SYSREG_FACT_COUNT && !console_interrupted(); i++) {
		print("%-16s 0x%016lx", sysreg_table[i].name, before[i]);
		if (before[i] != after[i])
			print("  -> 0x%016lx", after[i]);
		print("\n");
		show_fields(i, before[i], after[i]);
	}
}

void command_registers(const struct kernel *kernel)
{
	static const u8 live[] = { SYSREG_SCTLR_EL1, SYSREG_TCR_EL1, SYSREG_MAIR_EL1,
				   SYSREG_TTBR0_EL1, SYSREG_TTBR1_EL1 };

	for (unsigned i = 0; i < ARRAY_SIZE(live); i++) {
		u64 value = kernel->registers[live[i]];

		print("%-16s 0x%016lx\n", sysreg_table[live[i]].name, value);
		show_fields(live[i], value, value);
	}
}
