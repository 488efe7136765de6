/* SPDX-License-Identifier: MIT */
/*
 * Changes of live mappings, by the rules of break-before-make (DDI 0487 D8.14.1): what stands at an
 * address may lose or gain permissions in one store, but for execution, which goes as everything
 * else changes: for another size, address, type or contiguous hint, or a table in place of a block,
 * it must be invalid in between, and no TLB may remember it. A caller cannot get that wrong: what
 * only adds refuses what is mapped with MAP_CONFLICT; the others do the rest, maintenance of the
 * TLB included.
 *
 * While a mapping is broken, it is not there. Whoever runs on it, or needs it, must not ask; that
 * it does not hold the very descriptors is checked: MAP_LIVE.
 *
 * Any CPU at any time: each takes the lock of the space's pool, so there is one change at a time of
 * all spaces that share it. tlb_invalidate() reaches all CPUs before the lock is dropped, and so
 * before memory that was mapped, or a table, can be anybody else's.
 *
 * Each does all or nothing, but for running out of tables in none but pt_split(), which then has
 * changed nothing. Pure, but for tlb_invalidate() and tables_publish(): the kernel, and the host.
 */
#ifndef PAGODA_CHANGE_H
#define PAGODA_CHANGE_H

#include <pagoda/mm/pt/pagetable.h>
#include <pagoda/mm/pt/tlb.h>

/*
 * pt_unmap() - unmap [@start, @end), all of which is mapped in whole leaves and runs:
 * MAP_NOT_MAPPED and MAP_SPLIT say where not. Tables that become empty go back to the pool.
 */
enum map_result pt_unmap(struct space *space, vaddr_t start, vaddr_t end);

/*
 * pt_map() - map_range(), and where that fails, what it has mapped is taken back, and the tables it
 * made for that. What was there before stays, even where it is the very same mapping.
 */
enum map_result pt_map(struct space *space, const struct map_request *request);

/*
 * pt_clear() - the same as pt_unmap(), but the tables stay: to find those that are empty costs more
 * than the rest, which a boot has no time for.
 */
enum map_result pt_clear(struct space *space, vaddr_t start, vaddr_t end);

/* pt_protect() - give [@start, @end), the same as for pt_unmap(), another permission. */
enum map_result pt_protect(struct space *space, vaddr_t start, vaddr_t end, enum mem_prot prot);

/*
 * pt_split() - one step down for what maps @va: a contiguous run becomes single leaves, a block a
 * table of leaves of the next level, in runs where they can be. MAP_SPLIT for a single page.
 */
enum map_result pt_split(struct space *space, vaddr_t va);

/*
 * pt_merge() - one step up: the leaves around @va become a contiguous run or, where they are one
 * throughout the table, a block in its place. MAP_UNEVEN where neither can be.
 */
enum map_result pt_merge(struct space *space, vaddr_t va);

#endif /* PAGODA_CHANGE_H */
