// SPDX-License-Identifier: MIT
/*
 * What the ID registers mean, against the numbers of the manual (DDI 0487 D19.2): fields are placed
 * by bit number here, not by the names that lib/features.c goes by.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pagoda/lib/features.h>

static u64 id[SYSREG_FACT_COUNT];

static int id_clear(void **state)
{
	(void)state;
	memset(id, 0, sizeof(id));
	return 0;
}

static void put(enum sysreg reg, unsigned bit, u64 content)
{
	id[reg] = (id[reg] & ~((u64)0xf << bit)) | content << bit;
}

/* TGran4 (31:28) and TGran64 (27:24) are signed: 0 is "there"; 0xf, and all above 7, is not. */
static void granules_of_4k_and_64k_are_there_up_to_7(void **state)
{
	(void)state;
	for (u64 content = 0; content <= 0xf; content++) {
		put(SYSREG_ID_AA64MMFR0_EL1, 28, content);
		put(SYSREG_ID_AA64MMFR0_EL1, 24, 0xf - content);
		assert_int_equal(cpu_granule(id, 12).present, content <= 7);
		assert_int_equal(cpu_granule(id, 16).present, content > 7);
	}
}

/* TGran16 (23:20) says 0 for "not there", 1 for 16K, 2 for 52 bits; the rest is reserved. */
static void a_granule_of_16k_is_there_from_1_to_7(void **state)
{
	(void)state;
	for (u64 content = 0; content <= 0xf; content++) {
		put(SYSREG_ID_AA64MMFR0_EL1, 20, content);
		assert_int_equal(cpu_granule(id, 14).present, content >= 1 && content <= 7);
	}
}

static void there_are_no_other_granules(void **state)
{
	(void)state;
	id[SYSREG_ID_AA64MMFR0_EL1] = 0x00100000;
	for (unsigned shift = 0; shift < 64; shift++)
		assert_int_equal(cpu_granule(id, shift).present,
				 shift == 12 || shift == 14 || shift == 16);
}

static void small_pages_are_wide_by_lpa2_alone(void **state)
{
	(void)state;
	put(SYSREG_ID_AA64MMFR0_EL1, 0, 6);
	put(SYSREG_ID_AA64MMFR2_EL1, 16, 1);
	for (u64 content = 0; content <= 0xf; content++) {
		bool wide_4k = content >= 1 && content <= 7,
		     wide_16k = content >= 2 && content <= 7;

		put(SYSREG_ID_AA64MMFR0_EL1, 28, content);
		put(SYSREG_ID_AA64MMFR0_EL1, 20, content);
		assert_int_equal(cpu_granule(id, 12).va_bits, wide_4k ? 52 : 48);
		assert_int_equal(cpu_granule(id, 12).wide_pa, wide_4k);
		assert_int_equal(cpu_granule(id, 14).va_bits, wide_16k ? 52 : 48);
		assert_int_equal(cpu_granule(id, 14).wide_pa, wide_16k);
	}
}

/* VARange is MMFR2 19:16; PARange, MMFR0 3:0, is another matter. */
static void pages_of_64k_are_wide_by_lva_and_lpa(void **state)
{
	(void)state;
	id[SYSREG_ID_AA64MMFR0_EL1] = 0x10200000; /* LPA2 for the others */
	for (u64 content = 0; content <= 0xf; content++) {
		put(SYSREG_ID_AA64MMFR2_EL1, 16, content);
		put(SYSREG_ID_AA64MMFR0_EL1, 0, 0xf - content);
		assert_int_equal(cpu_has_lva(id), content != 0);
		assert_int_equal(cpu_granule(id, 16).va_bits, content != 0 ? 52 : 48);
		assert_int_equal(cpu_granule(id, 16).wide_pa, 0xf - content >= 6);
	}
	put(SYSREG_ID_AA64MMFR0_EL1, 24, 0xf);
	assert_false(cpu_granule(id, 16).present);
	assert_int_equal(cpu_granule(id, 16).va_bits, 48);
}

static void pa_range_is_a_number_of_bits(void **state)
{
	static const u8 bits[16] = {
		32, 36, 40, 42, 44, 48, 52, 52, 52, 52, 52, 52, 52, 52, 52, 52
	};

	(void)state;
	for (u64 content = 0; content <= 0xf; content++)
		assert_int_equal(cpu_pa_bits(0xffffffff00000000 | content), bits[content]);
}

static void each_feature_is_one_field(void **state)
{
	static const struct {
		enum cpu_feature feature;
		enum sysreg reg;
		u8 bit;
	} fields[] = {
		{ CPU_BTI, SYSREG_ID_AA64PFR1_EL1, 0 },
		{ CPU_PAC, SYSREG_ID_AA64ISAR1_EL1, 4 },
		{ CPU_PAC, SYSREG_ID_AA64ISAR1_EL1, 8 },
		{ CPU_PAC, SYSREG_ID_AA64ISAR2_EL1, 12 },
		{ CPU_PAN, SYSREG_ID_AA64MMFR1_EL1, 20 },
		{ CPU_MTE, SYSREG_ID_AA64PFR1_EL1, 8 },
		{ CPU_RNDR, SYSREG_ID_AA64ISAR0_EL1, 60 },
		{ CPU_E0PD, SYSREG_ID_AA64MMFR2_EL1, 60 },
		{ CPU_TTL, SYSREG_ID_AA64MMFR2_EL1, 48 },
		{ CPU_BBM, SYSREG_ID_AA64MMFR2_EL1, 52 },
		{ CPU_SVE, SYSREG_ID_AA64PFR0_EL1, 32 },
		{ CPU_SME, SYSREG_ID_AA64PFR1_EL1, 24 },
		{ CPU_S1PIE, SYSREG_ID_AA64MMFR3_EL1, 8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		for (u64 content = 0; content <= 0xf; content++) {
			put(fields[i].reg, fields[i].bit, content);
			for (unsigned other = 0; other < CPU_FEATURE_COUNT; other++)
				assert_int_equal(cpu_feature_level(id, other),
						 other == fields[i].feature ? content : 0);
		}
		put(fields[i].reg, fields[i].bit, 0);
	}
	assert_int_equal(cpu_feature_level(id, CPU_FEATURE_COUNT), 0);
}

/* ID_AA64ISAR0_EL1.TLB, 59:56: 1 is FEAT_TLBIOS alone, 2 is with FEAT_TLBIRANGE. */
static void tlbi_by_range_begins_at_2(void **state)
{
	(void)state;
	for (u64 content = 0; content <= 0xf; content++) {
		put(SYSREG_ID_AA64ISAR0_EL1, 56, content);
		assert_int_equal(cpu_feature_level(id, CPU_TLBI_RANGE), content >= 2 ? content : 0);
	}
}

static void signing_is_as_good_as_the_best_algorithm(void **state)
{
	(void)state;
	put(SYSREG_ID_AA64ISAR1_EL1, 4, 3);
	put(SYSREG_ID_AA64ISAR1_EL1, 8, 1);
	put(SYSREG_ID_AA64ISAR2_EL1, 12, 5);
	put(SYSREG_ID_AA64ISAR1_EL1, 24, 0xf); /* GPA, GPI and GPA3 sign no addresses */
	put(SYSREG_ID_AA64ISAR1_EL1, 28, 0xf);
	put(SYSREG_ID_AA64ISAR2_EL1, 8, 0xf);
	assert_int_equal(cpu_feature_level(id, CPU_PAC), 5);
	put(SYSREG_ID_AA64ISAR2_EL1, 12, 0);
	assert_int_equal(cpu_feature_level(id, CPU_PAC), 3);
	put(SYSREG_ID_AA64ISAR1_EL1, 4, 0);
	assert_int_equal(cpu_feature_level(id, CPU_PAC), 1);
}

/* MMFR1.VH is 11:8. MMFR4.E2H0, 27:24, is signed: negative means that E2H cannot be 0. */
static void vhe_is_there_and_may_be_stuck(void **state)
{
	(void)state;
	for (u64 content = 0; content <= 0xf; content++) {
		put(SYSREG_ID_AA64MMFR1_EL1, 8, content);
		put(SYSREG_ID_AA64MMFR4_EL1, 24, content);
		assert_int_equal(cpu_has_vhe(id), content != 0);
		assert_int_equal(cpu_e2h_is_stuck(id), content >= 8);
	}
}

static void forgetting_52_bits_leaves_48_and_what_was_not_there(void **state)
{
	static const struct {
		u64 before, after;
	} mmfr0[] = {
		{ 0x1000032310211126, 0x1000032300111125 },
		{ 0xf0000004, 0xf0000004 }, /* 64K only, 44 bits */
		{ 0x0f100005, 0x0f100005 }, /* nothing to forget */
		{ 0x7f70000f, 0x0f100005 }, /* values not known yet */
		{ 0x80f00000, 0x80000000 }, /* reserved: neither page size comes to be */
	};

	(void)state;
	put(SYSREG_ID_AA64MMFR2_EL1, 16, 1);
	for (size_t i = 0; i < ARRAY_SIZE(mmfr0); i++) {
		id[SYSREG_ID_AA64MMFR0_EL1] = mmfr0[i].before;
		cpu_forget_wide(id);
		assert_int_equal(id[SYSREG_ID_AA64MMFR0_EL1], mmfr0[i].after);
		assert_int_equal(id[SYSREG_ID_AA64MMFR2_EL1], 0x10000);
	}
}

#define TEST(function) cmocka_unit_test_setup(function, id_clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(granules_of_4k_and_64k_are_there_up_to_7),
		TEST(a_granule_of_16k_is_there_from_1_to_7),
		TEST(there_are_no_other_granules),
		TEST(small_pages_are_wide_by_lpa2_alone),
		TEST(pages_of_64k_are_wide_by_lva_and_lpa),
		TEST(pa_range_is_a_number_of_bits),
		TEST(each_feature_is_one_field),
		TEST(tlbi_by_range_begins_at_2),
		TEST(signing_is_as_good_as_the_best_algorithm),
		TEST(vhe_is_there_and_may_be_stuck),
		TEST(forgetting_52_bits_leaves_48_and_what_was_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
