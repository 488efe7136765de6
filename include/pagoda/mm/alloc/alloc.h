/* SPDX-License-Identifier: MIT */
/*
 * The kernel's allocators as one value. MMU on, after the linear map. Any CPU at any time.
 */
#ifndef PAGODA_MM_ALLOC_H
#define PAGODA_MM_ALLOC_H

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
 * alloc_is_table() - @pa is in memory that page tables come from, in use or not: the Image's pool,
 * what of @map the linear map's tables were built in, or pages that @alloc, where there is one,
 * gave to the pool. Nobody but mm/pt may write there: the walker reads it at any time, and what it
 * reads may make text writable. @map is normalised.
 */
bool alloc_is_table(struct alloc *alloc, const struct table_pool *pool,
		    const struct memory_map *map, paddr_t pa);

#endif /* PAGODA_MM_ALLOC_H */
