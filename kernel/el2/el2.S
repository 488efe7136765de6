// SPDX-License-Identifier: MIT
//
// EL2: the hypervisor's first instructions on a CPU, its vectors, and its last instructions.
//
// What is MMU off, or turns it on or off, runs at its physical address, which EL2's own map maps to
// itself; it is the first page of the hypervisor's text. All else runs at EL2's addresses.

#include <pagoda/arch/asm.h>
#include <pagoda/kernel/hyp/el2.h>

#define ESR_EC_HVC64 0x16
#define SCTLR2_EL2 S3_4_C1_C0_3
#define TCR2_EL2 S3_4_C2_C0_3
#define HALT_MAGIC 0x5061676f6461
#define HALT_EXCEPTION 12			// STOP_EXCEPTION

	.section .text.first, "ax"

// What the stub installs in its own place: a CPU's way to the hypervisor. MMU off.
	.balign	2048
	.global	el2_first_vectors
el2_first_vectors:
	.rept	8
	.balign	128
	b	el2_halt
	.endr
	.balign	128
	b	el2_start
	.rept	7
	.balign	128
	b	el2_halt
	.endr

// The hypervisor's vectors, at its address. From EL2 itself nothing comes that could go on; nor
// does it touch the stack, which may be what it is about.
.macro	entry kind
	.balign	128
	sub	sp, sp, #EL2_FRAME_SIZE
	stp	x0, x1, [sp]
	mov	x1, #\kind
	b	el2_enter
.endm

	.balign	2048
	.global	el2_main_vectors
	.hidden	el2_main_vectors
el2_main_vectors:
	.rept	8
	.balign	128
	b	el2_halt
	.endr
	entry	EL2_SYNC
	entry	EL2_IRQ
	entry	EL2_FIQ
	entry	EL2_SERROR
	.rept	4
	.balign	128
	b	el2_halt
	.endr

// el2_halt: with what any stop has in x0 to x3.
routine el2_halt
	mov_q	x0, HALT_MAGIC << 16 | HALT_EXCEPTION
	mrs	x1, esr_el2
	mrs	x2, elr_el2
	mrs	x3, far_el2
1:	msr	daifset, #0xf
	wfi
	b	1b
routine_end el2_halt

// el2_start: x0 EL2_START, x1 struct el2_cpu (physical).  out: x0 0 or STUB_REFUSED.  clobbers: x1
// to x11, which hold nothing afterwards: the host shall not learn where the hypervisor is.
// Registers first, ISB, then the TLB is dropped, and only then the MMU goes on, and stage 2.
el2_start:
	mrs	x2, esr_el2
	lsr	x2, x2, #ESR_EL1_EC_SHIFT
	cmp	x2, #ESR_EC_HVC64
	b.ne	el2_halt
	mov	x2, #(EL2_START & 0xffff)
	movk	x2, #(EL2_START >> 16), lsl #16
	cmp	x0, x2
	b.ne	1f
	ldp	x2, x3, [x1, #EL2_CPU_MAIR_TCR]
	ldp	x4, x5, [x1, #EL2_CPU_TTBR_SCTLR]
	ldp	x6, x7, [x1, #EL2_CPU_VTCR_VTTBR]
	ldp	x8, x9, [x1, #EL2_CPU_HCR_VECTORS]
	ldp	x10, x11, [x1, #EL2_CPU_SELF_CLEAR]
	// With permission indirection (PIE) left on by whoever was here before, WXN had no effect.
	tst	x11, #ID_AA64MMFR3_EL1_TCRX_MASK
	b.eq	2f
	msr	TCR2_EL2, xzr
2:	tst	x11, #ID_AA64MMFR3_EL1_SCTLRX_MASK
	b.eq	3f
	msr	SCTLR2_EL2, xzr
3:
	msr	mair_el2, x2
	msr	tcr_el2, x3
	msr	ttbr0_el2, x4
	msr	vtcr_el2, x6
	msr	vttbr_el2, x7
	msr	tpidr_el2, x10
	mov	sp, x10
	isb
	tlbi	alle2
	ic	iallu
	dsb	nsh
	isb
	msr	vbar_el2, x9
	msr	sctlr_el2, x5
	isb
	// EL1 translated without stage 2, under the same VMID.
	hcr_write x8
	tlbi	alle1
	dsb	nsh
	isb
	.irp	register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	mov	x\register, xzr
	.endr
	eret
1:	mov_q	x0, STUB_REFUSED
	mov	x1, xzr
	mov	x2, xzr
	eret

// el2_off: back to what the stub left, at the physical address.  in: x1 the vectors to leave there,
// x9 HCR_EL2.  out: x0 0.  clobbers: x1, x9, as the stub does.
	.global	el2_off
	.hidden	el2_off
el2_off:
	bti	j
	hcr_write x9
	mrs	x9, sctlr_el2
	bic	x9, x9, #1			// M
	bic	x9, x9, #4			// C
	msr	sctlr_el2, x9
	isb
	tlbi	alle2
	tlbi	alle1
	dsb	nsh
	isb
	msr	vttbr_el2, xzr
	msr	vbar_el2, x1
	msr	tpidr_el2, xzr
	isb
	mov	x0, xzr
	mov	x1, xzr
	mov	x9, xzr
	eret

	.text

// el2_enter: x0 and x1 are in the frame already; x1 what it is.
el2_enter:
	frame_registers stp, sp
	str	x30, [sp, #240]
	mov	x29, xzr
	mov	x0, sp
	bl	el2_trap
	ldp	x0, x1, [sp]
	frame_registers ldp, sp
	ldr	x30, [sp, #240]
	add	sp, sp, #EL2_FRAME_SIZE
	eret
	dsb	nsh				// nothing is tried beyond
	isb

// el2_leave(frame, vectors, hcr, off): off with the hypervisor on this CPU; the host goes on with
// its registers in @frame, but for x0, x1 and x9. @off: the physical address of el2_off.
routine el2_leave
	mov	sp, x0
	mov	x0, x3
	mov	x30, x2
	frame_registers ldp, sp
	mov	x9, x30
	ldr	x30, [sp, #240]
	add	sp, sp, #EL2_FRAME_SIZE
	br	x0
routine_end el2_leave

	.section .rodata.first, "a"
	.global	el2_header
	.hidden	el2_header
// For who installs it: where these are in the text.
el2_header:
	.quad	el2_main_vectors - el2_first_vectors
	.quad	el2_off - el2_first_vectors
