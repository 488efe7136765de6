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
	} interrupt[TREE_INTERRUPTS_MAX]; /* by the binding of Arm's GIC */
};

/*
 * tree_find() - the first device on the root's bus that is @compatible, and is not disabled. False
 * where there is none.
 */
bool tree_find(const struct kernel *kernel, const char *compatible, struct tree_device *device);

#endif /* PAGODA_TREE_H */
