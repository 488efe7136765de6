// SPDX-License-Identifier: MIT
//
// The kernel's exception vectors. MMU on; every exception but one is reported by C and ends the
// kernel, so the registers are saved for the report, not for a return.
//
// Nothing is known about the stack pointer: a bad one may be what the exception is about. So no
// memory is touched before SP is the exception stack's, and registers that the kernel has no other
// use for keep x0, x1 and SP until then. An exception in the middle of a report starts that stack
// afresh, for a line about it; one in the middle of that stops the CPU. So there is no loop.
//   TPIDR_EL0 x0	SP_EL0 x1	TPIDRRO_EL0 SP		TPIDR_EL1 exceptions taken

#include <pagoda/asm.h>
#include <pagoda/exception.h>
#include <pagoda/stop.h>

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
// exception_frame and calls exception_report(frame, number). That returns where device_load() has
// faulted, and device_load() then returns false: as after any call, only what a callee must keep is
// as it was, and of that C has changed no more than x30.
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
	bl	exception_report
	ldp	x30, x1, [sp, #240]
	mov	sp, x1
	mrs	x1, tpidr_el1
	sub	x1, x1, #1
	msr	tpidr_el1, x1
	mov	w0, #0
	msr	elr_el1, x30
	eret

// bool device_load(vaddr_t va, u64 size, u32 *value): x0 to x2. Nothing on the stack, x30 not
// signed: exception_save returns in its place. The barrier keeps a late abort from being somebody
// else's.
	.global	device_load, device_load_start, device_load_end
	.hidden	device_load, device_load_start, device_load_end
	.type	device_load, %function
device_load:
	hint	#34				// bti c
	cmp	x1, #2
device_load_start:
	b.hi	4f
	b.eq	2f
	ldrb	w3, [x0]
	b	1f
2:	ldrh	w3, [x0]
	b	1f
4:	ldr	w3, [x0]
1:	dsb	sy
device_load_end:
	str	w3, [x2]
	mov	w0, #1
	ret
	.size	device_load, . - device_load

exception_halt:
	mov	x0, #STOP_EXCEPTION_CODE
	mrs	x1, esr_el1
	mrs	x2, elr_el1
	mrs	x3, far_el1
	b	cpu_halt
