// SPDX-License-Identifier: MIT
/*
 * TLB maintenance: the instructions, and the barriers they need, in one place. Which of them a
 * range takes is mm/pt/tlb.c's.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>

#include "registers.h"

/* Rare: they shall cost the others no more than a branch. */
static void __attribute__((noinline, cold)) issue_el2(enum tlb_kind kind, u64 operand)
{
	if (kind == TLB_EL2_ALL)
		WRITE_REGISTER(TLBI_ALLE2IS, 0);
	else if (kind == TLB_EL2_VA)
		WRITE_REGISTER(TLBI_VAE2IS, operand);
	else if (kind == TLB_EL2_VA_LAST)
		WRITE_REGISTER(TLBI_VALE2IS, operand);
	else if (kind == TLB_EL2_RANGE)
		WRITE_REGISTER(TLBI_RVAE2IS, operand);
	else
		WRITE_REGISTER(TLBI_RVALE2IS, operand);
}

static void __attribute__((noinline, cold)) issue_stage2(enum tlb_kind kind, u64 operand)
{
	if (kind == TLB_STAGE2_ALL)
		WRITE_REGISTER(TLBI_VMALLS12E1IS, 0);
	else if (kind == TLB_STAGE2_IPA)
		WRITE_REGISTER(TLBI_IPAS2E1IS, operand);
	else if (kind == TLB_STAGE2_IPA_LAST)
		WRITE_REGISTER(TLBI_IPAS2LE1IS, operand);
	else if (kind == TLB_STAGE2_RANGE)
		WRITE_REGISTER(TLBI_RIPAS2E1IS, operand);
	else
		WRITE_REGISTER(TLBI_RIPAS2LE1IS, operand);
}

void tlb_issue(struct tlb_op op)
{
	enum tlb_kind kind = op.kind;
	u64 operand = op.operand;

	switch (kind) {
	case TLB_ALL:
		WRITE_REGISTER(TLBI_VMALLE1IS, 0);
		break;
	case TLB_ASID:
		WRITE_REGISTER(TLBI_ASIDE1IS, operand);
		break;
	case TLB_VA:
		WRITE_REGISTER(TLBI_VAAE1IS, operand);
		break;
	case TLB_VA_LAST:
		WRITE_REGISTER(TLBI_VAALE1IS, operand);
		break;
	case TLB_RANGE:
		WRITE_REGISTER(TLBI_RVAAE1IS, operand);
		break;
	case TLB_RANGE_LAST:
		WRITE_REGISTER(TLBI_RVAALE1IS, operand);
		break;
	case TLB_EL2_ALL:
	case TLB_EL2_VA:
	case TLB_EL2_VA_LAST:
	case TLB_EL2_RANGE:
	case TLB_EL2_RANGE_LAST:
		issue_el2(kind, operand);
		break;
	case TLB_STAGE2_ALL:
	case TLB_STAGE2_IPA:
	case TLB_STAGE2_IPA_LAST:
	case TLB_STAGE2_RANGE:
	case TLB_STAGE2_RANGE_LAST:
		issue_stage2(kind, operand);
		break;
	}
}

/* More than one CPU runs, and one of them is such a core. */
static bool tlb_repeats;

void tlb_repeat(void)
{
	tlb_repeats = true;
}

/*
 * The template of DDI 0487 K11 "TLB maintenance": the stores that took the mapping away are
 * complete before the invalidation, the invalidation before anything that follows, also in this
 * CPU's instruction stream.
 *
 * On some cores (Cortex-A76 erratum 1286807 and others since, up to 4118414) a broadcast TLBI and
 * its DSB may be over while another CPU still uses the old translation, and all of this must be
 * done twice: another TLBI, of whatever, and its DSB wait for those accesses. As long as one CPU
 * runs, there is nobody to wait for: its own are in order.
 */
void tlb_begin(void)
{
	asm volatile("dsb ishst" ::: "memory");
}

void tlb_end(void)
{
	asm volatile("dsb ish" ::: "memory");
	if (tlb_repeats) {
		tlb_issue((struct tlb_op){ .kind = TLB_VA_LAST });
		asm volatile("dsb ish" ::: "memory");
	}
	asm volatile("isb" ::: "memory");
}

void tlb_invalidate_by(struct tlb_op op)
{
	tlb_begin();
	tlb_issue(op);
	tlb_end();
}

void tlb_invalidate_all(void)
{
	tlb_invalidate_by((struct tlb_op){ .kind = TLB_ALL });
}
