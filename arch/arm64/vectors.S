// SPDX-License-Identifier: MIT
//
// The kernel's exception vectors. MMU on; every exception is reported by C and ends the kernel, so
// the registers are saved for the report, not for a return.

#include <pagoda/asm.h>
#include <pagoda/exception.h>

	.text

// One vector: x0 and x1 go to the stack, the vector's number to x0, and on to the common part. The
// stack is SP_EL1 in all of them: exceptions from SP_EL0 switch to it.
.macro	vector number
	.balign	128
	sub	sp, sp, #EXCEPTION_FRAME_SIZE
	stp	x0, x1, [sp]
	mov	x0, #\number
	b	exception_save
.endm

	.balign	2048
	.global	exception_vectors
	.hidden	exception_vectors
exception_vectors:
	.altmacro
	.set	number, 0
	.rept	16
	vector	%number
	.set	number, number + 1
	.endr
	.noaltmacro

// exception_save: x0 is the vector's number; struct exception_frame on the stack holds x0 and x1.
// Fills in the rest and calls exception_report(frame, number), which does not return.
exception_save:
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	add	x1, sp, #EXCEPTION_FRAME_SIZE
	stp	x30, x1, [sp, #240]		// and the stack pointer at the exception
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x1, x2, [sp, #256]
	mrs	x1, esr_el1
	mrs	x2, far_el1
	stp	x1, x2, [sp, #272]
	mov	x1, x0
	mov	x0, sp
	bl	exception_report
	b	.
