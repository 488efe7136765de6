// SPDX-License-Identifier: MIT
/*
 * The PCI I/O window, from the FDT to the page tables.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/pci.h>

/* An address on the PCI bus has three cells; these bits of the first say which space it is in. */
#define PCI_ADDRESS_CELLS 3
#define PCI_SIZE_CELLS 2
#define PCI_SPACE_SHIFT 24
#define PCI_SPACE_MASK 3
#define PCI_SPACE_IO 1

enum property {
	PROPERTY_COMPATIBLE,
	PROPERTY_RANGES,
	PROPERTY_ADDRESS_CELLS,
	PROPERTY_SIZE_CELLS,
	PROPERTY_STATUS,
	PROPERTY_COUNT,
};

static const char property_names[PROPERTY_COUNT][FDT_NAME_SIZE] = {
	[PROPERTY_COMPATIBLE] = "compatible",
	[PROPERTY_RANGES] = "ranges",
	[PROPERTY_ADDRESS_CELLS] = "#address-cells",
	[PROPERTY_SIZE_CELLS] = "#size-cells",
	[PROPERTY_STATUS] = "status",
};

const char *pci_result_str(enum pci_result result)
{
	switch (result) {
	case PCI_OK:
		return "ok";
	case PCI_NO_BRIDGE:
		return "no ECAM host bridge with an I/O range";
	case PCI_BAD_RANGE:
		return "not what the window or the page size can show";
	case PCI_MAP_FAILED:
		return "page tables do not agree";
	}
	return "unknown result";
}

/* The I/O range in the `ranges` of the bridge @node, whose addresses are its parent's. */
static bool ranges_read(const struct fdt_node *node, const struct fdt_node *parent,
			struct pci_io *io)
{
	struct fdt_value ranges = fdt_value(node, PROPERTY_RANGES);
	u64 up = fdt_cell(parent, PROPERTY_ADDRESS_CELLS, 2);
	u64 entry = (PCI_ADDRESS_CELLS + up + PCI_SIZE_CELLS) * sizeof(u32);

	if (fdt_cell(node, PROPERTY_ADDRESS_CELLS, 0) != PCI_ADDRESS_CELLS ||
	    fdt_cell(node, PROPERTY_SIZE_CELLS, 0) != PCI_SIZE_CELLS || up < 1 || up > 2)
		return false;
	for (u32 at = 0; ranges.size - at >= entry; at += (u32)entry) {
		const u8 *port = ranges.data + at;
		const u8 *pa = port + PCI_ADDRESS_CELLS * sizeof(u32);

		if ((fdt_cells(port, 1) >> PCI_SPACE_SHIFT & PCI_SPACE_MASK) != PCI_SPACE_IO)
			continue;
		io->port = fdt_cells(port + sizeof(u32), 2);
		io->pa = paddr(fdt_cells(pa, (unsigned)up));
		io->size = fdt_cells(pa + up * sizeof(u32), PCI_SIZE_CELLS);
		return true;
	}
	return false;
}

/* Buses between the bridge and the root translate addresses; nobody builds that, so none may. */
static bool node_is_bridge(const struct fdt_walk *walk)
{
	struct fdt_value compatible = fdt_value(walk->reached, PROPERTY_COMPATIBLE);

	return walk->depth == 1 && !fdt_is_disabled(walk->reached, PROPERTY_STATUS) &&
	       fdt_has_string(compatible.data, compatible.size, "pci-host-ecam-generic");
}

enum pci_result pci_io_find(const struct fdt *fdt, struct pci_io *io)
{
	struct fdt_walk walk;

	fdt_walk_begin(&walk, fdt, property_names, PROPERTY_COUNT);
	while (fdt_walk_next(&walk) == FDT_OK)
		if (node_is_bridge(&walk) && ranges_read(walk.reached, walk.reached - 1, io))
			return PCI_OK;
	return PCI_NO_BRIDGE;
}

enum pci_result pci_io_map(struct pt_space *space, const struct layout *layout,
			   const struct pci_io *io)
{
	struct layout_region window = layout->region[LAYOUT_PCI_IO];
	u64 room = window.end.value - window.start.value;
	u64 granule = regime_granule(&space->regime);
	struct map_request request = { .pa = paddr(align_down(io->pa.value, granule)),
				       .attr = { PROT_READ_WRITE, MEM_DEVICE_NGNRE } };

	if (io->size == 0 || io->port >= room || io->size > room - io->port ||
	    !is_aligned(io->pa.value - io->port, granule))
		return PCI_BAD_RANGE;
	request.start = vaddr(window.start.value + align_down(io->port, granule));
	request.end = vaddr(window.start.value + align_up(io->port + io->size, granule));
	return map_range(space, &request) == MAP_OK ? PCI_OK : PCI_MAP_FAILED;
}
