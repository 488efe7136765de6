/* SPDX-License-Identifier: MIT */
/*
 * What both halves of the list of physical memory ranges share: memory_map.c, memory_insert.c and
 * memory_find.c.
 */
#ifndef PAGODA_MEMORY_RANGE_H
#define PAGODA_MEMORY_RANGE_H

#include <pagoda/mm/layout/memory_map.h>

/*
 * Range @index with all of the pages that it has a part of. In the last page there is, the last
 * bytes do not matter.
 */
static inline struct memory_range range_pages(const struct memory_map *map, u32 index)
{
	struct memory_range range = map->range[index];
	u64 end = align_up(range.end.value, map->granule);

	range.start.value = align_down(range.start.value, map->granule);
	range.end.value = end != 0 ? end : -map->granule;
	return range;
}

/* Into its place, with those of its kind that it overlaps or adjoins: the list stays normalised. */
void range_insert(struct memory_map *map, struct memory_range range);

/* Inwards to whole pages. False where none is left. */
static inline bool range_shrink(struct memory_range *range, u64 granule)
{
	u64 start = align_up(range->start.value, granule);

	if (start < range->start.value)
		return false;
	range->start.value = start;
	range->end.value = align_down(range->end.value, granule);
	return range->start.value < range->end.value;
}

/* The pages around all that is not RAM. */
void find_others(struct memory_map *map);

#endif /* PAGODA_MEMORY_RANGE_H */
