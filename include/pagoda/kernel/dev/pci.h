/* SPDX-License-Identifier: MIT */
/*
 * The PCI I/O window: the layout's 16 MiB stand for I/O port addresses from 0 on, and are mapped to
 * where an ECAM host bridge shows them. Kernel, MMU on, and the host.
 */
#ifndef PAGODA_PCI_H
#define PAGODA_PCI_H

#include <pagoda/kernel/handoff/facts.h>
#include <pagoda/mm/layout/layout.h>
#include <pagoda/mm/pt/pagetable.h>

enum pci_result {
	PCI_OK,
	PCI_NO_BRIDGE, /* the FDT has no ECAM host bridge with an I/O range */
	PCI_BAD_RANGE, /* it has one that the window or the page size cannot show */
	PCI_IN_RAM, /* its ports would be RAM */
	PCI_MAP_FAILED,
};

const char *pci_result_str(enum pci_result result);

/* pci_io_map() - map @io in the layout's window, unless it is in @memory. The caller publishes. */
enum pci_result pci_io_map(struct space *space, const struct layout *layout,
			   const struct memory_map *memory, const struct pci_io *io);

#endif /* PAGODA_PCI_H */
