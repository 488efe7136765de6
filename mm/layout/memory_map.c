// SPDX-License-Identifier: MIT
/*
 * The list of physical memory ranges, as it is made: before the kernel gives memory away.
 * memory_add() may run with the MMU off, all of it in the kernel and on the host. May not use:
 * absolute addresses, .bss, what a host compiler lacks.
 */
#include "memory_range.h"

/* Neither RAM nor what lies in it can take the other's place. */
static bool has_room(const struct memory_map *map, enum memory_kind kind)
{
	return kind == MEMORY_RAM ? map->banks < MEMORY_BANKS_MAX :
				    map->count - map->banks < MEMORY_OTHERS_MAX;
}

void memory_add(struct memory_map *map, u64 start, u64 size, enum memory_kind kind)
{
	bool wraps = start + size < start;

	if (size == 0)
		return;
	/* RAM that wraps is nonsense; a reservation that does is kept as far as addresses go. */
	if (wraps && kind != MEMORY_RAM)
		size = ~start;
	if (wraps)
		map->dropped++;
	if (wraps && kind == MEMORY_RAM)
		return;
	if (has_room(map, kind)) {
		map->range[map->count++] =
			(struct memory_range){ paddr(start), paddr(start + size), kind };
		map->banks += kind == MEMORY_RAM;
	} else if (kind == MEMORY_RAM) {
		map->dropped++;
	} else {
		map->unprotected++;
	}
}

static bool range_before(const struct memory_range *a, const struct memory_range *b)
{
	return a->kind != b->kind ? a->kind < b->kind : a->start.value < b->start.value;
}

/* By insertion: lists are short, and those that firmware makes are nearly sorted. */
static void sort(struct memory_map *map)
{
	for (u32 i = 1; i < map->count; i++) {
		struct memory_range range = map->range[i];
		u32 at = i;

		for (; at > 0 && range_before(&range, &map->range[at - 1]); at--)
			map->range[at] = map->range[at - 1];
		map->range[at] = range;
	}
}

/* Neighbours of one kind that overlap or adjoin become one; the list is sorted. */
static u32 join(struct memory_map *map)
{
	struct memory_range *last = NULL;
	u32 kept = 0, overlaps = 0;

	for (u32 i = 0; i < map->count; i++) {
		struct memory_range range = map->range[i];

		if (last == NULL || range.kind != last->kind ||
		    range.start.value > last->end.value) {
			last = &map->range[kept++];
			*last = range;
			continue;
		}
		if (range.kind == MEMORY_RAM && range.start.value < last->end.value)
			overlaps++;
		if (range.end.value > last->end.value)
			last->end = range.end;
	}
	map->count = kept;
	return overlaps;
}

/* Where each kind begins in the sorted list: to look something up does not take all of it. */
static void find_kinds(struct memory_map *map)
{
	u32 at = 0;

	for (u32 kind = 0; kind <= MEMORY_KIND_COUNT; kind++) {
		while (at < map->count && map->range[at].kind < kind)
			at++;
		map->first[kind] = at;
	}
	find_others(map);
}

/* RAM that is one page in two ranges is still a page: it shrinks when it has been joined. */
u32 memory_normalise(struct memory_map *map, u64 granule)
{
	u32 kept = 0, overlaps;

	map->granule = granule;
	sort(map);
	overlaps = join(map);
	for (u32 i = 0; i < map->count; i++)
		if (map->range[i].kind != MEMORY_RAM || range_shrink(&map->range[i], granule))
			map->range[kept++] = map->range[i];
	map->count = kept;
	find_kinds(map);
	return overlaps;
}

void memory_add_own(struct memory_map *map, u64 start, u64 size, enum memory_kind kind)
{
	range_insert(map, (struct memory_range){ paddr(start), paddr(start + size), kind });
}

u64 memory_cut(struct memory_map *map, u64 start, u64 end)
{
	u32 kept = 0, banks = map->first[MEMORY_RAM + 1];
	u64 gone = 0;

	/* Of most machines nothing goes. */
	if (banks == 0 ||
	    (map->range[0].start.value >= start && map->range[banks - 1].end.value <= end))
		return 0;
	for (u32 i = 0; i < map->count; i++) {
		struct memory_range range = map->range[i];

		if (range.kind == MEMORY_RAM) {
			gone += paddr_diff(range.end, range.start);
			if (range.start.value < start)
				range.start.value = start;
			range.end.value = min_u64(range.end.value, end);
			if (range.start.value >= range.end.value)
				continue;
			gone -= paddr_diff(range.end, range.start);
		}
		map->range[kept++] = range;
	}
	map->count = kept;
	find_kinds(map);
	return gone;
}

u64 memory_limit(struct memory_map *map, u64 limit)
{
	for (u32 i = 0; i < map->count && map->range[i].kind == MEMORY_RAM; i++) {
		u64 start = map->range[i].start.value;
		u64 size = map->range[i].end.value - start;

		if (size > limit)
			return memory_cut(map, 0, start + limit);
		limit -= size;
	}
	return 0;
}
