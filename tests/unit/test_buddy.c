// SPDX-License-Identifier: MIT
/*
 * The page allocator against a model that knows who has every page, in every kind of regime and
 * with both sizes of struct page. What a block holds is written and read back, so a block that lies
 * over another, over page tables or over the allocator's own metadata shows. Host only.
 *
 * Environment: PAGODA_SEED repeats a run.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/fake_memory.h"
#include "support/random.h"

#define BLOCKS_MAX 512
#define STEPS 4000

struct block {
	paddr_t pa;
	unsigned order;
};

struct model {
	struct fake_memory memory;
	struct block block[BLOCKS_MAX];
	unsigned count;
};

static struct model model;

static void model_make(unsigned setup)
{
	struct fake_memory_setup wanted = fake_memory_setup(setup);

	memset(&model, 0, sizeof(model));
	fake_memory_make(&model.memory, &wanted);
}

static void add(u64 start, u64 end)
{
	assert_int_equal(buddy_add(&model.memory.buddy, paddr(start), paddr(end)), BUDDY_OK);
}

static void add_all(void)
{
	add(model.memory.usable, model.memory.ram_end);
}

static u64 block_size(const struct block *block)
{
	return model.memory.granule << block->order;
}

/* First and last word of every page: the page's address. */
static void block_write(const struct block *block)
{
	for (u64 at = 0; at < block_size(block); at += model.memory.granule) {
		u64 *page = fake_memory_pointer(&model.memory, block->pa.value + at);

		page[0] = page[model.memory.granule / 8 - 1] = block->pa.value + at;
	}
}

static bool block_holds(const struct block *block)
{
	for (u64 at = 0; at < block_size(block); at += model.memory.granule) {
		u64 *page = fake_memory_pointer(&model.memory, block->pa.value + at);

		if (page[0] != block->pa.value + at ||
		    page[model.memory.granule / 8 - 1] != block->pa.value + at)
			return false;
	}
	return true;
}

/* In RAM that was added, aligned to its size. */
static bool block_is_sound(const struct block *block)
{
	const struct buddy *buddy = &model.memory.buddy;
	u64 first = block->pa.value / model.memory.granule;

	for (u32 i = 0; i < buddy->range_count; i++)
		if (first >= buddy->ranges[i].first &&
		    first + BIT(block->order) <= buddy->ranges[i].end)
			return is_aligned(block->pa.value, block_size(block));
	return false;
}

static enum buddy_result model_alloc(unsigned order)
{
	struct block *block = &model.block[model.count];
	enum buddy_result result = buddy_alloc(&model.memory.buddy, order, &block->pa);

	block->order = order;
	if (result != BUDDY_OK)
		return result;
	if (!block_is_sound(block))
		fail_msg("%s: block of order %u at %#lx", fake_memory_str(&model.memory), order,
			 block->pa.value);
	block_write(block);
	model.count++;
	return BUDDY_OK;
}

static void model_free(unsigned index)
{
	struct block block = model.block[index];

	if (!block_holds(&block))
		fail_msg("%s: block of order %u at %#lx was overwritten",
			 fake_memory_str(&model.memory), block.order, block.pa.value);
	assert_int_equal(buddy_free(&model.memory.buddy, block.pa, block.order), BUDDY_OK);
	model.block[index] = model.block[--model.count];
}

static void model_free_all(void)
{
	while (model.count > 0)
		model_free(model.count - 1);
}

static u64 model_used(void)
{
	u64 used = 0;

	for (unsigned i = 0; i < model.count; i++)
		used += block_size(&model.block[i]);
	return used;
}

static void check_sound(void)
{
	struct buddy_usage usage = buddy_usage(&model.memory.buddy);

	assert_true(buddy_audit(&model.memory.buddy));
	assert_int_equal(usage.used, model_used());
	assert_int_equal(usage.total, usage.free + usage.used + usage.metadata + usage.waiting);
}

/* As much is free in blocks of each order as if nothing had ever been taken. */
static void check_merged(void)
{
	const struct buddy *buddy = &model.memory.buddy;
	u64 pieces = 0, expected = 0;

	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		pieces += buddy->free_blocks[order];
	/* A stretch of free pages falls into at most two blocks of each order, one either side. */
	for (u32 i = 0; i < buddy->range_count; i++)
		for (u64 n = buddy->ranges[i].next - buddy->ranges[i].first; n > 0; n /= 2)
			expected +=
				2 * 8; /* pieces are kept apart by their metadata: 8 is plenty */
	assert_true(pieces <= expected);
}

static void random_sequences_never_hand_out_a_page_twice(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		model_make(setup);
		add_all();
		for (unsigned step = 0; step < STEPS; step++) {
			unsigned order = random_below(&random, 1 + random_below(&random, 9));

			if (model.count == BLOCKS_MAX ||
			    (model.count > 0 && random_below(&random, 5) < 2))
				model_free(random_below(&random, model.count));
			else
				(void)model_alloc(order);
			if (step % 64 == 0)
				check_sound();
		}
		check_sound();
		model_free_all();
		check_sound();
		check_merged();
		fake_memory_free(&model.memory);
	}
}

static void banks_with_odd_bounds_share_pages_of_metadata(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u64 granule, at;

		model_make(setup);
		granule = model.memory.granule;
		at = model.memory.usable;
		/* Small ones, the later first, with holes of a page between, and a large one. */
		for (unsigned i = 8; i-- > 0;)
			add(at + 9 * i * granule + 1, at + (9 * i + 8) * granule - 1);
		add(at + 80 * granule, model.memory.ram_end);
		while (model.count < BLOCKS_MAX && model_alloc(0) == BUDDY_OK)
			;
		assert_int_equal(model.count, BLOCKS_MAX);
		check_sound();
		model_free_all();
		check_sound();
		fake_memory_free(&model.memory);
	}
}

static void memory_has_no_metadata_before_it_is_needed(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		struct fake_memory *memory = &model.memory;
		u64 first, end;

		model_make(setup);
		add_all();
		first = memory->setup.ram_start / memory->granule;
		end = memory->ram_end / memory->granule;
		assert_int_equal(vmemmap_missing(&memory->buddy.vmemmap, first, end),
				 (memory->window_va.end.value - memory->window_va.start.value) /
					 memory->granule);
		assert_int_equal(buddy_usage(&memory->buddy).waiting,
				 buddy_usage(&memory->buddy).total);
		assert_int_equal(model_alloc(0), BUDDY_OK);
		/* 64 KiB of metadata, or as much as 2048 pages need. */
		assert_true(buddy_usage(&memory->buddy).total -
				    buddy_usage(&memory->buddy).waiting <=
			    2048 * memory->granule);
		model_free_all();
		fake_memory_free(memory);
	}
}

static void exhaustion_is_an_error_and_everything_comes_back(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		struct buddy_usage usage;
		unsigned order = 6;
		paddr_t block;

		model_make(setup);
		add_all();
		while (model_alloc(order) == BUDDY_OK || order-- > 0)
			;
		usage = buddy_usage(&model.memory.buddy);
		assert_int_equal(buddy_alloc(&model.memory.buddy, 0, &block), BUDDY_EXHAUSTED);
		assert_int_equal(usage.free, 0);
		/* All is used: metadata is less than a twentieth, and at most a remnant waits. */
		assert_true(usage.metadata < usage.total / 20);
		assert_true(usage.waiting <= 2 * model.memory.granule);
		check_sound();
		model_free_all();
		check_sound();
		check_merged();
		fake_memory_free(&model.memory);
	}
}

static void the_largest_blocks_can_be_had(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		unsigned order = 0;

		model_make(setup);
		add_all();
		while (model.memory.setup.frames >> (order + 2) != 0)
			order++;
		/* Wherever RAM begins and whatever tables take, a quarter of it is in one block. */
		assert_int_equal(model_alloc(order - 1), BUDDY_OK);
		assert_int_equal(model_alloc(BUDDY_ORDER_MAX), BUDDY_EXHAUSTED);
		assert_int_equal(model_alloc(BUDDY_ORDER_MAX + 1), BUDDY_BAD_ORDER);
		check_sound();
		model_free_all();
		fake_memory_free(&model.memory);
	}
}

/* Freeing @pa says @expected, and changes nothing. */
static void refuse(u64 pa, unsigned order, enum buddy_result expected)
{
	struct buddy before = model.memory.buddy;
	enum buddy_result result = buddy_free(&model.memory.buddy, paddr(pa), order);

	if (result != expected)
		fail_msg("%s: free of order %u at %#lx: %s", fake_memory_str(&model.memory), order,
			 pa, buddy_result_str(result));
	/* All but how often the lock was taken, which is the last of it. */
	assert_memory_equal(&before, &model.memory.buddy, offsetof(struct buddy, lock));
	check_sound();
}

static void double_and_bad_frees_are_told_apart_and_change_nothing(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u64 granule, a, b, metadata;

		model_make(setup);
		granule = model.memory.granule;
		add_all();
		assert_int_equal(model_alloc(3), BUDDY_OK);
		assert_int_equal(model_alloc(0), BUDDY_OK);
		a = model.block[0].pa.value;
		b = model.block[1].pa.value;
		metadata = model.memory.ranges[0].first * granule;
		refuse(a + 1, 3, BUDDY_UNALIGNED);
		refuse(a + granule, 0, BUDDY_NOT_A_BLOCK);
		refuse(a + 7 * granule, 0, BUDDY_NOT_A_BLOCK);
		refuse(a, 2, BUDDY_WRONG_ORDER);
		refuse(b, 1, BUDDY_WRONG_ORDER);
		refuse(b, ~0u, BUDDY_WRONG_ORDER);
		refuse(metadata, 0, BUDDY_NOT_RAM);
		refuse(model.memory.setup.ram_start, 0, BUDDY_NOT_RAM);
		refuse(model.memory.ram_end - granule, 0, BUDDY_NOT_RAM); /* not handed over */
		refuse(model.memory.ram_end, 0, BUDDY_NOT_RAM);
		refuse(-granule, 0, BUDDY_NOT_RAM);
		model_free_all();
		refuse(a, 3, BUDDY_DOUBLE_FREE);
		refuse(a + granule, 0, BUDDY_DOUBLE_FREE);
		refuse(b, 0, BUDDY_DOUBLE_FREE);
		fake_memory_free(&model.memory);
	}
}

/* What was a block of its own before it was merged is none any more, from either side. */
static void a_merged_block_cannot_be_freed_again(void **state)
{
	(void)state;
	for (unsigned upper_first = 0; upper_first < 2; upper_first++) {
		struct buddy *buddy = &model.memory.buddy;
		u64 pair;

		model_make(0);
		add_all();
		while (model.count < 2 ||
		       model.block[model.count - 1].pa.value !=
			       (model.block[model.count - 2].pa.value ^ model.memory.granule))
			assert_int_equal(model_alloc(0), BUDDY_OK);
		pair = model.block[model.count - 1].pa.value & ~model.memory.granule;
		for (unsigned i = 0; i < 2; i++) {
			u64 half = pair + (i ^ upper_first) * model.memory.granule;

			assert_int_equal(buddy_free(buddy, paddr(half), 0), BUDDY_OK);
		}
		model.count -= 2;
		refuse(pair, 0, BUDDY_DOUBLE_FREE);
		refuse(pair + model.memory.granule, 0, BUDDY_DOUBLE_FREE);
		model_free_all();
		fake_memory_free(&model.memory);
	}
}

static void overlapping_and_too_many_ranges_are_refused(void **state)
{
	struct buddy *buddy = &model.memory.buddy;
	u64 start, granule;

	(void)state;
	model_make(0);
	start = model.memory.usable;
	granule = model.memory.granule;
	add(start + 4 * granule, start + 8 * granule);
	add(start + 12 * granule, start + 16 * granule);
	for (unsigned first = 0; first < 16; first++) {
		for (unsigned end = first + 1; end <= 20; end++) {
			bool overlap = (first < 8 && end > 4) || (first < 16 && end > 12);
			u32 count = buddy->range_count;

			if (!overlap)
				continue;
			assert_int_equal(buddy_add(buddy, paddr(start + first * granule),
						   paddr(start + end * granule)),
					 BUDDY_OVERLAP);
			assert_int_equal(buddy->range_count, count);
		}
	}
	/* Nothing whole in them: nothing to add. */
	add(start + 1, start + granule);
	add(start + 1, start + 2 * granule - 1);
	assert_int_equal(buddy->range_count, 2);
	for (unsigned i = 2; i < FAKE_MEMORY_RANGES; i++)
		add(start + 2 * granule * i + 100 * granule, start + (2 * i + 101) * granule);
	assert_int_equal(buddy_add(buddy, paddr(start), paddr(start + granule)), BUDDY_NO_ROOM);
	check_sound();
	fake_memory_free(&model.memory);
}

static void tables_come_from_the_memory_that_needs_them(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		struct table_pool *pool = &model.memory.pool;

		model_make(setup);
		pool->next = pool->end; /* none left */
		add_all();
		assert_int_equal(model_alloc(0), BUDDY_OK);
		assert_int_equal(buddy_fill_pool(&model.memory.buddy, 40), BUDDY_OK);
		assert_true(pool_room(pool, model.memory.granule) >= 40);
		assert_int_equal(buddy_fill_pool(&model.memory.buddy, BIT(40)), BUDDY_EXHAUSTED);
		assert_true(buddy_audit(&model.memory.buddy));
		fake_memory_free(&model.memory);
	}
}

/* They are made and written while nobody can count: their struct pages are what is being mapped. */
static void tables_of_metadata_are_counted_once_it_is_there(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		struct fake_memory *memory = &model.memory;
		u32 counts[FAKE_MEMORY_TABLES];

		model_make(setup);
		memset(counts, 0xff, sizeof(counts));
		pool_count_early(&memory->pool, counts);
		add_all();
		assert_int_equal(model_alloc(0), BUDDY_OK);
		assert_true(paddr_diff(memory->pool.next, memory->pool.early) > 0);
		assert_true(pt_counts_agree(&memory->space, memory->window_va.start,
					    memory->window_va.end));
		model_free_all();
		fake_memory_free(memory);
	}
}

static void an_allocator_without_memory_is_exhausted(void **state)
{
	paddr_t block;

	(void)state;
	model_make(0);
	assert_int_equal(buddy_alloc(&model.memory.buddy, 0, &block), BUDDY_EXHAUSTED);
	assert_int_equal(buddy_free(&model.memory.buddy, paddr(GIB(1)), 0), BUDDY_NOT_RAM);
	/* One page could only hold the metadata for itself. */
	add(model.memory.usable, model.memory.usable + model.memory.granule);
	assert_int_equal(buddy_alloc(&model.memory.buddy, 0, &block), BUDDY_EXHAUSTED);
	check_sound();
	fake_memory_free(&model.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sequences_never_hand_out_a_page_twice),
		cmocka_unit_test(banks_with_odd_bounds_share_pages_of_metadata),
		cmocka_unit_test(memory_has_no_metadata_before_it_is_needed),
		cmocka_unit_test(exhaustion_is_an_error_and_everything_comes_back),
		cmocka_unit_test(the_largest_blocks_can_be_had),
		cmocka_unit_test(double_and_bad_frees_are_told_apart_and_change_nothing),
		cmocka_unit_test(a_merged_block_cannot_be_freed_again),
		cmocka_unit_test(overlapping_and_too_many_ranges_are_refused),
		cmocka_unit_test(tables_come_from_the_memory_that_needs_them),
		cmocka_unit_test(tables_of_metadata_are_counted_once_it_is_there),
		cmocka_unit_test(an_allocator_without_memory_is_exhausted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
