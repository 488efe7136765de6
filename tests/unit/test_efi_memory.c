// SPDX-License-Identifier: MIT
/*
 * efi/memory.c: firmware's memory map, as firmware might write it and as it should not. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/efi/efi_stub.h>

#include "support/random.h"

#define DESCRIPTORS_MAX 4096
#define STRIDE 56 /* longer than a descriptor, as the specification allows */
#define PAGE EFI_PAGE_SIZE

static u64 buffer[DESCRIPTORS_MAX * STRIDE / sizeof(u64)];
static struct efi_ranges ranges;
static const struct memory_map nothing; /* is kept */

static struct efi_memory_map map_empty(void)
{
	return (struct efi_memory_map){ .descriptors = (u8 *)buffer, .descriptor_size = STRIDE };
}

static void map_add(struct efi_memory_map *map, struct efi_descriptor descriptor)
{
	u8 *at = (u8 *)buffer + map->size;

	memset(at, 0xcd, STRIDE);
	memcpy(at, &descriptor, sizeof(descriptor));
	map->size += STRIDE;
}

static struct efi_descriptor piece(u32 type, u64 first_page, u64 pages)
{
	return (struct efi_descriptor){ .type = type,
					.start = first_page * PAGE,
					.pages = pages,
					.attributes = EFI_MEMORY_WB };
}

static bool find_place(const struct efi_memory_map *map, u64 size, u64 align, u64 choice,
		       u64 *place)
{
	struct efi_room room = { size, align, ~(u64)0, &nothing };

	return efi_map_place(map, &room, choice, place);
}

static void expect_range(u32 index, u64 first_page, u64 end_page)
{
	assert_true(index < ranges.count);
	assert_int_equal(ranges.range[index].start.value, first_page * PAGE);
	assert_int_equal(ranges.range[index].end.value, end_page * PAGE);
	assert_int_equal(ranges.range[index].kind, MEMORY_RAM);
}

static void boot_services_and_loaders_leave_ram_and_no_other_type_does(void **state)
{
	(void)state;
	for (u32 type = 0; type < EFI_MEMORY_TYPE_COUNT + 2; type++) {
		struct efi_memory_map map = map_empty();
		bool good = type == EFI_CONVENTIONAL || type == EFI_LOADER_CODE ||
			    type == EFI_LOADER_DATA || type == EFI_BOOT_SERVICES_CODE ||
			    type == EFI_BOOT_SERVICES_DATA;

		map_add(&map, piece(type, 16, 4));
		efi_map_ranges(&map, EFI_USE_RAM, &ranges);
		assert_int_equal(ranges.count, good);
	}
}

static void tables_of_acpi_may_lie_where_firmware_keeps_data(void **state)
{
	struct efi_memory_map map = map_empty();

	(void)state;
	map_add(&map, piece(EFI_CONVENTIONAL, 0, 16));
	map_add(&map, piece(EFI_ACPI_RECLAIM, 16, 4));
	map_add(&map, piece(EFI_ACPI_NVS, 20, 4));
	map_add(&map, piece(EFI_MEMORY_MAPPED_IO, 24, 4));
	map_add(&map, piece(EFI_RESERVED, 32, 4));
	efi_map_ranges(&map, EFI_USE_TABLES, &ranges);
	assert_int_equal(ranges.count, 2);
	expect_range(0, 16, 24);
	expect_range(1, 32, 36);
}

static void special_uncached_and_misaligned_memory_is_not_ram(void **state)
{
	struct efi_memory_map map = map_empty();
	struct efi_descriptor special = piece(EFI_CONVENTIONAL, 16, 4);
	struct efi_descriptor uncached = piece(EFI_CONVENTIONAL, 32, 4);
	struct efi_descriptor misaligned = piece(EFI_CONVENTIONAL, 48, 4);
	u64 place;

	(void)state;
	special.attributes |= EFI_MEMORY_SP;
	uncached.attributes = 1;
	misaligned.start += 8;
	map_add(&map, special);
	map_add(&map, uncached);
	map_add(&map, misaligned);
	efi_map_ranges(&map, EFI_USE_RAM, &ranges);
	assert_int_equal(ranges.count, 0);
	assert_false(find_place(&map, PAGE, PAGE, 0, &place));
}

static void neighbours_are_joined(void **state)
{
	struct efi_memory_map map = map_empty();

	(void)state;
	map_add(&map, piece(EFI_CONVENTIONAL, 16, 16));
	map_add(&map, piece(EFI_LOADER_DATA, 32, 16));
	map_add(&map, piece(EFI_BOOT_SERVICES_CODE, 49, 1));
	efi_map_ranges(&map, EFI_USE_RAM, &ranges);
	assert_int_equal(ranges.count, 2);
	expect_range(0, 16, 48);
	expect_range(1, 49, 50);
}

static void sizes_that_wrap_count_for_nothing(void **state)
{
	struct efi_memory_map map = map_empty();
	u64 place;

	(void)state;
	map_add(&map, piece(EFI_CONVENTIONAL, 16, ~(u64)0));
	map_add(&map, piece(EFI_CONVENTIONAL, 32, 0));
	map_add(&map, piece(EFI_CONVENTIONAL, ~(u64)0 / PAGE - 1, 4));
	efi_map_sort(&map);
	efi_map_ranges(&map, EFI_USE_RAM, &ranges);
	assert_int_equal(ranges.count, 0);
	assert_false(find_place(&map, PAGE, PAGE, 0, &place));
}

/* Two descriptors for one page: where any of them says no, it is no. */
static void what_any_descriptor_denies_is_not_ram(void **state)
{
	struct random random = random_start();

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct efi_memory_map map = map_empty();
		u8 allowed[64] = { 0 }, denied[64] = { 0 };
		unsigned count = 1 + random_below(&random, 8);

		for (unsigned i = 0; i < count; i++) {
			unsigned start = random_below(&random, 56);
			unsigned pages = 1 + random_below(&random, 8);
			bool ram = random_below(&random, 3) != 0;

			map_add(&map, piece(ram ? EFI_CONVENTIONAL : EFI_RESERVED, start, pages));
			memset((ram ? allowed : denied) + start, 1, pages);
		}
		efi_map_sort(&map);
		efi_map_ranges(&map, EFI_USE_RAM, &ranges);
		for (u32 i = 0; i < ranges.count; i++) {
			for (u64 page = ranges.range[i].start.value / PAGE;
			     page < ranges.range[i].end.value / PAGE; page++)
				assert_true(allowed[page] && !denied[page]);
			if (i > 0)
				assert_true(ranges.range[i].start.value >
					    ranges.range[i - 1].end.value);
		}
	}
}

/* Without contradictions nothing is lost either. */
static void every_page_of_ram_is_kept_whatever_the_order(void **state)
{
	struct random random = random_start();

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct efi_memory_map map = map_empty();
		u8 is_ram[256] = { 0 };
		u64 kept = 0, wanted = 0;

		for (unsigned page = 0; page < 256; page += 4) {
			bool ram = random_below(&random, 2);

			map_add(&map, piece(ram ? EFI_LOADER_DATA : EFI_ACPI_NVS, page ^ 0xcc, 4));
			memset(is_ram + (page ^ 0xcc), ram, 4);
			wanted += ram ? 4 : 0;
		}
		efi_map_sort(&map);
		efi_map_ranges(&map, EFI_USE_RAM, &ranges);
		for (u32 i = 0; i < ranges.count; i++)
			for (u64 page = ranges.range[i].start.value / PAGE;
			     page < ranges.range[i].end.value / PAGE; page++, kept++)
				assert_true(is_ram[page]);
		assert_int_equal(kept, wanted);
	}
}

static void a_map_of_thousands_is_sorted_with_all_of_each_descriptor(void **state)
{
	struct random random = random_start();
	struct efi_memory_map map = map_empty();
	u64 sum = 0, sum_after = 0;

	(void)state;
	for (unsigned i = 0; i < DESCRIPTORS_MAX; i++) {
		u64 page = random_below(&random, 1 << 20);

		map_add(&map, piece((u32)page, page, page * 3));
		sum += page;
	}
	efi_map_sort(&map);
	for (unsigned i = 0; i < DESCRIPTORS_MAX; i++) {
		struct efi_descriptor descriptor = efi_map_get(&map, i);
		u64 page = descriptor.start / PAGE;

		assert_int_equal(descriptor.type, page);
		assert_int_equal(descriptor.pages, page * 3);
		assert_int_equal(((u8 *)buffer)[i * STRIDE + STRIDE - 1], 0xcd);
		if (i > 0)
			assert_true(descriptor.start >= efi_map_get(&map, i - 1).start);
		sum_after += page;
	}
	assert_int_equal(sum_after, sum);
}

static void of_too_many_ranges_the_smallest_go_and_are_counted(void **state)
{
	struct efi_memory_map map = map_empty();
	u64 total = 0, kept = 0;

	(void)state;
	/* As many long ones as are kept, among 2000. */
	for (unsigned i = 0; i < 2000; i++) {
		u64 pages = i % 3 == 1 && i < 3 * EFI_RANGES_MAX ? 5 : 2;

		map_add(&map, piece(EFI_CONVENTIONAL, 16 + i * 8, pages));
		total += pages * PAGE;
	}
	efi_map_ranges(&map, EFI_USE_RAM, &ranges);
	assert_int_equal(ranges.count, EFI_RANGES_MAX);
	for (u32 i = 0; i < ranges.count; i++) {
		u64 size = ranges.range[i].end.value - ranges.range[i].start.value;

		assert_int_equal(size, 5 * PAGE);
		kept += size;
	}
	assert_int_equal(ranges.dropped, 2000 - EFI_RANGES_MAX);
	assert_int_equal(ranges.dropped_bytes, total - kept);
}

/* Descriptors whose places are counted by hand: 3, none (too small), 1. */
static struct efi_memory_map map_with_places(void)
{
	struct efi_memory_map map = map_empty();

	map_add(&map, piece(EFI_CONVENTIONAL, 100, 100)); /* 0x64000 to 0xc8000 */
	map_add(&map, piece(EFI_CONVENTIONAL, 250, 10));
	map_add(&map, piece(EFI_BOOT_SERVICES_DATA, 300, 100));
	map_add(&map, piece(EFI_CONVENTIONAL, 448, 32));
	return map;
}

static void every_place_is_chosen_by_its_share_of_the_numbers(void **state)
{
	static const u64 places[] = { 0x70000, 0x80000, 0x90000, 0xa0000, 0x1c0000 };
	struct efi_memory_map map = map_with_places();
	u64 share = ~(u64)0 / ARRAY_SIZE(places), place;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		assert_true(find_place(&map, 0x20000, 0x10000, i * share + i + 1, &place));
		assert_int_equal(place, places[i]);
		assert_true(find_place(&map, 0x20000, 0x10000, (i + 1) * share - 1, &place));
		assert_int_equal(place, places[i]);
	}
}

static void a_place_fits_to_the_page_and_no_further(void **state)
{
	struct efi_memory_map map = map_empty();
	u64 place;

	(void)state;
	map_add(&map, piece(EFI_CONVENTIONAL, 32, 8));
	assert_true(find_place(&map, 8 * PAGE, 8 * PAGE, ~(u64)0, &place));
	assert_int_equal(place, 32 * PAGE);
	assert_false(find_place(&map, 9 * PAGE, PAGE, 0, &place));
	assert_false(find_place(&map, 8 * PAGE, 64 * PAGE, 0, &place));
	assert_false(find_place(&map, ~(u64)0, PAGE, 0, &place));
}

static void no_place_is_at_address_0(void **state)
{
	struct efi_memory_map map = map_empty();
	u64 place;

	(void)state;
	map_add(&map, piece(EFI_CONVENTIONAL, 0, 64));
	assert_true(find_place(&map, 16 * PAGE, 16 * PAGE, 0, &place));
	assert_int_equal(place, 16 * PAGE);
	assert_false(find_place(&map, 64 * PAGE, 64 * PAGE, 0, &place));
}

static void data_lies_in_one_descriptor_that_may_be_written(void **state)
{
	struct efi_memory_map map = map_empty();
	struct efi_descriptor read_only = piece(EFI_ACPI_RECLAIM, 64, 4);

	(void)state;
	read_only.attributes |= EFI_MEMORY_RO;
	map_add(&map, piece(EFI_BOOT_SERVICES_DATA, 16, 4));
	map_add(&map, piece(EFI_MEMORY_MAPPED_IO, 32, 4));
	map_add(&map, read_only);
	assert_true(efi_map_has_data(&map, 16 * PAGE, 4 * PAGE));
	assert_true(efi_map_has_data(&map, 20 * PAGE - 8, 8));
	assert_false(efi_map_has_data(&map, 20 * PAGE - 8, 9));
	assert_false(efi_map_has_data(&map, 16 * PAGE - 1, 8));
	assert_false(efi_map_has_data(&map, 16 * PAGE, ~(u64)0));
	assert_false(efi_map_has_data(&map, 32 * PAGE, 8));
	assert_false(efi_map_has_data(&map, 64 * PAGE, 8));
}

static void a_map_whose_stride_makes_no_sense_is_refused(void **state)
{
	static const u64 bad[] = { 0, 1, 32, 39, 44, EFI_PAGE_SIZE + 8, ~(u64)0 };
	struct efi_memory_map map = map_empty();

	(void)state;
	assert_true(efi_map_check(&map));
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		map.descriptor_size = bad[i];
		assert_false(efi_map_check(&map));
	}
}

/* A place that ends at the limit is one; none reaches above it, whatever the choice. */
static void no_place_reaches_above_the_limit(void **state)
{
	struct efi_memory_map map = map_empty();
	struct efi_room room = { 4 * PAGE, 4 * PAGE, 48 * PAGE, &nothing };
	u64 place;

	(void)state;
	map_add(&map, piece(EFI_CONVENTIONAL, 32, 64));
	map_add(&map, piece(EFI_CONVENTIONAL, 1 << 20, 64));
	for (u64 choice = 0; choice < 64; choice++) {
		assert_true(efi_map_place(&map, &room, choice << 58 | choice, &place));
		assert_in_range(place, 32 * PAGE, 44 * PAGE);
	}
	assert_int_equal(place, 44 * PAGE);
	room.limit = 36 * PAGE;
	assert_true(efi_map_place(&map, &room, ~(u64)0, &place));
	assert_int_equal(place, 32 * PAGE);
	room.limit--;
	assert_false(efi_map_place(&map, &room, 0, &place));
}

/* Every place there is, against what each page says; what is kept may overlap, and RAM is not. */
static void no_place_has_a_part_of_what_is_kept(void **state)
{
	static struct memory_map kept;
	struct random random = random_start();

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct efi_memory_map map = map_empty();
		struct efi_room room = { (1 + random_below(&random, 4)) * PAGE,
					 PAGE << random_below(&random, 3), 60 * PAGE, &kept };
		unsigned wanted[64], count = 0;
		u8 taken[64] = { 0 };
		u64 place;

		map_add(&map, piece(EFI_CONVENTIONAL, 8, 24));
		map_add(&map, piece(EFI_CONVENTIONAL, 40, 24));
		memory_begin(&kept);
		memory_add(&kept, 0, 64 * PAGE, MEMORY_RAM);
		for (unsigned i = random_below(&random, 6); i > 0; i--) {
			u64 first = random_below(&random, 64), size = random_below(&random, 12);

			memory_add(&kept, first * PAGE, size * PAGE - (size != 0),
				   i % 2 ? MEMORY_NOMAP : MEMORY_RESERVED);
			for (u64 page = first; page < first + size && page < 64; page++)
				taken[page] = 1;
		}
		for (unsigned at = 8; at * PAGE + room.size <= room.limit; at++) {
			bool free = is_aligned(at * PAGE, room.align);

			for (unsigned page = at; page < at + room.size / PAGE; page++)
				free = free && !taken[page] && page >= 8 &&
				       (page < 32 || page >= 40);
			if (free)
				wanted[count++] = at;
		}
		assert_int_equal(efi_map_place(&map, &room, 0, &place), count != 0);
		for (unsigned i = 0; i < count; i++) {
			u64 choice = (u64)(((unsigned __int128)i << 64) / count) + 1;

			assert_true(efi_map_place(&map, &room, choice, &place));
			assert_int_equal(place, wanted[i] * PAGE);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boot_services_and_loaders_leave_ram_and_no_other_type_does),
		cmocka_unit_test(no_place_reaches_above_the_limit),
		cmocka_unit_test(no_place_has_a_part_of_what_is_kept),
		cmocka_unit_test(tables_of_acpi_may_lie_where_firmware_keeps_data),
		cmocka_unit_test(special_uncached_and_misaligned_memory_is_not_ram),
		cmocka_unit_test(neighbours_are_joined),
		cmocka_unit_test(sizes_that_wrap_count_for_nothing),
		cmocka_unit_test(what_any_descriptor_denies_is_not_ram),
		cmocka_unit_test(every_page_of_ram_is_kept_whatever_the_order),
		cmocka_unit_test(a_map_of_thousands_is_sorted_with_all_of_each_descriptor),
		cmocka_unit_test(of_too_many_ranges_the_smallest_go_and_are_counted),
		cmocka_unit_test(every_place_is_chosen_by_its_share_of_the_numbers),
		cmocka_unit_test(a_place_fits_to_the_page_and_no_further),
		cmocka_unit_test(no_place_is_at_address_0),
		cmocka_unit_test(data_lies_in_one_descriptor_that_may_be_written),
		cmocka_unit_test(a_map_whose_stride_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
