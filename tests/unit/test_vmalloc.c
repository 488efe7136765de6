// SPDX-License-Identifier: MIT
/*
 * Areas of the vmalloc region: mapped where they should be and nowhere else, apart by guard pages,
 * clear of the image, and gone without a trace when they are freed. On real page tables and the
 * real page allocator, in every kind of regime. Host only.
 *
 * Environment: PAGODA_SEED repeats a run.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/mm/pt/change.h>

#include "support/fake_memory.h"
#include "support/random.h"

#define AREAS_MAX 64
#define STEPS 600
#define IMAGE_SIZE MIB(1)

static struct fake_memory memory;
static struct vmalloc *const vmalloc = &memory.vmalloc;
static u64 image;

static struct memory_map ram;

/* Of the pool, before the first area: tables added to it, and in use. */
static u64 first_added, first_tables;

/* An image of its own tables at @image_va, as the early runtime leaves it. */
static void image_make(u64 image_va)
{
	struct map_request request = { .start = vaddr(image_va),
				       .end = vaddr(image_va + IMAGE_SIZE),
				       .pa = paddr(memory.setup.ram_start + MIB(2)),
				       .attr = { PROT_READ_ONLY, MEM_NORMAL } };

	image = image_va;
	assert_int_equal(map_range(&memory.space, &request), MAP_OK);
	vmalloc_init(vmalloc, vmalloc->region, vaddr(image_va), request.pa, IMAGE_SIZE);
}

/* A region of @size bytes, 0: all that the layout has, with the image in its middle. */
static void start(unsigned index, u64 size)
{
	struct fake_memory_setup setup = fake_memory_setup(index);
	u64 id[SYSREG_FACT_COUNT] = { 0 };
	paddr_t page;

	fake_memory_make(&memory, &setup);
	vmalloc->space = &memory.space;
	memory.space.tlb = tlb_make(id);
	vmalloc->heap = &memory.heap;
	vmalloc->memory = &ram;
	memory_begin(&ram);
	memory_add(&ram, setup.ram_start, memory.ram_end - setup.ram_start, MEMORY_RAM);
	memory_normalise(&ram, memory.granule);
	vmalloc->region = memory.layout.region[LAYOUT_VMALLOC];
	if (size != 0)
		vmalloc->region.end = vaddr(vmalloc->region.start.value + size);
	size = vmalloc->region.end.value - vmalloc->region.start.value;
	image_make(align_down(vmalloc->region.start.value + size / 2, MIB(2)) + KIB(64));
	assert_int_equal(
		buddy_add(&memory.buddy, paddr(memory.usable + MIB(4)), paddr(memory.ram_end)),
		BUDDY_OK);
	/* What the page allocator gives the pool itself counts as its metadata. */
	assert_int_equal(buddy_alloc(&memory.buddy, 0, &page), BUDDY_OK);
	assert_int_equal(buddy_free(&memory.buddy, page, 0), BUDDY_OK);
	first_added = memory.pool.added;
	first_tables = pool_used(&memory.pool, memory.granule);
}

static void check_sound(void)
{
	assert_true(vmalloc_audit(vmalloc));
	assert_true(buddy_audit(&memory.buddy));
	assert_true(pt_counts_agree(&memory.space, pt_start(&memory.space), pt_end(&memory.space)));
	assert_false(memory.early_free);
}

/* Only the image is left in the region, and the only pages in use are those that hold tables. */
static void finish(void)
{
	check_sound();
	assert_ptr_equal(vmalloc->areas, &vmalloc->image);
	assert_null(vmalloc->image.next);
	assert_int_equal(memory.heap.objects, 0);
	assert_int_equal(buddy_usage(&memory.buddy).used,
			 (memory.pool.added - first_added) * memory.granule);
	assert_int_equal(pool_used(&memory.pool, memory.granule), first_tables);
	fake_memory_free(&memory);
}

static u64 pages_of(u64 size)
{
	return align_up(size, memory.granule);
}

/* @size bytes at @address are each on a page of RAM of their own. */
static void check_memory(u64 address, u64 size)
{
	for (u64 at = 0; at < pages_of(size); at += memory.granule) {
		struct pt_entry entry = pt_find(&memory.space, vaddr(address + at));
		struct pte_info info =
			pte_decode(&memory.space.regime, entry.pte, entry.level, entry.table_bits);
		u64 *page;

		assert_int_equal(entry.kind, PTE_PAGE);
		assert_true(info.write && !info.execute && info.type == MEM_NORMAL);
		assert_true(info.pa.value >= memory.usable && info.pa.value < memory.ram_end);
		page = fake_memory_pointer(&memory, info.pa.value);
		assert_int_equal(page[3], address + at);
	}
}

static void fill_memory(u64 address, u64 size)
{
	for (u64 at = 0; at < pages_of(size); at += memory.granule) {
		paddr_t pa;

		assert_true(pt_translate(&memory.space, vaddr(address + at), &pa));
		((u64 *)fake_memory_pointer(&memory, pa.value))[3] = address + at;
	}
}

/* The level at which all of [@start, @end) is mapped; TLB_LEVEL_UNKNOWN where there are several. */
static int level_of(u64 start, u64 end)
{
	int level = pt_find(&memory.space, vaddr(start)).level;

	for (u64 at = start; at != end; at += memory.granule)
		if (pt_find(&memory.space, vaddr(at)).level != level)
			return TLB_LEVEL_UNKNOWN;
	return level;
}

static void free_area(u64 address, u64 size)
{
	u64 first = align_down(address, memory.granule), end = pages_of(address + size);
	const struct tlb_range *range = &memory.invalidation[0];
	u32 free_tables = memory.pool.free_count;
	int level = level_of(first, end);

	memory.invalidation_count = 0;
	assert_int_equal(vmalloc_free(vmalloc, vaddr(address)), VMALLOC_OK);
	assert_int_equal(memory.invalidation_count, 1);
	assert_int_equal(range->start.value, first);
	assert_int_equal(range->end.value, end);
	assert_int_equal(range->level, level);
	/* No table is in the pool again before walks cannot know of it any more. */
	assert_int_equal(memory.free_tables, free_tables);
	assert_int_equal(range->tables, memory.pool.free_count != free_tables);
	for (u64 at = first; at != end; at += memory.granule)
		assert_int_equal(pt_find(&memory.space, vaddr(at)).kind, PTE_INVALID);
}

/* What the test knows of each area. */
struct known {
	u64 address, size;
	bool device;
};

static struct known known[AREAS_MAX];
static unsigned known_count;

static void get_area(struct random *random)
{
	struct known *area = &known[known_count++];
	u64 pa = memory.ram_end + random_below(random, 1 << 20); /* no RAM, in any machine here */
	enum vmalloc_result result;
	vaddr_t address;

	area->size = 1 + random_next(random) % (20 * memory.granule);
	area->device = random_below(random, 3) == 0;
	result = area->device ? vmalloc_ioremap(vmalloc, paddr(pa), area->size, &address) :
				vmalloc_alloc(vmalloc, area->size, &address);
	assert_int_equal(result, VMALLOC_OK);
	area->address = address.value;
	if (!area->device)
		fill_memory(area->address, area->size);
}

static void drop_area(unsigned index)
{
	struct known area = known[index];

	if (!area.device)
		check_memory(area.address, area.size);
	free_area(area.address, area.size);
	known[index] = known[--known_count];
}

static void random_sequences_keep_areas_apart(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		start(setup, 0);
		for (unsigned step = 0; step < STEPS; step++) {
			if (known_count == AREAS_MAX ||
			    (known_count > 0 && random_below(&random, 5) < 2))
				drop_area(random_below(&random, known_count));
			else
				get_area(&random);
			if (step % 8 == 0)
				check_sound();
		}
		while (known_count > 0)
			drop_area(known_count - 1);
		finish();
	}
}

static void an_area_is_followed_by_a_page_that_is_not_mapped(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		vaddr_t a, b, c;

		start(setup, 0);
		assert_int_equal(vmalloc_alloc(vmalloc, 3 * memory.granule, &a), VMALLOC_OK);
		assert_int_equal(vmalloc_alloc(vmalloc, 1, &b), VMALLOC_OK);
		assert_int_equal(b.value, a.value + 4 * memory.granule);
		assert_int_equal(pt_find(&memory.space, vaddr(b.value - memory.granule)).kind,
				 PTE_INVALID);
		/* A hole of three pages and a guard takes three pages, not four. */
		free_area(a.value, 3 * memory.granule);
		assert_int_equal(vmalloc_alloc(vmalloc, 4 * memory.granule, &c), VMALLOC_OK);
		assert_true(c.value > b.value);
		assert_int_equal(vmalloc_alloc(vmalloc, 3 * memory.granule, &a), VMALLOC_OK);
		assert_true(a.value < b.value);
		free_area(a.value, 3 * memory.granule);
		free_area(b.value, 1);
		free_area(c.value, 4 * memory.granule);
		finish();
	}
}

/* A region that is soon full, with the image in it: all of it is used, and none of the image. */
static void a_full_region_is_an_error_and_the_image_stays_clear(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u64 list[256], pages = 0;
		vaddr_t address = { 0 };
		unsigned count = 0;

		start(setup, MIB(6));
		while (count < 256 &&
		       vmalloc_alloc(vmalloc, 3 * memory.granule, &address) == VMALLOC_OK)
			list[count++] = address.value;
		/* Then what is too small for three. */
		while (count < 256 && vmalloc_alloc(vmalloc, 1, &address) == VMALLOC_OK)
			list[count++] = address.value;
		if (count < 256) {
			assert_int_equal(vmalloc_alloc(vmalloc, 1, &address), VMALLOC_NO_SPACE);
			assert_int_equal(
				vmalloc_ioremap(vmalloc, paddr(memory.ram_end), 1, &address),
				VMALLOC_NO_SPACE);
		}
		check_sound();
		for (const struct vmalloc_area *area = vmalloc->areas; area; area = area->next)
			pages += (area->end.value - area->start.value) / memory.granule + 1;
		/* Two remnants too small for a page and its guard: at the image, and the end. */
		if (count < 256)
			assert_true(MIB(6) / memory.granule - pages <= 2);
		while (count-- > 0)
			assert_int_equal(vmalloc_free(vmalloc, vaddr(list[count])), VMALLOC_OK);
		finish();
	}
}

static void exhausted_memory_is_an_error_and_nothing_is_lost(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		struct buddy_usage usage;
		paddr_t blocks[4096];
		unsigned count = 0;
		vaddr_t address;

		start(setup, 0);
		/* More than there is: refused before a page is taken. */
		usage = buddy_usage(&memory.buddy);
		assert_int_equal(vmalloc_alloc(vmalloc, usage.total + 1, &address),
				 VMALLOC_NO_MEMORY);
		assert_int_equal(buddy_usage(&memory.buddy).used, usage.used);
		/* All but twenty pages or so: they run out on the way. */
		while (count < 4096 && buddy_alloc(&memory.buddy, 3, &blocks[count]) == BUDDY_OK)
			count++;
		first_tables = pool_used(&memory.pool, memory.granule); /* with all metadata */
		assert_int_equal(vmalloc_alloc(vmalloc, 200 * memory.granule, &address),
				 VMALLOC_NO_MEMORY);
		for (u64 pages = 1; pages < 20; pages++)
			if (vmalloc_alloc(vmalloc, pages * memory.granule, &address) == VMALLOC_OK)
				free_area(address.value, pages * memory.granule);
		check_sound();
		assert_null(vmalloc->areas->next);
		while (count-- > 0)
			assert_int_equal(buddy_free(&memory.buddy, blocks[count], 3), BUDDY_OK);
		finish();
	}
}

static void devices_appear_at_their_offset_and_in_the_largest_blocks(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		const struct regime *regime = &memory.space.regime;
		u64 span, pa;
		struct pt_entry entry;
		vaddr_t address;

		start(setup, 0);
		span = regime_span(regime, 2);
		pa = align_up(memory.ram_end, span);
		if (pa + 3 * span > regime_pa_end(regime))
			pa = align_down(memory.setup.ram_start, span) - 4 * span;
		assert_int_equal(vmalloc_ioremap(vmalloc, paddr(pa + 0x123), 0x10, &address),
				 VMALLOC_OK);
		assert_int_equal(address.value % memory.granule, 0x123);
		assert_int_equal(vmalloc_free(vmalloc, vaddr(address.value - 0x123)),
				 VMALLOC_NOT_AN_AREA);
		free_area(address.value, 0x10);
		/* A page's last and the next one's first byte. */
		assert_int_equal(
			vmalloc_ioremap(vmalloc, paddr(pa + memory.granule - 1), 2, &address),
			VMALLOC_OK);
		free_area(address.value, 2);
		/* A page, a block and a page: the block stands as one. */
		assert_int_equal(vmalloc_ioremap(vmalloc, paddr(pa + span - memory.granule),
						 span + 2 * memory.granule, &address),
				 VMALLOC_OK);
		entry = pt_find(&memory.space, vaddr(address.value + memory.granule));
		assert_int_equal(entry.kind, PTE_BLOCK);
		assert_int_equal(pte_address(regime, entry.pte, 2).value, pa + span);
		assert_int_equal(pte_decode(regime, entry.pte, 2, 0).type, MEM_DEVICE_NGNRE);
		check_sound();
		free_area(address.value, span + 2 * memory.granule);
		finish();
	}
}

static void requests_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		u64 end = BIT(memory.space.regime.pa_bits);
		vaddr_t address = { 0 };

		start(setup, 0);
		end = regime_pa_end(&memory.space.regime);
		assert_int_equal(vmalloc_alloc(vmalloc, 0, &address), VMALLOC_BAD_SIZE);
		assert_int_equal(vmalloc_alloc(vmalloc, ~(u64)0, &address), VMALLOC_BAD_SIZE);
		assert_int_equal(vmalloc_alloc(vmalloc, BIT(63), &address), VMALLOC_NO_SPACE);
		assert_int_equal(vmalloc_ioremap(vmalloc, paddr(end - 1), 0, &address),
				 VMALLOC_BAD_SIZE);
		assert_int_equal(vmalloc_ioremap(vmalloc, paddr(~(u64)0), 2, &address),
				 VMALLOC_BAD_SIZE);
		assert_int_equal(vmalloc_ioremap(vmalloc, paddr(end), 1, &address),
				 VMALLOC_UNREACHABLE);
		assert_int_equal(vmalloc_ioremap(vmalloc, paddr(memory.ram_end - 1), 1, &address),
				 VMALLOC_IS_RAM);
		assert_int_equal(vmalloc_ioremap(vmalloc, paddr(memory.ram_end - 1),
						 2 * memory.granule, &address),
				 VMALLOC_IS_RAM);
		/* In the linear map, though not the page allocator's; or in no map at all. */
		assert_int_equal(
			vmalloc_ioremap(vmalloc, paddr(memory.setup.ram_start), 1, &address),
			VMALLOC_IS_RAM);
		memory_add_own(&ram, memory.setup.ram_start, memory.granule, MEMORY_NOMAP);
		assert_int_equal(vmalloc_ioremap(vmalloc, paddr(memory.setup.ram_start),
						 memory.granule + 1, &address),
				 VMALLOC_IS_RAM);
		assert_int_equal(vmalloc_ioremap(vmalloc, paddr(memory.setup.ram_start),
						 memory.granule, &address),
				 VMALLOC_IS_RAM);
		assert_int_equal(vmalloc_ioremap_hidden(vmalloc, paddr(memory.setup.ram_start),
							memory.granule + 1, &address),
				 VMALLOC_IS_RAM);
		assert_int_equal(vmalloc_ioremap_hidden(vmalloc, paddr(memory.setup.ram_start),
							memory.granule, &address),
				 VMALLOC_OK);
		assert_int_equal(vmalloc_free(vmalloc, address), VMALLOC_OK);
		assert_int_equal(vmalloc_ioremap_hidden(vmalloc, paddr(end), 1, &address),
				 VMALLOC_UNREACHABLE);
		assert_int_equal(vmalloc_free(vmalloc, vaddr(image)), VMALLOC_NOT_AN_AREA);
		assert_int_equal(vmalloc_free(vmalloc, vaddr(0)), VMALLOC_NOT_AN_AREA);
		assert_int_equal(vmalloc_alloc(vmalloc, 5, &address), VMALLOC_OK);
		assert_int_equal(vmalloc_free(vmalloc, vaddr(address.value + 1)),
				 VMALLOC_NOT_AN_AREA);
		check_sound();
		free_area(address.value, 5);
		assert_int_equal(vmalloc_free(vmalloc, address), VMALLOC_NOT_AN_AREA);
		assert_int_equal(memory.invalidation_count, 1);
		finish();
	}
}

/* The tables are not what the area says: somebody else unmapped a page of it. */
static void tables_that_disagree_are_an_error_and_no_page_is_freed(void **state)
{
	u64 used;
	vaddr_t a;

	(void)state;
	start(0, 0);
	assert_int_equal(vmalloc_alloc(vmalloc, 4 * memory.granule, &a), VMALLOC_OK);
	used = buddy_usage(&memory.buddy).used;
	assert_int_equal(pt_clear(&memory.space, vaddr(a.value + memory.granule),
				  vaddr(a.value + 2 * memory.granule)),
			 MAP_OK);
	assert_false(vmalloc_audit(vmalloc));
	assert_int_equal(vmalloc_free(vmalloc, a), VMALLOC_BAD_TABLES);
	assert_int_equal(vmalloc->map_result, MAP_NOT_MAPPED);
	assert_int_equal(buddy_usage(&memory.buddy).used, used);
	assert_true(buddy_audit(&memory.buddy));
	fake_memory_free(&memory);
}

/* At a page of the device's, another each time, something is mapped already: nothing stays. */
static void a_device_that_cannot_be_mapped_whole_is_not_mapped_at_all(void **state)
{
	(void)state;
	for (unsigned setup = 0; setup < FAKE_MEMORY_SETUPS; setup++) {
		const struct regime *regime = &memory.space.regime;
		u64 span, pa, area, size, step;
		vaddr_t address;

		start(setup, 0);
		span = regime_span(regime, 2);
		pa = align_up(memory.ram_end, span);
		if (pa + 3 * span > regime_pa_end(regime))
			pa = align_down(memory.setup.ram_start, span) - 4 * span;
		size = 2 * memory.granule + span + 2 * memory.granule;
		pa += span - 2 * memory.granule;
		assert_int_equal(vmalloc_ioremap(vmalloc, paddr(pa), size, &address), VMALLOC_OK);
		area = address.value;
		free_area(area, size);
		step = align_down(size / 8, memory.granule);
		for (u64 at = 0; at < size; at += at < 2 * memory.granule ? memory.granule : step) {
			struct map_request other = { vaddr(area + at),
						     vaddr(area + at + memory.granule),
						     paddr(memory.usable),
						     { PROT_READ_ONLY, MEM_NORMAL } };
			u64 tables;
			paddr_t found;

			assert_int_equal(buddy_fill_pool(&memory.buddy, 8), BUDDY_OK);
			assert_int_equal(map_range(&memory.space, &other), MAP_OK);
			tables = pool_used(&memory.pool, memory.granule);
			assert_int_equal(vmalloc_ioremap(vmalloc, paddr(pa), size, &address),
					 VMALLOC_BAD_TABLES);
			assert_int_equal(vmalloc->map_result, MAP_CONFLICT);
			assert_int_equal(pool_used(&memory.pool, memory.granule), tables);
			assert_true(pt_translate(&memory.space, other.start, &found));
			assert_int_equal(found.value, memory.usable);
			assert_int_equal(pt_unmap(&memory.space, other.start, other.end), MAP_OK);
			check_sound();
		}
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sequences_keep_areas_apart),
		cmocka_unit_test(an_area_is_followed_by_a_page_that_is_not_mapped),
		cmocka_unit_test(a_full_region_is_an_error_and_the_image_stays_clear),
		cmocka_unit_test(exhausted_memory_is_an_error_and_nothing_is_lost),
		cmocka_unit_test(devices_appear_at_their_offset_and_in_the_largest_blocks),
		cmocka_unit_test(requests_that_make_no_sense_are_refused),
		cmocka_unit_test(tables_that_disagree_are_an_error_and_no_page_is_freed),
		cmocka_unit_test(a_device_that_cannot_be_mapped_whole_is_not_mapped_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
