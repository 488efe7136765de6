/* SPDX-License-Identifier: MIT */
/*
 * UEFI firmware that does not exist: boot services over a piece of the test's own memory, where
 * address and pointer are the same, as under firmware's identity map. What goes wrong is the test's
 * choice. Host only.
 */
#ifndef FAKE_FIRMWARE_H
#define FAKE_FIRMWARE_H

#include <setjmp.h>

#include <pagoda/efi/efi_stub.h>

#include "fake_machine.h"

#define FIRMWARE_RAM_SIZE MIB(16)
#define FIRMWARE_PAGES (FIRMWARE_RAM_SIZE / EFI_PAGE_SIZE)
#define FIRMWARE_IMAGE_SIZE KIB(256)
#define FIRMWARE_FILE_SIZE KIB(100)
#define FIRMWARE_ENTRY KIB(20) /* where in the Image its first instruction is */
#define FIRMWARE_TABLES_MAX 4
#define FIRMWARE_SCREENS_MAX 20
#define FIRMWARE_NEVER 1000000
#define FIRMWARE_MMFR0 0x0f000005 /* ID_AA64MMFR0_EL1: 4K pages alone, PARange 48 bits */

enum fake_protocol {
	PROTOCOL_ABSENT,
	PROTOCOL_WORKS,
	PROTOCOL_FAILS,
};

struct fake_firmware {
	/* What the test sets up, before or after firmware_start(). */
	enum fake_protocol loaded_image, shell, rng, memory_attribute;
	struct efi_graphics screen[FIRMWARE_SCREENS_MAX]; /* each is its own handle */
	unsigned screens;
	u8 random_seed; /* the bytes that the RNG gives count up from it */
	const void *options;
	u32 options_size;
	unsigned refusals; /* times that ExitBootServices() finds the map changed */
	unsigned pages_fail_at; /* the allocation that fails, from 0 on; FIRMWARE_NEVER */
	bool addresses_refused; /* AllocatePages() gives no page at an address asked for */
	bool map_always_grows; /* GetMemoryMap() always wants a larger buffer */
	bool map_grows_at_exit; /* it does after the first ExitBootServices() */
	efi_status_t exit_status; /* what ExitBootServices() says instead of success */
	u64 descriptor_size;
	u64 id[SYSREG_FACT_COUNT]; /* the CPU's: at first 4K pages, and 48-bit addresses */
	u8 type[FIRMWARE_PAGES]; /* of each page of RAM */

	/* What it has seen. */
	char console[1 << 16];
	unsigned allocations, maps, exits, pages_taken;
	bool late_call; /* a service that must not be called after the first exit */
	bool left;
	u64 entry, fdt; /* of efi_leave(): where the Image is that is entered; its FDT */
	u64 attribute_start, attribute_size, attributes;

	/* Its own. */
	struct fake_machine machine; /* for its data cache: every line of RAM is dirty at first */
	u8 *ram;
	u64 key;
	u8 *image;
	struct efi_configuration_table tables[FIRMWARE_TABLES_MAX];
	struct efi_boot_services boot;
	struct efi_system_table system;
	struct efi_text_output output;
	struct efi_loaded_image loaded;
	struct efi_rng rng_interface;
	struct efi_memory_attribute attribute_interface;
	jmp_buf leave;
};

/* firmware_start() - conventional memory throughout, all protocols but the shell's, no table. */
struct fake_firmware *firmware_start(void);
void firmware_stop(struct fake_firmware *firmware);

/* A configuration table: the FDT at @blob, or the RSDP. */
void firmware_add_fdt(struct fake_firmware *firmware, const void *blob);
void firmware_add_rsdp(struct fake_firmware *firmware, const void *rsdp);

/* firmware_boot() - efi_boot() of an Image with a pattern in it. EFI_SUCCESS: it has left. */
efi_status_t firmware_boot(struct fake_firmware *firmware);

#endif /* FAKE_FIRMWARE_H */
