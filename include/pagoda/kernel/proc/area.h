/* SPDX-License-Identifier: MIT */
/*
 * What of its addresses a program has asked for: a sorted list of areas, each a window on memory,
 * bounded so that a program can cost no more than this. Pure: the kernel, and the host.
 */
#ifndef PAGODA_AREA_H
#define PAGODA_AREA_H

#include <pagoda/types.h>

#define AREAS_MAX 64

struct memory; /* pagoda/kernel/proc/memory.h */

/* [start, end): whole pages, at least one. */
struct area {
	u64 start, end;
	u32 prot; /* Linux's bits; 0: nobody may, and nothing is mapped */
	struct memory *memory;
	u64 first; /* the page of it that start is */
};

struct areas {
	u32 count;
	struct area area[AREAS_MAX]; /* ascending */
};

/* area_from() - the number of the first area that ends above @va; count where none does. */
u32 area_from(const struct areas *areas, u64 va);

/* area_none() - there is nothing of any in [@start, @end). area_all() - there is no hole in it. */
bool area_none(const struct areas *areas, u64 start, u64 end);
bool area_all(const struct areas *areas, u64 start, u64 end);

/* area_hole() - the highest place for @size bytes from @low to @high; false where none is. */
bool area_hole(const struct areas *areas, u64 size, u64 low, u64 high, u64 *start);

/* area_insert() - in its place; false where there is no room. area_remove() - number @index. */
bool area_insert(struct areas *areas, const struct area *area);
void area_remove(struct areas *areas, u32 index);

/*
 * area_cut() - from now on no area reaches across @va; true where one was cut, and its memory has
 * another window on it. There is room.
 */
bool area_cut(struct areas *areas, u64 va, unsigned page_shift);

#endif /* PAGODA_AREA_H */
