/* SPDX-License-Identifier: MIT */
/*
 * What the CPU is and has, in words. Pure, but relocated code: the kernel with the MMU on, and the
 * host.
 */
#ifndef PAGODA_CPU_NAMES_H
#define PAGODA_CPU_NAMES_H

#include <pagoda/lib/features.h>

/* Who made the CPU with this MIDR_EL1, and what it is called; "unknown" where we do not know. */
const char *cpu_implementer_str(u64 midr);
const char *cpu_part_str(u64 midr);

/* "BTI", "TLBI range" and so on. */
const char *cpu_feature_str(enum cpu_feature feature);

#endif /* PAGODA_CPU_NAMES_H */
