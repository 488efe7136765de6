// SPDX-License-Identifier: MIT
/*
 * The kernel's FDT: firmware's own, or one made from ACPI's tables, with memory as the EFI map has
 * it and with what firmware knows in /chosen. What comes after it needs no other source.
 * Runs under firmware, MMU on, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/efi/efi_stub.h>
#include <pagoda/kernel/handoff/chosen.h>
#include <pagoda/lib/string.h>

#define SETTINGS_MAX 10
/* For memory, settings and their names: see FDT_EDIT_ROOM. */
#define TREE_ROOM KIB(64)

/* What is set in /chosen, collected. */
struct settings {
	u32 count;
	struct fdt_setting setting[SETTINGS_MAX];
};

static void set_text(struct settings *settings, const char *name, const char *text)
{
	struct fdt_setting *setting = &settings->setting[settings->count++];

	setting->kind = FDT_SETTING_STRING;
	setting->name = name;
	setting->text = text;
}

static void set_number(struct settings *settings, enum fdt_setting_kind kind, const char *name,
		       u64 number)
{
	struct fdt_setting *setting = &settings->setting[settings->count++];

	setting->kind = kind;
	setting->name = name;
	setting->number = number;
}

static void collect(const struct efi_stub *stub, struct settings *settings)
{
	const struct efi_memory_map *map = &stub->map;

	settings->count = 0;
	set_text(settings, CHOSEN_FIRMWARE, CHOSEN_FIRMWARE_UEFI);
	set_number(settings, FDT_SETTING_U64, CHOSEN_SYSTEM_TABLE, (uintptr_t)stub->system);
	set_number(settings, FDT_SETTING_U64, CHOSEN_MAP_START, (uintptr_t)map->descriptors);
	set_number(settings, FDT_SETTING_U32, CHOSEN_MAP_SIZE, map->size);
	set_number(settings, FDT_SETTING_U32, CHOSEN_MAP_DESCRIPTOR_SIZE, map->descriptor_size);
	set_number(settings, FDT_SETTING_U32, CHOSEN_MAP_DESCRIPTOR_VERSION, map->version);
	if (stub->command_line != NULL)
		set_text(settings, CHOSEN_BOOTARGS, stub->command_line);
	if (stub->rsdp != 0)
		set_number(settings, FDT_SETTING_U64, CHOSEN_RSDP, stub->rsdp);
	if (stub->has_entropy) {
		set_number(settings, FDT_SETTING_U64, CHOSEN_KASLR_SEED, stub->kaslr_seed);
		set_text(settings, CHOSEN_KASLR_SOURCE, CHOSEN_KASLR_SOURCE_EFI);
	}
}

/* It may be the last that is seen. An earlycon= that is there already needs no advice. */
static void say_what_console(struct efi_stub *stub)
{
	const struct acpi_uart *uart = &stub->acpi.uart;

	if (acpi_has_console(uart) || stub->has_earlycon)
		return;
	if (uart->console == ACPI_CONSOLE_NONE)
		efi_say(stub, "ACPI names no console (SPCR, DBG2)");
	else
		efi_say(stub,
			"ACPI's console at %#lx is of type %#x in address space %u: no driver",
			uart->address, uart->type, uart->space);
	efi_say(stub,
		"%s from here on; if there is a UART, name it: earlycon=pl011,ADDRESS "
		"or earlycon=uart8250,mmio32,ADDRESS",
		stub->screen.size != 0 ? "only this screen" : "silent");
}

static void say_what_is_lost(struct efi_stub *stub)
{
	const struct acpi *acpi = &stub->acpi;

	for (u32 i = 0; i < acpi->lost_count; i++) {
		const struct acpi_fault *fault = &acpi->lost[i];

		efi_say(stub, "ACPI's %s at %#lx: %s; goes on without %s",
			acpi_table_str(fault->table), fault->address,
			acpi_status_str(fault->status), acpi_loss_str(fault));
	}
	if (acpi->parked != 0)
		efi_say(stub, "%u processors wait in the parking protocol, not PSCI: left out",
			acpi->parked);
	say_what_console(stub);
}

static efi_status_t open_acpi(struct efi_stub *stub)
{
	struct acpi_fault fault;
	struct efi_ranges tables;
	struct acpi_view view;

	efi_map_ranges(&stub->map, EFI_USE_TABLES, &tables);
	view = (struct acpi_view){ .range = tables.range, .count = tables.count };
	fault = acpi_open(&stub->acpi, &view, stub->rsdp);
	if (fault.status == ACPI_OK) {
		say_what_is_lost(stub);
		return EFI_SUCCESS;
	}
	efi_say(stub, "no FDT, and ACPI's %s at %#lx is refused: %s", acpi_table_str(fault.table),
		fault.address, acpi_status_str(fault.status));
	return EFI_LOAD_ERROR;
}

efi_status_t efi_prepare_fdt(struct efi_stub *stub)
{
	efi_status_t status = EFI_SUCCESS;
	u64 size = TREE_ROOM + stub->command_line_length;
	u32 source = 0;

	if (stub->fdt != NULL)
		fdt_size(stub->fdt, &source);
	else
		status = open_acpi(stub);
	if (status != EFI_SUCCESS)
		return status;
	size += source + acpi_fdt_room(&stub->acpi);
	status = efi_allocate(stub, &stub->fdt_pages, EFI_ACPI_RECLAIM, size);
	if (status != EFI_SUCCESS)
		efi_say(stub, "no memory for an FDT of %lu bytes: %s", size,
			efi_status_str(status));
	return status;
}

static enum fdt_write_status write_tree(struct efi_stub *stub, const struct fdt_edit *edit)
{
	void *buffer = (void *)(uintptr_t)stub->fdt_pages.start;
	size_t size = stub->fdt_pages.count * EFI_PAGE_SIZE;
	enum fdt_write_status status;
	struct fdt fdt;
	u32 written;

	/* What an earlier try has left may be longer than what comes. */
	secret_wipe(buffer, size);
	if (stub->fdt == NULL)
		status = acpi_write_fdt(&stub->acpi, edit, buffer, size, &written);
	else if (fdt_open(&fdt, stub->fdt) == FDT_OK)
		status = fdt_copy(&fdt, edit, buffer, size, &written);
	else
		status = FDT_WRITE_BAD_SOURCE;
	dcache_clean(buffer, size, stub->line_size);
	return status;
}

efi_status_t efi_make_fdt(struct efi_stub *stub)
{
	enum fdt_write_status status;
	struct settings settings;
	struct efi_ranges ram;
	struct fdt_edit edit;

	efi_map_ranges(&stub->map, EFI_USE_RAM, &ram);
	if (ram.dropped != 0)
		efi_say(stub, "%u pieces of RAM, %lu KiB in all, left out: too many for the kernel",
			ram.dropped, ram.dropped_bytes / KIB(1));
	collect(stub, &settings);
	edit = (struct fdt_edit){ settings.setting, settings.count, ram.range, ram.count,
				  &stub->screen };
	status = write_tree(stub, &edit);
	if (status == FDT_WRITE_OK)
		return EFI_SUCCESS;
	efi_say(stub, "cannot write the kernel's FDT: %s", fdt_write_status_str(status));
	return EFI_LOAD_ERROR;
}

/* The seed tells where the kernel is: one copy of it is enough, which the early runtime wipes. */
void efi_forget_seeds(struct efi_stub *stub)
{
	struct fdt_cursor cursor;
	struct fdt_event event;
	struct fdt fdt;

	if (stub->fdt == NULL || fdt_open(&fdt, stub->fdt) != FDT_OK ||
	    !efi_map_has_data(&stub->map, (uintptr_t)stub->fdt, fdt.total_size))
		return;
	cursor = fdt_begin(&fdt);
	while (fdt_next(&cursor, &event) == FDT_OK) {
		if (event.token != FDT_PROP || strcmp(event.name, CHOSEN_KASLR_SEED) != 0)
			continue;
		secret_wipe((void *)(uintptr_t)event.data, event.size);
		dcache_clean(event.data, event.size, stub->line_size);
	}
}
