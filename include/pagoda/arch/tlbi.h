/* SPDX-License-Identifier: MIT */
/*
 * TLB maintenance as single operations. Which of them drop the translations of a range is
 * pagoda/mm/pt/tlb.h's. Kernel, MMU on; host tests put a fake machine behind the same names.
 * Source: DDI 0487 D8.14 (TLB maintenance), C5.5 (TLBI operands).
 */
#ifndef PAGODA_TLBI_H
#define PAGODA_TLBI_H

#include <pagoda/types.h>

/* Whose translations an operation drops. */
enum tlb_scope {
	TLB_OF_EL1, /* EL1's and EL0's, or EL2's and EL0's with VHE */
	TLB_OF_EL2, /* EL2's alone, HCR_EL2.E2H clear */
	TLB_OF_STAGE2, /* of the VMID in VTTBR_EL2; of both stages combined, TLB_ALL only */
};

enum tlb_kind {
	TLB_ALL, /* no operand */
	TLB_ASID, /* all of one ASID that is not global: TLB_OF_EL1 */
	TLB_VA, /* what translates one address, for every ASID, and what walks cached on the way */
	TLB_VA_LAST, /* leaves only */
	TLB_RANGE, /* as TLB_VA for a range of pages */
	TLB_RANGE_LAST,
};

struct tlb_op {
	enum tlb_kind kind;
	enum tlb_scope scope;
	u64 operand;
};

/*
 * Complete what a change of descriptors began: after tlb_begin(), any number of tlb_issue(), and
 * tlb_end(), no CPU has, or will use, a translation that they name and that was read before.
 * tlb_invalidate_by(): the three of them, for one operation. tlb_invalidate_all(): for TLB_ALL.
 */
void tlb_begin(void);
void tlb_issue(struct tlb_op op);
void tlb_end(void);

/* tlb_repeat() - from now on tlb_end() does for what errata_repeat_tlbi() is about. */
void tlb_repeat(void);
void tlb_invalidate_by(struct tlb_op op);
void tlb_invalidate_all(void);

#endif /* PAGODA_TLBI_H */
