// SPDX-License-Identifier: MIT
/*
 * The heap and the pages below it as KASAN has them: what may be accessed of an object, and what is
 * behind it; what was given back waits, and goes back in its order; what is no object is told from
 * what was one. On real pages and a shadow of real pages, in every kind of regime. Host only,
 * KASAN=1.
 *
 * Environment: PAGODA_SEED repeats a run.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/mm/alloc/kasan.h>

#include "support/fake_memory.h"
#include "support/kasan_stop.h"
#include "support/random.h"

#define MORE 8 /* objects given back than may wait */

static struct fake_memory memory;
static struct heap *const heap = &memory.heap;
static u64 ram; /* where it is in the linear map */

static s32 traces;

/* No two are the same. */
void kasan_trace_take(struct kasan_trace *trace, unsigned skip)
{
	assert_int_equal(skip, 1);
	traces++;
	for (unsigned i = 0; i < KASAN_TRACE; i++)
		trace->caller[i] = 16 * traces + (s32)i;
}

static bool trace_is(const struct kasan_trace *trace, s32 number)
{
	for (unsigned i = 0; i < KASAN_TRACE; i++)
		if (trace->caller[i] != 16 * number + (s32)i)
			return false;
	return true;
}

static void start(unsigned index)
{
	struct fake_memory_setup setup = fake_memory_setup(index);

	fake_memory_make(&memory, &setup);
	ram = (uintptr_t)memory.ram;
	fake_memory_shadow(&memory, ram, memory.ram_end - setup.ram_start);
	assert_int_equal(buddy_add(&memory.buddy, paddr(memory.usable), paddr(memory.ram_end)),
			 BUDDY_OK);
	stopped_clear();
}

static bool shadow_is(u64 start, u64 size, u8 value)
{
	for (u64 at = start; at < start + size; at += KASAN_GRAIN)
		if ((u8)*kasan_shadow(at) != value)
			return false;
	return true;
}

static u64 linear(u64 frame)
{
	return (frame << memory.setup.granule_shift) + memory.space.phys_offset;
}

/* All that is free is poisoned, of what has been handed over; and nothing has been reported. */
static void check_free_pages(void)
{
	const struct buddy_range *range = memory.ranges;

	for (u64 frame = range->first; frame < range->next; frame++) {
		u64 first;
		const struct page *page = buddy_block(
			&memory.buddy, paddr(frame << memory.setup.granule_shift), &first);

		if (page && page->state == PAGE_FREE)
			assert_true(shadow_is(linear(frame), memory.granule, KASAN_PAGE_FREE));
	}
	assert_int_equal(stopped.count, 0);
}

static void finish(void)
{
	kasan_heap_settle(heap);
	assert_int_equal(heap->retired_count, 0);
	assert_int_equal(heap->objects, 0);
	assert_int_equal(buddy_usage(&memory.buddy).used, 0);
	assert_true(buddy_audit(&memory.buddy));
	check_free_pages();
	fake_memory_free(&memory);
}

static u8 *get(size_t size)
{
	void *object;

	assert_int_equal(heap_alloc(heap, size, &object), HEAP_OK);
	return object;
}

static struct kasan_object find(const void *address)
{
	struct kasan_object object;

	assert_true(kasan_object_at(heap, (uintptr_t)address, &object));
	return object;
}

/* The largest object of half a page, gap and all: it waits, and one byte more is a page's. */
static size_t largest_waiting(void)
{
	return memory.granule / 2 - KASAN_GAP - sizeof(struct kasan_tail);
}

/* ---- what is somebody's ---- */

static void check_object(const u8 *pointer, size_t size, s32 taken)
{
	u64 at = (uintptr_t)pointer, whole = align_down(size, KASAN_GRAIN);
	struct kasan_object object = find(pointer);
	u64 gap = at + align_up(size, KASAN_GRAIN);

	assert_int_equal(object.start, at);
	assert_int_equal(object.tail->size, size);
	assert_int_equal(object.tail->life, KASAN_LIVE);
	assert_true(trace_is(&object.tail->allocated, taken));
	assert_true(shadow_is(at, whole, 0));
	if (size != whole)
		assert_int_equal(*kasan_shadow(at + whole), size - whole);
	assert_true(shadow_is(gap, at + object.room - gap, KASAN_HEAP_REDZONE));
	assert_int_equal(kasan_find(at, size), 0);
	assert_int_equal(kasan_find(at, size + 1), at + size);
	/* All of the room is the object's: what it has for itself is at its end, behind the gap. */
	assert_int_equal((uintptr_t)(object.tail + 1), at + object.room);
	assert_true((uintptr_t)object.tail - gap >= KASAN_GAP);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(pointer[i], 0);
}

static void the_gap_begins_behind_the_last_byte(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		start(setup);
		for (size_t size = 0; size < 200; size++) {
			u8 *object = get(size);

			check_object(object, size, traces);
			memset(object, 0xff, size);
			assert_int_equal(heap_free(heap, object), HEAP_OK);
		}
		for (size_t more = 0; more < 20; more++) {
			size_t sizes[] = { largest_waiting() - 10 + more,
					   memory.granule - 10 + more,
					   5 * memory.granule - 10 + more };

			for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
				u8 *object = get(sizes[i]);

				/* A block of pages has a note of its own. */
				check_object(object, sizes[i], traces);
				assert_int_equal(heap_free(heap, object), HEAP_OK);
			}
		}
		finish();
	}
}

static void what_nobody_has_of_a_page_of_objects_is_a_gap(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		struct kasan_object none;
		u64 first, room;

		start(setup);
		first = (uintptr_t)get(24);
		room = find((void *)(uintptr_t)first).room;
		assert_true(is_aligned(first, memory.granule));
		assert_true(shadow_is(first + room, memory.granule - room, KASAN_HEAP_REDZONE));
		/* Whatever it looks like, from somebody's earlier use of the page. */
		for (u64 end = first + 2 * room; end <= first + memory.granule; end += room)
			((struct kasan_tail *)(uintptr_t)end - 1)->life = KASAN_LIVE;
		for (u64 at = first + room; at < first + memory.granule; at += KASAN_GRAIN)
			assert_false(kasan_object_at(heap, at, &none));
		assert_int_equal((uintptr_t)get(24), first + room);
		assert_true(
			shadow_is(first + 2 * room, memory.granule - 2 * room, KASAN_HEAP_REDZONE));
		assert_int_equal(heap_free(heap, (void *)(uintptr_t)first), HEAP_OK);
		assert_int_equal(heap_free(heap, (void *)(uintptr_t)(first + room)), HEAP_OK);
		finish();
	}
}

static void an_object_is_found_by_any_address_in_it(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u8 *objects[4];
		size_t sizes[] = { 24, 24, 100, 3 * memory.granule };
		struct kasan_object none;
		paddr_t page;

		start(setup);
		for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
			objects[i] = get(sizes[i]);
		for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
			u64 room = find(objects[i]).room;

			for (u64 at = 0; at < room; at += room / 128) {
				struct kasan_object object = find(objects[i] + at);

				assert_int_equal(object.start, (uintptr_t)objects[i]);
				assert_int_equal(object.room, room);
				assert_int_equal(object.tail->size, sizes[i]);
			}
			assert_int_equal(find(objects[i] + room - 1).start, (uintptr_t)objects[i]);
		}
		assert_int_equal(buddy_alloc(&memory.buddy, 0, &page), BUDDY_OK);
		assert_false(kasan_object_at(heap, page.value + memory.space.phys_offset, &none));
		assert_int_equal(buddy_free(&memory.buddy, page, 0), BUDDY_OK);
		assert_false(kasan_object_at(heap, page.value + memory.space.phys_offset, &none));
		assert_false(kasan_object_at(heap, ram, &none));
		assert_false(kasan_object_at(heap, ram - 1, &none));
		assert_false(kasan_object_at(heap, 0, &none));
		for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
			assert_int_equal(heap_free(heap, objects[i]), HEAP_OK);
		finish();
	}
}

/* ---- what was given back ---- */

static void what_was_given_back_is_closed_and_waits(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		size_t sizes[] = { 1, 8, 43, 100, 0 };

		start(setup);
		sizes[4] = largest_waiting();
		for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
			u8 *object = get(sizes[i]);
			u64 at = (uintptr_t)object, open = align_up(sizes[i], KASAN_GRAIN);
			struct kasan_object found = find(object);
			s32 taken = traces;

			assert_int_equal(heap->objects, 1);
			assert_int_equal(heap_free(heap, object), HEAP_OK);
			assert_int_equal(heap->objects, 0);
			assert_int_equal(heap->retired_count, i + 1);
			assert_true(shadow_is(at, open, KASAN_HEAP_FREE));
			assert_true(shadow_is(at + open, found.room - open, KASAN_HEAP_REDZONE));
			found = find(object + found.room - 1);
			assert_int_equal(found.tail->life, KASAN_RETIRED);
			assert_int_equal(found.tail->size, sizes[i]);
			assert_true(trace_is(&found.tail->allocated, taken));
			assert_true(trace_is(&found.tail->freed, traces));
			assert_int_not_equal(traces, taken);
		}
		finish();
	}
}

static bool is_one_of(u8 *const *objects, unsigned count, const u8 *object)
{
	for (unsigned i = 0; i < count; i++)
		if (objects[i] == object)
			return true;
	return false;
}

/* As many as can be had anew are the first that were given back, and no others of those. */
static void the_oldest_goes_back_first_when_no_more_may_wait(void **state)
{
	static u8 *old[HEAP_RETIRED_MAX + MORE], *new[2 * HEAP_RETIRED_MAX];

	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		unsigned again = 0;

		start(setup);
		for (unsigned i = 0; i < ARRAY_SIZE(old); i++)
			old[i] = get(24);
		for (unsigned i = 0; i < ARRAY_SIZE(old); i++) {
			unsigned waiting = i < HEAP_RETIRED_MAX ? i + 1 : HEAP_RETIRED_MAX;

			assert_int_equal(heap_free(heap, old[i]), HEAP_OK);
			assert_int_equal(heap->retired_count, waiting);
			assert_int_equal(heap->objects, ARRAY_SIZE(old) - 1 - i);
		}
		for (unsigned i = 0; i < ARRAY_SIZE(new); i++) {
			new[i] = get(24);
			assert_false(is_one_of(old + MORE, HEAP_RETIRED_MAX, new[i]));
			again += is_one_of(old, MORE, new[i]);
			check_object(new[i], 24, traces);
		}
		assert_int_equal(again, MORE);
		for (unsigned i = 0; i < ARRAY_SIZE(new); i++)
			assert_int_equal(heap_free(heap, new[i]), HEAP_OK);
		assert_int_equal(heap->retired_count, HEAP_RETIRED_MAX);
		/* Of both, those that are left to wait are the last. */
		for (unsigned i = 0; i < ARRAY_SIZE(new) - HEAP_RETIRED_MAX; i++)
			old[i % MORE] = get(24);
		assert_false(is_one_of(new + HEAP_RETIRED_MAX, HEAP_RETIRED_MAX, old[0]));
		fake_memory_free(&memory);
	}
}

static void all_that_waits_goes_back_when_it_is_asked_for(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u8 *kept, *given[20];
		u64 used;

		start(setup);
		kept = get(24);
		used = buddy_usage(&memory.buddy).used;
		for (unsigned i = 0; i < ARRAY_SIZE(given); i++)
			given[i] = get(24 + i % 2 * largest_waiting() / 2);
		for (unsigned i = 0; i < ARRAY_SIZE(given); i++)
			assert_int_equal(heap_free(heap, given[i]), HEAP_OK);
		assert_true(buddy_usage(&memory.buddy).used > used);
		kasan_heap_settle(heap);
		assert_int_equal(heap->retired_count, 0);
		assert_int_equal(heap->objects, 1);
		assert_int_equal(buddy_usage(&memory.buddy).used, used);
		assert_int_equal(find(kept).tail->life, KASAN_LIVE);
		/* On the page that is still the heap's they are closed, and known to be free. */
		assert_true(shadow_is((uintptr_t)given[0], 24, KASAN_HEAP_FREE));
		assert_int_equal(find(given[0] + 16).tail->life, KASAN_RETIRED);
		kasan_heap_settle(heap);
		assert_int_equal(heap_free(heap, kept), HEAP_OK);
		finish();
	}
}

static void what_is_large_does_not_wait(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		struct kasan_object none;
		u8 *object;

		start(setup);
		object = get(largest_waiting() + 1);
		assert_int_equal(find(object).room, memory.granule);
		assert_int_equal(heap_free(heap, object), HEAP_OK);
		assert_int_equal(heap->retired_count, 0);
		assert_int_equal(heap->objects, 0);
		assert_int_equal(buddy_usage(&memory.buddy).used, 0);
		assert_true(shadow_is((uintptr_t)object, memory.granule, KASAN_PAGE_FREE));
		assert_false(kasan_object_at(heap, (uintptr_t)object, &none));
		object = get(largest_waiting());
		assert_int_equal(find(object).room, memory.granule / 2);
		assert_int_equal(heap_free(heap, object), HEAP_OK);
		assert_int_equal(heap->retired_count, 1);
		finish();
	}
}

/* ---- what is wrong ---- */

/* @object is given back, which is reported, and nothing comes of it. */
static void assert_wrong(void *object, enum heap_result result, enum kasan_wrong wrong)
{
	u64 objects = heap->objects, used = buddy_usage(&memory.buddy).used;
	u32 waiting = heap->retired_count;

	assert_int_equal(heap_free(heap, object), result);
	assert_false(kasan_active());
	/* The first report is the last. */
	assert_int_equal(heap_free(heap, object), result);
	assert_int_equal(heap->objects, objects);
	assert_int_equal(heap->retired_count, waiting);
	assert_int_equal(buddy_usage(&memory.buddy).used, used);
	assert_stopped_at((uintptr_t)object, 0, wrong, ram);
	assert_int_not_equal(stopped.caller, 0);
}

static void what_was_given_back_twice_is_told(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u8 *kept, *object;

		start(setup);
		kept = get(43);
		object = get(43);
		assert_int_equal(heap_free(heap, object), HEAP_OK);
		assert_wrong(object, HEAP_DOUBLE_FREE, KASAN_DOUBLE_FREE);
		/* It has gone back, and nobody has it yet. */
		kasan_heap_settle(heap);
		assert_wrong(object, HEAP_DOUBLE_FREE, KASAN_DOUBLE_FREE);
		/* Somebody has it again. */
		assert_ptr_equal(get(43), object);
		assert_int_equal(heap_free(heap, object), HEAP_OK);
		assert_int_equal(heap_free(heap, kept), HEAP_OK);
		kasan_heap_settle(heap);
		/* Its page is no page of the heap's any more. */
		assert_wrong(object, HEAP_DOUBLE_FREE, KASAN_INVALID_FREE);
		finish();
	}
}

static void what_is_no_object_is_told(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u8 *object, *waiting, *large;
		paddr_t page;
		u64 room;

		start(setup);
		object = get(43);
		waiting = get(43);
		assert_int_equal(heap_free(heap, waiting), HEAP_OK);
		large = get(2 * memory.granule);
		room = find(object).room;
		assert_int_equal(buddy_alloc(&memory.buddy, 0, &page), BUDDY_OK);
		void *const wrong[] = {
			object + 1,
			object + 16,
			object + 43,
			object + room - 1,
			waiting + 16,
			waiting + room, /* nobody's yet */
			large + 1,
			large + memory.granule,
			memory.ram,
			NULL,
			fake_memory_pointer(&memory, page.value),
		};
		for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
			assert_wrong(wrong[i], HEAP_NOT_AN_OBJECT, KASAN_INVALID_FREE);
		assert_int_equal(kasan_find((uintptr_t)object, 43), 0);
		assert_int_equal(kasan_find((uintptr_t)large, 2 * memory.granule), 0);
		assert_int_equal(heap_free(heap, object), HEAP_OK);
		assert_int_equal(heap_free(heap, large), HEAP_OK);
		assert_int_equal(buddy_free(&memory.buddy, page, 0), BUDDY_OK);
		finish();
	}
}

/* ---- pages ---- */

static bool note_is(const s32 *callers, s32 number)
{
	for (unsigned i = 0; i < KASAN_TRACE_SHORT; i++)
		if (callers[i] != 16 * number + (s32)i)
			return false;
	return true;
}

static void pages_are_open_while_somebody_has_them_and_know_who_had(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		unsigned shift = fake_memory_setup(setup).granule_shift;

		start(setup);
		for (unsigned order = 0; order < 6; order++) {
			const struct page *page;
			s32 taken;
			paddr_t block;
			u64 at;

			assert_int_equal(buddy_alloc(&memory.buddy, order, &block), BUDDY_OK);
			taken = traces;
			at = block.value + memory.space.phys_offset;
			page = vmemmap_page(&memory.buddy.vmemmap, block.value >> shift);
			assert_true(shadow_is(at, memory.granule << order, 0));
			assert_true(note_is(page->allocated, taken));
			check_free_pages();
			assert_int_equal(buddy_free(&memory.buddy, block, order), BUDDY_OK);
			assert_true(shadow_is(at, memory.granule << order, KASAN_PAGE_FREE));
			assert_true(note_is(page->allocated, taken));
			assert_true(note_is(page->freed, traces));
			assert_int_equal(traces, taken + 1);
			/* Nobody gives it back, so nobody did. */
			assert_int_equal(buddy_free(&memory.buddy, block, order),
					 BUDDY_DOUBLE_FREE);
			assert_int_equal(traces, taken + 1);
		}
		finish();
	}
}

static u64 shadow_pages(u64 start, u64 end)
{
	u64 first = align_down((uintptr_t)kasan_shadow(start), memory.granule);

	return align_up((uintptr_t)kasan_shadow(end - 1) + 1, memory.granule) / memory.granule -
	       first / memory.granule;
}

/* What is handed over brings its shadow along, and what is not has none but the shared one. */
static void ram_gets_shadow_as_it_is_handed_over(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		const struct buddy_range *range = memory.ranges;
		u64 usable, end, metadata, known = 0;
		paddr_t block;

		start(setup);
		usable = memory.usable + memory.space.phys_offset;
		end = memory.ram_end + memory.space.phys_offset;
		assert_int_equal(kasan_pages(&memory.space, usable, end),
				 shadow_pages(usable, end));
		metadata = memory.buddy.metadata;
		while (buddy_alloc(&memory.buddy, 0, &block) == BUDDY_OK) {
			u64 left = linear(range->next);
			u64 at = block.value + memory.space.phys_offset;

			assert_int_equal(kasan_find(at, memory.granule), 0);
			if (left == known)
				continue;
			known = left;
			/* Of the page of shadow that both have in part, all is the first's. */
			assert_int_equal(kasan_pages(&memory.space, usable, left), 0);
			if (left < end)
				assert_true(kasan_pages(&memory.space, left, end) + 1 >=
					    shadow_pages(left, end));
		}
		assert_int_equal(range->next, range->end);
		assert_true(memory.buddy.metadata - metadata > shadow_pages(usable, end));
		/* Without checks nothing has shadow, nor lacks it. */
		assert_true(kasan_end());
		assert_int_equal(kasan_pages(&memory.space, ram, end), 0);
		assert_int_equal(kasan_tables(&memory.space, ram, end), 0);
		assert_true(kasan_back_linear(&memory.space, ram, end, paddr(memory.usable)));
		fake_memory_free(&memory);
	}
}

/* Memory runs out while objects wait: they are memory, too. */
static void what_waits_can_be_had_when_memory_runs_out(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u8 *waiting[4], *object;
		paddr_t page;
		void *none;

		start(setup);
		for (unsigned i = 0; i < ARRAY_SIZE(waiting); i++)
			waiting[i] = get(largest_waiting());
		while (buddy_alloc(&memory.buddy, 0, &page) == BUDDY_OK)
			;
		for (unsigned i = 0; i < ARRAY_SIZE(waiting); i++)
			assert_int_equal(heap_free(heap, waiting[i]), HEAP_OK);
		assert_int_equal(heap_alloc(heap, largest_waiting(), &none), HEAP_EXHAUSTED);
		kasan_heap_settle(heap);
		object = get(largest_waiting());
		check_object(object, largest_waiting(), traces);
		assert_int_equal(stopped.count, 0);
		fake_memory_free(&memory);
	}
}

static void random_sequences_keep_to_what_is_theirs(void **state)
{
	static struct {
		u8 *pointer;
		size_t size;
	} object[500];
	struct random random = random_start();

	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		unsigned count = 0;

		start(setup);
		for (unsigned step = 0; step < 4000; step++) {
			unsigned index = random_below(&random, count + 1);

			if (count < ARRAY_SIZE(object) && random_below(&random, 5) < 3) {
				object[count].size = random_next(&random) >>
						     (64 - 4 - random_below(&random, 10));
				object[count].pointer = get(object[count].size);
				count++;
			} else if (index < count) {
				u64 at = (uintptr_t)object[index].pointer,
				    size = object[index].size;

				assert_int_equal(kasan_find(at, size), 0);
				assert_int_equal(kasan_find(at, size + 1), at + size);
				assert_int_equal(heap_free(heap, object[index].pointer), HEAP_OK);
				assert_int_equal(kasan_find(at, size + 1), at);
				object[index] = object[--count];
			}
			assert_int_equal(heap->objects, count);
		}
		check_free_pages();
		while (count-- > 0)
			assert_int_equal(heap_free(heap, object[count].pointer), HEAP_OK);
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gap_begins_behind_the_last_byte),
		cmocka_unit_test(what_nobody_has_of_a_page_of_objects_is_a_gap),
		cmocka_unit_test(an_object_is_found_by_any_address_in_it),
		cmocka_unit_test(what_was_given_back_is_closed_and_waits),
		cmocka_unit_test(the_oldest_goes_back_first_when_no_more_may_wait),
		cmocka_unit_test(all_that_waits_goes_back_when_it_is_asked_for),
		cmocka_unit_test(what_is_large_does_not_wait),
		cmocka_unit_test(what_was_given_back_twice_is_told),
		cmocka_unit_test(what_is_no_object_is_told),
		cmocka_unit_test(pages_are_open_while_somebody_has_them_and_know_who_had),
		cmocka_unit_test(ram_gets_shadow_as_it_is_handed_over),
		cmocka_unit_test(what_waits_can_be_had_when_memory_runs_out),
		cmocka_unit_test(random_sequences_keep_to_what_is_theirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
