// SPDX-License-Identifier: MIT
/*
 * The search tree of vmalloc areas against a walk along their list. Host only. No page tables: the
 * areas here are addresses and nothing more.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../mm/alloc/areas.h"
#include "support/random.h"

#define PAGE KIB(4)
#define REGION 0xffff800080000000
#define AREAS 20000
#define DEPTH_MAX 60 /* of AREAS; a tree of random order is 34 deep on average */

static struct space space;
static struct vmalloc vmalloc;
static struct vmalloc_area *areas;
static unsigned count;

/* A region of @pages pages, with the image in pages 10 and 11. */
static void start(u64 pages)
{
	space.regime = regime_make(12, 48, 48, false);
	vmalloc = (struct vmalloc){ .space = &space,
				    .region = { .start = vaddr(REGION),
						.end = vaddr(REGION + pages * PAGE) } };
	vmalloc.image = (struct vmalloc_area){ .start = vaddr(REGION + 10 * PAGE),
					       .end = vaddr(REGION + 12 * PAGE) };
	areas_init(&vmalloc);
	areas = calloc(AREAS, sizeof(*areas));
	assert_non_null(areas);
	count = 0;
}

/* The lowest hole of @size bytes, by the list. */
static struct vmalloc_area *hole_by_list(u64 size)
{
	u64 from = REGION;

	for (struct vmalloc_area *area = vmalloc.areas; area; area = area->next) {
		if (area->start.value >= from && area->start.value - from >= size)
			return area;
		from = area->end.value + PAGE;
	}
	return vmalloc.region.end.value >= from && vmalloc.region.end.value - from >= size ?
		       &vmalloc.end :
		       NULL;
}

static bool add(u64 pages)
{
	struct vmalloc_area *after = areas_hole(&vmalloc, NULL, (pages + 1) * PAGE);
	struct vmalloc_area *area = &areas[count];

	assert_ptr_equal(after, hole_by_list((pages + 1) * PAGE));
	if (!after)
		return false;
	area->start = vaddr(after->start.value - after->hole);
	area->end = vaddr(area->start.value + pages * PAGE);
	areas_insert(&vmalloc, area, after);
	count++;
	return true;
}

static unsigned depth(const struct vmalloc_area *area)
{
	unsigned steps = 0;

	for (; area; area = area->parent)
		steps++;
	return steps;
}

static void the_tree_stays_flat_in_whatever_order_areas_come(void **state)
{
	struct vmalloc_area *after = &vmalloc.end;

	(void)state;
	for (unsigned downwards = 0; downwards < 2; downwards++) {
		start(4 * AREAS);
		for (; count < AREAS; count++) {
			u64 at = downwards ? 4 * AREAS - 2 * count - 2 : 2 * count + 14;

			areas[count].start = vaddr(REGION + at * PAGE);
			areas[count].end = vaddr(REGION + (at + 1) * PAGE);
			areas_insert(&vmalloc, &areas[count], after);
			if (downwards)
				after = &areas[count];
		}
		assert_true(areas_audit(&vmalloc));
		for (unsigned i = 0; i < AREAS; i++)
			assert_in_range(depth(&areas[i]), 1, DEPTH_MAX);
		free(areas);
	}
}

static void the_lowest_hole_is_found_whatever_was_taken_out(void **state)
{
	struct random random = random_start();

	(void)state;
	start(3000);
	for (unsigned step = 0; step < 8000; step++) {
		unsigned victim = count > 0 ? (unsigned)random_below(&random, count) : 0;

		if (random_below(&random, 2) == 0 && count < AREAS) {
			add(1 + random_below(&random, 9));
		} else if (areas[victim].end.value != 0) {
			assert_ptr_equal(areas_find(&vmalloc, areas[victim].start), &areas[victim]);
			areas_remove(&vmalloc, &areas[victim]);
			assert_null(areas_find(&vmalloc, areas[victim].start));
			areas[victim].end.value = 0;
		}
		if (step % 64 == 0)
			assert_true(areas_audit(&vmalloc));
	}
	free(areas);
}

/* Those who cannot use the lowest ask for the next: every hole, in order, and no other. */
static void holes_that_follow_are_found_one_by_one(void **state)
{
	struct vmalloc_area *after = NULL;

	(void)state;
	start(1000);
	while (add(1 + count % 7))
		;
	for (unsigned i = 0; i < count; i += 3)
		areas_remove(&vmalloc, &areas[i]);
	for (u64 pages = 2; pages < 12; pages++) {
		unsigned found = 0, expected = vmalloc.end.hole >= pages * PAGE;

		for (struct vmalloc_area *area = vmalloc.areas; area; area = area->next)
			expected += area->hole >= pages * PAGE;
		while ((after = areas_hole(&vmalloc, after, pages * PAGE)) != NULL) {
			assert_true(after->hole >= pages * PAGE);
			found++;
		}
		assert_int_equal(found, expected);
	}
	free(areas);
}

static void an_audit_sees_what_is_wrong(void **state)
{
	(void)state;
	start(1000);
	while (count < 50)
		assert_true(add(1));
	assert_true(areas_audit(&vmalloc));
	areas[20].hole += PAGE;
	assert_false(areas_audit(&vmalloc));
	areas[20].hole -= PAGE;
	vmalloc.root->largest -= PAGE;
	assert_false(areas_audit(&vmalloc));
	vmalloc.root->largest += PAGE;
	areas[20].next->previous = &areas[10];
	assert_false(areas_audit(&vmalloc));
	free(areas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tree_stays_flat_in_whatever_order_areas_come),
		cmocka_unit_test(the_lowest_hole_is_found_whatever_was_taken_out),
		cmocka_unit_test(holes_that_follow_are_found_one_by_one),
		cmocka_unit_test(an_audit_sees_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
