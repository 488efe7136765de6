/* SPDX-License-Identifier: MIT */
/*
 * Physical memory as a bounded list of ranges. The early runtime only collects what the FDT says;
 * the kernel then normalises the list, once, and reads it piece by piece.
 * Pure: any world, MMU on or off, and the host.
 */
#ifndef PAGODA_MEMORY_MAP_H
#define PAGODA_MEMORY_MAP_H

#include <pagoda/types.h>

#define MEMORY_BANKS_MAX 512 /* of RAM, */
#define MEMORY_OTHERS_MAX 64 /* of what lies in it by the FDT, */
#define MEMORY_OWN_MAX 8 /* and of what memory_add_own() adds */
#define MEMORY_RANGES_MAX (MEMORY_BANKS_MAX + MEMORY_OTHERS_MAX + MEMORY_OWN_MAX)

/* Where ranges overlap, the later of these words has the last one. */
enum memory_kind {
	MEMORY_RAM,
	MEMORY_RESERVED, /* by the FDT: /memreserve/ and /reserved-memory */
	MEMORY_FDT,
	MEMORY_INITRD, /* /chosen/linux,initrd-start and -end */
	MEMORY_TABLES, /* page tables of the linear map, and of KASAN's first shadow */
#if KASAN
	MEMORY_SHADOW, /* the first pages of that */
#endif
	MEMORY_NOMAP, /* /reserved-memory with no-map: in no map, ever */
	MEMORY_IMAGE,
	MEMORY_KIND_COUNT,
};

const char *memory_kind_str(enum memory_kind kind);

struct memory_range {
	paddr_t start, end; /* end exclusive */
	enum memory_kind kind;
};

/* RAM and what lies in it stand side by side; in the order they were found, until normalised. */
struct memory_map {
	u32 count;
	u32 banks; /* of those, RAM, as long as they are being added */
	u32 dropped; /* ranges that wrap, and RAM that there was no room for */
	u32 unprotected; /* ranges other than RAM that there was no room for: nothing may boot */
	/*
	 * Once normalised: the pages that the kernel sees, all that is not RAM lies in some from
	 * others_start to others_end, and where each kind begins.
	 */
	u64 granule, others_start, others_end;
	u32 first[MEMORY_KIND_COUNT + 1];
	struct memory_range range[MEMORY_RANGES_MAX]; /* those above count hold anything */
};

/*
 * memory_begin() - an empty list, whatever was in memory.
 */
static inline void memory_begin(struct memory_map *map)
{
	map->count = map->banks = map->dropped = map->unprotected = 0;
}

/*
 * memory_add() - append [@start, @start + @size), from the FDT. Nothing where @size is 0.
 * memory_add_own() - put what the kernel knows by itself in its place in a list that is normalised,
 * and stays so. At most MEMORY_OWN_MAX times.
 * memory_take_out() - in such a list, [@start, @end) is no longer of @kind, which it was in one
 * range; counts as once more.
 */
void memory_add(struct memory_map *map, u64 start, u64 size, enum memory_kind kind);
void memory_add_own(struct memory_map *map, u64 start, u64 size, enum memory_kind kind);
void memory_take_out(struct memory_map *map, u64 start, u64 end, enum memory_kind kind);

/*
 * memory_normalise() - sort the list by kind and address, and join ranges of one kind that overlap
 * or adjoin. RAM shrinks to whole pages of @granule; all else stands as it was, and counts for
 * every page that it has a part of. Returns how many ranges of RAM overlapped another.
 */
u32 memory_normalise(struct memory_map *map, u64 granule);

/*
 * memory_limit() - cut RAM to @limit bytes in all, the lowest first. memory_cut() - cut RAM to what
 * lies in [@start, @end). Both return the bytes of RAM that went; the list is normalised.
 */
u64 memory_limit(struct memory_map *map, u64 limit);
u64 memory_cut(struct memory_map *map, u64 start, u64 end);

/* memory_total() - bytes of RAM; they count twice where a list that is not normalised overlaps. */
u64 memory_total(const struct memory_map *map);

/*
 * memory_next() - the first piece of RAM that ends above @from, cut off at @from, into @piece: a
 * maximal stretch in which the same kind has the last word. False past the end of RAM. The list is
 * normalised. To visit all: from 0, then from each piece's end.
 */
bool memory_next(const struct memory_map *map, u64 from, struct memory_range *piece);

/*
 * memory_step() - the same for those who visit all: @bank, 0 at first, remembers where in the list
 * @from is.
 */
bool memory_step(const struct memory_map *map, u32 *bank, u64 from, struct memory_range *piece);

/*
 * memory_may_map_device() - nothing of [@start, @start + @size) is RAM, whatever lies in it, nor is
 * the range empty or wraps. In RAM nobody has registers, and what the linear map shows must not be
 * mapped as Device memory beside it. The list need not be normalised.
 */
bool memory_may_map_device(const struct memory_map *map, paddr_t start, u64 size);

/*
 * memory_is_unmapped() - the same of what may be shown once the linear map is there: RAM with
 * no-map, which is in no map, may be somebody's, as frame buffers are on phones. The list is
 * normalised.
 */
bool memory_is_unmapped(const struct memory_map *map, paddr_t start, u64 size);

/* @size bytes in one piece, aligned to @align, below @end. */
struct memory_request {
	u64 size, align, end;
};

/*
 * memory_find() - the lowest RAM that nothing lies in and that is as @request wants it, into
 * @place. Where there is none: false, and the size of the largest such piece there is in @largest.
 */
bool memory_find(const struct memory_map *map, const struct memory_request *request, paddr_t *place,
		 u64 *largest);

#endif /* PAGODA_MEMORY_MAP_H */
