// SPDX-License-Identifier: MIT
/*
 * Facts from the FDT, in one pass over its structure block: memory, command line, console, PSCI,
 * PCI's ports, the KASLR seed.
 * Runs with the MMU off, .bss clear, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 *
 * Each node is judged with its properties at hand and its ancestors on the walk's path, since what
 * its addresses mean depends on all of them.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/handoff/facts.h>
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>

#define CELLS_MAX 2 /* wider addresses do not exist on this architecture */
#define CONSOLE_DEPTH_MAX 8 /* nodes on the path to a console */
#define CONSOLES_MAX 8
#define RESERVE_ENTRY_SIZE 16 /* of the FDT's memory reservation block */

/*
 * An address on the PCI bus has three cells; these bits of the first say which space it is in
 * (IEEE Std 1275, PCI bus binding).
 */
#define PCI_ADDRESS_CELLS 3
#define PCI_SIZE_CELLS 2
#define PCI_SPACE_SHIFT 24
#define PCI_SPACE_MASK 3
#define PCI_SPACE_IO 1

/* The properties that matter, anywhere in the tree. */
enum property {
	PROPERTY_ADDRESS_CELLS,
	PROPERTY_SIZE_CELLS,
	PROPERTY_REG,
	PROPERTY_RANGES,
	PROPERTY_COMPATIBLE,
	PROPERTY_STATUS,
	PROPERTY_DEVICE_TYPE,
	PROPERTY_METHOD,
	PROPERTY_BOOTARGS,
	PROPERTY_STDOUT_PATH,
	PROPERTY_KASLR_SEED,
	PROPERTY_FIRMWARE,
	PROPERTY_INITRD_START,
	PROPERTY_INITRD_END,
	PROPERTY_NO_MAP,
	PROPERTY_COUNT,
};

static const char property_names[PROPERTY_COUNT][FDT_NAME_SIZE] = {
	[PROPERTY_ADDRESS_CELLS] = "#address-cells",
	[PROPERTY_SIZE_CELLS] = "#size-cells",
	[PROPERTY_REG] = "reg",
	[PROPERTY_RANGES] = "ranges",
	[PROPERTY_COMPATIBLE] = "compatible",
	[PROPERTY_STATUS] = "status",
	[PROPERTY_DEVICE_TYPE] = "device_type",
	[PROPERTY_METHOD] = "method",
	[PROPERTY_BOOTARGS] = "bootargs",
	[PROPERTY_STDOUT_PATH] = "stdout-path",
	[PROPERTY_KASLR_SEED] = "kaslr-seed",
	[PROPERTY_FIRMWARE] = "pagoda,firmware",
	[PROPERTY_INITRD_START] = "linux,initrd-start",
	[PROPERTY_INITRD_END] = "linux,initrd-end",
	[PROPERTY_NO_MAP] = "no-map",
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
	struct fdt_walk walk;
	struct console console[CONSOLES_MAX];
	u32 console_count;
	u32 aliases; /* offset of the node /aliases, 0 where there is none */
	struct fdt_value stdout_path;
};

/* Cells in the addresses and sizes of @node's children; the defaults are the specification's. */
static u32 address_cells(const struct fdt_node *node)
{
	return fdt_cell(node, PROPERTY_ADDRESS_CELLS, 2);
}

static u32 size_cells(const struct fdt_node *node)
{
	return fdt_cell(node, PROPERTY_SIZE_CELLS, 1);
}

/*
 * The seed tells where the kernel is; nothing after this may read it. Its line was cleaned before
 * it was read, so caches_publish() can invalidate it without bringing the old bytes back. That is
 * one line: of several seeds, in a tree gone wrong, the first counts.
 */
static void take_seed(struct scan *scan, struct fdt_value value)
{
	struct boot_facts *facts = scan->facts;
	volatile u8 *data = (volatile u8 *)(uintptr_t)value.data;

	if (value.size != sizeof(u64) || facts->fdt.seed.value != 0)
		return;
	*scan->seed = fdt_cells(value.data, 2);
	facts->fdt.seed = paddr(facts->entry.fdt + (value.data - facts->fdt.tree.blob));
	for (unsigned i = 0; i < sizeof(u64); i++)
		data[i] = 0;
}

static void read_efi_property(struct efi_facts *efi, const struct fdt_event *event)
{
	u64 number = event->size <= sizeof(u64) ? fdt_cells(event->data, event->size / 4) : 0;

	if (strcmp(event->name, "linux,uefi-system-table") == 0)
		efi->system_table = number;
	else if (strcmp(event->name, "linux,uefi-mmap-start") == 0)
		efi->map_start = number;
	else if (strcmp(event->name, "linux,uefi-mmap-size") == 0)
		efi->map_size = (u32)number;
	else if (strcmp(event->name, "linux,uefi-mmap-desc-size") == 0)
		efi->descriptor_size = (u32)number;
	else if (strcmp(event->name, "linux,uefi-mmap-desc-ver") == 0)
		efi->descriptor_version = (u32)number;
	else if (strcmp(event->name, "pagoda,acpi-rsdp") == 0)
		efi->rsdp = number;
	else if (strcmp(event->name, "pagoda,kaslr-source") == 0)
		efi->seed = fdt_has_string(event->data, event->size, "efi");
}

/*
 * A second look at /chosen, for names that other boots need not look out for: one that shares its
 * hash with a name that is common in trees costs each boot an instruction in twenty.
 */
static void read_efi(struct scan *scan, const struct fdt_node *node)
{
	struct fdt_cursor cursor = fdt_begin(&scan->facts->fdt.tree);
	struct fdt_event event;

	cursor.offset = node->offset;
	cursor.root_seen = true;
	cursor.depth = 1;
	while (fdt_next(&cursor, &event) == FDT_OK && event.token != FDT_END_NODE)
		if (event.token == FDT_PROP && event.depth == 1)
			read_efi_property(&scan->facts->efi, &event);
}

/* An address in one cell or two: loaders write either. */
static u64 chosen_address(const struct fdt_node *node, enum property property)
{
	struct fdt_value value = fdt_value(node, property);

	return value.size <= sizeof(u64) ? fdt_cells(value.data, value.size / sizeof(u32)) : 0;
}

static void read_initrd(struct scan *scan, const struct fdt_node *node)
{
	u64 start = chosen_address(node, PROPERTY_INITRD_START);
	u64 end = chosen_address(node, PROPERTY_INITRD_END);

	if (start < end)
		memory_add(scan->memory, start, end - start, MEMORY_INITRD);
}

static void read_chosen(struct scan *scan, const struct fdt_node *node)
{
	struct boot_facts *facts = scan->facts;
	struct fdt_value bootargs = fdt_value(node, PROPERTY_BOOTARGS);
	const char *text = (const char *)bootargs.data;

	facts->fdt.has_chosen = true;
	scan->stdout_path = fdt_value(node, PROPERTY_STDOUT_PATH);
	take_seed(scan, fdt_value(node, PROPERTY_KASLR_SEED));
	if (node->found & BIT(PROPERTY_FIRMWARE))
		read_efi(scan, node);
	if (node->found & BIT(PROPERTY_INITRD_START))
		read_initrd(scan, node);
	if (bootargs.size == 0)
		return;
	facts->command_line_length = strnlen(text, bootargs.size);
	facts->command_line_cut =
		!text_copy(facts->command_line, COMMAND_LINE_MAX, text, facts->command_line_length);
	if (facts->command_line_cut)
		facts->command_line_length = COMMAND_LINE_MAX - 1;
}

/* Number @index of the (address, size) pairs in the reg of @node[0]; @node[-1] is its parent. */
static bool reg_pair(const struct fdt_node *node, u32 index, u64 *address, u64 *size)
{
	u32 address_length = address_cells(&node[-1]), size_length = size_cells(&node[-1]);
	u32 pair = (address_length + size_length) * sizeof(u32);
	struct fdt_value reg = fdt_value(node, PROPERTY_REG);
	const u8 *data = reg.data + index * pair;

	if (address_length > CELLS_MAX || size_length > CELLS_MAX || pair == 0 ||
	    reg.size / pair <= index)
		return false;
	*address = fdt_cells(data, address_length);
	*size = fdt_cells(data + address_length * sizeof(u32), size_length);
	return true;
}

static void add_memory(struct scan *scan, const struct fdt_node *node, enum memory_kind kind)
{
	u64 address, size;

	for (u32 i = 0; reg_pair(node, i, &address, &size); i++)
		memory_add(scan->memory, address, size, kind);
}

/*
 * One step of an address towards the root: through the `ranges` of the bus @bus[0], whose own
 * parent is @bus[-1]. Empty ranges translate to themselves; a bus without the property does not
 * translate.
 */
static bool translate(const struct fdt_node *bus, u64 *address)
{
	u32 child = address_cells(bus), up = address_cells(&bus[-1]), length = size_cells(bus);
	u32 entry = (child + up + length) * sizeof(u32);
	struct fdt_value ranges = fdt_value(bus, PROPERTY_RANGES);

	if (ranges.data == NULL || child > CELLS_MAX || up > CELLS_MAX || length > CELLS_MAX)
		return false;
	if (ranges.size == 0)
		return true;
	for (u32 at = 0; entry != 0 && ranges.size - at >= entry; at += entry) {
		const u8 *data = ranges.data + at;
		u64 from = fdt_cells(data, child);
		u64 to = fdt_cells(data + child * sizeof(u32), up);
		u64 size = fdt_cells(data + (child + up) * sizeof(u32), length);

		if (*address >= from && *address - from < size) {
			*address = to + (*address - from);
			return true;
		}
	}
	return false;
}

/*
 * The number in a property of one cell of the node that the walk has reached, which is too rare for
 * the walk to look out for.
 */
static u32 rare_cell(const struct scan *scan, const char *name, u32 missing)
{
	struct fdt_cursor cursor = fdt_begin(&scan->facts->fdt.tree);
	struct fdt_event event;

	cursor.offset = scan->walk.reached->offset;
	cursor.root_seen = true;
	cursor.depth = scan->walk.depth;
	if (fdt_next(&cursor, &event) != FDT_OK)
		return missing;
	while (fdt_next(&cursor, &event) == FDT_OK && event.token == FDT_PROP)
		if (strcmp(event.name, name) == 0 && event.size == sizeof(u32))
			return (u32)fdt_cells(event.data, 1);
	return missing;
}

/*
 * How an 8250 has its registers; false where nobody could reach them so. DesignWare's UART and the
 * Raspberry Pi's mini UART have 32-bit registers, without a word about it in most trees.
 */
static bool read_8250(const struct scan *scan, struct serial_kind *kind)
{
	const struct fdt_node *node = scan->walk.reached;
	bool wide = fdt_node_has_string(node, PROPERTY_COMPATIBLE, "snps,dw-apb-uart") ||
		    fdt_node_has_string(node, PROPERTY_COMPATIBLE, "brcm,bcm2835-aux-uart");
	u32 shift = rare_cell(scan, "reg-shift", wide ? 2 : 0);
	u32 width = rare_cell(scan, "reg-io-width", wide && shift == 2 ? 4 : 1);

	if (shift > 3 || (width != 1 && width != 2 && width != 4) || width > 1u << shift)
		return false;
	kind->reg_shift = (u8)shift;
	kind->io_width = (u8)width;
	return true;
}

static void add_console(struct scan *scan, const struct fdt_node *node, enum serial_type type)
{
	struct console *console = &scan->console[scan->console_count];
	const struct fdt_node *root = scan->walk.node;
	int depth = scan->walk.depth;
	u64 address, size;

	if (scan->console_count == CONSOLES_MAX || depth > CONSOLE_DEPTH_MAX ||
	    !reg_pair(node, 0, &address, &size))
		return;
	for (const struct fdt_node *bus = node - 1; bus != root; bus--)
		if (!translate(bus, &address))
			return;
	console->choice =
		(struct console_choice){ paddr(address), { .type = (u8)type }, CONSOLE_FIRST_UART };
	if (type == SERIAL_8250 && !read_8250(scan, &console->choice.kind))
		return;
	console->depth = depth;
	for (int i = 0; i < depth; i++)
		console->path[i] = root[i + 1].name;
	scan->console_count++;
}

static void read_psci(struct boot_facts *facts, const struct fdt_node *node)
{
	if (!fdt_node_has_string(node, PROPERTY_COMPATIBLE, "arm,psci") &&
	    !fdt_node_has_string(node, PROPERTY_COMPATIBLE, "arm,psci-0.2") &&
	    !fdt_node_has_string(node, PROPERTY_COMPATIBLE, "arm,psci-1.0"))
		return;
	if (fdt_node_has_string(node, PROPERTY_METHOD, "hvc"))
		facts->psci = PSCI_HVC;
	else if (fdt_node_has_string(node, PROPERTY_METHOD, "smc"))
		facts->psci = PSCI_SMC;
}

/* Only asked of nodes with the names that serial ports have: every comparison costs the boot. */
static void read_serial(struct scan *scan, const struct fdt_node *node)
{
	if (!fdt_name_is(node->name, "serial") && !fdt_name_is(node->name, "uart"))
		return;
	if (fdt_node_has_string(node, PROPERTY_COMPATIBLE, "arm,sbsa-uart"))
		add_console(scan, node, SERIAL_SBSA);
	else if (fdt_node_has_string(node, PROPERTY_COMPATIBLE, "ns16550a") ||
		 fdt_node_has_string(node, PROPERTY_COMPATIBLE, "ns16550") ||
		 fdt_node_has_string(node, PROPERTY_COMPATIBLE, "ns8250") ||
		 fdt_node_has_string(node, PROPERTY_COMPATIBLE, "snps,dw-apb-uart") ||
		 fdt_node_has_string(node, PROPERTY_COMPATIBLE, "brcm,bcm2835-aux-uart"))
		add_console(scan, node, SERIAL_8250);
}

/* The first I/O range in the `ranges` of the bridge @node, whose addresses are its parent's. */
static void read_pci_io(const struct fdt_node *node, struct pci_io *io)
{
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

/* What a node with registers, or with memory of its own, says. */
static void read_reg(struct scan *scan, const struct fdt_node *node)
{
	if ((node->found & BIT(PROPERTY_DEVICE_TYPE)) &&
	    fdt_node_has_string(node, PROPERTY_DEVICE_TYPE, "memory"))
		add_memory(scan, node, MEMORY_RAM);
	else if (scan->walk.depth == 2 && fdt_name_is(node[-1].name, "reserved-memory"))
		add_memory(scan, node,
			   node->found & BIT(PROPERTY_NO_MAP) ? MEMORY_NOMAP : MEMORY_RESERVED);
	else if ((node->found & BIT(PROPERTY_RANGES)) && scan->walk.depth == 1 &&
		 fdt_node_has_string(node, PROPERTY_COMPATIBLE, "pci-host-ecam-generic"))
		read_pci_io(node, &scan->facts->pci_io);
	else if (fdt_node_has_string(node, PROPERTY_COMPATIBLE, "arm,pl011"))
		add_console(scan, node, SERIAL_PL011);
	else if (node->name[0] == 's' || node->name[0] == 'u')
		read_serial(scan, node);
}

static void read_node(struct scan *scan, const struct fdt_node *node)
{
	int depth = scan->walk.depth;

	if (depth == 0 || fdt_is_disabled(node, PROPERTY_STATUS))
		return;
	if (node->found & BIT(PROPERTY_REG))
		read_reg(scan, node);
	else if (node->found & BIT(PROPERTY_METHOD))
		read_psci(scan->facts, node);
	else if (depth == 1 && fdt_name_is(node->name, "chosen"))
		read_chosen(scan, node);
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

/* Characters of @path up to the next '/', the ':' before console options, or the end. */
static u32 path_piece(const char *path)
{
	u32 length = 0;

	while (path[length] != '\0' && path[length] != '/' && path[length] != ':')
		length++;
	return length;
}

/* @path, "/soc/serial@9000000:115200n8", leads to @console. A unit address may be left out. */
static bool path_leads_to(const char *path, const struct console *console)
{
	for (int i = 0; i < console->depth; i++) {
		const char *name = console->path[i];
		u32 length;

		if (*path++ != '/')
			return false;
		length = path_piece(path);
		if (strnlen(name, length) < length || memcmp(name, path, length) != 0 ||
		    (name[length] != '\0' && name[length] != '@'))
			return false;
		path += length;
	}
	return *path == '\0' || *path == ':';
}

/* The value of the property of /aliases that @path names; @path itself where it is no alias. */
static const char *follow_alias(const struct scan *scan, const char *path)
{
	struct fdt_cursor cursor = fdt_begin(&scan->facts->fdt.tree);
	struct fdt_event event;

	if (path[0] == '/' || scan->aliases == 0)
		return path;
	cursor.offset = scan->aliases;
	cursor.root_seen = true;
	cursor.depth = 1;
	while (fdt_next(&cursor, &event) == FDT_OK && event.token != FDT_END_NODE)
		if (event.token == FDT_PROP && fdt_is_string(event.data, event.size) &&
		    text_equal(path, path_piece(path), event.name))
			return (const char *)event.data;
	return path;
}

static void choose_console(struct scan *scan)
{
	struct boot_facts *facts = scan->facts;
	const char *path;

	if (scan->console_count == 0)
		return;
	facts->console = scan->console[0].choice;
	if (!fdt_is_string(scan->stdout_path.data, scan->stdout_path.size))
		return;
	path = follow_alias(scan, (const char *)scan->stdout_path.data);
	for (u32 i = 0; i < scan->console_count; i++) {
		if (path_leads_to(path, &scan->console[i])) {
			facts->console = scan->console[i].choice;
			facts->console.source = CONSOLE_STDOUT_PATH;
			return;
		}
	}
}

/* Each entry's line is cleaned before it is read, and the block ends where its zeroes say. */
static void add_reservations(struct scan *scan, u64 line)
{
	const struct fdt *fdt = &scan->facts->fdt.tree;
	const u8 *entry = fdt->blob + fdt->reserve_start;
	const u8 *last = fdt->blob + fdt->total_size - RESERVE_ENTRY_SIZE;
	u64 start, size;

	for (u32 i = 0; entry <= last; i++, entry += RESERVE_ENTRY_SIZE) {
		dcache_clean(entry, RESERVE_ENTRY_SIZE, line);
		if (!fdt_reserve(fdt, i, &start, &size))
			return;
		memory_add(scan->memory, start, size, MEMORY_RESERVED);
	}
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
	scan->memory = (struct memory_map *)(uintptr_t)(facts->memory.value + phys_offset);
	memory_begin(scan->memory);
	scan->console_count = 0;
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
	choose_console(&scan);
	if (status != FDT_END)
		return stop_fdt(facts, status);
	if (scan.memory->banks == 0)
		return (struct stop){ STOP_NO_MEMORY_NODE, 0, 0, 0 };
	add_reservations(&scan, line);
	if (scan.memory->unprotected != 0)
		return (struct stop){ STOP_RESERVATIONS, scan.memory->unprotected,
				      MEMORY_OTHERS_MAX, 0 };
	return stop_none();
}
