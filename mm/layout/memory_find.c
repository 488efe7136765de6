// SPDX-License-Identifier: MIT
/*
 * The list of physical memory ranges, as it is read: what is where, and where there is room.
 * Runs in the kernel and on the host. May not use: what a host compiler lacks.
 */
#include "memory_range.h"

u64 memory_total(const struct memory_map *map)
{
	u64 total = 0;

	for (u32 i = 0; i < map->count; i++)
		if (map->range[i].kind == MEMORY_RAM)
			total += map->range[i].end.value - map->range[i].start.value;
	return total;
}

/*
 * The first range of @kind with a page that ends above @pa: they are in order and apart. One past
 * the last of @kind where there is none.
 */
static u32 range_above(const struct memory_map *map, u32 kind, u64 pa)
{
	u32 low = map->first[kind], high = map->first[kind + 1];

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (range_pages(map, middle).end.value > pa)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* What has the last word at @pa, which is RAM. @end shrinks to where that may change. */
static enum memory_kind kind_at(const struct memory_map *map, u64 pa, u64 *end)
{
	enum memory_kind last = MEMORY_RAM;

	/* Most of most machines is RAM that nothing lies in. */
	if (pa >= map->others_end || *end <= map->others_start)
		return MEMORY_RAM;
	for (u32 kind = MEMORY_RAM + 1; kind < MEMORY_KIND_COUNT; kind++) {
		struct memory_range range;
		u32 index;

		if (map->first[kind] == map->first[kind + 1])
			continue;
		index = range_above(map, kind, pa);
		if (index == map->first[kind + 1])
			continue;
		range = range_pages(map, index);
		*end = min_u64(*end, (pa < range.start.value ? range.start : range.end).value);
		if (pa >= range.start.value)
			last = range.kind;
	}
	return last;
}

bool memory_step(const struct memory_map *map, u32 *bank, u64 from, struct memory_range *piece)
{
	const struct memory_range *range = &map->range[*bank];
	u64 bank_end, end;

	for (; *bank < map->first[MEMORY_RAM + 1] && range->end.value <= from; range++)
		(*bank)++;
	if (*bank == map->first[MEMORY_RAM + 1])
		return false;
	bank_end = end = range->end.value;
	if (from < range->start.value)
		from = range->start.value;
	piece->start = paddr(from);
	piece->kind = kind_at(map, from, &end);
	while (end != bank_end) {
		u64 next = bank_end;

		if (kind_at(map, end, &next) != piece->kind)
			break;
		end = next;
	}
	piece->end = paddr(end);
	return true;
}

bool memory_next(const struct memory_map *map, u64 from, struct memory_range *piece)
{
	u32 bank = range_above(map, MEMORY_RAM, from);

	return memory_step(map, &bank, from, piece);
}

bool memory_may_map_device(const struct memory_map *map, paddr_t start, u64 size)
{
	u64 end = start.value + size;

	if (end <= start.value)
		return false;
	for (u32 i = 0; i < map->count; i++) {
		const struct memory_range *range = &map->range[i];

		if (range->kind == MEMORY_RAM && range->start.value < end &&
		    start.value < range->end.value)
			return false;
	}
	return true;
}

bool memory_is_unmapped(const struct memory_map *map, paddr_t start, u64 size)
{
	struct memory_range piece = { .end = start };
	u64 end = start.value + size;

	while (memory_next(map, piece.end.value, &piece) && piece.start.value < end)
		if (piece.kind != MEMORY_NOMAP)
			return false;
	return end > start.value;
}

bool memory_find(const struct memory_map *map, const struct memory_request *request, paddr_t *place,
		 u64 *largest)
{
	struct memory_range piece;
	u32 bank = 0;

	*largest = 0;
	for (u64 from = 0; memory_step(map, &bank, from, &piece); from = piece.end.value) {
		u64 start = align_up(piece.start.value, request->align);
		u64 limit = min_u64(piece.end.value, request->end);

		/* The next multiple may be past the last there is: align_up() wraps. */
		if (piece.kind != MEMORY_RAM || start < piece.start.value || start >= limit)
			continue;
		if (limit - start > *largest)
			*largest = limit - start;
		if (limit - start >= request->size) {
			*place = paddr(start);
			return true;
		}
	}
	return false;
}
