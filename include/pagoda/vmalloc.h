/* SPDX-License-Identifier: MIT */
/*
 * Virtually contiguous mappings in the layout's vmalloc region: of pages from the allocator, and of
 * device registers. Each is followed by a page that is not mapped; the image, which lies in the
 * same region, is one of the areas. Kernel, MMU on, and the host.
 */
#ifndef PAGODA_VMALLOC_H
#define PAGODA_VMALLOC_H

#include <pagoda/heap.h>
#include <pagoda/tlb.h>

enum vmalloc_kind {
	VMALLOC_IMAGE,
	VMALLOC_PAGES, /* memory from the page allocator */
	VMALLOC_DEVICE, /* ioremap() */
};

/* "image", "pages", "device". */
const char *vmalloc_kind_str(enum vmalloc_kind kind);

enum vmalloc_result {
	VMALLOC_OK,
	VMALLOC_BAD_SIZE, /* zero, or it wraps */
	VMALLOC_NO_SPACE, /* no hole in the region is that large */
	VMALLOC_NO_MEMORY, /* the page allocator is exhausted */
	VMALLOC_UNREACHABLE, /* ioremap(): above what the output size reaches */
	VMALLOC_IS_RAM, /* ioremap(): RAM, which is mapped as Normal memory elsewhere */
	VMALLOC_NOT_AN_AREA, /* freed: no address that was returned */
	VMALLOC_MAP_FAILED, /* the tables say otherwise: see map_result */
};

const char *vmalloc_result_str(enum vmalloc_result result);

/* One mapping: [start, end), and after it a page that nobody may have. */
struct vmalloc_area {
	struct vmalloc_area *next; /* by ascending address */
	vaddr_t start, end;
	enum vmalloc_kind kind;
	paddr_t pa; /* VMALLOC_DEVICE, VMALLOC_IMAGE */
	u64 pages; /* VMALLOC_PAGES: the first of a list of frames */
};

struct vmalloc {
	struct pt_space *space;
	struct tlb tlb;
	struct heap *heap;
	struct layout_region region;
	struct vmalloc_area *areas;
	struct vmalloc_area image;
	enum map_result map_result; /* of the last call that failed with VMALLOC_MAP_FAILED */
};

/*
 * vmalloc_init() - nothing but @image, at @image_va in @layout's vmalloc region.
 */
void vmalloc_init(struct vmalloc *vmalloc, struct pt_space *space, const struct tlb *tlb,
		  struct heap *heap, struct layout_region region);

/* vmalloc_set_image() - keep clear of [@start, @end), which is mapped already, and its guard. */
void vmalloc_set_image(struct vmalloc *vmalloc, vaddr_t start, vaddr_t end, paddr_t pa);

/* vmalloc_alloc() - at least @size bytes of memory, read-write, at @address; whole pages. */
enum vmalloc_result vmalloc_alloc(struct vmalloc *vmalloc, u64 size, vaddr_t *address);

/*
 * vmalloc_ioremap() - device registers: [@pa, @pa + @size), aligned or not, appear at @address.
 */
enum vmalloc_result vmalloc_ioremap(struct vmalloc *vmalloc, paddr_t pa, u64 size,
				    vaddr_t *address);

/* vmalloc_free() - undo either, by the address it returned. No translation of it is left. */
enum vmalloc_result vmalloc_free(struct vmalloc *vmalloc, vaddr_t address);

#endif /* PAGODA_VMALLOC_H */
