/* SPDX-License-Identifier: MIT */
/*
 * What devices there are by ACPI's tables, where the device tree names none. MMU on.
 */
#ifndef PAGODA_ACPI_TREE_H
#define PAGODA_ACPI_TREE_H

#include <pagoda/kernel/kernel.h>

/*
 * acpi_take() - where the tree has no device, and /chosen an EFI system table that our own stub has
 * not put there: find ACPI's tables, make a tree of them, and read that, into the facts and
 * kernel->nodes. Sets kernel->fdt, and chooses a console where there is none. What cannot be used
 * is printed. After memory_init(), before memory_release_init().
 */
void acpi_take(struct kernel *kernel, struct boot_handoff *handoff);

#endif /* PAGODA_ACPI_TREE_H */
