// SPDX-License-Identifier: MIT
//
// Data cache maintenance by virtual address. Any time; with the MMU off the virtual address is the
// physical one. Uses no memory.

#include <pagoda/arch/asm.h>

// dcache_range op: x0 start, x1 size in bytes, x2 line size in bytes. Every line that the range
// touches, 32 at a time: with 64K pages a boot
// spends one instruction in six here. Clobbers x0, x1, x3, x4.
//   x0 next line	x1 bytes left from there	x4 bytes in 32 lines
.macro	dcache_range op
	cbz	x1, 3f
	sub	x3, x2, #1
	and	x3, x0, x3			// from the start of the first line
	sub	x0, x0, x3
	add	x1, x1, x3
	lsl	x4, x2, #5
1:	subs	x1, x1, x4
	b.lo	2f
	.rept	32
	dc	\op, x0
	add	x0, x0, x2
	.endr
	b.ne	1b
	b	3f
2:	add	x1, x1, x4			// fewer than 32 are left, and at least one
1:	dc	\op, x0
	add	x0, x0, x2
	subs	x1, x1, x2
	b.hi	1b
3:	dsb	sy
	ret
.endm

	.text

// To clean alone would do, but not on Cortex-A53: its DC CVAC may lose what another store wrote, or
// never end (819472, 824069, 826319, 827319). DC CIVAC has none of that.
routine dcache_clean
	dcache_range civac
routine_end dcache_clean

// With the MMU off, stores to Device memory and a DC to the same address are not ordered by that
// address alone (DDI 0487 D7.5.9.8): the first barrier keeps earlier stores before the
// invalidation.
routine dcache_invalidate
	dmb	sy
	dcache_range ivac
routine_end dcache_invalidate
