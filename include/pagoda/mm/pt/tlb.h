/* SPDX-License-Identifier: MIT */
/*
 * TLB maintenance of a space: which operations, with which operands, drop the translations of a
 * range. Pure: any world, MMU on or off, and the host; but for tlb_invalidate(), which executes
 * them. Source: DDI 0487 D8.14 (TLB maintenance), C5.5 (TLBI operands), FEAT_TTL, FEAT_TLBIRANGE,
 * FEAT_LPA2.
 */
#ifndef PAGODA_TLB_H
#define PAGODA_TLB_H

#include <pagoda/arch/tlbi.h>
#include <pagoda/lib/sysreg.h>
#include <pagoda/mm/pt/space.h>

/* tlb_make() - for a CPU with the ID registers @id. */
struct tlb tlb_make(const u64 id[SYSREG_FACT_COUNT]);

/* No leaf stands at this level: "unknown" must never be taken for level 0. */
#define TLB_LEVEL_UNKNOWN 127

/* A range whose translations have changed, or gone. Not aligned: whole pages around it. */
struct tlb_range {
	vaddr_t start, end; /* end exclusive; 0 means 2^64 */
	int level; /* at which all leaves in it stood, or TLB_LEVEL_UNKNOWN */
	bool tables; /* table descriptors went too */
};

/* Operations for one range are never more than this: a longer list becomes one for all. */
#define TLB_OPS_MAX 64

/* Operations still to come for one range. */
struct tlb_ops {
	const struct space *space;
	u64 at, left; /* bytes; whole pages */
	u64 step; /* bytes that one operation by address drops */
	int level;
	enum tlb_kind first; /* of those for the space */
	bool tables;
	bool all, range;
};

/*
 * tlb_ops_begin() - the operations for @range of @space; none where it is empty. Those of a guest's
 * stage 2 drop what is cached of that stage alone, of the VMID in VTTBR_EL2: after them, and a
 * barrier, what combines both stages must go too (DDI 0487 D8.14.5).
 */
struct tlb_ops tlb_ops_begin(const struct space *space, const struct tlb_range *range);

/* tlb_ops_next() - true and the next operation in @op; false after the last. */
bool tlb_ops_next(struct tlb_ops *ops, struct tlb_op *op);

/* tlb_op_asid() - everything of @asid but global entries. */
struct tlb_op tlb_op_asid(u16 asid);

/*
 * tlb_invalidate() - execute them: on return no CPU has, or will use, a translation of @range that
 * was read before. Kernel, MMU on. At EL2 there is another of that name, for EL2's spaces.
 */
void tlb_invalidate(const struct space *space, const struct tlb_range *range);

#endif /* PAGODA_TLB_H */
