// SPDX-License-Identifier: MIT
//
// Calls to whoever is at EL2. Kernel at EL1, MMU on.

#include <pagoda/arch/asm.h>

	.text

// hvc_call(x): x0 to x3 from the four words at @x, and back there. EL2 may change x4 to x17, too.
routine hvc_call
	stp	x29, x30, [sp, #-32]!
	mov	x29, sp
	str	x0, [sp, #16]
	mov	x8, x0
	ldp	x2, x3, [x8, #16]
	ldp	x0, x1, [x8]
	hvc	#0
	ldr	x8, [sp, #16]
	stp	x0, x1, [x8]
	stp	x2, x3, [x8, #16]
	ldp	x29, x30, [sp], #32
	ret
routine_end hvc_call
