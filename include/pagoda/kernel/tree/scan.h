/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the pass over the FDT share: kernel/tree/pass.c goes from node to node and says
 * whose each is; chosen.c, console.c, cpus.c, devices.c and memory.c read it. For
 * callers: tree.h.
 */
#ifndef PAGODA_SCAN_H
#define PAGODA_SCAN_H

#include <pagoda/kernel/handoff/facts.h>

#define CELLS_MAX 2 /* wider addresses do not exist on this architecture */
#define CONSOLE_DEPTH_MAX 8 /* nodes on the path to a console */

/*
 * The properties that matter, anywhere in the tree: first those that say what a node is and where,
 * which every walk looks out for.
 */
enum property {
	PROPERTY_ADDRESS_CELLS,
	PROPERTY_SIZE_CELLS,
	PROPERTY_REG,
	PROPERTY_RANGES,
	PROPERTY_COMPATIBLE,
	PROPERTY_STATUS,
	PROPERTY_COMMON_COUNT,
	PROPERTY_KASLR_SEED = PROPERTY_COMMON_COUNT,
	PROPERTY_DEVICE_TYPE,
	PROPERTY_METHOD,
	PROPERTY_NO_MAP,
	PROPERTY_INTERRUPT_PARENT,
	PROPERTY_INTERRUPT_CONTROLLER,
	PROPERTY_INTERRUPT_MAP,
	PROPERTY_INTERRUPTS,
	PROPERTY_INTERRUPTS_EXTENDED,
	PROPERTY_COUNT,
};

/* A UART seen, and the names on its path, to compare with stdout-path. */
struct console {
	struct console_choice choice;
	int depth;
	const char *path[CONSOLE_DEPTH_MAX];
};

/* All that the pass carries along. */
struct scan {
	struct boot_facts *facts;
	struct boot_lists *lists;
	struct memory_map *memory; /* in it, */
	struct tree_nodes *nodes; /* and these */
	struct fdt_walk walk;
	enum fdt_status status; /* what it has come to */
	struct console console[CONSOLES_SEEN_MAX];
	u32 console_count;
	u32 aliases; /* offset of the node /aliases, 0 where there is none */
	struct fdt_value no_uart; /* a compatible that is none: often the next is the same */
	struct fdt_value stdout_path;
};

/* Cells in the addresses and sizes of @node's children; the defaults are the specification's. */
static inline u32 address_cells(const struct fdt_node *node)
{
	return fdt_cell(node, PROPERTY_ADDRESS_CELLS, 2);
}

static inline u32 size_cells(const struct fdt_node *node)
{
	return fdt_cell(node, PROPERTY_SIZE_CELLS, 1);
}

/* scan_begin() - before the first node, with no place yet for memory. */
void scan_begin(struct scan *scan, const struct fdt *fdt, struct boot_facts *facts);

/*
 * scan_reg() - number @index of the (address, size) pairs in the reg of @node[0], as its parent
 * @node[-1] counts cells; false past the last.
 */
bool scan_reg(const struct fdt_node *node, u32 index, u64 *address, u64 *size);

/* scan_is_usable() - none of the buses that @node stands below is out of use. */
bool scan_is_usable(const struct scan *scan, const struct fdt_node *node);

/*
 * scan_banks() - what of the RAM that @node stands for is this kernel's. scan_reserved() - what a
 * child of /reserved-memory keeps for others. scan_usable() - /chosen's word @ranges on which RAM
 * this kernel may have, and scan_core_header() on where a kernel before it has left a list of its
 * own memory: in cells as the root counts them.
 */
void scan_banks(struct scan *scan, const struct fdt_node *node);
void scan_reserved(struct scan *scan, const struct fdt_node *node);
void scan_usable(struct scan *scan, struct fdt_value ranges);
void scan_core_header(struct scan *scan, struct fdt_value range);

/*
 * scan_translate() - *@address of @node, as its bus has it, into one of the root's, through all the
 * buses that lie between. False where it has none there, or where one of them may not be used.
 */
bool scan_translate(const struct fdt_node *node, const struct fdt_node *root, u64 *address);

/*
 * console_alias() - the value of the property that @path, of stdout-path, names in the node at
 * @aliases; @path itself where it is no alias. console_has_path() - whether @path leads to
 * @console, "/soc/serial@9000000:115200n8"; or with an alias at its beginning, "serial0:115200n8"
 * or "soc/serial@9000000", with what that stands for in @alias.
 */
const char *console_alias(const struct fdt *fdt, u32 aliases, const char *path);
bool console_has_path(const struct console *console, const char *path, const char *alias);

/* scan_reservations() - the FDT's own list. */
void scan_reservations(struct scan *scan);

/* scan_chosen() - what boot loaders and the EFI stub say. */
void scan_chosen(struct scan *scan, const struct fdt_node *node);

/*
 * scan_pci() - where a host bridge has PCI's ports. scan_psci() - how to call firmware. scan_gic(),
 * scan_timer() - note where they are.
 */
void scan_pci(struct scan *scan, const struct fdt_node *node);
void scan_psci(struct scan *scan, const struct fdt_node *node);
void scan_gic(struct scan *scan, const struct fdt_node *node);
void scan_timer(struct scan *scan, const struct fdt_node *node);

/* scan_cpu() - @node is a child of /cpus, with a device_type and a reg. */
void scan_cpu(struct scan *scan, const struct fdt_node *node);

/* scan_place() - the node that the walk has reached, for those who look for it later. */
void scan_place(const struct scan *scan, struct tree_node *place);

/*
 * scan_kind() - what rarer properties of the node that the walk has reached say of the @kind of
 * UART at *@address, which may move; false where they make no sense, or no UART can be there.
 */
bool scan_kind(const struct scan *scan, struct serial_kind *kind, u64 *address);

/* scan_uart() - keep @node in mind where it is a UART that we drive. */
void scan_uart(struct scan *scan, const struct fdt_node *node);

#endif /* PAGODA_SCAN_H */
