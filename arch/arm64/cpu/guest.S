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
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
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
	ldp	x2, x3, [x0, #16]
	ldp	x4, x5, [x0, #32]
	ldp	x6, x7, [x0, #48]
	ldp	x8, x9, [x0, #64]
	ldp	x10, x11, [x0, #80]
	ldp	x12, x13, [x0, #96]
	ldp	x14, x15, [x0, #112]
	ldp	x16, x17, [x0, #128]
	ldp	x18, x19, [x0, #144]
	ldp	x20, x21, [x0, #160]
	ldp	x22, x23, [x0, #176]
	ldp	x24, x25, [x0, #192]
	ldp	x26, x27, [x0, #208]
	ldp	x28, x29, [x0, #224]
	ldr	x30, [x0, #240]
	ldp	x0, x1, [x0]
	eret
	dsb	nsh				// nothing is tried beyond
	isb

// guest_exit: x0 and x1 are on the stack, below where the kernel's stack pointer and struct
// guest_run are; x1 which vector.
guest_exit:
	ldr	x0, [sp, #24]
	stp	x2, x3, [x0, #16]
	stp	x4, x5, [x0, #32]
	stp	x6, x7, [x0, #48]
	stp	x8, x9, [x0, #64]
	stp	x10, x11, [x0, #80]
	stp	x12, x13, [x0, #96]
	stp	x14, x15, [x0, #112]
	stp	x16, x17, [x0, #128]
	stp	x18, x19, [x0, #144]
	stp	x20, x21, [x0, #160]
	stp	x22, x23, [x0, #176]
	stp	x24, x25, [x0, #192]
	stp	x26, x27, [x0, #208]
	stp	x28, x29, [x0, #224]
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
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #SWITCH_FRAME_SIZE
	ret
routine_end guest_switch
