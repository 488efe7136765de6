// SPDX-License-Identifier: MIT
/*
 * TLBI operands: the fewest operations that drop exactly a range, within what the CPU and the
 * regime allow.
 * Runs in the kernel with the MMU on, and on the host. May not use: absolute addresses,
 * instructions a host compiler cannot build.
 */
#include <pagoda/lib/features.h>
#include <pagoda/mm/pt/tlb.h>

/* Pages in the unit of each SCALE are 2^(5 * SCALE + 1); NUM counts 1 to 32 of them. */
#define SCALE_MAX 3
#define SCALE_SHIFT(scale) (5 * (scale) + 1)
#define NUM_MAX 31
#define RANGE_PAGES_MAX ((u64)(NUM_MAX + 1) << SCALE_SHIFT(SCALE_MAX))

/* With TCR.DS, BaseADDR counts in 64 KiB whatever the page size. */
#define BASE_SHIFT_LPA2 16

struct tlb tlb_make(const u64 id[SYSREG_FACT_COUNT])
{
	return (struct tlb){
		.range = cpu_feature_level(id, CPU_TLBI_RANGE) != 0,
		.level_hint = cpu_feature_level(id, CPU_TTL) != 0,
	};
}

/*
 * The level to count leaves by and to hint, where one is known. Level 0 with 4K pages and level 1
 * with 16K are reserved in a hint without DS, for the same reason for which no leaf can stand
 * there. Where tables have gone, what a walk cached of them stands at other levels.
 */
static int known_level(const struct regime *regime, const struct tlb_range *range)
{
	if (range->tables || range->level > LEVEL_PAGE || !regime_leaf_level(regime, range->level))
		return TLB_LEVEL_UNKNOWN;
	if (!is_aligned(range->start.value | range->end.value, regime_span(regime, range->level)))
		return TLB_LEVEL_UNKNOWN;
	return range->level;
}

struct tlb_ops tlb_ops_begin(const struct space *space, const struct tlb_range *range)
{
	const struct regime *regime = &space->regime;
	u64 granule = regime_granule(regime);
	u64 start = align_down(range->start.value, granule);
	struct tlb_ops ops = { .space = space, .at = start, .tables = range->tables };

	ops.left = align_up(range->end.value, granule) - start;
	if (range->start.value == range->end.value)
		ops.left = 0;
	ops.level = known_level(regime, range);
	ops.step = ops.level == TLB_LEVEL_UNKNOWN ? granule : regime_span(regime, ops.level);
	ops.range = space->tlb.range && ops.left >> regime->granule_shift <= RANGE_PAGES_MAX;
	ops.all = !ops.range && ops.left / ops.step > TLB_OPS_MAX;
	return ops;
}

/* TG of either operand; TG0 and TG1 of TCR_EL1 count otherwise. */
static u64 granule_code(const struct regime *regime)
{
	switch (regime->granule_shift) {
	case GRANULE_SHIFT_4K:
		return TLBI_VA_TG_4K;
	case GRANULE_SHIFT_16K:
		return TLBI_VA_TG_16K;
	}
	return TLBI_VA_TG_64K;
}

/* Whether LEVEL is to be filled in; the range operand's has no word for level 0. */
static bool has_hint(const struct tlb_ops *ops)
{
	return ops->space->tlb.level_hint && ops->level != TLB_LEVEL_UNKNOWN;
}

/* The address field counts in 4 KiB whatever the page size. */
static struct tlb_op next_by_address(struct tlb_ops *ops)
{
	struct tlb_op op = { .kind = ops->tables ? TLB_VA : TLB_VA_LAST };

	op.operand = SYSREG_PUT(TLBI_VA_PAGE, ops->at >> GRANULE_SHIFT_4K);
	if (has_hint(ops))
		op.operand |= SYSREG_PUT(TLBI_VA_TG, granule_code(&ops->space->regime)) |
			      SYSREG_PUT(TLBI_VA_LEVEL, ops->level);
	ops->at += ops->step;
	ops->left -= ops->step;
	return op;
}

/* The largest unit that fits; what is left of it is less than one unit, and so never too many. */
static struct tlb_op next_range(struct tlb_ops *ops, unsigned base_shift)
{
	const struct regime *regime = &ops->space->regime;
	u64 pages = ops->left >> regime->granule_shift;
	struct tlb_op op = { .kind = ops->tables ? TLB_RANGE : TLB_RANGE_LAST };
	unsigned scale = SCALE_MAX;
	u64 units;

	while (pages >> SCALE_SHIFT(scale) == 0)
		scale--;
	units = pages >> SCALE_SHIFT(scale);
	op.operand = SYSREG_PUT(TLBI_RANGE_TG, granule_code(regime)) |
		     SYSREG_PUT(TLBI_RANGE_SCALE, scale) | SYSREG_PUT(TLBI_RANGE_NUM, units - 1) |
		     SYSREG_PUT(TLBI_RANGE_LEVEL, has_hint(ops) ? ops->level : 0) |
		     SYSREG_PUT(TLBI_RANGE_BASE, ops->at >> base_shift);
	pages = units << SCALE_SHIFT(scale);
	ops->at += pages << regime->granule_shift;
	ops->left -= pages << regime->granule_shift;
	return op;
}

/* What is a user's is all of one ASID, or of two; the kernel's may be in the TLB under any. */
static struct tlb_op next_all(struct tlb_ops *ops)
{
	const struct space *space = ops->space;
	bool first = ops->left != ops->step;

	if (space->regime.whose != WHOSE_USER) {
		ops->left = 0;
		return (struct tlb_op){ .kind = TLB_ALL };
	}
	ops->left = first && space->tlb.asid_pairs ? ops->step : 0;
	return tlb_op_asid(space->id + !first);
}

bool tlb_ops_next(struct tlb_ops *ops, struct tlb_op *op)
{
	const struct regime *regime = &ops->space->regime;
	unsigned base_shift = regime->format == DESC_LPA2 ? BASE_SHIFT_LPA2 : regime->granule_shift;

	if (ops->left == 0)
		return false;
	if (ops->all) {
		*op = next_all(ops);
	} else if (ops->range && ops->left > ops->step && is_aligned(ops->at, BIT(base_shift))) {
		*op = next_range(ops, base_shift);
	} else {
		*op = next_by_address(ops);
	}
	return true;
}

struct tlb_op tlb_op_asid(u16 asid)
{
	return (struct tlb_op){ .kind = TLB_ASID, .operand = SYSREG_PUT(TLBI_ASID_ASID, asid) };
}
