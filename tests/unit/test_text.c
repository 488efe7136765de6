// SPDX-License-Identifier: MIT
/*
 * lib/text.c: words, copies and numbers that come from outside. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/lib/text.h>

#include "support/random.h"

#define UNTOUCHED 0x5a5a5a5a5a5a5a5a

static void a_text_equals_a_word_only_in_whole(void **state)
{
	(void)state;
	assert_true(text_equal("nokaslr", 7, "nokaslr"));
	assert_true(text_equal("nokaslr=1", 7, "nokaslr"));
	assert_true(text_equal("", 0, ""));
	assert_false(text_equal("nokasl", 6, "nokaslr"));
	assert_false(text_equal("nokaslrs", 8, "nokaslr"));
	assert_false(text_equal("nokaslR", 7, "nokaslr"));
	assert_false(text_equal("x", 0, "x"));
	assert_false(text_equal("x", 1, ""));
}

static void a_nul_in_a_text_does_not_end_it(void **state)
{
	(void)state;
	assert_false(text_equal("mem\0", 4, "mem"));
	assert_false(text_equal("mem\0mem", 7, "mem"));
}

static void a_text_needs_no_nul_behind_it(void **state)
{
	char *text = malloc(3);
	u64 number;

	(void)state;
	assert_non_null(text);
	memcpy(text, "123", 3);
	assert_true(text_equal(text, 3, "123"));
	assert_true(text_number(text, 3, &number));
	assert_int_equal(number, 123);
	memcpy(text, "12M", 3);
	assert_true(text_size(text, 3, &number));
	assert_int_equal(number, MIB(12));
	memcpy(text, "0x1", 3);
	assert_false(text_number(text, 2, &number));
	free(text);
}

static void a_copy_keeps_what_fits_and_always_its_nul(void **state)
{
	char room[8];

	(void)state;
	for (size_t length = 0; length <= 10; length++) {
		size_t kept = length < 7 ? length : 7;

		memset(room, '#', sizeof(room));
		assert_int_equal(text_copy(room, sizeof(room), "0123456789", length), length <= 7);
		assert_int_equal(strlen(room), kept);
		assert_memory_equal(room, "0123456789", kept);
		for (size_t i = kept + 1; i < sizeof(room); i++)
			assert_int_equal(room[i], '#');
	}
	assert_false(text_copy(room, 1, "0", 1));
	assert_int_equal(room[0], '\0');
}

struct number_case {
	const char *text;
	bool right;
	u64 value;
};

static void check_cases(const struct number_case *cases, size_t count,
			bool (*read)(const char *, size_t, u64 *))
{
	for (size_t i = 0; i < count; i++) {
		u64 value = UNTOUCHED;
		bool right = read(cases[i].text, strlen(cases[i].text), &value);

		if (right != cases[i].right || (right && value != cases[i].value))
			fail_msg("\"%s\" read as %d, %#lx", cases[i].text, right, value);
		if (!right)
			assert_int_equal(value, UNTOUCHED);
	}
}

static void numbers_are_hexadecimal_after_0x_octal_after_0_or_decimal(void **state)
{
	static const struct number_case cases[] = {
		{ "0", true, 0 },
		{ "00", true, 0 },
		{ "010", true, 8 },
		{ "07", true, 7 },
		{ "08", false, 0 },
		{ "0779", false, 0 },
		{ "00017", true, 15 },
		{ "01777777777777777777777", true, UINT64_MAX },
		{ "02000000000000000000000", false, 0 },
		{ "0a", false, 0 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "18446744073709551620", false, 0 },
		{ "99999999999999999999", false, 0 },
		{ "0x0", true, 0 },
		{ "0X1f", true, 0x1f },
		{ "0XFFFFFFFFFFFFFFFF", true, UINT64_MAX },
		{ "0X", false, 0 },
		{ "0Xg", false, 0 },
		{ "00x1", false, 0 },
		{ "0xffffffffffffffff", true, UINT64_MAX },
		{ "0xFFFFffffFFFFffff", true, UINT64_MAX },
		{ "0x00000000000000000012aB", true, 0x12ab },
		{ "0x10000000000000000", false, 0 },
		{ "", false, 0 },
		{ "0x", false, 0 },
		{ "x1", false, 0 },
		{ "0xg", false, 0 },
		{ "12a", false, 0 },
		{ "-1", false, 0 },
		{ "+1", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
		{ "1K", false, 0 },
		{ "0x1 ", false, 0 },
		{ "1\xff", false, 0 },
	};

	(void)state;
	check_cases(cases, ARRAY_SIZE(cases), text_number);
}

static void sizes_take_one_suffix(void **state)
{
	static const struct number_case cases[] = {
		{ "0", true, 0 },
		{ "512", true, 512 },
		{ "1K", true, KIB(1) },
		{ "1k", true, KIB(1) },
		{ "512M", true, MIB(512) },
		{ "512m", true, MIB(512) },
		{ "4G", true, GIB(4) },
		{ "4g", true, GIB(4) },
		{ "16T", true, GIB(16) << 10 },
		{ "16t", true, GIB(16) << 10 },
		{ "3P", true, GIB(3) << 20 },
		{ "3p", true, GIB(3) << 20 },
		{ "15E", true, GIB(15) << 30 },
		{ "15e", true, GIB(15) << 30 },
		{ "0x10M", true, MIB(16) },
		{ "0X10M", true, MIB(16) },
		{ "010M", true, MIB(8) },
		{ "020000000000", true, GIB(2) },
		{ "08K", false, 0 },
		{ "0K", true, 0 },
		{ "16E", false, 0 },
		{ "18014398509481983K", true, UINT64_MAX - 1023 },
		{ "18014398509481984K", false, 0 },
		{ "0x1000000000000000E", false, 0 },
		{ "K", false, 0 },
		{ "0xK", false, 0 },
		{ "", false, 0 },
		{ "1KK", false, 0 },
		{ "1KB", false, 0 },
		{ "1 M", false, 0 },
		{ "1B", false, 0 },
		{ "-1M", false, 0 },
	};

	(void)state;
	check_cases(cases, ARRAY_SIZE(cases), text_size);
}

static void an_e_after_0x_is_a_digit_and_no_suffix(void **state)
{
	u64 bytes;

	(void)state;
	assert_true(text_size("0x1E", 4, &bytes));
	assert_int_equal(bytes, 0x1e);
	assert_true(text_size("1E", 2, &bytes));
	assert_int_equal(bytes, GIB(1) << 30);
}

static void every_number_that_is_written_is_read_back(void **state)
{
	struct random random = random_start();
	char text[32];

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		u64 value = random_any_length(&random), read = UNTOUCHED;
		static const char *const forms[] = { "%" PRIu64, "0x%" PRIx64, "0X%" PRIX64,
						     "0%" PRIo64 };
		int length = snprintf(text, sizeof(text), forms[round % 4], value);

		if (!text_number(text, (size_t)length, &read) || read != value)
			fail_msg("seed %lu: \"%s\" read as %#lx", random.seed, text, read);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_equals_a_word_only_in_whole),
		cmocka_unit_test(a_nul_in_a_text_does_not_end_it),
		cmocka_unit_test(a_text_needs_no_nul_behind_it),
		cmocka_unit_test(a_copy_keeps_what_fits_and_always_its_nul),
		cmocka_unit_test(numbers_are_hexadecimal_after_0x_octal_after_0_or_decimal),
		cmocka_unit_test(sizes_take_one_suffix),
		cmocka_unit_test(an_e_after_0x_is_a_digit_and_no_suffix),
		cmocka_unit_test(every_number_that_is_written_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
