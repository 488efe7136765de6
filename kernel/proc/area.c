// SPDX-License-Identifier: MIT
/*
 * The list of areas. It is short, so it is searched from its start.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/proc/area.h>
#include <pagoda/lib/string.h>

u32 area_from(const struct areas *areas, u64 va)
{
	u32 index = 0;

	while (index < areas->count && areas->area[index].end <= va)
		index++;
	return index;
}

bool area_none(const struct areas *areas, u64 start, u64 end)
{
	u32 index = area_from(areas, start);

	return index == areas->count || areas->area[index].start >= end;
}

bool area_all(const struct areas *areas, u64 start, u64 end)
{
	u64 reached = start;

	for (u32 i = area_from(areas, start); i < areas->count && reached < end; i++) {
		if (areas->area[i].start > reached)
			return false;
		reached = areas->area[i].end;
	}
	return reached >= end;
}

/* From the top down: @high is where the hole that is looked at ends. */
bool area_hole(const struct areas *areas, u64 size, u64 low, u64 high, u64 *start)
{
	for (u32 i = areas->count; i > 0 && high > low; i--) {
		const struct area *area = &areas->area[i - 1];

		if (area->start >= high)
			continue;
		if (area->end < high && high - area->end >= size)
			break;
		high = area->start;
	}
	if (high < low || high - low < size)
		return false;
	*start = high - size;
	return true;
}

bool area_insert(struct areas *areas, const struct area *area)
{
	u32 index = area_from(areas, area->start);

	if (areas->count == AREAS_MAX)
		return false;
	memmove(&areas->area[index + 1], &areas->area[index],
		(areas->count - index) * sizeof(*area));
	areas->area[index] = *area;
	areas->count++;
	return true;
}

void area_remove(struct areas *areas, u32 index)
{
	areas->count--;
	memmove(&areas->area[index], &areas->area[index + 1],
		(areas->count - index) * sizeof(areas->area[0]));
}

bool area_cut(struct areas *areas, u64 va, unsigned page_shift)
{
	u32 index = area_from(areas, va);
	struct area *area = &areas->area[index];
	struct area upper;

	if (index == areas->count || area->start >= va)
		return false;
	upper = *area;
	upper.start = va;
	upper.first += (va - area->start) >> page_shift;
	area->end = va;
	return area_insert(areas, &upper);
}
