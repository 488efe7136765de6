// SPDX-License-Identifier: MIT
/*
 * The shadow: what is opened and poisoned, byte for byte against a model that has one flag a byte;
 * the first byte that may not be accessed; and which accesses are looked at. Host only, KASAN=1.
 *
 * Environment: PAGODA_SEED repeats a run.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/mm/check/kasan.h>

#include "support/kasan_stop.h"
#include "support/random.h"

#define BYTES 4096
#define BASE 0xffff800000000000 /* of the addresses that have a shadow; nobody reads there */
#define BEYOND 64 /* of shadow on either side that nothing may change */
#define CALLER 0x1234
#define STEPS 20000

static s8 shadow[BEYOND + BYTES / KASAN_GRAIN + BEYOND] __attribute__((aligned(8)));
static bool open[BYTES];

static int start(void **state)
{
	(void)state;
	memset(shadow, 0x5a, sizeof(shadow));
	memset(open, 0, sizeof(open));
	shadow_begin(shadow + BEYOND, BASE, BYTES);
	return 0;
}

static int end(void **state)
{
	for (unsigned i = 0; i < BEYOND; i++) {
		assert_int_equal(shadow[i], 0x5a);
		assert_int_equal(shadow[ARRAY_SIZE(shadow) - 1 - i], 0x5a);
	}
	return shadow_end(state);
}

static void open_range(u64 at, u64 size)
{
	kasan_set_open(BASE + at, size);
	memset(open + at, true, size);
	memset(open + at + size, false, align_up(size, KASAN_GRAIN) - size);
}

static void poison_range(u64 at, u64 size, enum kasan_shadow why)
{
	kasan_set_poison(BASE + at, size, why);
	memset(open + at, false, size);
}

/* By the model, as kasan_find() has it. */
static u64 first_closed(u64 at, u64 size)
{
	for (u64 i = at; i < at + size; i++)
		if (!open[i])
			return BASE + i;
	return 0;
}

static u64 grains_below(struct random *random, u64 limit)
{
	return random_below(random, (unsigned)(limit / KASAN_GRAIN)) * (u64)KASAN_GRAIN;
}

static void the_first_byte_that_is_closed_is_found_wherever_it_is(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned step = 0; step < STEPS; step++) {
		u64 at = grains_below(&random, BYTES), left = BYTES - at, size;

		/* Mostly short, so that long stretches come to be and go again. */
		size = random_next(&random) %
		       (random_below(&random, 8) ? min_u64(left, 300) : left);
		if (random_below(&random, 3) != 0)
			open_range(at, size);
		else
			poison_range(at, align_down(size, KASAN_GRAIN), KASAN_HEAP_REDZONE);
		for (unsigned i = 0; i < 8; i++) {
			at = random_below(&random, BYTES);
			size = random_next(&random) % (BYTES - at + 1);
			size >>= random_below(&random, 12);
			assert_int_equal(kasan_find(BASE + at, size), first_closed(at, size));
		}
	}
}

/* Each byte of a grain that is open in part, from each, with open ones before and behind it. */
static void a_grain_is_open_from_its_beginning_on(void **state)
{
	(void)state;
	for (u64 part = 1; part < KASAN_GRAIN; part++) {
		open_range(0, 128);
		open_range(64, part);
		assert_int_equal(shadow[BEYOND + 8], part);
		for (u64 at = 0; at < 128; at++)
			for (u64 size = 0; size <= 128 - at; size++)
				assert_int_equal(kasan_find(BASE + at, size),
						 first_closed(at, size));
	}
}

static void what_is_closed_says_why(void **state)
{
	(void)state;
	open_range(0, BYTES);
	poison_range(8, 24, KASAN_HEAP_FREE);
	poison_range(32, 8, KASAN_VMALLOC);
	poison_range(40, 0, KASAN_GLOBAL);
	open_range(48, 0);
	assert_int_equal(shadow[BEYOND], 0);
	for (unsigned grain = 1; grain < 4; grain++)
		assert_int_equal((u8)shadow[BEYOND + grain], KASAN_HEAP_FREE);
	assert_int_equal((u8)shadow[BEYOND + 4], KASAN_VMALLOC);
	for (unsigned grain = 5; grain < BYTES / KASAN_GRAIN; grain++)
		assert_int_equal(shadow[BEYOND + grain], 0);
	poison_range(0, BYTES, KASAN_PAGE_FREE);
	for (unsigned grain = 0; grain < BYTES / KASAN_GRAIN; grain++)
		assert_int_equal((u8)shadow[BEYOND + grain], KASAN_PAGE_FREE);
}

static void nothing_is_said_of_what_has_no_shadow(void **state)
{
	(void)state;
	open_range(0, BYTES);
	/* Below the first that is checked, though there happens to be shadow for it here. */
	kasan_begin(BASE + 64);
	kasan_set_poison(BASE, 64, KASAN_HEAP_FREE);
	assert_int_equal(kasan_find(BASE, BYTES), 0);
	kasan_set_poison(BASE + 64, 64, KASAN_HEAP_FREE);
	assert_int_equal(kasan_find(BASE, BYTES), BASE + 64);
	assert_true(kasan_end());
	assert_false(kasan_end());
	assert_false(kasan_active());
	kasan_set_open(BASE + 64, 64);
	assert_int_equal(kasan_find(BASE, BYTES), BASE + 64);
	kasan_begin(BASE + 65);
	kasan_set_open(BASE + 64, 64);
	assert_int_equal(kasan_find(BASE, BYTES), BASE + 64);
	kasan_begin(BASE + 64);
	assert_true(kasan_active());
	kasan_set_open(BASE + 64, 64);
	assert_int_equal(kasan_find(BASE, BYTES), 0);
}

static void assert_stopped(u64 address, u64 size, enum kasan_wrong wrong)
{
	assert_stopped_at(address, size, wrong, BASE);
	assert_int_equal(stopped.caller, CALLER);
}

static void an_access_is_reported_by_its_first_wrong_byte(void **state)
{
	(void)state;
	open_range(64, 43);
	for (u64 size = 0; size <= 16; size++) {
		kasan_check(BASE + 64 + 43 - size, size, KASAN_READ, CALLER);
		assert_int_equal(stopped.count, 0);
	}
	kasan_check(BASE + 64 + 43 - 7, 8, KASAN_WRITE, CALLER);
	assert_stopped(BASE + 64 + 43, 8, KASAN_WRITE);
	kasan_check(BASE + 64 + 43, 1, KASAN_READ, CALLER);
	assert_stopped(BASE + 64 + 43, 1, KASAN_READ);
	kasan_check(BASE + 63, 2, KASAN_READ, CALLER);
	assert_stopped(BASE + 63, 2, KASAN_READ);
	/* Nothing is at least nowhere. */
	kasan_check(BASE, 0, KASAN_READ, CALLER);
	assert_int_equal(stopped.count, 0);
}

static void there_is_one_report_and_none_of_others_memory(void **state)
{
	(void)state;
	kasan_check(BASE - 1, 1, KASAN_READ, CALLER);
	kasan_check(0, BYTES, KASAN_WRITE, CALLER);
	assert_int_equal(stopped.count, 0);
	/* It ends where addresses do. */
	kasan_check(BASE, -BASE + 1, KASAN_WRITE, CALLER);
	assert_int_equal(stopped.address, BASE);
	assert_int_equal(stopped.count, 1);
	kasan_check(BASE, 1, KASAN_WRITE, CALLER);
	kasan_report(BASE, 0, CALLER, KASAN_DOUBLE_FREE);
	assert_int_equal(stopped.count, 1);
}

/* All that is open is no answer for what goes round the end: so it must not come to be asked. */
static void an_access_past_the_last_address_is_wrong_at_once(void **state)
{
	(void)state;
	open_range(0, BYTES);
	kasan_check(BASE + 8, -BASE, KASAN_READ, CALLER);
	assert_stopped(BASE + 8, -BASE, KASAN_READ);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_byte_that_is_closed_is_found_wherever_it_is),
		TEST(a_grain_is_open_from_its_beginning_on),
		TEST(what_is_closed_says_why),
		TEST(nothing_is_said_of_what_has_no_shadow),
		TEST(an_access_is_reported_by_its_first_wrong_byte),
		TEST(there_is_one_report_and_none_of_others_memory),
		TEST(an_access_past_the_last_address_is_wrong_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
