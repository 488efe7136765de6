// SPDX-License-Identifier: MIT
/*
 * What reports call kinds of memory, and `report json` promises (docs/report.schema.json).
 * Runs in the kernel, MMU on, and on the host: a compiler may turn this into a table of pointers,
 * so nothing may call it before relocation.
 */
#include <pagoda/mm/layout/memory_map.h>

const char *memory_kind_str(enum memory_kind kind)
{
	switch (kind) {
	case MEMORY_RAM:
		return "ram";
	case MEMORY_RESERVED:
		return "reserved";
	case MEMORY_FDT:
		return "fdt";
	case MEMORY_INITRD:
		return "initrd";
	case MEMORY_TABLES:
		return "tables";
#if KASAN
	case MEMORY_SHADOW:
		return "shadow";
#endif
	case MEMORY_NOMAP:
		return "no-map";
	case MEMORY_IMAGE:
		return "image";
	case MEMORY_KIND_COUNT:
		break;
	}
	return "unknown kind";
}
