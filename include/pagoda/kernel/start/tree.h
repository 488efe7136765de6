/* SPDX-License-Identifier: MIT */
/*
 * How the kernel comes by the facts that the early runtime has not read. MMU on.
 */
#ifndef PAGODA_START_TREE_H
#define PAGODA_START_TREE_H

#include <pagoda/kernel/kernel.h>

/*
 * tree_take() - map the FDT, read-only, and read all of it: into the facts, and into the list of
 * memory, before anybody uses either. Sets kernel->fdt. Seeds that are left in it are wiped.
 * Returns a stop with code STOP_NONE, or why the boot cannot go on; even then a console that was
 * seen is recorded.
 */
struct stop tree_take(struct kernel *kernel, struct boot_handoff *handoff);

/*
 * tree_rescue() - look for consoles in a tree that tree_take() has refused, as the header says
 * where its blocks are, or as can be seen without it. True: there are some, in the place of those
 * that were known.
 */
bool tree_rescue(struct kernel *kernel, struct boot_handoff *handoff, bool by_header);

#endif /* PAGODA_START_TREE_H */
