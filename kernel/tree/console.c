// SPDX-License-Identifier: MIT
/*
 * Consoles: the UARTs in the FDT, and which of them stdout-path names.
 * Runs as pass.c does, and may not use what that may not.
 */
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>
#include <pagoda/kernel/tree/tree.h>

/*
 * One step of an address towards the root: through the `ranges` of the bus @bus[0], whose own
 * parent is @bus[-1]. Empty ranges translate to themselves; a bus without the property does not
 * translate.
 */
static bool translate_step(const struct fdt_node *bus, u64 *address)
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

bool scan_translate(const struct fdt_node *node, const struct fdt_node *root, u64 *address)
{
	for (const struct fdt_node *bus = node - 1; bus != root; bus--)
		if (!fdt_is_usable(bus, PROPERTY_STATUS) || !translate_step(bus, address))
			return false;
	return true;
}

/*
 * What the node that the walk has reached says of its registers, in properties too rare for the
 * walk to look out for.
 */
static struct serial_properties read_properties(const struct scan *scan)
{
	struct fdt_cursor cursor = fdt_properties(scan->walk.fdt, scan->walk.reached->offset);
	struct serial_properties properties = { 0 };
	struct fdt_event event;

	while (fdt_next_property(&cursor, &event))
		serial_property(&properties, event.name, event.data, event.size);
	return properties;
}

bool scan_kind(const struct scan *scan, struct serial_kind *kind, u64 *address)
{
	struct serial_properties properties;

	if (serial_has_properties(*kind)) {
		properties = read_properties(scan);
		*address += properties.reg_offset;
		if (!serial_describe(kind, &properties))
			return false;
	}
	return serial_may_be_at(*kind, *address);
}

static void keep(struct scan *scan, const struct fdt_node *node, struct serial_kind kind,
		 u32 offset)
{
	struct console *console = &scan->console[scan->console_count];
	const struct fdt_node *root = scan->walk.node;
	struct tree_nodes *nodes = scan->nodes;
	struct tree_region region;
	int depth = scan->walk.depth;
	u64 address, size;

	if (scan->console_count == CONSOLES_SEEN_MAX || depth > CONSOLE_DEPTH_MAX ||
	    !scan_reg(node, 0, &address, &size) || !scan_translate(node, root, &address))
		return;
	region = (struct tree_region){ address, size };
	address += offset;
	if (!scan_kind(scan, &kind, &address))
		return;
	console->choice = (struct console_choice){ paddr(address), kind, CONSOLE_FIRST_UART };
	console->depth = depth;
	for (int i = 0; i < depth; i++)
		console->path[i] = root[i + 1].name;
	scan->console_count++;
	nodes->uart_region[nodes->uarts] = region;
	scan_place(scan, &nodes->uart[nodes->uarts++]);
}

/* With their padding, word by word: then they are the same; else they may be all the same. */
static inline bool is_same(struct fdt_value a, struct fdt_value b)
{
	u32 at = 0;

	if (a.size != b.size)
		return false;
	while (at < a.size && fdt_word_at(a.data + at) == fdt_word_at(b.data + at))
		at += sizeof(u32);
	return at >= a.size;
}

void scan_uart(struct scan *scan, const struct fdt_node *node)
{
	struct fdt_value compatible = fdt_value(node, PROPERTY_COMPATIBLE);
	struct serial_kind kind;
	u32 offset;

	if (compatible.data == NULL || is_same(compatible, scan->no_uart))
		return;
	if (serial_find((const char *)compatible.data, compatible.size, &kind, &offset))
		keep(scan, node, kind, offset);
	else
		scan->no_uart = compatible;
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

bool console_has_path(const struct console *console, const char *path, const char *alias)
{
	int depth = alias == path ? 0 : path_descend(alias, console, 0);

	path += alias == path ? 0 : path_piece(path);
	return path_descend(path, console, depth) == console->depth;
}

const char *console_alias(const struct fdt *fdt, u32 aliases, const char *path)
{
	struct fdt_cursor cursor;
	struct fdt_event event;

	if (path[0] == '/' || aliases == 0)
		return path;
	cursor = fdt_properties(fdt, aliases);
	while (fdt_next_property(&cursor, &event))
		if (fdt_is_string(event.data, event.size) &&
		    text_equal(path, path_piece(path), event.name))
			return (const char *)event.data;
	return path;
}

void tree_choose_console(struct scan *scan)
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
	alias = console_alias(scan->walk.fdt, scan->aliases, path);
	for (u32 i = 0; i < scan->console_count; i++) {
		if (console_has_path(&scan->console[i], path, alias)) {
			facts->console = scan->console[i].choice;
			facts->console.source = CONSOLE_STDOUT_PATH;
			return;
		}
	}
}

void tree_list_consoles(const struct scan *scan, struct console_choice others[CONSOLES_SEEN_MAX])
{
	struct boot_facts *facts = scan->facts;

	facts->consoles = 0;
	for (u32 i = 0; i < scan->console_count; i++)
		if (scan->console[i].choice.address.value != facts->console.address.value)
			others[facts->consoles++] = scan->console[i].choice;
}
