// SPDX-License-Identifier: MIT
/*
 * The linear map over banks, holes and reservations of every kind, read back by the reference
 * walker byte range by byte range. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/mm/layout/linear.h>

#include "support/random.h"
#include "support/ref_walker.h"

#define ARENA_SIZE MIB(192)
#define IMAGE_SIZE KIB(1152)
#define ROUNDS 300

static const struct shape {
	unsigned granule_shift, va_bits, pa_bits;
	bool wide;
} shapes[] = {
	{ 12, 52, 52, true },  { 12, 48, 48, false }, { 12, 39, 40, false }, { 14, 52, 52, true },
	{ 14, 47, 48, false }, { 14, 36, 36, false }, { 16, 52, 52, true },  { 16, 48, 52, true },
	{ 16, 48, 48, false }, { 16, 42, 44, false },
};

/* One memory layout, and the linear map of it. */
static struct {
	struct shape shape;
	struct regime regime;
	struct layout layout;
	struct memory_map map;
	struct image image;
	struct linear linear;
	struct table_pool pool;
	struct space space;
	struct ref_memory memory;
	struct ref_tcr tcr;
	u64 ttbr;
} b;

static u8 *arena;

static bool arena_read(void *context, uint64_t pa, uint64_t *word)
{
	u64 offset = pa - b.pool.start.value;

	(void)context;
	if (offset >= ARENA_SIZE)
		return false;
	memcpy(word, arena + offset, sizeof(*word));
	return true;
}

static void begin(const struct shape *shape)
{
	memset(&b, 0, sizeof(b));
	b.shape = *shape;
	b.regime = regime_make(shape->granule_shift, shape->va_bits, shape->pa_bits, shape->wide);
	b.layout = layout_make(&b.regime, STRUCT_PAGE_SIZE);
}

/* However many there are already. */
static void append(u64 start, u64 size, enum memory_kind kind)
{
	b.map.range[b.map.count++] =
		(struct memory_range){ paddr(start), paddr(start + size), kind };
}

static void place_image(u64 pa)
{
	static const u32 edges[] = { 0, KIB(64), KIB(128), KIB(192), KIB(256), IMAGE_SIZE };

	b.image.pa = paddr(pa);
	b.image.size = IMAGE_SIZE;
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		b.image.segment[i].start = edges[i];
		b.image.segment[i].end = edges[i + 1];
	}
	append(pa, IMAGE_SIZE, MEMORY_IMAGE);
}

static void choose(u64 seed)
{
	memory_normalise(&b.map, regime_granule(&b.regime));
	memory_cut(&b.map, 0, regime_pa_end(&b.regime));
	b.linear = linear_place(&b.regime, &b.layout.region[LAYOUT_LINEAR], &b.map, &b.image, seed);
	memory_cut(&b.map, b.linear.start.value, b.linear.end.value);
}

/* With as many tables as linear_tables() says, and the root. */
static enum map_result build(void)
{
	u64 granule = regime_granule(&b.regime), start = GIB(1);
	u64 tables = 1 + linear_tables(&b.regime, &b.linear, &b.map, &b.image);
	enum map_result result;

	assert_true(tables * granule <= ARENA_SIZE);
	b.pool = (struct table_pool){ .start = paddr(start),
				      .next = paddr(start),
				      .end = paddr(start + tables * granule) };
	b.space = (struct space){ .regime = b.regime,
				  .phys_offset = (u64)(uintptr_t)arena - start,
				  .pool = &b.pool };
	b.memory = (struct ref_memory){ arena_read, NULL };
	b.tcr = (struct ref_tcr){ .granule_bits = b.shape.granule_shift,
				  .input_bits = b.shape.va_bits,
				  .output_bits = b.shape.pa_bits,
				  .sh = 3,
				  .upper = true,
				  .ds = b.regime.format == DESC_LPA2,
				  .lpa = b.regime.format == DESC_64K_LPA };
	result = pt_space_create(&b.space);
	if (result == MAP_OK)
		result = linear_map(&b.space, &b.linear, &b.map, &b.image);
	b.ttbr = ttbr_encode(&b.regime, b.space.root);
	return result;
}

/* What the linear map should do with one byte of memory. */
enum view {
	VIEW_NONE,
	VIEW_READ_ONLY,
	VIEW_READ_WRITE,
};

/* By the lists alone; memory_next() and linear_next() are what is under test. */
static enum view view_of(u64 pa)
{
	bool kinds[MEMORY_KIND_COUNT] = { false };
	u64 granule = regime_granule(&b.regime);

	for (u32 i = 0; i < b.map.count; i++)
		if (pa >= align_down(b.map.range[i].start.value, granule) &&
		    pa < align_up(b.map.range[i].end.value, granule))
			kinds[b.map.range[i].kind] = true;
	if (!kinds[MEMORY_RAM] || (kinds[MEMORY_NOMAP] && !kinds[MEMORY_IMAGE]))
		return VIEW_NONE;
	if (!kinds[MEMORY_IMAGE] || pa - b.image.pa.value >= KIB(256))
		return VIEW_READ_WRITE;
	return pa - b.image.pa.value < KIB(128) ? VIEW_READ_ONLY : VIEW_NONE;
}

/* Every place where the view may change, in order. */
static u64 edges[2 * MEMORY_RANGES_MAX + 8];
static unsigned edge_count;

static int edge_compare(const void *a, const void *c)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)c;

	return x < y ? -1 : x > y;
}

static void edges_collect(void)
{
	u64 granule = regime_granule(&b.regime);

	edge_count = 0;
	for (u32 i = 0; i < b.map.count; i++) {
		edges[edge_count++] = align_down(b.map.range[i].start.value, granule);
		edges[edge_count++] = align_up(b.map.range[i].end.value, granule);
	}
	edges[edge_count++] = b.image.pa.value + KIB(128);
	edges[edge_count++] = b.image.pa.value + KIB(256);
	qsort(edges, edge_count, sizeof(edges[0]), edge_compare);
}

/* @start to @end have one view; so do all bytes of a leaf, and as they should. */
static u64 check_stretch(u64 seed, u64 start, u64 end)
{
	enum view view = view_of(start);
	u64 mapped = 0;

	for (u64 pa = start; pa < end;) {
		u64 va = pa + b.linear.offset;
		struct ref_result leaf = ref_walk(&b.tcr, b.ttbr, &b.memory, va);

		if (leaf.fault != REF_NO_FAULT) {
			if (leaf.fault != REF_TRANSLATION || view != VIEW_NONE)
				fail_msg("seed %lu: %#lx is not mapped", seed, pa);
			/* The hole may end before what the walk says is invalid does. */
			pa = min_u64(end, align_down(pa, regime_span(&b.regime, leaf.level)) +
						  regime_span(&b.regime, leaf.level));
			continue;
		}
		if (view == VIEW_NONE)
			fail_msg("seed %lu: %#lx is mapped", seed, pa);
		if (leaf.pa != pa || leaf.el1_write != (view == VIEW_READ_WRITE) ||
		    leaf.el1_execute || leaf.el0_execute || leaf.el0_read)
			fail_msg("seed %lu: %#lx maps to %#lx, write %d", seed, pa, leaf.pa,
				 leaf.el1_write);
		mapped += min_u64(end - pa, leaf.size - (pa & (leaf.size - 1)));
		pa = (pa & ~(leaf.size - 1)) + leaf.size;
	}
	return mapped;
}

/* Bytes of RAM, and those the map leaves out on purpose. */
static void check_map(u64 seed)
{
	u64 mapped = 0, usable = 0, counted;

	edges_collect();
	for (unsigned i = 0; i + 1 < edge_count; i++) {
		if (edges[i] == edges[i + 1])
			continue;
		mapped += check_stretch(seed, edges[i], edges[i + 1]);
		if (view_of(edges[i]) != VIEW_NONE)
			usable += edges[i + 1] - edges[i];
	}
	counted = pt_audit_space(&b.space).mapped;
	if (mapped != usable || counted != usable)
		fail_msg("seed %lu: %#lx bytes mapped in RAM, %#lx in all, %#lx usable", seed,
			 mapped, counted, usable);
	if (pt_audit_space(&b.space).writable_executable != 0)
		fail_msg("seed %lu: writable and executable", seed);
}

/* What was counted beforehand is what it took. */
static void check_tables(u64 seed)
{
	u64 granule = regime_granule(&b.regime);

	if (pool_used(&b.pool, granule) != pool_total(&b.pool, granule))
		fail_msg("seed %lu: %lu tables used of %lu", seed, pool_used(&b.pool, granule),
			 pool_total(&b.pool, granule));
}

/* ---- where it goes ---- */

/* reference: Linux 6.12 starts its linear map at the window's start for RAM at 1 GiB. */
static void ram_at_one_gib_begins_at_the_start_of_the_window(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		begin(&shapes[i]);
		memory_add(&b.map, GIB(1), MIB(512), MEMORY_RAM);
		place_image(GIB(1) + MIB(2));
		choose(0);
		assert_int_equal(linear_va(&b.linear, paddr(GIB(1))).value,
				 -BIT(shapes[i].va_bits));
		assert_int_equal(b.linear.random, 0);
	}
}

/* Or the blocks of 512 GiB, 64 GiB, 4 TiB could not be used anywhere. */
static void a_large_ram_agrees_with_its_addresses_modulo_its_largest_leaf(void **state)
{
	static const u64 largest[] = { GIB(512), GIB(1), 0, GIB(64), GIB(1), 0, GIB(4096) };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(largest); i++) {
		struct pt_entry entry;
		u64 pa = 2 * largest[i];

		if (largest[i] == 0)
			continue;
		begin(&shapes[i]);
		memory_add(&b.map, GIB(1), GIB(16384), MEMORY_RAM);
		place_image(GIB(1) + MIB(2));
		choose(0x123456789abcdef);
		assert_true(is_aligned(b.linear.offset, largest[i]));
		assert_int_equal(build(), MAP_OK);
		entry = pt_find(&b.space, linear_va(&b.linear, paddr(pa)));
		assert_true(regime_span(&b.regime, entry.level) == largest[i] ||
			    regime_contiguous(&b.regime, entry.level) *
					    regime_span(&b.regime, entry.level) ==
				    largest[i]);
	}
}

static void the_seed_moves_it_within_the_window(void **state)
{
	struct random random = random_start();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		u64 first = 0;
		bool moved = false;

		for (unsigned j = 0; j < 50; j++) {
			const struct layout_region *window;
			u64 start, end;

			begin(&shapes[i]);
			memory_add(&b.map, GIB(1), GIB(2), MEMORY_RAM);
			place_image(GIB(1) + MIB(2));
			choose(random_next(&random));
			window = &b.layout.region[LAYOUT_LINEAR];
			start = linear_va(&b.linear, paddr(GIB(1))).value;
			end = linear_va(&b.linear, paddr(GIB(3))).value;
			assert_true(start >= window->start.value && end <= window->end.value);
			assert_true(is_aligned(b.linear.offset, MIB(512)));
			assert_int_equal(memory_total(&b.map), GIB(2));
			first = j == 0 ? start : first;
			moved |= start != first;
		}
		assert_true(moved);
	}
}

static void ram_that_the_window_cannot_hold_is_cut_but_never_the_image(void **state)
{
	(void)state;
	begin(&shapes[2]); /* 39 bits: a window of 256 GiB */
	memory_add(&b.map, GIB(1), GIB(1), MEMORY_RAM);
	memory_add(&b.map, GIB(600), GIB(1), MEMORY_RAM);
	place_image(GIB(1));
	choose(~(u64)0);
	assert_int_equal(memory_total(&b.map), GIB(1));
	assert_int_equal(b.map.range[0].start.value, GIB(1));

	begin(&shapes[2]);
	memory_add(&b.map, GIB(1), GIB(1), MEMORY_RAM);
	memory_add(&b.map, GIB(600), GIB(1), MEMORY_RAM);
	place_image(GIB(600));
	choose(~(u64)0);
	assert_int_equal(memory_total(&b.map), GIB(1));
	assert_int_equal(b.map.range[0].start.value, GIB(600));
	assert_int_equal(build(), MAP_OK);
	check_map(0);
}

/* ---- what is in it ---- */

static void the_image_is_seen_without_its_early_part_and_without_write_access_to_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		begin(&shapes[i]);
		memory_add(&b.map, GIB(1), MIB(512), MEMORY_RAM);
		memory_add(&b.map, GIB(1) + MIB(1), MIB(2), MEMORY_NOMAP); /* over the image */
		place_image(GIB(1) + MIB(2));
		choose(0);
		assert_int_equal(build(), MAP_OK);
		check_map(0);
		assert_int_equal(pt_audit_space(&b.space).mapped, MIB(512) - MIB(1) - KIB(128));
	}
}

/* Virtual banks: @banks of them, up to @limit bytes each, at random below the end of the output. */
static void add_banks(struct random *random, unsigned banks, u64 limit)
{
	u64 end = regime_pa_end(&b.regime);
	u64 slot = end / 2 / banks;

	for (unsigned i = 0; i < banks; i++) {
		u64 size = align_up(1 + random_next(random) % min_u64(limit, slot / 2), KIB(4));
		u64 start = align_down(i * slot + random_next(random) % (slot / 2), KIB(4));

		memory_add(&b.map, start, size, MEMORY_RAM);
	}
	/* And one that ends where the output size does. */
	append(end - MIB(64), MIB(64), MEMORY_RAM);
}

static void add_reservations(struct random *random)
{
	static const enum memory_kind kinds[] = { MEMORY_RESERVED, MEMORY_NOMAP, MEMORY_INITRD };

	for (unsigned i = random_below(random, 16); i > 0; i--) {
		const struct memory_range *bank = &b.map.range[random_below(random, b.map.count)];
		u64 size = bank->end.value - bank->start.value;
		u64 at = bank->start.value + random_next(random) % size;

		memory_add(&b.map, at, 1 + (random_next(random) >> (20 + random_below(random, 40))),
			   kinds[random_below(random, 3)]);
	}
}

static void make_case(struct random *random)
{
	const struct shape *shape = &shapes[random_below(random, ARRAY_SIZE(shapes))];
	static const unsigned most[] = { 1, 2, 5, 64 };
	u64 limit;

	begin(shape);
	/* Not more leaves than a test can look at. */
	limit = regime_span(&b.regime, b.regime.block_level > b.regime.root_level ?
					       b.regime.block_level :
					       b.regime.root_level)
		<< random_below(random, 4);
	add_banks(random, most[random_below(random, 4)], limit);
	{
		const struct memory_range *bank = &b.map.range[random_below(random, b.map.count)];
		u64 image = align_up(bank->start.value, KIB(64));

		append(image, IMAGE_SIZE, MEMORY_RAM);
		add_reservations(random);
		place_image(image);
	}
}

static void random_memory_is_mapped_to_the_byte(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		u64 seed = random.state;

		make_case(&random);
		choose(random_below(&random, 2) ? 0 : random_next(&random));
		if (memory_total(&b.map) == 0)
			fail_msg("seed %lu: no RAM is left, not even the image's", seed);
		if (build() != MAP_OK)
			fail_msg("seed %lu: not mapped, with %lu of %lu tables used", seed,
				 pool_used(&b.pool, regime_granule(&b.regime)),
				 pool_total(&b.pool, regime_granule(&b.regime)));
		check_map(seed);
		check_tables(seed);
	}
}

/* The image in the last RAM there can be; what lies too far below for the window is cut. */
static void a_bank_may_end_where_physical_addresses_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		u64 end, size = MIB(64), last;
		paddr_t pa;

		begin(&shapes[i]);
		end = regime_pa_end(&b.regime);
		last = end - regime_granule(&b.regime);
		memory_add(&b.map, GIB(1), MIB(32), MEMORY_RAM);
		memory_add(&b.map, end - size, size, MEMORY_RAM);
		place_image(end - size + MIB(8));
		choose(0);
		assert_int_equal(build(), MAP_OK);
		check_map(0);
		check_tables(0);
		assert_true(pt_translate(&b.space, linear_va(&b.linear, paddr(last)), &pa));
		assert_int_equal(pa.value, last);
	}
}

/* As many banks as there is room for, each with a page missing behind it. */
static void many_banks_take_as_many_tables_as_their_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		u64 granule, step;

		begin(&shapes[i]);
		granule = regime_granule(&b.regime);
		step = align_up(KIB(512), 8 * granule);
		for (u64 bank = 0; bank < MEMORY_BANKS_MAX; bank++)
			memory_add(&b.map, GIB(1) + bank * step, step - granule, MEMORY_RAM);
		place_image(GIB(1));
		choose(0);
		assert_int_equal(b.map.first[MEMORY_RAM + 1], MEMORY_BANKS_MAX);
		assert_int_equal(build(), MAP_OK);
		check_map(0);
		check_tables(0);
	}
}

static int arena_make(void **state)
{
	(void)state;
	arena = aligned_alloc(GRANULE_SIZE_MAX, ARENA_SIZE);
	return arena ? 0 : -1;
}

static int arena_free(void **state)
{
	(void)state;
	free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ram_at_one_gib_begins_at_the_start_of_the_window),
		cmocka_unit_test(a_large_ram_agrees_with_its_addresses_modulo_its_largest_leaf),
		cmocka_unit_test(the_seed_moves_it_within_the_window),
		cmocka_unit_test(ram_that_the_window_cannot_hold_is_cut_but_never_the_image),
		cmocka_unit_test(
			the_image_is_seen_without_its_early_part_and_without_write_access_to_text),
		cmocka_unit_test(random_memory_is_mapped_to_the_byte),
		cmocka_unit_test(a_bank_may_end_where_physical_addresses_do),
		cmocka_unit_test(many_banks_take_as_many_tables_as_their_addresses),
	};

	return cmocka_run_group_tests(tests, arena_make, arena_free);
}
