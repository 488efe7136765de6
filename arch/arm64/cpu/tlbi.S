// SPDX-License-Identifier: MIT
//
// Every TLBI of stage 1 of EL1 and EL0, by number, for self tests: what the kernel itself uses is
// in tlb.c. Runs in the kernel, MMU on. Barriers are the caller's.

#include <pagoda/arch/asm.h>

	.text

// One TLBI: 12 bytes.
.macro tlbi_one crn, crm, op2
	hint	#34	// bti c
	sys	#0, c\crn, c\crm, #\op2, x0
	ret
.endm

// By what: VMALLE1, VAE1, ASIDE1, VAAE1, VALE1, VAALE1, RVAE1, RVAAE1, RVALE1, RVAALE1.
.macro tlbi_all crn, crm, range_crm
	.irp	op2, 0, 1, 2, 3, 5, 7
	tlbi_one \crn, \crm, \op2
	.endr
	.irp	op2, 1, 3, 5, 7
	tlbi_one \crn, \range_crm, \op2
	.endr
.endm

// tlbi_form(number, operand): see include/pagoda/arch/tlbi.h.
//   in: x0 number	x1 operand	clobbers: x0, x1, x16
routine tlbi_form
	adr	x16, tlbi_forms
	add	x16, x16, x0, lsl #3
	add	x16, x16, x0, lsl #2
	mov	x0, x1
	br	x16
tlbi_forms:
	.irp	crn, 8, 9	// the second time without waiting for what is slow (FEAT_XS)
	tlbi_all \crn, 7, 6
	tlbi_all \crn, 3, 2
	tlbi_all \crn, 1, 5
	.endr
routine_end tlbi_form
