// SPDX-License-Identifier: MIT
/*
 * Memory: banks, and what is set aside in them.
 * Runs as pass.c does, and may not use what that may not.
 */
#include <pagoda/kernel/tree/scan.h>
#include <pagoda/lib/string.h>

#define USABLE_MAX 2 /* ranges, as Linux reads: the kernel's, and one in low memory for devices */

/* Number @index of the (address, size) pairs in @value, in cells as @bus counts them. */
static bool read_pair(const struct fdt_node *bus, struct fdt_value value, u32 index, u64 *address,
		      u64 *size)
{
	u32 address_length = address_cells(bus), size_length = size_cells(bus);
	u32 pair = (address_length + size_length) * sizeof(u32);
	const u8 *data;

	if (address_length > CELLS_MAX || size_length > CELLS_MAX || pair == 0 ||
	    value.size / pair <= index)
		return false;
	data = value.data + index * pair;
	*address = fdt_cells(data, address_length);
	*size = fdt_cells(data + address_length * sizeof(u32), size_length);
	return true;
}

bool scan_reg(const struct fdt_node *node, u32 index, u64 *address, u64 *size)
{
	return read_pair(&node[-1], fdt_value(node, PROPERTY_REG), index, address, size);
}

bool scan_is_usable(const struct scan *scan, const struct fdt_node *node)
{
	for (const struct fdt_node *bus = node - 1; bus != scan->walk.node; bus--)
		if (!fdt_is_usable(bus, PROPERTY_STATUS))
			return false;
	return true;
}

/* A property that few nodes have, or few that are asked: the walk need not look out for it. */
static bool find_property(const struct scan *scan, const struct fdt_node *node, const char *name,
			  struct fdt_event *event)
{
	struct fdt_cursor cursor = fdt_properties(scan->walk.fdt, node->offset);

	while (fdt_next_property(&cursor, event))
		if (strcmp(event->name, name) == 0)
			return true;
	return false;
}

/*
 * All pairs in @value are memory of this @kind. What is left over where cells are counted wrong, as
 * by a node that does not say how many a size has, was somebody's range: it is lost, and that is
 * said.
 */
static void add_ranges(struct scan *scan, const struct fdt_node *bus, struct fdt_value value,
		       enum memory_kind kind)
{
	u32 pair = (address_cells(bus) + size_cells(bus)) * sizeof(u32), read = 0;
	u64 address, size;

	for (; read_pair(bus, value, read, &address, &size); read++)
		memory_add(scan->memory, address, size, kind);
	scan->memory->dropped += value.size != read * pair;
}

/* After a crash the bank is still all there, and the next kernel's is the part that it is told. */
void scan_banks(struct scan *scan, const struct fdt_node *node)
{
	struct fdt_value value = fdt_value(node, PROPERTY_REG);
	struct fdt_event event;

	if (find_property(scan, node, "linux,usable-memory", &event))
		value = (struct fdt_value){ event.data, event.size };
	add_ranges(scan, &node[-1], value, MEMORY_RAM);
}

void scan_reserved(struct scan *scan, const struct fdt_node *node)
{
	add_ranges(scan, &node[-1], fdt_value(node, PROPERTY_REG),
		   node->found & BIT(PROPERTY_NO_MAP) ? MEMORY_NOMAP : MEMORY_RESERVED);
}

/* Between two ranges there is another kernel's memory: as little ours as what lies around both. */
static void add_usable(struct scan *scan, u64 start, u64 end)
{
	u64 first = scan->lists->usable.start, last = scan->lists->usable.end;

	if (last == 0) {
		scan->lists->usable.start = start;
		scan->lists->usable.end = end;
		return;
	}
	if (start > last)
		memory_add(scan->memory, last, start - last, MEMORY_NOMAP);
	else if (end < first)
		memory_add(scan->memory, end, first - end, MEMORY_NOMAP);
	scan->lists->usable.start = min_u64(start, first);
	scan->lists->usable.end = end > last ? end : last;
}

void scan_usable(struct scan *scan, struct fdt_value ranges)
{
	const struct fdt_node *root = scan->walk.node;
	u32 pair = (address_cells(root) + size_cells(root)) * sizeof(u32), read = 0;
	u64 start, size;

	for (; read < USABLE_MAX && read_pair(root, ranges, read, &start, &size); read++) {
		if (size == 0 || start + size < start)
			scan->memory->dropped++;
		else
			add_usable(scan, start, start + size);
	}
	scan->memory->dropped += ranges.size != read * pair;
}

void scan_core_header(struct scan *scan, struct fdt_value range)
{
	add_ranges(scan, scan->walk.node, range, MEMORY_RESERVED);
}

void scan_reservations(struct scan *scan)
{
	u64 start, size;

	for (u32 i = 0; fdt_reserve(scan->walk.fdt, i, &start, &size); i++)
		memory_add(scan->memory, start, size, MEMORY_RESERVED);
}
