/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor, a program by itself: text, read-only data, and data that is all zero at first.
 * It is linked at 0, runs anywhere, and knows no symbol of the kernel's.
 */
#include <pagoda/kernel/hyp/el2.h>

#include "debug.lds.h"

#define DEBUG_SECTION(name) name 0 : { *(name) }

OUTPUT_ARCH(aarch64)
ENTRY(el2_first_vectors)

SECTIONS
{
	. = 0;
	.text : {
		_el2_text = .;
		KEEP(*(.text.first))
		. = ALIGN(16);
		*(.text .text.*)
	}
	_el2_text_end = .;
	. = EL2_RODATA_AT;
	.rodata : {
		KEEP(*(.rodata.first))
		*(.rodata .rodata.*)
	}
	_el2_rodata_end = .;
	. = EL2_DATA_AT;
	.bss (NOLOAD) : {
		_el2_data = .;
		*(.bss.state)
		_el2_more = .;
		*(.bss .bss.*)
		_el2_data_end = .;
	}

	.data : { *(.data .data.* COMMON) }
	.got : { *(.got .got.plt) }
	.rela.dyn : { *(.rela .rela.*) }
	ASSERT(SIZEOF(.data) == 0, "the hypervisor has data that is not zero at first")
	ASSERT(_el2_data_end - _el2_more <= EL2_DATA_MORE, "the hypervisor has too much data")
	ASSERT(SIZEOF(.rela.dyn) == 0, "the hypervisor has an absolute address")
	ASSERT(_el2_text_end - _el2_text <= EL2_PART_SIZE, "the hypervisor's text is too long")
	ASSERT(_el2_data_end - _el2_data <= EL2_PART_SIZE, "the hypervisor's data is too long")
	ASSERT(el2_off < 0x1000 + 0x400, "what runs MMU off is not in the first pages")

	.plt : { *(.plt .iplt) }
	ASSERT(SIZEOF(.plt) == 0, "a procedure linkage table")

	DEBUG_SECTIONS

	/DISCARD/ : {
		*(.dynsym .dynstr .dynamic .dynbss .hash .gnu.hash .gnu.version*)
		*(.interp .note* .comment .eh_frame*)
	}
}
