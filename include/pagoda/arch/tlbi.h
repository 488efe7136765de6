/* SPDX-License-Identifier: MIT */
/*
 * TLB maintenance as single operations. Which of them drop the translations of a range is
 * pagoda/mm/pt/tlb.h's. Kernel, MMU on; host tests put a fake machine behind the same names.
 * Source: DDI 0487 D8.14 (TLB maintenance), C5.5 (TLBI operands).
 */
#ifndef PAGODA_TLBI_H
#define PAGODA_TLBI_H

#include <pagoda/types.h>

/*
 * What an operation drops. The same five of each of three: EL1's and EL0's, or EL2's and EL0's with
 * VHE; EL2's alone, HCR_EL2.E2H clear; stage 2's, of the VMID in VTTBR_EL2, of which only "all"
 * drops what combines both stages, too.
 */
enum tlb_kind {
	TLB_ALL, /* no operand */
	TLB_ASID, /* all of one ASID that is not global: EL1's and EL0's only */
	TLB_VA, /* what translates one address, for every ASID, and what walks cached on the way */
	TLB_VA_LAST, /* leaves only */
	TLB_RANGE, /* as TLB_VA for a range of pages */
	TLB_RANGE_LAST,
	TLB_EL2_ALL = 8,
	TLB_EL2_VA = TLB_EL2_ALL + TLB_VA,
	TLB_EL2_VA_LAST,
	TLB_EL2_RANGE,
	TLB_EL2_RANGE_LAST,
	TLB_STAGE2_ALL = 16,
	TLB_STAGE2_IPA = TLB_STAGE2_ALL + TLB_VA,
	TLB_STAGE2_IPA_LAST,
	TLB_STAGE2_RANGE,
	TLB_STAGE2_RANGE_LAST,
};

struct tlb_op {
	enum tlb_kind kind;
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

/*
 * Every operation there is on stage 1 of EL1 and EL0, for tlbi_form(): which of these, plus 10 for
 * the inner shareable, 20 for the outer shareable one (FEAT_TLBIOS), plus 30 for nXS (FEAT_XS).
 */
enum tlbi_what {
	TLBI_VMALLE1,
	TLBI_VAE1,
	TLBI_ASIDE1,
	TLBI_VAAE1,
	TLBI_VALE1,
	TLBI_VAALE1,
	TLBI_RVAE1, /* FEAT_TLBIRANGE, and those below */
	TLBI_RVAAE1,
	TLBI_RVALE1,
	TLBI_RVAALE1,
};

#define TLBI_WHATS 10
#define TLBI_DOMAINS 3

/* tlbi_form() - operation @number on @operand, between tlb_begin() and tlb_end(). */
void tlbi_form(u64 number, u64 operand);

#endif /* PAGODA_TLBI_H */
