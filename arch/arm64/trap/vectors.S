// SPDX-License-Identifier: MIT
//
// The kernel's exception vectors. MMU on. C reports most exceptions and ends the kernel. It returns
// from interrupts and from faults that somebody waits for (catch.S), after changes to the frame.
//
// Nothing is known about the stack pointer: a bad one may be what the exception is about. So no
// memory is touched before SP is the exception stack's, and registers that the kernel has no other
// use for keep x0, x1 and SP until then. An exception in the middle of a report starts that stack
// afresh, for a line about it; one in the middle of that stops the CPU. So there is no loop.
//   TPIDR_EL0 x0	SP_EL0 x1	TPIDRRO_EL0 SP		TPIDR_EL1 exceptions open

#include <pagoda/arch/asm.h>
#include <pagoda/kernel/trap/exception.h>
#include <pagoda/kernel/handoff/stop.h>

#define EXCEPTIONS_REPORTED 2

	.text

.macro	vector number
	.balign	128
	msr	tpidr_el0, x0
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

// exception_save: x0 is the vector's number, TPIDR_EL0 what x0 was. Fills in a struct
// exception_frame and calls exception_handle(frame, number); where that returns, so does the
// exception, with all registers from the frame.
exception_save:
	msr	sp_el0, x1
	mov	x1, sp
	msr	tpidrro_el0, x1
	mrs	x1, tpidr_el1
	cmp	x1, #EXCEPTIONS_REPORTED
	b.hs	exception_halt
	add	x1, x1, #1
	msr	tpidr_el1, x1
	address	x1, _exception_stack_end
	mov	sp, x1
	sub	sp, sp, #EXCEPTION_FRAME_SIZE

	stp	x2, x3, [sp, #16]
	mrs	x2, tpidr_el0
	mrs	x3, sp_el0
	stp	x2, x3, [sp]
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
	mrs	x1, tpidrro_el0			// the stack pointer at the exception
	stp	x30, x1, [sp, #240]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x1, x2, [sp, #256]
	mrs	x1, esr_el1
	mrs	x2, far_el1
	stp	x1, x2, [sp, #272]
	mov	x1, x0
	mov	x0, sp
	bl	exception_handle

	mrs	x1, tpidr_el1
	sub	x1, x1, #1
	msr	tpidr_el1, x1
	mov	x0, sp
	ldp	x1, x2, [x0, #256]
	msr	elr_el1, x1
	msr	spsr_el1, x2
	ldp	x30, x1, [x0, #240]
	mov	sp, x1
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
	ldp	x0, x1, [x0]
	eret

exception_halt:
	mov	x0, #STOP_EXCEPTION_CODE
	mrs	x1, esr_el1
	mrs	x2, elr_el1
	mrs	x3, far_el1
	b	cpu_halt
