// SPDX-License-Identifier: MIT
/*
 * A walk of translation tables, from the manual: DDI 0487 D8.2 (translation process), D8.3
 * (descriptor formats). It shares nothing with the walkers of the kernel and of its tests.
 */
#include "judge.h"

unsigned half_shift(const struct half *half, int level)
{
	return half->granule_shift + (unsigned)(3 - level) * (half->granule_shift - 3);
}

unsigned half_entries(const struct half *half, int level)
{
	unsigned shift = half_shift(half, level);

	if (level == half->root_level)
		return 1u << (half->va_bits - shift);
	return 1u << (half->granule_shift - 3);
}

bool half_is_table(u64 pte, int level)
{
	return level < 3 && (pte & 3) == 3;
}

/* D8.3.1: the first level that has blocks depends on the format. */
static int first_block(const struct half *half)
{
	switch (half->granule_shift) {
	case 12:
		return half->ds ? 0 : 1;
	case 14:
		return half->ds ? 1 : 2;
	}
	return half->lpa ? 1 : 2;
}

bool half_is_leaf(const struct half *half, u64 pte, int level)
{
	return level == 3 ? (pte & 3) == 3 : (pte & 3) == 1 && level >= first_block(half);
}

/* D8.3.1: where output address bits above 47 are depends on the format. */
u64 half_output(const struct half *half, u64 pte, int level)
{
	unsigned low = half_is_table(pte, level) ? half->granule_shift : half_shift(half, level);
	u64 pa;

	if (half->ds)
		pa = (pte & (BIT(50) - 1)) | bits(pte, 9, 8) << 50;
	else
		pa = pte & (BIT(48) - 1);
	if (half->lpa && !half->ds)
		pa |= bits(pte, 15, 12) << 48;
	return pa >> low << low;
}

/* D8.2.4: beyond the output size there is an address size fault. */
bool half_fits(const struct half *half, u64 pa)
{
	return pa >> half->pa_bits == 0;
}

bool half_stands(const struct half *half, u64 pte, int level)
{
	if (half_is_table(pte, level))
		return half_fits(half, half_output(half, pte, level));
	return half_is_leaf(half, pte, level) && half_fits(half, half_output(half, pte, level)) &&
	       (half->sets_flag || (pte & BIT(10)));
}

u8 half_attributes(const struct half *half, u64 leaf)
{
	if (half->el == STAGE2)
		return (u8)bits(leaf, 5, 2);
	return (u8)(half->mair >> (bits(leaf, 4, 2) * 8));
}

/* D8.6.1: descriptors in a contiguous group; 0: there are none at this level. */
unsigned half_contiguous(const struct half *half, int level)
{
	switch (half->granule_shift) {
	case 12:
		return level >= 1 ? 16 : 0;
	case 14:
		return level == 3 ? 128 : level == 2 ? 32 : 0;
	}
	return level >= 2 ? 32 : 0;
}

void walk_address(const struct half *half, u64 va, struct walk *walk)
{
	u64 table = half->root, pte;
	int level = half->root_level;
	unsigned shift;

	walk->count = 0;
	walk->result = WALK_FAULT;
	if (half->byte_ignored)
		va = (u64)sign_extend(va, 56);
	if (!half->on || (s64)(half->upper ? ~va : va) >> half->va_bits != 0)
		return;
	for (;; level++) {
		shift = half_shift(half, level);
		walk->slots[walk->count] =
			table + (va >> shift & (half_entries(half, level) - 1)) * 8;
		if (!memory_has(walk->slots[walk->count]) ||
		    !memory_read(walk->slots[walk->count], 8, &pte)) {
			walk->result = WALK_UNKNOWN;
			return;
		}
		walk->count++;
		if (!half_is_table(pte, level))
			break;
		table = half_output(half, pte, level);
		if (!half_fits(half, table))
			return;
	}
	if (!half_stands(half, pte, level))
		return;
	walk->result = WALK_OK;
	walk->leaf = pte;
	walk->level = level;
	walk->pa = half_output(half, pte, level) | (va & (BIT(shift) - 1));
}
