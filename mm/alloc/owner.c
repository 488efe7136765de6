// SPDX-License-Identifier: MIT
/*
 * Whose a page is, for those who are about to write to it on somebody's word.
 * Runs in the kernel, MMU on, with the linear map, and on the host.
 */
#include <pagoda/mm/alloc/alloc.h>

static bool pool_holds(const struct table_pool *pool, paddr_t pa)
{
	return paddr_diff(pa, pool->start) < paddr_diff(pool->end, pool->start);
}

/* What of RAM the linear map's tables were built in. */
static bool map_holds(const struct memory_map *map, paddr_t pa)
{
	struct memory_range piece;

	return memory_next(map, pa.value, &piece) && piece.start.value == pa.value &&
	       piece.kind == MEMORY_TABLES;
}

static bool buddy_holds(struct buddy *buddy, paddr_t pa)
{
	u64 frame;
	const struct page *page = buddy_block(buddy, pa, &frame);

	return page && page->state == PAGE_TABLE;
}

bool alloc_is_table(struct alloc *alloc, const struct table_pool *pool,
		    const struct memory_map *map, paddr_t pa)
{
	return pool_holds(pool, pa) || map_holds(map, pa) ||
	       (alloc && buddy_holds(&alloc->buddy, pa));
}
