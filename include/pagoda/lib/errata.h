/* SPDX-License-Identifier: MIT */
/*
 * What cores are known to do wrong that a kernel has to know of, by MIDR_EL1, or to do right though
 * no ID register says so. Pure: any world, and the host. docs/hardware.md has what needs no table.
 */
#ifndef PAGODA_ERRATA_H
#define PAGODA_ERRATA_H

#include <pagoda/types.h>

/*
 * errata_repeat_tlbi() - the number of the erratum by which, on a core with @midr, a broadcast TLBI
 * and its DSB may be over while another CPU's accesses by the old translation are not; null for
 * none. One more TLBI, whichever, and DSB make up for it. Sources: Arm's and NVIDIA's notices, as
 * Linux lists them (CVE-2025-10263, and those before it).
 */
const char *errata_repeat_tlbi(u64 midr);

/*
 * errata_not_global() - a core with @midr may take wrong instructions from its cache where mappings
 * of the kernel's are not global (Cavium erratum 27456). Source: Cavium's notice, as Linux has it.
 */
bool errata_not_global(u64 midr);

/*
 * errata_keeps_el0_out() - a core with @midr is older than ID_AA64PFR0_EL1.CSV3, and yet nothing
 * that EL0 speculates on comes from memory that only EL1 may read (CVE-2017-5754, "Meltdown").
 * Source: the vendors' statements, as Linux lists them.
 */
bool errata_keeps_el0_out(u64 midr);

#endif /* PAGODA_ERRATA_H */
