// SPDX-License-Identifier: MIT
//
// The Image's header and its first instructions, from the loader to C.
//
// Runs with the MMU and the data cache off, at whatever address the loader chose, at EL1 or EL2.
// May not use: memory before .bss is cleared but for reading the Image; absolute addresses.
// Source: the arm64 boot protocol (Linux, Documentation/arch/arm64/booting.rst).

#include <pagoda/asm.h>
#include <pagoda/stop.h>
#include <pagoda/sysreg.h>

// SCTLR_EL1 for C with the MMU off: the bits that are RES1 without the features that define them,
// and A, so that an emulator faults on an unaligned access as Device memory would.
#define SCTLR_EL1_EARLY                                                                           \
	(SCTLR_EL1_LSMAOE_MASK | SCTLR_EL1_NTLSMD_MASK | SCTLR_EL1_SPAN_MASK |                    \
	 SCTLR_EL1_EIS_MASK | SCTLR_EL1_TSCXT_MASK | SCTLR_EL1_EOS_MASK | SCTLR_EL1_A_MASK)

#define TCR2_EL1 S3_0_C2_C0_3

// Header flags: bit 0 clear: little endian; bits 2:1 clear: page size unspecified, since one Image
// serves all; bit 3: may be placed anywhere in memory.
#define HEADER_FLAGS 0x8

	.section .head, "a"
	.global	_text
_text:
	b	primary_entry			// code0
	.long	0				// code1
	.quad	0				// text_offset
	.long	_image_size, 0			// image_size, with .bss: 64 bits of it
	.quad	HEADER_FLAGS
	.quad	0, 0, 0				// reserved
	.ascii	"ARM\x64"			// magic
	.long	0				// reserved: offset of a PE header

	.section .init.text, "ax"

// primary_entry: x0 is the physical address of the FDT; x1 to x3 are reserved.
//   x19 FDT	x20 exception level	x21 SCTLR of that level		x22 counter
// Does not return.
	.type	primary_entry, %function
primary_entry:
	mov	x19, x0
	mrs	x20, CurrentEL
	lsr	x20, x20, #2

	// adrp, here and in C, counts in 4K pages: in an Image that is not 4K aligned it goes
	// wrong, and so would everything that follows.
	adr	x1, primary_entry
	address	x2, primary_entry
	cmp	x1, x2
	b.ne	image_misaligned

	cmp	x20, #2
	b.eq	entry_el2
	b.hi	entry_el3
	mrs	x21, sctlr_el1
	b	entry_el1

	// EL3: nothing here knows how to set up the levels below. C says so.
entry_el3:
	mrs	x21, sctlr_el3
	mrs	x22, cntvct_el0
	b	enter_c

	// EL2: drop to EL1, leaving a stub behind. el2_drop returns at EL1, clobbers x0 to x3.
entry_el2:
	mrs	x21, sctlr_el2
	msr	cntvoff_el2, xzr		// the virtual counter is the physical one
	isb
	mrs	x22, cntvct_el0
	bl	el2_drop
	b	entry_el1_counted

entry_el1:
	mrs	x22, cntvct_el0
entry_el1_counted:
	msr	daifset, #0xf
	mov_q	x0, SCTLR_EL1_EARLY
	msr	sctlr_el1, x0
	address	x0, early_vectors
	msr	vbar_el1, x0
	msr	tpidr_el1, xzr			// no exception taken so far
	// FEAT_TCR2: with permission indirection (PIE) left on by whoever was here before, WXN
	// would have no effect, and TCR2_EL1 need not be zero out of reset.
	mrs	x0, SYS_ID_AA64MMFR3_EL1
	ubfx	x0, x0, #ID_AA64MMFR3_EL1_TCRX_SHIFT, #4
	cbz	x0, 1f
	msr	TCR2_EL1, xzr
1:	isb

enter_c:
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
	mov	x3, x22
	b	early_main
	.size	primary_entry, . - primary_entry

image_misaligned:
	adr	x1, _text
	mov	x0, #STOP_IMAGE_MISALIGNED_CODE
	mov	x2, #4096
	mov	x3, xzr
	b	cpu_halt

// Vectors until the flip: any exception ends the boot. Sixteen entries, 128 bytes apart, all alike.
	.balign	2048
early_vectors:
	.rept	16
	.balign	128
	b	early_fault
	.endr

// early_fault: the exception's registers go to C on an empty stack. A second exception, inside C's
// handling of the first, stops at once: x0 to x3 as for any stop.
early_fault:
	mrs	x4, tpidr_el1
	mrs	x0, esr_el1
	mrs	x1, elr_el1
	mrs	x2, far_el1
	cbnz	x4, 1f
	mov	x4, #1
	msr	tpidr_el1, x4
	address	x4, _stack_end
	mov	sp, x4
	b	early_exception
1:	mov	x3, x2
	mov	x2, x1
	mov	x1, x0
	mov	x0, #STOP_EXCEPTION_CODE
	b	cpu_halt
