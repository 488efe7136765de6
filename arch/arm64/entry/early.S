// SPDX-License-Identifier: MIT
//
// Exceptions until the flip: each ends the boot, or the CPU's part in it.
//
// Runs with the MMU off, at the level of whoever was interrupted.

#include <pagoda/arch/asm.h>
#include <pagoda/kernel/handoff/stop.h>

	.section .entry.vectors, "ax"

// What happened, where and to which address: x1 ESR, x2 ELR, x3 FAR of @el.
.macro	syndrome el
	mrs	x1, esr_\el
	mrs	x2, elr_\el
	mrs	x3, far_\el
.endm

// Sixteen entries, 128 bytes apart, all alike.
	.balign	2048
	.global	early_vectors
	.hidden	early_vectors
early_vectors:
	.rept	16
	.balign	128
	b	early_fault
	.endr

	.section .entry.text, "ax"

// early_fault: the exception's registers, in x0 to x2, go to where TPIDR_EL1 says, on an empty
// stack, once: a second exception, inside C's handling of the first, stops at once, with x0 to x3
// as for any stop. So does the first where TPIDR_EL1 is 0. TPIDR_EL0 may hold where to go on,
// instead, with x0 lost: an access was being tried.
early_fault:
	mrs	x0, CurrentEL
	cmp	x0, #2 << 2
	mrs	x0, tpidr_el0
	cbnz	x0, early_land
	b.eq	1f
	b.hi	2f
	syndrome el1
	b	3f
1:	syndrome el2
	b	3f
2:	syndrome el3
3:	mrs	x16, tpidr_el1
	cbz	x16, 4f
	msr	tpidr_el1, xzr
	mov	x0, x1
	mov	x1, x2
	mov	x2, x3
	address	x4, _stack_end
	mov	sp, x4
	br	x16
4:	mov	x0, #STOP_EXCEPTION_CODE
	b	cpu_halt

// early_land: x0 where to go on, flags as CurrentEL compares with EL2.
early_land:
	b.eq	1f
	b.hi	2f
	msr	elr_el1, x0
	eret
1:	msr	elr_el2, x0
	eret
2:	msr	elr_el3, x0
	eret
