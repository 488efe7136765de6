// SPDX-License-Identifier: MIT
//
// From a kernel at EL2 (VHE) to a guest at EL1 and back. Interrupts wait, as does all else: what
// comes while the guest runs ends its turn, and is taken when the kernel lets it.

#include <pagoda/arch/asm.h>
#include <pagoda/arch/guest.h>

#define SWITCH_FRAME_SIZE 144

	.section .vectors, "ax"
	.balign	2048
guest_vectors:
	.rept	8
	.balign	128
	b	guest_vectors_bad
	.endr
	.irp	kind, EL2_SYNC, EL2_IRQ, EL2_FIQ, EL2_SERROR
	.balign	128
	stp	x0, x1, [sp, #-16]!
	mov	x1, #\kind
	b	guest_exit
	.endr
	.rept	4
	.balign	128
	b	guest_vectors_bad
	.endr

	.text

guest_vectors_bad:
	mrs	x1, esr_el1
	mrs	x2, elr_el1
	mrs	x3, far_el1
	mov	x0, xzr
	b	cpu_halt

// guest_switch(run, hcr): x0 struct guest_run, x1 HCR_EL2 for the guest. Out: x0 which vector.
// With E2H set EL1's names reach EL2's registers. The kernel runs on SP_EL0, which the guest may
// change; what has to be found again is on the stack of EL2, which has its end again afterwards.
routine guest_switch
	stp	x29, x30, [sp, #-SWITCH_FRAME_SIZE]!
	mov	x29, sp
	callee_saved stp
	mrs	x9, vbar_el1
	mrs	x10, hcr_el2
	stp	x9, x10, [sp, #96]
	mrs	x9, tpidr_el0
	mrs	x10, tpidrro_el0
	stp	x9, x10, [sp, #112]
	mrs	x9, daif
	stp	x9, x18, [sp, #128]		// the guest has an x18 of its own
	msr	daifset, #0xf
	mov	x9, sp
	msr	spsel, #1
	stp	x9, x0, [sp, #-16]!
	adr	x10, guest_vectors
	msr	vbar_el1, x10
	ldp	x11, x12, [x0, #GUEST_RUN_PC]
	msr	elr_el1, x11
	msr	spsr_el1, x12
	hcr_write x1
	frame_registers ldp, x0
	ldr	x30, [x0, #240]
	ldp	x0, x1, [x0]
	eret
	dsb	nsh				// nothing is tried beyond
	isb

// guest_exit: x0 and x1 are on the stack, below where the kernel's stack pointer and struct
// guest_run are; x1 which vector.
guest_exit:
	ldr	x0, [sp, #24]
	frame_registers stp, x0
	str	x30, [x0, #240]
	ldp	x2, x3, [sp], #16
	stp	x2, x3, [x0]
	mrs	x2, elr_el1
	mrs	x3, spsr_el1
	stp	x2, x3, [x0, #GUEST_RUN_PC]
	mrs	x2, esr_el1
	mrs	x3, far_el1
	stp	x2, x3, [x0, #GUEST_RUN_ESR]
	mrs	x2, hpfar_el2
	str	x2, [x0, #GUEST_RUN_IPA]
	ldr	x9, [sp], #16
	msr	spsel, #0
	mov	sp, x9
	ldp	x9, x10, [sp, #96]
	hcr_write x10
	msr	vbar_el1, x9
	ldp	x9, x10, [sp, #112]
	msr	tpidr_el0, x9
	msr	tpidrro_el0, x10
	ldp	x9, x18, [sp, #128]
	isb
	msr	daif, x9
	mov	x0, x1
	callee_saved ldp
	ldp	x29, x30, [sp], #SWITCH_FRAME_SIZE
	ret
routine_end guest_switch
