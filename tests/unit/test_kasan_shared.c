// SPDX-License-Identifier: MIT
/*
 * Shared tables, in every regime the kernel can have: as much memory whatever the address size, all
 * of the region one page, each table counted once; pages of one's own in it, and nothing else
 * changed. The reference walker judges. Host only, with KASAN=1.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <pagoda/arch/arch.h>
#include <pagoda/mm/layout/layout.h>
#include <pagoda/mm/pt/shared.h>
#include <pagoda/mm/pt/tlb.h>

#include "support/ref_walker.h"

#define ARENA_PA 0x4000000000 /* of the arena's first byte: bit 38 */
#define TABLES 48
#define OWN_PA 0x12340000

static u8 arena[TABLES * KIB(64)] __attribute__((aligned(65536)));

static const struct shape {
	unsigned granule, va_bits;
	bool wide;
	unsigned ends; /* tables that are there because the region begins or ends within them */
} shapes[] = {
	{ 12, 52, true, 2 },  { 12, 48, false, 0 }, { 12, 39, false, 0 }, { 14, 52, true, 2 },
	{ 14, 48, false, 1 }, { 14, 47, false, 0 }, { 14, 36, false, 0 }, { 16, 52, true, 0 },
	{ 16, 48, false, 0 }, { 16, 42, false, 0 },
};

static struct table_pool pool;
static struct space space;
static struct layout layout;
static struct ref_tcr tcr;
static struct ref_tables tables;

/* ---- The machine: what was broken must be out of the TLB before something else is there. ---- */

static unsigned invalidations;
static struct tlb_range invalidated;

void tlb_invalidate(const struct space *whose, const struct tlb_range *range)
{
	(void)whose;
	invalidated = *range;
	invalidations++;
}

void tables_publish(void)
{
}

static bool arena_read(void *context, uint64_t pa, uint64_t *word)
{
	(void)context;
	if (pa < ARENA_PA || pa - ARENA_PA > sizeof(arena) - sizeof(*word))
		return false;
	memcpy(word, arena + (pa - ARENA_PA), sizeof(*word));
	return true;
}

static const struct ref_memory memory = { arena_read, NULL };

static u64 ttbr(void)
{
	return ttbr_encode(&space.regime, space.root);
}

static struct ref_result walk(u64 va)
{
	return ref_walk(&tcr, ttbr(), &memory, va);
}

static u64 shadow_start(void)
{
	return layout.region[LAYOUT_KASAN].start.value;
}

static u64 shadow_end(void)
{
	return layout.region[LAYOUT_KASAN].end.value;
}

/* A neighbour on either side, in the same root entry where the regime has it so. */
static void neighbours_map(void)
{
	u64 granule = regime_granule(&space.regime);
	struct map_request request = { .pa = paddr(0x80000000),
				       .attr = { PROT_READ_ONLY, MEM_NORMAL } };

	request.start = vaddr(shadow_start() - granule);
	request.end = vaddr(shadow_start());
	assert_int_equal(map_range(&space, &request), MAP_OK);
	request.start = vaddr(shadow_end());
	request.end = vaddr(shadow_end() + granule);
	assert_int_equal(map_range(&space, &request), MAP_OK);
}

static void neighbours_check(void)
{
	u64 granule = regime_granule(&space.regime);
	struct ref_result low = walk(shadow_start() - granule), high = walk(shadow_end());

	assert_true(low.fault == REF_NO_FAULT && low.pa == 0x80000000 && !low.el1_write);
	assert_true(high.fault == REF_NO_FAULT && high.pa == 0x80000000 && !high.el1_write);
}

static void space_make(const struct shape *shape)
{
	u64 granule = BIT(shape->granule);

	memset(arena, 0xaa, sizeof(arena));
	pool = (struct table_pool){ .start = paddr(ARENA_PA),
				    .next = paddr(ARENA_PA),
				    .end = paddr(ARENA_PA + TABLES * granule) };
	space = (struct space){
		.regime = regime_make(shape->granule, shape->va_bits, shape->wide ? 52 : 48,
				      shape->wide),
		.phys_offset = (uintptr_t)arena - ARENA_PA,
		.pool = &pool,
	};
	layout = layout_make(&space.regime, 64);
	tcr = (struct ref_tcr){ .granule_bits = shape->granule,
				.input_bits = shape->va_bits,
				.output_bits = shape->wide ? 52 : 48,
				.sh = 3,
				.upper = true,
				.ds = shape->wide && shape->granule != 16,
				.lpa = shape->wide && shape->granule == 16 };
	assert_int_equal(pt_space_create(&space), MAP_OK);
}

static void share(void)
{
	assert_int_equal(pt_share(&space, vaddr(shadow_start()), vaddr(shadow_end())), MAP_OK);
}

static void make(const struct shape *shape, bool neighbours)
{
	space_make(shape);
	if (neighbours)
		neighbours_map();
	share();
}

/* Addresses of the region: both ends, around each multiple of what a root entry spans, others. */
static u64 sample(unsigned i)
{
	u64 start = shadow_start(), size = shadow_end() - start;
	u64 span = regime_span(&space.regime, space.regime.root_level);

	if (i == 0)
		return start;
	if (i == 1)
		return start + size - 1;
	if (i < 66) {
		u64 edge = align_up(start, span) + (i / 2) * span - i % 2;

		if (edge >= start && edge < start + size)
			return edge;
	}
	return start + (i * 0x9e3779b97f4a7c15) % size;
}

#define SAMPLES 400

static void assert_all_is(u64 page, bool write)
{
	u64 granule = regime_granule(&space.regime);

	for (unsigned i = 0; i < SAMPLES; i++) {
		struct ref_result result = walk(sample(i));

		assert_int_equal(result.fault, REF_NO_FAULT);
		assert_int_equal(result.level, 3);
		assert_int_equal(result.pa, page + sample(i) % granule);
		assert_true(result.el1_write == write && !result.el1_execute && !result.el0_read);
	}
}

static void the_region_ends_where_the_linear_map_does(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++) {
		unsigned fallback = shapes[i].granule == 14 ? 47 : 48;
		unsigned vmin = shapes[i].va_bits < fallback ? shapes[i].va_bits : fallback;

		make(&shapes[i], false);
		assert_int_equal(shadow_end(), -BIT(vmin - 1));
		assert_int_equal(shadow_end() - shadow_start(), BIT(shapes[i].va_bits - 3));
		assert_int_equal(layout.region[LAYOUT_LINEAR].start.value, -BIT(shapes[i].va_bits));
		assert_int_equal(layout.region[LAYOUT_LINEAR].end.value, shadow_start());
		assert_int_equal(layout.region[LAYOUT_MODULES].start.value, shadow_end());
		/* The half's first and last address have the region's first and last byte. */
		assert_int_equal((-BIT(shapes[i].va_bits) >> 3) + layout_kasan_offset(&layout),
				 shadow_start());
		assert_int_equal((~(u64)0 >> 3) + layout_kasan_offset(&layout), shadow_end() - 1);
	}
}

static void all_of_it_is_one_page(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(shapes); i++) {
		u64 granule;

		make(&shapes[i / 2], i % 2);
		granule = regime_granule(&space.regime);
		assert_all_is(pt_shared_page(&space).value, true);
		if (i % 2)
			neighbours_check();
		else
			assert_int_equal(walk(shadow_start() - 1).fault, REF_TRANSLATION);
		for (u64 at = 0; at < granule; at++)
			assert_int_equal(arena[pt_shared_page(&space).value - ARENA_PA + at], 0);
	}
}

/* 52 bits take what 39 do, but for the tables at the ends and those of levels 39 has not. */
static void memory_is_constant_and_tables_count_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++) {
		const struct shape *shape = &shapes[i];
		u64 granule = BIT(shape->granule), taken;
		unsigned uniform = 0, below;

		make(shape, false);
		/* With one end's table all of the region is in one entry of the root. */
		below = (unsigned)regime_levels(&space.regime) - 1 - (shape->ends == 1);
		taken = (pool.next.value - pool.start.value) / granule;
		assert_int_equal(taken, 1 + 1 + below + shape->ends);
		assert_true(taken - 1 <= PT_SHARE_MAX);
		assert_int_equal(pt_shared_tables(&space), below);
		assert_true(ref_tables(&tcr, ttbr(), &memory, &tables));
		assert_int_equal(tables.count, 1 + below + shape->ends);
		for (unsigned t = 0; t < tables.count; t++) {
			uniform += tables.table[t].uniform;
			assert_true(tables.table[t].uniform || tables.table[t].links <= 1);
		}
		assert_int_equal(uniform, below);
	}
}

/* The dump and the audit take as many steps as there are entries, not as there are pages. */
static void runs_are_few_and_say_what_is_there(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++) {
		u64 at;
		unsigned runs = 0;
		struct pt_audit audit;

		make(&shapes[i], true);
		for (at = shadow_start(); at != shadow_end(); runs++) {
			struct pt_run run = pt_next_run(&space, vaddr(at), vaddr(shadow_end()));

			assert_true(pt_run_is_shared(&space, &run));
			assert_int_equal(run.kind, PTE_TABLE);
			assert_true(run.info.write && !run.info.execute);
			assert_int_equal(run.info.pa.value, pt_shared_page(&space).value);
			at = run.end.value;
		}
		assert_int_equal(runs, 1 + (shapes[i].ends == 2 ? 2 : 0));
		audit = pt_audit_space(&space);
		assert_int_equal(audit.runs, 2 + runs);
		assert_int_equal(audit.mapped, 2 * BIT(shapes[i].granule));
		assert_int_equal(audit.writable_executable, 0);
	}
}

static void shared_memory_becomes_read_only_at_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++) {
		make(&shapes[i], true);
		invalidations = 0;
		pt_shared_protect(&space);
		assert_all_is(pt_shared_page(&space).value, false);
		neighbours_check();
		assert_int_equal(invalidations, 1);
		assert_true(invalidated.start.value <= shadow_start() &&
			    invalidated.end.value == 0);
	}
}

/* One page in the middle of nowhere, and both of its neighbours still what they were. */
static void own_one(u64 va, u64 pa)
{
	u64 granule = regime_granule(&space.regime), page = pt_shared_page(&space).value;
	u64 own = align_down(va, granule);
	struct ref_result result;

	assert_true(pt_is_shared(&space, vaddr(va)));
	assert_int_equal(pt_own(&space, vaddr(va), paddr(pa)), MAP_OK);
	assert_false(pt_is_shared(&space, vaddr(va)));
	result = walk(va);
	assert_true(result.fault == REF_NO_FAULT && result.el1_write && !result.el1_execute);
	assert_int_equal(result.pa, pa + va % granule);
	for (u64 beside = own - granule; beside <= own + granule; beside += 2 * granule)
		if (beside >= shadow_start() && beside < shadow_end())
			assert_int_equal(walk(beside).pa, page);
	assert_int_equal(pt_own(&space, vaddr(va), paddr(pa)), MAP_CONFLICT);
}

static bool is_shared_table(u64 pa)
{
	u64 first = pt_shared_page(&space).value;

	return pa > first && pa <= first + pt_shared_tables(&space) * regime_granule(&space.regime);
}

static void a_page_of_ones_own_changes_nothing_else(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++) {
		u64 places[4], own = 0;

		make(&shapes[i], true);
		pt_shared_protect(&space);
		places[0] = shadow_start();
		places[1] = shadow_end() - 1;
		places[2] = sample(100);
		places[3] = sample(101);
		for (unsigned p = 0; p < ARRAY_SIZE(places); p++) {
			u64 owned = pool.owned;

			invalidations = 0;
			own_one(places[p], OWN_PA + p * KIB(64));
			/* Each table that was exchanged, and the page, left the TLB before. */
			assert_int_equal(invalidations, pool.owned - owned + 1);
			assert_true(invalidations <= (unsigned)regime_levels(&space.regime));
			assert_int_equal(invalidated.end.value - invalidated.start.value,
					 regime_granule(&space.regime));
		}
		neighbours_check();
		/* Still one of each, and no table of anybody's has two ways to it. */
		assert_true(ref_tables(&tcr, ttbr(), &memory, &tables));
		for (unsigned t = 0; t < tables.count; t++) {
			assert_true(tables.table[t].uniform || tables.table[t].links <= 1);
			own += !is_shared_table(tables.table[t].pa);
		}
		/* All that was taken, though by now nobody may need the largest of those shared. */
		assert_int_equal(own + pt_shared_tables(&space) + 1,
				 pool_used(&pool, regime_granule(&space.regime)));
	}
}

/* All or nothing is asked of nobody here: the next try goes on where this one had no table. */
static void without_tables_nothing_is_lost(void **state)
{
	u64 page, va;

	(void)state;
	make(&shapes[0], true);
	pt_shared_protect(&space);
	page = pt_shared_page(&space).value;
	va = sample(100);
	pool.end = paddr_add(pool.next, 2 * KIB(4));
	assert_int_equal(pt_own(&space, vaddr(va), paddr(OWN_PA)), MAP_NO_TABLES);
	assert_true(pt_is_shared(&space, vaddr(va)));
	assert_all_is(page, false);
	pool.end = paddr_add(pool.next, 8 * KIB(4));
	own_one(va, OWN_PA);
}

static void what_is_mapped_already_is_refused(void **state)
{
	struct map_request request = { .pa = paddr(0), .attr = { PROT_READ_ONLY, MEM_NORMAL } };

	(void)state;
	make(&shapes[1], false);
	request.start = vaddr(shadow_start());
	request.end = vaddr(shadow_start() + KIB(4));
	assert_int_equal(map_range(&space, &request), MAP_CONFLICT);
}

/* In the table that was the last to be made, and of which nobody had seen more than one entry. */
static void what_is_shared_in_a_new_table_is_no_room(void **state)
{
	struct map_request request = { .pa = paddr(0), .attr = { PROT_READ_ONLY, MEM_NORMAL } };
	u64 span;

	(void)state;
	space_make(&shapes[0]);
	span = regime_span(&space.regime, 0);
	request.start = vaddr(shadow_start() - span);
	request.end = vaddr(shadow_start());
	assert_int_equal(map_range(&space, &request), MAP_OK);
	assert_int_equal(walk(request.start.value).level, 0);
	share();
	request.start = request.end;
	request.end = vaddr(shadow_start() + span);
	assert_int_equal(map_range(&space, &request), MAP_CONFLICT);
	assert_int_equal(walk(shadow_start()).pa, pt_shared_page(&space).value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_region_ends_where_the_linear_map_does),
		cmocka_unit_test(all_of_it_is_one_page),
		cmocka_unit_test(memory_is_constant_and_tables_count_once),
		cmocka_unit_test(runs_are_few_and_say_what_is_there),
		cmocka_unit_test(shared_memory_becomes_read_only_at_once),
		cmocka_unit_test(a_page_of_ones_own_changes_nothing_else),
		cmocka_unit_test(without_tables_nothing_is_lost),
		cmocka_unit_test(what_is_mapped_already_is_refused),
		cmocka_unit_test(what_is_shared_in_a_new_table_is_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
