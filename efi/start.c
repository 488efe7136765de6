// SPDX-License-Identifier: MIT
/*
 * The EFI application's entry: what of the machine the stub needs to know, and then the stub.
 * Runs under firmware, MMU on, image not relocated: linker symbols are reached relative to the PC,
 * so they are addresses of the Image as firmware has loaded it. Not built for the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/efi/efi_stub.h>

/* Defined by linker/pagoda.lds.S; only their addresses mean anything. */
extern u8 _text[], _init_text_start[], _file_end[], _end[];

efi_status_t efi_main(void *handle, struct efi_system_table *system)
{
	struct efi_stub stub = { .handle = handle, .system = system };

	id_read(stub.id);
	stub.boot = system->boot_services;
	stub.line_size = dcache_line_size(stub.id[SYSREG_CTR_EL0]);
	stub.image.start = _text;
	stub.image.entry = (uintptr_t)_init_text_start - (uintptr_t)_text;
	stub.image.size = (uintptr_t)_end - (uintptr_t)_text;
	stub.image.file_size = (uintptr_t)_file_end - (uintptr_t)_text;
	return efi_boot(&stub);
}
