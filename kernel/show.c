// SPDX-License-Identifier: MIT
/*
 * Commands that show what the boot knew and did: features, registers, timeline.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/arch.h>
#include <pagoda/command.h>
#include <pagoda/console.h>

#define BAR_MAX 40

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

/* @ticks * @scale / @total for numbers of which the product may not fit. */
static u64 share(u64 ticks, u64 scale, u64 total)
{
	while (ticks > ~(u64)0 / scale) {
		ticks /= 2;
		total /= 2;
	}
	return total == 0 ? 0 : ticks * scale / total;
}

/* Each stage is shown with the time that led to it. */
void command_timeline(const struct kernel *kernel)
{
	const u64 *timeline = kernel->handoff->timeline;
	u64 last = timeline[STAGE_ENTRY], total = 0;

	for (unsigned i = STAGE_ENTRY; i < STAGE_COUNT; i++)
		if (timeline[i] != 0)
			total = timeline[i] - timeline[STAGE_ENTRY];
	print("%-12s %12s %10s %6s\n", "stage", "ticks", "us", "share");
	for (unsigned i = STAGE_ENTRY + 1; i < STAGE_COUNT; i++) {
		u64 ticks = timeline[i] - last;
		u64 bar = share(ticks, BAR_MAX, total);

		if (timeline[i] == 0)
			continue;
		print("%-12s %12lu %10lu %5lu%% ", boot_stage_str(i), ticks,
		      share(ticks, 1000000, counter_frequency()), share(ticks, 100, total));
		for (u64 j = 0; j < bar; j++)
			print("#");
		print("\n");
		last = timeline[i];
	}
	print("%-12s %12lu %10lu  of %lu ticks a second\n", "total", total,
	      share(total, 1000000, counter_frequency()), counter_frequency());
}
