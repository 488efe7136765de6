// SPDX-License-Identifier: MIT
//
// The Image's header and its first instructions, from the loader to C.
//
// Runs with the MMU and the data cache off, the instruction cache as the loader left it until
// early_state turns it on, at whatever address the loader chose, at the exception level it chose: C
// decides at which one the kernel runs, and refuses EL3.
// May not use: memory before .bss is cleared but for reading the Image; absolute addresses.
// Source: the arm64 boot protocol (Linux, Documentation/arch/arm64/booting.rst).

#include <pagoda/arch/asm.h>
#include <pagoda/kernel/handoff/stop.h>
#include <pagoda/lib/sysreg.h>

// Header flags: bit 0 clear: little endian; bits 2:1 clear: page size unspecified, since one Image
// serves all; bit 3: may be placed anywhere in memory.
#define HEADER_FLAGS 0x8

	.section .head, "a"
header:
	ccmp	x18, #0, #0xd, pl		// code0: changes flags only; as bytes it is "MZ"
	b	primary_entry			// code1
	.quad	0				// text_offset
	.long	_image_size, 0			// image_size, with .bss: 64 bits of it
	.quad	HEADER_FLAGS
	.quad	0, 0, 0				// reserved
	.ascii	"ARM\x64"			// magic
	.long	pe_header - header		// arch/arm64/head/pe.S

	.section .head.text, "ax"		// first in .init.text: linker/pagoda.lds.S

// primary_entry: x0 is the physical address of the FDT; x1 to x3 are reserved.
//   x19 FDT	x20 exception level	x21 SCTLR of that level		x22 counter
//   x23 HCR_EL2, with E2H clear if that can be; 0 unless entered at EL2
// Does not return.
	.global	primary_entry
	.hidden	primary_entry
	.type	primary_entry, %function
primary_entry:
	msr	daifset, #0xf
	mov	x19, x0
	mrs	x20, CurrentEL
	lsr	x20, x20, #2
	mov	x23, xzr

	// adrp, here and in C, counts in 4K pages: in an Image that is not 4K aligned it goes
	// wrong, and so would everything that follows.
	adr	x1, primary_entry
	address	x2, primary_entry
	cmp	x1, x2
	b.ne	image_misaligned

	address	x1, early_exception
	msr	tpidr_el1, x1			// early_fault's way to C; any level has it
	msr	tpidr_el0, xzr			// no access is being tried
	address	x1, early_vectors
	cmp	x20, #2
	b.eq	entry_el2
	b.hi	entry_el3
	mrs	x21, sctlr_el1
	early_state el1, SCTLR_EL1_EARLY, x1
	gcs_off	GCSCR_EL1, GCSCRE0_EL1
	b	enter_c

	// EL3: nothing here knows how to set up the levels below. C says so.
entry_el3:
	mrs	x21, sctlr_el3
	early_state el3, SCTLR_EL2_EARLY, x1
	gcs_off	GCSCR_EL3, GCSCRE0_EL1
	b	enter_c

	// EL2: the MMU is off before HCR_EL2 changes, since E2H changes what its tables mean. Then
	// the registers have the layouts without E2H, if the CPU has those.
entry_el2:
	mrs	x21, sctlr_el2
	early_state el2, SCTLR_EL2_EARLY, x1
	gcs_off	GCSCR_EL2, GCSCRE0_EL1
	bl	el2_reset
	mov	x23, x0

enter_c:
	mrs	x22, cntvct_el0
	// No loader is trusted to have cleared .bss. Start and end are multiples of 256.
	address	x0, _bss_start
	address	x1, _bss_end
1:	.irp	offset, 0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240
	stp	xzr, xzr, [x0, #\offset]
	.endr
	add	x0, x0, #256
	cmp	x0, x1
	b.lo	1b

	msr	spsel, #1
	address	x0, _stack_end
	mov	sp, x0
	mov	x29, xzr			// end of the chain of frames
	mov	x30, xzr
	mov	x0, x19
	mov	x1, x20
	mov	x2, x21
	mov	x3, x23
	mov	x4, x22
	b	early_main
	.size	primary_entry, . - primary_entry

image_misaligned:
	adr	x1, _text
	mov	x0, #STOP_IMAGE_MISALIGNED_CODE
	mov	x2, #4096
	mov	x3, xzr
	b	cpu_halt
