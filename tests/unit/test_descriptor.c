// SPDX-License-Identifier: MIT
/*
 * Descriptors bit by bit, against positions written down from DDI 0487 D8.3. Host only. The bit
 * numbers below are the manual's and are not taken from mm/pt/descriptor.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/mm/pt/descriptor.h>

#define READ_ONLY_BIT BIT(7)
#define ACCESS_FLAG_BIT BIT(10)
#define NOT_GLOBAL_BIT BIT(11)
#define GUARDED_BIT BIT(50)
#define CONTIGUOUS_BIT BIT(52)
#define PXN_BIT BIT(53)
#define UXN_BIT BIT(54)
#define PXN_TABLE_BIT BIT(59)
#define UXN_TABLE_BIT BIT(60)
#define NO_USER_TABLE_BIT BIT(61)
#define READ_ONLY_TABLE_BIT BIT(62)

static const struct map_policy policies[] = {
	{ .guarded = false, .text_writable = false },
	{ .guarded = true, .text_writable = false },
	{ .guarded = false, .text_writable = true },
	{ .guarded = true, .text_writable = true },
};

static const enum mem_prot prots[] = { PROT_READ_ONLY, PROT_READ_EXECUTE, PROT_READ_WRITE };

/* Page sizes with both formats each; the formats are listed, not computed. */
static const struct format_row {
	unsigned granule_shift, va_bits, pa_bits;
	bool wide;
	enum descriptor_format format;
	int root_level, leaf_level; /* the lowest-numbered level of any leaf */
} rows[] = {
	{ 12, 48, 48, false, DESC_48, 0, 1 }, { 12, 52, 52, true, DESC_LPA2, -1, 0 },
	{ 14, 48, 48, false, DESC_48, 0, 2 }, { 14, 52, 52, true, DESC_LPA2, 0, 1 },
	{ 16, 48, 48, false, DESC_48, 1, 2 }, { 16, 52, 52, true, DESC_64K_LPA, 1, 1 },
};

static struct regime row_regime(const struct format_row *row)
{
	return regime_make(row->granule_shift, row->va_bits, row->pa_bits, row->wide);
}

static unsigned row_shift(const struct format_row *row, int level)
{
	return row->granule_shift + (3 - level) * (row->granule_shift - 3);
}

/* The bit of a descriptor that holds bit @number of an address. */
static unsigned address_position(enum descriptor_format format, unsigned number)
{
	if (format == DESC_LPA2 && number >= 50)
		return number - 50 + 8;
	if (format == DESC_64K_LPA && number >= 48)
		return number - 48 + 12;
	return number;
}

static pte_t plain_leaf(const struct regime *regime, u64 pa, int level)
{
	return pte_leaf(regime, &policies[0], (struct map_attr){ PROT_READ_WRITE, MEM_NORMAL },
			paddr(pa), level);
}

static void every_address_bit_of_a_leaf_stands_where_the_manual_puts_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct regime regime = row_regime(&rows[i]);

		for (int level = rows[i].leaf_level; level <= 3; level++) {
			u64 zero = plain_leaf(&regime, 0, level).bits;

			for (unsigned b = row_shift(&rows[i], level); b < rows[i].pa_bits; b++) {
				pte_t pte = plain_leaf(&regime, BIT(b), level);

				assert_int_equal(pte.bits ^ zero,
						 BIT(address_position(rows[i].format, b)));
				assert_int_equal(pte_address(&regime, pte, level).value, BIT(b));
			}
		}
	}
}

static void every_address_bit_of_a_table_stands_where_the_manual_puts_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct regime regime = row_regime(&rows[i]);

		for (unsigned b = rows[i].granule_shift; b < rows[i].pa_bits; b++) {
			pte_t pte = pte_table(&regime, paddr(BIT(b)));
			u64 expected = 3 | UXN_TABLE_BIT | BIT(address_position(rows[i].format, b));

			assert_int_equal(pte.bits, expected);
			for (int level = rows[i].root_level; level < 3; level++)
				assert_int_equal(pte_address(&regime, pte, level).value, BIT(b));
		}
	}
}

static void the_highest_address_of_every_level_survives_a_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct regime regime = row_regime(&rows[i]);
		u64 end = BIT(rows[i].pa_bits);

		for (int level = rows[i].leaf_level; level <= 3; level++) {
			u64 pa = end - BIT(row_shift(&rows[i], level));
			pte_t pte = plain_leaf(&regime, pa, level);

			assert_int_equal(pte_address(&regime, pte, level).value, pa);
			assert_int_equal(pte_decode(&regime, pte, level, 0).pa.value, pa);
		}
	}
}

static void bits_9_and_8_are_zero_for_low_addresses_with_lpa2_and_3_otherwise(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct regime regime = row_regime(&rows[i]);

		for (int level = rows[i].leaf_level; level <= 3; level++) {
			pte_t pte = plain_leaf(&regime, 0, level);

			assert_int_equal(pte.bits >> 8 & 3, rows[i].format == DESC_LPA2 ? 0 : 3);
			assert_int_equal(pte_decode(&regime, pte, level, 0).share, SHARE_INNER);
		}
	}
}

static void lpa2_address_bits_are_never_taken_for_shareability(void **state)
{
	struct regime regime = regime_make(GRANULE_SHIFT_4K, 52, 52, true);

	(void)state;
	for (u64 high = 0; high < 16; high++) {
		pte_t pte = plain_leaf(&regime, high << 48, 3);

		assert_int_equal(pte.bits >> 48 & 3, high & 3);
		assert_int_equal(pte.bits >> 8 & 3, high >> 2);
		assert_int_equal(pte_decode(&regime, pte, 3, 0).share, SHARE_INNER);
		assert_int_equal(pte_attributes(&regime, pte, 3),
				 pte_attributes(&regime, plain_leaf(&regime, 0, 3), 3));
	}
}

static void shareability_is_read_from_the_descriptor_without_lpa2(void **state)
{
	struct regime regime = regime_make(GRANULE_SHIFT_64K, 52, 52, true);

	(void)state;
	for (u64 share = 0; share < 4; share++) {
		pte_t pte = { (plain_leaf(&regime, 0, 3).bits & ~(u64)0x300) | share << 8 };

		assert_int_equal(pte_decode(&regime, pte, 3, 0).share, share);
		assert_int_equal(pte_address(&regime, pte, 3).value, 0);
	}
}

/* Bits above the output address and below the page offset belong to no address of these formats. */
static void attribute_bits_never_leak_into_the_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct regime regime = row_regime(&rows[i]);
		u64 noise = 0xfff8000000000cfc; /* 63:51, nG, AF, AP, NS, AttrIndx */

		noise |= rows[i].format == DESC_LPA2 ? BIT(50) : BIT(50) | 0x300;
		for (int level = rows[i].leaf_level; level <= 3; level++) {
			pte_t pte = plain_leaf(&regime, 0, level);

			pte.bits |= noise;
			if (level < 3)
				pte.bits |= BIT(16); /* nT */
			if (row_shift(&rows[i], level) > 16)
				assert_int_equal(pte_address(&regime, pte, level).value, 0);
			pte.bits &= ~BIT(16);
			assert_int_equal(pte_address(&regime, pte, level).value, 0);
		}
	}
}

static void attributes_are_the_descriptor_without_its_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct regime regime = row_regime(&rows[i]);

		for (int level = rows[i].leaf_level; level <= 3; level++) {
			pte_t low = plain_leaf(&regime, 0, level);
			pte_t high = plain_leaf(
				&regime, BIT(rows[i].pa_bits) - BIT(row_shift(&rows[i], level)),
				level);

			assert_int_equal(pte_attributes(&regime, high, level), low.bits);
			assert_int_equal(pte_attributes(&regime, pte_contiguous(high), level),
					 low.bits | CONTIGUOUS_BIT);
		}
	}
}

static void every_leaf_is_accessed_global_and_closed_to_user_mode(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows) * ARRAY_SIZE(prots); i++) {
		const struct format_row *row = &rows[i / ARRAY_SIZE(prots)];
		struct regime regime = row_regime(row);
		struct map_attr attr = { prots[i % ARRAY_SIZE(prots)], MEM_NORMAL };

		for (int level = row->leaf_level; level <= 3; level++) {
			pte_t pte = pte_leaf(&regime, &policies[0], attr, paddr(0), level);
			struct pte_info info = pte_decode(&regime, pte, level, 0);

			assert_int_equal(pte.bits & 3, level == 3 ? 3 : 1);
			assert_int_equal(pte.bits & (ACCESS_FLAG_BIT | UXN_BIT),
					 ACCESS_FLAG_BIT | UXN_BIT);
			/* NS, AP[1], nG, contiguous and everything above UXN. */
			assert_int_equal(pte.bits & 0xff90000000000860, 0);
			assert_true(info.read && info.accessed && info.global && info.uxn);
			assert_false(info.user || info.contiguous);
		}
	}
}

static void permissions_are_what_was_asked_for(void **state)
{
	struct regime regime = regime_make(GRANULE_SHIFT_4K, 48, 48, false);
	static const struct {
		enum mem_prot prot;
		u64 bits; /* AP[2], PXN */
	} expected[] = {
		{ PROT_READ_ONLY, READ_ONLY_BIT | PXN_BIT },
		{ PROT_READ_EXECUTE, READ_ONLY_BIT },
		{ PROT_READ_WRITE, PXN_BIT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct map_attr attr = { expected[i].prot, MEM_NORMAL };
		pte_t pte = pte_leaf(&regime, &policies[0], attr, paddr(0), 3);
		struct pte_info info = pte_decode(&regime, pte, 3, 0);

		assert_int_equal(pte.bits & (READ_ONLY_BIT | PXN_BIT), expected[i].bits);
		assert_int_equal(info.write, !(expected[i].bits & READ_ONLY_BIT));
		assert_int_equal(info.execute, !(expected[i].bits & PXN_BIT));
	}
}

static void nothing_is_writable_and_executable_unless_text_writable_is_set(void **state)
{
	struct regime regime = regime_make(GRANULE_SHIFT_16K, 52, 52, true);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(prots); j++) {
			struct map_attr attr = { prots[j], MEM_NORMAL };
			pte_t pte = pte_leaf(&regime, &policies[i], attr, paddr(0), 3);
			struct pte_info info = pte_decode(&regime, pte, 3, 0);
			bool text = prots[j] == PROT_READ_EXECUTE;

			assert_int_equal(info.execute, text);
			assert_int_equal(info.write,
					 prots[j] == PROT_READ_WRITE || policies[i].text_writable);
			assert_int_equal(info.write && info.execute,
					 text && policies[i].text_writable);
		}
	}
}

static void only_executable_pages_are_guarded_and_only_when_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows) * ARRAY_SIZE(policies); i++) {
		const struct format_row *row = &rows[i / ARRAY_SIZE(policies)];
		const struct map_policy *policy = &policies[i % ARRAY_SIZE(policies)];
		struct regime regime = row_regime(row);

		for (size_t j = 0; j < ARRAY_SIZE(prots); j++) {
			struct map_attr attr = { prots[j], MEM_NORMAL };
			pte_t pte = pte_leaf(&regime, policy, attr, paddr(0), row->leaf_level);
			bool expected = policy->guarded && prots[j] == PROT_READ_EXECUTE;

			assert_int_equal(pte.bits & GUARDED_BIT, expected ? GUARDED_BIT : 0);
			assert_int_equal(pte_decode(&regime, pte, row->leaf_level, 0).guarded,
					 expected);
		}
	}
}

static void the_memory_type_is_the_index_into_mair(void **state)
{
	static const u64 expected[MEM_TYPE_COUNT] = { 0xff, 0xff, 0x44, 0x04, 0x00 };
	struct regime regime = regime_make(GRANULE_SHIFT_4K, 52, 52, true);

	(void)state;
	for (int type = 0; type < MEM_TYPE_COUNT; type++) {
		struct map_attr attr = { PROT_READ_WRITE, (enum mem_type)type };
		pte_t pte = pte_leaf(&regime, &policies[0], attr, paddr(0), 3);
		unsigned index = pte.bits >> 2 & 7;

		assert_int_equal(mem_type_mair() >> (8 * index) & 0xff, expected[type]);
		assert_int_equal(pte_decode(&regime, pte, 3, 0).type, type);
		for (int other = 0; other < type; other++)
			assert_string_not_equal(mem_type_str((enum mem_type)type),
						mem_type_str((enum mem_type)other));
	}
}

static void the_contiguous_mark_is_bit_52_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct regime regime = row_regime(&rows[i]);
		pte_t pte = plain_leaf(&regime, 0, 3);
		pte_t marked = pte_contiguous(pte);

		assert_int_equal(pte.bits ^ marked.bits, CONTIGUOUS_BIT);
		assert_true(pte_decode(&regime, marked, 3, 0).contiguous);
		assert_false(pte_decode(&regime, pte, 3, 0).contiguous);
	}
}

/* By the low two bits, at levels -1 to 3. I invalid, T table, B block, P page, R reserved. */
static void descriptor_kinds_follow_the_level_and_the_format(void **state)
{
	static const struct {
		unsigned granule_shift;
		bool wide;
		char ones[6], threes[6];
	} expected[] = {
		{ 12, false, "RRBBR", "TTTTP" }, { 12, true, "RBBBR", "TTTTP" },
		{ 14, false, "RRRBR", "TTTTP" }, { 14, true, "RRBBR", "TTTTP" },
		{ 16, false, "RRRBR", "TTTTP" }, { 16, true, "RRBBR", "TTTTP" },
	};
	static const char letters[] = { [PTE_INVALID] = 'I',
					[PTE_TABLE] = 'T',
					[PTE_BLOCK] = 'B',
					[PTE_PAGE] = 'P',
					[PTE_RESERVED] = 'R' };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct regime regime =
			regime_make(expected[i].granule_shift, 48, 48, expected[i].wide);

		for (int level = -1; level <= 3; level++) {
			assert_int_equal(pte_kind(&regime, (pte_t){ 0 }, level), PTE_INVALID);
			assert_int_equal(pte_kind(&regime, (pte_t){ ~(u64)1 }, level), PTE_INVALID);
			assert_int_equal(letters[pte_kind(&regime, (pte_t){ 0x401 }, level)],
					 expected[i].ones[level + 1]);
			assert_int_equal(letters[pte_kind(&regime, (pte_t){ 0x403 }, level)],
					 expected[i].threes[level + 1]);
		}
	}
}

static void what_the_tables_above_forbid_is_forbidden(void **state)
{
	struct regime regime = regime_make(GRANULE_SHIFT_4K, 52, 52, true);
	pte_t open = { 0x3 | ACCESS_FLAG_BIT | BIT(6) }; /* all may do everything */
	struct pte_info info = pte_decode(&regime, open, 3, NO_USER_TABLE_BIT);

	(void)state;
	assert_true(info.write && info.execute && !info.user && !info.uxn);
	info = pte_decode(&regime, open, 3, NO_USER_TABLE_BIT | READ_ONLY_TABLE_BIT);
	assert_true(!info.write && info.execute && !info.user && !info.uxn);
	info = pte_decode(&regime, open, 3, NO_USER_TABLE_BIT | PXN_TABLE_BIT);
	assert_true(info.write && !info.execute && !info.user && !info.uxn);
	info = pte_decode(&regime, open, 3, UXN_TABLE_BIT);
	assert_true(info.write && info.user && info.uxn);
}

/* DDI 0487 D8.4: EL1 never executes what EL0 can write, whatever PXN says. */
static void memory_that_user_mode_can_write_is_not_executable_at_el1(void **state)
{
	struct regime regime = regime_make(GRANULE_SHIFT_4K, 48, 48, false);
	pte_t user_writable = { 0x3 | ACCESS_FLAG_BIT | BIT(6) };
	pte_t user_readable = { user_writable.bits | READ_ONLY_BIT };

	(void)state;
	assert_false(pte_decode(&regime, user_writable, 3, 0).execute);
	assert_true(pte_decode(&regime, user_readable, 3, 0).execute);
	assert_true(pte_decode(&regime, user_writable, 3, READ_ONLY_TABLE_BIT).execute);
	assert_true(pte_decode(&regime, user_writable, 3, NO_USER_TABLE_BIT).execute);
}

static void flags_are_decoded_one_by_one(void **state)
{
	struct regime regime = regime_make(GRANULE_SHIFT_4K, 48, 48, false);
	pte_t pte = { 0x3 | UXN_BIT };
	pte_t other = { 0x3 | ACCESS_FLAG_BIT | NOT_GLOBAL_BIT | GUARDED_BIT };
	struct pte_info info = pte_decode(&regime, pte, 3, 0);
	struct pte_info info_other = pte_decode(&regime, other, 3, 0);

	(void)state;
	assert_true(info.uxn && !info.accessed && info.global && !info.guarded);
	assert_true(!info_other.uxn && info_other.accessed && !info_other.global &&
		    info_other.guarded);
}

static void ttbr_keeps_the_high_address_bits_in_bits_5_to_2(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct regime regime = row_regime(&rows[i]);

		for (unsigned b = rows[i].granule_shift; b < rows[i].pa_bits; b++)
			assert_int_equal(ttbr_encode(&regime, paddr(BIT(b))),
					 BIT(b >= 48 ? b - 48 + 2 : b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_address_bit_of_a_leaf_stands_where_the_manual_puts_it),
		cmocka_unit_test(every_address_bit_of_a_table_stands_where_the_manual_puts_it),
		cmocka_unit_test(the_highest_address_of_every_level_survives_a_round_trip),
		cmocka_unit_test(bits_9_and_8_are_zero_for_low_addresses_with_lpa2_and_3_otherwise),
		cmocka_unit_test(lpa2_address_bits_are_never_taken_for_shareability),
		cmocka_unit_test(shareability_is_read_from_the_descriptor_without_lpa2),
		cmocka_unit_test(attribute_bits_never_leak_into_the_address),
		cmocka_unit_test(attributes_are_the_descriptor_without_its_address),
		cmocka_unit_test(every_leaf_is_accessed_global_and_closed_to_user_mode),
		cmocka_unit_test(permissions_are_what_was_asked_for),
		cmocka_unit_test(nothing_is_writable_and_executable_unless_text_writable_is_set),
		cmocka_unit_test(only_executable_pages_are_guarded_and_only_when_asked),
		cmocka_unit_test(the_memory_type_is_the_index_into_mair),
		cmocka_unit_test(the_contiguous_mark_is_bit_52_and_nothing_else),
		cmocka_unit_test(descriptor_kinds_follow_the_level_and_the_format),
		cmocka_unit_test(what_the_tables_above_forbid_is_forbidden),
		cmocka_unit_test(memory_that_user_mode_can_write_is_not_executable_at_el1),
		cmocka_unit_test(flags_are_decoded_one_by_one),
		cmocka_unit_test(ttbr_keeps_the_high_address_bits_in_bits_5_to_2),
	};

	return cmocka_run_group_tests_name("descriptor", tests, NULL, NULL);
}
