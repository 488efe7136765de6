// SPDX-License-Identifier: MIT
/*
 * Devices in the FDT.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/fdt.h>
#include <pagoda/tree.h>

enum property {
	PROPERTY_COMPATIBLE,
	PROPERTY_REG,
	PROPERTY_INTERRUPTS,
	PROPERTY_ADDRESS_CELLS,
	PROPERTY_SIZE_CELLS,
	PROPERTY_STATUS,
	PROPERTY_COUNT,
};

static const char property_names[PROPERTY_COUNT][FDT_NAME_SIZE] = {
	[PROPERTY_COMPATIBLE] = "compatible",  [PROPERTY_REG] = "reg",
	[PROPERTY_INTERRUPTS] = "interrupts",  [PROPERTY_ADDRESS_CELLS] = "#address-cells",
	[PROPERTY_SIZE_CELLS] = "#size-cells", [PROPERTY_STATUS] = "status",
};

#define INTERRUPT_CELLS 3 /* type, number, flags */

static unsigned cells_of(const struct fdt_node *node, enum property property, unsigned missing)
{
	struct fdt_value value = fdt_value(node, property);

	return value.size == sizeof(u32) ? (unsigned)fdt_cells(value.data, 1) : missing;
}

static void read_regions(const struct fdt_node *node, struct tree_device *device)
{
	const struct fdt_node *parent = node - 1;
	unsigned address = cells_of(parent, PROPERTY_ADDRESS_CELLS, 2);
	unsigned size = cells_of(parent, PROPERTY_SIZE_CELLS, 1);
	struct fdt_value reg = fdt_value(node, PROPERTY_REG);
	u32 entry;

	if (address < 1 || address > 2 || size < 1 || size > 2)
		return;
	entry = (address + size) * sizeof(u32);
	while (device->regions < TREE_REGIONS_MAX && reg.size >= entry) {
		device->region[device->regions].start = fdt_cells(reg.data, address);
		device->region[device->regions++].size =
			fdt_cells(reg.data + address * sizeof(u32), size);
		reg.data += entry;
		reg.size -= entry;
	}
}

static void read_interrupts(const struct fdt_node *node, struct tree_device *device)
{
	struct fdt_value value = fdt_value(node, PROPERTY_INTERRUPTS);

	while (device->interrupts < TREE_INTERRUPTS_MAX &&
	       value.size >= INTERRUPT_CELLS * sizeof(u32)) {
		device->interrupt[device->interrupts].type = (u32)fdt_cells(value.data, 1);
		device->interrupt[device->interrupts++].number =
			(u32)fdt_cells(value.data + sizeof(u32), 1);
		value.data += INTERRUPT_CELLS * sizeof(u32);
		value.size -= INTERRUPT_CELLS * sizeof(u32);
	}
}

static bool node_is(const struct fdt_walk *walk, const char *compatible)
{
	struct fdt_value value = fdt_value(walk->reached, PROPERTY_COMPATIBLE);
	struct fdt_value status = fdt_value(walk->reached, PROPERTY_STATUS);

	return walk->depth == 1 && !(status.size != 0 && status.data[0] == 'd') &&
	       value.size != 0 && fdt_has_string(value.data, value.size, compatible);
}

bool tree_find(const struct kernel *kernel, const char *compatible, struct tree_device *device)
{
	vaddr_t blob = layout_fixmap_fdt(&kernel->handoff->plan.layout,
					 paddr(kernel->handoff->facts.entry.fdt));
	struct fdt_walk walk;
	struct fdt fdt;
	paddr_t pa;

	*device = (struct tree_device){ 0 };
	if (!pt_translate(&kernel->kernel_space, blob, &pa) ||
	    fdt_open(&fdt, (const void *)(uintptr_t)blob.value) != FDT_OK)
		return false;
	fdt_walk_begin(&walk, &fdt, property_names, PROPERTY_COUNT);
	while (fdt_walk_next(&walk) == FDT_OK) {
		if (!node_is(&walk, compatible))
			continue;
		read_regions(walk.reached, device);
		read_interrupts(walk.reached, device);
		return true;
	}
	return false;
}
