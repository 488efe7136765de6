/* SPDX-License-Identifier: MIT */
/*
 * The areas of a vmalloc region by address, and the holes between them. For mm/ only, which has the
 * region's lock. Kernel, MMU on, and the host.
 */
#ifndef MM_AREAS_H
#define MM_AREAS_H

#include <pagoda/mm/alloc/vmalloc.h>

/* areas_init() - the image, which the caller has filled in, and nothing else. */
void areas_init(struct vmalloc *vmalloc);

/*
 * areas_hole() - the lowest hole of at least @size bytes, as the area that follows it, vmalloc->end
 * at the region's end; of those that follow @last, where that is not a null pointer. A null pointer
 * where there is none.
 */
struct vmalloc_area *areas_hole(const struct vmalloc *vmalloc, struct vmalloc_area *last, u64 size);

/*
 * areas_insert() - take in @area, whose start and end lie in the hole before @after.
 * areas_remove() - take it out.
 */
void areas_insert(struct vmalloc *vmalloc, struct vmalloc_area *area, struct vmalloc_area *after);
void areas_remove(struct vmalloc *vmalloc, struct vmalloc_area *area);

/*
 * areas_find() - the area that @address is in, or a null pointer.
 * areas_next() - the first that ends above @address; vmalloc->end where none does.
 */
struct vmalloc_area *areas_find(const struct vmalloc *vmalloc, vaddr_t address);
struct vmalloc_area *areas_next(const struct vmalloc *vmalloc, vaddr_t address);

/* areas_audit() - true where tree and list agree, and what is known of holes is true. */
bool areas_audit(const struct vmalloc *vmalloc);

#endif /* MM_AREAS_H */
