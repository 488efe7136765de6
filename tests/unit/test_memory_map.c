// SPDX-License-Identifier: MIT
/*
 * The list of memory ranges, against a model of memory page by page. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/mm/layout/memory_map.h>

#include "support/random.h"

#define GRANULE KIB(16)
#define UNIT (GRANULE / 4) /* ranges need not be page-aligned */
#define UNITS 256
#define PAGES (UNITS / 4)
#define ROUNDS 20000

static struct memory_map map;

static void add(u64 start, u64 size, enum memory_kind kind)
{
	memory_add(&map, start, size, kind);
}

static void assert_range(u32 index, u64 start, u64 end, enum memory_kind kind)
{
	assert_true(index < map.count);
	assert_int_equal(map.range[index].start.value, start);
	assert_int_equal(map.range[index].end.value, end);
	assert_int_equal(map.range[index].kind, kind);
}

/* ---- what is taken in ---- */

static void an_empty_range_is_not_taken_in(void **state)
{
	(void)state;
	map.count = 0;
	add(GIB(1), 0, MEMORY_RAM);
	add(GIB(1), 0, MEMORY_RESERVED);
	assert_int_equal(map.count, 0);
}

static void ram_that_wraps_is_dropped_and_counted(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	add(-MIB(1), MIB(2), MEMORY_RAM);
	assert_int_equal(map.count, 0);
	assert_int_equal(map.dropped, 1);
}

/* To forget it would be to hand out memory that is somebody's. */
static void a_reservation_that_wraps_is_kept_up_to_the_last_byte_but_one(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	add(-MIB(1), MIB(2), MEMORY_RESERVED);
	memory_normalise(&map, GRANULE);
	assert_int_equal(map.dropped, 1);
	assert_int_equal(map.count, 1);
	assert_range(0, -MIB(1), -(u64)1, MEMORY_RESERVED);
}

static void a_thousand_ranges_are_bounded_and_counted(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	for (u64 i = 0; i < 1000; i++)
		add(i * MIB(2), MIB(1), MEMORY_RAM);
	assert_int_equal(map.count, MEMORY_BANKS_MAX);
	assert_int_equal(map.dropped, 1000 - MEMORY_BANKS_MAX);
	assert_int_equal(map.unprotected, 0);
	for (u64 i = 0; i < 1000; i++)
		add(i * MIB(2), KIB(64), MEMORY_RESERVED);
	assert_int_equal(map.count, MEMORY_RANGES_MAX - MEMORY_OWN_MAX);
	assert_int_equal(map.unprotected, 1000 - (map.count - MEMORY_BANKS_MAX));
	memory_normalise(&map, GRANULE);
	for (u64 i = 0; i < MEMORY_OWN_MAX; i++)
		memory_add_own(&map, i * MIB(2), KIB(64), MEMORY_TABLES);
	assert_int_equal(map.count, MEMORY_RANGES_MAX);
}

static void ranges_are_sorted_and_joined_by_kind(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	add(GIB(4), GIB(1), MEMORY_RAM);
	add(MIB(512), MIB(16), MEMORY_RESERVED);
	add(GIB(1), GIB(1), MEMORY_RAM);
	add(GIB(2), GIB(1), MEMORY_RAM); /* adjoins */
	add(GIB(4) + MIB(512), GIB(1), MEMORY_RAM); /* overlaps */
	add(MIB(520), MIB(2), MEMORY_RESERVED);
	assert_int_equal(memory_normalise(&map, GRANULE), 1);
	assert_int_equal(map.count, 3);
	assert_range(0, GIB(1), GIB(3), MEMORY_RAM);
	assert_range(1, GIB(4), GIB(5) + MIB(512), MEMORY_RAM);
	assert_range(2, MIB(512), MIB(528), MEMORY_RESERVED);
}

/* ---- cuts ---- */

static void a_limit_keeps_the_lowest_bytes(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	add(GIB(8), GIB(2), MEMORY_RAM);
	add(GIB(1), GIB(1), MEMORY_RAM);
	add(GIB(9), MIB(1), MEMORY_RESERVED);
	memory_normalise(&map, GRANULE);
	assert_int_equal(memory_limit(&map, GIB(16)), 0);
	assert_int_equal(memory_limit(&map, GIB(2)), GIB(1));
	assert_range(1, GIB(8), GIB(9), MEMORY_RAM);
	assert_int_equal(memory_limit(&map, GIB(1)), GIB(1));
	assert_int_equal(map.count, 2);
	assert_range(0, GIB(1), GIB(2), MEMORY_RAM);
	assert_range(1, GIB(9), GIB(9) + MIB(1), MEMORY_RESERVED);
	assert_int_equal(memory_limit(&map, MIB(3)), GIB(1) - MIB(3));
	assert_int_equal(memory_total(&map), MIB(3));
}

static void ram_beyond_reach_is_cut_and_counted(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	add(GIB(1), GIB(1), MEMORY_RAM);
	add(BIT(48) - GIB(1), GIB(3), MEMORY_RAM);
	add(BIT(49), GIB(1), MEMORY_RAM);
	memory_normalise(&map, GRANULE);
	assert_int_equal(memory_cut(&map, 0, BIT(48)), GIB(3));
	assert_range(1, BIT(48) - GIB(1), BIT(48), MEMORY_RAM);
	assert_int_equal(map.count, 2);
	assert_int_equal(memory_cut(&map, GIB(1) + MIB(1), BIT(48)), MIB(1));
}

static void a_range_can_lose_its_middle(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	add(GIB(1), GIB(1), MEMORY_RAM);
	memory_normalise(&map, GRANULE);
	memory_add_own(&map, GIB(1), MIB(16), MEMORY_IMAGE);
	memory_take_out(&map, GIB(1) + MIB(4), GIB(1) + MIB(8), MEMORY_IMAGE);
	assert_int_equal(map.count, 3);
	assert_range(1, GIB(1), GIB(1) + MIB(4), MEMORY_IMAGE);
	assert_range(2, GIB(1) + MIB(8), GIB(1) + MIB(16), MEMORY_IMAGE);
}

/* ---- random lists against a model ---- */

static struct memory_range list[24];
static unsigned list_length;

static void list_make(struct random *random)
{
	list_length = 1 + random_below(random, 23);
	memset(&map, 0, sizeof(map));
	for (unsigned i = 0; i < list_length; i++) {
		u64 start = random_below(random, UNITS);
		u64 size = 1 + random_below(random, (unsigned)min_u64(UNITS - start, 80));
		enum memory_kind kind = random_below(random, 2) ?
						MEMORY_RAM :
						random_below(random, MEMORY_KIND_COUNT);

		list[i] = (struct memory_range){ paddr(start), paddr(start + size), kind };
		add(start * UNIT, size * UNIT, kind);
	}
}

/* Whether range @i covers unit @unit of memory. */
static bool covers(unsigned i, unsigned unit)
{
	return list[i].start.value <= unit && unit < list[i].end.value;
}

/* Whether the list says that all (RAM) or some (else) of @page is of @kind. */
static bool is_kind(unsigned page, enum memory_kind kind)
{
	unsigned covered = 0;

	for (unsigned unit = page * 4; unit < page * 4 + 4; unit++) {
		bool any = false;

		for (unsigned i = 0; i < list_length; i++)
			any |= list[i].kind == kind && covers(i, unit);
		covered += any;
	}
	return kind == MEMORY_RAM ? covered == 4 : covered != 0;
}

/* The kind that has the last word in @page; -1 where there is no RAM. */
static int kind_of(unsigned page)
{
	int kind = MEMORY_RAM;

	if (!is_kind(page, MEMORY_RAM))
		return -1;
	for (int i = MEMORY_RAM; i < MEMORY_KIND_COUNT; i++)
		if (is_kind(page, (enum memory_kind)i))
			kind = i;
	return kind;
}

static void check_pieces(u64 seed)
{
	struct memory_range piece = { 0 };
	int last_kind = -1;
	u64 from = 0, ram = 0;

	while (memory_next(&map, from, &piece)) {
		for (u64 pa = from; pa < piece.start.value; pa += GRANULE)
			if (kind_of((unsigned)(pa / GRANULE)) != -1)
				fail_msg("seed %lu: RAM at %#lx was passed over", seed, pa);
		if (piece.start.value == from && last_kind == (int)piece.kind)
			fail_msg("seed %lu: two pieces at %#lx are one", seed, from);
		for (u64 pa = piece.start.value; pa < piece.end.value; pa += GRANULE)
			if (kind_of((unsigned)(pa / GRANULE)) != (int)piece.kind)
				fail_msg("seed %lu: %#lx is not of kind %d", seed, pa, piece.kind);
		ram += piece.end.value - piece.start.value;
		last_kind = piece.kind;
		from = piece.end.value;
	}
	for (u64 pa = from; pa < PAGES * GRANULE; pa += GRANULE)
		if (kind_of((unsigned)(pa / GRANULE)) != -1)
			fail_msg("seed %lu: RAM at %#lx is missing", seed, pa);
	assert_int_equal(ram, memory_total(&map));
}

static void check_device(u64 seed, unsigned first, unsigned pages)
{
	bool expected = false;

	for (unsigned page = first; page < first + pages; page++)
		expected |= kind_of(page) != -1;
	if (memory_may_map_device(&map, paddr(first * GRANULE + 1), pages * GRANULE - 2) ==
	    expected)
		fail_msg("seed %lu: %u pages from %u are%s RAM", seed, pages, first,
			 expected ? "" : " not");
}

/* In a list as the FDT has it, byte by byte at the ends of all that is in it. */
static void check_device_anywhere(u64 seed)
{
	for (u32 i = 0; i < map.count; i++) {
		u64 ends[] = { map.range[i].start.value - 1, map.range[i].start.value,
			       map.range[i].end.value - 1, map.range[i].end.value };

		for (unsigned end = 0; end < ARRAY_SIZE(ends); end++) {
			bool ram = false;

			for (u32 j = 0; j < map.count; j++)
				ram |= map.range[j].kind == MEMORY_RAM &&
				       ends[end] >= map.range[j].start.value &&
				       ends[end] < map.range[j].end.value;
			if (ends[end] != ~(u64)0 &&
			    memory_may_map_device(&map, paddr(ends[end]), 1) == ram)
				fail_msg("seed %lu: %#lx is%s RAM", seed, ends[end],
					 ram ? "" : " not");
		}
	}
}

static void what_no_map_hides_is_in_no_map(void **state)
{
	(void)state;
	memory_begin(&map);
	memory_add(&map, 8 * GRANULE, 8 * GRANULE, MEMORY_RAM);
	memory_add(&map, 10 * GRANULE, 2 * GRANULE, MEMORY_NOMAP);
	memory_add(&map, 14 * GRANULE, 4 * GRANULE, MEMORY_NOMAP);
	memory_add(&map, 12 * GRANULE, GRANULE, MEMORY_RESERVED);
	memory_normalise(&map, GRANULE);
	assert_true(memory_is_unmapped(&map, paddr(10 * GRANULE), 2 * GRANULE));
	assert_true(memory_is_unmapped(&map, paddr(14 * GRANULE), 9 * GRANULE));
	assert_true(memory_is_unmapped(&map, paddr(0), 8 * GRANULE));
	assert_false(memory_is_unmapped(&map, paddr(10 * GRANULE - 1), 2));
	assert_false(memory_is_unmapped(&map, paddr(10 * GRANULE), 2 * GRANULE + 1));
	assert_false(memory_is_unmapped(&map, paddr(10 * GRANULE), 5 * GRANULE));
	assert_false(memory_is_unmapped(&map, paddr(12 * GRANULE), GRANULE));
	assert_false(memory_is_unmapped(&map, paddr(0), 9 * GRANULE));
	assert_false(memory_is_unmapped(&map, paddr(10 * GRANULE), 0));
	assert_false(memory_is_unmapped(&map, paddr(16 * GRANULE), -GRANULE));
	memory_add_own(&map, 11 * GRANULE, GRANULE, MEMORY_IMAGE);
	assert_true(memory_is_unmapped(&map, paddr(10 * GRANULE), GRANULE));
	assert_false(memory_is_unmapped(&map, paddr(10 * GRANULE), 2 * GRANULE));
}

static void a_device_has_some_addresses_and_they_do_not_wrap(void **state)
{
	(void)state;
	memory_begin(&map);
	assert_true(memory_may_map_device(&map, paddr(0), 1));
	assert_false(memory_may_map_device(&map, paddr(GRANULE), 0));
	assert_true(memory_may_map_device(&map, paddr(-GRANULE), GRANULE - 1));
	assert_false(memory_may_map_device(&map, paddr(-GRANULE), GRANULE));
	assert_false(memory_may_map_device(&map, paddr(GRANULE), -GRANULE));
	memory_add(&map, 8 * GRANULE, GRANULE, MEMORY_RESERVED);
	assert_true(memory_may_map_device(&map, paddr(8 * GRANULE), GRANULE));
	memory_add(&map, 8 * GRANULE, GRANULE, MEMORY_RAM);
	assert_false(memory_may_map_device(&map, paddr(0), 8 * GRANULE + 1));
	assert_true(memory_may_map_device(&map, paddr(0), 8 * GRANULE));
	assert_true(memory_may_map_device(&map, paddr(9 * GRANULE), GRANULE));
}

static void check_find(u64 seed, u64 size, u64 align)
{
	struct memory_request request = { size, align, PAGES * GRANULE };
	u64 run = 0, largest;
	bool expected = false;
	paddr_t place;

	for (unsigned page = 0; page < PAGES && !expected; page++) {
		if (run == 0 && page % (align / GRANULE) != 0)
			continue;
		run = kind_of(page) == MEMORY_RAM ? run + GRANULE : 0;
		expected = run >= size;
	}
	if (memory_find(&map, &request, &place, &largest) != expected)
		fail_msg("seed %lu: %#lx bytes aligned to %#lx: %s", seed, size, align,
			 expected ? "not found" : "found where there are none");
	if (!expected) {
		assert_true(largest < size);
		return;
	}
	assert_true(is_aligned(place.value, align));
	for (u64 pa = place.value; pa < place.value + size; pa += GRANULE)
		assert_int_equal(kind_of((unsigned)(pa / GRANULE)), MEMORY_RAM);
}

static void random_lists_mean_the_same_when_normalised(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		u64 seed = random.state;

		list_make(&random);
		check_device_anywhere(seed);
		memory_normalise(&map, GRANULE);
		check_pieces(seed);
		check_find(seed, GRANULE * (1 + random_below(&random, 12)),
			   GRANULE << random_below(&random, 3));
		check_device(seed, random_below(&random, PAGES - 3), 1 + random_below(&random, 3));
	}
}

/* What is put into a normalised list leaves what normalising with it would. */
static void what_the_kernel_adds_stands_where_it_would_have_been(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		u64 seed = random.state;
		static struct memory_map before;

		list_make(&random);
		memory_normalise(&map, GRANULE);
		for (unsigned own = 0; own < MEMORY_OWN_MAX; own++) {
			u64 start = random_below(&random, PAGES * GRANULE - 1);
			u64 size = 1 + random_below(&random, 4 * GRANULE);
			unsigned kind = random_below(&random, MEMORY_KIND_COUNT);

			before = map;
			before.range[before.count++] =
				(struct memory_range){ paddr(start), paddr(start + size), kind };
			memory_normalise(&before, GRANULE);
			memory_add_own(&map, start, size, kind);
			if (map.count != before.count ||
			    memcmp(map.first, before.first, sizeof(map.first)) != 0 ||
			    map.others_start != before.others_start ||
			    map.others_end != before.others_end)
				fail_msg("seed %lu: another list", seed);
			for (u32 at = 0; at < map.count; at++)
				if (map.range[at].start.value != before.range[at].start.value ||
				    map.range[at].end.value != before.range[at].end.value ||
				    map.range[at].kind != before.range[at].kind)
					fail_msg("seed %lu: range %u is another", seed, at);
		}
	}
}

/* Of the last piece there can be, aligned places are past the end: address 0 is none. */
static void no_place_is_found_past_the_last_address(void **state)
{
	static struct memory_map last;
	struct memory_request request = { KIB(64), MIB(1), ~(u64)0 };
	paddr_t place = { 1 };
	u64 largest;

	(void)state;
	memory_begin(&last);
	memory_add(&last, -KIB(128), KIB(64), MEMORY_RAM);
	memory_normalise(&last, KIB(4));
	assert_false(memory_find(&last, &request, &place, &largest));
	assert_int_equal(largest, 0);
	assert_int_equal(place.value, 1);
	request.align = KIB(64);
	assert_true(memory_find(&last, &request, &place, &largest));
	assert_int_equal(place.value, -KIB(128));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_place_is_found_past_the_last_address),
		cmocka_unit_test(an_empty_range_is_not_taken_in),
		cmocka_unit_test(ram_that_wraps_is_dropped_and_counted),
		cmocka_unit_test(a_reservation_that_wraps_is_kept_up_to_the_last_byte_but_one),
		cmocka_unit_test(a_thousand_ranges_are_bounded_and_counted),
		cmocka_unit_test(ranges_are_sorted_and_joined_by_kind),
		cmocka_unit_test(a_limit_keeps_the_lowest_bytes),
		cmocka_unit_test(ram_beyond_reach_is_cut_and_counted),
		cmocka_unit_test(a_range_can_lose_its_middle),
		cmocka_unit_test(what_no_map_hides_is_in_no_map),
		cmocka_unit_test(a_device_has_some_addresses_and_they_do_not_wrap),
		cmocka_unit_test(random_lists_mean_the_same_when_normalised),
		cmocka_unit_test(what_the_kernel_adds_stands_where_it_would_have_been),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
