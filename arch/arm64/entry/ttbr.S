// SPDX-License-Identifier: MIT
//
// Another root for the upper half, under the kernel's feet.
//
// Runs at its physical address, in the identity map, with walks of that turned on; nothing in the
// upper half is there for a while, so it uses no memory. At EL2 with E2H set the names of EL1's
// registers mean EL2's.

#include <pagoda/arch/asm.h>
#include <pagoda/lib/sysreg.h>

	.section .entry.text, "ax"

// ttbr1_swap: x0 the new TTBR1, x1 TCR with walks of both halves on. Clobbers x2.
// Old and new tables may map one address differently, so no walk may find either until the TLB has
// forgotten the old: break before make, for all of the half at once. Returns into the new.
routine ttbr1_swap
	orr	x2, x1, #TCR_EL1_EPD1_MASK
	msr	tcr_el1, x2
	isb
	tlbi	vmalle1
	dsb	nsh
	isb
	msr	ttbr1_el1, x0
	isb
	msr	tcr_el1, x1
	isb
	ret
routine_end ttbr1_swap

// ttbr1_probe: what AT S1E1R of the address in x2, or S1E1W where that is odd, says under the TTBR1
// in x0 and the TCR in x1, in which the kernel need not be mapped. Out: PAR in x0. Clobbers x1 to
// x7. The rest is as for ttbr1_swap; the registers' old values come back.
routine ttbr1_probe
	mov	x3, x2
	mrs	x4, ttbr1_el1
	mrs	x5, tcr_el1
	mov	x6, x30
	bl	ttbr1_swap
	tbnz	x3, #0, 1f
	at	s1e1r, x3
	b	2f
1:	at	s1e1w, x3
2:	isb
	dmb	sy				// Cortex-A77 1508412: see cpu/probe.c
	mrs	x7, par_el1
	dmb	sy
	mov	x0, x4
	mov	x1, x5
	bl	ttbr1_swap
	mov	x0, x7
	mov	x30, x6
	ret
routine_end ttbr1_probe
