// SPDX-License-Identifier: MIT
/*
 * Host tests of lib/sysreg.c and of the tables made from arch/arm64/cpu/sysreg.tbl.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/sysreg_find.h"

static int content(enum sysreg reg, const char *name, u64 value)
{
	const struct sysreg_field *field = sysreg_find_field(reg, name);

	assert_non_null(field);
	return sysreg_field_get(field, value);
}

static void an_unsigned_field_counts_from_zero(void **state)
{
	(void)state;
	assert_int_equal(content(SYSREG_ID_AA64MMFR0_EL1, "parange", 0x6), 6);
	assert_int_equal(content(SYSREG_ID_AA64MMFR0_EL1, "parange", ~(u64)0), 15);
	assert_int_equal(content(SYSREG_ID_AA64MMFR0_EL1, "parange", ~(u64)0xf), 0);
	assert_int_equal(content(SYSREG_ID_AA64MMFR0_EL1, "tgran16", 0xf00000), 15);
}

static void a_signed_field_has_minus_one_below_zero(void **state)
{
	(void)state;
	assert_int_equal(content(SYSREG_ID_AA64MMFR0_EL1, "tgran4", 0xf0000000), -1);
	assert_int_equal(content(SYSREG_ID_AA64MMFR0_EL1, "tgran4", 0x80000000), -8);
	assert_int_equal(content(SYSREG_ID_AA64MMFR0_EL1, "tgran4", 0x70000000), 7);
	assert_int_equal(content(SYSREG_ID_AA64MMFR0_EL1, "tgran4", 0x10000000), 1);
	assert_int_equal(content(SYSREG_ID_AA64MMFR0_EL1, "tgran64", ~(u64)0xf000000), 0);
}

static void fields_of_any_width_and_place_are_read(void **state)
{
	(void)state;
	assert_int_equal(content(SYSREG_ID_AA64ISAR0_EL1, "rndr", (u64)1 << 60), 1);
	assert_int_equal(content(SYSREG_ID_AA64SMFR0_EL1, "fa64", (u64)1 << 63), 1);
	assert_int_equal(content(SYSREG_MIDR_EL1, "partnum", 0x410fd0c1), 0xd0c);
	assert_int_equal(content(SYSREG_ESR_EL1, "iss", ~(u64)0), 0x1ffffff);
}

static void every_field_is_found_by_its_own_name_and_no_other(void **state)
{
	(void)state;
	for (unsigned reg = 0; reg < SYSREG_COUNT; reg++) {
		const struct sysreg_desc *desc = &sysreg_table[reg];

		for (unsigned i = 0; i < desc->field_count; i++) {
			const struct sysreg_field *field = &sysreg_fields[desc->first_field + i];
			char name[sizeof(field->name) + 1];

			assert_ptr_equal(sysreg_find_field(reg, field->name), field);
			strcpy(name, field->name);
			strcat(name, "?");
			assert_null(sysreg_find_field(reg, name));
		}
		assert_null(sysreg_find_field(reg, ""));
	}
	assert_null(sysreg_find_field(SYSREG_ID_AA64MMFR2_EL1, "parange"));
	assert_null(sysreg_find_field(SYSREG_ID_AA64MMFR2_EL1, "VARANGE"));
	assert_null(sysreg_find_field(SYSREG_TTBR0_EL1, "m"));
}

static void a_value_has_its_words_whatever_stands_around_it(void **state)
{
	const struct sysreg_field *tgran4 = sysreg_find_field(SYSREG_ID_AA64MMFR0_EL1, "tgran4");
	const struct sysreg_field *parange = sysreg_find_field(SYSREG_ID_AA64MMFR0_EL1, "parange");
	const struct sysreg_field *tg0 = sysreg_find_field(SYSREG_TCR_EL1, "tg0");
	const struct sysreg_field *tg1 = sysreg_find_field(SYSREG_TCR_EL1, "tg1");

	(void)state;
	assert_string_equal(sysreg_value_text(tgran4, ~(u64)0), "not there");
	assert_string_equal(sysreg_value_text(tgran4, 0x0fffffff), "4K");
	assert_string_equal(sysreg_value_text(parange, 0xfffffff5), "48 bits");
	assert_null(sysreg_value_text(parange, 8));
	assert_string_equal(sysreg_value_text(tg0, (u64)2 << 14), "16K");
	assert_string_equal(sysreg_value_text(tg1, (u64)2 << 30), "4K");
}

static void a_content_above_a_byte_is_not_taken_for_its_low_byte(void **state)
{
	struct sysreg_field wide = *sysreg_find_field(SYSREG_ESR_EL1, "fsc");

	(void)state;
	wide.width = 12;
	assert_non_null(sysreg_value_text(&wide, 0x004));
	assert_null(sysreg_value_text(&wide, 0x104));
}

static void every_value_has_words(void **state)
{
	(void)state;
	for (unsigned reg = 0; reg < SYSREG_COUNT; reg++) {
		const struct sysreg_field *field = &sysreg_fields[sysreg_table[reg].first_field];
		const struct sysreg_field *end = field + sysreg_table[reg].field_count;

		for (; field < end; field++) {
			for (unsigned i = 0; i < field->value_count; i++) {
				const struct sysreg_value *value =
					&sysreg_values[field->first_value + i];

				assert_ptr_equal(
					sysreg_value_text(field, (u64)value->value << field->shift),
					value->text);
				assert_true(value->text[0] != '\0');
			}
		}
	}
}

static bool is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* C fills a char array to the brim and drops the NUL without a word. */
static void no_name_is_too_long_for_its_place_in_the_tables(void **state)
{
	(void)state;
	for (unsigned reg = 0; reg < SYSREG_COUNT; reg++) {
		const struct sysreg_desc *desc = &sysreg_table[reg];

		assert_true(is_text(desc->name, sizeof(desc->name)));
		assert_true(is_text(desc->option, sizeof(desc->option)));
		for (unsigned i = 0; i < desc->field_count; i++) {
			const struct sysreg_field *field = &sysreg_fields[desc->first_field + i];

			assert_true(is_text(field->name, sizeof(field->name)));
			for (unsigned j = 0; j < field->value_count; j++)
				assert_true(is_text(sysreg_values[field->first_value + j].text,
						    sizeof(sysreg_values[0].text)));
		}
	}
}

/* An override is one hex digit; a register with a command line name has nothing wider. */
static void a_field_that_can_be_overridden_has_four_bits_at_most(void **state)
{
	unsigned with_option = 0;

	(void)state;
	for (unsigned reg = 0; reg < SYSREG_COUNT; reg++) {
		const struct sysreg_desc *desc = &sysreg_table[reg];

		if (desc->option[0] == '\0')
			continue;
		with_option++;
		assert_true(reg < SYSREG_FACT_COUNT);
		for (unsigned i = 0; i < desc->field_count; i++)
			assert_in_range(sysreg_fields[desc->first_field + i].width, 1, 4);
	}
	assert_true(with_option >= 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unsigned_field_counts_from_zero),
		cmocka_unit_test(a_signed_field_has_minus_one_below_zero),
		cmocka_unit_test(fields_of_any_width_and_place_are_read),
		cmocka_unit_test(every_field_is_found_by_its_own_name_and_no_other),
		cmocka_unit_test(a_value_has_its_words_whatever_stands_around_it),
		cmocka_unit_test(a_content_above_a_byte_is_not_taken_for_its_low_byte),
		cmocka_unit_test(every_value_has_words),
		cmocka_unit_test(no_name_is_too_long_for_its_place_in_the_tables),
		cmocka_unit_test(a_field_that_can_be_overridden_has_four_bits_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
