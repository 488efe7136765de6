/* SPDX-License-Identifier: MIT */
/*
 * Where in the FDT those nodes stand that are read once interrupts are asked for: the one pass over
 * the tree notes them, with what only their place in it can tell, and nobody looks for them again.
 */
#ifndef PAGODA_TREE_NODES_H
#define PAGODA_TREE_NODES_H

#include <pagoda/lib/fdt.h>

/* A node, and who takes its interrupts. */
struct tree_node {
	u32 offset; /* of its first token; 0: there is no such node */
	u32 parent; /* the phandle that it, or the nearest around it, has for an interrupt parent */
	u32 nexus; /* parent 0: the offset of the node around it that is one by standing there */
};

struct tree_region {
	u64 start, size; /* as the CPU sees it */
};

#define TREE_GIC_REGIONS_MAX 9 /* a distributor's, and those of redistributors */
#define TREE_UARTS_MAX 8

struct tree_nodes {
	struct tree_node gic; /* of version 2 or 3: the first of the higher one */
	u32 gic_version, gic_regions;
	struct tree_region gic_region[TREE_GIC_REGIONS_MAX];
	struct tree_node timer; /* arm,armv8-timer: the first */
	u32 psci_old; /* offset of one of version 0.1, which has its own numbers for its calls */
	u32 uarts; /* that Pagoda drives: the first ones */
	struct tree_node uart[TREE_UARTS_MAX];
	struct tree_region uart_region[TREE_UARTS_MAX];
};

/*
 * tree_place() - the node that @walk has reached, and who takes its interrupts: by its
 * interrupt-parent, which is property @parent of the walk, or by standing around it with one of the
 * properties whose bits @takers has.
 */
static inline struct tree_node tree_place(const struct fdt_walk *walk, unsigned parent, u32 takers)
{
	const struct fdt_node *node = walk->reached;
	struct tree_node place = { .offset = node->offset };

	for (; !(node->found & BIT(parent)); node--) {
		if (node == walk->node)
			return place;
		if (node[-1].found & takers) {
			place.nexus = node[-1].offset;
			return place;
		}
	}
	place.parent = fdt_cell(node, parent, 0);
	return place;
}

#endif /* PAGODA_TREE_NODES_H */
