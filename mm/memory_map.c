// SPDX-License-Identifier: MIT
/*
 * The list of physical memory ranges.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, instructions a host compiler cannot build.
 */
#include <pagoda/memory_map.h>

void memory_add(struct memory_map *map, u64 start, u64 size, enum memory_kind kind)
{
	if (size == 0)
		return;
	if (start + size < start || map->count == MEMORY_RANGES_MAX) {
		map->dropped++;
		return;
	}
	map->range[map->count++] = (struct memory_range){ paddr(start), paddr(start + size), kind };
}

u64 memory_limit(struct memory_map *map, u64 limit, u64 pa_end)
{
	u32 kept = 0;
	u64 gone = 0;

	for (u32 i = 0; i < map->count; i++) {
		struct memory_range range = map->range[i];
		u64 size = range.end.value - range.start.value;
		u64 reachable = range.start.value < pa_end ? pa_end - range.start.value : 0;
		u64 keep = size;

		if (range.kind == MEMORY_RAM) {
			keep = min_u64(min_u64(size, reachable), limit);
			limit -= keep;
			gone += size - keep;
		}
		if (keep == 0)
			continue;
		range.end.value = range.start.value + keep;
		map->range[kept++] = range;
	}
	map->count = kept;
	return gone;
}

u64 memory_total(const struct memory_map *map)
{
	u64 total = 0;

	for (u32 i = 0; i < map->count; i++)
		if (map->range[i].kind == MEMORY_RAM)
			total += map->range[i].end.value - map->range[i].start.value;
	return total;
}
