// SPDX-License-Identifier: MIT
/*
 * EL2's own regime, the regimes of stage 2, and the values of the registers that say them.
 * A pure function of the plan. Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/hyp/decide.h>
#include <pagoda/lib/features.h>

#define VA_BITS_DEFAULT 48 /* whatever the kernel has: Linux's hypervisor keeps to that, too */
#define GUEST_IPA_BITS 36 /* one table for a root, with any page size */
#define BASE_ALIGN MIB(2)

/* What walks are cached and shared like, and the page size: the fields of either half's alike. */
#define WALK_FIELDS (TCR_EL1_TG0_MASK | TCR_EL1_SH0_MASK | TCR_EL1_ORGN0_MASK | TCR_EL1_IRGN0_MASK)

/* EL2's TCR has one half, PS further down, and DS at bit 32: bit 59 is that of EL1's. */
static u64 tcr_value(const struct regime *regime, u64 tcr)
{
	return (tcr & WALK_FIELDS) | TCR_EL2_RES1_31_MASK | TCR_EL2_RES1_23_MASK |
	       SYSREG_PUT(TCR_EL2_T0SZ, 64 - regime->va_bits) |
	       SYSREG_PUT(TCR_EL2_PS, cpu_pa_code(regime->pa_bits)) |
	       SYSREG_PUT(TCR_EL2_DS, regime->format == DESC_LPA2);
}

u64 hyp_vtcr(const struct regime *regime, u64 tcr)
{
	unsigned start = regime_start_code(regime);

	return (tcr & WALK_FIELDS) | VTCR_EL2_RES1_MASK |
	       SYSREG_PUT(VTCR_EL2_T0SZ, 64 - regime->va_bits) |
	       SYSREG_PUT(VTCR_EL2_PS, cpu_pa_code(regime->pa_bits)) |
	       SYSREG_PUT(VTCR_EL2_DS, regime->format == DESC_LPA2) |
	       SYSREG_PUT(VTCR_EL2_SL0, start & 3) |
	       SYSREG_PUT(VTCR_EL2_SL2, start == START_LEVEL_MINUS_1);
}

/* WXN with or without the host's: there is no code at EL2 that anybody has to write. */
static u64 sctlr_value(const struct boot_plan *plan)
{
	return SCTLR_EL2_RES1_29_28_MASK | SCTLR_EL2_RES1_23_MASK | SCTLR_EL2_EIS_MASK |
	       SCTLR_EL2_RES1_18_MASK | SCTLR_EL2_RES1_16_MASK | SCTLR_EL2_EOS_MASK |
	       SCTLR_EL2_RES1_5_4_MASK | SCTLR_EL2_WXN_MASK | SCTLR_EL2_I_MASK | SCTLR_EL2_SA_MASK |
	       SCTLR_EL2_C_MASK | SCTLR_EL2_M_MASK | SYSREG_PUT(SCTLR_EL2_BT, plan->bti);
}

/* The identity map's part of it needs as many bits as the host's identity map. */
static unsigned choose_va_bits(struct hyp_decision *decision, const struct boot_plan *plan,
			       unsigned asked)
{
	bool wide = plan->kernel.va_bits > VA_BITS_DEFAULT;
	unsigned least = plan->idmap.va_bits;

	decision->va_bits_refused = asked > VA_BITS_DEFAULT && !wide;
	if (least > VA_BITS_DEFAULT || (asked > VA_BITS_DEFAULT && wide))
		return 52;
	return VA_BITS_DEFAULT;
}

/*
 * With 16K pages bit 51 alone would cost a level, whose number QEMU takes for one that is not there
 * at stage 2. So that is for machines that have something there.
 */
static unsigned input_bits(const struct regime *kernel, unsigned bits, paddr_t ram_end)
{
	bool spare = kernel->granule_shift == GRANULE_SHIFT_16K && bits == 52 &&
		     ram_end.value <= BIT(51);

	return spare ? 51 : bits;
}

static struct regime stage2(const struct boot_plan *plan, struct cpu_granule has, unsigned input,
			    unsigned output)
{
	const struct regime *kernel = &plan->kernel;
	bool wide = has.wide_pa && kernel->format != DESC_48;

	return regime_make_stage2(kernel->granule_shift, input, output, wide);
}

enum hyp_result hyp_decide(struct hyp_decision *decision, const struct boot_plan *plan,
			   const u64 id[SYSREG_FACT_COUNT], unsigned asked_va_bits, paddr_t ram_end)
{
	const struct regime *kernel = &plan->kernel;
	struct cpu_granule has = cpu_granule_stage2(id, kernel->granule_shift);
	unsigned bits = kernel->pa_bits > has.va_bits ? has.va_bits : kernel->pa_bits;
	u64 tcr = plan->registers.tcr;

	decision->self = regime_make(kernel->granule_shift,
				     choose_va_bits(decision, plan, asked_va_bits), kernel->pa_bits,
				     kernel->format != DESC_48);
	decision->self.whose = WHOSE_HYPERVISOR;
	decision->host = stage2(plan, has, input_bits(kernel, bits, ram_end), bits);
	decision->guest = stage2(plan, has, bits < GUEST_IPA_BITS ? bits : GUEST_IPA_BITS, bits);
	decision->registers = (struct hyp_registers){
		.mair = plan->registers.mair,
		.tcr = tcr_value(&decision->self, tcr),
		.sctlr = sctlr_value(plan),
		.vtcr = hyp_vtcr(&decision->host, tcr),
	};
	if (!has.present)
		return HYP_NO_GRANULE;
	return ram_end.value > regime_pa_end(&decision->host) ? HYP_NARROW : HYP_OK;
}

vaddr_t hyp_base(const struct regime *regime, paddr_t idmap, u64 number)
{
	u64 half = BIT(regime->va_bits - 1);
	u64 places = (half - HYP_WINDOW) / BASE_ALIGN;
	u64 start = idmap.value & half ? 0 : half;

	return vaddr(start + (1 + number % (places - 1)) * BASE_ALIGN);
}

const char *hyp_result_str(enum hyp_result result)
{
	switch (result) {
	case HYP_OK:
		return "on";
	case HYP_NO_EL2:
		return "entered at EL1: EL2 is somebody else's, or not there";
	case HYP_VHE_STUCK:
		return "the kernel is at EL2 and the CPU cannot leave VHE";
	case HYP_VHE:
		return "the kernel is at EL2 itself (VHE)";
	case HYP_NO_GRANULE:
		return "the CPU has no stage 2 with this page size";
	case HYP_NARROW:
		return "RAM ends above what stage 2 reaches";
	case HYP_NO_MEMORY:
		return "no memory for its code, stacks and tables";
	case HYP_NO_TABLES:
		return "no tables left for its map";
	case HYP_TOO_MANY_BANKS:
		return "more ranges of RAM than it has room for";
	case HYP_STUB_SILENT:
		return "EL2's stub does not answer";
	}
	return "unknown";
}
