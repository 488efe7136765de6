// SPDX-License-Identifier: MIT
/*
 * Areas of the vmalloc region as KASAN has them: what was asked for may be accessed, and of the
 * last page no more; what is between areas may not; whoever comes where another was gets what is
 * his. On a shadow of real pages, in every kind of regime. Host only, KASAN=1.
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
#include "support/random.h"

#define REGION MIB(64)
#define IMAGE_SIZE MIB(1)
#define AREAS_MAX 32
#define STEPS 300

static struct fake_memory memory;
static struct vmalloc *const vmalloc = &memory.vmalloc;
static struct memory_map ram;

/* Checks begin at the region: shadow of RAM is another test's, and here there is none. */
static void start(unsigned index)
{
	struct fake_memory_setup setup = fake_memory_setup(index);
	u64 id[SYSREG_FACT_COUNT] = { 0 };
	static paddr_t pages[16384];
	unsigned count = 0;

	fake_memory_make(&memory, &setup);
	memory.space.tlb = tlb_make(id);
	memory_begin(&ram);
	memory_add(&ram, setup.ram_start, memory.ram_end - setup.ram_start, MEMORY_RAM);
	memory_normalise(&ram, memory.granule);
	vmalloc->space = &memory.space;
	vmalloc->heap = &memory.heap;
	vmalloc->memory = &ram;
	vmalloc->region = memory.layout.region[LAYOUT_VMALLOC];
	vmalloc->region.end = vaddr(vmalloc->region.start.value + REGION);
	vmalloc_init(vmalloc, vmalloc->region, vaddr(vmalloc->region.end.value - IMAGE_SIZE),
		     paddr(setup.ram_start), IMAGE_SIZE);
	assert_int_equal(buddy_add(&memory.buddy, paddr(memory.usable), paddr(memory.ram_end)),
			 BUDDY_OK);
	fake_memory_shadow(&memory, vmalloc->region.start.value, REGION);
	/* All that there is, handed over while nothing is checked. */
	assert_true(kasan_end());
	while (memory.ranges[0].next != memory.ranges[0].end)
		assert_int_equal(buddy_alloc(&memory.buddy, 0, &pages[count++]), BUDDY_OK);
	while (count-- > 0)
		assert_int_equal(buddy_free(&memory.buddy, pages[count], 0), BUDDY_OK);
	kasan_begin(vmalloc->region.start.value);
}

static u64 get(u64 size)
{
	vaddr_t address;

	assert_int_equal(vmalloc_alloc(vmalloc, size, &address), VMALLOC_OK);
	return address.value;
}

static void drop(u64 address)
{
	assert_int_equal(vmalloc_free(vmalloc, vaddr(address)), VMALLOC_OK);
}

/* @size bytes are open, and nothing more of the area's last page; nor is the page behind it. */
static void check_area(u64 address, u64 size)
{
	u64 end = align_up(address + size, memory.granule) + memory.granule;

	assert_int_equal(kasan_find(address, size), 0);
	for (u64 at = address + size; at < end; at = align_down(at, KASAN_GRAIN) + KASAN_GRAIN)
		assert_int_equal(kasan_find(at, 1), at);
	for (u64 at = align_up(address + size, KASAN_GRAIN); at < end; at += KASAN_GRAIN)
		assert_int_equal((u8)*kasan_shadow(at), KASAN_VMALLOC);
}

static void what_was_asked_for_is_open_and_no_more(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		start(setup);
		for (u64 more = 0; more < 20; more++) {
			u64 sizes[] = { 1 + more, memory.granule - 10 + more,
					3 * memory.granule - 10 + more };

			for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
				u64 address = get(sizes[i]);

				check_area(address, sizes[i]);
				drop(address);
			}
		}
		fake_memory_free(&memory);
	}
}

/* Where a large one was, a small one; and beside one that lives, on the same page of shadow. */
static void who_comes_next_gets_what_is_his(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u64 first, second;

		start(setup);
		first = get(4 * memory.granule);
		second = get(43);
		check_area(first, 4 * memory.granule);
		check_area(second, 43);
		drop(first);
		check_area(second, 43);
		assert_int_equal(get(3 * memory.granule + 1), first);
		check_area(first, 3 * memory.granule + 1);
		check_area(second, 43);
		drop(second);
		assert_int_equal(get(7), second);
		check_area(second, 7);
		check_area(first, 3 * memory.granule + 1);
		drop(first);
		drop(second);
		fake_memory_free(&memory);
	}
}

/* Who maps a device knows how much of its pages is one, and no more of them is memory. */
static void all_pages_of_a_device_are_open(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u64 granule;
		vaddr_t address;

		start(setup);
		granule = memory.granule;
		assert_int_equal(
			vmalloc_ioremap(vmalloc, paddr(memory.ram_end + 0x123), granule, &address),
			VMALLOC_OK);
		check_area(address.value - 0x123, 2 * granule);
		drop(address.value);
		fake_memory_free(&memory);
	}
}

/* No page for the shadow, or for tables to it: no area. What there was helps the next. */
static void without_memory_for_shadow_there_is_no_area(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		unsigned refused = 0;
		paddr_t page, freed = { 0 };

		start(setup);
		while (buddy_alloc(&memory.buddy, 0, &page) == BUDDY_OK)
			freed = page;
		for (unsigned left = 0; left < 12; left++) {
			vaddr_t address;
			enum vmalloc_result result = vmalloc_alloc(vmalloc, 1, &address);

			assert_true(result == VMALLOC_OK || result == VMALLOC_NO_MEMORY);
			if (result == VMALLOC_OK) {
				check_area(address.value, 1);
				drop(address.value);
				break;
			}
			refused++;
			kasan_heap_settle(&memory.heap);
			assert_ptr_equal(vmalloc->areas, &vmalloc->image);
			/* Any that is somebody's: one more each time. */
			freed.value -= memory.granule;
			assert_int_equal(buddy_free(&memory.buddy, freed, 0), BUDDY_OK);
		}
		assert_true(refused >= 2 && refused < 12);
		fake_memory_free(&memory);
	}
}

static void random_sequences_keep_areas_closed_but_for_what_is_theirs(void **state)
{
	static struct {
		u64 address, size;
	} area[AREAS_MAX];
	struct random random = random_start();

	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		unsigned count = 0;

		start(setup);
		for (unsigned step = 0; step < STEPS; step++) {
			unsigned index = random_below(&random, count + 1);

			if (count < AREAS_MAX && random_below(&random, 5) < 3) {
				area[count].size = 1 + random_next(&random) % (8 * memory.granule);
				area[count].address = get(area[count].size);
				count++;
			} else if (index < count) {
				drop(area[index].address);
				area[index] = area[--count];
			}
			for (unsigned i = 0; i < count; i++) {
				u64 at = area[i].address, end = at + area[i].size;

				assert_int_equal(kasan_find(at, area[i].size), 0);
				if (end % memory.granule != 0)
					assert_int_equal(kasan_find(end, 1), end);
			}
		}
		assert_true(vmalloc_audit(vmalloc));
		assert_true(pt_counts_agree(&memory.space, pt_start(&memory.space),
					    pt_end(&memory.space)));
		fake_memory_free(&memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_asked_for_is_open_and_no_more),
		cmocka_unit_test(who_comes_next_gets_what_is_his),
		cmocka_unit_test(all_pages_of_a_device_are_open),
		cmocka_unit_test(without_memory_for_shadow_there_is_no_area),
		cmocka_unit_test(random_sequences_keep_areas_closed_but_for_what_is_theirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
