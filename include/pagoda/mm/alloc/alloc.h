/* SPDX-License-Identifier: MIT */
/*
 * The kernel's allocators as one value. MMU on, after the linear map. Any CPU at any time.
 */
#ifndef PAGODA_MM_ALLOC_H
#define PAGODA_MM_ALLOC_H

#include <pagoda/mm/alloc/kasan.h>
#include <pagoda/mm/alloc/vmalloc.h>
#include <pagoda/mm/layout/memory_map.h>

/* Pieces of free RAM: at most one before each memory range, and one in it. */
#define ALLOC_RANGES_MAX (2 * MEMORY_RANGES_MAX)

/* Tables of the Image's pool that are counted: all of them, in 2 MiB of 4K pages. */
#define ALLOC_EARLY_MAX 512

struct alloc {
	struct buddy buddy;
	struct heap heap;
	struct vmalloc vmalloc;
	u32 ranges_refused; /* pieces of RAM that the page allocator would not take */
	u32 early_counts[ALLOC_EARLY_MAX];
	struct buddy_range ranges[ALLOC_RANGES_MAX];
};

/*
 * For who compares what is in use before and after. alloc_settle() - what KASAN keeps of freed
 * objects goes back. alloc_used() - the same, and bytes of pages that somebody has, without shadow
 * and tables for it, of which alloc_kept_tables() is the number. In the ordinary build that is
 * nothing, buddy_usage()'s used, and 0.
 */
static inline void alloc_settle(struct alloc *alloc)
{
	if (KASAN)
		kasan_heap_settle(&alloc->heap);
}

static inline u64 alloc_used(struct alloc *alloc)
{
	if (KASAN) {
		kasan_heap_settle(&alloc->heap);
		return buddy_usage(&alloc->buddy).used - kasan_kept(&alloc->heap);
	}
	return buddy_usage(&alloc->buddy).used;
}

static inline u64 alloc_kept_tables(const struct table_pool *pool)
{
#if KASAN
	return pool->owned;
#endif
	(void)pool;
	return 0;
}

/*
 * alloc_is_table() - @pa is in memory that page tables come from, in use or not: the Image's pool,
 * what of @map the linear map's tables were built in, or pages that @alloc, where there is one,
 * gave to the pool. Nobody but mm/pt may write there: the walker reads it at any time, and what it
 * reads may make text writable. @map is normalised.
 */
bool alloc_is_table(struct alloc *alloc, const struct table_pool *pool,
		    const struct memory_map *map, paddr_t pa);

#endif /* PAGODA_MM_ALLOC_H */
