// SPDX-License-Identifier: MIT
/* The model of permissions that self tests compare a CPU with: what the manual's tables say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pagoda/kernel/selftest/rights_model.h>

#define ACCESSES 14

static const enum rights_access reads[] = { RIGHTS_EL1_READ, RIGHTS_EL0_READ,
					    RIGHTS_UNPRIVILEGED_READ };
static const enum rights_access writes[] = { RIGHTS_EL1_WRITE, RIGHTS_EL0_WRITE,
					     RIGHTS_UNPRIVILEGED_WRITE };

/* DDI 0487 Table D8-60 and those after it, by AP[2:1]: EL1 and EL0, r 4, w 2, x 1. */
static void ap_gives_each_privilege_its_rights(void **state)
{
	static const u8 el1[] = { 7, 6, 5, 5 }, el0[] = { 1, 7, 1, 5 };

	(void)state;
	for (u8 ap = 0; ap < 4; ap++) {
		struct rights rights = { .ap = ap };

		for (unsigned i = 0; i < 3; i++) {
			u8 may = i == 0 ? el1[ap] : el0[ap];

			assert_int_equal(rights_allow(&rights, reads[i]), !!(may & 4));
			assert_int_equal(rights_allow(&rights, writes[i]), !!(may & 2));
		}
		assert_int_equal(rights_allow(&rights, RIGHTS_EL1_FETCH), el1[ap] & 1);
		assert_int_equal(rights_allow(&rights, RIGHTS_EL0_FETCH), el0[ap] & 1);
	}
}

static void pxn_is_for_el1_and_uxn_for_el0(void **state)
{
	struct rights pxn = { .ap = 3, .pxn = true }, uxn = { .ap = 3, .uxn = true };

	(void)state;
	assert_false(rights_allow(&pxn, RIGHTS_EL1_FETCH));
	assert_true(rights_allow(&pxn, RIGHTS_EL0_FETCH));
	assert_true(rights_allow(&uxn, RIGHTS_EL1_FETCH));
	assert_false(rights_allow(&uxn, RIGHTS_EL0_FETCH));
}

static void so_they_are_in_tables(void **state)
{
	struct rights pxn = { .ap = 3, .pxn_table = true }, uxn = { .ap = 3, .uxn_table = true };

	(void)state;
	assert_false(rights_allow(&pxn, RIGHTS_EL1_FETCH));
	assert_true(rights_allow(&pxn, RIGHTS_EL0_FETCH));
	assert_true(rights_allow(&uxn, RIGHTS_EL1_FETCH));
	assert_false(rights_allow(&uxn, RIGHTS_EL0_FETCH));
}

static void tables_only_take_rights_away_and_only_where_they_count(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 1u << 11; bits++) {
		struct rights with = { .ap = bits & 3,
				       .ap_table = bits >> 2 & 3,
				       .pxn = bits & 16,
				       .uxn = bits & 32,
				       .pxn_table = bits & 64,
				       .uxn_table = bits & 128,
				       .wxn = bits & 256,
				       .pan = bits & 512,
				       .epan = bits & 1024 };
		struct rights without = with, off = with;

		without.ap_table = 0;
		without.pxn_table = without.uxn_table = false;
		off.hpd = true;
		for (enum rights_access access = 0; access < ACCESSES; access++) {
			bool allowed = rights_allow(&without, access);

			assert_int_equal(rights_allow(&off, access), allowed);
			/* Taken from EL0, a page may become EL1's to execute, or to touch with PAN. */
			if (!rights_allow(&with, access) || allowed)
				continue;
			assert_true(with.ap_table != 0 || with.uxn_table);
			assert_true(with.ap & 1 || with.wxn || with.epan);
		}
	}
}

static void ap_table_says_the_same_as_ap(void **state)
{
	struct rights no_el0 = { .ap = 1, .ap_table = 1 }, no_write = { .ap = 1, .ap_table = 2 };

	(void)state;
	assert_false(rights_allow(&no_el0, RIGHTS_EL0_READ));
	assert_false(rights_allow(&no_el0, RIGHTS_UNPRIVILEGED_WRITE));
	assert_true(rights_allow(&no_el0, RIGHTS_EL1_WRITE));
	assert_true(rights_allow(&no_el0, RIGHTS_EL1_FETCH));
	assert_true(rights_allow(&no_write, RIGHTS_EL0_READ));
	assert_false(rights_allow(&no_write, RIGHTS_EL0_WRITE));
	assert_false(rights_allow(&no_write, RIGHTS_EL1_WRITE));
	assert_true(rights_allow(&no_write, RIGHTS_EL1_FETCH));
}

static void wxn_is_for_whoever_can_write(void **state)
{
	struct rights el1 = { .ap = 0, .wxn = true }, both = { .ap = 1, .wxn = true };
	struct rights table = { .ap = 0, .ap_table = 2, .wxn = true };

	(void)state;
	assert_false(rights_allow(&el1, RIGHTS_EL1_FETCH));
	assert_true(rights_allow(&el1, RIGHTS_EL0_FETCH));
	assert_false(rights_allow(&both, RIGHTS_EL0_FETCH));
	assert_true(rights_allow(&table, RIGHTS_EL1_FETCH));
}

static void pan_is_for_the_accesses_that_mind_it(void **state)
{
	struct rights rights = { .ap = 1, .pan = true };

	(void)state;
	assert_false(rights_allow(&rights, RIGHTS_EL1_READ));
	assert_false(rights_allow(&rights, RIGHTS_EL1_WRITE));
	assert_false(rights_allow(&rights, RIGHTS_AT_S1E1RP));
	assert_false(rights_allow(&rights, RIGHTS_AT_S1E1WP));
	assert_true(rights_allow(&rights, RIGHTS_AT_S1E1R));
	assert_true(rights_allow(&rights, RIGHTS_AT_S1E1W));
	assert_true(rights_allow(&rights, RIGHTS_UNPRIVILEGED_READ));
	assert_true(rights_allow(&rights, RIGHTS_EL0_WRITE));
	rights.ap = 3;
	assert_true(rights_allow(&rights, RIGHTS_EL1_FETCH));
	rights.ap_table = 1;
	assert_true(rights_allow(&rights, RIGHTS_EL1_READ));
}

/* PAN does not make a page any less writable: WXN stays, for a fetch. */
static void epan_minds_what_el0_can_only_execute(void **state)
{
	struct rights rights = { .ap = 0, .pan = true, .epan = true };

	(void)state;
	assert_false(rights_allow(&rights, RIGHTS_EL1_READ));
	assert_false(rights_allow(&rights, RIGHTS_AT_S1E1WP));
	assert_true(rights_allow(&rights, RIGHTS_EL1_FETCH));
	rights.wxn = true;
	assert_false(rights_allow(&rights, RIGHTS_EL1_FETCH));
	rights.uxn = true;
	assert_true(rights_allow(&rights, RIGHTS_EL1_READ));
	rights.uxn = false;
	rights.epan = false;
	assert_true(rights_allow(&rights, RIGHTS_EL1_READ));
	rights.epan = rights.uxn_table = true;
	assert_true(rights_allow(&rights, RIGHTS_EL1_READ));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ap_gives_each_privilege_its_rights),
		cmocka_unit_test(pxn_is_for_el1_and_uxn_for_el0),
		cmocka_unit_test(so_they_are_in_tables),
		cmocka_unit_test(tables_only_take_rights_away_and_only_where_they_count),
		cmocka_unit_test(ap_table_says_the_same_as_ap),
		cmocka_unit_test(wxn_is_for_whoever_can_write),
		cmocka_unit_test(pan_is_for_the_accesses_that_mind_it),
		cmocka_unit_test(epan_minds_what_el0_can_only_execute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
