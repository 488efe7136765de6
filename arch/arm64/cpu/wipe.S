// SPDX-License-Identifier: MIT
//
// What C cannot reach: the stack and the registers that functions have left behind.
// Runs in the early runtime, MMU off, and under firmware, MMU on.

#include <pagoda/arch/asm.h>

	.section .init.text, "ax"

// stack_wipe(size): see include/pagoda/arch/arch.h.
//   in: x0 bytes, a multiple of 256	clobbers: x0 to x17, all cleared
routine stack_wipe
	mov	x1, sp
	sub	x0, x1, x0
1:	.irp	offset, 0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240
	stp	xzr, xzr, [x0, #\offset]
	.endr
	add	x0, x0, #256
	cmp	x0, x1
	b.lo	1b
	.irp	register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
	mov	x\register, xzr
	.endr
	ret
routine_end stack_wipe
