// SPDX-License-Identifier: MIT
/*
 * The geometry of translation regimes against tables written down by hand from DDI 0487 D8.2. Host
 * only. Expected values are literals: nothing here is computed by the formulas under test.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pagoda/mm/pt/regime.h>

/* Arrays are by level, -1 to 3; 0 at levels that the walk does not have. */
struct expectation {
	unsigned granule_shift, va_bits;
	bool wide;
	int root_level, block_level;
	enum descriptor_format format;
	unsigned shift[5], entries[5], contiguous[5];
};

/* The regimes that Pagoda runs in, and the identity map's 48 bits in a wide format. */
static const struct expectation expectations[] = {
	{ 12,
	  52,
	  true,
	  -1,
	  0,
	  DESC_LPA2,
	  { 48, 39, 30, 21, 12 },
	  { 16, 512, 512, 512, 512 },
	  { 0, 0, 0, 16, 16 } },
	{ 12,
	  48,
	  true,
	  0,
	  0,
	  DESC_LPA2,
	  { 0, 39, 30, 21, 12 },
	  { 0, 512, 512, 512, 512 },
	  { 0, 0, 0, 16, 16 } },
	{ 12,
	  48,
	  false,
	  0,
	  1,
	  DESC_48,
	  { 0, 39, 30, 21, 12 },
	  { 0, 512, 512, 512, 512 },
	  { 0, 0, 0, 16, 16 } },
	{ 12,
	  39,
	  true,
	  1,
	  0,
	  DESC_LPA2,
	  { 0, 0, 30, 21, 12 },
	  { 0, 0, 512, 512, 512 },
	  { 0, 0, 0, 16, 16 } },
	{ 12,
	  39,
	  false,
	  1,
	  1,
	  DESC_48,
	  { 0, 0, 30, 21, 12 },
	  { 0, 0, 512, 512, 512 },
	  { 0, 0, 0, 16, 16 } },
	{ 14,
	  52,
	  true,
	  0,
	  1,
	  DESC_LPA2,
	  { 0, 47, 36, 25, 14 },
	  { 0, 32, 2048, 2048, 2048 },
	  { 0, 0, 0, 32, 128 } },
	{ 14,
	  48,
	  true,
	  0,
	  1,
	  DESC_LPA2,
	  { 0, 47, 36, 25, 14 },
	  { 0, 2, 2048, 2048, 2048 },
	  { 0, 0, 0, 32, 128 } },
	{ 14,
	  48,
	  false,
	  0,
	  2,
	  DESC_48,
	  { 0, 47, 36, 25, 14 },
	  { 0, 2, 2048, 2048, 2048 },
	  { 0, 0, 0, 32, 128 } },
	{ 14,
	  47,
	  false,
	  1,
	  2,
	  DESC_48,
	  { 0, 0, 36, 25, 14 },
	  { 0, 0, 2048, 2048, 2048 },
	  { 0, 0, 0, 32, 128 } },
	{ 14,
	  36,
	  false,
	  2,
	  2,
	  DESC_48,
	  { 0, 0, 0, 25, 14 },
	  { 0, 0, 0, 2048, 2048 },
	  { 0, 0, 0, 32, 128 } },
	{ 16,
	  52,
	  true,
	  1,
	  1,
	  DESC_64K_LPA,
	  { 0, 0, 42, 29, 16 },
	  { 0, 0, 1024, 8192, 8192 },
	  { 0, 0, 0, 32, 32 } },
	{ 16,
	  52,
	  false,
	  1,
	  2,
	  DESC_48,
	  { 0, 0, 42, 29, 16 },
	  { 0, 0, 1024, 8192, 8192 },
	  { 0, 0, 0, 32, 32 } },
	{ 16,
	  48,
	  true,
	  1,
	  1,
	  DESC_64K_LPA,
	  { 0, 0, 42, 29, 16 },
	  { 0, 0, 64, 8192, 8192 },
	  { 0, 0, 0, 32, 32 } },
	{ 16,
	  48,
	  false,
	  1,
	  2,
	  DESC_48,
	  { 0, 0, 42, 29, 16 },
	  { 0, 0, 64, 8192, 8192 },
	  { 0, 0, 0, 32, 32 } },
	{ 16,
	  42,
	  false,
	  2,
	  2,
	  DESC_48,
	  { 0, 0, 0, 29, 16 },
	  { 0, 0, 0, 8192, 8192 },
	  { 0, 0, 0, 32, 32 } },
};

static struct regime expected_regime(const struct expectation *e)
{
	return regime_make(e->granule_shift, e->va_bits, e->wide ? 52 : 48, e->wide);
}

static void every_page_size_and_va_size_has_the_manuals_levels_and_formats(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expectations); i++) {
		const struct expectation *e = &expectations[i];
		struct regime regime = expected_regime(e);

		assert_int_equal(regime.granule_shift, e->granule_shift);
		assert_int_equal(regime.va_bits, e->va_bits);
		assert_int_equal(regime.pa_bits, e->wide ? 52 : 48);
		assert_int_equal(regime.root_level, e->root_level);
		assert_int_equal(regime_levels(&regime), 4 - e->root_level);
		assert_int_equal(regime.block_level, e->block_level);
		assert_int_equal(regime.format, e->format);
	}
}

static void every_level_has_the_manuals_shift_span_and_entries(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expectations); i++) {
		const struct expectation *e = &expectations[i];
		struct regime regime = expected_regime(e);

		for (int level = e->root_level; level <= 3; level++) {
			assert_int_equal(regime_shift(&regime, level), e->shift[level + 1]);
			assert_int_equal(regime_span(&regime, level),
					 (u64)1 << e->shift[level + 1]);
			assert_int_equal(regime_entries(&regime, level), e->entries[level + 1]);
		}
	}
}

static void contiguous_runs_have_the_manuals_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expectations); i++) {
		const struct expectation *e = &expectations[i];
		struct regime regime = expected_regime(e);

		for (int level = e->root_level; level <= 3; level++)
			assert_int_equal(regime_contiguous(&regime, level),
					 e->contiguous[level + 1]);
	}
}

/* A run of more descriptors than the root table has would reach beyond the input address range. */
static void no_contiguous_run_is_larger_than_its_table(void **state)
{
	static const struct {
		unsigned granule_shift, va_bits, root_level, contiguous;
	} roots[] = {
		{ 12, 25, 2, 16 }, { 12, 30, 2, 16 }, { 14, 25, 3, 128 }, { 14, 26, 2, 0 },
		{ 14, 29, 2, 0 },  { 14, 30, 2, 32 }, { 16, 25, 3, 32 },  { 16, 30, 2, 0 },
		{ 16, 33, 2, 0 },  { 16, 34, 2, 32 }, { 16, 43, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		struct regime regime =
			regime_make(roots[i].granule_shift, roots[i].va_bits, 48, false);

		assert_int_equal(regime.root_level, roots[i].root_level);
		assert_int_equal(regime_contiguous(&regime, regime.root_level),
				 roots[i].contiguous);
	}
}

static void blocks_stand_only_at_the_levels_the_manual_allows(void **state)
{
	static const struct {
		unsigned granule_shift;
		bool wide;
		bool legal[5]; /* levels -1 to 3 */
	} rows[] = {
		{ 12, false, { false, false, true, true, true } },
		{ 12, true, { false, true, true, true, true } },
		{ 14, false, { false, false, false, true, true } },
		{ 14, true, { false, false, true, true, true } },
		{ 16, false, { false, false, false, true, true } },
		{ 16, true, { false, false, true, true, true } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct regime regime = regime_make(rows[i].granule_shift, 48, 48, rows[i].wide);

		for (int level = -1; level <= 3; level++)
			assert_int_equal(regime_leaf_level(&regime, level),
					 rows[i].legal[level + 1]);
	}
}

/* The last va_bits that each root level resolves; one more needs the level above. */
struct root_step {
	unsigned granule_shift, va_bits_first, va_bits_last;
	int root_level;
	unsigned root_shift;
};

static const struct root_step root_steps[] = {
	{ 12, 25, 30, 2, 21 }, { 12, 31, 39, 1, 30 }, { 12, 40, 48, 0, 39 }, { 12, 49, 52, -1, 48 },
	{ 14, 25, 25, 3, 14 }, { 14, 26, 36, 2, 25 }, { 14, 37, 47, 1, 36 }, { 14, 48, 52, 0, 47 },
	{ 16, 25, 29, 3, 16 }, { 16, 30, 42, 2, 29 }, { 16, 43, 52, 1, 42 },
};

static void every_va_size_from_25_to_52_starts_at_the_manuals_level(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(root_steps); i++) {
		const struct root_step *step = &root_steps[i];

		for (unsigned bits = step->va_bits_first; bits <= step->va_bits_last; bits++) {
			struct regime regime = regime_make(step->granule_shift, bits, 52, true);

			assert_int_equal(regime.root_level, step->root_level);
			assert_int_equal(regime_entries(&regime, step->root_level),
					 1u << (bits - step->root_shift));
			seen++;
		}
	}
	assert_int_equal(seen, 3 * 28);
}

static void both_halves_index_a_table_alike(void **state)
{
	struct regime lpa2 = regime_make(GRANULE_SHIFT_4K, 52, 52, true);
	struct regime small = regime_make(GRANULE_SHIFT_16K, 36, 48, false);

	(void)state;
	/* Index bits 51:48, 47:39, 38:30, 29:21, 20:12 set to 15, 1, 2, 3, 4. */
	assert_int_equal(regime_index(&lpa2, -1, vaddr(0xffff008080604000)), 15);
	assert_int_equal(regime_index(&lpa2, 0, vaddr(0xffff008080604000)), 1);
	assert_int_equal(regime_index(&lpa2, 1, vaddr(0xffff008080604000)), 2);
	assert_int_equal(regime_index(&lpa2, 2, vaddr(0xffff008080604000)), 3);
	assert_int_equal(regime_index(&lpa2, 3, vaddr(0xffff008080604000)), 4);
	assert_int_equal(regime_index(&lpa2, -1, vaddr(0xfff0000000000000)), 0);
	assert_int_equal(regime_index(&lpa2, -1, vaddr(0x000f008080604000)), 15);
	/* 36 bits: -2^36 is index 0, the last page is index 2047 at both levels. */
	assert_int_equal(regime_index(&small, 2, vaddr(0xfffffff000000000)), 0);
	assert_int_equal(regime_index(&small, 2, vaddr(0xffffffffffffc000)), 2047);
	assert_int_equal(regime_index(&small, 3, vaddr(0xffffffffffffc000)), 2047);
	assert_int_equal(regime_index(&small, 2, vaddr(0x0000000fffffc000)), 2047);
}

static void limits_follow_the_address_sizes(void **state)
{
	struct regime wide = regime_make(GRANULE_SHIFT_4K, 52, 52, true);
	struct regime narrow = regime_make(GRANULE_SHIFT_4K, 39, 44, false);

	(void)state;
	assert_int_equal(regime_granule(&wide), 4096);
	assert_int_equal(regime_pa_end(&wide), 0x10000000000000);
	assert_int_equal(regime_upper_start(&wide), 0xfff0000000000000);
	assert_int_equal(regime_pa_end(&narrow), 0x100000000000);
	assert_int_equal(regime_upper_start(&narrow), 0xffffff8000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_page_size_and_va_size_has_the_manuals_levels_and_formats),
		cmocka_unit_test(every_level_has_the_manuals_shift_span_and_entries),
		cmocka_unit_test(contiguous_runs_have_the_manuals_sizes),
		cmocka_unit_test(no_contiguous_run_is_larger_than_its_table),
		cmocka_unit_test(blocks_stand_only_at_the_levels_the_manual_allows),
		cmocka_unit_test(every_va_size_from_25_to_52_starts_at_the_manuals_level),
		cmocka_unit_test(both_halves_index_a_table_alike),
		cmocka_unit_test(limits_follow_the_address_sizes),
	};

	return cmocka_run_group_tests_name("regime", tests, NULL, NULL);
}
