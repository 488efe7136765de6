// SPDX-License-Identifier: MIT
//
// The page that EL0 has of the kernel, where it has no more: see include/pagoda/arch/trampoline.h.
// A template: kernel/proc/kpti.c copies it, and fills in the roots. Its memory tells nothing of
// where the kernel is mapped; that is read once the kernel's root is back.

#include <pagoda/arch/asm.h>
#include <pagoda/arch/trampoline.h>

	.section .rodata.trampoline, "a"
	.balign	8
	.global	trampoline_code
	.hidden	trampoline_code
	.type	trampoline_code, %object
trampoline_code:

// The BADDR of a root into bits 47:0 of @reg, without another register.
.macro	root_put reg
	movk	\reg, #0
	movk	\reg, #0, lsl #16
	movk	\reg, #0, lsl #32
.endm

// All registers are EL0's but SP, the exceptions', which the kernel finds again: so x0 and SP
// change places by additions, and SP keeps x0 until the landing has them change back.
	.set	number, 0
	.rept	TRAMPOLINE_VECTORS
	.org	trampoline_code + number * TRAMPOLINE_VECTOR_SIZE
	add	sp, sp, x0
	sub	x0, sp, x0
	sub	sp, sp, x0
	mrs	x0, ttbr1_el1
	root_put x0
	bic	x0, x0, #(1 << TRAMPOLINE_ASID_SHIFT)
	msr	ttbr1_el1, x0
	isb
	cpu_pointer x0
	ldr	x0, [x0, #TRAMPOLINE_CPU_VECTORS]
	msr	vbar_el1, x0
	isb
	add	x0, x0, #(TRAMPOLINE_LANDINGS + number * TRAMPOLINE_LANDING_SIZE)
	br	x0
	.set	number, number + 1
	.endr

// x29: FAR_EL1, which nobody needs any more.
	.org	trampoline_code + TRAMPOLINE_EXIT
	bti	j
	mrs	x29, ttbr1_el1
	root_put x29
	orr	x29, x29, #(1 << TRAMPOLINE_ASID_SHIFT)
	msr	ttbr1_el1, x29
	mrs	x29, far_el1
	eret					// SCTLR.EOS: what was written above is in effect
	.org	trampoline_code + TRAMPOLINE_SIZE
	.size	trampoline_code, . - trampoline_code
