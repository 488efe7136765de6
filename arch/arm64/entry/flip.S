// SPDX-License-Identifier: MIT
//
// The flip: MMU off to MMU on, once, straight into the final regime.
//
// Runs at its physical address, which the identity map maps to itself, so that the instruction
// after the one that turns the MMU on is fetched from the same place. Uses no memory after its
// first loads.

#include <pagoda/arch/asm.h>
#include <pagoda/arch/entry.h>
#include <pagoda/lib/sysreg.h>

#define SCTLR2_EL1 S3_0_C1_C0_3
#define TCR2_EL1 S3_0_C2_C0_3

	.section .entry.text, "ax"

// mmu_flip(flip): see include/pagoda/arch/entry.h.
//   x0 struct flip (physical)	does not return
//   x3 what is forbidden	x10 counter before the flip	x12 argument	x14 stack
//   x15 vectors		x16 entry			x17 ID_AA64MMFR3_EL1
// At EL2 HCR_EL2.E2H is set: the names that end in EL1 reach EL2's registers, of the same layout.
// TPIDR is not of those, and each level has its own.
routine mmu_flip
	ldp	x5, x6, [x0, #FLIP_MAIR_TCR]
	ldp	x7, x8, [x0, #FLIP_TTBRS]
	ldp	x9, x16, [x0, #FLIP_SCTLR_ENTRY]
	ldp	x12, x13, [x0, #FLIP_ARGUMENT_CPU]
	ldp	x14, x11, [x0, #FLIP_STACKS]
	ldp	x15, x17, [x0, #FLIP_VECTORS_MMFR3]
	ldr	x18, [x0, #FLIP_SHADOW]
	// Whoever was here before may have been debugged: no breakpoint, watchpoint or single step
	// is an exception from here on, at EL0 neither. PSTATE.D is set, but for this level only.
	msr	mdscr_el1, xzr
	// FEAT_TCR2, FEAT_SCTLR2: what was left on by whoever was here before would change what the
	// rest means: with permission indirection (PIE), WXN would have no effect. Neither need be
	// zero out of reset. A higher level that does not know the feature forbids the register
	// (SCR_EL3.TCR2En, SCTLR2En; HCRX_EL2's): then it counts as zero, and the kernel says so.
	ands	x1, x17, #ID_AA64MMFR3_EL1_TCRX_MASK
	b.eq	1f
	landing	1f
	msr	TCR2_EL1, xzr
	mov	x1, xzr
1:	ands	x2, x17, #ID_AA64MMFR3_EL1_SCTLRX_MASK
	b.eq	2f
	landing	2f
	msr	SCTLR2_EL1, xzr
	mov	x2, xzr
2:	msr	tpidr_el0, xzr			// EL0's from here on
	orr	x3, x1, x2
	msr	mair_el1, x5
	msr	tcr_el1, x6
	msr	ttbr0_el1, x7
	msr	ttbr1_el1, x8
	mov	sp, x11				// the exceptions'
	msr	tpidr_el1, x13
	mrs	x5, CurrentEL
	cmp	x5, #2 << 2
	b.ne	0f
	msr	tpidr_el1, xzr			// nobody's, and no longer early_fault's
	msr	tpidr_el2, x13
0:	msr	tpidrro_el0, xzr		// EL0 shall find nothing of the kernel's
	// The TLB may hold entries of whoever had the MMU on before, cached under other rules; the
	// instruction cache, on since entry, old words of code that was patched. The registers must
	// be in effect before either is dropped, or an entry could be made anew from the old ones:
	// hence the first ISB. DSB waits for both, the second ISB for this CPU's own prefetch.
	isb
	.global	mmu_flip_published	// for measurements
mmu_flip_published:
	mrs	x10, cntvct_el0
	tlbi	vmalle1				// EL2 with E2H and TGE set: all of EL2&0
	ic	iallu
	dsb	nsh
	isb
	mov	x0, x12
	mov	x29, xzr			// kernel_main has no caller
	mov	x30, xzr
	msr	vbar_el1, x15
	msr	sctlr_el1, x9			// MMU, caches, WXN: all at once
	isb
	msr	spsel, #0
	mov	sp, x14
	mov	x1, x10
	mrs	x2, cntvct_el0
	.global	mmu_flip_jump		// for debuggers: the last instruction at a physical address
mmu_flip_jump:
	br	x16				// x16: a call as far as BTI is concerned
routine_end mmu_flip
