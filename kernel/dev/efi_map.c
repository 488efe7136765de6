// SPDX-License-Identifier: MIT
/*
 * What firmware said of memory, for reports.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/dev/efi_map.h>
#include <pagoda/lib/string.h>

/* Not cleared at boot, which would cost the early runtime more than all else about EFI. */
static u64 efi_map_copy[KIB(16) / sizeof(u64)] __attribute__((section(".noinit")));

bool efi_map_open(const struct kernel *kernel, u64 room, struct efi_memory_map *map,
		  struct window *window)
{
	const struct boot_handoff *handoff = kernel->handoff;
	const struct efi_facts *efi = &handoff->facts.efi;

	*map = (struct efi_memory_map){ .size = min_u64(efi->map_size, room),
					.descriptor_size = efi->descriptor_size,
					.version = efi->descriptor_version };
	*window = (struct window){ .pa = paddr(efi->map_start),
				   .size = map->size,
				   .attr = { PROT_READ_ONLY, MEM_NORMAL } };
	if (map->size == 0 || !efi_map_check(map) ||
	    window_open(kernel, layout_fixmap(&handoff->plan.layout, FIXMAP_EFI_MAP), window) !=
		    MAP_OK)
		return false;
	map->descriptors = vaddr_pointer(window->va);
	return true;
}

void efi_map_read(struct kernel *kernel)
{
	struct efi_memory_map map;
	struct window window;

	if (!efi_map_open(kernel, sizeof(efi_map_copy), &map, &window))
		return;
	memcpy(efi_map_copy, map.descriptors, map.size);
	window_close(kernel, &window);
	map.descriptors = (const u8 *)efi_map_copy;
	kernel->efi_map = map;
}
