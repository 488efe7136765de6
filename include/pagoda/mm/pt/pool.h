/* SPDX-License-Identifier: MIT */
/*
 * The memory that tables come from, and go back to. Bounded: that there is none left is an answer.
 * Pure: any world, MMU on or off, and the host.
 */
#ifndef PAGODA_POOL_H
#define PAGODA_POOL_H

#include <pagoda/lib/lock.h>

struct space; /* pagoda/mm/pt/space.h */

/*
 * Memory for tables, a granule each: [start, end), handed out from the front, and a list of those
 * that were given back or added. The list goes first.
 */
struct table_pool {
	paddr_t start, next, end; /* multiples of the granule */
	paddr_t free; /* each table on the list holds the address of the next in its first word */
	u32 free_count;
	u32 added; /* tables that are not in [start, end) */
	/*
	 * Slots of the table that map_range() made last which nobody has used yet, so that it need
	 * not look. Here, since all spaces of a pool, and copies of them, share it.
	 */
	paddr_t untouched, untouched_end;
	/*
	 * The count of a table's descriptors that are not zero, a u32: that of the table in frame n
	 * is at counts + n * counts_stride, modulo 2^64; in [early, end), which nobody had taken
	 * when counting began, in early_counts by number. No table has one where the stride is 0,
	 * nor do those that there were before: in [start, early) and in [bare, bare_end).
	 */
	u64 counts, counts_stride;
	u32 *early_counts;
	paddr_t early, bare, bare_end;
#if KASAN
	paddr_t shared, shared_end; /* a page, and the tables that lead to it: pt_share() */
	u64 owned; /* tables that are copies of these: pt_own() */
#endif
	/*
	 * Who changes tables that come from here, or all of the above, has it, once there is more
	 * than one CPU: pagoda/mm/pt/change.h takes it. Who only reads tables needs none: a slot is
	 * read at once, and the memory of a table stays one.
	 */
	struct lock lock;
};

/* Tables in use, and tables in all, with tables of @granule bytes. */
static inline u64 pool_used(const struct table_pool *pool, u64 granule)
{
	return paddr_diff(pool->next, pool->start) / granule + pool->added - pool->free_count;
}

static inline u64 pool_total(const struct table_pool *pool, u64 granule)
{
	return paddr_diff(pool->end, pool->start) / granule + pool->added;
}

/* Tables that can be taken before it is empty. */
static inline u64 pool_room(const struct table_pool *pool, u64 granule)
{
	return pool_total(pool, granule) - pool_used(pool, granule);
}

/*
 * pool_give() - back to the pool of @space with a table that no walk reaches any more.
 * pool_add() - more memory for it: [@start, @end), multiples of the granule, which is the pool's
 * from now on. Both write the table's first word, through phys_offset.
 */
void pool_give(struct space *space, paddr_t table);
void pool_add(struct space *space, paddr_t start, paddr_t end);

/*
 * pool_count() - from now on tables that are added have counts, or again, after a @stride of 0: see
 * struct table_pool. Those that changed meanwhile are to be counted by pt_count().
 * pool_count_early() - so have those that nobody has taken yet, in @counts: one a granule of them.
 */
void pool_count(struct table_pool *pool, u64 counts, u64 stride);
void pool_count_early(struct table_pool *pool, u32 *counts);

#endif /* PAGODA_POOL_H */
