// SPDX-License-Identifier: MIT
/*
 * What UEFI firmware left behind, in the reports: system table, RSDP, memory map. Nothing where the
 * boot did not come through the EFI stub.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/lib/format.h>

#include "parts.h"

/* "boot services data": what the specification calls it. */
static const char *type_str(u32 type)
{
	switch (type) {
	case EFI_RESERVED:
		return "reserved";
	case EFI_LOADER_CODE:
		return "loader code";
	case EFI_LOADER_DATA:
		return "loader data";
	case EFI_BOOT_SERVICES_CODE:
		return "boot services code";
	case EFI_BOOT_SERVICES_DATA:
		return "boot services data";
	case EFI_RUNTIME_SERVICES_CODE:
		return "runtime services code";
	case EFI_RUNTIME_SERVICES_DATA:
		return "runtime services data";
	case EFI_CONVENTIONAL:
		return "conventional";
	case EFI_UNUSABLE:
		return "unusable";
	case EFI_ACPI_RECLAIM:
		return "ACPI reclaim";
	case EFI_ACPI_NVS:
		return "ACPI NVS";
	case EFI_MEMORY_MAPPED_IO:
		return "memory-mapped I/O";
	case EFI_MEMORY_MAPPED_IO_PORTS:
		return "memory-mapped I/O ports";
	case EFI_PAL_CODE:
		return "PAL code";
	case EFI_PERSISTENT:
		return "persistent";
	case EFI_UNACCEPTED:
		return "unaccepted";
	}
	return "unknown type";
}

/* Bytes that the map gives a type. */
static u64 type_total(const struct efi_memory_map *map, u32 type)
{
	u64 bytes = 0;

	for (u64 i = 0; i < efi_map_count(map); i++) {
		struct efi_descriptor descriptor = efi_map_get(map, i);

		if (descriptor.type == type)
			bytes += descriptor.pages * EFI_PAGE_SIZE;
	}
	return bytes;
}

void report_efi(const struct kernel *kernel)
{
	const struct efi_facts *facts = &kernel->handoff->facts.efi;
	const struct efi_memory_map *map = &kernel->efi_map;

	if (facts->system_table == 0)
		return;
	report_label("UEFI");
	print("system table 0x%016lx, RSDP ", facts->system_table);
	if (facts->rsdp != 0)
		print("0x%016lx\n", facts->rsdp);
	else
		print("none\n");
	report_label("");
	print("memory map 0x%016lx, %lu bytes, %lu descriptors%s\n", facts->map_start,
	      (u64)facts->map_size, efi_map_count(map),
	      map->size < facts->map_size ? " of it read" : "");
	for (u32 type = 0; type < EFI_MEMORY_TYPE_COUNT; type++) {
		u64 bytes = type_total(map, type);

		if (bytes == 0)
			continue;
		report_label("");
		print("%8s  %s\n", size_text(bytes).text, type_str(type));
	}
}

static void json_efi_map(struct json *json, const struct efi_memory_map *map)
{
	json_array(json, "memory_map");
	for (u64 i = 0; i < efi_map_count(map); i++) {
		struct efi_descriptor descriptor = efi_map_get(map, i);

		json_row(json, NULL);
		json_hex(json, "start", descriptor.start);
		json_hex(json, "end", descriptor.start + descriptor.pages * EFI_PAGE_SIZE);
		json_number(json, "number", descriptor.type);
		json_string(json, "type", type_str(descriptor.type));
		json_hex(json, "attributes", descriptor.attributes);
		json_close(json);
	}
	json_close(json);
}

void report_json_efi(const struct kernel *kernel, struct json *json)
{
	const struct efi_facts *facts = &kernel->handoff->facts.efi;

	if (facts->system_table == 0)
		return;
	json_object(json, "efi");
	json_hex(json, "system_table", facts->system_table);
	json_hex(json, "rsdp", facts->rsdp);
	json_hex(json, "map_start", facts->map_start);
	json_number(json, "map_size", facts->map_size);
	json_number(json, "descriptor_size", facts->descriptor_size);
	json_number(json, "descriptor_version", facts->descriptor_version);
	json_efi_map(json, &kernel->efi_map);
	json_close(json);
}
