// SPDX-License-Identifier: MIT
/*
 * Facts from the FDT about memory: banks, and what is set aside in them.
 * Runs with the MMU off, .bss clear, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/pi/scan.h>

#define RESERVE_ENTRY_SIZE 16 /* of the FDT's memory reservation block */

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

/* Each entry's line is cleaned before it is read, and the block ends where its zeroes say. */
void scan_reservations(struct scan *scan, u64 line)
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
