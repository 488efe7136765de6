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
			       (descriptor.type == EFI_LOADER_DATA || efi_holds_tables(&descriptor));
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

/* How many places for @room @descriptor has, and the lowest of them. */
static u64 count_places(const struct efi_descriptor *descriptor, const struct efi_room *room,
			u64 *lowest)
{
	u64 start = descriptor->start != 0 ? descriptor->start : 1;
	u64 end = min_u64(efi_end(descriptor), room->limit);
	u64 first = align_up(start, room->align), last;

	*lowest = first;
	if (descriptor->type != EFI_CONVENTIONAL || !is_plain(descriptor) || end < room->size)
		return 0;
	last = align_down(end - room->size, room->align);
	return first < start || first > last ? 0 : (last - first) / room->align + 1;
}

bool efi_map_place(const struct efi_memory_map *map, const struct efi_room *room, u64 choice,
		   u64 *place)
{
	u64 count = efi_map_count(map), places = 0, lowest;

	for (u64 i = 0; i < count; i++) {
		struct efi_descriptor descriptor = efi_map_get(map, i);

		places += count_places(&descriptor, room, &lowest);
	}
	choice = (u64)((unsigned __int128)choice * places >> 64);
	for (u64 i = 0; i < count; i++) {
		struct efi_descriptor descriptor = efi_map_get(map, i);
		u64 here = count_places(&descriptor, room, &lowest);

		if (choice < here) {
			*place = lowest + choice * room->align;
			return true;
		}
		choice -= here;
	}
	return false;
}
