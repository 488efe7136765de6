/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the pass over the FDT share: pi/facts.c goes from node to node and says whose
 * each is; facts_chosen.c, facts_console.c, facts_devices.c and facts_memory.c read it. All run
 * with the MMU off, .bss clear, and on the host.
 */
#ifndef PAGODA_SCAN_H
#define PAGODA_SCAN_H

#include <pagoda/kernel/handoff/facts.h>

#define CELLS_MAX 2 /* wider addresses do not exist on this architecture */
#define CONSOLE_DEPTH_MAX 8 /* nodes on the path to a console */
#define CONSOLES_SEEN_MAX 8

/* The properties that matter, anywhere in the tree. */
enum property {
	PROPERTY_ADDRESS_CELLS,
	PROPERTY_SIZE_CELLS,
	PROPERTY_REG,
	PROPERTY_RANGES,
	PROPERTY_COMPATIBLE,
	PROPERTY_STATUS,
	PROPERTY_KASLR_SEED, /* next to it: both are looked for in one instruction */
	PROPERTY_DEVICE_TYPE,
	PROPERTY_METHOD,
	PROPERTY_BOOTARGS,
	PROPERTY_STDOUT_PATH,
	PROPERTY_FIRMWARE,
	PROPERTY_INITRD_START,
	PROPERTY_INITRD_END,
	PROPERTY_NO_MAP,
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
	u64 *seed; /* where the FDT's goes */
	struct memory_map *memory;
	char *command_line; /* room for COMMAND_LINE_MAX */
	struct fdt_walk walk;
	struct console console[CONSOLES_SEEN_MAX];
	u32 console_count;
	const char *usual_uart; /* compatible; looked for in nodes of any name */
	u32 aliases; /* offset of the node /aliases, 0 where there is none */
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

/*
 * scan_reg() - number @index of the (address, size) pairs in the reg of @node[0], as its parent
 * @node[-1] counts cells; false past the last.
 */
bool scan_reg(const struct fdt_node *node, u32 index, u64 *address, u64 *size);

/* scan_memory() - all that the reg of @node says is memory of this @kind. */
void scan_memory(struct scan *scan, const struct fdt_node *node, enum memory_kind kind);

/* scan_reservations() - the FDT's own list. @line: bytes in a cache line. */
void scan_reservations(struct scan *scan, u64 line);

/* scan_seed() - take the kaslr-seed that @node has, where it is one for us, and wipe it. */
void scan_seed(struct scan *scan, const struct fdt_node *node);

/* scan_chosen() - what boot loaders and the EFI stub say. */
void scan_chosen(struct scan *scan, const struct fdt_node *node);

/* scan_pci() - where a host bridge has PCI's ports. scan_psci() - how to call firmware. */
void scan_pci(struct scan *scan, const struct fdt_node *node);
void scan_psci(struct scan *scan, const struct fdt_node *node);

/*
 * scan_uart() - keep @node in mind where it is a UART that we drive. scan_choose_console() - of
 * those kept, the one stdout-path names, or the first.
 */
void scan_uart(struct scan *scan, const struct fdt_node *node);
void scan_choose_console(struct scan *scan);

#endif /* PAGODA_SCAN_H */
