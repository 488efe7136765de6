// SPDX-License-Identifier: MIT
/*
 * Facts from the FDT, in one pass over its structure block: node by node, and whose each is.
 * Runs with the MMU off, .bss clear, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 *
 * Each node is judged with its properties at hand and its ancestors on the walk's path, since what
 * its addresses mean depends on all of them.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/handoff/chosen.h>
#include <pagoda/pi/scan.h>

static const char property_names[PROPERTY_COUNT][FDT_NAME_SIZE] = {
	[PROPERTY_ADDRESS_CELLS] = "#address-cells",
	[PROPERTY_SIZE_CELLS] = "#size-cells",
	[PROPERTY_REG] = "reg",
	[PROPERTY_RANGES] = "ranges",
	[PROPERTY_COMPATIBLE] = "compatible",
	[PROPERTY_STATUS] = "status",
	[PROPERTY_KASLR_SEED] = CHOSEN_KASLR_SEED,
	[PROPERTY_DEVICE_TYPE] = "device_type",
	[PROPERTY_METHOD] = "method",
	[PROPERTY_BOOTARGS] = CHOSEN_BOOTARGS,
	[PROPERTY_STDOUT_PATH] = "stdout-path",
	[PROPERTY_FIRMWARE] = CHOSEN_FIRMWARE,
	[PROPERTY_INITRD_START] = "linux,initrd-start",
	[PROPERTY_INITRD_END] = "linux,initrd-end",
	[PROPERTY_NO_MAP] = "no-map",
};

/* Has one of the names that serial ports have: every comparison of more costs the boot. */
static bool is_serial(const struct fdt_node *node)
{
	if (node->name[0] != 's' && node->name[0] != 'u')
		return false;
	return fdt_name_is(node->name, "serial") || fdt_name_is(node->name, "uart");
}

/* What a node with registers, or with memory of its own, says. */
static void read_reg(struct scan *scan, const struct fdt_node *node)
{
	if ((node->found & BIT(PROPERTY_DEVICE_TYPE)) &&
	    fdt_node_has_string(node, PROPERTY_DEVICE_TYPE, "memory"))
		scan_memory(scan, node, MEMORY_RAM);
	else if (scan->walk.depth == 2 && fdt_name_is(node[-1].name, "reserved-memory"))
		scan_memory(scan, node,
			    node->found & BIT(PROPERTY_NO_MAP) ? MEMORY_NOMAP : MEMORY_RESERVED);
	else if ((node->found & BIT(PROPERTY_RANGES)) && scan->walk.depth == 1 &&
		 fdt_node_has_string(node, PROPERTY_COMPATIBLE, "pci-host-ecam-generic"))
		scan_pci(scan, node);
	else if (is_serial(node) ||
		 fdt_node_has_string(node, PROPERTY_COMPATIBLE, scan->usual_uart))
		scan_uart(scan, node);
}

/* What few nodes have: a seed, which is wiped whatever else is said, or a status. */
static bool is_to_pass(struct scan *scan, const struct fdt_node *node)
{
	if (node->found & BIT(PROPERTY_KASLR_SEED))
		scan_seed(scan, node);
	return !fdt_is_usable(node, PROPERTY_STATUS);
}

static void read_node(struct scan *scan, const struct fdt_node *node)
{
	int depth = scan->walk.depth;

	if (node->found & (BIT(PROPERTY_STATUS) | BIT(PROPERTY_KASLR_SEED)) &&
	    is_to_pass(scan, node))
		return;
	if (depth == 0)
		return;
	if (node->found & BIT(PROPERTY_REG))
		read_reg(scan, node);
	else if (node->found & BIT(PROPERTY_METHOD))
		scan_psci(scan, node);
	else if (depth == 1 && fdt_name_is(node->name, "chosen"))
		scan_chosen(scan, node);
	else if (depth == 1 && fdt_name_is(node->name, "aliases"))
		scan->aliases = node->offset;
}

static enum fdt_status scan_nodes(struct scan *scan)
{
	enum fdt_status status;

	fdt_walk_begin(&scan->walk, &scan->facts->fdt.tree, property_names, PROPERTY_COUNT);
	while ((status = fdt_walk_next(&scan->walk)) == FDT_OK)
		read_node(scan, scan->walk.reached);
	return status;
}

/* The boot protocol promises a clean Image, not a clean FDT: only lines cleaned first are read. */
static enum fdt_status open_fdt(struct scan *scan, const u8 *blob, u64 line)
{
	struct fdt *fdt = &scan->facts->fdt.tree;
	enum fdt_status status = fdt_locate(fdt, blob);

	if (status != FDT_OK)
		return status;
	dcache_clean(blob + fdt->struct_start, fdt->struct_end - fdt->struct_start, line);
	dcache_clean(blob + fdt->strings_start, fdt->strings_end - fdt->strings_start, line);
	fdt_cut(fdt);
	return FDT_OK;
}

static struct stop stop_fdt(const struct boot_facts *facts, enum fdt_status status)
{
	return (struct stop){ STOP_FDT, status, facts->entry.fdt, facts->fdt.tree.total_size };
}

static bool overlaps_image(const struct boot_facts *facts, u64 start, u64 size)
{
	u64 image = facts->image.pa.value;

	return start < image + facts->image.size && image < start + size;
}

/* All but the walk's nodes and the consoles, which are written before they are read. */
static void scan_init(struct scan *scan, struct boot_facts *facts, u64 *seed, u64 phys_offset)
{
	scan->facts = facts;
	scan->seed = seed;
	scan->memory = &facts_lists(facts, phys_offset)->memory;
	scan->command_line = facts_lists(facts, phys_offset)->command_line;
	memory_begin(scan->memory);
	scan->console_count = 0;
	scan->usual_uart = "arm,pl011";
	scan->aliases = 0;
	scan->stdout_path = (struct fdt_value){ NULL, 0 };
}

struct stop facts_read_fdt(struct boot_facts *facts, u64 *seed, u64 phys_offset)
{
	u64 address = facts->entry.fdt;
	const u8 *blob = address != 0 ? (const u8 *)(uintptr_t)(address + phys_offset) : NULL;
	u64 line = dcache_line_size(facts->id[SYSREG_CTR_EL0]);
	u32 *size = &facts->fdt.tree.total_size;
	struct scan scan;
	enum fdt_status status;

	scan_init(&scan, facts, seed, phys_offset);
	/* A pointer into the image points at what has been cleared: say that, not "bad magic". */
	if (overlaps_image(facts, address, 1))
		return (struct stop){ STOP_FDT_OVERLAPS_IMAGE, address, 0, 0 };
	if (blob != NULL && is_aligned(address, FDT_ALIGN))
		dcache_clean(blob, FDT_HEADER_SIZE, line);
	status = fdt_size(blob, size);
	if (status != FDT_OK)
		return stop_fdt(facts, status);
	if (overlaps_image(facts, address, *size))
		return (struct stop){ STOP_FDT_OVERLAPS_IMAGE, address, *size, 0 };
	status = open_fdt(&scan, blob, line);
	if (status == FDT_OK)
		status = scan_nodes(&scan);
	scan_choose_console(&scan);
	if (status != FDT_END)
		return stop_fdt(facts, status);
	if (scan.memory->banks == 0)
		return (struct stop){ STOP_NO_MEMORY_NODE, 0, 0, 0 };
	scan_reservations(&scan, line);
	if (scan.memory->unprotected != 0)
		return (struct stop){ STOP_RESERVATIONS, scan.memory->unprotected,
				      MEMORY_OTHERS_MAX, 0 };
	return stop_none();
}
