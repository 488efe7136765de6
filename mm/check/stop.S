// SPDX-License-Identifier: MIT
//
// An access that may not be, as an exception: so it is reported from another stack, with all
// registers, as every other fault of the kernel's.
// Runs in the kernel, MMU on. Uses no header of arch's, which is a higher room's.

#define KASAN_BRK 0x4b00

	.text

// kasan_stop(address, size, caller, wrong): see include/pagoda/mm/check/kasan.h.
//   in: x0 to x2 for the report, x3 which immediate	does not return
// Its own frame: the calls that led here begin with whoever called.
	.global	kasan_stop
	.hidden	kasan_stop
	.type	kasan_stop, %function
kasan_stop:
	stp	x29, x30, [sp, #-16]!
	mov	x29, sp
	cbz	x3, 0f
	cmp	x3, #2
	b.lo	1f
	b.eq	2f
	brk	#KASAN_BRK + 3
0:	brk	#KASAN_BRK
1:	brk	#KASAN_BRK + 1
2:	brk	#KASAN_BRK + 2
	.size	kasan_stop, . - kasan_stop
