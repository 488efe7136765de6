// SPDX-License-Identifier: MIT
/*
 * The geometry of a translation regime: levels, block sizes, contiguous runs.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, instructions a host compiler cannot build.
 */
#include <pagoda/mm/pt/regime.h>

/*
 * The root is the lowest-numbered level that still has bits to resolve: from the page offset up,
 * each level takes granule_shift - 3 bits of the input address.
 */
static int root_level(unsigned granule_shift, unsigned va_bits)
{
	unsigned per_level = granule_shift - 3;
	unsigned levels = (va_bits - granule_shift + per_level - 1) / per_level;

	return LEVEL_PAGE + 1 - (int)levels;
}

/* DDI 0487 table D8-20 and following: the wide formats allow blocks one level further up. */
static int block_level(unsigned granule_shift, bool wide)
{
	if (granule_shift == GRANULE_SHIFT_4K)
		return wide ? 0 : 1;
	return wide ? 1 : 2;
}

static enum descriptor_format format(unsigned granule_shift, bool wide)
{
	if (!wide)
		return DESC_48;
	return granule_shift == GRANULE_SHIFT_64K ? DESC_64K_LPA : DESC_LPA2;
}

struct regime regime_make(unsigned granule_shift, unsigned va_bits, unsigned pa_bits,
			  bool wide_descriptors)
{
	return (struct regime){
		.granule_shift = granule_shift,
		.va_bits = va_bits,
		.pa_bits = pa_bits,
		.root_level = root_level(granule_shift, va_bits),
		.block_level = block_level(granule_shift, wide_descriptors),
		.format = format(granule_shift, wide_descriptors),
	};
}

unsigned regime_contiguous(const struct regime *regime, int level)
{
	unsigned run = 0;

	if (level < 2)
		return 0;
	switch (regime->granule_shift) {
	case GRANULE_SHIFT_4K:
		run = 16;
		break;
	case GRANULE_SHIFT_16K:
		run = level == LEVEL_PAGE ? 128 : 32;
		break;
	case GRANULE_SHIFT_64K:
		run = 32;
		break;
	}
	return run <= regime_entries(regime, level) ? run : 0;
}

/* Where leaves fit at a level, only the two ends of the range need a table below it. */
u64 regime_tables(const struct regime *regime, vaddr_t start, vaddr_t end, int top)
{
	u64 tables = 0;

	for (int level = regime->root_level; level < LEVEL_PAGE; level++) {
		unsigned shift = regime_shift(regime, level);
		u64 touched = ((end.value - 1) >> shift) - (start.value >> shift) + 1;

		tables += level < top ? touched : min_u64(touched, 2);
	}
	return tables;
}
