/* SPDX-License-Identifier: MIT */
/*
 * The EFI stub: from firmware's entry to the Image's own, by way of what firmware knows. All of it
 * runs with the MMU on under firmware's identity map, on firmware's stack, the image not relocated;
 * and on the host, with boot services that a test makes up.
 */
#ifndef PAGODA_EFI_STUB_H
#define PAGODA_EFI_STUB_H

#include <pagoda/kernel/firmware/acpi.h>
#include <pagoda/kernel/handoff/facts.h>
#include <pagoda/lib/efi.h>
#include <pagoda/lib/fdt.h>
#include <pagoda/kernel/firmware/fdt_write.h>
#include <pagoda/mm/layout/memory_map.h>

/*
 * The Image as firmware has loaded it; or a loader that leaves out what is before the first PE
 * section: headers, which nobody may need. Hence the entry is not the Image's first byte.
 */
struct efi_image {
	const u8 *start;
	u64 entry; /* offset of the first instruction */
	u64 size; /* in memory, with .bss and stacks; a multiple of 64 KiB */
	u64 file_size; /* the rest is zero, or scratch */
};

/* Pages that firmware gave, to be given back where the boot goes no further. */
struct efi_pages {
	u64 start, count;
};

/* ---- load options: efi/options.c ---- */

/* What is taken of load options, in characters; the kernel cuts at COMMAND_LINE_MAX and says so. */
#define EFI_OPTIONS_MAX 0x8000

struct efi_text {
	u32 length;
	u32 replaced; /* characters that are not ASCII, and became '?' */
	bool cut; /* there was more than the room */
};

/*
 * efi_text_convert() - the UCS-2 text in the @size bytes at @from, up to its NUL where it has one,
 * as NUL-ended ASCII in @to, which has room for @room characters. @from need not be aligned.
 */
struct efi_text efi_text_convert(char *to, u32 room, const void *from, u32 size);

/* Length of the first word of @text and the blanks after it; quotes hold a word together. */
u32 efi_first_word(const char *text);

/* ---- memory: efi/memory.c ---- */

/* Ranges that are kept: as many banks of RAM as the memory map has room for. */
#define EFI_RANGES_MAX MEMORY_BANKS_MAX

struct efi_ranges {
	u32 count;
	u32 dropped; /* ranges there was no room for: the smallest */
	u64 dropped_bytes;
	struct memory_range range[EFI_RANGES_MAX];
};

/* efi_map_sort() - in place, by start. */
void efi_map_sort(struct efi_memory_map *map);

/* What a descriptor's memory is good for. */
enum efi_use {
	/*
	 * RAM for the kernel, once boot services are gone. Not memory of runtime services or ACPI,
	 * reserved, unusable, persistent, unaccepted or special-purpose memory, or what cannot be
	 * cached.
	 */
	EFI_USE_RAM,
	EFI_USE_TABLES, /* where firmware may keep ACPI's tables */
};

/*
 * efi_map_ranges() - what of a sorted map is good for @use, joined, in ascending order, with kind
 * MEMORY_RAM. Where descriptors contradict each other, it is not.
 */
void efi_map_ranges(const struct efi_memory_map *map, enum efi_use use, struct efi_ranges *ranges);

/*
 * What is looked for: @size bytes at a multiple of @align, none of them at @limit or above, nor in
 * what of @kept is not RAM. That list need not be normalised.
 */
struct efi_room {
	u64 size, align, limit;
	const struct memory_map *kept;
};

/*
 * efi_map_place() - one of the places that a sorted map has for @room in conventional memory:
 * number @choice / 2^64 of them, so 0 is the lowest. False where there is none. Never at address 0.
 */
bool efi_map_place(const struct efi_memory_map *map, const struct efi_room *room, u64 choice,
		   u64 *place);

/* efi_map_has_data() - one descriptor of memory for data, not read-only, holds all of the range. */
bool efi_map_has_data(const struct efi_memory_map *map, u64 start, u64 size);

/* ---- the boot: efi/boot.c and its steps ---- */

/* A command line, without a NUL. */
struct efi_line {
	const char *text;
	u32 length;
};

struct efi_stub {
	void *handle;
	struct efi_system_table *system;
	struct efi_boot_services *boot;
	struct efi_image image;
	u64 line_size; /* of the data cache, in bytes */
	u64 id[SYSREG_FACT_COUNT]; /* by enum sysreg, as the CPU has them */

	const char *command_line; /* null where load options have nothing to say */
	u32 command_line_length;
	struct efi_line line; /* the one that counts: this, or the FDT's */
	bool nokaslr, has_earlycon, quiet; /* what it asks for */
	u64 reach; /* the kernel can use memory below it; 0: not known yet */
	bool has_entropy;
	u64 kaslr_seed, place_seed;
	const void *fdt; /* firmware's; null where there is none */
	u64 rsdp; /* 0 where there is none */
	struct acpi acpi; /* what it leads to, where there is no FDT */

	struct fdt_screen screen; /* firmware's; all zero where there is none */

	u64 load; /* where the copy of the Image is */
	struct efi_memory_map map;
	bool exit_tried; /* hardly any boot service may be called any more */
	struct efi_pages options_pages, image_pages, map_pages, fdt_pages;
};

/* efi_say() - a line on firmware's console, after "pagoda: ". Of at most 200 characters. */
void efi_say(struct efi_stub *stub, const char *text, ...) __attribute__((format(printf, 2, 3)));

/* "not found" and so on. */
const char *efi_status_str(efi_status_t status);

/*
 * efi_allocate() - pages for @size bytes, of memory type @type, below stub->reach, noted in @pages.
 * The caller says what is wrong where that fails.
 */
efi_status_t efi_allocate(struct efi_stub *stub, struct efi_pages *pages, u32 type, u64 size);
void efi_free(struct efi_stub *stub, struct efi_pages *pages);

/* efi_read_options() - the command line from the load options, which need not be there. */
efi_status_t efi_read_options(struct efi_stub *stub);

/* efi_read_tables() - FDT and RSDP from the configuration tables. */
efi_status_t efi_read_tables(struct efi_stub *stub);

/*
 * efi_decide() - stub->line and what is read from it, and stub->reach. An error where the kernel
 * would stop for want of what the command line asks for: that has been said.
 * efi_say_decision() - the CPU, and the plan, on firmware's console. Not where the command line
 * has `quiet`.
 */
efi_status_t efi_decide(struct efi_stub *stub);
void efi_say_decision(struct efi_stub *stub);

/* efi_read_screen() - the frame buffer, by EFI_GRAPHICS_OUTPUT_PROTOCOL, where there is one. */
void efi_read_screen(struct efi_stub *stub);

/* efi_read_entropy() - seeds from EFI_RNG_PROTOCOL, where it is there and works. */
void efi_read_entropy(struct efi_stub *stub);

/*
 * efi_get_map() - the memory map as it is now, sorted. The buffer in stub->map_pages is made or, up
 * to the first ExitBootServices(), enlarged where need be.
 */
efi_status_t efi_get_map(struct efi_stub *stub);

/* efi_place_image() - find a place for the Image and copy it there. */
efi_status_t efi_place_image(struct efi_stub *stub);

/*
 * efi_prepare_fdt() - a buffer for the kernel's FDT, and the tables that it is made from, read.
 * efi_make_fdt() - the kernel's FDT, from the firmware's or from ACPI, and from the map in @stub.
 * Calls no boot service but to say what is wrong.
 */
efi_status_t efi_prepare_fdt(struct efi_stub *stub);
efi_status_t efi_make_fdt(struct efi_stub *stub);

/*
 * efi_forget_seeds() - wipe every seed in firmware's FDT; the kernel wipes its own FDT's. Boot
 * services are gone, and so is whoever would handle a fault: what cannot be written is let be.
 */
void efi_forget_seeds(struct efi_stub *stub);

/*
 * efi_boot() - all of it. @stub has handle, system, boot, image, line_size and id, and is zero
 * otherwise. Does not return unless something is wrong; that has been said, and nothing is left
 * allocated.
 */
efi_status_t efi_boot(struct efi_stub *stub);

/* What firmware calls: the entry of the PE image. */
efi_status_t efi_main(void *handle, struct efi_system_table *system);

/*
 * efi_leave() - turn the MMU and the caches off and go to @entry with @fdt in x0, as any boot
 * loader does. Interrupts masked. arch/arm64/entry/efi.S.
 */
void efi_leave(u64 entry, u64 fdt) __attribute__((noreturn));

#endif /* PAGODA_EFI_STUB_H */
