/* SPDX-License-Identifier: MIT */
/*
 * What the early runtime fills in, and where it goes with it.
 */
#ifndef PAGODA_MAIN_H
#define PAGODA_MAIN_H

#include <pagoda/kernel/handoff/handoff.h>

/* The handoff itself. The kernel gets it as kernel_main()'s argument. */
extern struct boot_handoff boot_handoff;

/* The memory ranges, outside .bss: what is in use of them counts. The handoff has its address. */
extern struct boot_lists boot_lists;

/*
 * The first C function after the flip. MMU on, caches on, interrupts masked. @published, @flipped:
 * the counter at those stages, and @forbidden: what mmu_flip() says is, which came too late to be
 * written to the handoff.
 */
void kernel_main(struct boot_handoff *handoff, u64 published, u64 flipped, u64 forbidden)
	__attribute__((noreturn));
LANDING_PAD(kernel_main);

#endif /* PAGODA_MAIN_H */
