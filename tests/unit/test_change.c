// SPDX-License-Identifier: MIT
/*
 * Changes of live mappings, against a model of memory page by page and a model of a TLB that keeps
 * all it ever saw until it is told to forget it. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pagoda/arch/arch.h>
#include <pagoda/kernel/selftest/change_model.h>

#include "support/random.h"

#define STEPS 100000
#define ROUNDS 100
#define TABLES 64
#define POOL_PA GIB(1)
#define LEVELS (LEVEL_PAGE + 1 - LEVEL_MIN)

static const struct shape {
	unsigned granule_shift, va_bits, pa_bits;
	bool wide;
} shapes[] = {
	{ 12, 52, 52, true },  { 12, 48, 48, false }, { 14, 52, 52, true },
	{ 14, 47, 48, false }, { 16, 52, 52, true },  { 16, 42, 48, false },
};

static struct {
	struct regime regime;
	struct table_pool pool;
	struct space space;
	u64 seen[CHANGE_UNITS_MAX]; /* what the TLB has for each unit's first byte, or 0 */
	int seen_level[CHANGE_UNITS_MAX];
	u64 walked[CHANGE_UNITS_MAX][LEVELS]; /* the tables on the way there that it has, or 0 */
	u64 seed;
	unsigned step;
	bool broken_wrongly;
} b;

/* The area under test, and what it should be. */
static struct change_model model;
static u8 *arena;

#define COUNTED 400 /* tables at most */

static u32 counts[COUNTED]; /* of descriptors in each table but the root */

static struct pt_entry look(unsigned i)
{
	return pt_find(&b.space, vaddr(model.base + i * model.unit));
}

/* The table at @level that a walk for unit @i goes through; 0 where it ends before. */
static u64 table_of(unsigned i, int level)
{
	vaddr_t va = vaddr(model.base + i * model.unit);
	paddr_t table = b.space.root;

	for (int at = b.regime.root_level; at < level; at++) {
		pte_t pte = pt_descend(&b.space, va, at).pte;

		if (pte_kind(&b.regime, pte, at) != PTE_TABLE)
			return 0;
		table = pte_address(&b.regime, pte, at);
	}
	return level < b.regime.root_level ? 0 : table.value;
}

static void tables_load(unsigned i)
{
	for (int level = LEVEL_MIN; level <= LEVEL_PAGE; level++)
		if (b.walked[i][level - LEVEL_MIN] == 0)
			b.walked[i][level - LEVEL_MIN] = table_of(i, level);
}

/* What it has of tables is so. */
static void tables_check(unsigned i)
{
	for (int level = LEVEL_MIN; level <= LEVEL_PAGE; level++) {
		u64 table = b.walked[i][level - LEVEL_MIN];

		if (table != 0 && table != table_of(i, level))
			fail_msg("seed %lu, step %u: a table for unit %u is stale in the TLB",
				 b.seed, b.step, i);
	}
}

/* A CPU may load any translation at any time: this one loads all, and drops none by itself. */
static void tlb_load(void)
{
	for (unsigned i = 0; i < model.units; i++) {
		struct pt_entry entry = look(i);

		tables_load(i);
		if (entry.kind != PTE_PAGE && entry.kind != PTE_BLOCK)
			continue;
		if (b.seen[i] == 0) {
			b.seen[i] = entry.pte.bits;
			b.seen_level[i] = entry.level;
		}
	}
}

/* Only permissions may change while the TLB has a descriptor, and in no contiguous run. */
#define PERMISSIONS (BIT(7) | BIT(50) | BIT(53))
#define CONTIGUOUS BIT(52)
/* PXN: nor may execution go, for the sake of Cortex-A715. */
#define NO_EXECUTE BIT(53)

/* The TLB knows nothing that the tables contradict, but for permissions. */
static void tlb_check(void)
{
	for (unsigned i = 0; i < model.units; i++) {
		struct pt_entry entry = look(i);
		u64 may_change = b.seen[i] & CONTIGUOUS ? 0 : PERMISSIONS;

		if (b.seen[i] == 0 || (entry.kind != PTE_PAGE && entry.kind != PTE_BLOCK))
			continue;
		if (entry.level != b.seen_level[i] ||
		    ((entry.pte.bits ^ b.seen[i]) & ~may_change) ||
		    (entry.pte.bits & ~b.seen[i] & NO_EXECUTE))
			b.broken_wrongly = true;
	}
}

/* An operation for one address drops what any walk of it has cached, for all others as well. */
static void tables_forget(unsigned i)
{
	for (unsigned j = 0; j < model.units; j++)
		for (unsigned level = 0; level < LEVELS; level++)
			if (j != i && b.walked[j][level] == b.walked[i][level])
				b.walked[j][level] = 0;
	memset(b.walked[i], 0, sizeof(b.walked[i]));
}

void tlb_invalidate(const struct space *space, const struct tlb_range *range)
{
	u64 start = range->start.value, end = range->end.value;

	(void)space;
	tlb_check();
	for (unsigned i = 0; i < model.units; i++) {
		u64 first = model.base + i * model.unit;
		bool hinted = range->tables || range->level == TLB_LEVEL_UNKNOWN ||
			      range->level == b.seen_level[i];

		/* What stands at another level than the hint says may stay. */
		if (hinted && first - start < end - start)
			b.seen[i] = 0;
		if (range->tables && (first - start < end - start || start - first < model.unit))
			tables_forget(i);
	}
	tlb_load();
}

void tables_publish(void)
{
	tlb_check();
	tlb_load();
}

static void begin(const struct shape *shape, unsigned tables)
{
	u64 granule = BIT(shape->granule_shift);

	memset(&b, 0, sizeof(b));
	memset(&model, 0, sizeof(model));
	b.regime = regime_make(shape->granule_shift, shape->va_bits, shape->pa_bits, shape->wide);
	b.pool = (struct table_pool){ .start = paddr(POOL_PA),
				      .next = paddr(POOL_PA),
				      .end = paddr(POOL_PA + tables * granule) };
	b.space = (struct space){ .regime = b.regime,
				  .phys_offset = (u64)(uintptr_t)arena - POOL_PA,
				  .pool = &b.pool };
	assert_int_equal(pt_space_create(&b.space), MAP_OK);
	memset(counts, 0xff, sizeof(counts));
	pool_count(&b.pool, 0, sizeof(u32));
	pool_count_early(&b.pool, counts);
}

/* The count of the table that unit @i's descriptor stands in. */
static u32 count_of(unsigned i)
{
	return counts[(look(i).slot.value - b.pool.early.value) / regime_granule(&b.regime)];
}

static u64 used(void)
{
	return pool_used(&b.pool, regime_granule(&b.regime));
}

/* @units pages, or blocks, of @unit bytes. */
static void area(u64 unit, u64 units)
{
	model.space = &b.space;
	model.pa = GIB(512);
	model.execute = true;
	model.unit = unit;
	model.units = (u32)units;
	model.base = regime_upper_start(&b.regime) + align_down(BIT(b.regime.va_bits - 2), GIB(64));
}

static enum map_result map(unsigned first, unsigned count, u64 pa, enum mem_prot prot)
{
	struct map_request request = { .start = vaddr(model.base + first * model.unit),
				       .end = vaddr(model.base + (first + count) * model.unit),
				       .pa = paddr(pa),
				       .attr = { prot, MEM_NORMAL } };

	return map_range(&b.space, &request);
}

static vaddr_t at(unsigned i)
{
	return vaddr(model.base + i * model.unit);
}

static void check_model(void)
{
	tlb_check();
	if (b.broken_wrongly)
		fail_msg("seed %lu, step %u: made before it was broken", b.seed, b.step);
	if (!pt_counts_agree(&b.space, pt_start(&b.space), pt_end(&b.space)))
		fail_msg("seed %lu, step %u: descriptors are miscounted", b.seed, b.step);
	for (unsigned i = 0; i < model.units; i++) {
		struct pt_entry entry = look(i);
		struct pte_info info =
			pte_decode(&b.regime, entry.pte, entry.level, entry.table_bits);
		paddr_t pa, last;
		bool mapped = pt_translate(&b.space, at(i), &pa);

		tables_check(i);
		if (mapped != model.at[i].mapped)
			fail_msg("seed %lu, step %u: unit %u mapped %d", b.seed, b.step, i, mapped);
		if (!mapped) {
			if (b.seen[i] != 0)
				fail_msg("seed %lu, step %u: unit %u is stale", b.seed, b.step, i);
			continue;
		}
		if (pt_translate(&b.space, vaddr(at(i).value + model.unit - 1), &last) &&
		    last.value != pa.value + model.unit - 1)
			fail_msg("seed %lu, step %u: unit %u ends elsewhere", b.seed, b.step, i);
		if (pa.value != model.at[i].pa ||
		    info.write != (model.at[i].prot == PROT_READ_WRITE) ||
		    info.execute != (model.at[i].prot == PROT_READ_EXECUTE))
			fail_msg("seed %lu, step %u: unit %u is not as it should be", b.seed,
				 b.step, i);
		if (b.seen[i] != 0 && b.seen[i] != entry.pte.bits)
			fail_msg("seed %lu, step %u: unit %u is stale in the TLB", b.seed, b.step,
				 i);
	}
}

/* ---- what each does ---- */

static void a_permission_changes_in_place_and_a_run_is_broken_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		begin(&shapes[i], TABLES);
		area(regime_granule(&b.regime), 32);
		assert_int_equal(map(0, 32, GIB(8), PROT_READ_WRITE), MAP_OK);
		tables_publish();
		assert_int_equal(pt_protect(&b.space, at(0), at(32), PROT_READ_ONLY), MAP_OK);
		for (unsigned j = 0; j < 32; j++)
			model.at[j] = (struct change_unit){ true, GIB(8) + j * model.unit,
							    PROT_READ_ONLY };
		check_model();
		assert_int_equal(pt_unmap(&b.space, at(0), at(32)), MAP_OK);
		memset(model.at, 0, sizeof(model.at));
		check_model();
		assert_int_equal(used(), 1);
	}
}

static void where_execution_goes_the_leaf_is_broken_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		begin(&shapes[i], TABLES);
		area(regime_granule(&b.regime), 3);
		assert_int_equal(map(0, 3, GIB(8), PROT_READ_EXECUTE), MAP_OK);
		tables_publish();
		assert_int_equal(pt_protect(&b.space, at(1), at(2), PROT_READ_WRITE), MAP_OK);
		for (unsigned j = 0; j < 3; j++)
			model.at[j] = (struct change_unit){ true, GIB(8) + j * model.unit,
							    j == 1 ? PROT_READ_WRITE :
								     PROT_READ_EXECUTE };
		check_model();
	}
}

static void what_is_cleared_is_out_of_the_tlb_and_its_tables_stay(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		u64 before;

		begin(&shapes[i], TABLES);
		area(regime_granule(&b.regime), 32);
		assert_int_equal(map(0, 32, GIB(8), PROT_READ_WRITE), MAP_OK);
		tables_publish();
		before = used();
		assert_int_equal(pt_clear(&b.space, at(0), at(32)), MAP_OK);
		check_model();
		assert_int_equal(used(), before);
		assert_int_equal(pt_clear(&b.space, at(0), at(32)), MAP_NOT_MAPPED);
		assert_int_equal(map(0, 32, GIB(9), PROT_READ_WRITE), MAP_OK);
		assert_int_equal(used(), before);
	}
}

static void a_block_splits_down_to_pages_and_merges_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		u64 block;
		struct pt_entry before, after;
		unsigned splits = 0, merges = 0;

		begin(&shapes[i], TABLES);
		block = regime_span(&b.regime, 2);
		area(block, 1);
		assert_int_equal(map(0, 1, block * 64, PROT_READ_WRITE), MAP_OK);
		model.at[0] = (struct change_unit){ true, block * 64, PROT_READ_WRITE };
		tables_publish();
		before = look(0);
		while (pt_split(&b.space, at(0)) == MAP_OK) {
			splits++;
			check_model();
		}
		assert_int_equal(splits, 2); /* to runs of pages, to pages */
		assert_int_equal(look(0).level, 3);
		assert_int_equal(pt_split(&b.space, at(0)), MAP_SPLIT);
		while (pt_merge(&b.space, at(0)) == MAP_OK && merges < 10) {
			merges++;
			check_model();
		}
		after = look(0);
		assert_int_equal(merges, 2);
		assert_int_equal(after.pte.bits, before.pte.bits);
		assert_int_equal(after.level, before.level);
		assert_int_equal(pt_unmap(&b.space, at(0), at(1)), MAP_OK);
		assert_int_equal(used(), 1);
	}
}

static void what_breaks_the_rules_or_is_not_there_is_an_error_and_changes_nothing(void **state)
{
	u64 block, page, tables;

	(void)state;
	begin(&shapes[0], TABLES);
	block = regime_span(&b.regime, 2);
	page = regime_granule(&b.regime);
	area(block, 4);
	assert_int_equal(map(0, 1, block * 64, PROT_READ_WRITE), MAP_OK);
	model.at[0] = (struct change_unit){ true, block * 64, PROT_READ_WRITE };
	tables = used();
	assert_int_equal(map(0, 1, block * 65, PROT_READ_WRITE), MAP_CONFLICT);
	assert_int_equal(pt_unmap(&b.space, at(0), vaddr(model.base + page)), MAP_SPLIT);
	assert_int_equal(pt_unmap(&b.space, at(0), at(2)), MAP_NOT_MAPPED);
	assert_int_equal(pt_unmap(&b.space, at(1), at(1)), MAP_BAD_RANGE);
	assert_int_equal(pt_unmap(&b.space, vaddr(model.base + 1), at(1)), MAP_BAD_RANGE);
	assert_int_equal(pt_protect(&b.space, at(0), vaddr(model.base + page), PROT_READ_ONLY),
			 MAP_SPLIT);
	assert_int_equal(pt_protect(&b.space, at(1), at(2), PROT_READ_ONLY), MAP_NOT_MAPPED);
	assert_int_equal(pt_split(&b.space, at(1)), MAP_NOT_MAPPED);
	assert_int_equal(pt_split(&b.space, vaddr(0)), MAP_BAD_RANGE);
	assert_int_equal(pt_merge(&b.space, at(1)), MAP_NOT_MAPPED);
	assert_int_equal(pt_merge(&b.space, at(0)), MAP_UNEVEN);
	check_model();
	assert_int_equal(used(), tables);
}

static void without_a_table_a_split_changes_nothing(void **state)
{
	(void)state;
	begin(&shapes[0], 4); /* root, levels 0, 1, 2 */
	area(regime_span(&b.regime, 2), 1);
	assert_int_equal(map(0, 1, GIB(1), PROT_READ_WRITE), MAP_OK);
	model.at[0] = (struct change_unit){ true, GIB(1), PROT_READ_WRITE };
	assert_int_equal(pt_split(&b.space, at(0)), MAP_NO_TABLES);
	check_model();
}

/*
 * A walker that has all in its TLB as soon as it is written, of what @request writes before it
 * fails: as if it had been there in the middle of pt_map().
 */
static void load_while_mapping(const struct map_request *request)
{
	u64 size = paddr_diff(b.pool.end, b.pool.start);
	struct table_pool pool = b.pool;
	u32 counted[COUNTED];
	u8 *before = malloc(size);

	assert_non_null(before);
	memcpy(before, arena, size);
	memcpy(counted, counts, sizeof(counts));
	(void)map_range(&b.space, request);
	tlb_load();
	memcpy(arena, before, size);
	memcpy(counts, counted, sizeof(counts));
	b.pool = pool;
	free(before);
}

static struct map_request request_of(unsigned first, unsigned count, u64 pa)
{
	return (struct map_request){
		at(first), at(first + count), paddr(pa), { PROT_READ_WRITE, MEM_NORMAL }
	};
}

/* @count units from @first on, mapped to where all of @request maps them, or to @pa instead. */
static void be_there_before(unsigned first, unsigned count, u64 pa)
{
	struct map_request request = request_of(first, count, pa);

	assert_int_equal(map_range(&b.space, &request), MAP_OK);
	for (unsigned i = first; i < first + count; i++)
		model.at[i] = (struct change_unit){ true, pa + (i - first) * model.unit,
						    PROT_READ_WRITE };
	tables_publish();
}

static void check_refused(const struct map_request *request)
{
	u64 tables = used(), mapped = pt_audit_space(&b.space).mapped;

	load_while_mapping(request);
	assert_int_equal(pt_map(&b.space, request), MAP_CONFLICT);
	check_model();
	assert_int_equal(used(), tables);
	assert_int_equal(pt_audit_space(&b.space).mapped, mapped);
}

/*
 * @count leaves at @level are there before, from the @first on of all that are asked for: a bit
 * more than a run on either side of where a table ends, or up to the end of the space.
 */
static void check_conflict(int level, bool top, unsigned first, unsigned count, u64 away)
{
	unsigned around = regime_contiguous(&b.regime, level) + 3;
	struct map_request request;

	area(regime_span(&b.regime, level), 2 * around);
	model.base = top ? 0 : model.base + regime_entries(&b.regime, level) * model.unit;
	model.base -= (top ? 2 : 1) * around * model.unit;
	request = request_of(0, 2 * around, model.base % GIB(64) + GIB(64));
	count = (unsigned)min_u64(count, model.units - first);
	be_there_before(first, count, request.pa.value + first * model.unit + away);
	check_refused(&request);
	assert_int_equal(pt_unmap(&b.space, at(first), at(first + count)), MAP_OK);
	memset(model.at, 0, sizeof(model.at));
	check_model();
	assert_int_equal(used(), 1);
	assert_int_equal(pt_map(&b.space, &request), MAP_OK);
}

/* Be it the very mapping that is asked for, or another. */
static void what_was_there_before_a_mapping_that_failed_is_all_there_is_after_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (int level = LEVEL_PAGE - 1; level <= LEVEL_PAGE; level++) {
			unsigned run, first[9];

			begin(&shapes[i], TABLES);
			if (level == b.regime.root_level)
				continue;
			run = regime_contiguous(&b.regime, level);
			memcpy(first,
			       (unsigned[]){ 0, 1, 3, run / 2, run + 2, run + 3, run + run / 2,
					     2 * run + 3, 2 * run + 5 },
			       sizeof(first));
			for (unsigned j = 0; j < 4 * ARRAY_SIZE(first); j++) {
				begin(&shapes[i], TABLES);
				check_conflict(level, j & 1, first[j / 4], j & 2 ? run : 1,
					       j & 4 ? GIB(256) : 0);
			}
		}
}

/*
 * Pages, a block and pages, in as many tables as there are, one more each time. The last page is in
 * a table of blocks of its own, where there can be another.
 */
static enum map_result map_in(const struct shape *shape, unsigned tables, bool neighbour)
{
	struct map_request request = { .attr = { PROT_READ_WRITE, MEM_NORMAL } };
	enum map_result result;
	u64 span, page, before;

	begin(shape, tables);
	page = regime_granule(&b.regime);
	span = regime_span(&b.regime, 2);
	area(span, 4);
	if (b.regime.root_level < 2)
		model.base += regime_span(&b.regime, 1) - 2 * span;
	request.start = vaddr(model.base + span - page);
	request.end = vaddr(model.base + 2 * span + page);
	request.pa = paddr(GIB(256) - page);
	if (neighbour) {
		struct map_request other = { .start = at(0),
					     .end = vaddr(model.base + page),
					     .pa = paddr(GIB(256) - span),
					     .attr = request.attr };

		if (map_range(&b.space, &other) != MAP_OK)
			return MAP_NO_TABLES;
		model.at[0] = (struct change_unit){ true, other.pa.value, PROT_READ_WRITE };
		tables_publish();
	}
	before = used();
	load_while_mapping(&request);
	result = pt_map(&b.space, &request);
	if (result == MAP_OK)
		return result;
	check_model();
	assert_int_equal(used(), before);
	assert_int_equal(pt_audit_space(&b.space).runs, neighbour);
	return result;
}

static void of_a_mapping_that_runs_out_of_tables_nothing_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (int neighbour = 0; neighbour <= 1; neighbour++) {
			unsigned tables = 1;

			while (map_in(&shapes[i], tables, neighbour) == MAP_NO_TABLES)
				tables++;
			assert_int_equal(used(), tables);
			assert_true(tables >= 3);
		}
}

/* The table made last is used up to its end, where another begins that has been there for long. */
static void what_is_behind_the_last_table_is_looked_at(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		unsigned entries;

		begin(&shapes[i], TABLES);
		entries = regime_entries(&b.regime, LEVEL_PAGE);
		area(regime_granule(&b.regime), 4);
		assert_int_equal(map(0, 1, GIB(8), PROT_READ_WRITE), MAP_OK);
		assert_int_equal(map(entries + 1, 1, GIB(8), PROT_READ_WRITE), MAP_OK);
		assert_int_equal(pt_unmap(&b.space, at(0), at(1)), MAP_OK);
		assert_int_equal(map(entries - 1, 1, GIB(8), PROT_READ_WRITE), MAP_OK);
		assert_int_equal(map(entries, 1, GIB(8), PROT_READ_WRITE), MAP_OK);
		assert_int_equal(map(entries + 1, 1, GIB(9), PROT_READ_WRITE), MAP_CONFLICT);
	}
}

static void a_request_that_is_refused_changes_nothing(void **state)
{
	struct map_request request;

	(void)state;
	begin(&shapes[0], TABLES);
	area(regime_granule(&b.regime), 4);
	be_there_before(0, 4, GIB(8));
	request = request_of(0, 4, BIT(52));
	assert_int_equal(pt_map(&b.space, &request), MAP_UNREACHABLE);
	request = request_of(0, 4, GIB(8) + 1);
	assert_int_equal(pt_map(&b.space, &request), MAP_BAD_RANGE);
	request = request_of(4, 0, GIB(8));
	assert_int_equal(pt_map(&b.space, &request), MAP_BAD_RANGE);
	check_model();
	assert_int_equal(pt_audit_space(&b.space).runs, 1);
}

/*
 * The tables are reached through a block that they themselves map: the linear map on the machine.
 */
static void a_mapping_of_its_own_descriptors_is_not_broken(void **state)
{
	u64 block;

	(void)state;
	begin(&shapes[0], TABLES);
	block = regime_span(&b.regime, 2);
	area(block, 1);
	assert_int_equal(map(0, 1, GIB(1), PROT_READ_WRITE), MAP_OK);
	/* As if the pool's pointers were addresses in the area. */
	model.base = align_down((uintptr_t)arena, block);
	b.space.regime.whose = WHOSE_KERNEL_LOW;
	b.space.regime.va_bits = 48;
	b.space.regime.root_level = 0;
	b.regime = b.space.regime;
	assert_int_equal(pt_space_create(&b.space), MAP_OK);
	assert_int_equal(map(0, 1, GIB(1), PROT_READ_WRITE), MAP_OK);
	assert_int_equal(pt_split(&b.space, at(0)), MAP_LIVE);
	assert_int_equal(pt_unmap(&b.space, at(0), at(1)), MAP_LIVE);
	assert_int_equal(look(0).level, 2);
}

/* ---- large ranges ---- */

#define LARGE_SECONDS 20

/*
 * Half the space, or 1 TiB where there are no blocks of more than 1 GiB, and an odd page at either
 * end. By pages, up to 2^39 of them, no step of this would end in time.
 */
static void a_table_knows_how_many_descriptors_are_in_it(void **state)
{
	(void)state;
	begin(&shapes[0], TABLES);
	area(KIB(4), 64);
	assert_int_equal(map(0, 40, MIB(2), PROT_READ_WRITE), MAP_OK);
	assert_int_equal(count_of(0), 40);
	assert_int_equal(pt_unmap(&b.space, at(0), at(16)), MAP_OK);
	assert_int_equal(count_of(0), 24);
	assert_int_equal(pt_clear(&b.space, at(16), at(40)), MAP_OK);
	assert_int_equal(count_of(0), 0);
	assert_true(pt_counts_agree(&b.space, at(0), at(64)));
	counts[0]++;
	assert_false(pt_counts_agree(&b.space, at(0), at(64)));
	pt_count(&b.space, at(0), at(64));
	assert_true(pt_counts_agree(&b.space, at(0), at(64)));
	/* The count alone says that the table can go. */
	assert_int_equal(map(0, 1, MIB(2), PROT_READ_WRITE), MAP_OK);
	assert_int_equal(pt_unmap(&b.space, at(0), at(1)), MAP_OK);
	assert_int_equal(used(), 1);
}

static void what_was_there_before_counting_began_is_looked_through(void **state)
{
	(void)state;
	begin(&shapes[0], TABLES);
	pool_count(&b.pool, 0, 0);
	area(KIB(4), 64);
	assert_int_equal(map(0, 2, MIB(2), PROT_READ_WRITE), MAP_OK);
	pool_count(&b.pool, 0, sizeof(u32));
	pool_count_early(&b.pool, counts);
	assert_int_equal(pt_unmap(&b.space, at(0), at(1)), MAP_OK);
	assert_true(used() > 1);
	assert_int_equal(pt_unmap(&b.space, at(1), at(2)), MAP_OK);
	assert_int_equal(used(), 1);
}

static void a_large_range_takes_as_many_steps_as_it_has_descriptors(void **state)
{
	(void)state;
	alarm(LARGE_SECONDS);
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		u64 page, size;
		vaddr_t start, end;

		begin(&shapes[i], TABLES);
		page = regime_granule(&b.regime);
		size = (shapes[i].wide ? BIT(b.regime.va_bits - 1) : BIT(40)) + 2 * page;
		start = vaddr(regime_upper_start(&b.regime) + BIT(b.regime.va_bits - 2) - page);
		end = vaddr(start.value + size);
		area(size, 1);
		model.base = start.value;
		assert_int_equal(map(0, 1, BIT(b.regime.va_bits - 3) - page, PROT_READ_WRITE),
				 MAP_OK);
		tables_publish();
		assert_int_equal(pt_protect(&b.space, start, end, PROT_READ_ONLY), MAP_OK);
		assert_false(pte_decode(&b.regime, look(0).pte, look(0).level, 0).write);
		assert_int_equal(pt_unmap(&b.space, start, end), MAP_OK);
		assert_int_equal(pt_unmap(&b.space, start, end), MAP_NOT_MAPPED);
		assert_int_equal(pt_audit_space(&b.space).mapped, 0);
		assert_int_equal(used(), 1);
	}
	alarm(0);
}

/* ---- random sequences ---- */

/* Runs of pages, or more than a block of them; or runs of blocks, which split besides. */
static void random_area(struct random *random)
{
	int level = random_below(random, 2) ? LEVEL_PAGE : LEVEL_PAGE - 1;
	u64 units = 3 * regime_contiguous(&b.regime, level);

	if (level == LEVEL_PAGE && random_below(random, 2))
		units = CHANGE_UNITS_MAX;
	area(regime_span(&b.regime, level), units);
}

static void random_changes_leave_the_map_as_the_model_has_it_and_no_table_behind(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		u64 seed = random.state;

		begin(&shapes[random_below(&random, ARRAY_SIZE(shapes))], COUNTED);
		b.seed = seed;
		random_area(&random);
		model.random = random_next(&random);
		for (b.step = 0; b.step < STEPS / ROUNDS; b.step++) {
			struct change_step step;

			if (!change_model_step(&model, &step))
				fail_msg("seed %lu, step %u: %s of %u units from %u on: %s, not %s",
					 seed, b.step, step.what, step.count, step.first,
					 map_result_str(step.result),
					 map_result_str(step.expected));
			if (b.broken_wrongly || b.step % 16 == 0)
				check_model();
		}
		if (change_model_clear(&model) != MAP_OK)
			fail_msg("seed %lu: something cannot be unmapped", seed);
		check_model();
		if (used() != 1)
			fail_msg("seed %lu: %lu tables are left", seed, used() - 1);
	}
}

static int arena_make(void **state)
{
	(void)state;
	arena = aligned_alloc(GRANULE_SIZE_MAX, COUNTED * GRANULE_SIZE_MAX);
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
		cmocka_unit_test(a_permission_changes_in_place_and_a_run_is_broken_first),
		cmocka_unit_test(where_execution_goes_the_leaf_is_broken_first),
		cmocka_unit_test(what_is_cleared_is_out_of_the_tlb_and_its_tables_stay),
		cmocka_unit_test(a_block_splits_down_to_pages_and_merges_back),
		cmocka_unit_test(
			what_breaks_the_rules_or_is_not_there_is_an_error_and_changes_nothing),
		cmocka_unit_test(without_a_table_a_split_changes_nothing),
		cmocka_unit_test(
			what_was_there_before_a_mapping_that_failed_is_all_there_is_after_it),
		cmocka_unit_test(of_a_mapping_that_runs_out_of_tables_nothing_is_left),
		cmocka_unit_test(what_is_behind_the_last_table_is_looked_at),
		cmocka_unit_test(a_request_that_is_refused_changes_nothing),
		cmocka_unit_test(a_mapping_of_its_own_descriptors_is_not_broken),
		cmocka_unit_test(a_table_knows_how_many_descriptors_are_in_it),
		cmocka_unit_test(what_was_there_before_counting_began_is_looked_through),
		cmocka_unit_test(a_large_range_takes_as_many_steps_as_it_has_descriptors),
		cmocka_unit_test(
			random_changes_leave_the_map_as_the_model_has_it_and_no_table_behind),
	};

	return cmocka_run_group_tests(tests, arena_make, arena_free);
}
