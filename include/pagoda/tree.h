/* SPDX-License-Identifier: MIT */
/*
 * Devices in the FDT, as the kernel looks them up after boot: through the fixmap, in which the FDT
 * stays mapped. MMU on.
 */
#ifndef PAGODA_TREE_H
#define PAGODA_TREE_H

#include <pagoda/kernel.h>

#define TREE_REGIONS_MAX 2
#define TREE_INTERRUPTS_MAX 4

struct tree_device {
	unsigned regions, interrupts; /* found, as many as there is room for */
	struct {
		u64 start, size;
	} region[TREE_REGIONS_MAX]; /* `reg` */
	struct {
		u32 type, number; /* 0: shared, 1: of each CPU; numbers count from 0 in either */
		u32 flags; /* 1, 2: an edge; 4, 8: a level */
	} interrupt[TREE_INTERRUPTS_MAX]; /* by the binding of Arm's GIC */
	u32 phandle, interrupt_parent; /* 0 for none */
};

/* What to look for: a word in `compatible`; where that is null, where the first region starts. */
struct tree_query {
	const char *compatible;
	paddr_t address;
	struct tree_device device; /* the first on the root's bus that is so, and is not disabled */
	bool controller; /* only if it is one, of interrupts: quicker */
	bool found;
};

/* tree_find() - answer @count queries in one pass over the FDT. */
void tree_find(const struct kernel *kernel, struct tree_query *queries, unsigned count);

#endif /* PAGODA_TREE_H */
