// SPDX-License-Identifier: MIT
/*
 * Memory: banks, and what is set aside in them.
 * Runs as pass.c does, and may not use what that may not.
 */
#include <pagoda/kernel/tree/scan.h>

bool scan_reg(const struct fdt_node *node, u32 index, u64 *address, u64 *size)
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

/*
 * What is left over where cells are counted wrong, as by a node that does not say how many a size
 * has, was somebody's range: it is lost, and that is said.
 */
void scan_memory(struct scan *scan, const struct fdt_node *node, enum memory_kind kind)
{
	u32 pair = (address_cells(&node[-1]) + size_cells(&node[-1])) * sizeof(u32), read = 0;
	u64 address, size;

	for (; scan_reg(node, read, &address, &size); read++)
		memory_add(scan->memory, address, size, kind);
	scan->memory->dropped += fdt_value(node, PROPERTY_REG).size != read * pair;
}

void scan_reservations(struct scan *scan)
{
	u64 start, size;

	for (u32 i = 0; fdt_reserve(scan->walk.fdt, i, &start, &size); i++)
		memory_add(scan->memory, start, size, MEMORY_RESERVED);
}
