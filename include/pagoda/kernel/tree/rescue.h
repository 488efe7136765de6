/* SPDX-License-Identifier: MIT */
/*
 * What can be read of a device tree that the boot has failed for: consoles, and the command line
 * that may name one. It runs where the pass does that tree.h describes, and cleans no caches.
 */
#ifndef PAGODA_TREE_RESCUE_H
#define PAGODA_TREE_RESCUE_H

#include <pagoda/kernel/tree/tree.h>

#define TREE_WINDOWS_MAX 32

/* Addresses on a bus of so many cells, [from, from + size), are the CPU's from @to on. */
struct tree_window {
	u32 cells;
	u64 from, to, size;
};

struct tree_rescue {
	struct scan scan;
	struct fdt_rescue walk;
	bool blind[CELLS_MAX +
		   1]; /* a bus of so many cells is lost: what no window has is anywhere */
	u32 windows;
	struct tree_window window[TREE_WINDOWS_MAX]; /* in the order of the tree */
	struct fdt_value bootargs; /* the last; data null: none */
};

/*
 * tree_rescue_begin() - as tree_begin(), of a tree that fdt_rescue() has looked at. It says nothing
 * of memory. tree_rescue_read() - as tree_read(); at its end the console has been chosen.
 */
void tree_rescue_begin(struct tree_rescue *rescue, const struct fdt *fdt, struct boot_facts *facts);
bool tree_rescue_read(struct tree_rescue *rescue, struct fdt_value *seed);

#endif /* PAGODA_TREE_RESCUE_H */
