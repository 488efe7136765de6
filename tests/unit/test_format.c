// SPDX-License-Identifier: MIT
/*
 * lib/format.c against the C library's snprintf(). Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/lib/format.h>

#include "support/random.h"

#define ROOM 96
#define UNTOUCHED '#'

/* One conversion with all that it takes from the argument list. */
struct trial {
	char text[64];
	size_t size; /* of the buffer that is offered */
	char type;
	bool wide, width_star, precision_star;
	int width, precision;
	u64 value;
	const char *string;
};

/* Both functions take the same arguments; which, depends on the trial. */
#define CALL_VALUE(function, buffer, trial, value)                                           \
	((trial)->width_star && (trial)->precision_star ?                                    \
		 function(buffer, (trial)->size, (trial)->text, (trial)->width,              \
			  (trial)->precision, value) :                                       \
	 (trial)->width_star ?                                                               \
		 function(buffer, (trial)->size, (trial)->text, (trial)->width, value) :     \
	 (trial)->precision_star ?                                                           \
		 function(buffer, (trial)->size, (trial)->text, (trial)->precision, value) : \
		 function(buffer, (trial)->size, (trial)->text, value))

#define CALL(function, buffer, trial)                                                  \
	((trial)->type == 's' ? CALL_VALUE(function, buffer, trial, (trial)->string) : \
	 (trial)->wide	      ? CALL_VALUE(function, buffer, trial, (trial)->value) :  \
				CALL_VALUE(function, buffer, trial, (unsigned)(trial)->value))

static void add(char *text, const char *more)
{
	strcat(text, more);
}

/* A width or precision: absent, in digits, or by an argument, which may be negative. */
static void add_count(struct trial *trial, struct random *random, bool *star, int *count)
{
	char digits[8];

	*star = false;
	switch (random_below(random, 3)) {
	case 0:
		break;
	case 1:
		snprintf(digits, sizeof(digits), "%u", 1 + random_below(random, 30));
		add(trial->text, digits);
		break;
	case 2:
		*star = true;
		*count = (int)random_below(random, 60) - 30;
		add(trial->text, "*");
		break;
	}
}

/* Flags only where C says what they mean. */
static void add_flags(struct trial *trial, struct random *random)
{
	bool is_number = strchr("dux", trial->type) != NULL;

	if (random_below(random, 3) == 0)
		add(trial->text, "-");
	if (is_number && !strchr(trial->text, '-') && random_below(random, 2) == 0)
		add(trial->text, "0");
	if (trial->type == 'x' && random_below(random, 2) == 0)
		add(trial->text, "#");
}

static void add_length(struct trial *trial, struct random *random)
{
	static const char lengths[][3] = { "", "l", "ll", "z" };
	unsigned choice = random_below(random, ARRAY_SIZE(lengths));

	trial->wide = choice > 0;
	add(trial->text, lengths[choice]);
}

static struct trial trial_make(struct random *random)
{
	static const char *const strings[] = { "", "a", "linear", "a string of some length" };
	static const char *const befores[] = { "", "pa ", "100%% ", "%%" };
	struct trial trial = {
		.size = random_below(random, 4) == 0 ? random_below(random, 24) : ROOM,
		.type = "scdux"[random_below(random, 5)],
		.value = random_any_length(random),
		.string = strings[random_below(random, ARRAY_SIZE(strings))],
	};
	char type[2] = { trial.type, '\0' };

	if (random_below(random, 2) == 0)
		trial.value = -trial.value;
	if (trial.type == 'c')
		trial.value = ' ' + trial.value % 95;
	add(trial.text, befores[random_below(random, ARRAY_SIZE(befores))]);
	add(trial.text, "%");
	add_flags(&trial, random);
	add_count(&trial, random, &trial.width_star, &trial.width);
	if (trial.type == 's' && random_below(random, 2) == 0) {
		add(trial.text, ".");
		add_count(&trial, random, &trial.precision_star, &trial.precision);
	}
	if (strchr("dux", trial.type))
		add_length(&trial, random);
	add(trial.text, type);
	add(trial.text, random_below(random, 2) == 0 ? "" : " end");
	return trial;
}

static void every_conversion_prints_what_snprintf_prints(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned round = 0; round < 100000; round++) {
		struct trial trial = trial_make(&random);
		char *ours = malloc(trial.size), theirs[ROOM];
		size_t our_length, their_length;

		our_length = CALL(format, ours, &trial);
		their_length = (size_t)CALL(snprintf, theirs, &trial);
		if (our_length != their_length || (trial.size > 0 && strcmp(ours, theirs) != 0))
			fail_msg("seed %lu: \"%s\" with %d %d %#lx \"%s\" in %zu: \"%s\", not "
				 "\"%s\"",
				 random.seed, trial.text, trial.width, trial.precision, trial.value,
				 trial.string, trial.size, ours, theirs);
		free(ours);
	}
}

static void numbers_at_the_ends_of_their_range_are_exact(void **state)
{
	char text[ROOM];

	(void)state;
	format(text, sizeof(text), "%d %d", INT_MIN, INT_MAX);
	assert_string_equal(text, "-2147483648 2147483647");
	format(text, sizeof(text), "%ld %ld", LONG_MIN, LONG_MAX);
	assert_string_equal(text, "-9223372036854775808 9223372036854775807");
	format(text, sizeof(text), "%lu %#lx %u %zu", ULONG_MAX, ULONG_MAX, UINT_MAX, SIZE_MAX);
	assert_string_equal(text, "18446744073709551615 0xffffffffffffffff 4294967295 "
				  "18446744073709551615");
	format(text, sizeof(text), "%#x %x %d %#010x", 0, 0, 0, 0xbeef);
	assert_string_equal(text, "0 0 0 0x0000beef");
}

static void several_conversions_take_their_arguments_in_turn(void **state)
{
	char text[ROOM];

	(void)state;
	format(text, sizeof(text), "%s:%5lu%c|%-4d|%*x|%%|%.*s", "pool", 12ul, 'K', -7, 4, 0xabu, 3,
	       "layout");
	assert_string_equal(text, "pool:   12K|-7  |  ab|%|lay");
}

static void what_does_not_fit_is_cut_and_counted(void **state)
{
	char text[8];

	(void)state;
	for (size_t size = 0; size <= sizeof(text); size++) {
		memset(text, UNTOUCHED, sizeof(text));
		assert_int_equal(format(text, size, "%s", "0123456789"), 10);
		for (size_t i = 0; i < sizeof(text); i++) {
			if (i + 1 < size)
				assert_int_equal(text[i], '0' + i);
			else
				assert_int_equal(text[i], i + 1 == size ? '\0' : UNTOUCHED);
		}
	}
	assert_int_equal(format(NULL, 0, "%d", 12345), 5);
}

static void a_string_with_a_precision_needs_no_nul(void **state)
{
	char *endless = malloc(4);
	char text[ROOM];

	(void)state;
	assert_non_null(endless);
	memcpy(endless, "mmfr", 4);
	format(text, sizeof(text), "%.*s|%6.2s|", 4, endless, endless);
	assert_string_equal(text, "mmfr|    mm|");
	free(endless);
}

static void a_null_string_is_printed_as_a_word(void **state)
{
	const char *volatile nothing = NULL; /* so that GCC does not see it */
	char text[ROOM];

	(void)state;
	format(text, sizeof(text), "%s %8s", nothing, nothing);
	assert_string_equal(text, "(null)   (null)");
}

/* The format is not a constant, so that GCC does not complain of it. */
static void an_unknown_conversion_is_copied_as_it_stands(void **state)
{
	static const char *const unknown[] = {
		"%",   "%5",  "%-08l", "%o",   "%X",   "%p",  "%hd",
		"%+d", "% d", "%.3d",  "%.2%", "%08q", "%i|", "%5.1f"
	};
	char text[ROOM];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		assert_int_equal(format(text, sizeof(text), unknown[i], 1), strlen(unknown[i]));
		assert_string_equal(text, unknown[i]);
	}
}

static void a_size_is_written_in_the_largest_unit_that_divides_it(void **state)
{
	static const struct {
		u64 bytes;
		const char *text;
	} sizes[] = {
		{ 1, "1B" },
		{ 512, "512B" },
		{ KIB(4), "4K" },
		{ KIB(1) + 1, "1025B" },
		{ KIB(1536), "1536K" },
		{ MIB(2), "2M" },
		{ GIB(1), "1G" },
		{ GIB(512), "512G" },
		{ GIB(4) << 10, "4T" },
		{ GIB(8) << 20, "8P" },
		{ GIB(1) << 30, "1E" },
		{ (u64)15 << 60, "15E" },
		{ UINT64_MAX, "18446744073709551615B" },
		{ 0, "16E" },
	};
	char text[ROOM];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(format_size(text, sizeof(text), sizes[i].bytes),
				 strlen(sizes[i].text));
		assert_string_equal(text, sizes[i].text);
		assert_string_equal(size_text(sizes[i].bytes).text, sizes[i].text);
	}
	assert_int_equal(format_size(text, 3, GIB(512)), 4);
	assert_string_equal(text, "51");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_conversion_prints_what_snprintf_prints),
		cmocka_unit_test(numbers_at_the_ends_of_their_range_are_exact),
		cmocka_unit_test(several_conversions_take_their_arguments_in_turn),
		cmocka_unit_test(what_does_not_fit_is_cut_and_counted),
		cmocka_unit_test(a_string_with_a_precision_needs_no_nul),
		cmocka_unit_test(a_null_string_is_printed_as_a_word),
		cmocka_unit_test(an_unknown_conversion_is_copied_as_it_stands),
		cmocka_unit_test(a_size_is_written_in_the_largest_unit_that_divides_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
