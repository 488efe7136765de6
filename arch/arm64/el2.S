// SPDX-License-Identifier: MIT
//
// From EL2 to EL1, and the stub that stays behind.
//
// el2_drop runs once at boot, MMU off. The stub runs at EL2, MMU off, at its physical address,
// whenever EL1 executes HVC. Neither uses memory.

#include <pagoda/asm.h>
#include <pagoda/sysreg.h>

#define HCR_ATA (1 << 24)			// shifted right by 32: bit 56, MTE tags at EL1
#define CNTHCTL_EL1_ACCESS (CNTHCTL_EL2_EL1PCEN_MASK | CNTHCTL_EL2_EL1PCTEN_MASK)
#define CNTHCTL_E2H_SHIFT 10			// the same two bits, with HCR_EL2.E2H set
#define CPTR_EL2_NO_TRAPS 0x32ff		// RES1 without SVE and SME; TZ, TSM, TFP, TTA clear
#define CPTR_E2H_NO_TRAPS 0x3330000		// FPEN, ZEN and SMEN all 0b11
#define MDCR_HPMN_MASK 0x1f
#define SPSR_EL1H_MASKED 0x3c5			// EL1 with SP_EL1; D, A, I, F masked
#define ICC_SRE_EL2 S3_4_C12_C9_5
#define ICC_SRE_ENABLE 0x9			// SRE and Enable: EL1 may use the GIC's registers
#define ICH_HCR_EL2 S3_4_C12_C11_0
#define HCRX_EL2 S3_4_C1_C2_2
#define HCRX_TCR2EN (1 << 14)
#define HFGRTR_EL2 S3_4_C1_C1_4
#define HFGWTR_EL2 S3_4_C1_C1_5
#define HFGITR_EL2 S3_4_C1_C1_6
#define HDFGRTR_EL2 S3_4_C3_C1_4
#define HDFGWTR_EL2 S3_4_C3_C1_5

// What HVC asks of the stub, in x0; the numbers are Linux's. Anything else is refused.
#define HVC_SET_VECTORS 0			// x1: the new VBAR_EL2, a physical address
#define HVC_RESET_VECTORS 2			// back to the stub
#define HVC_REFUSED 0xbadca11

	.section .init.text, "ax"

// el2_drop: make EL1 free of traps and return there.
//   in: nothing	out: at EL1, interrupts masked	clobbers: x0 to x3
	.type	el2_drop, %function
	.global	el2_drop
	.hidden	el2_drop
el2_drop:
	// RW: EL1 is AArch64. API, APK: EL1 may use pointer authentication. E2H is asked off; a CPU
	// that has it stuck on (no FEAT_E2H0) reads back as one and takes the other layouts below.
	mov_q	x0, HCR_EL2_RW_MASK | HCR_EL2_API_MASK | HCR_EL2_APK_MASK
	orr	x0, x0, #(HCR_ATA << 32)
	msr	hcr_el2, x0
	isb
	mrs	x3, hcr_el2

	// Counters and timers belong to EL1.
	mov	x0, #CNTHCTL_EL1_ACCESS
	lsl	x1, x0, #CNTHCTL_E2H_SHIFT
	tst	x3, #HCR_EL2_E2H_MASK
	csel	x0, x0, x1, eq
	msr	cnthctl_el2, x0
	msr	cntvoff_el2, xzr

	mov_q	x0, CPTR_EL2_NO_TRAPS
	mov_q	x1, CPTR_E2H_NO_TRAPS
	csel	x0, x0, x1, eq
	msr	cptr_el2, x0

	// EL1 sees the real ID registers; no stage 2; no debug or system register traps.
	mrs	x0, midr_el1
	msr	vpidr_el2, x0
	mrs	x0, mpidr_el1
	msr	vmpidr_el2, x0
	msr	vttbr_el2, xzr
	msr	hstr_el2, xzr
	mrs	x0, mdcr_el2			// keep HPMN: all event counters are EL1's
	and	x0, x0, #MDCR_HPMN_MASK
	msr	mdcr_el2, x0

	// FEAT_FGT: its traps reset to unknown values.
	mrs	x0, SYS_ID_AA64MMFR0_EL1
	ubfx	x0, x0, #ID_AA64MMFR0_EL1_FGT_SHIFT, #4
	cbz	x0, 1f
	msr	HFGRTR_EL2, xzr
	msr	HFGWTR_EL2, xzr
	msr	HFGITR_EL2, xzr
	msr	HDFGRTR_EL2, xzr
	msr	HDFGWTR_EL2, xzr

	// FEAT_HCX: trap nothing. Where EL1 has TCR2_EL1 (FEAT_TCR2), let it be written, and write
	// it: with permission indirection left on (PIE), WXN would have no effect.
1:	mrs	x0, SYS_ID_AA64MMFR1_EL1
	ubfx	x0, x0, #ID_AA64MMFR1_EL1_HCX_SHIFT, #4
	cbz	x0, 2f
	mrs	x1, SYS_ID_AA64MMFR3_EL1
	ubfx	x1, x1, #ID_AA64MMFR3_EL1_TCRX_SHIFT, #4
	cmp	x1, #0
	mov	x0, #HCRX_TCR2EN
	csel	x0, xzr, x0, eq
	msr	HCRX_EL2, x0

	// GIC v3 and later: system register access at EL1; no virtual interrupts.
2:	mrs	x0, SYS_ID_AA64PFR0_EL1
	ubfx	x0, x0, #ID_AA64PFR0_EL1_GIC_SHIFT, #4
	cbz	x0, 3f
	mrs	x0, ICC_SRE_EL2
	mov	x1, #ICC_SRE_ENABLE
	orr	x0, x0, x1
	msr	ICC_SRE_EL2, x0
	isb
	mrs	x0, ICC_SRE_EL2
	tbz	x0, #0, 3f			// SRE stayed clear: a GICv2 by memory
	msr	ICH_HCR_EL2, xzr

3:	address	x0, el2_vectors
	msr	vbar_el2, x0
	mov	x0, #SPSR_EL1H_MASKED
	msr	spsr_el2, x0
	msr	elr_el2, x30
	eret
	.size	el2_drop, . - el2_drop

	.text

// The stub's vectors. HVC comes from EL1 in AArch64: the ninth entry. Nothing else can happen,
// since nothing is routed to EL2; if it does, the CPU stops there and a debugger can see where.
	.balign	2048
el2_vectors:
	.rept	8
	.balign	128
	b	.
	.endr
	.balign	128
	b	el2_call
	.rept	7
	.balign	128
	b	.
	.endr

// el2_call: in: x0 what, x1 argument.  out: x0 is 0 or HVC_REFUSED.  clobbers: x1, x9
el2_call:
	cmp	x0, #HVC_SET_VECTORS
	b.eq	1f
	cmp	x0, #HVC_RESET_VECTORS
	b.ne	2f
	address	x1, el2_vectors
1:	msr	vbar_el2, x1
	mov	x0, xzr
	eret
2:	mov_q	x0, HVC_REFUSED
	eret
