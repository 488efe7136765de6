/* SPDX-License-Identifier: MIT */
/*
 * The upper half under a scratch regime's tables, for as long as the CPU is asked about an address.
 * MMU on.
 */
#ifndef PAGODA_UPPER_H
#define PAGODA_UPPER_H

#include <pagoda/kernel/selftest/scratch.h>

/*
 * upper_probe() - PAR_EL1 for a read of @va, or where that is odd a write, with the scratch tables
 * in TTBR1, and TCR as the kernel has it but for the size, @clear and @set. upper_translates() - it
 * is the first page of the data. upper_faults() - it is a translation fault at @level.
 */
u64 upper_probe(struct scratch *scratch, u64 va, u64 clear, u64 set);
void upper_translates(struct scratch *scratch, u64 va, u64 clear, u64 set);
void upper_faults(struct scratch *scratch, u64 va, int level, u64 set);

#endif /* PAGODA_UPPER_H */
