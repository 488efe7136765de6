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
