// SPDX-License-Identifier: MIT
/*
 * What the registers of translation must hold, once all else is decided.
 * A pure function of the plan. Runs with the MMU off, .bss clear, image not relocated; also on the
 * host. May not use: absolute addresses, pointers in static data, .bss, registers, I/O.
 */
#include <pagoda/lib/features.h>
#include <pagoda/pi/early.h>

/* TG0 and TG1 number the granules differently. */
static u64 tcr_granule(unsigned shift)
{
	switch (shift) {
	case GRANULE_SHIFT_16K:
		return SYSREG_PUT(TCR_EL1_TG0, TCR_EL1_TG0_16K) |
		       SYSREG_PUT(TCR_EL1_TG1, TCR_EL1_TG1_16K);
	case GRANULE_SHIFT_64K:
		return SYSREG_PUT(TCR_EL1_TG0, TCR_EL1_TG0_64K) |
		       SYSREG_PUT(TCR_EL1_TG1, TCR_EL1_TG1_64K);
	}
	return SYSREG_PUT(TCR_EL1_TG0, TCR_EL1_TG0_4K) | SYSREG_PUT(TCR_EL1_TG1, TCR_EL1_TG1_4K);
}

/* Hardware management of the access flag stays off: several cores have errata in it. */
static u64 tcr_value(const struct boot_plan *plan)
{
	u64 tcr = tcr_granule(plan->kernel.granule_shift);

	tcr |= SYSREG_PUT(TCR_EL1_T0SZ, 64 - plan->idmap.va_bits);
	tcr |= SYSREG_PUT(TCR_EL1_T1SZ, 64 - plan->kernel.va_bits);
	tcr |= SYSREG_PUT(TCR_EL1_IPS, cpu_pa_code(plan->kernel.pa_bits));
	tcr |= SYSREG_PUT(TCR_EL1_DS, plan->kernel.format == DESC_LPA2);
	/* Another root with another ASID, in one store: the upper half has the ASID. */
	tcr |= SYSREG_PUT(TCR_EL1_A1, plan->policy.not_global);
	/* Table walks are cacheable and coherent; under DS these SH fields serve the leaves too. */
	tcr |= SYSREG_PUT(TCR_EL1_SH0, TCR_EL1_SH0_INNER) |
	       SYSREG_PUT(TCR_EL1_ORGN0, TCR_EL1_ORGN0_WBWA) |
	       SYSREG_PUT(TCR_EL1_IRGN0, TCR_EL1_IRGN0_WBWA);
	tcr |= SYSREG_PUT(TCR_EL1_SH1, TCR_EL1_SH1_INNER) |
	       SYSREG_PUT(TCR_EL1_ORGN1, TCR_EL1_ORGN1_WBWA) |
	       SYSREG_PUT(TCR_EL1_IRGN1, TCR_EL1_IRGN1_WBWA);
	/* EL0 gets a fault in constant time for upper addresses, mapped or not. */
	tcr |= SYSREG_PUT(TCR_EL1_E0PD1, plan->e0pd);
	return tcr;
}

static u64 sctlr_value(const struct boot_plan *plan)
{
	/* RES1 where the feature that gives the bit a meaning is missing; "as before" where not. */
	u64 sctlr = SCTLR_EL1_LSMAOE_MASK | SCTLR_EL1_NTLSMD_MASK | SCTLR_EL1_EIS_MASK |
		    SCTLR_EL1_TSCXT_MASK | SCTLR_EL1_EOS_MASK;

	sctlr |= SCTLR_EL1_M_MASK | SCTLR_EL1_C_MASK | SCTLR_EL1_I_MASK | SCTLR_EL1_SA_MASK;
	sctlr |= SYSREG_PUT(SCTLR_EL1_WXN, plan->wxn);
	sctlr |= SYSREG_PUT(SCTLR_EL1_ENIA, plan->pac);
	sctlr |= SYSREG_PUT(SCTLR_EL1_BT1, plan->bti);
	/* SPAN clear: every exception sets PSTATE.PAN. RES1 without FEAT_PAN. */
	sctlr |= SYSREG_PUT(SCTLR_EL1_SPAN, !plan->pan);
	return sctlr;
}

void plan_registers(struct boot_plan *plan)
{
	plan->registers.mair = mem_type_mair();
	plan->registers.tcr = tcr_value(plan);
	plan->registers.sctlr = sctlr_value(plan);
}
