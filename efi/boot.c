// SPDX-License-Identifier: MIT
/*
 * The EFI stub as a table of contents, and the end of boot services.
 * Runs under firmware, MMU on, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/efi/efi_stub.h>
#include <pagoda/lib/string.h>

#define EXIT_TRIES 8

/*
 * Of firmware's stack, of which there is 128 KiB (UEFI 2.10, 2.3.6): all that prepare() takes, with
 * seeds in many a frame, and what firmware takes below it to give us a number.
 */
#define SECRET_STACK KIB(64)

/*
 * ExitBootServices() takes the key of the map as it is at that moment. An event in between, a
 * timer's for one, may change the map: firmware then refuses, and all is done again from the map
 * on. What it has shut down by then is unknown, so after the first try only the map is asked for
 * (UEFI 2.10, 7.4.6), and all memory has been allocated before. Not for ever: firmware that always
 * refuses gets an error returned.
 */
static efi_status_t exit_boot_services(struct efi_stub *stub)
{
	efi_status_t status = EFI_ABORTED;

	for (int i = 0; i < EXIT_TRIES; i++) {
		status = efi_get_map(stub);
		if (status == EFI_SUCCESS)
			status = efi_make_fdt(stub);
		if (status != EFI_SUCCESS)
			return status;
		stub->exit_tried = true;
		status = stub->boot->exit_boot_services(stub->handle, stub->map.key);
		if (status != EFI_INVALID_PARAMETER)
			break;
	}
	if (status == EFI_INVALID_PARAMETER)
		efi_say(stub, "the memory map keeps changing: ExitBootServices refused it %d times",
			EXIT_TRIES);
	else if (status != EFI_SUCCESS)
		efi_say(stub, "ExitBootServices fails: %s", efi_status_str(status));
	return status;
}

static efi_status_t prepare(struct efi_stub *stub)
{
	efi_status_t status = efi_read_options(stub);

	if (status == EFI_SUCCESS)
		status = efi_read_tables(stub);
	if (status == EFI_SUCCESS)
		status = efi_decide(stub);
	if (status != EFI_SUCCESS)
		return status;
	efi_read_entropy(stub);
	efi_read_screen(stub);
	status = efi_place_image(stub);
	if (status == EFI_SUCCESS)
		status = efi_prepare_fdt(stub);
	if (status != EFI_SUCCESS)
		return status;
	efi_say_decision(stub);
	return exit_boot_services(stub);
}

/* What the stub itself has of seeds; and of its pages, those that are given back with one in it. */
static void forget(struct efi_stub *stub, efi_status_t status)
{
	const struct efi_pages *tree = &stub->fdt_pages;

	secret_wipe(&stub->kaslr_seed, sizeof(stub->kaslr_seed));
	secret_wipe(&stub->place_seed, sizeof(stub->place_seed));
	if (status == EFI_SUCCESS)
		efi_forget_seeds(stub);
	else if (tree->count != 0)
		secret_wipe((void *)(uintptr_t)tree->start, tree->count * EFI_PAGE_SIZE);
}

efi_status_t efi_boot(struct efi_stub *stub)
{
	efi_status_t status = prepare(stub);

	forget(stub, status);
	stack_wipe(SECRET_STACK);
	if (status == EFI_SUCCESS)
		efi_leave(stub->load + stub->image.entry, stub->fdt_pages.start);
	efi_say(stub, "cannot boot; back to the firmware");
	efi_free(stub, &stub->fdt_pages);
	efi_free(stub, &stub->image_pages);
	efi_free(stub, &stub->map_pages);
	efi_free(stub, &stub->options_pages);
	return status;
}
