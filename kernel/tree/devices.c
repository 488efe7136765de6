// SPDX-License-Identifier: MIT
/*
 * Devices that are no console: PCI's ports, PSCI, and who has to do with interrupts.
 * Runs as pass.c does, and may not use what that may not.
 */
#include <pagoda/kernel/tree/scan.h>
#include <pagoda/lib/string.h>

/*
 * An address on the PCI bus has three cells; these bits of the first say which space it is in
 * (IEEE Std 1275, PCI bus binding).
 */
#define PCI_ADDRESS_CELLS 3
#define PCI_SIZE_CELLS 2
#define PCI_SPACE_SHIFT 24
#define PCI_SPACE_MASK 3
#define PCI_SPACE_IO 1

/*
 * The first I/O range that the CPU can reach in the `ranges` of the bridge @node, whose addresses
 * are its parent's.
 */
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
		u64 address = fdt_cells(pa, up);

		if ((fdt_cells(port, 1) >> PCI_SPACE_SHIFT & PCI_SPACE_MASK) != PCI_SPACE_IO ||
		    !scan_translate(node, scan->walk.node, &address))
			continue;
		*io = (struct pci_io){ .found = true,
				       .pa = paddr(address),
				       .port = fdt_cells(port + sizeof(u32), 2),
				       .size = fdt_cells(pa + up * sizeof(u32), PCI_SIZE_CELLS) };
	}
}

/* Version 0.1 had the first name, numbers of its own for its calls, and none that ends it all. */
void scan_psci(struct scan *scan, const struct fdt_node *node)
{
	bool is_new = fdt_node_has_string(node, PROPERTY_COMPATIBLE, "arm,psci-0.2") ||
		      fdt_node_has_string(node, PROPERTY_COMPATIBLE, "arm,psci-1.0");
	enum psci_conduit *psci = &scan->facts->psci;

	if (!scan_is_usable(scan, node))
		return;
	if (!is_new && fdt_node_has_string(node, PROPERTY_COMPATIBLE, "arm,psci")) {
		*psci = PSCI_OLD;
		scan->nodes->psci_old = node->offset;
	} else if (is_new && fdt_node_has_string(node, PROPERTY_METHOD, "hvc")) {
		*psci = PSCI_HVC;
	} else if (is_new && fdt_node_has_string(node, PROPERTY_METHOD, "smc")) {
		*psci = PSCI_SMC;
	}
}

void scan_place(const struct scan *scan, struct tree_node *place)
{
	*place = tree_place(&scan->walk, PROPERTY_INTERRUPT_PARENT,
			    BIT(PROPERTY_INTERRUPT_CONTROLLER) | BIT(PROPERTY_INTERRUPT_MAP));
}

#define GIC_NAME_SIZE 20
#define GIC_LENGTH_MIN 10 /* of the names below */
#define GIC_LENGTH_MAX 19

static const struct {
	char name[GIC_NAME_SIZE];
	u8 length, version;
} gics[] = {
#define GIC(name, version)                      \
	{                                       \
		name, sizeof(name) - 1, version \
	}
	GIC("arm,gic-v3", 3),	     GIC("arm,gic-400", 2),    GIC("arm,cortex-a15-gic", 2),
	GIC("arm,cortex-a7-gic", 2), GIC("qcom,msm-qgic2", 2),
#undef GIC
};

/* Most interrupt controllers are pins that interrupt: lengths are compared first. */
static u32 gic_version(const struct fdt_node *node)
{
	struct fdt_value value = fdt_value(node, PROPERTY_COMPATIBLE);
	u32 version = 0, length;

	for (u32 at = 0; at < value.size; at += length + 1) {
		const char *name = (const char *)value.data + at;

		length = (u32)strnlen(name, value.size - at);
		if (length < GIC_LENGTH_MIN || length > GIC_LENGTH_MAX)
			continue;
		for (unsigned i = 0; i < ARRAY_SIZE(gics); i++)
			if (length == gics[i].length && length < value.size - at &&
			    memcmp(name, gics[i].name, length) == 0 && gics[i].version > version)
				version = gics[i].version;
	}
	return version;
}

void scan_gic(struct scan *scan, const struct fdt_node *node)
{
	struct tree_nodes *nodes = scan->nodes;
	u32 version = gic_version(node), count = 0;
	struct tree_region *region = nodes->gic_region;

	if (version <= nodes->gic_version || !scan_is_usable(scan, node))
		return;
	while (count < TREE_GIC_REGIONS_MAX &&
	       scan_reg(node, count, &region[count].start, &region[count].size) &&
	       scan_translate(node, scan->walk.node, &region[count].start))
		count++;
	nodes->gic_version = version;
	nodes->gic_regions = count;
	scan_place(scan, &nodes->gic);
}

void scan_timer(struct scan *scan, const struct fdt_node *node)
{
	if (scan->nodes->timer.offset == 0 &&
	    fdt_node_has_string(node, PROPERTY_COMPATIBLE, "arm,armv8-timer") &&
	    scan_is_usable(scan, node))
		scan_place(scan, &scan->nodes->timer);
}
