// SPDX-License-Identifier: MIT
/*
 * Stage 2 and a guest's registers, for a kernel at EL2 itself. With E2H set EL1's names mean EL2's
 * registers there; those that end in EL12 reach EL1's.
 * Runs in the kernel at EL2, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/mrs.h>

#include "registers.h"

#define ISB() asm volatile("isb" ::: "memory")

#define SCTLR_EL12 "s3_5_c1_c0_0"
#define CPACR_EL12 "s3_5_c1_c0_2"
#define TTBR0_EL12 "s3_5_c2_c0_0"
#define TCR_EL12 "s3_5_c2_c0_2"
#define VBAR_EL12 "s3_5_c12_c0_0"

void stage2_set(u64 vttbr, u64 vtcr)
{
	WRITE_REGISTER(VTCR_EL2, vtcr);
	WRITE_REGISTER(VTTBR_EL2, vttbr);
	ISB();
}

void guest_state_fresh(u64 sctlr)
{
	WRITE(SCTLR_EL12, sctlr);
	WRITE(CPACR_EL12, 0);
	WRITE(TTBR0_EL12, 0);
	WRITE(TCR_EL12, 0);
	WRITE(VBAR_EL12, 0);
	WRITE("sp_el1", 0);
	ISB();
}

static void hcr_set(u64 hcr)
{
	asm volatile("dsb nsh\n\tmsr hcr_el2, %0\n\tisb" ::"r"(hcr) : "memory");
}

/* TGE clear is what makes EL1 a guest's: no interrupt may come meanwhile, since EL0 is, too. */
u64 stage2_translate(u64 hcr, u64 ipa, bool write)
{
	u64 before = READ_REGISTER(HCR_EL2), par, daif;

	asm volatile("mrs %0, daif\n\tmsr daifset, #0xf" : "=r"(daif)::"memory");
	hcr_set(hcr);
	tlb_invalidate_by((struct tlb_op){ .kind = TLB_STAGE2_ALL });
	if (write)
		WRITE_REGISTER(AT_S12E1W, ipa);
	else
		WRITE_REGISTER(AT_S12E1R, ipa);
	asm volatile("isb\n\tdmb sy" ::: "memory");
	par = READ_REGISTER(PAR_EL1);
	asm volatile("dmb sy" ::: "memory");
	hcr_set(before);
	asm volatile("msr daif, %0" ::"r"(daif) : "memory");
	return par;
}
