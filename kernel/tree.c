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
	PROPERTY_PHANDLE,
	PROPERTY_INTERRUPT_PARENT,
	PROPERTY_INTERRUPT_CONTROLLER,
	PROPERTY_COUNT,
};

static const char property_names[PROPERTY_COUNT][FDT_NAME_SIZE] = {
	[PROPERTY_COMPATIBLE] = "compatible",
	[PROPERTY_REG] = "reg",
	[PROPERTY_INTERRUPTS] = "interrupts",
	[PROPERTY_ADDRESS_CELLS] = "#address-cells",
	[PROPERTY_SIZE_CELLS] = "#size-cells",
	[PROPERTY_STATUS] = "status",
	[PROPERTY_PHANDLE] = "phandle",
	[PROPERTY_INTERRUPT_PARENT] = "interrupt-parent",
	[PROPERTY_INTERRUPT_CONTROLLER] = "interrupt-controller",
};

#define INTERRUPT_CELLS 3 /* type, number, flags */

static void read_regions(const struct fdt_node *node, struct tree_device *device)
{
	const struct fdt_node *parent = node - 1;
	u32 address = fdt_cell(parent, PROPERTY_ADDRESS_CELLS, 2);
	u32 size = fdt_cell(parent, PROPERTY_SIZE_CELLS, 1);
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
		device->interrupt[device->interrupts].number =
			(u32)fdt_cells(value.data + sizeof(u32), 1);
		device->interrupt[device->interrupts++].flags =
			(u32)fdt_cells(value.data + 2 * sizeof(u32), 1);
		value.data += INTERRUPT_CELLS * sizeof(u32);
		value.size -= INTERRUPT_CELLS * sizeof(u32);
	}
}

static bool starts_at(const struct fdt_node *node, paddr_t address)
{
	u32 cells = fdt_cell(node - 1, PROPERTY_ADDRESS_CELLS, 2);
	struct fdt_value reg = fdt_value(node, PROPERTY_REG);

	return cells <= 2 && reg.size >= cells * sizeof(u32) &&
	       fdt_cells(reg.data, cells) == address.value;
}

static bool is_wanted(const struct fdt_node *node, const struct tree_query *query)
{
	struct fdt_value compatible = fdt_value(node, PROPERTY_COMPATIBLE);

	if (fdt_is_disabled(node, PROPERTY_STATUS) ||
	    (query->controller && !fdt_value(node, PROPERTY_INTERRUPT_CONTROLLER).data))
		return false;
	if (query->compatible)
		return fdt_has_string(compatible.data, compatible.size, query->compatible);
	return starts_at(node, query->address);
}

static void answer(const struct fdt_node *node, struct tree_query *query)
{
	struct tree_device *device = &query->device;

	query->found = true;
	*device = (struct tree_device){ 0 };
	read_regions(node, device);
	read_interrupts(node, device);
	device->phandle = fdt_cell(node, PROPERTY_PHANDLE, 0);
	device->interrupt_parent = fdt_cell(node, PROPERTY_INTERRUPT_PARENT,
					    fdt_cell(node - 1, PROPERTY_INTERRUPT_PARENT, 0));
}

void tree_find(const struct kernel *kernel, struct tree_query *queries, unsigned count)
{
	vaddr_t blob = layout_fixmap_fdt(&kernel->handoff->plan.layout,
					 paddr(kernel->handoff->facts.entry.fdt));
	struct fdt_walk walk;
	struct fdt fdt;
	paddr_t pa;

	if (!pt_translate(&kernel->kernel_space, blob, &pa) ||
	    fdt_open(&fdt, (const void *)(uintptr_t)blob.value) != FDT_OK)
		return;
	fdt_walk_begin(&walk, &fdt, property_names, PROPERTY_COUNT);
	while (fdt_walk_next(&walk) == FDT_OK) {
		if (walk.depth != 1)
			continue;
		for (unsigned i = 0; i < count; i++)
			if (!queries[i].found && is_wanted(walk.reached, &queries[i]))
				answer(walk.reached, &queries[i]);
	}
}
