// SPDX-License-Identifier: MIT
/*
 * The list of physical memory ranges. memory_add() may run with the MMU off, all of it in the
 * kernel and on the host. May not use: absolute addresses, .bss, what a host compiler lacks.
 */
#include <pagoda/mm/layout/memory_map.h>

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

/* Inwards to whole pages. False where none is left. */
static bool range_shrink(struct memory_range *range, u64 granule)
{
	u64 start = align_up(range->start.value, granule);

	if (start < range->start.value)
		return false;
	range->start.value = start;
	range->end.value = align_down(range->end.value, granule);
	return range->start.value < range->end.value;
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

/*
 * Range @index with all of the pages that it has a part of. In the last page there is, the last
 * bytes do not matter.
 */
static struct memory_range range_pages(const struct memory_map *map, u32 index)
{
	struct memory_range range = map->range[index];
	u64 end = align_up(range.end.value, map->granule);

	range.start.value = align_down(range.start.value, map->granule);
	range.end.value = end != 0 ? end : -map->granule;
	return range;
}

/* The pages around all that is not RAM. */
static void find_others(struct memory_map *map)
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

/* Into its place, with those of its kind that it overlaps or adjoins: the list stays normalised. */
static void range_insert(struct memory_map *map, struct memory_range range)
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

void memory_add_own(struct memory_map *map, u64 start, u64 size, enum memory_kind kind)
{
	range_insert(map, (struct memory_range){ paddr(start), paddr(start + size), kind });
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
