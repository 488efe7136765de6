// SPDX-License-Identifier: MIT
/*
 * The list of physical memory ranges: one more range, also when the kernel's first steps are over.
 * Runs in the kernel and on the host. May not use: what a host compiler lacks.
 */
#include <pagoda/lib/string.h>
#include "memory_range.h"

void find_others(struct memory_map *map)
{
	u64 start = ~(u64)0, end = 0;

	for (u32 kind = MEMORY_RAM + 1; kind < MEMORY_KIND_COUNT; kind++) {
		u32 first = map->first[kind], next = map->first[kind + 1];

		if (first == next)
			continue;
		start = min_u64(start, range_pages(map, first).start.value);
		if (range_pages(map, next - 1).end.value > end)
			end = range_pages(map, next - 1).end.value;
	}
	map->others_start = start;
	map->others_end = end;
}

/* The first range of @kind that ends at @pa or above. */
static u32 range_ending(const struct memory_map *map, enum memory_kind kind, u64 pa)
{
	u32 low = map->first[kind], high = map->first[kind + 1];

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (map->range[middle].end.value >= pa)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* @range takes the place of the @gone from @at on; what follows moves. */
static void range_put(struct memory_map *map, u32 at, u32 gone, struct memory_range range)
{
	for (u32 i = map->count; gone == 0 && i > at; i--)
		map->range[i] = map->range[i - 1];
	for (u32 i = at + gone; gone > 1 && i < map->count; i++)
		map->range[i + 1 - gone] = map->range[i];
	map->range[at] = range;
	map->count += 1 - gone;
	for (u32 kind = range.kind + 1; kind <= MEMORY_KIND_COUNT; kind++)
		map->first[kind] += 1 - gone;
	find_others(map);
}

void range_insert(struct memory_map *map, struct memory_range range)
{
	u32 at = range_ending(map, range.kind, range.start.value), end = at;

	for (; end < map->first[range.kind + 1]; end++) {
		const struct memory_range *other = &map->range[end];

		if (other->start.value > range.end.value)
			break;
		if (other->start.value < range.start.value)
			range.start = other->start;
		if (other->end.value > range.end.value)
			range.end = other->end;
	}
	if (range.kind != MEMORY_RAM || range_shrink(&range, map->granule))
		range_put(map, at, end - at, range);
}

void memory_take_out(struct memory_map *map, u64 start, u64 end, enum memory_kind kind)
{
	for (u32 i = map->first[kind]; i < map->first[kind + 1]; i++) {
		struct memory_range *range = &map->range[i];
		struct memory_range rest = { paddr(end), range->end, kind };

		if (start < range->start.value || end > range->end.value)
			continue;
		range->end = paddr(start);
		range_insert(map, rest);
		return;
	}
}
