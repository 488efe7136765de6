// SPDX-License-Identifier: MIT
/*
 * What the stub asks of firmware, one function each: a line on the console, pages, the memory map,
 * tables, entropy.
 * Runs under firmware, MMU on, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/efi/efi_stub.h>
#include <pagoda/lib/format.h>
#include <pagoda/lib/string.h>

#define LINE_MAX 240
#define MAP_TRIES 8
#define TABLES_MAX 1024

static const struct efi_guid fdt_guid = {
	0xb1b621d5, 0xf19c, 0x41a5, { 0x83, 0x0b, 0xd9, 0x15, 0x2c, 0x69, 0xaa, 0xe0 }
};

static const struct efi_guid acpi_guid = EFI_ACPI_GUID;

static const struct efi_guid rng_guid = {
	0x3152bca5, 0xeade, 0x433d, { 0x86, 0x2e, 0xc0, 0x1c, 0xdc, 0x29, 0x1f, 0x44 }
};

const char *efi_status_str(efi_status_t status)
{
	switch (status) {
	case EFI_SUCCESS:
		return "success";
	case EFI_LOAD_ERROR:
		return "load error";
	case EFI_INVALID_PARAMETER:
		return "invalid parameter";
	case EFI_UNSUPPORTED:
		return "unsupported";
	case EFI_BUFFER_TOO_SMALL:
		return "buffer too small";
	case EFI_NOT_READY:
		return "not ready";
	case EFI_DEVICE_ERROR:
		return "device error";
	case EFI_OUT_OF_RESOURCES:
		return "out of resources";
	case EFI_NOT_FOUND:
		return "not found";
	case EFI_ABORTED:
		return "aborted";
	}
	return "an EFI error without a name here";
}

void efi_say(struct efi_stub *stub, const char *text, ...)
{
	struct efi_text_output *console = stub->system->console_out;
	char line[LINE_MAX];
	u16 wide[LINE_MAX];
	va_list arguments;
	size_t length;

	if (console == NULL)
		return;
	length = format(line, sizeof(line), "pagoda: ");
	va_start(arguments, text);
	format_list(line + length, sizeof(line) - length - 2, text, arguments);
	va_end(arguments);
	length = strlen(line);
	for (size_t i = 0; i < length; i++)
		wide[i] = (u8)line[i];
	wide[length] = '\r';
	wide[length + 1] = '\n';
	wide[length + 2] = 0;
	console->output_string(console, wide);
}

efi_status_t efi_allocate(struct efi_stub *stub, struct efi_pages *pages, u32 type, u64 size)
{
	u64 count = size / EFI_PAGE_SIZE + 1, address = stub->reach - 1;
	u32 how = stub->reach != 0 ? EFI_ALLOCATE_MAX_ADDRESS : EFI_ALLOCATE_ANY_PAGES;
	efi_status_t status;

	status = stub->boot->allocate_pages(how, type, count, &address);
	if (status == EFI_SUCCESS)
		*pages = (struct efi_pages){ address, count };
	return status;
}

void efi_free(struct efi_stub *stub, struct efi_pages *pages)
{
	if (pages->count != 0)
		stub->boot->free_pages(pages->start, pages->count);
	*pages = (struct efi_pages){ 0, 0 };
}

static efi_status_t ask_map(struct efi_stub *stub)
{
	void *buffer = (void *)(uintptr_t)stub->map_pages.start;
	struct efi_memory_map *map = &stub->map;
	efi_status_t status;

	map->descriptors = buffer;
	map->size = stub->map_pages.count * EFI_PAGE_SIZE;
	status = stub->boot->get_memory_map(&map->size, buffer, &map->key, &map->descriptor_size,
					    &map->version);
	if (status == EFI_SUCCESS &&
	    (!efi_map_check(map) || map->size > stub->map_pages.count * EFI_PAGE_SIZE))
		return EFI_UNSUPPORTED;
	return status;
}

/*
 * The buffer is of ACPI's type, so that the map in it, which the kernel shows, is not RAM in it.
 * Making it changes the map: hence a page more than it takes, and another try.
 */
efi_status_t efi_get_map(struct efi_stub *stub)
{
	efi_status_t status = ask_map(stub);

	for (int i = 0; i < MAP_TRIES && status == EFI_BUFFER_TOO_SMALL && !stub->exit_tried; i++) {
		u64 size = stub->map.size;

		efi_free(stub, &stub->map_pages);
		status = efi_allocate(stub, &stub->map_pages, EFI_ACPI_RECLAIM,
				      size + EFI_PAGE_SIZE);
		if (status == EFI_SUCCESS)
			status = ask_map(stub);
	}
	if (status == EFI_SUCCESS)
		efi_map_sort(&stub->map);
	else
		efi_say(stub, "no memory map: %s", efi_status_str(status));
	return status;
}

/* Some firmware passes an FDT that holds little but /chosen beside the ACPI that counts. */
static bool describes_machine(const struct fdt_event *event)
{
	return event->token == FDT_BEGIN_NODE && event->depth == 1 &&
	       !fdt_name_is(event->name, "chosen") && !fdt_name_is(event->name, "hypervisor");
}

/* An FDT that reads well to its end, and has something to say. */
static bool fdt_usable(struct efi_stub *stub, const void *blob)
{
	enum fdt_status status;
	struct fdt_cursor cursor;
	struct fdt_event event;
	bool describes = false;
	struct fdt fdt;

	status = fdt_open(&fdt, blob);
	if (status == FDT_OK) {
		cursor = fdt_begin(&fdt);
		while ((status = fdt_next(&cursor, &event)) == FDT_OK)
			describes |= describes_machine(&event);
	}
	if (status != FDT_END)
		efi_say(stub, "the FDT that firmware passes is not used: %s",
			fdt_status_str(status));
	return status == FDT_END && describes;
}

efi_status_t efi_read_tables(struct efi_stub *stub)
{
	const struct efi_system_table *system = stub->system;
	u64 count = min_u64(system->table_count, TABLES_MAX);

	for (u64 i = 0; system->tables != NULL && i < count; i++) {
		const struct efi_configuration_table *entry = &system->tables[i];

		if (memcmp(&entry->guid, &fdt_guid, sizeof(fdt_guid)) == 0 &&
		    fdt_usable(stub, entry->table))
			stub->fdt = entry->table;
		else if (memcmp(&entry->guid, &acpi_guid, sizeof(acpi_guid)) == 0)
			stub->rsdp = (uintptr_t)entry->table;
	}
	if (stub->fdt != NULL || stub->rsdp != 0)
		return EFI_SUCCESS;
	efi_say(stub, "firmware describes the machine neither by an FDT nor by ACPI 2.0 tables");
	return EFI_LOAD_ERROR;
}

void efi_read_entropy(struct efi_stub *stub)
{
	u64 seeds[2] = { 0, 0 };
	void *found = NULL;
	efi_status_t status = stub->boot->locate_protocol(&rng_guid, NULL, &found);
	struct efi_rng *rng = found;

	if (status == EFI_SUCCESS)
		status = rng->get_rng(rng, NULL, sizeof(seeds), (u8 *)seeds);
	if (status != EFI_SUCCESS) {
		efi_say(stub, "no entropy from EFI_RNG_PROTOCOL (%s): lowest place for the Image",
			efi_status_str(status));
		return;
	}
	stub->has_entropy = true;
	stub->kaslr_seed = seeds[0];
	stub->place_seed = seeds[1];
}
