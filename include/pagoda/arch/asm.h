/* SPDX-License-Identifier: MIT */
/*
 * For assembly sources only: how a routine begins and ends, and addresses relative to the PC.
 */
#ifndef PAGODA_ASM_H
#define PAGODA_ASM_H

#include <pagoda/lib/sysreg.h>

/* A routine that C calls: BTI-compatible, visible to the linker, sized for debuggers. */
.macro	routine name
	.global	\name
	.hidden	\name
	.type	\name, %function
	.balign	4
\name:
	bti	c
.endm

.macro	routine_end name
	.size	\name, . - \name
.endm

/* The address of @symbol, wherever the image is running. */
.macro	address reg, symbol
	adrp	\reg, \symbol
	add	\reg, \reg, :lo12:\symbol
.endm

/* Any 64-bit constant. */
.macro	mov_q	reg, value
	movz	\reg, #((\value) & 0xffff)
	movk	\reg, #(((\value) >> 16) & 0xffff), lsl #16
	movk	\reg, #(((\value) >> 32) & 0xffff), lsl #32
	movk	\reg, #(((\value) >> 48) & 0xffff), lsl #48
.endm

/* The size in bytes of a data cache line, as dcache_line_size() has it. Clobbers @scratch. */
.macro	dcache_line reg, scratch
	mrs	\reg, ctr_el0
	ubfx	\reg, \reg, #CTR_EL0_DMINLINE_SHIFT, #4
	mov	\scratch, #4
	lsl	\reg, \scratch, \reg
.endm

/*
 * C with the MMU off at @el, exceptions to @vectors. @sctlr has the bits that are RES1 without the
 * features that define them; A, so that an emulator faults on an unaligned access as Device memory
 * would; and I, or every fetch until the flip would go to memory (DDI 0487, "Effects of MMU off on
 * instruction fetch": with I set they are Normal, write-through). Clobbers x0.
 *
 * The instruction cache may hold what ran at these addresses before, so it is dropped first, and
 * ISB has what follows fetched anew. Behind it may be a unified cache: the boot protocol has the
 * Image cleaned to the point of coherency, so no line there differs from memory. Until the flip no
 * code is changed: relocation writes pointers, never text (the linker refuses others), and whoever
 * patches code has the flip behind him, which drops this cache again. That a fetch brings data
 * into a unified cache that is written uncached later is no matter: pi/publish.c invalidates all
 * that was written, after it was.
 */
.macro	early_state el, sctlr, vectors
	ic	iallu
	dsb	nsh
	isb
	mov_q	x0, \sctlr
	msr	sctlr_\el, x0
	msr	vbar_\el, \vectors
	isb
.endm

#define SCTLR_EL1_EARLY \
	(SCTLR_EL1_LSMAOE_MASK | SCTLR_EL1_NTLSMD_MASK | SCTLR_EL1_SPAN_MASK | \
	 SCTLR_EL1_EIS_MASK | SCTLR_EL1_TSCXT_MASK | SCTLR_EL1_EOS_MASK | SCTLR_EL1_I_MASK | \
	 SCTLR_EL1_A_MASK)

#endif /* PAGODA_ASM_H */
