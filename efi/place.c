// SPDX-License-Identifier: MIT
/*
 * A place in memory for the Image, and the Image in it.
 * Runs under firmware, MMU on, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 *
 * The Image does not run where firmware has loaded it: that place is firmware's choice, aligned to
 * 4 KiB only. Its copy is data as long as the MMU is on: nothing executes it before efi_leave() has
 * turned the MMU off. So no memory is ever writable and executable on the copy's account, whatever
 * firmware's policy, and it can be no-execute where firmware lets us say so.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/tree/tree.h>
#include <pagoda/pi/early.h>
#include <pagoda/efi/efi_stub.h>
#include <pagoda/lib/string.h>

#define PLACE_TRIES 8

static const struct efi_guid memory_attribute_guid = {
	0xf4560cf6, 0x40ec, 0x4b4a, { 0xa1, 0x92, 0xbf, 0x1d, 0x57, 0xd0, 0xb1, 0x89 }
};

/* 2 MiB, as for the virtual address; a crowded machine may only have room for the largest page. */
static bool choose(const struct efi_stub *stub, const struct memory_map *kept, u64 choice,
		   u64 *place)
{
	struct efi_room room = { stub->image.size, MIB(2), stub->reach, kept };

	if (efi_map_place(&stub->map, &room, choice, place))
		return true;
	room.align = GRANULE_SIZE_MAX;
	return efi_map_place(&stub->map, &room, choice, place);
}

/*
 * What the FDT reserves: firmware's map need not know, and the kernel will, when it is too late. A
 * tree that cannot be read to its end keeps what was found up to there.
 */
static void find_kept(const struct efi_stub *stub, struct boot_lists *lists)
{
	struct boot_facts facts = { .psci = PSCI_NONE };
	struct fdt_value seed;
	struct scan scan;
	struct fdt fdt;

	memory_begin(&lists->memory);
	if (stub->fdt == NULL || fdt_open(&fdt, stub->fdt) != FDT_OK)
		return;
	tree_begin(&scan, &fdt, &facts, lists);
	while (tree_read(&scan, &seed))
		; /* a seed, which the stub wipes at its end */
	scan_reservations(&scan);
}

/* A place that the map offers may be gone, or kept back by firmware: then another is tried. */
static efi_status_t allocate(struct efi_stub *stub, const struct memory_map *kept)
{
	u64 count = stub->image.size / EFI_PAGE_SIZE;
	u64 key[2] = { stub->place_seed, 0 };
	u64 choice = stub->has_entropy && !stub->nokaslr ? secret_number(key, 0) : 0;
	efi_status_t status = EFI_OUT_OF_RESOURCES;

	for (u8 i = 1; i <= PLACE_TRIES && status != EFI_SUCCESS; i++) {
		status = efi_get_map(stub);
		if (status != EFI_SUCCESS)
			return status;
		if (!choose(stub, kept, choice, &stub->load)) {
			status = EFI_OUT_OF_RESOURCES;
			break;
		}
		status = stub->boot->allocate_pages(EFI_ALLOCATE_ADDRESS, EFI_LOADER_DATA, count,
						    &stub->load);
		choice = secret_number(key, i);
	}
	if (status == EFI_SUCCESS)
		stub->image_pages = (struct efi_pages){ stub->load, count };
	else
		efi_say(stub, "no room for the Image's %lu KiB in one piece below %#lx: %s",
			stub->image.size / KIB(1), stub->reach, efi_status_str(status));
	return status;
}

/* Firmware without the protocol has its own policy for loaders' data, and that is that. */
static void forbid_execution(struct efi_stub *stub)
{
	struct efi_memory_attribute *attribute;
	efi_status_t status;
	void *found = NULL;

	if (stub->boot->locate_protocol(&memory_attribute_guid, NULL, &found) != EFI_SUCCESS)
		return;
	attribute = found;
	status = attribute->set(attribute, stub->load, stub->image.size, EFI_MEMORY_XP);
	if (status != EFI_SUCCESS)
		efi_say(stub, "EFI_MEMORY_ATTRIBUTE_PROTOCOL does not make data no-execute: %s",
			efi_status_str(status));
}

/*
 * The boot protocol wants all of the Image clean to the point of coherency, .bss included: lines
 * that firmware's earlier use of the memory left dirty would be written over what the early
 * runtime stores past the caches.
 */
efi_status_t efi_place_image(struct efi_stub *stub)
{
	struct boot_lists lists;
	efi_status_t status;
	void *copy;

	find_kept(stub, &lists);
	status = allocate(stub, &lists.memory);
	copy = (void *)(uintptr_t)stub->load;

	if (status != EFI_SUCCESS)
		return status;
	forbid_execution(stub);
	memcpy(copy, stub->image.start, stub->image.file_size);
	dcache_clean(copy, stub->image.size, stub->line_size);
	return EFI_SUCCESS;
}
