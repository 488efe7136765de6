// SPDX-License-Identifier: MIT
/*
 * What checked code calls: each of GCC's names looks at as many bytes as it says, and reports a
 * read or a write; globals as GCC describes them. The names are the host's own, too, so here they
 * have others. Host only, KASAN=1.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#define __asan_load1_noabort load1
#define __asan_load2_noabort load2
#define __asan_load4_noabort load4
#define __asan_load8_noabort load8
#define __asan_load16_noabort load16
#define __asan_loadN_noabort load_any
#define __asan_store1_noabort store1
#define __asan_store2_noabort store2
#define __asan_store4_noabort store4
#define __asan_store8_noabort store8
#define __asan_store16_noabort store16
#define __asan_storeN_noabort store_any
#define __asan_handle_no_return handle_no_return
#define __asan_register_globals register_globals
#define __asan_unregister_globals unregister_globals

#include "../../mm/check/calls.c"

#include "support/kasan_stop.h"

#define BYTES 1024
#define BASE 0xffff800000000000
#define OPEN 512 /* of which so many may be accessed */

static s8 shadow[BYTES / KASAN_GRAIN] __attribute__((aligned(8)));

static int start(void **state)
{
	(void)state;
	shadow_begin(shadow, BASE, BYTES);
	kasan_set_open(BASE, OPEN);
	file_count = 0;
	return 0;
}

static const struct call {
	void (*call)(u64 address);
	u64 size;
	enum kasan_wrong wrong;
} calls[] = {
	{ load1, 1, KASAN_READ },     { load2, 2, KASAN_READ },	  { load4, 4, KASAN_READ },
	{ load8, 8, KASAN_READ },     { load16, 16, KASAN_READ }, { store1, 1, KASAN_WRITE },
	{ store2, 2, KASAN_WRITE },   { store4, 4, KASAN_WRITE }, { store8, 8, KASAN_WRITE },
	{ store16, 16, KASAN_WRITE },
};

static void assert_stopped(u64 address, u64 size, enum kasan_wrong wrong)
{
	assert_stopped_at(address, size, wrong, BASE);
	assert_stopped_by_test();
}

static void each_looks_at_as_many_bytes_as_it_says(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *call = &calls[i];

		call->call(BASE);
		call->call(BASE + OPEN - call->size);
		assert_int_equal(stopped.count, 0);
		call->call(BASE + OPEN - call->size + 1);
		assert_stopped(BASE + OPEN, call->size, call->wrong);
	}
}

static void any_size_is_looked_at_to_its_end(void **state)
{
	(void)state;
	for (u64 size = 0; size <= OPEN; size++) {
		load_any(BASE + OPEN - size, size);
		store_any(BASE + OPEN - size, size);
		assert_int_equal(stopped.count, 0);
	}
	load_any(BASE, OPEN + 1);
	assert_stopped(BASE + OPEN, OPEN + 1, KASAN_READ);
	store_any(BASE, OPEN + 1);
	assert_stopped(BASE + OPEN, OPEN + 1, KASAN_WRITE);
}

/* Three as GCC lays them out. */
static const struct global globals[] = {
	{ BASE, 43, 96, "first", "a.c", 0, NULL, 0 },
	{ BASE + 96, 64, 128, "second", "a.c", 0, NULL, 0 },
	{ BASE + 256, 1, 64, "third", "b.c", 0, NULL, 0 },
};

static void globals_are_open_and_closed_behind(void **state)
{
	(void)state;
	kasan_set_open(BASE, BYTES);
	register_globals(globals, 2);
	register_globals(globals + 2, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(globals); i++) {
		u64 first = globals[i].start, behind = first + globals[i].size;
		u64 last = first + globals[i].size_with_redzone;

		assert_int_equal(kasan_find(first, globals[i].size), 0);
		for (u64 at = behind; at < last; at++)
			assert_int_equal(kasan_find(at, 1), at);
		for (u64 at = align_up(behind, KASAN_GRAIN); at < last; at += KASAN_GRAIN)
			assert_int_equal((u8)*kasan_shadow(at), KASAN_GLOBAL);
	}
	assert_int_equal(kasan_find(BASE + 96 + 128, 32), 0);
	assert_int_equal(kasan_find(BASE + 256 + 64, BYTES - 256 - 64), 0);
}

static void a_global_is_found_by_any_address_in_it_and_in_its_gap(void **state)
{
	struct kasan_global found;

	(void)state;
	register_globals(globals, 2);
	register_globals(globals + 2, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(globals); i++)
		for (u64 at = 0; at < globals[i].size_with_redzone; at++) {
			assert_true(kasan_global_at(globals[i].start + at, &found));
			assert_string_equal(found.name, globals[i].name);
			assert_string_equal(found.file, globals[i].file);
			assert_int_equal(found.start, globals[i].start);
			assert_int_equal(found.size, globals[i].size);
		}
	assert_false(kasan_global_at(BASE - 1, &found));
	assert_false(kasan_global_at(BASE + 96 + 128, &found));
	assert_false(kasan_global_at(BASE + 256 + 64, &found));
}

/* More files than there is room for: their globals have gaps, though no names. */
static void more_files_than_have_names_have_gaps(void **state)
{
	struct kasan_global found;

	(void)state;
	for (unsigned i = 0; i < FILES_MAX; i++)
		register_globals(globals, 1);
	kasan_set_open(BASE + 256, 64);
	register_globals(globals + 2, 1);
	assert_int_equal(kasan_find(BASE + 256, 2), BASE + 257);
	assert_false(kasan_global_at(BASE + 256, &found));
	assert_true(kasan_global_at(BASE, &found));
	handle_no_return();
	unregister_globals(globals, 3);
	assert_int_equal(kasan_find(BASE + 256, 2), BASE + 257);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start, shadow_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_looks_at_as_many_bytes_as_it_says),
		TEST(any_size_is_looked_at_to_its_end),
		TEST(globals_are_open_and_closed_behind),
		TEST(a_global_is_found_by_any_address_in_it_and_in_its_gap),
		TEST(more_files_than_have_names_have_gaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
