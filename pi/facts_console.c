// SPDX-License-Identifier: MIT
/*
 * Facts from the FDT about consoles: the UARTs in it, and which of them stdout-path names.
 * Runs with the MMU off, .bss clear, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>
#include <pagoda/pi/scan.h>

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

static void keep(struct scan *scan, const struct fdt_node *node, enum serial_type type)
{
	struct console *console = &scan->console[scan->console_count];
	const struct fdt_node *root = scan->walk.node;
	int depth = scan->walk.depth;
	u64 address, size;

	if (scan->console_count == CONSOLES_SEEN_MAX || depth > CONSOLE_DEPTH_MAX ||
	    !scan_reg(node, 0, &address, &size))
		return;
	for (const struct fdt_node *bus = node - 1; bus != root; bus--)
		if (!fdt_is_usable(bus, PROPERTY_STATUS) || !translate(bus, &address))
			return;
	console->choice =
		(struct console_choice){ paddr(address), { .type = (u8)type }, CONSOLE_FIRST_UART };
	if (type == SERIAL_8250 && !read_8250(scan, &console->choice.kind))
		return;
	if (!serial_may_be_at(console->choice.kind, address))
		return;
	console->depth = depth;
	for (int i = 0; i < depth; i++)
		console->path[i] = root[i + 1].name;
	scan->console_count++;
}

static bool is_compatible(const struct fdt_node *node, const struct serial_words *words)
{
	for (unsigned i = 0; i < SERIAL_COMPATIBLES && words->compatible[i][0] != '\0'; i++)
		if (fdt_node_has_string(node, PROPERTY_COMPATIBLE, words->compatible[i]))
			return true;
	return false;
}

void scan_uart(struct scan *scan, const struct fdt_node *node)
{
	const struct serial_words *words;

	for (unsigned type = 0; (words = serial_words(type)); type++) {
		if (!is_compatible(node, words))
			continue;
		keep(scan, node, type);
		return;
	}
}

/* Characters of @path up to the next '/', the ':' before console options, or the end. */
static u32 path_piece(const char *path)
{
	u32 length = 0;

	while (path[length] != '\0' && path[length] != '/' && path[length] != ':')
		length++;
	return length;
}

/*
 * Where on the way to @console @path leads from @depth on, up to its end or the ':' before console
 * options: the depth there, or -1 where it leads elsewhere. A unit address may be left out.
 */
static int path_descend(const char *path, const struct console *console, int depth)
{
	for (; *path == '/'; depth++) {
		u32 length = path_piece(++path);
		const char *name;

		if (depth < 0 || depth == console->depth)
			return -1;
		name = console->path[depth];
		if (strnlen(name, length) < length || memcmp(name, path, length) != 0 ||
		    (name[length] != '\0' && name[length] != '@'))
			return -1;
		path += length;
	}
	return *path == '\0' || *path == ':' ? depth : -1;
}

/*
 * Whether "/soc/serial@9000000:115200n8" leads to @console; or @path that begins with an alias,
 * "serial0:115200n8" or "soc/serial@9000000", with what that stands for in @alias.
 */
static bool path_leads_to(const char *path, const char *alias, const struct console *console)
{
	int depth = alias == path ? 0 : path_descend(alias, console, 0);

	path += alias == path ? 0 : path_piece(path);
	return path_descend(path, console, depth) == console->depth;
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

void scan_choose_console(struct scan *scan)
{
	struct boot_facts *facts = scan->facts;
	const char *path, *alias;

	facts->fdt.has_stdout_path = scan->stdout_path.data != NULL;
	if (scan->console_count == 0)
		return;
	facts->console = scan->console[0].choice;
	if (!facts->fdt.has_stdout_path ||
	    !fdt_is_string(scan->stdout_path.data, scan->stdout_path.size))
		return;
	path = (const char *)scan->stdout_path.data;
	alias = follow_alias(scan, path);
	for (u32 i = 0; i < scan->console_count; i++) {
		if (path_leads_to(path, alias, &scan->console[i])) {
			facts->console = scan->console[i].choice;
			facts->console.source = CONSOLE_STDOUT_PATH;
			return;
		}
	}
}
