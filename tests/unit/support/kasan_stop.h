/* SPDX-License-Identifier: MIT */
/*
 * What KASAN has found, for tests of what finds it: kasan_stop() over a note. What it stands for
 * does not return; here checks are over, and the first that was found is the one that counts. And
 * a shadow that is an array, of addresses that nobody reads. Included by the one source file of a
 * test program. Host only, KASAN=1.
 */
#ifndef KASAN_STOP_H
#define KASAN_STOP_H

#include <string.h>

#include <pagoda/mm/check/kasan.h>

static struct {
	u64 address, size, caller;
	enum kasan_wrong wrong;
	unsigned count;
} stopped;

void kasan_stop(u64 address, u64 size, u64 caller, enum kasan_wrong wrong)
{
	if (stopped.count++ != 0)
		return;
	stopped.address = address;
	stopped.size = size;
	stopped.caller = caller;
	stopped.wrong = wrong;
}

static inline void stopped_clear(void)
{
	memset(&stopped, 0, sizeof(stopped));
}

/* One was found, and it is this; checks go on, of @lowest and above. */
static inline void assert_stopped_at(u64 address, u64 size, enum kasan_wrong wrong, u64 lowest)
{
	assert_int_equal(stopped.count, 1);
	assert_int_equal(stopped.address, address);
	assert_int_equal(stopped.size, size);
	assert_int_equal(stopped.wrong, wrong);
	assert_false(kasan_active());
	stopped.count = 0;
	kasan_begin(lowest);
}

/* It is the test that has done it: code of this program, and not of the library. */
static inline void assert_stopped_by_test(void)
{
	u64 function = (uintptr_t)assert_stopped_by_test;

	assert_true(stopped.caller - function + KIB(64) < KIB(128));
}

/* Checks begin, of @bytes from @base on and above: @shadow is theirs, and all is poisoned. */
static inline void shadow_begin(s8 *shadow, u64 base, u64 bytes)
{
	memset(shadow, (s8)KASAN_PAGE_FREE, bytes / KASAN_GRAIN);
	stopped_clear();
	kasan_offset = (uintptr_t)shadow - base / KASAN_GRAIN;
	kasan_begin(base);
}

static inline int shadow_end(void **state)
{
	(void)state;
	(void)kasan_end();
	return 0;
}

#endif /* KASAN_STOP_H */
