// SPDX-License-Identifier: MIT
/*
 * Which cores need what, by MIDR_EL1. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pagoda/lib/errata.h>

#define A510(rp) (0x410fd460 | ((rp) >> 4) << 20 | ((rp)&0xf))
#define KRYO_4XX(rp) (0x510f8040 | ((rp) >> 4) << 20 | ((rp)&0xf))

static void cores_are_known_by_their_part(void **state)
{
	(void)state;
	assert_string_equal(errata_repeat_tlbi(0x412fd050), "2441007"); /* Cortex-A55 r2p0 */
	assert_string_equal(errata_repeat_tlbi(0x414fd0b1), "4193800"); /* Cortex-A76 r4p1 */
	assert_string_equal(errata_repeat_tlbi(0x410fd821), "4118414"); /* Cortex-X4 */
	assert_string_equal(errata_repeat_tlbi(0x6d0fd490), "4193789"); /* Cobalt 100 */
	assert_string_equal(errata_repeat_tlbi(0x4e0f0100), "T410-OLY-1029");
	assert_null(errata_repeat_tlbi(0x410fd034)); /* Cortex-A53 */
	assert_null(errata_repeat_tlbi(0x411fd070)); /* Cortex-A57 */
	assert_null(errata_repeat_tlbi(0x000f0510)); /* QEMU's max */
	assert_null(errata_repeat_tlbi(0x460fd0b1)); /* another maker's */
	assert_null(errata_repeat_tlbi(0x410fd8e0)); /* Neoverse N3 */
}

static void and_by_revision_where_that_counts(void **state)
{
	(void)state;
	assert_string_equal(errata_repeat_tlbi(A510(0x00)), "2441009");
	assert_string_equal(errata_repeat_tlbi(A510(0x11)), "2441009");
	assert_null(errata_repeat_tlbi(A510(0x12)));
	assert_null(errata_repeat_tlbi(KRYO_4XX(0xcd)));
	assert_string_equal(errata_repeat_tlbi(KRYO_4XX(0xce)), "1286807");
	assert_string_equal(errata_repeat_tlbi(KRYO_4XX(0xfe)), "1286807");
	assert_null(errata_repeat_tlbi(KRYO_4XX(0xff)));
}

static void all_of_qualcomms_first_kryos_count(void **state)
{
	(void)state;
	assert_string_equal(errata_repeat_tlbi(0x511f2010), "E1009");
	assert_string_equal(errata_repeat_tlbi(0x511f2110), "E1009");
	assert_string_equal(errata_repeat_tlbi(0x510f8000), "E1009"); /* Falkor v1 r0p0 */
	assert_null(errata_repeat_tlbi(0x510f8001));
	assert_null(errata_repeat_tlbi(0x510fc000)); /* Falkor */
}

static void some_cores_cannot_have_mappings_that_are_not_global(void **state)
{
	(void)state;
	assert_true(errata_not_global(0x430f0a10)); /* ThunderX, pass 1.0 */
	assert_true(errata_not_global(0x431f0a11)); /* 2.1 */
	assert_false(errata_not_global(0x431f0a12));
	assert_true(errata_not_global(0x430f0a20)); /* CN81xx, pass 1.0 */
	assert_false(errata_not_global(0x430f0a21));
	assert_false(errata_not_global(0x430f0a30)); /* CN83xx */
	assert_false(errata_not_global(0x431f0af0)); /* ThunderX2 */
	assert_false(errata_not_global(0x410f0a10)); /* another maker's */
}

static void some_cores_keep_el0_out_though_no_register_says_so(void **state)
{
	static const uint32_t cores[] = {
		0x410fd034, 0x410fd042, 0x412fd050, 0x411fd070, 0x410fd083,
		0x411fd090, 0x420f1000, 0x420f5160, 0x431f0af0, 0x481fd010,
		0x4e0f0040, 0x511f8001, 0x517f8014, 0x517f803c, 0x51df805e,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++)
		assert_true(errata_keeps_el0_out(cores[i]));
	assert_false(errata_keeps_el0_out(0x412fd0a0)); /* Cortex-A75 */
	assert_false(errata_keeps_el0_out(0x461f0010)); /* A64FX */
	assert_false(errata_keeps_el0_out(0x431f0a11)); /* ThunderX */
	assert_false(errata_keeps_el0_out(0x517f802d)); /* Kryo 3xx Gold */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cores_are_known_by_their_part),
		cmocka_unit_test(and_by_revision_where_that_counts),
		cmocka_unit_test(all_of_qualcomms_first_kryos_count),
		cmocka_unit_test(some_cores_cannot_have_mappings_that_are_not_global),
		cmocka_unit_test(some_cores_keep_el0_out_though_no_register_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
