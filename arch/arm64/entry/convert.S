// SPDX-License-Identifier: MIT
//
// Global descriptors become those of one ASID each, in tables that the kernel lives by.
//
// Old and new may not both be in a TLB: a global entry and another one would match one address. So
// break before make, for all of the upper half at once and on all CPUs: here, at its physical
// address, each has walks of the half off, and nothing of it in its TLB, before the first
// descriptor changes. The lower half has this code, and memory that both speak by: struct convert.
// At EL2 with E2H set the names of EL1's registers mean EL2's.

#include <pagoda/arch/asm.h>
#include <pagoda/arch/convert.h>
#include <pagoda/lib/sysreg.h>

#define PTE_NG_BIT (1 << 11)

	.section .entry.text, "ax"

// leaves_convert: in each leaf of the slots from x3 to x4, nG. x5: bits 1:0 of a leaf there.
// Clobbers x3, x6, x7. One store a descriptor; nobody walks.
leaves_convert:
	cmp	x3, x4
	b.hs	2f
	ldr	x6, [x3]
	and	x7, x6, #3
	cmp	x7, x5
	b.ne	1f
	orr	x6, x6, #PTE_NG_BIT
	str	x6, [x3]
1:	add	x3, x3, #8
	b	leaves_convert
2:	ret

// convert_here(convert, tcr): see include/pagoda/arch/convert.h.
//   x0 struct convert	x1 TCR for afterwards, walks of both halves on
//   x2 the same without walks of the upper half		x8 return address
routine convert_here
	mov	x8, x30
	mrs	x2, tcr_el1
	orr	x2, x2, #TCR_EL1_EPD1_MASK
	msr	tcr_el1, x2
	isb
	tlbi	vmalle1
	dsb	nsh
	isb
	add	x3, x0, #CONVERT_OUT
1:	ldaxr	x4, [x3]
	add	x4, x4, #1
	stlxr	w5, x4, [x3]
	cbnz	w5, 1b
	ldr	x5, [x0, #CONVERT_CPUS]
	cmp	x4, x5
	b.ne	2f				// not the last one

	ldp	x3, x4, [x0, #CONVERT_PAGES]
	mov	x5, #3
	bl	leaves_convert
	ldr	x4, [x0, #CONVERT_BLOCKS_END]	// x3 is where those of pages end
	mov	x5, #1
	bl	leaves_convert
	dsb	ishst				// any walker sees them, before any CPU walks
	mov	x4, #1
	add	x3, x0, #CONVERT_DONE
	stlr	x4, [x3]
	dsb	ish
	sev
2:	add	x3, x0, #CONVERT_DONE
3:	ldar	x4, [x3]
	cbnz	x4, 4f
	wfe
	b	3b

	// TCR.A1 may be cached with translations, those of the lower half.
4:	orr	x2, x1, #TCR_EL1_EPD1_MASK
	msr	tcr_el1, x2
	isb
	tlbi	vmalle1
	dsb	nsh
	isb
	msr	tcr_el1, x1
	isb
	ret	x8
routine_end convert_here
