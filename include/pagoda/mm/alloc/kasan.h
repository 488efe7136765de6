/* SPDX-License-Identifier: MIT */
/*
 * What the allocators do in the KASAN build, and nothing in the ordinary one: real shadow for
 * what they hand out, gaps behind it, and memory that stays poisoned for a while once it was given
 * back. Kernel, MMU on, and the host. Any CPU at any time.
 *
 * An object of the heap has a tail at the end of what the heap thinks is the object, out of reach:
 *
 *     | asked for | gap, 16 bytes or more | struct kasan_tail |
 */
#ifndef PAGODA_ALLOC_KASAN_H
#define PAGODA_ALLOC_KASAN_H

#include <pagoda/mm/alloc/vmalloc.h>
#include <pagoda/mm/check/kasan.h>

#define KASAN_GAP 16 /* behind an object of the heap, at least */

enum kasan_life {
	KASAN_LIVE = 0x6c697665,
	KASAN_RETIRED = 0x66726565,
};

struct kasan_tail {
	u32 life; /* enum kasan_life */
	u32 size; /* what was asked for */
	struct kasan_trace allocated, freed;
};

/* An object of the heap, found by an address in it or in the gap behind it. */
struct kasan_object {
	u64 start, room; /* all that the heap has for it */
	const struct kasan_tail *tail;
};

/* kasan_object_at() - whether @address is in an object that is, or was, somebody's. */
bool kasan_object_at(struct heap *heap, u64 address, struct kasan_object *object);

/*
 * kasan_pages() - pages of RAM that the shadow of [@start, @end) of the linear map lacks, and
 * kasan_tables() tables for it, at most. kasan_back_linear() - give it them, from @backing on,
 * cleared. The pool has the tables, and the caller its lock; nobody uses that memory yet.
 */
u64 kasan_pages_count(struct space *space, u64 start, u64 end);
u64 kasan_tables_count(struct space *space, u64 start, u64 end);
bool kasan_back_linear(struct space *space, u64 start, u64 end, paddr_t backing);

static inline u64 kasan_pages(struct space *space, u64 start, u64 end)
{
	return KASAN ? kasan_pages_count(space, start, end) : 0;
}

static inline u64 kasan_tables(struct space *space, u64 start, u64 end)
{
	return KASAN ? kasan_tables_count(space, start, end) : 0;
}

/*
 * kasan_block_open() - the block of pages that @page is the first of is somebody's: @size bytes
 * from @start on in the linear map. kasan_block_close(): nobody's.
 */
void kasan_block_open(struct page *page, u64 start, u64 size);
void kasan_block_close(struct page *page, u64 start, u64 size);

/*
 * kasan_back_area() - shadow for an area of vmalloc's, which nobody uses yet, and @size bytes of it
 * may be accessed.
 */
enum vmalloc_result kasan_back_area(struct vmalloc *vmalloc, const struct vmalloc_area *area,
				    u64 size);

static inline enum vmalloc_result kasan_area(struct vmalloc *vmalloc,
					     const struct vmalloc_area *area, u64 size)
{
	return KASAN ? kasan_back_area(vmalloc, area, size) : VMALLOC_OK;
}

/* kasan_heap_size() - what to take from the heap for @size bytes. */
static inline size_t kasan_heap_size(size_t size)
{
	if (!KASAN)
		return size;
	return align_up(size, KASAN_GRAIN) + KASAN_GAP + sizeof(struct kasan_tail);
}

/* kasan_heap_new() - @object, of @room bytes and cleared, is somebody's: @size bytes of it. */
void kasan_heap_new(void *object, size_t size, u64 room);

/*
 * kasan_heap_retire() - before *@object goes back: true, and it is what goes back now, another one
 * mostly; or false, and *@result is what became of it. Reports what is no object, or was freed.
 */
bool kasan_heap_retire(struct heap *heap, void **object, enum heap_result *result);

/* heap_free_now() - heap_free() as it is without all that. */
enum heap_result heap_free_now(struct heap *heap, void *object);

/* kasan_kept() - bytes of pages that shadow has taken, and keeps, since the heap began. */
u64 kasan_kept(struct heap *heap);

/* kasan_heap_settle() - all that still waits goes back: for who counts what is free. */
void kasan_heap_settle(struct heap *heap);

#endif /* PAGODA_ALLOC_KASAN_H */
