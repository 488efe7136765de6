/* SPDX-License-Identifier: MIT */
/*
 * The EFI memory map. MMU on.
 */
#ifndef PAGODA_EFI_MAP_H
#define PAGODA_EFI_MAP_H

#include <pagoda/kernel/dev/window.h>

/*
 * efi_map_open() - as much of it as @room bytes hold, through @window, which the caller closes; it
 * begins where firmware put it, aligned or not. False where there is none, or it makes no sense.
 */
bool efi_map_open(const struct kernel *kernel, u64 room, struct efi_memory_map *map,
		  struct window *window);

/*
 * efi_map_read() - as much of it as there is room for is copied through a window in the fixmap to
 * kernel->efi_map, so that the kernel's map is the same whoever started it. Empty where there is
 * none.
 */
void efi_map_read(struct kernel *kernel);

#endif /* PAGODA_EFI_MAP_H */
