/* SPDX-License-Identifier: MIT */
/*
 * Physical memory as a bounded list of ranges. Pure: any world, MMU on or off, and the host.
 */
#ifndef PAGODA_MEMORY_MAP_H
#define PAGODA_MEMORY_MAP_H

#include <pagoda/types.h>

#define MEMORY_RANGES_MAX 128

enum memory_kind {
	MEMORY_RAM,
	MEMORY_RESERVED, /* by the FDT: /memreserve/ and /reserved-memory */
	MEMORY_IMAGE,
	MEMORY_FDT,
};

const char *memory_kind_str(enum memory_kind kind);

struct memory_range {
	paddr_t start, end; /* end exclusive */
	enum memory_kind kind;
};

/* Ranges in the order they were found; RAM and what lies in it stand side by side. */
struct memory_map {
	u32 count;
	u32 dropped; /* ranges that wrap, or that there was no room for */
	struct memory_range range[MEMORY_RANGES_MAX];
};

/* memory_add() - append [@start, @start + @size). Nothing where @size is 0. */
void memory_add(struct memory_map *map, u64 start, u64 size, enum memory_kind kind);

/*
 * memory_limit() - cut RAM to @limit bytes in all, the first ranges first (mem=), and below
 * @pa_end, the first address that cannot be reached. Returns the bytes of RAM that went.
 */
u64 memory_limit(struct memory_map *map, u64 limit, u64 pa_end);

/* memory_total() - bytes of RAM. */
u64 memory_total(const struct memory_map *map);

#endif /* PAGODA_MEMORY_MAP_H */
