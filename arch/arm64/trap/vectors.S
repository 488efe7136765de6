// SPDX-License-Identifier: MIT
//
// The kernel's exception vectors. MMU on. C reports most exceptions and ends the kernel. It returns
// from interrupts and from faults that somebody waits for (catch.S), after changes to the frame.
//
// Nothing is known about the stack pointer of what was interrupted: a bad one may be what the
// exception is about. So the kernel runs on SP_EL0, as EL0 does, and the stack pointer of its own
// level is the exceptions': they find it at the end of their stack, whatever went on before, and
// need no other register to save all of them. Their shadow call stack begins anew, too.
//
// That holds until there is an exception within an exception, which is reported, and from which
// nobody returns. It starts the stack afresh, for a line about it; one in the middle of that stops
// the CPU. So there is no loop. Two registers are free then: SP_EL0 is in the first one's frame,
// and bit 0 of TPIDR, which leads to struct cpu, remembers that one such exception is open.

#include <pagoda/arch/asm.h>
#include <pagoda/arch/trampoline.h>
#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/kernel/trap/exception.h>
#include <pagoda/kernel/handoff/stop.h>

	.section .vectors, "ax"

// SP is the exceptions' stack pointer.
.macro	save number
	sub	sp, sp, #EXCEPTION_FRAME_SIZE
	stp	x0, x1, [sp]
	mrs	x1, sp_el0
	mov	x0, #\number
	b	exception_save
.endm

.macro	vector number
	.balign	128
	save	\number
.endm

// Note in TPIDR of the level @el that an exception within an exception is open, the first such.
// x0: TPIDR as it was.
.macro	nested_mark el
	mrs	x0, tpidr_\el
	tbnz	x0, #0, exception_halt
	add	x0, x0, #1
	msr	tpidr_\el, x0
	sub	x0, x0, #1
.endm

// Within an exception, x0 and SP change places by additions, with a third value that TPIDR has: so
// none is lost. No memory is touched before the mark is set.
.macro	vector_nested number
	.balign	128
	msr	sp_el0, x0
	mrs	x0, CurrentEL
	tbnz	x0, #3, 1f
	nested_mark el1
	b	2f
1:	nested_mark el2
2:	add	sp, sp, x0
	sub	x0, sp, x0			// the stack pointer as it was
	sub	sp, sp, x0			// struct cpu
	str	x0, [sp, #CPU_NESTED_SP]
	ldr	x0, [sp, #CPU_EXCEPTION_STACK_END]
	sub	x0, x0, #EXCEPTION_FRAME_SIZE
	str	x1, [x0, #8]
	ldr	x1, [sp, #CPU_NESTED_SP]
	mov	sp, x0
	mrs	x0, sp_el0
	str	x0, [sp]
	mov	x0, #\number
	b	exception_save
.endm

.macro	vectors kind, first
	.set	number, \first
	.rept	4
	\kind	%number
	.set	number, number + 1
	.endr
.endm

	.balign	2048
	.global	exception_vectors
	.hidden	exception_vectors
exception_vectors:
	.altmacro
	vectors	vector, 0			// from the kernel
	vectors	vector_nested, 4		// from here
	vectors	vector, 8			// from EL0, AArch64
	vectors	vector, 12			// and AArch32
	.noaltmacro

// From the trampoline (see arch/arm64/cpu/trampoline.S), in the place that it knows by the table
// above: SP is x0, all else as at the exception but VBAR, which is this table again.
.macro	landing_from_trampoline number
	.balign	TRAMPOLINE_LANDING_SIZE
	bti	j
	cpu_pointer x0
	ldr	x0, [x0, #CPU_EXCEPTION_STACK_END]
	add	sp, sp, x0
	sub	x0, sp, x0
	sub	sp, sp, x0
	save	\number
.endm

	.org	exception_vectors + TRAMPOLINE_LANDINGS
	landing_from_trampoline 0
	.altmacro
	.set	number, TRAMPOLINE_EL0
	.rept	TRAMPOLINE_VECTORS - TRAMPOLINE_EL0
	landing_from_trampoline %number
	.set	number, number + 1
	.endr
	.noaltmacro

// exception_save: a frame is on the stack, with x0 and x1 in it; now x0 is the vector's number, x1
// the stack pointer at the exception. Fills in a struct exception_frame and calls
// exception_handle(frame, number); where that returns, so does the exception, with all registers
// from the frame.
exception_save:
	frame_registers stp, sp
	stp	x30, x1, [sp, #240]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x1, x2, [sp, #256]
	mrs	x1, esr_el1
	mrs	x2, far_el1
	stp	x1, x2, [sp, #272]
	// x18 was the shadow call stack's of what was interrupted, or EL0's own.
	mrs	x1, CurrentEL
	mrs	x18, tpidr_el1
	tbz	x1, #3, 1f
	mrs	x18, tpidr_el2
1:	bic	x18, x18, #1
	ldr	x18, [x18, #CPU_EXCEPTION_SHADOW]
	mov	x1, x0
	mov	x0, sp
	bl	exception_handle

	ldp	x1, x2, [sp, #256]
	msr	elr_el1, x1
	msr	spsr_el1, x2
	ldp	x30, x1, [sp, #240]
	msr	sp_el0, x1
	frame_registers ldp, sp
	ldp	x0, x1, [sp], #EXCEPTION_FRAME_SIZE
	eret

exception_halt:
	mov	x0, #STOP_EXCEPTION_CODE
	mrs	x1, esr_el1
	mrs	x2, elr_el1
	mrs	x3, far_el1
	b	cpu_halt
