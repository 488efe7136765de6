// SPDX-License-Identifier: MIT
/*
 * What can come of a change to page tables, in words.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss.
 */
#include <pagoda/mm/pt/pagetable.h>

const char *map_result_str(enum map_result result)
{
	switch (result) {
	case MAP_OK:
		return "ok";
	case MAP_NO_TABLES:
		return "page-table pool exhausted";
	case MAP_BAD_RANGE:
		return "range empty, unaligned or outside the address space";
	case MAP_UNREACHABLE:
		return "physical address beyond the output size";
	case MAP_CONFLICT:
		return "already mapped";
	case MAP_NOT_MAPPED:
		return "not mapped";
	case MAP_SPLIT:
		return "cuts a block or contiguous run in two";
	case MAP_LIVE:
		return "would have to be broken first, and holds what that needs";
	case MAP_UNEVEN:
		return "not all of it mapped alike";
	}
	return "unknown result";
}
