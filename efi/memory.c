// SPDX-License-Identifier: MIT
/*
 * Firmware's memory map: sorted, turned into RAM, searched for room. Arithmetic on an array that
 * comes from outside; every number in it may be anything.
 * Runs under firmware, MMU on, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/efi/efi_stub.h>

static u64 *words_of(const struct efi_memory_map *map, u64 index)
{
	return (u64 *)(uintptr_t)(map->descriptors + index * map->descriptor_size);
}

static void swap(struct efi_memory_map *map, u64 a, u64 b)
{
	u64 *left = words_of(map, a), *right = words_of(map, b);

	for (u64 i = 0; i < map->descriptor_size / sizeof(u64); i++) {
		u64 word = left[i];

		left[i] = right[i];
		right[i] = word;
	}
}

/* Shell's sort, with gaps halved: no memory needed, and quick where little is out of order. */
void efi_map_sort(struct efi_memory_map *map)
{
	u64 count = efi_map_count(map);

	for (u64 gap = count / 2; gap > 0; gap /= 2)
		for (u64 i = gap; i < count; i++)
			for (u64 j = i; j >= gap &&
					efi_map_get(map, j).start < efi_map_get(map, j - gap).start;
			     j -= gap)
				swap(map, j, j - gap);
}

static bool is_plain(const struct efi_descriptor *descriptor)
{
	return (descriptor->attributes & EFI_MEMORY_WB) &&
	       !(descriptor->attributes & EFI_MEMORY_SP) &&
	       is_aligned(descriptor->start, EFI_PAGE_SIZE);
}

static bool is_good_for(const struct efi_descriptor *descriptor, enum efi_use use)
{
	switch (use) {
	case EFI_USE_RAM:
		return efi_is_ram(descriptor);
	case EFI_USE_TABLES:
		return efi_holds_tables(descriptor);
	}
	return false;
}

bool efi_map_has_data(const struct efi_memory_map *map, u64 start, u64 size)
{
	for (u64 i = 0; i < efi_map_count(map); i++) {
		struct efi_descriptor descriptor = efi_map_get(map, i);
		u64 end = efi_end(&descriptor);

		if (start >= descriptor.start && start < end && size <= end - start)
			return !(descriptor.attributes & EFI_MEMORY_RO) &&
			       (descriptor.type == EFI_LOADER_DATA ||
				efi_holds_tables(&descriptor));
	}
	return false;
}

static u64 length_of(const struct memory_range *range)
{
	return range->end.value - range->start.value;
}

/* Make room for one more by letting the smallest range go, where that is smaller than @size. */
static bool drop_smallest(struct efi_ranges *ranges, u64 size)
{
	u32 smallest = 0;

	ranges->dropped++;
	for (u32 i = 1; i < ranges->count; i++)
		if (length_of(&ranges->range[i]) < length_of(&ranges->range[smallest]))
			smallest = i;
	if (length_of(&ranges->range[smallest]) >= size) {
		ranges->dropped_bytes += size;
		return false;
	}
	ranges->dropped_bytes += length_of(&ranges->range[smallest]);
	ranges->count--;
	for (u32 i = smallest; i < ranges->count; i++)
		ranges->range[i] = ranges->range[i + 1];
	return true;
}

static void add(struct efi_ranges *ranges, u64 start, u64 end)
{
	struct memory_range *last = ranges->count != 0 ? &ranges->range[ranges->count - 1] : NULL;

	if (start >= end)
		return;
	if (last != NULL && start <= last->end.value) {
		if (end > last->end.value)
			last->end = paddr(end);
		return;
	}
	if (ranges->count == EFI_RANGES_MAX && !drop_smallest(ranges, end - start))
		return;
	ranges->range[ranges->count++] =
		(struct memory_range){ paddr(start), paddr(end), MEMORY_RAM };
}

/* Nothing from @start on is good: what was added so far began before it. */
static void cut(struct efi_ranges *ranges, u64 start)
{
	while (ranges->count != 0 && ranges->range[ranges->count - 1].start.value >= start)
		ranges->count--;
	if (ranges->count != 0 && ranges->range[ranges->count - 1].end.value > start)
		ranges->range[ranges->count - 1].end = paddr(start);
}

void efi_map_ranges(const struct efi_memory_map *map, enum efi_use use, struct efi_ranges *ranges)
{
	u64 count = efi_map_count(map), barred = 0; /* below this, some descriptor says no */

	ranges->count = ranges->dropped = 0;
	ranges->dropped_bytes = 0;
	for (u64 i = 0; i < count; i++) {
		struct efi_descriptor descriptor = efi_map_get(map, i);
		u64 start = descriptor.start, end = efi_end(&descriptor);

		if (start == end)
			continue;
		if (is_good_for(&descriptor, use)) {
			add(ranges, start > barred ? start : barred, end);
			continue;
		}
		cut(ranges, start);
		if (end > barred)
			barred = end;
	}
}

struct piece {
	u64 start, end;
};

/* Where what is kept around @at ends; @at where nothing is. */
static u64 kept_end(const struct memory_map *kept, u64 at)
{
	for (u32 i = 0; i < kept->count; i++) {
		const struct memory_range *range = &kept->range[i];

		if (range->kind != MEMORY_RAM && range->start.value <= at && at < range->end.value)
			return range->end.value;
	}
	return at;
}

/* The first of [@start, @end) that @kept leaves; it starts at @end or above where that is all. */
static struct piece first_piece(const struct memory_map *kept, u64 start, u64 end)
{
	struct piece piece = { start, end };
	u64 next;

	while ((next = kept_end(kept, piece.start)) != piece.start)
		piece.start = next;
	for (u32 i = 0; i < kept->count; i++) {
		const struct memory_range *range = &kept->range[i];

		if (range->kind != MEMORY_RAM && range->start.value > piece.start)
			piece.end = min_u64(piece.end, range->start.value);
	}
	return piece;
}

/* How far a look through a map has come: in which descriptor, and in it, up to where. */
struct look {
	u64 index, from;
};

/* The next piece of conventional memory, in the map's order. */
static bool next_piece(const struct efi_memory_map *map, const struct efi_room *room,
		       struct look *look, struct piece *piece)
{
	for (; look->index < efi_map_count(map); look->index++, look->from = 1) {
		struct efi_descriptor descriptor = efi_map_get(map, look->index);
		u64 start = descriptor.start > look->from ? descriptor.start : look->from;
		u64 end = min_u64(efi_end(&descriptor), room->limit);

		if (descriptor.type != EFI_CONVENTIONAL || !is_plain(&descriptor) || start >= end)
			continue;
		*piece = first_piece(room->kept, start, end);
		if (piece->start >= end)
			continue;
		look->from = piece->end;
		return true;
	}
	return false;
}

/* How many places for @room @piece has, and the lowest of them. */
static u64 count_places(const struct piece *piece, const struct efi_room *room, u64 *lowest)
{
	u64 first = align_up(piece->start, room->align), last;

	*lowest = first;
	if (piece->end < room->size)
		return 0;
	last = align_down(piece->end - room->size, room->align);
	return first < piece->start || first > last ? 0 : (last - first) / room->align + 1;
}

bool efi_map_place(const struct efi_memory_map *map, const struct efi_room *room, u64 choice,
		   u64 *place)
{
	struct look all = { 0, 1 }, look = all;
	u64 places = 0, lowest;
	struct piece piece;

	while (next_piece(map, room, &all, &piece))
		places += count_places(&piece, room, &lowest);
	choice = (u64)((unsigned __int128)choice * places >> 64);
	while (next_piece(map, room, &look, &piece)) {
		u64 here = count_places(&piece, room, &lowest);

		if (choice < here) {
			*place = lowest + choice * room->align;
			return true;
		}
		choice -= here;
	}
	return false;
}
