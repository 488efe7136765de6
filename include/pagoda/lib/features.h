/* SPDX-License-Identifier: MIT */
/*
 * What the ID registers mean: nobody else reads a feature, a page size or an address size out of
 * them. @id holds registers by enum sysreg, as a CPU has them or as overrides leave them.
 * Pure: any world, MMU on or off, and the host. Source: DDI 0487 D19.2, the ID registers.
 */
#ifndef PAGODA_FEATURES_H
#define PAGODA_FEATURES_H

#include <pagoda/lib/sysreg.h>

/* What the report lists. */
enum cpu_feature {
	CPU_BTI,
	CPU_PAC,
	CPU_PAN,
	CPU_MTE,
	CPU_RNDR,
	CPU_E0PD,
	CPU_TLBI_RANGE,
	CPU_TTL,
	CPU_BBM,
	CPU_SVE,
	CPU_SME,
	CPU_S1PIE,
	CPU_FEATURE_COUNT,
};

/*
 * cpu_feature_level() - how much of @feature is there: 0 for none of it; more is more, and the
 * number is the field's (PAN 3 is FEAT_PAN3).
 */
unsigned cpu_feature_level(const u64 id[SYSREG_FACT_COUNT], enum cpu_feature feature);

/* One page size: whether the CPU translates with it, and how wide addresses can be. */
struct cpu_granule {
	bool present;
	bool wide_pa; /* its descriptors can hold 52 bits */
	unsigned va_bits; /* 48 or 52 */
};

/*
 * cpu_granule() - about pages of 2^@shift bytes. Each size has its own word for 52 bits. 4K and
 * 16K: FEAT_LPA2, in TGran4 and TGran16, gives both address sizes at once. 64K: FEAT_LVA (VARange)
 * for input, FEAT_LPA (PARange) for output. VARange and PARange say nothing about the others.
 */
struct cpu_granule cpu_granule(const u64 id[SYSREG_FACT_COUNT], unsigned shift);

/* cpu_granule_stage2() - the same for stage 2, whose input is as wide as its output. */
struct cpu_granule cpu_granule_stage2(const u64 id[SYSREG_FACT_COUNT], unsigned shift);

/*
 * cpu_pa_bits() - bits of output address that PARange in @mmfr0 promises; 52 for values not known
 * yet. cpu_pa_code() - what PARange has for @pa_bits, and so have TCR's IPS, and PS at EL2 and in
 * VTCR: 32, 36, 40, 42, 44, 48 or 52.
 */
unsigned cpu_pa_bits(u64 mmfr0);
unsigned cpu_pa_code(unsigned pa_bits);

/* Bits of an ASID, and of a VMID: 8 or 16. */
unsigned cpu_asid_bits(const u64 id[SYSREG_FACT_COUNT]);
unsigned cpu_vmid_bits(const u64 id[SYSREG_FACT_COUNT]);

/*
 * cpu_pac_kind() - how return addresses are signed: the level in a nibble of its own for each
 * algorithm (APA, API, APA3). CPUs of one kind understand each other's signatures; 0: not at all.
 */
unsigned cpu_pac_kind(const u64 id[SYSREG_FACT_COUNT]);

/* FEAT_LVA: 52 bits of input address, with 64K pages. */
bool cpu_has_lva(const u64 id[SYSREG_FACT_COUNT]);

/* FEAT_VHE: a kernel may run at EL2 as it would at EL1. */
bool cpu_has_vhe(const u64 id[SYSREG_FACT_COUNT]);

/*
 * Nothing that EL0 speculates on comes from memory that only EL1 may read: FEAT_CSV3, or a core
 * known for it.
 */
bool cpu_keeps_el0_out(const u64 id[SYSREG_FACT_COUNT]);

/* FEAT_E2H0 is missing: HCR_EL2.E2H is 1 whatever is written. */
bool cpu_e2h_is_stuck(const u64 id[SYSREG_FACT_COUNT]);

/*
 * cpu_forget_wide() - lower what promises 52 bits of address with any page size to what stands
 * there without, but for VARange. A page size that the CPU lacks does not come to be.
 */
void cpu_forget_wide(u64 id[SYSREG_FACT_COUNT]);

#endif /* PAGODA_FEATURES_H */
