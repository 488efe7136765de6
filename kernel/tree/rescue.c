// SPDX-License-Identifier: MIT
/*
 * A second look at a tree that the boot has failed for, and that may be damaged: for a console, and
 * nothing else. What is damaged may say anything, so a UART counts only where two things agree: the
 * address in its node's name, and the one in its reg; and likewise a bus. Where one is lost, no
 * address counts that a later one does not explain.
 * Runs as pass.c does, and may not use what that may not.
 */
#include <pagoda/kernel/handoff/chosen.h>
#include <pagoda/kernel/tree/rescue.h>
#include <pagoda/lib/string.h>

/* The number in hex behind the '@' of a node's name; false where there is none. */
static bool unit_address(const char *name, u64 *address)
{
	const char *at = name;

	while (*at != '\0' && *at != '@')
		at++;
	*address = 0;
	if (*at == '\0' || at[1] == '\0')
		return false;
	for (at++; *at != '\0'; at++) {
		unsigned digit = *at >= 'a' ? (unsigned)(*at - 'a') + 10 : (unsigned)(*at - '0');

		if (digit > 15 || *address >> 60 != 0)
			return false;
		*address = *address << 4 | digit;
	}
	return true;
}

/* @address stands at @data, in one cell or two. How many: 0 where it does not. */
static u32 cells_of(const u8 *data, u32 size, u64 address)
{
	if (size >= 2 * sizeof(u32) && fdt_cells(data, 2) == address)
		return 2;
	return size >= sizeof(u32) && fdt_cells(data, 1) == address ? 1 : 0;
}

/* Where @address on a bus is to the CPU, by the last window that has it; it takes @cells there. */
static bool translate(const struct tree_rescue *rescue, u32 cells, u64 *address)
{
	for (u32 i = rescue->windows; i > 0; i--) {
		const struct tree_window *window = &rescue->window[i - 1];

		if (window->cells != cells || *address < window->from ||
		    *address - window->from >= window->size)
			continue;
		*address = window->to + (*address - window->from);
		return true;
	}
	return !rescue->blind[cells];
}

/* There is a bus, with as many cells for an address, and nobody knows what it does to them. */
static void lose_sight(struct tree_rescue *rescue, const struct fdt_node *bus)
{
	for (u32 cells = 1; cells <= CELLS_MAX; cells++)
		if (!(bus->found & BIT(PROPERTY_ADDRESS_CELLS)) || address_cells(bus) == cells ||
		    address_cells(bus) > CELLS_MAX)
			rescue->blind[cells] = true;
	rescue->windows = 0;
}

static bool add_window(struct tree_rescue *rescue, struct tree_window window, u32 up)
{
	if (rescue->windows == TREE_WINDOWS_MAX || !translate(rescue, up, &window.to))
		return false;
	rescue->window[rescue->windows++] = window;
	return true;
}

/*
 * Entries in the `ranges` of @bus with @up cells in its parent's addresses: each counts that leads
 * from 0 to the address in the node's name, or translates to the same address, and all must.
 */
static bool read_ranges(struct tree_rescue *rescue, const struct fdt_node *bus, u32 up)
{
	struct fdt_value ranges = fdt_value(bus, PROPERTY_RANGES);
	u32 child = address_cells(bus), length = size_cells(bus), before = rescue->windows;
	u32 entry = (child + up + length) * sizeof(u32);
	u64 named;

	if (ranges.size % entry != 0 || !unit_address(bus->name, &named))
		named = ~(u64)0;
	for (u32 at = 0; ranges.size % entry == 0 && at < ranges.size; at += entry) {
		const u8 *data = ranges.data + at, *parent = data + child * sizeof(u32);
		struct tree_window window = { .cells = child,
					      .from = fdt_cells(data, child),
					      .to = fdt_cells(parent, up),
					      .size = fdt_cells(parent + up * sizeof(u32),
								length) };

		if ((window.to != window.from && (window.to != named || window.from != 0)) ||
		    window.size == 0 || !add_window(rescue, window, up)) {
			rescue->windows = before;
			return false;
		}
	}
	return rescue->windows != before;
}

/* What has children at addresses; not interrupts, PCI, and what counts and has no sizes. */
static bool is_bus(const struct fdt_node *node)
{
	u32 cells = address_cells(node);

	if (cells == 0 || cells == 3 ||
	    ((node->found & BIT(PROPERTY_SIZE_CELLS)) && size_cells(node) == 0))
		return false;
	return (node->found & (BIT(PROPERTY_SIZE_CELLS) | BIT(PROPERTY_RANGES))) != 0;
}

/* Empty ranges change nothing, and tell nothing. */
static void read_bus(struct tree_rescue *rescue, const struct fdt_node *bus)
{
	struct fdt_value ranges = fdt_value(bus, PROPERTY_RANGES);
	bool sane = ranges.data != NULL && address_cells(bus) <= CELLS_MAX &&
		    size_cells(bus) <= CELLS_MAX;

	if (!is_bus(bus) || (sane && ranges.size == 0))
		return;
	if (!sane || (!read_ranges(rescue, bus, 2) && !read_ranges(rescue, bus, 1)))
		lose_sight(rescue, bus);
}

static void read_uart(struct tree_rescue *rescue, const struct fdt_node *node)
{
	struct fdt_value compatible = fdt_value(node, PROPERTY_COMPATIBLE);
	struct fdt_value reg = fdt_value(node, PROPERTY_REG);
	struct scan *scan = &rescue->scan;
	struct console *console = &scan->console[scan->console_count];
	struct serial_kind kind;
	u64 address = 0;
	u32 offset, cells;

	if (scan->console_count == CONSOLES_SEEN_MAX || compatible.data == NULL ||
	    !serial_find((const char *)compatible.data, compatible.size, &kind, &offset) ||
	    !unit_address(node->name, &address))
		return;
	cells = cells_of(reg.data, reg.size, address);
	if (cells == 0 || !translate(rescue, cells, &address))
		return;
	address += offset;
	if (!scan_kind(scan, &kind, &address))
		return;
	console->choice = (struct console_choice){ paddr(address), kind, CONSOLE_FIRST_UART };
	console->path[0] = node->name;
	console->depth = 1;
	scan->console_count++;
}

static void read_chosen(struct tree_rescue *rescue, const struct fdt_node *node)
{
	struct fdt_cursor cursor = fdt_properties(rescue->scan.walk.fdt, node->offset);
	struct fdt_event event;

	while (fdt_next_property(&cursor, &event)) {
		struct fdt_value value = { event.data, event.size };

		if (strcmp(event.name, CHOSEN_BOOTARGS) == 0 && event.size != 0)
			rescue->bootargs = value;
		else if (strcmp(event.name, CHOSEN_STDOUT_PATH) == 0)
			rescue->scan.stdout_path = value;
	}
}

static void read_node(struct tree_rescue *rescue, const struct fdt_node *node)
{
	read_bus(rescue, &rescue->scan.walk.node[2]);
	read_bus(rescue, node);
	if (!fdt_is_usable(node, PROPERTY_STATUS))
		return;
	if (strcmp(node->name, "chosen") == 0)
		read_chosen(rescue, node);
	else if (strcmp(node->name, "aliases") == 0)
		rescue->scan.aliases = node->offset;
	else
		read_uart(rescue, node);
}

void tree_rescue_begin(struct tree_rescue *rescue, const struct fdt *fdt, struct boot_facts *facts)
{
	scan_begin(&rescue->scan, fdt, facts);
	fdt_rescue_begin(&rescue->walk, &rescue->scan.walk);
	for (u32 cells = 0; cells <= CELLS_MAX; cells++)
		rescue->blind[cells] = false;
	rescue->windows = 0;
	rescue->bootargs = (struct fdt_value){ NULL, 0 };
}

bool tree_rescue_read(struct tree_rescue *rescue, struct fdt_value *seed)
{
	while (fdt_rescue_next(&rescue->walk, &rescue->scan.walk)) {
		const struct fdt_node *node = rescue->scan.walk.reached;

		read_node(rescue, node);
		if (tree_has_seed(node)) {
			*seed = fdt_value(node, PROPERTY_KASLR_SEED);
			return true;
		}
	}
	tree_choose_console(&rescue->scan);
	return false;
}
