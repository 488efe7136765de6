// SPDX-License-Identifier: MIT
/*
 * Devices in the FDT.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/kernel.h>

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

static bool has(const struct fdt_node *node, enum property property)
{
	return node->found & BIT(property);
}

static bool is_compatible(const struct fdt_node *node, const char *word)
{
	return fdt_node_has_string(node, PROPERTY_COMPATIBLE, word);
}

/* Cells in the addresses of @node's children; the default is the specification's. */
static u32 address_cells(const struct fdt_node *node)
{
	return fdt_cell(node, PROPERTY_ADDRESS_CELLS, 2);
}

static void read_regions(const struct fdt_node *node, struct device *device)
{
	const struct fdt_node *parent = node - 1;
	u32 address = address_cells(parent);
	u32 size = fdt_cell(parent, PROPERTY_SIZE_CELLS, 1);
	struct fdt_value reg = fdt_value(node, PROPERTY_REG);
	u32 entry;

	if (address < 1 || address > 2 || size < 1 || size > 2)
		return;
	entry = (address + size) * sizeof(u32);
	while (device->regions < DEVICE_REGIONS_MAX && reg.size >= entry) {
		device->region[device->regions].start = fdt_cells(reg.data, address);
		device->region[device->regions++].size =
			fdt_cells(reg.data + address * sizeof(u32), size);
		reg.data += entry;
		reg.size -= entry;
	}
}

static void read_interrupts(const struct fdt_node *node, struct device *device)
{
	struct fdt_value value = fdt_value(node, PROPERTY_INTERRUPTS);

	while (device->interrupts < DEVICE_INTERRUPTS_MAX &&
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

static void read_device(const struct fdt_node *node, struct device *device)
{
	*device = (struct device){ .found = true };
	read_regions(node, device);
	read_interrupts(node, device);
	device->phandle = fdt_cell(node, PROPERTY_PHANDLE, 0);
	device->interrupt_parent = fdt_cell(node, PROPERTY_INTERRUPT_PARENT,
					    fdt_cell(node - 1, PROPERTY_INTERRUPT_PARENT, 0));
}

static bool starts_at(const struct fdt_node *node, paddr_t address)
{
	u32 cells = address_cells(node - 1);
	struct fdt_value reg = fdt_value(node, PROPERTY_REG);

	return cells <= 2 && reg.size >= cells * sizeof(u32) &&
	       fdt_cells(reg.data, cells) == address.value;
}

static void read_gic(const struct fdt_node *node, struct devices *devices)
{
	unsigned version = 0;

	if (is_compatible(node, "arm,gic-v3"))
		version = 3;
	else if (is_compatible(node, "arm,cortex-a15-gic") || is_compatible(node, "arm,gic-400"))
		version = 2;
	if (version <= devices->gic_version)
		return;
	devices->gic_version = version;
	read_device(node, &devices->gic);
}

/*
 * The strings of `compatible` are dear to look through: each is asked only where the binding has
 * another property that few nodes have. A timer of the CPU's has no registers in memory.
 */
static void read_node(const struct fdt_node *node, paddr_t console, struct devices *devices)
{
	if (has(node, PROPERTY_INTERRUPT_CONTROLLER))
		read_gic(node, devices);
	if (!has(node, PROPERTY_REG)) {
		if (!devices->timer.found && has(node, PROPERTY_INTERRUPTS) &&
		    is_compatible(node, "arm,armv8-timer"))
			read_device(node, &devices->timer);
		return;
	}
	if (!devices->console.found && starts_at(node, console))
		read_device(node, &devices->console);
}

void devices_read(const struct fdt *fdt, paddr_t console, struct devices *devices)
{
	struct fdt_walk walk;

	*devices = (struct devices){ 0 };
	fdt_walk_begin(&walk, fdt, property_names, PROPERTY_COUNT);
	while (fdt_walk_next(&walk) == FDT_OK)
		if (walk.depth == 1 && fdt_is_usable(walk.reached, PROPERTY_STATUS))
			read_node(walk.reached, console, devices);
}

const struct devices *kernel_devices(const struct kernel *kernel)
{
	static struct devices devices;
	static bool looked;

	if (!looked && kernel->fdt.blob != NULL)
		devices_read(&kernel->fdt, kernel->console.address, &devices);
	looked = true;
	return &devices;
}
