// SPDX-License-Identifier: MIT
/*
 * Memory and text as checked code has them: all that is read and all that is written is looked at,
 * to the last byte, and what is reported is a read or a write. The names are the host's, too, so
 * here they have others. Host only, KASAN=1.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#define memset checked_memset
#define memcpy checked_memcpy
#define memmove checked_memmove
#define memcmp checked_memcmp
#define strlen checked_strlen
#define strnlen checked_strnlen
#define strcmp checked_strcmp

#include "../../mm/check/string.c"

#undef memset
#undef memcpy
#undef memmove
#undef memcmp
#undef strlen
#undef strnlen
#undef strcmp

#include "support/kasan_stop.h"

/* What they lead to is called with addresses that the host has not: it notes them. */
static struct {
	const void *to, *from;
	u64 size;
} plain;

static void note(const void *to, const void *from, u64 size)
{
	plain.to = to;
	plain.from = from;
	plain.size = size;
}

void *plain_memset(void *to, int byte, size_t size)
{
	assert_int_equal(byte, 0x5a);
	note(to, NULL, size);
	return to;
}

void *plain_memcpy(void *to, const void *from, size_t size)
{
	note(to, from, size);
	return to;
}

void *plain_memmove(void *to, const void *from, size_t size)
{
	note(to, from, size);
	return to;
}

int plain_memcmp(const void *a, const void *b, size_t size)
{
	note(a, b, size);
	return -3;
}

static size_t length; /* of whatever text there is */

size_t plain_strnlen(const char *text, size_t limit)
{
	(void)text;
	return min_u64(length, limit);
}

int plain_strcmp(const char *a, const char *b)
{
	note(a, b, 0);
	return 7;
}

#define BYTES 1024
#define BASE 0xffff800000000000
#define OPEN 128 /* from TO on, and from FROM on */
#define TO ((void *)(BASE + 64))
#define FROM ((void *)(BASE + 512))

static s8 shadow[BYTES / KASAN_GRAIN] __attribute__((aligned(8)));

static int start(void **state)
{
	(void)state;
	shadow_begin(shadow, BASE, BYTES);
	kasan_set_open((uintptr_t)TO, OPEN);
	kasan_set_open((uintptr_t)FROM, OPEN);
	return 0;
}

static void assert_stopped(const void *start, u64 size, enum kasan_wrong wrong)
{
	assert_stopped_at((uintptr_t)start + OPEN, size, wrong, BASE);
	assert_stopped_by_test();
}

static void assert_plain(const void *to, const void *from, u64 size)
{
	assert_ptr_equal(plain.to, to);
	assert_ptr_equal(plain.from, from);
	assert_int_equal(plain.size, size);
}

static void what_is_in_bounds_is_done_and_not_reported(void **state)
{
	(void)state;
	assert_ptr_equal(checked_memset(TO, 0x5a, OPEN), TO);
	assert_plain(TO, NULL, OPEN);
	assert_ptr_equal(checked_memcpy(TO, FROM, OPEN), TO);
	assert_plain(TO, FROM, OPEN);
	assert_ptr_equal(checked_memmove(FROM, TO, OPEN), FROM);
	assert_plain(FROM, TO, OPEN);
	assert_int_equal(checked_memcmp(TO, FROM, OPEN), -3);
	assert_plain(TO, FROM, OPEN);
	length = OPEN - 1; /* and the NUL */
	assert_int_equal(checked_strlen(TO), OPEN - 1);
	assert_int_equal(checked_strnlen(TO, 1000), OPEN - 1);
	assert_int_equal(checked_strcmp(TO, FROM), 7);
	assert_plain(TO, FROM, 0);
	length = 1000;
	assert_int_equal(checked_strnlen(TO, OPEN), OPEN);
	/* Nothing may be anywhere. */
	checked_memset((void *)BASE, 0x5a, 0);
	checked_memcpy((void *)BASE, (void *)BASE, 0);
	assert_int_equal(stopped.count, 0);
}

/* One byte too far, at either side where there are two. */
static void what_is_out_of_bounds_is_a_read_or_a_write(void **state)
{
	char *to = TO, *from = FROM;

	(void)state;
	checked_memset(to + 1, 0x5a, OPEN);
	assert_stopped(to, OPEN, KASAN_WRITE);
	checked_memcpy(to + 1, from, OPEN);
	assert_stopped(to, OPEN, KASAN_WRITE);
	checked_memcpy(to, from + 1, OPEN);
	assert_stopped(from, OPEN, KASAN_READ);
	checked_memmove(to + 1, from, OPEN);
	assert_stopped(to, OPEN, KASAN_WRITE);
	checked_memmove(to, from + 1, OPEN);
	assert_stopped(from, OPEN, KASAN_READ);
	checked_memcmp(to + 1, from, OPEN);
	assert_stopped(to, OPEN, KASAN_READ);
	checked_memcmp(to, from + 1, OPEN);
	assert_stopped(from, OPEN, KASAN_READ);
}

static void of_a_text_the_nul_counts(void **state)
{
	char *to = TO, *from = FROM;

	(void)state;
	length = OPEN - 1;
	checked_strlen(to + 1);
	assert_stopped(to, OPEN, KASAN_READ);
	checked_strnlen(to + 1, OPEN);
	assert_stopped(to, OPEN, KASAN_READ);
	checked_strcmp(to + 1, from);
	assert_stopped(to, OPEN, KASAN_READ);
	checked_strcmp(to, from + 1);
	assert_stopped(from, OPEN, KASAN_READ);
	/* Up to the limit it is no text yet. */
	length = OPEN;
	checked_strnlen(to, OPEN);
	assert_int_equal(stopped.count, 0);
	checked_strnlen(to, OPEN + 1);
	assert_stopped(to, OPEN + 1, KASAN_READ);
}

static void programs_memory_and_what_comes_before_checks_is_not_looked_at(void **state)
{
	(void)state;
	checked_memset((void *)0x1000, 0x5a, BYTES);
	checked_memcpy((void *)0x1000, (void *)0x7ffffffff000, BYTES);
	assert_int_equal(stopped.count, 0);
	(void)kasan_end();
	checked_memset((void *)BASE, 0x5a, BYTES);
	assert_plain((void *)BASE, NULL, BYTES);
	assert_int_equal(stopped.count, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start, shadow_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_in_bounds_is_done_and_not_reported),
		TEST(what_is_out_of_bounds_is_a_read_or_a_write),
		TEST(of_a_text_the_nul_counts),
		TEST(programs_memory_and_what_comes_before_checks_is_not_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
