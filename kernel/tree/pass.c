// SPDX-License-Identifier: MIT
/*
 * The pass over the FDT's structure block: node by node, and whose each is.
 * Runs in the kernel, right after the flip; with the MMU off, .bss clear, image not relocated,
 * where a boot cannot get that far; in the EFI stub; and on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 *
 * Each node is judged with its properties at hand and its ancestors on the walk's path, since what
 * its addresses mean depends on all of them.
 */
#include <pagoda/kernel/handoff/chosen.h>
#include <pagoda/kernel/tree/tree.h>

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
	[PROPERTY_NO_MAP] = "no-map",
	[PROPERTY_INTERRUPT_PARENT] = "interrupt-parent",
	[PROPERTY_INTERRUPT_CONTROLLER] = "interrupt-controller",
	[PROPERTY_INTERRUPT_MAP] = "interrupt-map",
	[PROPERTY_INTERRUPTS] = "interrupts",
	[PROPERTY_INTERRUPTS_EXTENDED] = "interrupts-extended",
};

/* RAM is what the root's children say it is; the same word further down is about other things. */
static bool is_bank(const struct scan *scan, const struct fdt_node *node)
{
	return (node->found & BIT(PROPERTY_DEVICE_TYPE)) && scan->walk.depth == 1 &&
	       fdt_node_has_string(node, PROPERTY_DEVICE_TYPE, "memory");
}

/* What a node with registers, or with memory of its own, says. */
static void read_reg(struct scan *scan, const struct fdt_node *node)
{
	if (scan->walk.depth == 2 && fdt_name_is(node[-1].name, "reserved-memory"))
		scan_reserved(scan, node);
	else if (node->found & BIT(PROPERTY_INTERRUPT_CONTROLLER))
		scan_gic(scan, node);
	else if ((node->found & BIT(PROPERTY_RANGES)) &&
		 fdt_node_has_string(node, PROPERTY_COMPATIBLE, "pci-host-ecam-generic"))
		scan_pci(scan, node);
	else
		scan_uart(scan, node);
}

/* Of a CPU's status cpus.c knows more. */
static bool is_cpu(const struct scan *scan, const struct fdt_node *node)
{
	u32 has = BIT(PROPERTY_DEVICE_TYPE) | BIT(PROPERTY_REG);

	return (node->found & has) == has && scan->walk.depth == 2 &&
	       fdt_name_is(node[-1].name, "cpus");
}

static void read_node(struct scan *scan, const struct fdt_node *node)
{
	if (is_cpu(scan, node))
		scan_cpu(scan, node);
	else if (!fdt_is_usable(node, PROPERTY_STATUS) || scan->walk.depth == 0)
		return;
	else if (node->offset == scan->facts->fdt.chosen)
		scan_chosen(scan, node);
	else if (is_bank(scan, node))
		scan_banks(scan, node);
	else if (node->found & BIT(PROPERTY_REG))
		read_reg(scan, node);
	else if (node->found & BIT(PROPERTY_METHOD))
		scan_psci(scan, node);
	else if (node->found & (BIT(PROPERTY_INTERRUPTS) | BIT(PROPERTY_INTERRUPTS_EXTENDED)))
		scan_timer(scan, node);
	else if (scan->walk.depth == 1 && fdt_name_is(node->name, "aliases"))
		scan->aliases = node->offset;
}

bool tree_has_seed(const struct fdt_node *node)
{
	struct fdt_value value = fdt_value(node, PROPERTY_KASLR_SEED);
	u8 bits = 0;

	for (u32 i = 0; i < value.size; i++)
		bits |= value.data[i];
	return bits != 0;
}

/* All but the walk's nodes and the consoles, which are written before they are read. */
void scan_begin(struct scan *scan, const struct fdt *fdt, struct boot_facts *facts)
{
	scan->facts = facts;
	scan->status = FDT_OK;
	scan->console_count = 0;
	scan->aliases = 0;
	scan->stdout_path = (struct fdt_value){ NULL, 0 };
	scan->no_uart = (struct fdt_value){ NULL, 0 };
	fdt_walk_begin(&scan->walk, fdt, property_names, PROPERTY_COUNT);
	scan->walk.only = BIT(PROPERTY_REG) | BIT(PROPERTY_METHOD) | BIT(PROPERTY_KASLR_SEED) |
			  BIT(PROPERTY_INTERRUPTS) | BIT(PROPERTY_INTERRUPTS_EXTENDED);
}

void tree_begin(struct scan *scan, const struct fdt *fdt, struct boot_facts *facts,
		struct boot_lists *lists)
{
	lists->usable.end = 0;
	memory_begin(&lists->memory);
	tree_begin_devices(scan, fdt, facts, lists);
}

void tree_begin_devices(struct scan *scan, const struct fdt *fdt, struct boot_facts *facts,
			struct boot_lists *lists)
{
	scan->lists = lists;
	scan->memory = &lists->memory;
	cpu_list_begin(&lists->cpus, facts->id[SYSREG_MPIDR_EL1]);
	scan->nodes = &lists->nodes;
	scan->nodes->gic_version = scan->nodes->uarts = 0;
	scan->nodes->gic.offset = scan->nodes->timer.offset = scan->nodes->psci_old = 0;
	scan_begin(scan, fdt, facts);
}

bool tree_read(struct scan *scan, struct fdt_value *seed)
{
	while ((scan->status = fdt_walk_next(&scan->walk)) == FDT_OK) {
		const struct fdt_node *node = scan->walk.reached;

		read_node(scan, node);
		if ((node->found & BIT(PROPERTY_KASLR_SEED)) && tree_has_seed(node)) {
			*seed = fdt_value(node, PROPERTY_KASLR_SEED);
			return true;
		}
	}
	return false;
}

struct stop tree_end(struct scan *scan)
{
	const struct boot_facts *facts = scan->facts;

	tree_choose_console(scan);
	if (scan->status != FDT_END)
		return (struct stop){ STOP_FDT, scan->status, facts->entry.fdt,
				      facts->fdt.tree.total_size };
	if (scan->memory->banks == 0)
		return (struct stop){ STOP_NO_MEMORY_NODE, facts->efi.map_start, 0, 0 };
	scan_reservations(scan);
	if (scan->memory->unprotected != 0)
		return (struct stop){ STOP_RESERVATIONS, scan->memory->unprotected,
				      MEMORY_OTHERS_MAX, 0 };
	return stop_none();
}
