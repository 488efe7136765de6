// SPDX-License-Identifier: MIT
//
// EL2: from what a loader left there to the kernel at EL2 (VHE), or to EL1 with a stub that stays.
//
// el2_reset runs first thing; el2_enter_vhe or el2_drop once more, just before the flip. All with
// the MMU off, at physical addresses, and none uses memory. The stub runs at EL2, MMU off, at its
// physical address, whenever EL1 executes HVC.
//
// Written is what the kernel, or the kernel's own level, would otherwise trap on or be misled by;
// most of it is UNKNOWN out of reset. Left alone, since the kernel touches none of it:
// - MPAM, BRBE, AMU and trace. MPAM2_EL2 can trap to an EL3 that does not expect it
//   (MPAM3_EL3.TRAPLOWER resets to 1): reading it is the greater risk.
// - ZCR_EL2 and SMCR_EL2: vector lengths, for whoever uses vectors. Their traps are off.
// - FEAT_FGT2's traps, and those of HCRX_EL2 that trap where they are zero: they guard registers
//   newer than any the kernel uses.
// What EL3 must allow for the rest, in SCR_EL3 and ICC_SRE_EL3, is in the boot protocol.

#include <pagoda/arch/asm.h>
#include <pagoda/kernel/handoff/stop.h>
#include <pagoda/lib/sysreg.h>

// RW: EL1 is AArch64. API, APK: EL1 may use pointer authentication; ATA: and MTE tags. No stage 2,
// no interrupt routing, no traps.
#define HCR_EL1_OWNS                                                                              \
	(HCR_EL2_RW_MASK | HCR_EL2_API_MASK | HCR_EL2_APK_MASK | HCR_EL2_ATA_MASK)
#define HCR_VHE (HCR_EL1_OWNS | HCR_EL2_E2H_MASK | HCR_EL2_TGE_MASK)
#define CNTHCTL_EL1_ACCESS (CNTHCTL_EL2_EL1PCEN_MASK | CNTHCTL_EL2_EL1PCTEN_MASK)
#define CNTHCTL_E2H_SHIFT 10
// TCPAC, TAM, TTA, TSM, TFP and TZ are clear. TSM and TZ are RES1 without SME and SVE: no matter.
#define CPTR_EL2_NO_TRAPS 0x22ff
#define CPTR_E2H_NO_TRAPS 0x3330000		// FPEN, ZEN and SMEN all 0b11
#define MDCR_EL1_OWNS (MDCR_EL2_E2PB_MASK | MDCR_EL2_E2TB_MASK)	// SPE's and TRBE's buffers
#define PMUVER_IMPDEF 0xf
#define SPSR_EL1H_MASKED 0x3c5			// EL1 with SP_EL1; D, A, I, F masked
// Of fine-grained traps, those of younger features are on where their bit is clear (its name begins
// with n), and these bits are RES0 where the feature is not there.
#define HFGRTR_NO_TRAPS 0xfff4000000000000	// nAMAIR2_EL1 to nGCS_EL0, nACCDATA_EL1; HFGWTR's
#define HFGITR_NO_TRAPS 0x0f80000000000000	// nGCSEPP to nBRBINJ
#define HDFGRTR_NO_TRAPS 0x7800000000000000	// nPMSNEVFR_EL1 to nBRBIDR
#define HDFGWTR_NO_TRAPS 0x7000000000000000	// nPMSNEVFR_EL1 to nBRBCTL
#define ICC_SRE_EL2 S3_4_C12_C9_5
#define ICC_SRE_ENABLE 0x9			// SRE and Enable: EL1 may use the GIC's registers
#define ICH_HCR_EL2 S3_4_C12_C11_0

// What HVC asks of the stub, in x0; the numbers are Linux's. Anything else is refused.
#define HVC_SET_VECTORS 0			// x1: the new VBAR_EL2, a physical address
#define HVC_RESET_VECTORS 2			// back to the stub
#define HVC_REFUSED 0xbadca11

	.section .entry.text, "ax"

// el2_reset: HCR_EL2 as if nobody had been here before, E2H clear if that can be.
//   in: SCTLR_EL2.M clear	out: x0 HCR_EL2		clobbers: x0, x1
//
// E2H is stuck at 1 in CPUs without FEAT_E2H0. Those that predate the field in ID_AA64MMFR4_EL1 do
// not say so, others may not read as 1 before it was written: hence the question whether FAR_EL1
// reaches FAR_EL2, which is what E2H does. Then 1 is written, so that it reads as it is.
routine el2_reset
	mov_q	x0, HCR_EL1_OWNS
	hcr_write x0
	msr	far_el1, xzr
	mov	x1, #1
	msr	far_el2, x1
	isb
	mrs	x1, far_el1
	cbz	x1, 1f
	mov_q	x0, HCR_EL1_OWNS | HCR_EL2_E2H_MASK
	hcr_write x0
1:	tlbi	alle2				// E2H changes what entries of EL2's mean
	dsb	nsh
	msr	cntvoff_el2, xzr		// the virtual counter is the physical one
	isb
	ret
routine_end el2_reset

// el2_enter_vhe: stay at EL2, in the EL2&0 regime; what is named EL1 now reaches EL2's registers.
//   in, out: nothing	clobbers: x0 to x2
routine el2_enter_vhe
	mov_q	x0, HCR_VHE
	hcr_write x0
	tlbi	alle2
	dsb	nsh
	isb
	mov	x0, #CNTHCTL_EL1_ACCESS << CNTHCTL_E2H_SHIFT
	msr	cnthctl_el2, x0
	mov_q	x0, CPTR_E2H_NO_TRAPS
	msr	cptr_el2, x0
	mov	x2, xzr				// SPE and TRBE write by EL2's tables
	b	el2_devices
routine_end el2_enter_vhe

// el2_drop: make EL1 free of traps and return there. Only where HCR_EL2.E2H is clear: what is named
// EL1 is EL1's, from either level.
//   in: nothing	out: at EL1, the same stack pointer	clobbers: x0 to x4
routine el2_drop
	mov	x4, x30
	mov	x0, #CNTHCTL_EL1_ACCESS		// counters and timers belong to EL1
	msr	cnthctl_el2, x0
	mov_q	x0, CPTR_EL2_NO_TRAPS
	msr	cptr_el2, x0

	// EL1 sees the real ID registers. VMID 0 tags its translations, though there is no stage 2.
	mrs	x0, midr_el1
	msr	vpidr_el2, x0
	mrs	x0, mpidr_el1
	msr	vmpidr_el2, x0
	msr	vttbr_el2, xzr
	msr	hstr_el2, xzr

	// FEAT_FGT: its traps reset to unknown values. The self tests use what FEAT_S1PIE adds.
	mrs	x0, SYS_ID_AA64MMFR0_EL1
	ubfx	x0, x0, #ID_AA64MMFR0_EL1_FGT_SHIFT, #4
	cbz	x0, 1f
	mov	x0, #HFGRTR_NO_TRAPS
	msr	SYS_HFGRTR_EL2, x0
	msr	SYS_HFGWTR_EL2, x0
	mov	x0, #HFGITR_NO_TRAPS
	msr	SYS_HFGITR_EL2, x0
	mov	x0, #HDFGRTR_NO_TRAPS
	msr	SYS_HDFGRTR_EL2, x0
	mov	x0, #HDFGWTR_NO_TRAPS
	msr	SYS_HDFGWTR_EL2, x0

	// FEAT_HCX: let EL1 write what the flip clears. The bits of features not there are RES0.
1:	mrs	x0, SYS_ID_AA64MMFR1_EL1
	ubfx	x0, x0, #ID_AA64MMFR1_EL1_HCX_SHIFT, #4
	cbz	x0, 2f
	mov	x0, #(HCRX_EL2_TCR2EN_MASK | HCRX_EL2_SCTLR2EN_MASK)
	msr	SYS_HCRX_EL2, x0

2:	mov_q	x2, MDCR_EL1_OWNS
	bl	el2_devices

	// EL1 must not find its MMU on: out of reset SCTLR_EL1 is UNKNOWN where there is an EL2.
	address	x1, early_vectors
	early_state el1, SCTLR_EL1_EARLY, x1
	gcs_off	GCSCR_EL1, GCSCRE0_EL1		// the first return at EL1 is soon
	mov	x0, sp
	msr	sp_el1, x0
	address	x0, el2_vectors
	msr	vbar_el2, x0
	mov	x0, #SPSR_EL1H_MASKED
	msr	spsr_el2, x0
	msr	elr_el2, x4
	eret
routine_end el2_drop

// el2_devices: performance monitors and interrupt controller, for either way.
//   in: x2 more bits of MDCR_EL2		clobbers: x0 to x2
	.type	el2_devices, %function
el2_devices:
	// No debug traps. HPMN: no event counter is kept from EL1. More than there are would be
	// UNPREDICTABLE.
	mrs	x0, SYS_ID_AA64DFR0_EL1
	ubfx	x0, x0, #ID_AA64DFR0_EL1_PMUVER_SHIFT, #4
	cbz	x0, 1f
	cmp	x0, #PMUVER_IMPDEF
	b.eq	1f
	mrs	x0, SYS_PMCR_EL0
	ubfx	x0, x0, #PMCR_EL0_N_SHIFT, #5
	orr	x2, x2, x0
1:	msr	mdcr_el2, x2

	// GIC v3 and later: access by system registers; no virtual interrupts. QEMU's a64fx claims
	// them beside a GICv2 too, where they are undefined.
	mrs	x0, SYS_ID_AA64PFR0_EL1
	ubfx	x0, x0, #ID_AA64PFR0_EL1_GIC_SHIFT, #4
	cbz	x0, 2f
	landing	2f
	mrs	x0, ICC_SRE_EL2
	mov	x1, #ICC_SRE_ENABLE
	orr	x0, x0, x1
	msr	ICC_SRE_EL2, x0
	isb
	mrs	x0, ICC_SRE_EL2
	tbz	x0, #0, 2f			// SRE stayed clear: a GICv2 by memory
	msr	ICH_HCR_EL2, xzr
2:	msr	tpidr_el0, xzr
	isb
	ret
	.size	el2_devices, . - el2_devices

// The stub's vectors. HVC comes from EL1 in AArch64: the ninth entry. So would a trap that el2_drop
// left on. Whatever is not HVC stops the CPU, with EL2's registers as in any stop for an exception.
	.section .entry.vectors, "ax"
	.balign	2048
	.global	el2_vectors
	.hidden	el2_vectors
el2_vectors:
	.rept	8
	.balign	128
	b	el2_stop
	.endr
	.balign	128
	b	el2_sync
	.rept	7
	.balign	128
	b	el2_stop
	.endr

	.section .entry.text, "ax"
el2_stop:
	mov	x0, #STOP_EXCEPTION_CODE
	mrs	x1, esr_el2
	mrs	x2, elr_el2
	mrs	x3, far_el2
	b	cpu_halt

// el2_sync: in: x0 what, x1 argument.  out: x0 is 0 or HVC_REFUSED.  clobbers: x1, x9
el2_sync:
	mrs	x9, esr_el2
	ubfx	x9, x9, #ESR_EL1_EC_SHIFT, #6
	cmp	x9, #ESR_EL1_EC_HVC64
	b.ne	el2_stop
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
