// SPDX-License-Identifier: MIT
//
// To EL0 and back: a call that ends when a program needs the kernel, or an interrupt comes.
// Runs in the kernel, MMU on. The way back is through the vectors to C, which saves the program's
// registers and returns to user_resume.

#include <pagoda/arch/asm.h>
#include <pagoda/arch/frame.h>
#include <pagoda/arch/trampoline.h>

#define USER_FRAME_SIZE 112

	.text

// What EL0 goes on with, but x0 and x1: x0 the program's registers, and so it stays.
.macro	user_registers_load
	ldp	x1, x2, [x0, #FRAME_ELR_SPSR]
	msr	elr_el1, x1
	msr	spsr_el1, x2
	ldp	x30, x1, [x0, #FRAME_LR_SP]
	mov	sp, x1				// SP_EL0, on which the kernel runs, too
	frame_registers ldp, x0
.endm

// user_enter(frame, sctlr, resume, exit): see include/pagoda/arch/arch.h.
//   in: x0 the program's registers	x1 SCTLR while it runs
//       x2 where to note SP and x18 for user_resume
//       x3 the trampoline's exit; 0: EL0 may see the kernel's mappings
//   out: x0 whether it was an interrupt	clobbers: as any function of C
// The masks of interrupts are those of the call again. Without SCTLR.EnIA no return address may be
// checked that was signed with it: so it changes here, between the C of the kernel and EL0, which
// must not sign with the kernel's key. ERET and ISB put it into effect.
routine user_enter
	stp	x29, x30, [sp, #-USER_FRAME_SIZE]!
	mov	x29, sp
	callee_saved stp
	mrs	x9, daif
	mrs	x10, sctlr_el1
	stp	x9, x10, [sp, #96]
	mov	x9, sp
	stp	x9, x18, [x2]
	msr	daifset, #0xf
	msr	sctlr_el1, x1
	cbnz	x3, 1f
	user_registers_load
	ldp	x0, x1, [x0]
	eret

	// The trampoline needs one register: x29, which waits in FAR_EL1, as x3 does before.
1:	sub	x9, x3, #TRAMPOLINE_EXIT
	msr	vbar_el1, x9
	msr	far_el1, x3
	user_registers_load
	mrs	x1, far_el1
	msr	far_el1, x29
	mov	x29, x1
	ldp	x0, x1, [x0]
	br	x29

	.global	user_resume
	.hidden	user_resume
user_resume:
	ldp	x9, x10, [sp, #96]
	msr	sctlr_el1, x10
	isb
	msr	daif, x9
	callee_saved ldp
	ldp	x29, x30, [sp], #USER_FRAME_SIZE
	ret
routine_end user_enter

	.arch_extension fp
	.arch_extension simd

// fp_each op: @op on every pair of registers, from x0 on. Clobbers nothing else.
.macro	fp_each op
	\op	q0, q1, [x0]
	\op	q2, q3, [x0, #32]
	\op	q4, q5, [x0, #64]
	\op	q6, q7, [x0, #96]
	\op	q8, q9, [x0, #128]
	\op	q10, q11, [x0, #160]
	\op	q12, q13, [x0, #192]
	\op	q14, q15, [x0, #224]
	\op	q16, q17, [x0, #256]
	\op	q18, q19, [x0, #288]
	\op	q20, q21, [x0, #320]
	\op	q22, q23, [x0, #352]
	\op	q24, q25, [x0, #384]
	\op	q26, q27, [x0, #416]
	\op	q28, q29, [x0, #448]
	\op	q30, q31, [x0, #480]
.endm

// fp_save(state), fp_load(state): x0 struct fp_state. Clobbers x1, x2, x3.
routine fp_save
	fp_each	stp
	mrs	x1, fpcr
	mrs	x2, fpsr
	add	x3, x0, #512
	stp	x1, x2, [x3]
	ret
routine_end fp_save

routine fp_load
	fp_each	ldp
	add	x3, x0, #512
	ldp	x1, x2, [x3]
	msr	fpcr, x1
	msr	fpsr, x2
	ret
routine_end fp_load
