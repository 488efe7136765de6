// SPDX-License-Identifier: MIT
/*
 * What /chosen says that nobody needs before the flip: console, initrd, and what the EFI stub found
 * out. The rest: pi/chosen.c.
 * Runs as pass.c does, and may not use what that may not.
 */
#include <pagoda/kernel/handoff/chosen.h>
#include <pagoda/kernel/tree/scan.h>
#include <pagoda/lib/string.h>

/* A number in one cell or two: loaders write either. */
static u64 number_of(const struct fdt_event *event)
{
	return event->size <= sizeof(u64) ? fdt_cells(event->data, event->size / sizeof(u32)) : 0;
}

static void read_efi(struct efi_facts *efi, const struct fdt_event *event)
{
	u64 number = number_of(event);

	if (strcmp(event->name, CHOSEN_SYSTEM_TABLE) == 0)
		efi->system_table = number;
	else if (strcmp(event->name, CHOSEN_MAP_START) == 0)
		efi->map_start = number;
	else if (strcmp(event->name, CHOSEN_MAP_SIZE) == 0)
		efi->map_size = (u32)number;
	else if (strcmp(event->name, CHOSEN_MAP_DESCRIPTOR_SIZE) == 0)
		efi->descriptor_size = (u32)number;
	else if (strcmp(event->name, CHOSEN_MAP_DESCRIPTOR_VERSION) == 0)
		efi->descriptor_version = (u32)number;
	else if (strcmp(event->name, CHOSEN_MADE_OF) == 0)
		efi->acpi = fdt_has_string(event->data, event->size, CHOSEN_MADE_OF_ACPI);
	else if (strcmp(event->name, CHOSEN_RSDP) == 0)
		efi->rsdp = number;
}

/*
 * A second look, for names that other boots need not look out for, and of which each would be a
 * comparison more.
 */
static void read_firmware(struct scan *scan, const struct fdt_node *node)
{
	struct fdt_cursor cursor = fdt_properties(scan->walk.fdt, node->offset);
	struct fdt_event event;

	while (fdt_next_property(&cursor, &event))
		read_efi(&scan->facts->efi, &event);
}

void scan_chosen(struct scan *scan, const struct fdt_node *node)
{
	struct fdt_cursor cursor = fdt_properties(scan->walk.fdt, node->offset);
	struct fdt_event event;
	u64 start = 0, end = 0;
	bool firmware = false;

	while (fdt_next_property(&cursor, &event)) {
		if (strcmp(event.name, CHOSEN_STDOUT_PATH) == 0)
			scan->stdout_path = (struct fdt_value){ event.data, event.size };
		else if (strcmp(event.name, "linux,initrd-start") == 0)
			start = number_of(&event);
		else if (strcmp(event.name, "linux,initrd-end") == 0)
			end = number_of(&event);
		else if (strcmp(event.name, "linux,usable-memory-range") == 0)
			scan_usable(scan, (struct fdt_value){ event.data, event.size });
		else if (strcmp(event.name, "linux,elfcorehdr") == 0)
			scan_core_header(scan, (struct fdt_value){ event.data, event.size });
		else if (strcmp(event.name, CHOSEN_FIRMWARE) == 0)
			firmware = true;
	}
	if (start < end)
		memory_add(scan->memory, start, end - start, MEMORY_INITRD);
	if (firmware)
		read_firmware(scan, node);
}
