/* SPDX-License-Identifier: MIT */
/*
 * Comparing what the tables say with what the CPU says. MMU on, and the host.
 */
#ifndef PAGODA_INSPECT_H
#define PAGODA_INSPECT_H

#include <pagoda/mm/pt/pagetable.h>

/* The physical address in PAR_EL1, of 4 KiB whatever the page size; meaningful where F is clear. */
u64 par_address(u64 par);

/*
 * walk_agrees() - @par, of a translation of @va for a read or a @write, is what the tables of
 * @space say: the same address, or a fault where they allow no such access.
 */
bool walk_agrees(const struct space *space, vaddr_t va, bool write, u64 par);

struct arguments; /* pagoda/kernel/prompt/command.h */
struct kernel; /* pagoda/kernel/kernel.h */

/*
 * is_table_alias() - the kernel's tables map @va to memory for page tables; then it has been said,
 * in the name of the command in @arguments, that this is why it is not written.
 */
bool is_table_alias(const struct kernel *kernel, const struct arguments *arguments, vaddr_t va);

#endif /* PAGODA_INSPECT_H */
