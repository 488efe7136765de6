// SPDX-License-Identifier: MIT
//
// A call that a fault may end: the caller goes on as if the callee had returned.
// Runs in the kernel, MMU on. The fault comes through the vectors to C, which returns from it to
// catch_resume, with x0, SP and x18 as catch_call left word that it wants them.

#include <pagoda/arch/asm.h>

#define CATCH_FRAME_SIZE 112

	.text

// catch_call(function, context, resume), guard_call(...): see include/pagoda/arch/arch.h.
//   in: x0 function	x1 its argument		x2 where to note SP and x18 for catch_resume
//   out: x0 0 after a return, 1 after a fault	clobbers: as any function of C
// The masks of interrupts are those of the call again: a fault sets them all.
routine guard_call
	b	catch_call
routine_end guard_call

routine catch_call
	stp	x29, x30, [sp, #-CATCH_FRAME_SIZE]!
	mov	x29, sp
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	mrs	x9, daif
	str	x9, [sp, #96]
	mov	x9, sp
	stp	x9, x18, [x2]
	mov	x16, x0
	mov	x0, x1
	blr	x16
	mov	x0, xzr
	.global	catch_resume
	.hidden	catch_resume
catch_resume:
	ldr	x9, [sp, #96]
	msr	daif, x9
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #CATCH_FRAME_SIZE
	ret
routine_end catch_call
