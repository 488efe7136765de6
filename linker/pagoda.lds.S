/* SPDX-License-Identifier: MIT */
/*
 * The Image, byte by byte, and an ASSERT for every assumption that code makes about it.
 *
 *     _text  header, read-only data	SEGMENT_RODATA
 *            text, entry code first	SEGMENT_TEXT
 *            init text			SEGMENT_INIT_TEXT	unmapped after boot, with:
 *            init data, relocations,	SEGMENT_INIT_DATA
 *            unwind tables
 *            ---- end of the file ----
 *            .bss, buffers, table	SEGMENT_DATA
 *            pool, gap, stacks
 *     _end
 *
 * Segments begin at multiples of 64 KiB, the largest page, so that one Image can be mapped with
 * exact permissions in all three page sizes.
 */
#include <pagoda/pi/start.h>

#include "debug.lds.h"

#define SEGMENT_ALIGN 0x10000
#define STACK_SIZE 0x4000
#define KASAN_STACK_SIZE 0x8000 /* frames have gaps between what is in them */
#if KASAN
#undef STACK_SIZE
#define STACK_SIZE KASAN_STACK_SIZE
#endif
#define GUARD_SIZE 0x20000 /* 64 KiB of it, aligned, wherever the image is */

/* What an image may take of memory: a budget. Whoever needs more says so here; the pool follows. */
#if KASAN
#define IMAGE_SIZE_MAX 0x600000
#else
#define IMAGE_SIZE_MAX 0x300000
#endif

/*
 * The table pool: what a boot needs of tables until the page allocator has others, for the page
 * size that needs most. At each level, a range touches as many tables as it is times as long as
 * what one translates, and two more, wherever it lies; two, where it is shorter. By page size, from
 * the last level up to below the root, what one table translates:
 *
 *     4K     2 MiB, 1 GiB, 512 GiB, 256 TiB
 *     16K    32 MiB, 64 GiB, 128 TiB
 *     64K    512 MiB, 4 TiB
 *
 * Two maps, each with a root: the image, and of the image the entry code and, for a while, the
 * tables in this pool, which together touch no more tables than all of the image would. In that
 * identity map, as long, a view of the linear map's tables too: of at most 512 ranges of RAM, two
 * tables a level each, hence 16, 48 and 128 MiB. At
 * the top of the kernel's map, in tables that the image is not in: the device tree's window, at
 * most 2 MiB long, the slots of devices, and 16 MiB of PCI ports. The image lies at a multiple of
 * the page size, the pool at one of 64 KiB in it: nothing is lost to alignment.
 */
#define TOUCHED(size, span) ((size) / (span) + 2)
#define TABLES_4K (2 * (1 + TOUCHED(IMAGE_SIZE_MAX, 0x200000) + 2 + 2 + 2) +	\
		   TOUCHED(0x1000000, 0x200000) + 2 + 2 + 2 +			\
		   2 + 1 + TOUCHED(0x1000000, 0x200000) + 1 + 1)
#define TABLES_16K (2 * (1 + TOUCHED(IMAGE_SIZE_MAX, 0x2000000) + 2 + 2) +	\
		    TOUCHED(0x3000000, 0x2000000) + 2 + 2 +			\
		    1 + 1 + 1)
#define TABLES_64K (2 * (1 + TOUCHED(IMAGE_SIZE_MAX, 0x20000000) + 2) +	\
		    TOUCHED(0x8000000, 0x20000000) + 2 +			\
		    1 + 1 + 1)
/* KASAN's shared page and tables, and a table for each end of the region: pagoda/mm/pt/shared.h. */
#if KASAN
#define SHARED(tables) (1 + (tables) + 2)
#else
#define SHARED(tables) 0
#endif
#ifndef POOL_SIZE
#define POOL_SIZE MAX((TABLES_4K + SHARED(4)) * 0x1000,			\
		      MAX((TABLES_16K + SHARED(3)) * 0x4000,		\
			  (TABLES_64K + SHARED(2)) * 0x10000))
#endif

/*
 * EARLY_OBJECTS, TREE_OBJECTS, FIRMWARE_OBJECTS and EFI_OBJECTS come from the Makefile: the objects
 * of pi/, kernel/tree/, kernel/firmware/ and efi/, only needed before the kernel gives memory away.
 * START_OBJECTS: the kernel's own first steps up to there. Their constants stay: names are kept.
 */
#define INIT_OBJECTS EARLY_OBJECTS TREE_OBJECTS FIRMWARE_OBJECTS EFI_OBJECTS

/* Of the PE header. Firmware maps pages of 4 KiB; files are counted in sectors. */
#define PE_SECTION_ALIGN 0x1000
#define PE_FILE_ALIGN 0x200

/* A table to which files add their rows: include/pagoda/row.h. */
#define ROWS(table)             \
	. = ALIGN(4);           \
	__start_##table = .;    \
	KEEP(*(table))          \
	__stop_##table = .;

#define DEBUG_SECTION(name) name 0 : { *(name) } :NONE

OUTPUT_ARCH(aarch64)
ENTRY(_text)

PHDRS
{
	rodata PT_LOAD FLAGS(4); /* R */
	text PT_LOAD FLAGS(5); /* R X */
	init_text PT_LOAD FLAGS(5);
	init_data PT_LOAD FLAGS(4);
	data PT_LOAD FLAGS(6); /* R W */
}

SECTIONS
{
	. = IMAGE_LINK_VA;

	.head : {
		_text = .;
		_rodata_start = .;
		KEEP(*(.head))
		KEEP(*(.head.pe))
		. = ALIGN(PE_SECTION_ALIGN);
		_pe_headers_end = .;
	} :rodata
	.rodata : {
		*(EXCLUDE_FILE(INIT_OBJECTS) .rodata)
		*(EXCLUDE_FILE(INIT_OBJECTS) .rodata.*)
		ROWS(commands)
		ROWS(completions)
		ROWS(selftests)
		ROWS(selftest_costs)
		ROWS(programs)
	} :rodata
	/* Pointers: written by relocation, at their physical address, before they are mapped. */
	.data.rel.ro : {
		*(.data.rel.ro .data.rel.ro.*)
#if KASAN
		/* What GCC says of globals, and who passes that on: kernel/start/kasan.c. */
		*(.data.rel.local .data.rel.local.*)
		. = ALIGN(8);
		_constructors_start = .;
		KEEP(*(.init_array .init_array.*))
		_constructors_end = .;
#endif
	} :rodata
	/* What the linker makes by itself: a word, and three. More would be entries. */
	.got : {
		_got_start = .;
		*(.got .got.plt)
		_got_end = .;
	} :rodata
	. = ALIGN(SEGMENT_ALIGN);
	_rodata_end = .;

	/* From any CPU's first instruction to its flip: all that an identity map needs. */
	.text : {
		_text_start = .;
		_entry_start = .;
		*(.entry.vectors) /* aligned to 2 KiB: code between them would leave gaps */
		*(.entry.text)
		_entry_end = .;
		*(.vectors) /* side by side, for the same reason */
		*(.text.startup) /* KASAN: GCC's functions that register globals */
		*(EXCLUDE_FILE(INIT_OBJECTS START_OBJECTS) .text)
		*(EXCLUDE_FILE(INIT_OBJECTS START_OBJECTS) .text.*)
	} :text
	. = ALIGN(SEGMENT_ALIGN);
	_text_end = .;

	.init.text : {
		_init_text_start = .;
		KEEP(*(.head.text))
		*(.init.text)
		EARLY_OBJECTS(.text .text.*)
		TREE_OBJECTS(.text .text.*)
		FIRMWARE_OBJECTS(.text .text.*)
		EFI_OBJECTS(.text .text.*)
		*(.text .text.*) /* START_OBJECTS, of which there are several patterns */
	} :init_text
	. = ALIGN(SEGMENT_ALIGN);
	_init_text_end = .;

	.init.data : {
		_init_data_start = .;
		EARLY_OBJECTS(.rodata .rodata.*)
		TREE_OBJECTS(.rodata .rodata.*)
		FIRMWARE_OBJECTS(.rodata .rodata.*)
		EFI_OBJECTS(.rodata .rodata.*)
	} :init_data
	.rela.dyn : ALIGN(8) {
		_rela_start = .;
		*(.rela .rela.*)
		_rela_end = .;
	} :init_data
	/* For pi/scs.c, which looks for them here, up to a length of zero. */
	.eh_frame : ALIGN(8) {
		_frames_start = .;
		KEEP(*(.eh_frame))
		_frames_end = .;
		LONG(0)
		. = ALIGN(PE_FILE_ALIGN);
		_file_end = .;
	} :init_data
	. = ALIGN(SEGMENT_ALIGN);
	_init_data_end = .;
	_data_start = .;

	/* None: the file would have to reach as far as here. What is not zero is set by code. */
	.data : { *(.data .data.*) } :data

	.bss (NOLOAD) : ALIGN(256) {
		_bss_start = .;
		*(.bss .bss.* COMMON)
		. = ALIGN(256);
		_bss_end = .;
	} :data

	/*
	 * Never cleared as a whole: each table is, when it is taken; stacks and buffers need not
	 * be. The kernel unmaps the pool, and the gap below its stack, which is next to it so that
	 * the last unit of the pool may reach into it; the exception stack is above, so that it
	 * could only overflow into what a report no longer needs.
	 */
	.noinit (NOLOAD) : {
		*(.noinit)
		. = ALIGN(SEGMENT_ALIGN);
		_pool_start = .;
		. += POOL_SIZE;
		_pool_end = .;
		. = ALIGN(SEGMENT_ALIGN);
		_guard_start = .;
		. += GUARD_SIZE;
		_guard_end = .;
		. += STACK_SIZE;
		_stack_end = .;
		. += STACK_SIZE;
		_exception_stack_end = .;
	} :data
	. = ALIGN(SEGMENT_ALIGN);
	_data_end = .;
	_end = .;

	_image_size = ABSOLUTE(_end - _text);

	/* Numbers for arch/arm64/head/pe.S: the segments as PE sections. */
	_pe_section_align = ABSOLUTE(PE_SECTION_ALIGN);
	_pe_file_align = ABSOLUTE(PE_FILE_ALIGN);
	_pe_headers_size = ABSOLUTE(_pe_headers_end - _text);
	_pe_rodata_size = ABSOLUTE(_rodata_end - _pe_headers_end);
	_pe_text_size = ABSOLUTE(_text_end - _text_start);
	_pe_init_text_size = ABSOLUTE(_init_text_end - _init_text_start);
	_pe_init_data_size = ABSOLUTE(_init_data_end - _init_data_start);
	_pe_init_data_bytes = ABSOLUTE(_file_end - _init_data_start);
	_pe_bss_size = ABSOLUTE(_data_end - _data_start);
	_pe_code_size = ABSOLUTE(_init_text_end - _text_start);
	_pe_data_size = ABSOLUTE(_pe_rodata_size + _pe_init_data_size);

	.plt : { *(.plt .iplt) }
	ASSERT(_got_end - _got_start == 0x20, "a global offset table: something is not hidden")
	ASSERT(SIZEOF(.plt) == 0, "a procedure linkage table")
	ASSERT(SIZEOF(.data) == 0, "a variable begins as something else than zero")

	ASSERT(kernel_main >= _text_start && kernel_main < _text_end, "kernel_main is not text")
	ASSERT(_guard_start - _pool_end < SEGMENT_ALIGN, "something stands behind the table pool")
	ASSERT(_entry_start == _text_start, "entry code does not begin where a page does")
	ASSERT(_entry_end - _entry_start <= SEGMENT_ALIGN, "entry code is more than a page")
	ASSERT(mmu_flip >= _entry_start && early_vectors >= _entry_start &&
	       mmu_flip < _entry_end && early_vectors < _entry_end, "not all entry code is kept")
	ASSERT(primary_entry == _init_text_start, "the EFI stub enters its copy elsewhere")
	ASSERT(early_main >= _init_text_start && early_main < _init_text_end,
	       "the early runtime is not init text")
	ASSERT(((_bss_start | _bss_end) & 255) == 0 && _bss_start != _bss_end,
	       "head.S clears .bss in steps of 256")
	ASSERT(_frames_start == ALIGN(_rela_end, 8), "unwind tables are not behind the relocations")
	ASSERT((_text & 0x1fffff) == 0, "the link address is not 2 MiB aligned")
	ASSERT(_end - _text <= IMAGE_SIZE_MAX, "more memory than the table pool is computed for")
	ASSERT(IMAGE_SIZE_MAX < 0x2000000, "map_kernel.c knows of no leaves of 32 MiB")
	ASSERT(_data_end - _data_start < 0x200000,
	       "the gap below the stack could be in a block or a contiguous run of 2 MiB")
	ASSERT((_init_text_end - _init_text_start) != 0 && _init_text_end == _init_data_start,
	       "init text and init data must adjoin")

	/* For debuggers; not part of the Image. */
	DEBUG_SECTIONS

	/DISCARD/ : {
		*(.dynsym .dynstr .dynamic .dynbss .hash .gnu.hash .gnu.version*)
		*(.interp .note* .comment)
#if KASAN
		*(.fini_array .fini_array.*)
#endif
	}
}
