// SPDX-License-Identifier: MIT
//
// From firmware's world to the boot protocol's: MMU and caches off.
//
// Runs after ExitBootServices, at EL1 or EL2, with the MMU on under firmware's identity map, where
// firmware has loaded the Image. Uses no memory.

#include <pagoda/arch/asm.h>
#include <pagoda/lib/sysreg.h>

#define SCTLR_CACHED_MMU (SCTLR_EL1_M_MASK | SCTLR_EL1_C_MASK | SCTLR_EL1_I_MASK)

	.section .init.text, "ax"

// efi_leave(entry, fdt): see include/pagoda/efi/efi_stub.h.
//   x0 entry	x1 FDT		does not return
//
// The map is an identity map, so the instruction after the one that turns the MMU off is fetched
// from the same physical address, but no longer through the data or unified caches: what firmware
// wrote there as data, loading us, must be in memory by then. Firmware cleans code to the point of
// unification only; hence the loop over this routine's own lines. Nothing else that is still needed
// is in a cache only: efi_place_image() cleaned the Image's copy and efi_make_fdt() the FDT, both
// to the point of coherency, and the stack is done with.
//
// The instruction cache goes last: it may hold what ran at the copy's addresses before. The TLB is
// dropped by whoever turns an MMU on again.
routine efi_leave
	msr	daifset, #0xf
	dcache_line x2, x3
	adr	x3, efi_leave
	adr	x4, efi_leave_end
	sub	x5, x2, #1
	bic	x3, x3, x5
1:	dc	civac, x3			// not CVAC: see cpu/cache.S
	add	x3, x3, x2
	cmp	x3, x4
	b.lo	1b
	dsb	sy
	isb

	// ISB right before each MSR: without it Falkor's fetches may go astray (E1041).
	mov_q	x6, SCTLR_CACHED_MMU		// the same bits at either level
	mrs	x5, CurrentEL
	cmp	x5, #(2 << 2)
	b.eq	2f
	mrs	x5, sctlr_el1
	bic	x5, x5, x6
	isb
	msr	sctlr_el1, x5
	b	3f
2:	mrs	x5, sctlr_el2
	bic	x5, x5, x6
	isb
	msr	sctlr_el2, x5
3:	isb
	ic	iallu
	dsb	nsh
	isb

	mov	x16, x0
	mov	x0, x1
	mov	x1, xzr				// reserved by the boot protocol
	mov	x2, xzr
	mov	x3, xzr
	br	x16
efi_leave_end:
routine_end efi_leave
