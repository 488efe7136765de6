/* SPDX-License-Identifier: MIT */
/*
 * A small heap for the kernel's own objects: power-of-two sizes, cut from single pages of the page
 * allocator; whole blocks of it above half a page. An empty page goes back at once. Kernel, MMU on,
 * and the host. Any CPU at any time.
 */
#ifndef PAGODA_HEAP_H
#define PAGODA_HEAP_H

#include <pagoda/mm/alloc/buddy.h>

#define HEAP_SHIFT_MIN 4 /* 16 bytes */
#define HEAP_SHIFT_MAX 15 /* 32 KiB, half of the largest page */

enum heap_result {
	HEAP_OK,
	HEAP_EXHAUSTED,
	HEAP_TOO_LARGE, /* more than the largest block of pages */
	HEAP_DOUBLE_FREE,
	HEAP_NOT_AN_OBJECT, /* freed: no address that heap_alloc() has returned */
};

/* KASAN keeps so many objects from being anybody's again. */
#define HEAP_RETIRED_MAX 256

struct heap {
	struct buddy *buddy;
	u64 partial[HEAP_SHIFT_MAX + 1]; /* by size: frames of pages with room, or FRAME_NONE */
	u64 objects; /* given out */
	struct lock lock; /* both, and what struct pages say of objects */
#if KASAN
	void *retired[HEAP_RETIRED_MAX]; /* freed, but not free yet: a ring of retired_count, */
	u32 retired_first, retired_count; /* the oldest at retired_first */
	u64 kept; /* bytes of pages that are vmalloc's shadow, and stay that, or tables for it */
#endif
};

void heap_init(struct heap *heap, struct buddy *buddy);

/*
 * heap_alloc() - @size bytes, cleared, at a multiple of the power of two that holds them, at most
 * the page size. 0 counts as 1.
 */
enum heap_result heap_alloc(struct heap *heap, size_t size, void **object);

/*
 * heap_free() - give @object back. Anything but an object changes nothing, and says so; in the
 * KASAN build it is reported, which is the end.
 */
enum heap_result heap_free(struct heap *heap, void *object);

#endif /* PAGODA_HEAP_H */
