// SPDX-License-Identifier: MIT
/*
 * lib/string.c against the C library. It is included under other names, as the program has the C
 * library's already. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "support/random.h"

#define memset image_memset
#define memcpy image_memcpy
#define memmove image_memmove
#define memcmp image_memcmp
#define strlen image_strlen
#define strnlen image_strnlen
#define strcmp image_strcmp
#include "../../lib/string.c"
#undef memset
#undef memcpy
#undef memmove
#undef memcmp
#undef strlen
#undef strnlen
#undef strcmp

#define AREA 2048 /* more than two of the blocks that memset() unrolls */
#define MARGIN 64 /* around what may be written */

struct area {
	u8 bytes[MARGIN + AREA + MARGIN] __attribute__((aligned(64)));
};

static void fill(struct area *area, struct random *random)
{
	for (size_t i = 0; i < sizeof(area->bytes); i++)
		area->bytes[i] = (u8)random_next(random);
}

/* The lengths worth trying with every alignment: around words and around unrolled blocks. */
static const size_t lengths[] = { 0,  1,  2,  7,   8,	9,   15,  16,  17,  31,	  63,
				  64, 65, 72, 127, 128, 511, 512, 513, 520, 1024, 1100 };

static void memset_sets_exactly_the_bytes_asked_for(void **state)
{
	struct random random = random_start();
	struct area ours, theirs;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (size_t at = MARGIN; at < MARGIN + 16; at++) {
			int byte = (int)random_next(&random); /* only its low 8 bits count */

			fill(&ours, &random);
			theirs = ours;
			assert_ptr_equal(image_memset(ours.bytes + at, byte, lengths[i]),
					 ours.bytes + at);
			memset(theirs.bytes + at, byte, lengths[i]);
			assert_memory_equal(ours.bytes, theirs.bytes, sizeof(ours.bytes));
		}
	}
}

static void memset_clears_a_64_kib_table(void **state)
{
	u8 *table = aligned_alloc(KIB(64), KIB(64));

	(void)state;
	assert_non_null(table);
	memset(table, 0xa5, KIB(64));
	image_memset(table, 0, KIB(64));
	for (size_t i = 0; i < KIB(64); i++)
		assert_int_equal(table[i], 0);
	free(table);
}

static void memcpy_copies_at_every_alignment_of_both_ends(void **state)
{
	struct random random = random_start();
	struct area from, ours, theirs;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (size_t at = 0; at < 8 * 8; at++) {
			u8 *source = from.bytes + MARGIN + at / 8;
			size_t target = MARGIN + at % 8;

			fill(&from, &random);
			fill(&ours, &random);
			theirs = ours;
			assert_ptr_equal(image_memcpy(ours.bytes + target, source, lengths[i]),
					 ours.bytes + target);
			memcpy(theirs.bytes + target, source, lengths[i]);
			assert_memory_equal(ours.bytes, theirs.bytes, sizeof(ours.bytes));
		}
	}
}

static void memmove_copies_between_overlapping_places(void **state)
{
	struct random random = random_start();
	struct area ours, theirs;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		size_t from = MARGIN + random_below(&random, 160);
		size_t to = MARGIN + random_below(&random, 160);
		size_t size = random_below(&random, 400);

		if (round % 2 == 0) /* the way that whole words are copied */
			to = to / 8 * 8 + from % 8;
		fill(&ours, &random);
		theirs = ours;
		image_memmove(ours.bytes + to, ours.bytes + from, size);
		memmove(theirs.bytes + to, theirs.bytes + from, size);
		if (memcmp(ours.bytes, theirs.bytes, sizeof(ours.bytes)) != 0)
			fail_msg("seed %lu: %zu bytes from +%zu to +%zu", random.seed, size, from,
				 to);
	}
}

static int sign(int number)
{
	return (number > 0) - (number < 0);
}

static void memcmp_orders_by_the_first_unsigned_byte_that_differs(void **state)
{
	struct random random = random_start();
	struct area a, b;

	(void)state;
	fill(&a, &random);
	b = a;
	assert_int_equal(image_memcmp(a.bytes, b.bytes, sizeof(a.bytes)), 0);
	for (unsigned round = 0; round < 2000; round++) {
		size_t size = random_below(&random, 70);
		size_t at = random_below(&random, 70);
		u8 before = b.bytes[at];

		b.bytes[at] = (u8)random_next(&random);
		assert_int_equal(sign(image_memcmp(a.bytes, b.bytes, size)),
				 sign(memcmp(a.bytes, b.bytes, size)));
		b.bytes[at] = before;
	}
}

/* A copy in memory of its own, exactly as long as it has to be: one byte further is an error. */
static char *exact(const char *text, size_t size)
{
	char *copy = malloc(size);

	assert_non_null(copy);
	memcpy(copy, text, size);
	return copy;
}

static void strings_are_measured_up_to_their_nul(void **state)
{
	char *text = exact("5 levels", 9);
	char *endless = exact("5 levels", 8);

	(void)state;
	assert_int_equal(image_strlen(""), 0);
	assert_int_equal(image_strlen(text), 8);
	assert_int_equal(image_strnlen(text, 100), 8);
	assert_int_equal(image_strnlen(endless, 8), 8);
	assert_int_equal(image_strnlen(endless, 3), 3);
	assert_int_equal(image_strnlen(endless, 0), 0);
	free(text);
	free(endless);
}

static void strings_compare_as_the_c_library_does_it(void **state)
{
	static const char *const words[] = { "", "a", "b", "ab", "abc", "abd", "\x7f", "\x80\x01" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (size_t j = 0; j < ARRAY_SIZE(words); j++)
			assert_int_equal(sign(image_strcmp(words[i], words[j])),
					 sign(strcmp(words[i], words[j])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memset_sets_exactly_the_bytes_asked_for),
		cmocka_unit_test(memset_clears_a_64_kib_table),
		cmocka_unit_test(memcpy_copies_at_every_alignment_of_both_ends),
		cmocka_unit_test(memmove_copies_between_overlapping_places),
		cmocka_unit_test(memcmp_orders_by_the_first_unsigned_byte_that_differs),
		cmocka_unit_test(strings_are_measured_up_to_their_nul),
		cmocka_unit_test(strings_compare_as_the_c_library_does_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
