// SPDX-License-Identifier: MIT
//
// x18, where the shadow call stack grows, up, that functions keep their return addresses on where
// the CPU cannot sign them. C never uses the register, and no function here has a return address to
// keep: so none of these disturbs what it reads or moves.
// Source of the instructions that use it: pi/scs.c.

#include <pagoda/arch/asm.h>

	.section .init.text, "ax"

// shadow_begin(start): see include/pagoda/arch/arch.h. MMU off.
// What was patched may be in the instruction cache as it was, since the early runtime has called
// some of it. Memory has it as it is now; DSB SY has gone before.
routine shadow_begin
	mov	x18, x0
	ic	iallu
	dsb	nsh
	isb
	ret
routine_end shadow_begin

	.text

// shadow_get(), shadow_set(end): see include/pagoda/arch/arch.h.
routine shadow_get
	mov	x0, x18
	ret
routine_end shadow_get

routine shadow_set
	mov	x18, x0
	ret
routine_end shadow_set

// shadow_fill(): calls without end, as far as the shadow call stack can tell.
routine shadow_fill
1:	str	x30, [x18], #8
	b	1b
routine_end shadow_fill
