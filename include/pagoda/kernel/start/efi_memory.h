/* SPDX-License-Identifier: MIT */
/*
 * What RAM there is by UEFI's memory map. MMU on.
 */
#ifndef PAGODA_EFI_MEMORY_H
#define PAGODA_EFI_MEMORY_H

#include <pagoda/kernel/kernel.h>

/*
 * efi_memory_take() - where /chosen has a memory map of UEFI's, and not by our own stub, its RAM
 * takes the place of that in the kernel's list; nothing else in the list changes. A map that makes
 * no sense, or has no RAM, changes nothing. After the tree has been read, before memory_init().
 */
void efi_memory_take(struct kernel *kernel);

#endif /* PAGODA_EFI_MEMORY_H */
