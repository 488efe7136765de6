// SPDX-License-Identifier: MIT
/*
 * What the ID registers mean.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, pointers in static data, instructions a host compiler cannot build.
 */
#include <pagoda/lib/errata.h>
#include <pagoda/lib/features.h>

/* A granule field above 7 is negative, or reserved: the granule is not there. */
#define TGRAN_LAST 7

/* The content of @field of @reg: a field that the register does not have is no constant. */
#define ID(id, reg, field) SYSREG_GET(reg##_##field, (id)[SYSREG_##reg])

/* @reg again, with another @content of @field. */
#define ID_PUT(id, reg, field, content)                                           \
	((id)[SYSREG_##reg] = ((id)[SYSREG_##reg] & ~(u64)reg##_##field##_MASK) | \
			      SYSREG_PUT(reg##_##field, content))

static u64 max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}

/* In one of three fields, by the algorithm the CPU signs with. */
static u64 pac_level(const u64 id[SYSREG_FACT_COUNT])
{
	u64 own = ID(id, ID_AA64ISAR1_EL1, API), qarma5 = ID(id, ID_AA64ISAR1_EL1, APA);

	return max_u64(ID(id, ID_AA64ISAR2_EL1, APA3), max_u64(own, qarma5));
}

static u64 tlbi_range_level(const u64 id[SYSREG_FACT_COUNT])
{
	u64 level = ID(id, ID_AA64ISAR0_EL1, TLB);

	return level >= ID_AA64ISAR0_EL1_TLB_RANGE ? level : 0;
}

unsigned cpu_feature_level(const u64 id[SYSREG_FACT_COUNT], enum cpu_feature feature)
{
	switch (feature) {
	case CPU_BTI:
		return ID(id, ID_AA64PFR1_EL1, BT);
	case CPU_PAC:
		return pac_level(id);
	case CPU_PAN:
		return ID(id, ID_AA64MMFR1_EL1, PAN);
	case CPU_MTE:
		return ID(id, ID_AA64PFR1_EL1, MTE);
	case CPU_RNDR:
		return ID(id, ID_AA64ISAR0_EL1, RNDR);
	case CPU_E0PD:
		return ID(id, ID_AA64MMFR2_EL1, E0PD);
	case CPU_TLBI_RANGE:
		return tlbi_range_level(id);
	case CPU_TTL:
		return ID(id, ID_AA64MMFR2_EL1, TTL);
	case CPU_BBM:
		return ID(id, ID_AA64MMFR2_EL1, BBM);
	case CPU_SVE:
		return ID(id, ID_AA64PFR0_EL1, SVE);
	case CPU_SME:
		return ID(id, ID_AA64PFR1_EL1, SME);
	case CPU_S1PIE:
		return ID(id, ID_AA64MMFR3_EL1, S1PIE);
	case CPU_FEATURE_COUNT:
		break;
	}
	return 0;
}

struct cpu_granule cpu_granule(const u64 id[SYSREG_FACT_COUNT], unsigned shift)
{
	struct cpu_granule granule = { false, false, 48 };
	bool wide = false;
	u64 tgran;

	switch (shift) {
	case GRANULE_SHIFT_4K:
		tgran = ID(id, ID_AA64MMFR0_EL1, TGRAN4);
		granule.present = tgran <= TGRAN_LAST;
		wide = tgran >= ID_AA64MMFR0_EL1_TGRAN4_52BIT;
		break;
	case GRANULE_SHIFT_16K:
		tgran = ID(id, ID_AA64MMFR0_EL1, TGRAN16);
		granule.present = tgran != ID_AA64MMFR0_EL1_TGRAN16_NI && tgran <= TGRAN_LAST;
		wide = tgran >= ID_AA64MMFR0_EL1_TGRAN16_52BIT;
		break;
	case GRANULE_SHIFT_64K:
		granule.present = ID(id, ID_AA64MMFR0_EL1, TGRAN64) <= TGRAN_LAST;
		wide = cpu_has_lva(id);
		break;
	}
	if (granule.present && wide)
		granule.va_bits = 52;
	granule.wide_pa = shift == GRANULE_SHIFT_64K ?
				  ID(id, ID_AA64MMFR0_EL1, PARANGE) >= ID_AA64MMFR0_EL1_PARANGE_52 :
				  granule.va_bits == 52;
	return granule;
}

/* A field of its own, or as stage 1 has it; 64K pages have no word for 52 bits. */
struct cpu_granule cpu_granule_stage2(const u64 id[SYSREG_FACT_COUNT], unsigned shift)
{
	struct cpu_granule granule = cpu_granule(id, shift);
	u64 tgran = ID(id, ID_AA64MMFR0_EL1, TGRAN64_2);

	if (shift == GRANULE_SHIFT_4K)
		tgran = ID(id, ID_AA64MMFR0_EL1, TGRAN4_2);
	else if (shift == GRANULE_SHIFT_16K)
		tgran = ID(id, ID_AA64MMFR0_EL1, TGRAN16_2);
	if (tgran != ID_AA64MMFR0_EL1_TGRAN4_2_AS_STAGE1) {
		granule.present = tgran != ID_AA64MMFR0_EL1_TGRAN4_2_NI;
		if (shift != GRANULE_SHIFT_64K)
			granule.wide_pa = tgran >= ID_AA64MMFR0_EL1_TGRAN4_2_52BIT;
	}
	granule.va_bits = granule.wide_pa ? 52 : 48;
	return granule;
}

/* Reserved values promise at least as much as the highest known. */
unsigned cpu_pa_bits(u64 mmfr0)
{
	switch (SYSREG_GET(ID_AA64MMFR0_EL1_PARANGE, mmfr0)) {
	case ID_AA64MMFR0_EL1_PARANGE_32:
		return 32;
	case ID_AA64MMFR0_EL1_PARANGE_36:
		return 36;
	case ID_AA64MMFR0_EL1_PARANGE_40:
		return 40;
	case ID_AA64MMFR0_EL1_PARANGE_42:
		return 42;
	case ID_AA64MMFR0_EL1_PARANGE_44:
		return 44;
	case ID_AA64MMFR0_EL1_PARANGE_48:
		return 48;
	}
	return 52;
}

unsigned cpu_pa_code(unsigned pa_bits)
{
	switch (pa_bits) {
	case 32:
		return ID_AA64MMFR0_EL1_PARANGE_32;
	case 36:
		return ID_AA64MMFR0_EL1_PARANGE_36;
	case 40:
		return ID_AA64MMFR0_EL1_PARANGE_40;
	case 42:
		return ID_AA64MMFR0_EL1_PARANGE_42;
	case 44:
		return ID_AA64MMFR0_EL1_PARANGE_44;
	case 48:
		return ID_AA64MMFR0_EL1_PARANGE_48;
	}
	return ID_AA64MMFR0_EL1_PARANGE_52;
}

unsigned cpu_asid_bits(const u64 id[SYSREG_FACT_COUNT])
{
	return ID(id, ID_AA64MMFR0_EL1, ASIDBITS) == ID_AA64MMFR0_EL1_ASIDBITS_16 ? 16 : 8;
}

unsigned cpu_vmid_bits(const u64 id[SYSREG_FACT_COUNT])
{
	return ID(id, ID_AA64MMFR1_EL1, VMIDBITS) == ID_AA64MMFR1_EL1_VMIDBITS_16 ? 16 : 8;
}

unsigned cpu_pac_kind(const u64 id[SYSREG_FACT_COUNT])
{
	return (unsigned)(ID(id, ID_AA64ISAR1_EL1, APA) | ID(id, ID_AA64ISAR1_EL1, API) << 4 |
			  ID(id, ID_AA64ISAR2_EL1, APA3) << 8);
}

bool cpu_has_lva(const u64 id[SYSREG_FACT_COUNT])
{
	return ID(id, ID_AA64MMFR2_EL1, VARANGE) != ID_AA64MMFR2_EL1_VARANGE_48BIT;
}

bool cpu_has_vhe(const u64 id[SYSREG_FACT_COUNT])
{
	return ID(id, ID_AA64MMFR1_EL1, VH) != 0;
}

bool cpu_keeps_el0_out(const u64 id[SYSREG_FACT_COUNT])
{
	return ID(id, ID_AA64PFR0_EL1, CSV3) != 0 || errata_keeps_el0_out(id[SYSREG_MIDR_EL1]);
}

/* The field is signed: from 8 on it is negative. */
bool cpu_e2h_is_stuck(const u64 id[SYSREG_FACT_COUNT])
{
	return ID(id, ID_AA64MMFR4_EL1, E2H0) >= 8;
}

void cpu_forget_wide(u64 id[SYSREG_FACT_COUNT])
{
	bool has_16k = cpu_granule(id, GRANULE_SHIFT_16K).present;

	if (cpu_granule(id, GRANULE_SHIFT_4K).va_bits == 52)
		ID_PUT(id, ID_AA64MMFR0_EL1, TGRAN4, ID_AA64MMFR0_EL1_TGRAN4_IMP);
	if (ID(id, ID_AA64MMFR0_EL1, TGRAN16) > ID_AA64MMFR0_EL1_TGRAN16_IMP)
		ID_PUT(id, ID_AA64MMFR0_EL1, TGRAN16,
		       has_16k ? ID_AA64MMFR0_EL1_TGRAN16_IMP : ID_AA64MMFR0_EL1_TGRAN16_NI);
	if (ID(id, ID_AA64MMFR0_EL1, PARANGE) > ID_AA64MMFR0_EL1_PARANGE_48)
		ID_PUT(id, ID_AA64MMFR0_EL1, PARANGE, ID_AA64MMFR0_EL1_PARANGE_48);
}
