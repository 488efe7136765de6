// SPDX-License-Identifier: MIT
/*
 * The PCI I/O window in the page tables.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/dev/pci.h>
#include <pagoda/mm/pt/change.h>

const char *pci_result_str(enum pci_result result)
{
	switch (result) {
	case PCI_OK:
		return "ok";
	case PCI_NO_BRIDGE:
		return "no ECAM host bridge with an I/O range";
	case PCI_BAD_RANGE:
		return "not what the window or the page size can show";
	case PCI_IN_RAM:
		return "there is RAM";
	case PCI_MAP_FAILED:
		return "page tables do not agree";
	}
	return "unknown result";
}

enum pci_result pci_io_map(struct space *space, const struct layout *layout,
			   const struct memory_map *memory, const struct pci_io *io)
{
	struct layout_region window = layout->region[LAYOUT_PCI_IO];
	u64 room = vaddr_diff(window.end, window.start);
	u64 granule = regime_granule(&space->regime);
	struct map_request request = { .pa = paddr_align_down(io->pa, granule),
				       .attr = { PROT_READ_WRITE, MEM_DEVICE_NGNRE } };

	if (io->size == 0 || io->port >= room || io->size > room - io->port ||
	    !is_aligned(io->pa.value - io->port, granule))
		return PCI_BAD_RANGE;
	if (!memory_may_map_device(memory, io->pa, io->size))
		return PCI_IN_RAM;
	request.start = vaddr_add(window.start, align_down(io->port, granule));
	request.end = vaddr_add(window.start, align_up(io->port + io->size, granule));
	return pt_map(space, &request) == MAP_OK ? PCI_OK : PCI_MAP_FAILED;
}
