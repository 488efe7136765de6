// SPDX-License-Identifier: MIT
//
// The PE/COFF header that makes the Image an EFI application too. Data only: firmware and signing
// tools read it. It stands behind the boot header, whose first two bytes are PE's "MZ" and whose
// last word says where this is.
// Source: Microsoft PE format; UEFI Specification 2.10, 2.1.1 (images), 2.3.6 (AArch64).
//
// One PE section for each segment of the Image, at the same offset in the file as in memory: what
// firmware loads is what any other loader does. Nothing is to be relocated: the stub is position
// independent, and the Image relocates itself. The sizes are absolute symbols of the linker script.
//
// Some loaders load the sections by themselves and leave the headers out: nothing at run time reads
// this or the boot header.

#define PE_OFFSET 0x40			// of this header in the Image
#define PE_SIGNATURE_SIZE 4
#define COFF_HEADER_SIZE 20
#define DIRECTORY_COUNT 6		// up to base relocations; number 4 is for signatures

#define MACHINE_ARM64 0xaa64
#define FILE_EXECUTABLE 0x0002
#define FILE_NO_LINE_NUMBERS 0x0004
#define FILE_NO_DEBUG 0x0200
#define PE32_PLUS 0x20b
#define SUBSYSTEM_EFI_APPLICATION 10
#define DLL_NX_COMPAT 0x100

// What loaders of kernels take for the version of the EFI stub: from 1 on a stub finds an initial
// RAM disk by itself, if it wants one, and the loader need not pass it. systemd-stub starts no
// other, and GRUB keeps the RAM disk's address out of the device tree.
#define IMAGE_VERSION 1

#define SECTION_CODE 0x00000020
#define SECTION_DATA 0x00000040		// initialized
#define SECTION_BSS 0x00000080		// uninitialized: nothing of it in the file
#define SECTION_EXECUTE 0x20000000
#define SECTION_READ 0x40000000
#define SECTION_WRITE 0x80000000

#define TEXT (SECTION_CODE | SECTION_EXECUTE | SECTION_READ)
#define READ_ONLY (SECTION_DATA | SECTION_READ)
#define READ_WRITE (SECTION_BSS | SECTION_READ | SECTION_WRITE)

// The place of @symbol, from the start of the Image.
.macro	image_offset symbol
	.long	\symbol - pe_header + PE_OFFSET
.endm

// One entry of the section table. With no bytes in the file there is no place of theirs either.
.macro	pe_section name, start, size, file_size, flags
1:	.ascii	"\name"
	.balign	8
	.org	1b + 8
	.long	\size
	image_offset \start
	.long	\file_size
	.ifc	"\file_size", "0"
	.long	0
	.else
	image_offset \start
	.endif
	.long	0, 0, 0				// no relocations, no line numbers
	.long	\flags
.endm

	.section .head.pe, "a"
	.global	pe_header
	.hidden	pe_header
	.balign	8
pe_header:
	.ascii	"PE\0\0"
	.short	MACHINE_ARM64
	.short	(sections_end - sections) / 40
	.long	0, 0, 0				// no time stamp, no symbols
	.short	sections - optional_header
	.short	FILE_EXECUTABLE | FILE_NO_LINE_NUMBERS | FILE_NO_DEBUG

optional_header:
	.short	PE32_PLUS
	.byte	0, 0				// linker version
	.long	_pe_code_size
	.long	_pe_data_size
	.long	_pe_bss_size
	image_offset efi_main
	image_offset _text_start		// base of code
	.quad	0				// preferred base: none
	.long	_pe_section_align
	.long	_pe_file_align
	.short	0, 0				// version of the system: any
	.short	IMAGE_VERSION, 0
	.short	0, 0				// version of the subsystem: any
	.long	0
	.long	_image_size
	.long	_pe_headers_size
	.long	0				// checksum: nobody asks for it
	.short	SUBSYSTEM_EFI_APPLICATION
	.short	DLL_NX_COMPAT			// no section is writable and executable
	.quad	0, 0, 0, 0			// stack and heap: firmware's choice
	.long	0
	.long	DIRECTORY_COUNT
	.fill	DIRECTORY_COUNT, 8, 0

sections:
	pe_section .rodata, _pe_headers_end, _pe_rodata_size, _pe_rodata_size, READ_ONLY
	pe_section .text, _text_start, _pe_text_size, _pe_text_size, TEXT
	pe_section .itext, _init_text_start, _pe_init_text_size, _pe_init_text_size, TEXT
	pe_section .irodata, _init_data_start, _pe_init_data_size, _pe_init_data_bytes, READ_ONLY
	pe_section .bss, _data_start, _pe_bss_size, 0, READ_WRITE
sections_end:
