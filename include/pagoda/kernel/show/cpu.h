/* SPDX-License-Identifier: MIT */
/*
 * What the CPU is and has, in words, from the ID registers. Pure, but relocated code: the kernel
 * with the MMU on, and the host.
 */
#ifndef PAGODA_CPU_H
#define PAGODA_CPU_H

#include <pagoda/lib/sysreg.h>

/* Who made the CPU with this MIDR_EL1, and what it is called; "unknown" where we do not know. */
const char *cpu_implementer_str(u64 midr);
const char *cpu_part_str(u64 midr);

/* Bits of output address that PARange in @mmfr0 promises; 52 for values not known yet. */
unsigned cpu_pa_bits(u64 mmfr0);

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

/* "BTI", "TLBI range" and so on. */
const char *cpu_feature_str(enum cpu_feature feature);

/* cpu_feature_level() - how much of @feature the registers in @id promise: 0 for none of it. */
unsigned cpu_feature_level(const u64 id[SYSREG_FACT_COUNT], enum cpu_feature feature);

/* One page size: whether the CPU translates with it, and with how many bits of virtual address. */
struct cpu_granule {
	bool present;
	unsigned va_bits; /* 48 or 52 */
};

struct cpu_granule cpu_granule(const u64 id[SYSREG_FACT_COUNT], unsigned granule_shift);

#endif /* PAGODA_CPU_H */
