/* SPDX-License-Identifier: MIT */
/*
 * struct page, the metadata of one page of RAM, and the array of them in vmemmap. The array is
 * populated piece by piece, for RAM that is handed to the page allocator and not before. Kernel,
 * MMU on, and the host.
 *
 * A frame is a physical address divided by the page size.
 */
#ifndef PAGODA_PAGE_H
#define PAGODA_PAGE_H

#include <pagoda/mm/check/kasan.h>
#include <pagoda/mm/layout/layout.h>
#include <pagoda/mm/pt/pagetable.h>

/* Zero is what a new array holds: pages then are nothing until they are made something. */
enum page_state {
	PAGE_BODY, /* not the first of a block: the block's first page speaks for it */
	PAGE_FREE, /* the first page of a block in the page allocator's lists */
	PAGE_USED, /* the first page of a block that somebody has */
	PAGE_HEAP_OBJECTS, /* a page that the heap has cut into objects of one size */
	PAGE_HEAP_BLOCK, /* the first page of a block that the heap has given out whole */
	PAGE_TABLE, /* a page of the pool of page tables, which it never leaves */
};

/* next and prev: frames of the list that the block is in, or FRAME_NONE. */
struct page {
	u8 state; /* enum page_state, in a byte */
	u8 order; /* of the block: 2^order pages */
	u8 object_shift; /* PAGE_HEAP_OBJECTS, and the two offsets */
	u32 used; /* PAGE_HEAP_OBJECTS: of those; PAGE_TABLE: descriptors that are not zero */
	u32 object_free,
		object_fresh; /* offsets: the first of the free list, the first never used */
	u64 next, prev;
#if KASAN
	s32 allocated[KASAN_TRACE_SHORT], freed[KASAN_TRACE_SHORT]; /* the first page's: by whom */
#endif
};

/* The smallest struct page that a layout is made for. */
_Static_assert(sizeof(struct page) <= 56, "an array of 56 bytes an entry would overlap");

#define FRAME_NONE (~(u64)0)

struct vmemmap {
	struct space *space; /* that translates it */
	u64 base; /* address of frame 0's struct page, modulo 2^64; frame 0 need not have one */
	u64 stride; /* bytes from one struct page to the next; need not be a power of two */
	u64 pointer_offset; /* add it to an address for a pointer: 0 on the machine */
};

/*
 * vmemmap_make() - @layout's array of structs of @stride bytes. @linear_offset: what is added to a
 * physical address, modulo 2^64, for its address in the linear map.
 */
struct vmemmap vmemmap_make(struct space *space, const struct layout *layout, u64 stride,
			    u64 linear_offset);

/* vmemmap_page() - the metadata of @frame, which was handed over. */
static inline struct page *vmemmap_page(const struct vmemmap *vmemmap, u64 frame)
{
	u64 address = vmemmap->base + frame * vmemmap->stride;

	return (struct page *)(uintptr_t)(address + vmemmap->pointer_offset);
}

/*
 * Lists of blocks, through their first pages: push() puts @frame in front of @head, unlink() takes
 * it out.
 */
void page_list_push(const struct vmemmap *vmemmap, u64 *head, u64 frame);
void page_list_unlink(const struct vmemmap *vmemmap, u64 *head, u64 frame);

/* vmemmap_range() - where the metadata of [@frame, @end) stands: whole pages around it. */
struct layout_region vmemmap_range(const struct vmemmap *vmemmap, u64 frame, u64 end);

/* vmemmap_missing() - pages of RAM it takes to populate the array for [@frame, @end). */
u64 vmemmap_missing(const struct vmemmap *vmemmap, u64 frame, u64 end);

/*
 * vmemmap_populate() - map what is missing of the array for [@frame, @end) to the memory from
 * @backing on, which has been cleared. The space's pool has the tables it takes. The caller
 * publishes.
 */
enum map_result vmemmap_populate(const struct vmemmap *vmemmap, u64 frame, u64 end,
				 paddr_t backing);

#endif /* PAGODA_PAGE_H */
