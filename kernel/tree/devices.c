// SPDX-License-Identifier: MIT
/*
 * Devices that are no console: PCI's ports, PSCI.
 * Runs as pass.c does, and may not use what that may not.
 */
#include <pagoda/kernel/tree/scan.h>

/*
 * An address on the PCI bus has three cells; these bits of the first say which space it is in
 * (IEEE Std 1275, PCI bus binding).
 */
#define PCI_ADDRESS_CELLS 3
#define PCI_SIZE_CELLS 2
#define PCI_SPACE_SHIFT 24
#define PCI_SPACE_MASK 3
#define PCI_SPACE_IO 1

/* The first I/O range in the `ranges` of the bridge @node, whose addresses are its parent's. */
void scan_pci(struct scan *scan, const struct fdt_node *node)
{
	struct pci_io *io = &scan->facts->pci_io;
	struct fdt_value ranges = fdt_value(node, PROPERTY_RANGES);
	u32 up = address_cells(&node[-1]);
	u32 entry = (PCI_ADDRESS_CELLS + up + PCI_SIZE_CELLS) * sizeof(u32);

	if (address_cells(node) != PCI_ADDRESS_CELLS || size_cells(node) != PCI_SIZE_CELLS ||
	    up < 1 || up > CELLS_MAX)
		return;
	for (u32 at = 0; !io->found && ranges.size - at >= entry; at += entry) {
		const u8 *port = ranges.data + at;
		const u8 *pa = port + PCI_ADDRESS_CELLS * sizeof(u32);

		if ((fdt_cells(port, 1) >> PCI_SPACE_SHIFT & PCI_SPACE_MASK) != PCI_SPACE_IO)
			continue;
		*io = (struct pci_io){ .found = true,
				       .pa = paddr(fdt_cells(pa, up)),
				       .port = fdt_cells(port + sizeof(u32), 2),
				       .size = fdt_cells(pa + up * sizeof(u32), PCI_SIZE_CELLS) };
	}
}

void scan_psci(struct scan *scan, const struct fdt_node *node)
{
	struct boot_facts *facts = scan->facts;

	if (!fdt_node_has_string(node, PROPERTY_COMPATIBLE, "arm,psci") &&
	    !fdt_node_has_string(node, PROPERTY_COMPATIBLE, "arm,psci-0.2") &&
	    !fdt_node_has_string(node, PROPERTY_COMPATIBLE, "arm,psci-1.0"))
		return;
	if (fdt_node_has_string(node, PROPERTY_METHOD, "hvc"))
		facts->psci = PSCI_HVC;
	else if (fdt_node_has_string(node, PROPERTY_METHOD, "smc"))
		facts->psci = PSCI_SMC;
}
