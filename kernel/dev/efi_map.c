// SPDX-License-Identifier: MIT
/*
 * What firmware said of memory, for reports.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/dev/efi_map.h>
#include <pagoda/kernel/dev/window.h>
#include <pagoda/lib/string.h>

/* Not cleared at boot, which would cost the early runtime more than all else about EFI. */
static u64 efi_map_copy[KIB(16) / sizeof(u64)] __attribute__((section(".noinit")));

void efi_map_read(struct kernel *kernel)
{
	const struct boot_handoff *handoff = kernel->handoff;
	const struct efi_facts *efi = &handoff->facts.efi;
	struct efi_memory_map map = { .descriptors = (const u8 *)efi_map_copy,
				      .size = min_u64(efi->map_size, sizeof(efi_map_copy)),
				      .descriptor_size = efi->descriptor_size,
				      .version = efi->descriptor_version };
	struct window window = { .pa = paddr(efi->map_start),
				 .size = map.size,
				 .attr = { PROT_READ_ONLY, MEM_NORMAL } };

	if (map.size == 0 || !efi_map_check(&map) ||
	    window_open(kernel, layout_fixmap(&handoff->plan.layout, FIXMAP_EFI_MAP), &window) !=
		    MAP_OK)
		return;
	memcpy(efi_map_copy, (const void *)(uintptr_t)window.va.value, map.size);
	window_close(kernel, &window);
	kernel->efi_map = map;
}
