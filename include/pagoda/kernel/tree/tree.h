/* SPDX-License-Identifier: MIT */
/*
 * The device tree, read once, from its first node to its last: memory, consoles, PCI's ports, PSCI,
 * initrd, what the EFI stub found out, and where the nodes are that say how devices interrupt. What
 * decides anything before the flip is not in here: that is read before it, by pi/chosen.c. So this
 * runs right after the flip, through a window; or, where a boot cannot get that far, with the MMU
 * off, for a console to say so on; and in the EFI stub, for what is reserved. No cache maintenance:
 * that is the caller's, who knows how the FDT is seen.
 */
#ifndef PAGODA_TREE_H
#define PAGODA_TREE_H

#include <pagoda/kernel/tree/scan.h>

/*
 * tree_begin() - before the first node of @fdt, which is open, and cut. What it says goes to
 * @facts, which has entry and fdt already, and to @lists: memory as the FDT has it, which the
 * kernel puts in order, and nodes. @scan need not be cleared. tree_begin_devices() - the same for a
 * tree that says nothing of memory: what another has said stays.
 */
void tree_begin(struct scan *scan, const struct fdt *fdt, struct boot_facts *facts,
		struct boot_lists *lists);
void tree_begin_devices(struct scan *scan, const struct fdt *fdt, struct boot_facts *facts,
			struct boot_lists *lists);

/*
 * tree_read() - go on, to the end of the tree or of what can be read of it: false. True: @seed is a
 * kaslr-seed that is not all zero. Nothing after this may read it; wipe it, and call again.
 */
bool tree_read(struct scan *scan, struct fdt_value *seed);

/* tree_has_seed() - @node has a kaslr-seed, and it is not all zero. */
bool tree_has_seed(const struct fdt_node *node);

/*
 * tree_choose_console() - of the consoles that have been seen, the one that stdout-path names, or
 * the first. tree_list_consoles() - the others, in the order of the tree, to @others.
 * tree_end() - that, and reservations. Returns a stop with code STOP_NONE, or why the
 * boot cannot go on; even then a console that was seen is recorded.
 */
void tree_choose_console(struct scan *scan);
void tree_list_consoles(const struct scan *scan, struct console_choice others[CONSOLES_SEEN_MAX]);
struct stop tree_end(struct scan *scan);

#endif /* PAGODA_TREE_H */
