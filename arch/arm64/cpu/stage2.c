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

/* What EL2 keeps from EL1 is UNKNOWN out of reset: a kernel that stays at EL2 is not concerned. */
static void traps_clear(void)
{
	WRITE("vpidr_el2", READ("midr_el1"));
	WRITE("vmpidr_el2", READ("mpidr_el1"));
	WRITE("hstr_el2", 0);
	if (SYSREG_GET(ID_AA64MMFR1_EL1_HCX, READ_REGISTER(ID_AA64MMFR1_EL1)) != 0)
		WRITE_REGISTER(HCRX_EL2, 0);
	if (SYSREG_GET(ID_AA64MMFR0_EL1_FGT, READ_REGISTER(ID_AA64MMFR0_EL1)) == 0)
		return;
	WRITE_REGISTER(HFGRTR_EL2, 0);
	WRITE_REGISTER(HFGWTR_EL2, 0);
	WRITE_REGISTER(HFGITR_EL2, 0);
	WRITE_REGISTER(HDFGRTR_EL2, 0);
	WRITE_REGISTER(HDFGWTR_EL2, 0);
}

void guest_state_fresh(u64 sctlr)
{
	traps_clear();
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
