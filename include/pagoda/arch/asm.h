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

/* stp: what a function must leave as it was, x29 aside, behind a frame record at SP; ldp: back. */
.macro	callee_saved op
	\op	x19, x20, [sp, #16]
	\op	x21, x22, [sp, #32]
	\op	x23, x24, [sp, #48]
	\op	x25, x26, [sp, #64]
	\op	x27, x28, [sp, #80]
.endm

/* stp: x2 to x29 to their places in a struct exception_frame at @base; ldp: from there. */
.macro	frame_registers op, base
	\op	x2, x3, [\base, #16]
	\op	x4, x5, [\base, #32]
	\op	x6, x7, [\base, #48]
	\op	x8, x9, [\base, #64]
	\op	x10, x11, [\base, #80]
	\op	x12, x13, [\base, #96]
	\op	x14, x15, [\base, #112]
	\op	x16, x17, [\base, #128]
	\op	x18, x19, [\base, #144]
	\op	x20, x21, [\base, #160]
	\op	x22, x23, [\base, #176]
	\op	x24, x25, [\base, #192]
	\op	x26, x27, [\base, #208]
	\op	x28, x29, [\base, #224]
.endm

/* What TPIDR of this level has: struct cpu, where no exception within an exception is open. */
.macro	cpu_pointer reg
	mrs	\reg, CurrentEL
	tbnz	\reg, #3, 8f
	mrs	\reg, tpidr_el1
	b	9f
8:	mrs	\reg, tpidr_el2
9:
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

/*
 * HCR_EL2 from @value, in effect from here on. The DSB: on AmpereOne (AC04_CPU_23) the write may
 * spoil the translation of an access that is under way.
 */
.macro	hcr_write value
	dsb	nsh
	msr	hcr_el2, \value
	isb
.endm

/*
 * What follows may be undefined, or trapped by a higher level that forbids it: then early_fault
 * goes on at @after. In force until TPIDR_EL0 is cleared. Clobbers x0. No help against an EL3 that
 * stops the CPU: hence words on the command line that leave such registers alone.
 */
.macro	landing after
	adr	x0, \after
	msr	tpidr_el0, x0
.endm

/*
 * FEAT_GCS: guarded control stacks off in GCSCR of this level and of EL0, @first and @second. Left
 * on by a loader, they would have every call push to its stack, and the first return compare with
 * what is no longer there. EL3 may forbid both (SCR_EL3.GCSEn): then they are off. Clobbers x0.
 */
.macro	gcs_off	first, second
	mrs	x0, SYS_ID_AA64PFR1_EL1
	tst	x0, #ID_AA64PFR1_EL1_GCS_MASK
	b.eq	9f
	landing	9f
	msr	\first, xzr
	msr	\second, xzr
	isb
9:	msr	tpidr_el0, xzr
.endm

#define GCSCR_EL1 S3_0_C2_C5_0
#define GCSCRE0_EL1 S3_0_C2_C5_2
#define GCSCR_EL2 S3_4_C2_C5_0
#define GCSCR_EL3 S3_6_C2_C5_0

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
 * Image cleaned to the point of coherency, so no line there differs from memory. Relocation
 * writes pointers, never text (the linker refuses others); what patches code, pi/scs.c, drops this
 * cache again, and so does the flip. That a fetch brings data into a unified cache that is written
 * uncached later is no matter: pi/publish.c invalidates all that was written, after it was.
 */
.macro	early_state el, sctlr, vectors
	mov_q	x0, \sctlr
	ic	iallu
	dsb	nsh
	isb
	msr	sctlr_\el, x0
	msr	vbar_\el, \vectors
	isb
.endm

#define SCTLR_EL1_EARLY \
	(SCTLR_EL1_LSMAOE_MASK | SCTLR_EL1_NTLSMD_MASK | SCTLR_EL1_SPAN_MASK | \
	 SCTLR_EL1_EIS_MASK | SCTLR_EL1_TSCXT_MASK | SCTLR_EL1_EOS_MASK | SCTLR_EL1_I_MASK | \
	 SCTLR_EL1_A_MASK)
/*
 * SCTLR_EL2 and SCTLR_EL3 likewise: bits 29, 28, 23, 22, 18, 16, 11, 5 and 4 are RES1 there. With
 * HCR_EL2.E2H set they are the fields of SCTLR_EL1, and harmless.
 */
#define SCTLR_EL2_EARLY (0x30c50830 | SCTLR_EL1_I_MASK | SCTLR_EL1_A_MASK)

#endif /* PAGODA_ASM_H */
