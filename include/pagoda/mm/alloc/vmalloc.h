/* SPDX-License-Identifier: MIT */
/*
 * Virtually contiguous mappings in the layout's vmalloc region: of pages from the allocator, and of
 * device registers. Each is followed by a page that is never mapped; the image, which lies in the
 * same region, is one of the areas. Kernel, MMU on, and the host. Any CPU at any time.
 */
#ifndef PAGODA_VMALLOC_H
#define PAGODA_VMALLOC_H

#include <pagoda/mm/alloc/heap.h>
#include <pagoda/mm/layout/memory_map.h>
#include <pagoda/mm/pt/pagetable.h>

enum vmalloc_kind {
	VMALLOC_IMAGE,
	VMALLOC_PAGES, /* memory from the page allocator */
	VMALLOC_DEVICE,
};

/* "image", "pages", "device". */
const char *vmalloc_kind_str(enum vmalloc_kind kind);

enum vmalloc_result {
	VMALLOC_OK,
	VMALLOC_BAD_SIZE, /* zero, or it wraps */
	VMALLOC_NO_SPACE, /* no hole in the region is that large */
	VMALLOC_NO_MEMORY, /* the page allocator is exhausted */
	VMALLOC_UNREACHABLE, /* device: above what the output size reaches */
	VMALLOC_IS_RAM, /* device: RAM, which is mapped as Normal memory elsewhere */
	VMALLOC_NOT_AN_AREA, /* freed: no address that was returned */
	VMALLOC_BAD_TABLES, /* the tables do not hold what they should: see map_result */
};

const char *vmalloc_result_str(enum vmalloc_result result);

/* One mapping: [start, end), and behind it a page that nobody may have. */
struct vmalloc_area {
	struct vmalloc_area *next, *previous; /* by ascending address */
	struct vmalloc_area *parent, *left, *right; /* by address: see mm/alloc/areas.c */
	u64 hole, largest; /* bytes free before it; the most before any in the tree it is root of */
	vaddr_t start, end;
	vaddr_t address; /* what the caller was given: in the first page */
	enum vmalloc_kind kind;
	paddr_t pa; /* of start, where that is contiguous: VMALLOC_DEVICE, VMALLOC_IMAGE */
	u64 pages; /* VMALLOC_PAGES: a list of frames, through their struct pages */
	bool busy; /* somebody maps or unmaps it, and nobody else may */
};

struct vmalloc {
	struct space *space;
	struct heap *heap;
	const struct memory_map *memory; /* where no devices are */
	struct layout_region region;
	struct vmalloc_area *areas, *root;
	struct vmalloc_area image, end; /* end: no area, but the tree needs one after the last */
	enum map_result map_result; /* with VMALLOC_BAD_TABLES: the latest */
	struct lock lock; /* the tree and the list, and who makes an area busy */
};

/*
 * vmalloc_init() - nothing but the image, which is mapped in @region from @image_va on, @size bytes
 * of it at @image_pa. The rest of @vmalloc: the caller has set space, heap and
 * memory.
 */
void vmalloc_init(struct vmalloc *vmalloc, struct layout_region region, vaddr_t image_va,
		  paddr_t image_pa, u64 size);

/* vmalloc_alloc() - @size bytes in whole pages, read-write, at @address. They hold anything. */
enum vmalloc_result vmalloc_alloc(struct vmalloc *vmalloc, u64 size, vaddr_t *address);

/* vmalloc_ioremap() - device registers: [@pa, @pa + @size), aligned or not, at @address. */
enum vmalloc_result vmalloc_ioremap(struct vmalloc *vmalloc, paddr_t pa, u64 size,
				    vaddr_t *address);

/*
 * vmalloc_ioremap_hidden() - the same of what a device may share with us in RAM: no-map hides it
 * from the linear map, and from all who do not ask like this.
 */
enum vmalloc_result vmalloc_ioremap_hidden(struct vmalloc *vmalloc, paddr_t pa, u64 size,
					   vaddr_t *address);

/* vmalloc_free() - undo either, by the address it returned. No translation of it is left. */
enum vmalloc_result vmalloc_free(struct vmalloc *vmalloc, vaddr_t address);

/* vmalloc_next() - the first area that ends above @address, as it is now; false where none does. */
bool vmalloc_next(struct vmalloc *vmalloc, vaddr_t address, struct vmalloc_area *area);

/*
 * vmalloc_audit() - true where the areas are in order, found by address, in the region, apart by a
 * guard page that is not mapped, and mapped throughout, unless busy; and nothing else in the region
 * is.
 */
bool vmalloc_audit(struct vmalloc *vmalloc);

#endif /* PAGODA_VMALLOC_H */
