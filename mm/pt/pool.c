// SPDX-License-Identifier: MIT
/*
 * The pool that tables come from.
 * Runs in the early runtime with the MMU off, in the kernel with the MMU on, and on the host. May
 * not use: absolute addresses, .bss, instructions a host compiler cannot build.
 */
#include "tables.h"

void pool_give(struct space *space, paddr_t table)
{
	struct table_pool *pool = space->pool;

	if (paddr_diff(pool->untouched, table) < regime_granule(&space->regime))
		pool->untouched = pool->untouched_end;
	slot_note(slot_at(space, table), pool->free);
	pool->free = table;
	pool->free_count++;
}

void pool_count(struct table_pool *pool, u64 counts, u64 stride)
{
	pool->counts = counts;
	pool->counts_stride = stride;
}

void pool_count_early(struct table_pool *pool, u32 *counts)
{
	pool->early = pool->next;
	pool->early_counts = counts;
}

/* Around all that was added while there were no counts; what is in between has none either. */
static void bare_add(struct table_pool *pool, paddr_t start, paddr_t end)
{
	bool none = pool->bare.value == pool->bare_end.value;

	if (none || start.value < pool->bare.value)
		pool->bare = start;
	if (none || end.value > pool->bare_end.value)
		pool->bare_end = end;
}

void pool_add(struct space *space, paddr_t start, paddr_t end)
{
	u64 granule = regime_granule(&space->regime);

	if (space->pool->counts_stride == 0)
		bare_add(space->pool, start, end);

	/* Backwards, so that the lowest is taken first. */
	for (u64 table = end.value; table != start.value; table -= granule)
		pool_give(space, paddr(table - granule));
	space->pool->added += paddr_diff(end, start) / granule;
}

/* A granule of memory, whatever is in it. */
static bool pool_take(struct space *space, paddr_t *table)
{
	struct table_pool *pool = space->pool;
	u64 granule = regime_granule(&space->regime);

	if (pool->free_count != 0) {
		*table = pool->free;
		pool->free = slot_noted(slot_at(space, *table));
		pool->free_count--;
		return true;
	}
	if (paddr_diff(pool->end, pool->next) < granule)
		return false;
	*table = pool->next;
	pool->next = paddr_add(pool->next, granule);
	return true;
}

bool table_create(struct space *space, int level, paddr_t *table)
{
	u32 *count;

	if (!pool_take(space, table))
		return false;
	slots_clear(slot_at(space, *table), regime_entries(&space->regime, level));
	count = table_count(space, *table);
	if (count)
		*count = 0;
	return true;
}
