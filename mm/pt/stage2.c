// SPDX-License-Identifier: MIT
/*
 * Where a walk of stage 2 begins.
 * Runs in the kernel with the MMU on, and on the host. May not use: absolute addresses, .bss,
 * instructions a host compiler cannot build.
 */
#include <pagoda/mm/pt/regime.h>

/* "Concatenated translation tables" (DDI 0487 D8.2.4): 16 tables resolve four bits. */
#define CONCATENATED_BITS 4

/*
 * The root of a narrower space, of which there are as many as can be: that is also what the manual
 * asks for where a level would have a root of 16 entries or fewer, and what keeps level 0 of 4K and
 * level 1 of 16K and 64K pages from being used with output sizes for which they are reserved.
 */
struct regime regime_make_stage2(unsigned granule_shift, unsigned ipa_bits, unsigned pa_bits,
				 bool wide_descriptors)
{
	struct regime regime =
		regime_make(granule_shift, ipa_bits - CONCATENATED_BITS, pa_bits, wide_descriptors);

	regime.va_bits = ipa_bits;
	regime.whose = WHOSE_GUEST;
	return regime;
}

unsigned regime_root_tables(const struct regime *regime)
{
	u64 size = (u64)regime_entries(regime, regime->root_level) * sizeof(pte_t);

	return size <= regime_granule(regime) ? 1 : size >> regime->granule_shift;
}

/* Upwards from level 2 (4K) or 3 (16K, 64K); level 3 of 4K pages is the number left over. */
unsigned regime_start_code(const struct regime *regime)
{
	int last = regime->granule_shift == GRANULE_SHIFT_4K ? 2 : LEVEL_PAGE;

	return regime->root_level < 0 ? START_LEVEL_MINUS_1 : (last - regime->root_level) & 3;
}
