/* SPDX-License-Identifier: MIT */
/*
 * The kernel's map from global to not global while all CPUs stand aside: what C and
 * arch/arm64/entry/convert.S agree on. Source: DDI 0487 D8.14.1 (break-before-make), D8.16 (nG).
 */
#ifndef PAGODA_CONVERT_H
#define PAGODA_CONVERT_H

#define CONVERT_OUT 0
#define CONVERT_CPUS 8
#define CONVERT_DONE 16
#define CONVERT_PAGES 24
#define CONVERT_BLOCKS_END 40

#ifndef __ASSEMBLER__

#include <pagoda/types.h>

/* In a lower half that maps this, the tables, and the entry code at its physical address. */
struct convert {
	u64 out; /* CPUs whose upper half is off */
	u64 cpus; /* that will be; the last one converts */
	u64 done; /* 1: the others may go on */
	u64 pages, pages_end; /* the slots of tables of level 3, */
	u64 blocks_end; /* and, behind them, of all others */
};

_Static_assert(__builtin_offsetof(struct convert, cpus) == CONVERT_CPUS &&
		       __builtin_offsetof(struct convert, done) == CONVERT_DONE &&
		       __builtin_offsetof(struct convert, pages) == CONVERT_PAGES &&
		       __builtin_offsetof(struct convert, blocks_end) == CONVERT_BLOCKS_END,
	       "convert.S");

/*
 * upper_half_convert() - this CPU is one of those that @convert, an address in the lower half that
 * @ttbr0, the identity map's, leads to, is about. Returns when all is converted, with TCR.A1 set,
 * ASID 0, and walks of the lower half off, as before. @code: the physical address of
 * convert_here(), which only this may call. Interrupts wait.
 */
void upper_half_convert(u64 convert, u64 ttbr0, paddr_t code);
void convert_here(u64 convert, u64 tcr);

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_CONVERT_H */
