/* SPDX-License-Identifier: MIT */
/*
 * What cores are known to do wrong that a kernel has to know of, by MIDR_EL1. Pure: any world, and
 * the host. docs/hardware.md has what needs no table.
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

#endif /* PAGODA_ERRATA_H */
