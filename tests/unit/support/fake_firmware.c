// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "fake_firmware.h"

#define LINE_SIZE 64

static struct fake_firmware *firmware;

static const struct efi_guid guids[] = {
	{ 0x5b1b31a1, 0x9562, 0x11d2, { 0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b } },
	{ 0x752f3136, 0x4e16, 0x4fdc, { 0xa2, 0x2a, 0xe5, 0xf4, 0x68, 0x12, 0xf4, 0xca } },
	{ 0x3152bca5, 0xeade, 0x433d, { 0x86, 0x2e, 0xc0, 0x1c, 0xdc, 0x29, 0x1f, 0x44 } },
	{ 0xf4560cf6, 0x40ec, 0x4b4a, { 0xa1, 0x92, 0xbf, 0x1d, 0x57, 0xd0, 0xb1, 0x89 } },
	{ 0xb1b621d5, 0xf19c, 0x41a5, { 0x83, 0x0b, 0xd9, 0x15, 0x2c, 0x69, 0xaa, 0xe0 } },
	{ 0x8868e871, 0xe4f1, 0x11d3, { 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 } },
	{ 0x9042a9de, 0x23dc, 0x4a38, { 0x96, 0xfb, 0x7a, 0xde, 0xd0, 0x80, 0x51, 0x6a } },
};

enum guid {
	GUID_LOADED_IMAGE,
	GUID_SHELL,
	GUID_RNG,
	GUID_ATTRIBUTE,
	GUID_FDT,
	GUID_ACPI,
	GUID_GRAPHICS,
};

static bool guid_is(const struct efi_guid *guid, enum guid which)
{
	return memcmp(guid, &guids[which], sizeof(*guid)) == 0;
}

/* ---- memory ---- */

static bool inside(u64 address, u64 pages)
{
	u64 offset = address - (u64)(uintptr_t)firmware->ram;

	return offset % EFI_PAGE_SIZE == 0 && offset / EFI_PAGE_SIZE < FIRMWARE_PAGES &&
	       pages <= FIRMWARE_PAGES - offset / EFI_PAGE_SIZE;
}

static u8 *types_at(u64 address)
{
	return &firmware->type[(address - (u64)(uintptr_t)firmware->ram) / EFI_PAGE_SIZE];
}

static bool is_free(u64 address, u64 pages)
{
	if (!inside(address, pages))
		return false;
	for (u64 i = 0; i < pages; i++)
		if (types_at(address)[i] != EFI_CONVENTIONAL)
			return false;
	return true;
}

/* From the top down, as firmware does; all of it at @highest or below. */
static bool find_free(u64 pages, u64 highest, u64 *address)
{
	u64 ram = (u64)(uintptr_t)firmware->ram;

	for (u64 page = FIRMWARE_PAGES; page-- > 0;) {
		*address = ram + page * EFI_PAGE_SIZE;
		if (*address + pages * EFI_PAGE_SIZE - 1 <= highest && is_free(*address, pages))
			return true;
	}
	return false;
}

static efi_status_t allocate_pages(u32 how, u32 type, u64 pages, u64 *address)
{
	firmware->late_call |= firmware->exits != 0;
	if (firmware->allocations++ == firmware->pages_fail_at)
		return EFI_OUT_OF_RESOURCES;
	if (how == EFI_ALLOCATE_ADDRESS) {
		if (firmware->addresses_refused || !is_free(*address, pages))
			return EFI_NOT_FOUND;
	} else if (!find_free(pages, how == EFI_ALLOCATE_MAX_ADDRESS ? *address : ~(u64)0,
			      address)) {
		return EFI_OUT_OF_RESOURCES;
	}
	memset(types_at(*address), (int)type, pages);
	firmware->pages_taken += pages;
	firmware->key++;
	return EFI_SUCCESS;
}

static efi_status_t free_pages(u64 address, u64 pages)
{
	if (!inside(address, pages))
		return EFI_NOT_FOUND;
	memset(types_at(address), EFI_CONVENTIONAL, pages);
	firmware->pages_taken -= pages;
	firmware->key++;
	return EFI_SUCCESS;
}

/* The end of the run of pages of one type that begins at @first. */
static u64 run_end(u64 first)
{
	u64 page = first;

	while (page < FIRMWARE_PAGES && firmware->type[page] == firmware->type[first])
		page++;
	return page;
}

static u64 count_runs(void)
{
	u64 runs = 0;

	for (u64 page = 0; page < FIRMWARE_PAGES; page = run_end(page))
		runs++;
	return runs;
}

/* Highest run first: firmware need not sort. */
static void write_runs(u8 *map, u64 runs)
{
	u8 *at = map + runs * firmware->descriptor_size;

	for (u64 page = 0; page < FIRMWARE_PAGES; page = run_end(page)) {
		struct efi_descriptor descriptor = {
			.type = firmware->type[page],
			.start = (u64)(uintptr_t)firmware->ram + page * EFI_PAGE_SIZE,
			.pages = run_end(page) - page,
			.attributes = EFI_MEMORY_WB,
		};

		at -= firmware->descriptor_size;
		memset(at, 0xee, firmware->descriptor_size);
		memcpy(at, &descriptor, sizeof(descriptor));
	}
}

static efi_status_t get_memory_map(u64 *size, void *map, u64 *key, u64 *descriptor_size,
				   u32 *version)
{
	u64 runs = count_runs(), room = *size;

	firmware->maps++;
	*size = runs * firmware->descriptor_size;
	*descriptor_size = firmware->descriptor_size;
	*version = 1;
	*key = firmware->key;
	if (firmware->map_always_grows || (firmware->map_grows_at_exit && firmware->exits != 0))
		*size = room + 1;
	if (*size > room)
		return EFI_BUFFER_TOO_SMALL;
	write_runs(map, runs);
	return EFI_SUCCESS;
}

static efi_status_t exit_boot_services(void *handle, u64 key)
{
	(void)handle;
	if (firmware->exits++ < firmware->refusals)
		firmware->key++;
	return key == firmware->key ? firmware->exit_status : EFI_INVALID_PARAMETER;
}

/* ---- protocols ---- */

static efi_status_t offer(enum fake_protocol state, void *interface, void **found)
{
	firmware->late_call |= firmware->exits != 0;
	if (state == PROTOCOL_ABSENT)
		return EFI_NOT_FOUND;
	*found = interface;
	return EFI_SUCCESS;
}

static efi_status_t handle_protocol(void *handle, const struct efi_guid *guid, void **found)
{
	if (guid_is(guid, GUID_GRAPHICS))
		return offer(PROTOCOL_WORKS, handle, found);
	if (guid_is(guid, GUID_LOADED_IMAGE))
		return offer(firmware->loaded_image, &firmware->loaded, found);
	if (guid_is(guid, GUID_SHELL))
		return offer(firmware->shell, firmware, found);
	return EFI_UNSUPPORTED;
}

static efi_status_t locate_handle(u32 how, const struct efi_guid *guid, void *key, u64 *size,
				  void **handles)
{
	u64 room = *size;

	(void)key;
	firmware->late_call |= firmware->exits != 0;
	if (how != EFI_BY_PROTOCOL || !guid_is(guid, GUID_GRAPHICS) || firmware->screens == 0)
		return EFI_NOT_FOUND;
	*size = firmware->screens * sizeof(*handles);
	if (*size > room)
		return EFI_BUFFER_TOO_SMALL;
	for (unsigned i = 0; i < firmware->screens; i++)
		handles[i] = &firmware->screen[i];
	return EFI_SUCCESS;
}

static efi_status_t locate_protocol(const struct efi_guid *guid, void *registration, void **found)
{
	(void)registration;
	if (guid_is(guid, GUID_RNG))
		return offer(firmware->rng, &firmware->rng_interface, found);
	if (guid_is(guid, GUID_ATTRIBUTE))
		return offer(firmware->memory_attribute, &firmware->attribute_interface, found);
	return EFI_NOT_FOUND;
}

static efi_status_t get_rng(struct efi_rng *self, const struct efi_guid *algorithm, u64 size,
			    u8 *value)
{
	(void)self;
	(void)algorithm;
	if (firmware->rng == PROTOCOL_FAILS)
		return EFI_DEVICE_ERROR;
	for (u64 i = 0; i < size; i++)
		value[i] = (u8)(firmware->random_seed + i * 29);
	return EFI_SUCCESS;
}

static efi_status_t set_attributes(struct efi_memory_attribute *self, u64 start, u64 size,
				   u64 attributes)
{
	(void)self;
	if (firmware->memory_attribute == PROTOCOL_FAILS)
		return EFI_UNSUPPORTED;
	firmware->attribute_start = start;
	firmware->attribute_size = size;
	firmware->attributes = attributes;
	return EFI_SUCCESS;
}

static efi_status_t output_string(struct efi_text_output *self, const u16 *text)
{
	size_t length = strlen(firmware->console);

	(void)self;
	for (; *text != 0 && length < sizeof(firmware->console) - 1; text++)
		firmware->console[length++] = (char)*text;
	firmware->console[length] = '\0'; /* there may be more, from another boot */
	return EFI_SUCCESS;
}

/* ---- the way out, which arch/arm64/entry/efi.S is on the machine ---- */

void efi_leave(u64 entry, u64 fdt)
{
	firmware->left = true;
	firmware->entry = entry - FIRMWARE_ENTRY;
	firmware->fdt = fdt;
	longjmp(firmware->leave, 1);
}

/* ---- what tests call ---- */

static void machine_start(struct fake_machine *machine, u8 *ram)
{
	/* The cache is RAM itself: only which lines are clean is of interest here. */
	machine->setup.ram_size = FIRMWARE_RAM_SIZE;
	machine->ram = machine->cache = ram;
	machine->line_size = LINE_SIZE;
	machine->dirty = malloc(FIRMWARE_RAM_SIZE / LINE_SIZE);
	memset(machine->dirty, 1, FIRMWARE_RAM_SIZE / LINE_SIZE);
	machine_select(machine);
}

static void services_start(struct fake_firmware *it)
{
	it->boot.allocate_pages = allocate_pages;
	it->boot.free_pages = free_pages;
	it->boot.get_memory_map = get_memory_map;
	it->boot.exit_boot_services = exit_boot_services;
	it->boot.handle_protocol = handle_protocol;
	it->boot.locate_handle = locate_handle;
	it->boot.locate_protocol = locate_protocol;
	it->output.output_string = output_string;
	it->rng_interface.get_rng = get_rng;
	it->attribute_interface.set = set_attributes;
	it->system.boot_services = &it->boot;
	it->system.console_out = &it->output;
	it->system.tables = it->tables;
}

struct fake_firmware *firmware_start(void)
{
	struct fake_firmware *it = calloc(1, sizeof(*it));

	firmware = it;
	it->ram = aligned_alloc(MIB(2), FIRMWARE_RAM_SIZE);
	memset(it->ram, 0xaa, FIRMWARE_RAM_SIZE);
	memset(it->type, EFI_CONVENTIONAL, sizeof(it->type));
	it->image = malloc(FIRMWARE_FILE_SIZE);
	for (u64 i = 0; i < FIRMWARE_FILE_SIZE; i++)
		it->image[i] = (u8)(i * 7 + i / 256);
	it->loaded_image = it->rng = it->memory_attribute = PROTOCOL_WORKS;
	it->pages_fail_at = FIRMWARE_NEVER;
	it->descriptor_size = sizeof(struct efi_descriptor) + 8;
	it->id[SYSREG_ID_AA64MMFR0_EL1] = FIRMWARE_MMFR0;
	machine_start(&it->machine, it->ram);
	services_start(it);
	return it;
}

void firmware_stop(struct fake_firmware *it)
{
	free(it->machine.dirty);
	free(it->image);
	free(it->ram);
	free(it);
}

static void add_table(struct fake_firmware *it, enum guid guid, const void *table)
{
	it->tables[it->system.table_count++] =
		(struct efi_configuration_table){ guids[guid], (void *)(uintptr_t)table };
}

void firmware_add_fdt(struct fake_firmware *it, const void *blob)
{
	add_table(it, GUID_FDT, blob);
}

void firmware_add_rsdp(struct fake_firmware *it, const void *rsdp)
{
	add_table(it, GUID_ACPI, rsdp);
}

efi_status_t firmware_boot(struct fake_firmware *it)
{
	struct efi_stub stub = { .handle = it,
				 .system = &it->system,
				 .boot = &it->boot,
				 .image = { it->image, FIRMWARE_ENTRY, FIRMWARE_IMAGE_SIZE,
					    FIRMWARE_FILE_SIZE },
				 .line_size = LINE_SIZE };

	memcpy(stub.id, it->id, sizeof(stub.id));

	it->loaded.load_options = it->options;
	it->loaded.load_options_size = it->options_size;
	if (setjmp(it->leave) != 0)
		return EFI_SUCCESS;
	return efi_boot(&stub);
}
