// SPDX-License-Identifier: MIT
/*
 * A device tree where the kernel has got none: a Linux that was started by ACPI hands on /chosen,
 * and nothing else (kexec). Which devices there are stands in ACPI's tables, to which the EFI
 * system table leads. Of these the tree is made that our own stub would have made, and read as any
 * other.
 * Runs in the kernel, MMU on, between the linear map's coming and the init code's going, which
 * reads the tables and the tree.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/dev/window.h>
#include <pagoda/kernel/firmware/acpi.h>
#include <pagoda/kernel/start/acpi_tree.h>
#include <pagoda/kernel/start/console_choice.h>
#include <pagoda/kernel/start/memory.h>
#include <pagoda/kernel/tree/tree.h>
#include <pagoda/lib/string.h>

/* Free memory: first the tree, which stays, and then copies of tables, which need not. */
#define WORK_SIZE MIB(1)
#define TREE_SIZE KIB(256)

#define PIECE_SIZE KIB(64) /* of two slots in the fixmap one, wherever in a page it begins */
#define SYSTEM_TABLES_MAX 1024

static const struct efi_guid acpi_guid = EFI_ACPI_GUID;

/* Firmware's memory is in no map: what is read of it is copied, piece by piece through a window. */
struct copies {
	const struct kernel *kernel;
	u8 *next;
	u64 left;
};

static bool may_read(const struct efi_memory_map *map, u64 address, u32 size)
{
	for (u64 i = 0; i < efi_map_count(map); i++) {
		struct efi_descriptor descriptor = efi_map_get(map, i);
		u64 end = efi_end(&descriptor);

		if (address >= descriptor.start && address < end && size <= end - address)
			return efi_holds_tables(&descriptor) &&
			       (descriptor.attributes & EFI_MEMORY_WB);
	}
	return false;
}

/* The GIC's slots: nobody has asked for interrupts yet. */
static bool copy_piece(const struct kernel *kernel, u8 *to, u64 address, u32 size)
{
	vaddr_t slot = layout_fixmap(&kernel->handoff->plan.layout, FIXMAP_GIC_CPU);
	struct window window = { .pa = paddr(address),
				 .size = size,
				 .attr = { PROT_READ_ONLY, MEM_NORMAL } };

	if (window_open(kernel, slot, &window) != MAP_OK)
		return false;
	memcpy(to, vaddr_pointer(window.va), size);
	window_close(kernel, &window);
	return true;
}

/* As struct acpi_view asks for it. Each copy begins at a multiple of 8. */
static const u8 *fetch(void *context, u64 address, u32 size)
{
	struct copies *copies = context;
	u8 *copy = copies->next;
	u64 room = align_up(size, sizeof(u64));

	if (room > copies->left || !may_read(&copies->kernel->efi_map, address, size))
		return NULL;
	for (u32 at = 0; at < size; at += PIECE_SIZE)
		if (!copy_piece(copies->kernel, copy + at, address + at,
				(u32)min_u64(size - at, PIECE_SIZE)))
			return NULL;
	copies->next += room;
	copies->left -= room;
	return copy;
}

/* That Linux has told firmware of virtual addresses, which now stand in firmware's own tables. */
static u64 physical(const struct efi_memory_map *map, u64 address)
{
	for (u64 i = 0; i < efi_map_count(map); i++) {
		struct efi_descriptor descriptor = efi_map_get(map, i);
		u64 into = address - descriptor.virtual_start;

		if ((descriptor.attributes & EFI_MEMORY_RUNTIME) && descriptor.virtual_start != 0 &&
		    address >= descriptor.virtual_start &&
		    into < efi_end(&descriptor) - descriptor.start)
			return descriptor.start + into;
	}
	return address;
}

/* 0 where there is none. */
static u64 rsdp_find(struct copies *copies, u64 system_table)
{
	const struct efi_system_table *system =
		(const void *)fetch(copies, system_table, sizeof(*system));
	const struct efi_configuration_table *tables;
	u64 count;

	if (system == NULL || system->header.signature != EFI_SYSTEM_TABLE_SIGNATURE)
		return 0;
	count = min_u64(system->table_count, SYSTEM_TABLES_MAX);
	tables = (const void *)fetch(copies,
				     physical(&copies->kernel->efi_map, (uintptr_t)system->tables),
				     (u32)(count * sizeof(*tables)));
	for (u64 i = 0; tables != NULL && i < count; i++)
		if (memcmp(&tables[i].guid, &acpi_guid, sizeof(acpi_guid)) == 0)
			return (uintptr_t)tables[i].table;
	return 0;
}

static void say_what_is_lost(const struct acpi *acpi)
{
	for (u32 i = 0; i < acpi->lost_count; i++) {
		const struct acpi_fault *fault = &acpi->lost[i];

		print("pagoda: ACPI's %s at %#lx: %s; goes on without %s\n",
		      acpi_table_str(fault->table), fault->address, acpi_status_str(fault->status),
		      acpi_loss_str(fault));
	}
}

/* What the tree at @pa says of devices. It is ours: there is no seed in it. */
static void devices_take(struct kernel *kernel, struct boot_handoff *handoff)
{
	struct boot_lists *lists = boot_lists_of(kernel);
	struct fdt_cursor cursor;
	struct fdt_value seed;
	struct scan scan;

	(void)fdt_seek(&kernel->fdt, "chosen", &cursor, &handoff->facts.fdt.chosen);
	tree_begin_devices(&scan, &kernel->fdt, &handoff->facts, lists);
	(void)tree_read(&scan, &seed);
	tree_choose_console(&scan);
	tree_list_consoles(&scan, lists->console);
}

static void tree_make(struct kernel *kernel, struct boot_handoff *handoff, const struct acpi *acpi,
		      paddr_t place)
{
	struct fdt_edit edit = { .memory_count = 0 };
	void *tree = linear_pointer(&kernel->linear, place);
	enum fdt_write_status status;
	u32 size;

	status = acpi_write_fdt(acpi, &edit, tree, TREE_SIZE, &size);
	if (status != FDT_WRITE_OK) {
		print("pagoda: no device tree of ACPI's tables: %s\n",
		      fdt_write_status_str(status));
		return;
	}
	(void)fdt_open(&kernel->fdt, tree);
	memory_add_own(kernel->memory, place.value, size, MEMORY_FDT);
	handoff->facts.efi.rsdp = acpi->rsdp;
	handoff->facts.efi.acpi = true;
	devices_take(kernel, handoff);
	if (kernel->console.source == CONSOLE_NONE)
		console_choose(kernel);
}

static void tables_read(struct kernel *kernel, struct boot_handoff *handoff, paddr_t place)
{
	struct copies copies = { kernel, (u8 *)linear_pointer(&kernel->linear, place) + TREE_SIZE,
				 WORK_SIZE - TREE_SIZE };
	struct acpi_view view = { .fetch = fetch, .context = &copies };
	u64 rsdp = rsdp_find(&copies, handoff->facts.efi.system_table);
	struct acpi acpi;
	struct acpi_fault fault = acpi_open(&acpi, &view, rsdp);

	if (fault.status != ACPI_OK) {
		print("pagoda: no device in the FDT, and ACPI's %s at %#lx is refused: %s\n",
		      acpi_table_str(fault.table), fault.address, acpi_status_str(fault.status));
		return;
	}
	tree_make(kernel, handoff, &acpi, place);
	say_what_is_lost(&acpi);
}

void acpi_take(struct kernel *kernel, struct boot_handoff *handoff)
{
	const struct boot_facts *facts = &handoff->facts;
	struct memory_request request = { WORK_SIZE, GRANULE_SIZE_MAX, ~(u64)0 };
	paddr_t place;
	u64 largest;

	if (facts->efi.stub || facts->efi.system_table == 0 || kernel->nodes->uarts != 0 ||
	    kernel->nodes->gic.offset != 0 || facts->psci != PSCI_NONE)
		return;
	if (memory_find(kernel->memory, &request, &place, &largest))
		tables_read(kernel, handoff, place);
}
