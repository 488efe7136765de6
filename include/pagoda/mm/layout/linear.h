/* SPDX-License-Identifier: MIT */
/*
 * The linear map: all usable RAM at one distance from its physical address.
 * Pure: the kernel with the MMU on, and the host.
 */
#ifndef PAGODA_LINEAR_H
#define PAGODA_LINEAR_H

#include <pagoda/mm/layout/image.h>
#include <pagoda/mm/layout/memory_map.h>
#include <pagoda/mm/layout/layout.h>
#include <pagoda/mm/pt/pagetable.h>

struct linear {
	u64 offset; /* add it to a physical address, modulo 2^64, for its virtual one */
	paddr_t start, end; /* the physical addresses that the window reaches */
	u64 random; /* of the offset: what the seed added */
};

/* Where @pa is in the linear map. */
static inline vaddr_t linear_va(const struct linear *linear, paddr_t pa)
{
	return vaddr(pa.value + linear->offset);
}

static inline void *linear_pointer(const struct linear *linear, paddr_t pa)
{
	return vaddr_pointer(linear_va(linear, pa));
}

/*
 * linear_place() - choose where in @window the RAM of @map goes: normalised, and all of it below
 * the end of the output size. The lowest RAM, rounded down to what the largest leaves in use need,
 * is at the start of the window; @seed, where it is not 0, moves that by what RAM leaves of it. The
 * image, which must stay reachable, decides where the window cannot reach all RAM.
 */
struct linear linear_place(const struct regime *regime, const struct layout_region *window,
			   const struct memory_map *map, const struct image *image, u64 seed);

/* A stretch of physical memory that the linear map maps with one permission. */
struct linear_piece {
	paddr_t start, end;
	enum mem_prot prot;
};

/*
 * linear_next() - the first such stretch that ends above @from, cut off at @from. RAM is
 * read-write, the image's text and rodata read-only; what only the early runtime needed and
 * `no-map` memory belong to none. False past the end.
 */
bool linear_next(const struct memory_map *map, const struct image *image, u64 from,
		 struct linear_piece *piece);

/* linear_tables() - as many tables as linear_map() takes where there are none yet but the root. */
u64 linear_tables(const struct regime *regime, const struct linear *linear,
		  const struct memory_map *map, const struct image *image);

/* linear_map() - map every piece. The caller publishes. */
enum map_result linear_map(struct space *space, const struct linear *linear,
			   const struct memory_map *map, const struct image *image);

#endif /* PAGODA_LINEAR_H */
