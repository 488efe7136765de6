// SPDX-License-Identifier: MIT
/*
 * Windows in the fixmap: what they show, and that nothing of them is left when they close, in the
 * tables and in the TLB. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include <pagoda/arch/arch.h>
#include <pagoda/kernel/dev/window.h>
#include <pagoda/mm/pt/tlb.h>

#define POOL_PA GIB(1)
#define TABLES 16
#define DEVICE_PA (MIB(512) + KIB(4))
#define DEVICE_SIZE (3 * KIB(64))

static u8 *arena;
static struct table_pool pool;
static struct kernel kernel;
static vaddr_t slot;
static unsigned published, invalidated;
static struct tlb_range dropped;

/* How often the window's first and last byte are mapped, and where to. */
static bool is_mapped(u64 offset, paddr_t *pa)
{
	return pt_translate(&kernel.kernel_space, vaddr_add(slot, offset), pa);
}

void tables_publish(void)
{
	published++;
}

/* What is still in the tables now would come back into the TLB at once. */
void tlb_invalidate(const struct space *space, const struct tlb_range *range)
{
	paddr_t pa;

	assert_int_equal(space->root.value, kernel.kernel_space.root.value);
	assert_false(is_mapped(KIB(4), &pa));
	assert_false(is_mapped(KIB(4) + DEVICE_SIZE - 1, &pa));
	dropped = *range;
	invalidated++;
}

static void begin(unsigned granule_shift)
{
	struct space *space = &kernel.kernel_space;

	pool = (struct table_pool){ .start = paddr(POOL_PA),
				    .next = paddr(POOL_PA),
				    .end = paddr(POOL_PA + TABLES * BIT(granule_shift)) };
	*space = (struct space){ .regime = regime_make(granule_shift, 48, 48, false),
				 .phys_offset = (u64)(uintptr_t)arena - POOL_PA,
				 .pool = &pool };
	assert_int_equal(pt_space_create(space), MAP_OK);
	slot = vaddr(~(u64)0 - GIB(1) + 1);
	published = invalidated = 0;
}

static struct window device(void)
{
	return (struct window){ .pa = paddr(DEVICE_PA),
				.size = DEVICE_SIZE,
				.attr = { PROT_READ_WRITE, MEM_DEVICE_NGNRE } };
}

static void a_window_shows_what_was_asked_for_where_it_says(void **state)
{
	(void)state;
	for (unsigned shift = 12; shift <= 16; shift += 2) {
		struct window window = device();
		paddr_t pa;

		begin(shift);
		assert_int_equal(window_open(&kernel, slot, &window), MAP_OK);
		assert_int_equal(published, 1);
		assert_int_equal(window.va.value, slot.value + DEVICE_PA % BIT(shift));
		for (u64 at = 0; at < DEVICE_SIZE; at += KIB(4)) {
			assert_true(
				pt_translate(&kernel.kernel_space, vaddr_add(window.va, at), &pa));
			assert_int_equal(pa.value, DEVICE_PA + at);
		}
	}
}

static void a_window_that_is_closed_is_out_of_the_tables_and_then_of_the_tlb(void **state)
{
	(void)state;
	for (unsigned shift = 12; shift <= 16; shift += 2) {
		struct window window = device();
		vaddr_t va;
		u64 used;

		begin(shift);
		assert_int_equal(window_open(&kernel, slot, &window), MAP_OK);
		va = window.va;
		used = pool_used(&pool, BIT(shift));
		window_close(&kernel, &window);
		assert_int_equal(window.va.value, 0);
		assert_int_equal(invalidated, 1);
		assert_true(dropped.start.value <= va.value);
		assert_true(dropped.end.value >= va.value + DEVICE_SIZE);
		assert_int_equal(pool_used(&pool, BIT(shift)), used);
		assert_int_equal(window_open(&kernel, slot, &window), MAP_OK);
	}
}

static void a_window_that_does_not_open_is_nowhere_and_closing_it_does_nothing(void **state)
{
	struct window window = device();

	(void)state;
	begin(12);
	window.pa = paddr(BIT(48));
	assert_int_equal(window_open(&kernel, slot, &window), MAP_UNREACHABLE);
	assert_int_equal(window.va.value, 0);
	invalidated = 0;
	window_close(&kernel, &window);
	assert_int_equal(invalidated, 0);
}

static int setup(void **state)
{
	(void)state;
	arena = aligned_alloc(KIB(64), TABLES * KIB(64));
	return arena == NULL;
}

static int teardown(void **state)
{
	(void)state;
	free(arena);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_window_shows_what_was_asked_for_where_it_says),
		TEST(a_window_that_is_closed_is_out_of_the_tables_and_then_of_the_tlb),
		TEST(a_window_that_does_not_open_is_nowhere_and_closing_it_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
