/* SPDX-License-Identifier: MIT */
/*
 * What can be read of a device tree that the boot has failed for: consoles, and the command line
 * that may name one. It runs where the pass does that tree.h describes, and cleans no caches.
 */
#ifndef PAGODA_TREE_RESCUE_H
#define PAGODA_TREE_RESCUE_H

#include <pagoda/kernel/tree/tree.h>

struct tree_rescue {
	struct scan scan;
	struct fdt_rescue walk;
	struct fdt_value bootargs; /* the last; data null: none */
};

/*
 * tree_rescue_begin() - as tree_begin(), of a tree that fdt_rescue() has looked at. It says nothing
 * of memory. tree_rescue_read() - as tree_read(); at its end the console has been chosen.
 */
void tree_rescue_begin(struct tree_rescue *rescue, const struct fdt *fdt, struct boot_facts *facts);
bool tree_rescue_read(struct tree_rescue *rescue, struct fdt_value *seed);

#endif /* PAGODA_TREE_RESCUE_H */
