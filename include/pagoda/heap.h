/* SPDX-License-Identifier: MIT */
/*
 * A small heap for the kernel's own objects: power-of-two sizes from 16 bytes up, cut from single
 * pages of the page allocator; whole blocks of it above half a page. An empty page goes back at
 * once. Kernel, MMU on, and the host.
 */
#ifndef PAGODA_HEAP_H
#define PAGODA_HEAP_H

#include <pagoda/buddy.h>

#define HEAP_SHIFT_MIN 4 /* 16 bytes */
#define HEAP_CLASSES 12 /* to 32 KiB, half of a 64K page */

enum heap_result {
	HEAP_OK,
	HEAP_EXHAUSTED,
	HEAP_TOO_LARGE, /* more than the largest block of pages */
	HEAP_DOUBLE_FREE,
	HEAP_NOT_AN_OBJECT, /* freed: no address that heap_alloc() has returned */
};

const char *heap_result_str(enum heap_result result);

struct heap {
	struct buddy *buddy;
	u64 partial[HEAP_CLASSES]; /* frames of pages with a free object, or FRAME_NONE */
};

void heap_init(struct heap *heap, struct buddy *buddy);

/* heap_alloc() - @size bytes, cleared, aligned to the power of two that holds them. 0 counts as 1.
 */
enum heap_result heap_alloc(struct heap *heap, size_t size, void **object);

/* heap_free() - give @object back; a null pointer is nothing to give. */
enum heap_result heap_free(struct heap *heap, void *object);

#endif /* PAGODA_HEAP_H */
