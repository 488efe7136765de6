// SPDX-License-Identifier: MIT
/*
 * The kernel heap: what it gives out is aligned, cleared, and nobody else's; what it does not know
 * it refuses. On real pages of the real page allocator, in every kind of regime. Host only.
 *
 * Environment: PAGODA_SEED repeats a run.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "support/fake_memory.h"
#include "support/random.h"

#define OBJECTS_MAX 1000
#define STEPS 10000

static struct fake_memory memory;
static struct heap *const heap = &memory.heap;

struct object {
	u8 *pointer;
	size_t size;
	u8 fill;
};

static void start(unsigned index)
{
	struct fake_memory_setup setup = fake_memory_setup(index);

	fake_memory_make(&memory, &setup);
	assert_int_equal(buddy_add(&memory.buddy, paddr(memory.usable), paddr(memory.ram_end)),
			 BUDDY_OK);
}

/* Nothing is in use, neither here nor in the page allocator below. */
static void finish(void)
{
	assert_int_equal(heap->objects, 0);
	assert_int_equal(buddy_usage(&memory.buddy).used, 0);
	assert_true(buddy_audit(&memory.buddy));
	fake_memory_free(&memory);
}

static void *get(size_t size)
{
	void *object;

	assert_int_equal(heap_alloc(heap, size, &object), HEAP_OK);
	return object;
}

static bool holds(const struct object *object, u8 value)
{
	for (size_t i = 0; i < object->size; i++)
		if (object->pointer[i] != value)
			return false;
	return true;
}

static void object_get(struct object *object, size_t size, u8 fill)
{
	size_t align = 16;

	*object = (struct object){ get(size), size, fill };
	while (align < size && align < memory.granule)
		align *= 2;
	assert_int_equal((uintptr_t)object->pointer % align, 0);
	assert_true(holds(object, 0));
	memset(object->pointer, fill, size);
}

static void random_sequences_keep_objects_apart(void **state)
{
	static struct object object[OBJECTS_MAX];
	struct random random = random_start();

	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		unsigned count = 0;

		start(setup);
		for (unsigned step = 0; step < STEPS; step++) {
			if (count < OBJECTS_MAX && random_below(&random, 5) < 3) {
				size_t size = random_next(&random) >>
					      (64 - 4 - random_below(&random, 10));

				object_get(&object[count++], size, (u8)(1 + step % 255));
			} else if (count > 0) {
				unsigned index = random_below(&random, count);

				assert_true(holds(&object[index], object[index].fill));
				assert_int_equal(heap_free(heap, object[index].pointer), HEAP_OK);
				object[index] = object[--count];
			}
			assert_int_equal(heap->objects, count);
		}
		while (count-- > 0) {
			assert_true(holds(&object[count], object[count].fill));
			assert_int_equal(heap_free(heap, object[count].pointer), HEAP_OK);
		}
		finish();
	}
}

static void every_size_comes_back_once_and_no_more(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		start(setup);
		for (size_t size = 0; size <= 9 * memory.granule; size = size * 3 / 2 + 1) {
			void *object = get(size), *other = get(size);

			assert_ptr_not_equal(object, other);
			assert_int_equal(heap_free(heap, object), HEAP_OK);
			assert_int_equal(heap_free(heap, object), HEAP_DOUBLE_FREE);
			assert_int_equal(heap_free(heap, other), HEAP_OK);
			/* Now the page is the page allocator's, too. */
			assert_int_equal(heap_free(heap, other), HEAP_DOUBLE_FREE);
		}
		finish();
	}
}

static void what_was_never_given_out_is_refused(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u8 *object, *large;
		paddr_t page;

		start(setup);
		object = get(100);
		large = get(2 * memory.granule);
		assert_int_equal(buddy_alloc(&memory.buddy, 0, &page), BUDDY_OK);
		assert_int_equal(heap_free(heap, object + 1), HEAP_NOT_AN_OBJECT);
		assert_int_equal(heap_free(heap, object + 64), HEAP_NOT_AN_OBJECT);
		assert_int_equal(heap_free(heap, object + 128), HEAP_NOT_AN_OBJECT);
		assert_int_equal(heap_free(heap, large + 1), HEAP_NOT_AN_OBJECT);
		assert_int_equal(heap_free(heap, large + memory.granule), HEAP_NOT_AN_OBJECT);
		assert_int_equal(heap_free(heap, fake_memory_pointer(&memory, page.value)),
				 HEAP_NOT_AN_OBJECT);
		assert_int_equal(heap_free(heap, memory.ram), HEAP_NOT_AN_OBJECT);
		assert_int_equal(heap_free(heap, NULL), HEAP_NOT_AN_OBJECT);
		/* Nor may the heap's own pages be freed below it. */
		assert_int_equal(buddy_free(&memory.buddy,
					    paddr((uintptr_t)large - memory.space.phys_offset), 1),
				 BUDDY_NOT_A_BLOCK);
		assert_int_equal(heap_free(heap, large), HEAP_OK);
		assert_int_equal(heap_free(heap, object), HEAP_OK);
		assert_int_equal(buddy_free(&memory.buddy, page, 0), BUDDY_OK);
		finish();
	}
}

/* A free object says so in its second word. One in use may hold the same, by chance or malice. */
static void an_object_that_looks_free_can_be_freed(void **state)
{
	u64 *first, *second, *free, kept[2];

	(void)state;
	start(0);
	first = get(16);
	second = get(16);
	free = get(16);
	assert_int_equal(heap_free(heap, free), HEAP_OK);
	assert_int_equal(heap_free(heap, first), HEAP_OK);
	memcpy(kept, first, sizeof(kept));
	assert_ptr_equal(get(16), first);
	memcpy(first, kept, sizeof(kept));
	assert_int_equal(heap_free(heap, first), HEAP_OK);
	assert_int_equal(heap_free(heap, first), HEAP_DOUBLE_FREE);
	assert_int_equal(heap_free(heap, second), HEAP_OK);
	finish();
}

static void exhaustion_is_an_error_and_everything_comes_back(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u64 **list = NULL;
		void *object;
		enum heap_result result;

		start(setup);
		assert_int_equal(heap_alloc(heap, ~(size_t)0, &object), HEAP_TOO_LARGE);
		assert_int_equal(heap_alloc(heap, (memory.granule << BUDDY_ORDER_MAX) + 1, &object),
				 HEAP_TOO_LARGE);
		assert_int_equal(heap_alloc(heap, memory.granule << BUDDY_ORDER_MAX, &object),
				 HEAP_EXHAUSTED);
		/* Half a page each, chained through their first words. */
		while ((result = heap_alloc(heap, memory.granule / 2, &object)) == HEAP_OK) {
			*(void **)object = list;
			list = object;
		}
		assert_int_equal(result, HEAP_EXHAUSTED);
		assert_int_equal(buddy_usage(&memory.buddy).free, 0);
		while (list) {
			object = list;
			list = *(void **)object;
			assert_int_equal(heap_free(heap, object), HEAP_OK);
		}
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sequences_keep_objects_apart),
		cmocka_unit_test(every_size_comes_back_once_and_no_more),
		cmocka_unit_test(what_was_never_given_out_is_refused),
		cmocka_unit_test(an_object_that_looks_free_can_be_freed),
		cmocka_unit_test(exhaustion_is_an_error_and_everything_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
