// SPDX-License-Identifier: MIT
/*
 * Whether another CPU can follow the first one's decision.
 * Runs anywhere, MMU on or off, and on the host. May not use: registers, I/O, .bss, absolute
 * addresses.
 */
#include <pagoda/kernel/handoff/follow.h>
#include <pagoda/lib/errata.h>
#include <pagoda/lib/features.h>

#define LINE(ctr, field) (sizeof(u32) << SYSREG_GET(CTR_EL0_##field, ctr))

static struct follow follow_ok(void)
{
	return (struct follow){ FOLLOW_OK, 0, 0 };
}

/* @field has to be @needs at least. */
static struct follow at_least(enum follow_field field, u64 has, u64 needs)
{
	return has >= needs ? follow_ok() : (struct follow){ field, has, needs };
}

/* What translation itself needs: a CPU without it reads other addresses out of the same tables. */
static struct follow follow_regime(const struct boot_plan *plan, const u64 *id)
{
	unsigned shift = plan->kernel.granule_shift;
	struct cpu_granule granule = cpu_granule(id, shift);
	u64 va_bits = plan->idmap.va_bits > plan->kernel.va_bits ? plan->idmap.va_bits :
								   plan->kernel.va_bits;
	struct follow follow =
		at_least(FOLLOW_PAGE_SIZE, granule.present ? BIT(shift) : 0, BIT(shift));

	if (follow.field == FOLLOW_OK)
		follow = at_least(FOLLOW_VA_BITS, granule.va_bits, va_bits);
	if (follow.field == FOLLOW_OK)
		follow = at_least(FOLLOW_WIDE_PA, granule.wide_pa ? 52 : 48,
				  plan->kernel.format == DESC_48 ? 48 : 52);
	if (follow.field == FOLLOW_OK)
		follow = at_least(FOLLOW_PA_BITS, cpu_pa_bits(id[SYSREG_ID_AA64MMFR0_EL1]),
				  plan->kernel.pa_bits);
	return follow;
}

/*
 * What the plan has turned on. Of pointer authentication the level must be equal, and the
 * algorithm: what one CPU signs another checks.
 */
static struct follow follow_protection(const struct boot_plan *plan, const u64 *id,
				       const u64 *first)
{
	struct follow follow = follow_ok();
	u64 has = cpu_pac_kind(id), needs = cpu_pac_kind(first);

	if (plan->bti)
		follow = at_least(FOLLOW_BTI, cpu_feature_level(id, CPU_BTI), 1);
	if (follow.field == FOLLOW_OK && plan->pac && has != needs)
		follow = (struct follow){ FOLLOW_PAC, has, needs };
	if (follow.field == FOLLOW_OK && plan->pan)
		follow = at_least(FOLLOW_PAN, cpu_feature_level(id, CPU_PAN), 1);
	if (follow.field == FOLLOW_OK && plan->e0pd)
		follow = at_least(FOLLOW_E0PD, cpu_feature_level(id, CPU_E0PD), 1);
	if (follow.field == FOLLOW_OK && plan->kpti == KPTI_NO_NEED)
		follow = at_least(FOLLOW_KPTI, cpu_keeps_el0_out(id), 1);
	if (follow.field == FOLLOW_OK && kpti_is_on(plan->kpti))
		follow = at_least(FOLLOW_NOT_GLOBAL, !errata_not_global(id[SYSREG_MIDR_EL1]), 1);
	return follow;
}

/* What the kernel will do for or to all CPUs at once, in the first one's way. */
static struct follow follow_maintenance(const u64 *id, const u64 *first)
{
	static const struct {
		u8 field, feature; /* enum follow_field, enum cpu_feature */
	} rows[] = { { FOLLOW_MTE, CPU_MTE },
		     { FOLLOW_BBM, CPU_BBM },
		     { FOLLOW_TLBI_RANGE, CPU_TLBI_RANGE },
		     { FOLLOW_TTL, CPU_TTL } };
	struct follow follow = at_least(FOLLOW_ASID_BITS, cpu_asid_bits(id), cpu_asid_bits(first));

	if (follow.field == FOLLOW_OK)
		follow = at_least(FOLLOW_VMID_BITS, cpu_vmid_bits(id), cpu_vmid_bits(first));
	for (unsigned i = 0; i < ARRAY_SIZE(rows) && follow.field == FOLLOW_OK; i++)
		follow = at_least(rows[i].field, cpu_feature_level(id, rows[i].feature),
				  cpu_feature_level(first, rows[i].feature));
	return follow;
}

static struct follow follow_caches(u64 ctr, u64 first)
{
	u64 sync = CTR_EL0_IDC_MASK | CTR_EL0_DIC_MASK;
	struct follow follow =
		at_least(FOLLOW_DATA_LINE, LINE(ctr, DMINLINE), LINE(first, DMINLINE));

	if (follow.field == FOLLOW_OK)
		follow = at_least(FOLLOW_CODE_LINE, LINE(ctr, IMINLINE), LINE(first, IMINLINE));
	if (follow.field == FOLLOW_OK && (ctr & first & sync) != (first & sync))
		follow = (struct follow){ FOLLOW_CODE_SYNC, ctr & sync, first & sync };
	return follow;
}

struct follow cpu_follows(const struct boot_plan *plan, const struct cpu_facts *first,
			  const struct cpu_facts *cpu)
{
	struct follow follow = follow_regime(plan, cpu->id);

	if (cpu->el != first->el)
		return (struct follow){ FOLLOW_LEVEL, cpu->el, first->el };
	if (follow.field == FOLLOW_OK && plan->el == 2)
		follow = at_least(FOLLOW_VHE, cpu_has_vhe(cpu->id), 1);
	if (follow.field == FOLLOW_OK)
		follow = follow_protection(plan, cpu->id, first->id);
	if (follow.field == FOLLOW_OK)
		follow = follow_maintenance(cpu->id, first->id);
	if (follow.field == FOLLOW_OK)
		follow = follow_caches(cpu->id[SYSREG_CTR_EL0], first->id[SYSREG_CTR_EL0]);
	if (follow.field == FOLLOW_OK && cpu->frequency != first->frequency)
		follow = (struct follow){ FOLLOW_FREQUENCY, cpu->frequency, first->frequency };
	return follow;
}
