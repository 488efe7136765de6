/* SPDX-License-Identifier: MIT */
/*
 * The kernel's allocators as one value. MMU on, after the linear map. One caller at a time.
 */
#ifndef PAGODA_MM_ALLOC_H
#define PAGODA_MM_ALLOC_H

#include <pagoda/mm/alloc/vmalloc.h>
#include <pagoda/mm/layout/memory_map.h>

/* Pieces of free RAM: at most one before each memory range, and one in it. */
#define ALLOC_RANGES_MAX (2 * MEMORY_RANGES_MAX)

struct alloc {
	struct buddy buddy;
	struct heap heap;
	struct vmalloc vmalloc;
	u32 ranges_refused; /* pieces of RAM that the page allocator would not take */
	struct buddy_range ranges[ALLOC_RANGES_MAX];
};

#endif /* PAGODA_MM_ALLOC_H */
