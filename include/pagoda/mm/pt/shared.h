/* SPDX-License-Identifier: MIT */
/*
 * Shared tables: a range of any size mapped to one page, through one table a level. All entries of
 * such a table are the same, whoever links to it, so the tree is none any more, but each table is
 * one all the same. Only in the KASAN build, and there at most once in a pool: they are the pool's.
 *
 *     root, and own tables     at level 3, a page, and
 *     where the range begins   up to the one below the first
 *     or ends in one           link, a table: all its entries
 *     [ ..  x  x  x  x  .. ] ------> [ x x x x ] --> [ x x x x ] --> the page
 *
 * Pure, but for pt_own(), which changes a live map: MMU off or on, and the host.
 */
#ifndef PAGODA_SHARED_H
#define PAGODA_SHARED_H

#include <pagoda/mm/pt/pagetable.h>

/* Tables and the page that pt_share() takes from the pool, at most: the same for any range. */
#define PT_SHARE_MAX 7

/*
 * pt_share() - map [@start, @end), multiples of the granule where nothing is mapped, to a page of
 * zeroes, read-write. Returns MAP_OK, MAP_NO_TABLES, or MAP_CONFLICT with what was done left. The
 * space has no shared tables yet, its pool no list of free ones, and it is in no TLB.
 */
enum map_result pt_share(struct space *space, vaddr_t start, vaddr_t end);

/* pt_shared_tables() - how many there are, and pt_shared_page() the page. */
u64 pt_shared_tables(const struct space *space);
paddr_t pt_shared_page(const struct space *space);

/*
 * pt_entry_is_shared() - @entry leads to a shared table, or to their page. pt_shared_pages() - of
 * these tables the one that leads to the page: no other has leaves.
 */
bool pt_entry_is_shared(const struct space *space, const struct pt_entry *entry);
paddr_t pt_shared_pages(const struct space *space);

/*
 * pt_shared_protect() - what shared tables lead to is read-only from now on. Tables that pt_own()
 * has copied before are not changed. The boot CPU alone.
 */
void pt_shared_protect(struct space *space);

/*
 * pt_run_is_shared() - all of @run leads to the shared page, through shared tables or not. Who can
 * write it has it by another name: the linear map's.
 */
static inline bool pt_run_is_shared(const struct space *space, const struct pt_run *run)
{
	return run->kind == PTE_TABLE ||
	       (run->kind == PTE_PAGE && pt_shared_tables(space) != 0 &&
		run->info.pa.value == pt_shared_page(space).value && !run->info.write);
}

/* pt_is_shared() - @va is mapped, and to the shared page; after pt_shared_protect(). */
bool pt_is_shared(const struct space *space, vaddr_t va);

/*
 * pt_own() - at @va, which was shared, @page instead, read-write: the tables on the way there
 * become copies, and what they were is in no TLB any more. Break before make: while it lasts, what
 * the largest of them translates is not mapped, so nobody may be there, but for this routine.
 * MAP_OK; MAP_NO_TABLES with some done, for another try; MAP_CONFLICT where it was not shared.
 * The caller has the lock of the pool.
 */
enum map_result pt_own(struct space *space, vaddr_t va, paddr_t page);

#endif /* PAGODA_SHARED_H */
