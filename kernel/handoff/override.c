// SPDX-License-Identifier: MIT
/*
 * What an override may do, and overrides of the CPUs that do not boot: they are there only once the
 * boot is decided, so their words are kept until then.
 * Runs in the early runtime with the MMU off, .bss clear, before relocation; in the kernel; and on
 * the host. May not use: absolute addresses, pointers in static data, .bss.
 */
#include <pagoda/kernel/handoff/override.h>
#include <pagoda/lib/features.h>
#include <pagoda/lib/string.h>

static bool is_vhe_off(enum sysreg reg, const struct sysreg_field *field, unsigned content)
{
	return reg == SYSREG_ID_AA64MMFR1_EL1 && field->shift == ID_AA64MMFR1_EL1_VH_SHIFT &&
	       content == 0;
}

enum override_reason override_check(const u64 had[SYSREG_FACT_COUNT],
				    const u64 id[SYSREG_FACT_COUNT], enum sysreg reg,
				    const struct sysreg_field *field, unsigned content)
{
	u64 asked = sysreg_field_put(field, had[reg], content);

	if (sysreg_field_get(field, asked) > sysreg_field_get(field, had[reg]))
		return REASON_RAISES;
	if (is_vhe_off(reg, field, content) && cpu_e2h_is_stuck(id))
		return REASON_E2H_STUCK;
	return REASON_NONE;
}

/* What differs between @had and @has of the CPU that boots was asked for. */
static u64 register_follow(enum sysreg reg, u64 had, u64 has, u64 own)
{
	const struct sysreg_field *field = sysreg_fields + sysreg_table[reg].first_field;
	const struct sysreg_field *end = field + sysreg_table[reg].field_count;

	for (; field < end; field++) {
		int content = sysreg_field_get(field, has);

		if (content != sysreg_field_get(field, had) &&
		    content < sysreg_field_get(field, own))
			own = sysreg_field_put(field, own, (unsigned)content);
	}
	return own;
}

/* VARange 0 means the same as for all CPUs: no 52 bits with any page size. */
static enum override_reason apply(const struct cpu_override *override,
				  const u64 own[SYSREG_FACT_COUNT], u64 id[SYSREG_FACT_COUNT])
{
	const struct sysreg_field *field = &sysreg_fields[override->field];
	enum sysreg reg = override->reg;
	enum override_reason reason = override_check(own, id, reg, field, override->content);

	if (reason != REASON_NONE)
		return reason;
	id[reg] = sysreg_field_put(field, id[reg], override->content);
	if (override->field == ID_AA64MMFR2_EL1_VARANGE_INDEX && override->content == 0)
		cpu_forget_wide(id);
	return REASON_NONE;
}

void override_apply_for_cpu(struct boot_handoff *handoff, unsigned cpu, u64 id[SYSREG_FACT_COUNT])
{
	struct boot_options *options = &handoff->options;
	u64 own[SYSREG_FACT_COUNT];

	memcpy(own, id, sizeof(own));
	for (unsigned reg = 0; reg < SYSREG_FACT_COUNT; reg++)
		if (handoff->id[reg] != handoff->facts.id[reg])
			id[reg] = register_follow(reg, handoff->facts.id[reg], handoff->id[reg],
						  id[reg]);
	/* Not the CPU's: the command line makes it. */
	id[SYSREG_ARM64_SW] = handoff->id[SYSREG_ARM64_SW];
	for (unsigned i = 0; i < options->cpu_override_count; i++) {
		const struct cpu_override *override = &options->cpu_override[i];
		enum override_reason reason;

		if (override->cpu != cpu)
			continue;
		reason = apply(override, own, id);
		if (override->record == OVERRIDES_MAX)
			continue;
		options->record[override->record].reason = reason;
		options->record[override->record].status =
			reason == REASON_NONE ? OVERRIDE_APPLIED : OVERRIDE_REFUSED;
	}
}
