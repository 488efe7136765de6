// SPDX-License-Identifier: MIT
/*
 * RAM by UEFI's memory map, where a Linux that was started by UEFI has started this kernel (kexec):
 * its tree has no memory nodes, or those of firmware's tree, which do not know what firmware has
 * kept for itself. What our own stub has started has it in the tree.
 * Runs in the kernel, MMU on, right after the tree was read.
 */
#include <pagoda/kernel/dev/efi_map.h>
#include <pagoda/kernel/start/efi_memory.h>
#include <pagoda/kernel/start/memory.h>

#define MAP_SIZE_MAX KIB(64) /* of its two slots in the fixmap one, wherever in a page it begins */

static void forget_ram(struct memory_map *list)
{
	u32 kept = 0;

	for (u32 i = 0; i < list->count; i++)
		if (list->range[i].kind != MEMORY_RAM)
			list->range[kept++] = list->range[i];
	list->count = kept;
	list->banks = 0;
}

/* Some other descriptor, that is not RAM, has a part of @ram. */
static bool is_disputed(const struct efi_memory_map *map, const struct efi_descriptor *ram)
{
	for (u64 i = 0; i < efi_map_count(map); i++) {
		struct efi_descriptor other = efi_map_get(map, i);

		if (!efi_is_ram(&other) && other.start < efi_end(ram) &&
		    ram->start < efi_end(&other))
			return true;
	}
	return false;
}

static bool has_ram(const struct efi_memory_map *map)
{
	for (u64 i = 0; i < efi_map_count(map); i++) {
		struct efi_descriptor descriptor = efi_map_get(map, i);

		if (efi_is_ram(&descriptor) && efi_end(&descriptor) > descriptor.start)
			return true;
	}
	return false;
}

/* Neighbours as one, or a map of many pieces would not fit the list. */
static void add_ram(struct memory_map *list, const struct efi_memory_map *map)
{
	u64 start = 0, end = 0;

	for (u64 i = 0; i < efi_map_count(map); i++) {
		struct efi_descriptor descriptor = efi_map_get(map, i);

		if (!efi_is_ram(&descriptor))
			continue;
		if (is_disputed(map, &descriptor)) {
			list->dropped++;
			continue;
		}
		if (descriptor.start != end) {
			memory_add(list, start, end - start, MEMORY_RAM);
			start = descriptor.start;
		}
		end = efi_end(&descriptor);
	}
	memory_add(list, start, end - start, MEMORY_RAM);
}

void efi_memory_take(struct kernel *kernel)
{
	const struct efi_facts *efi = &kernel->handoff->facts.efi;
	struct memory_map *list = memory_list(kernel);
	struct efi_memory_map map;
	struct window window;

	if (efi->stub || !is_aligned(efi->map_start, sizeof(u64)) ||
	    !efi_map_open(kernel, MAP_SIZE_MAX, &map, &window))
		return;
	if (has_ram(&map)) {
		forget_ram(list);
		add_ram(list, &map);
		list->dropped += efi->map_size > MAP_SIZE_MAX;
	}
	window_close(kernel, &window);
}
