// SPDX-License-Identifier: MIT
/*
 * From the flip to the allocators: kernel/start's reading of the device tree, its take-over of
 * memory, its set-up of what hands memory out, and its choice of a console, each on RAM and page
 * tables of this test's own. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/kernel/cpu/shadow.h>
#include <pagoda/mm/pt/tlb.h>
#include <pagoda/kernel/start/alloc.h>
#include <pagoda/kernel/start/console_choice.h>
#include <pagoda/kernel/start/memory.h>
#include <pagoda/kernel/start/tree.h>
#include <pagoda/kernel/trap/exception.h>

#include "support/console_capture.h"
#include "support/fake_boot.h"
#include "support/fake_fdt.h"

#define RAM_END (FAKE_BOOT_RAM + FAKE_BOOT_RAM_SIZE)

static struct fake_boot boot;
static struct kernel *const kernel = &boot.kernel;
static struct boot_handoff *const handoff = &boot.handoff;

/* ---- arch.h ---- */

void tables_publish(void)
{
	fake_boot_follow();
}

void tlb_invalidate_all(void)
{
	fake_boot_follow();
}

void tlb_invalidate(const struct space *space, const struct tlb_range *range)
{
	(void)space;
	(void)range;
	fake_boot_follow();
}

static u64 cleaned; /* bytes */

void dcache_clean(const void *start, u64 size, u64 line_size)
{
	(void)start;
	(void)line_size;
	cleaned += size;
}

static u64 granule(void)
{
	return regime_granule(&handoff->plan.kernel);
}

/* ---- the device tree ---- */

#define SEED 0x7777777777777777

/* A boot in @regime up to the flip, with the tree of @description at @pa. */
static void make_tree(unsigned regime, const struct fake_fdt *description, u64 pa)
{
	struct fdt *tree = &handoff->facts.fdt.tree;
	struct fdt_cursor cursor;
	u8 *blob;

	fake_boot_make(&boot, regime);
	memset(boot.memory, 0xaa, sizeof(*boot.memory));
	blob = boot.ram + (pa - FAKE_BOOT_RAM);
	assert_true(fake_fdt_build(description, blob, KIB(64)) > 0);
	handoff->facts.entry.fdt = pa;
	assert_int_equal(fdt_locate(tree, blob), FDT_OK);
	(void)fdt_seek(tree, "chosen", &cursor, &handoff->facts.fdt.chosen);
	cleaned = 0;
}

/* All of the tree is in the window, and nobody may write there. */
static void judge_window(void)
{
	u64 start = (uintptr_t)kernel->fdt.blob, size = handoff->facts.fdt.tree.total_size;

	assert_int_equal(kernel->fdt.total_size, size);
	for (u64 at = 0; at < size; at++) {
		struct ref_result found = fake_boot_walk(&boot, &kernel->kernel_space, start + at);

		assert_int_equal(found.fault, REF_NO_FAULT);
		assert_int_equal(found.pa, handoff->facts.entry.fdt + at);
		assert_false(found.el1_write || found.el1_execute || found.el0_read);
	}
}

static bool lists(u64 start, u64 size, enum memory_kind kind)
{
	const struct memory_map *map = memory_list(kernel);

	for (u32 i = 0; i < map->count; i++)
		if (map->range[i].start.value == start && map->range[i].end.value == start + size &&
		    map->range[i].kind == kind)
			return true;
	return false;
}

static void the_tree_is_read_through_a_window_that_nobody_may_write_to(void **state)
{
	static const u64 places[] = { FAKE_BOOT_FDT, FAKE_BOOT_FDT + 8,
				      FAKE_BOOT_FDT + MIB(2) - 0x78 };

	(void)state;
	for (unsigned i = 0; i < FAKE_BOOT_REGIMES * ARRAY_SIZE(places); i++) {
		struct fake_fdt description = fake_fdt_default();

		description.reserve[0] = (struct fake_fdt_range){ 0x58000000, 0x1000 };
		description.no_map[0] = (struct fake_fdt_range){ 0x51000000, 0x20000 };
		description.initrd = (struct fake_fdt_range){ 0x48000000, 0x123456 };
		description.seed = 0; /* as the early runtime leaves it */
		make_tree(i % FAKE_BOOT_REGIMES, &description, places[i / FAKE_BOOT_REGIMES]);
		assert_int_equal(tree_take(kernel, handoff).code, STOP_NONE);
		judge_window();
		assert_true(lists(0x40000000, 0x20000000, MEMORY_RAM));
		assert_true(lists(0x58000000, 0x1000, MEMORY_RESERVED));
		assert_true(lists(0x51000000, 0x20000, MEMORY_NOMAP));
		assert_true(lists(0x48000000, 0x123456, MEMORY_INITRD));
		assert_int_equal(memory_list(kernel)->count, 4);
		assert_int_equal(handoff->facts.console.address.value, 0x9000000);
		assert_int_equal(handoff->facts.console.source, CONSOLE_STDOUT_PATH);
		assert_int_equal(handoff->facts.psci, PSCI_HVC);
		assert_int_equal(cleaned, 0);
		fake_boot_free(&boot);
	}
}

/* To write to the window while it is read-only is a fault of this process. */
static void a_seed_that_is_not_chosens_is_wiped_and_the_window_read_only_again(void **state)
{
	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		struct fake_fdt description = fake_fdt_default();
		u8 *blob;

		description.seed = 0;
		description.stray_seed = SEED;
		make_tree(regime, &description, FAKE_BOOT_FDT + 0xff8);
		blob = boot.ram + (handoff->facts.entry.fdt - FAKE_BOOT_RAM);
		assert_non_null(memchr(blob, 0x77, handoff->facts.fdt.tree.total_size));
		assert_int_equal(tree_take(kernel, handoff).code, STOP_NONE);
		assert_null(memchr(blob, 0x77, handoff->facts.fdt.tree.total_size));
		assert_int_equal(cleaned, sizeof(u64));
		assert_int_equal(handoff->facts.fdt.seed, FDT_SEED_NONE); /* nor was it taken */
		judge_window();
		fake_boot_free(&boot);
	}
}

/* Each with its own code, and the console that was seen before. */
static void a_tree_that_the_kernel_cannot_use_stops_with_what_is_wrong(void **state)
{
	struct fake_fdt description = fake_fdt_default();
	struct stop stop;
	u8 *end;

	(void)state;
	description.no_memory = true;
	make_tree(0, &description, FAKE_BOOT_FDT);
	assert_int_equal(tree_take(kernel, handoff).code, STOP_NO_MEMORY_NODE);
	assert_int_equal(handoff->facts.console.address.value, 0x9000000);
	fake_boot_free(&boot);

	description.no_memory = false;
	make_tree(0, &description, FAKE_BOOT_FDT);
	end = boot.ram + (FAKE_BOOT_FDT - FAKE_BOOT_RAM) + handoff->facts.fdt.tree.struct_end;
	end[-1] = 7; /* FDT_END */
	stop = tree_take(kernel, handoff);
	assert_int_equal(stop.code, STOP_FDT);
	assert_int_equal(stop.x1, FDT_BAD_TOKEN);
	assert_int_equal(stop.x2, FAKE_BOOT_FDT);
	assert_int_equal(stop.x3, handoff->facts.fdt.tree.total_size);
	assert_int_equal(handoff->facts.console.address.value, 0x9000000);
	fake_boot_free(&boot);

	make_tree(0, &description, FAKE_BOOT_FDT);
	handoff->pool.next = handoff->pool.end;
	stop = tree_take(kernel, handoff);
	assert_int_equal(stop.code, STOP_MAP);
	assert_int_equal(stop.x1, MAP_NO_TABLES);
	assert_int_equal(stop.x3, FAKE_BOOT_FDT);
	fake_boot_free(&boot);
}

/* ---- memory ---- */

static void take_over(void)
{
	struct stop stop = memory_init(kernel, handoff);

	assert_int_equal(stop.code, STOP_NONE);
}

/* What has the last word at @pa, or -1 where there is no RAM. */
static int kind_at(u64 pa)
{
	struct memory_range piece;

	if (!memory_next(kernel->memory, pa, &piece) || piece.start.value != pa)
		return -1;
	return (int)piece.kind;
}

static bool in_segment(u64 pa, enum segment segment)
{
	const struct image *image = &handoff->facts.image;
	u64 offset = pa - image->pa.value;

	return offset >= image->segment[segment].start && offset < image->segment[segment].end;
}

static bool is_init(u64 pa)
{
	return in_segment(pa, SEGMENT_INIT_TEXT) || in_segment(pa, SEGMENT_INIT_DATA);
}

/* The linear map shows each page of RAM that anybody may see, as it should, and nothing else. */
static void judge_linear(bool released)
{
	const struct space *space = &kernel->kernel_space;

	for (u64 pa = FAKE_BOOT_RAM - MIB(1); pa < RAM_END + MIB(1); pa += granule()) {
		u64 va = pa + kernel->linear.offset;
		struct ref_result found = fake_boot_walk(&boot, space, va);
		int kind = kind_at(pa);
		bool fixed = in_segment(pa, SEGMENT_RODATA) || in_segment(pa, SEGMENT_TEXT);

		if (kind == -1 || kind == MEMORY_NOMAP || (is_init(pa) && !released)) {
			assert_int_equal(found.fault, REF_TRANSLATION);
			continue;
		}
		assert_int_equal(found.fault, REF_NO_FAULT);
		assert_int_equal(found.pa, pa);
		assert_false(found.el1_execute || found.el0_execute || found.el0_read);
		assert_int_equal(found.el1_write, !fixed);
	}
}

static bool in_pool(u64 pa)
{
	return pa >= handoff->pool.start.value && pa < handoff->pool.end.value;
}

/* The identity map is as it was: the pages that the entry code is in, executable, and no more. */
static void judge_idmap(void)
{
	const struct image *image = &handoff->facts.image;
	u64 start = image->pa.value + image->entry.start;
	u64 last = image->pa.value + image->entry.end - 1;

	for (u64 pa = FAKE_BOOT_RAM; pa < RAM_END; pa += granule()) {
		struct ref_result found = fake_boot_walk(&boot, &kernel->idmap_space, pa);
		bool mapped = pa >= start && pa <= last;

		assert_int_equal(found.fault, mapped ? REF_NO_FAULT : REF_TRANSLATION);
		if (!mapped)
			continue;
		assert_int_equal(found.pa, pa);
		assert_true(found.el1_execute && !found.el1_write && !found.el0_read);
	}
}

static u64 bytes_of(enum memory_kind kind)
{
	struct memory_range piece;
	u64 bytes = 0;

	for (u64 from = 0; memory_next(kernel->memory, from, &piece); from = piece.end.value)
		if (piece.kind == kind)
			bytes += piece.end.value - piece.start.value;
	return bytes;
}

static void all_ram_is_in_the_linear_map_and_the_images_text_stays_read_only(void **state)
{
	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		u64 tables;

		fake_boot_make(&boot, regime);
		take_over();
		assert_int_equal(memory_total(kernel->memory), FAKE_BOOT_RAM_SIZE);
		tables = linear_tables(&kernel->kernel_space.regime, &kernel->linear,
				       kernel->memory, &handoff->facts.image);
		assert_int_equal(bytes_of(MEMORY_TABLES), tables * granule());
		assert_int_equal(bytes_of(MEMORY_FDT), align_up(FAKE_BOOT_FDT_SIZE, granule()));
		assert_int_equal(bytes_of(MEMORY_IMAGE), handoff->facts.image.size);
		assert_int_equal(kernel->kernel_space.phys_offset, kernel->linear.offset);
		assert_int_equal(kernel->idmap_space.phys_offset, kernel->linear.offset);
		judge_linear(false);
		judge_idmap();
		fake_boot_free(&boot);
	}
}

static void the_linear_seed_moves_it_and_is_gone(void **state)
{
	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		u64 plain;

		fake_boot_make(&boot, regime);
		take_over();
		plain = kernel->linear.offset;
		assert_int_equal(kernel->linear.random, 0);
		fake_boot_free(&boot);
		fake_boot_make(&boot, regime);
		handoff->seed.linear = 0x123456789abcdef0;
		take_over();
		assert_int_not_equal(kernel->linear.random, 0);
		assert_int_equal(kernel->linear.offset, plain + kernel->linear.random);
		assert_int_equal(handoff->seed.linear, 0);
		judge_linear(false);
		fake_boot_free(&boot);
	}
}

static void mem_leaves_the_lowest_ram_and_the_image(void **state)
{
	static const u64 limits[] = { MIB(1), MIB(3), MIB(16), MIB(64), MIB(100) };

	(void)state;
	for (unsigned i = 0; i < FAKE_BOOT_REGIMES * ARRAY_SIZE(limits); i++) {
		u64 limit = limits[i % ARRAY_SIZE(limits)], image_end, left;

		fake_boot_make(&boot, i / ARRAY_SIZE(limits));
		handoff->options.memory_limit = limit;
		take_over();
		image_end = FAKE_BOOT_IMAGE + handoff->facts.image.size;
		left = min_u64(limit, FAKE_BOOT_RAM_SIZE);
		assert_int_equal(kernel->memory_fate.limited, FAKE_BOOT_RAM_SIZE - left);
		for (u64 pa = FAKE_BOOT_RAM; pa < RAM_END; pa += granule())
			assert_int_equal(kind_at(pa) != -1,
					 pa < FAKE_BOOT_RAM + left ||
						 (pa >= FAKE_BOOT_IMAGE && pa < image_end));
		judge_linear(false);
		fake_boot_free(&boot);
	}
}

static void ram_that_no_descriptor_or_no_window_reaches_is_dropped_and_counted(void **state)
{
	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		u64 end;

		fake_boot_make(&boot, regime);
		end = regime_pa_end(&handoff->plan.kernel);
		memory_add(boot.memory, end - MIB(4), MIB(4) + MIB(32), MEMORY_RAM);
		memory_add(boot.memory, end + GIB(1), MIB(8), MEMORY_RAM);
		take_over();
		assert_int_equal(kernel->memory_fate.unreachable, MIB(40));
		assert_int_equal(kernel->memory_fate.outside, MIB(4));
		assert_int_equal(memory_total(kernel->memory), FAKE_BOOT_RAM_SIZE);
		judge_linear(false);
		fake_boot_free(&boot);
	}
}

static void what_the_fdt_reserves_is_kept_and_no_map_in_no_map(void **state)
{
	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		fake_boot_make(&boot, regime);
		memory_add(boot.memory, FAKE_BOOT_RAM, MIB(1), MEMORY_RESERVED);
		memory_add(boot.memory, FAKE_BOOT_RAM + MIB(16), MIB(1), MEMORY_NOMAP);
		memory_add(boot.memory, FAKE_BOOT_RAM + MIB(20), MIB(1), MEMORY_INITRD);
		take_over();
		assert_false(kernel->memory_fate.image_reserved);
		assert_int_equal(bytes_of(MEMORY_RESERVED), MIB(1));
		assert_int_equal(bytes_of(MEMORY_NOMAP), MIB(1));
		assert_int_equal(bytes_of(MEMORY_INITRD), MIB(1));
		judge_linear(false);
		judge_idmap();
		fake_boot_free(&boot);
	}
}

static void a_reservation_over_the_image_is_said_and_does_not_count(void **state)
{
	static const struct {
		s64 from, to; /* the image's start, and its end */
		bool over;
	} cases[] = { { -KIB(64), 0, false }, { -KIB(64), KIB(64), true } };

	(void)state;
	for (unsigned kind = MEMORY_RESERVED; kind <= MEMORY_NOMAP; kind++)
		for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
			if (kind == MEMORY_FDT || kind == MEMORY_TABLES)
				continue;
			fake_boot_make(&boot, 0);
			memory_add(boot.memory, (u64)(FAKE_BOOT_IMAGE + cases[i].from),
				   (u64)(cases[i].to - cases[i].from), kind);
			take_over();
			assert_int_equal(kernel->memory_fate.image_reserved, cases[i].over);
			assert_int_equal(bytes_of(MEMORY_IMAGE), handoff->facts.image.size);
			judge_linear(false);
			fake_boot_free(&boot);
		}
}

static void without_ram_for_the_tables_the_boot_stops_with_the_numbers(void **state)
{
	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		struct stop stop;

		fake_boot_make(&boot, regime);
		memory_add(boot.memory, FAKE_BOOT_RAM, FAKE_BOOT_RAM_SIZE - granule(),
			   MEMORY_RESERVED);
		stop = memory_init(kernel, handoff);
		assert_int_equal(stop.code, STOP_MEMORY);
		assert_int_equal(stop.x1, granule() * linear_tables(&kernel->kernel_space.regime,
								    &kernel->linear, kernel->memory,
								    &handoff->facts.image));
		assert_true(stop.x1 > granule());
		assert_int_equal(stop.x2, granule());
		assert_int_equal(stop.x3, FAKE_BOOT_RAM_SIZE);
		judge_idmap();
		fake_boot_free(&boot);
	}
}

static void what_only_the_early_runtime_needed_becomes_ram(void **state)
{
	const struct image *image = &handoff->facts.image;

	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		u64 start, end;

		fake_boot_make(&boot, regime);
		take_over();
		start = image->segment[SEGMENT_INIT_TEXT].start;
		end = image->segment[SEGMENT_INIT_DATA].end;
		assert_int_equal(memory_release_init(kernel), MAP_OK);
		for (u64 at = 0; at < image->size; at += granule()) {
			u64 va = handoff->plan.image_va.value + at;
			struct ref_result found = fake_boot_walk(&boot, &kernel->kernel_space, va);
			bool released = at >= start && at < end;

			assert_int_equal(found.fault, released ? REF_TRANSLATION : REF_NO_FAULT);
			assert_int_equal(kind_at(image->pa.value + at),
					 released ? MEMORY_RAM : MEMORY_IMAGE);
		}
		judge_linear(true);
		judge_idmap();
		fake_boot_free(&boot);
	}
}

static void the_pool_of_tables_is_in_the_linear_map_alone(void **state)
{
	const struct image *image = &handoff->facts.image;

	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		fake_boot_make(&boot, regime);
		take_over();
		assert_int_equal(memory_close_pool(kernel), MAP_OK);
		for (u64 at = image->segment[SEGMENT_DATA].start; at < image->size;
		     at += granule()) {
			u64 pa = image->pa.value + at, va = handoff->plan.image_va.value + at;
			unsigned fault = in_pool(pa) ? REF_TRANSLATION : REF_NO_FAULT;

			assert_int_equal(fake_boot_walk(&boot, &kernel->kernel_space, va).fault,
					 fault);
		}
		judge_idmap();
		judge_linear(false);
		fake_boot_free(&boot);
	}
}

/* ---- the allocators ---- */

static void make_ready(unsigned regime)
{
	fake_boot_make(&boot, regime);
	memory_add(boot.memory, FAKE_BOOT_RAM + MIB(16), MIB(1), MEMORY_NOMAP);
	memory_add(boot.memory, FAKE_BOOT_RAM + MIB(20), MIB(1) + 1, MEMORY_RESERVED);
	take_over();
	assert_int_equal(memory_release_init(kernel), MAP_OK);
}

/* Frames handed out, one bit each. */
static u8 handed[FAKE_BOOT_RAM_SIZE / 4096];

static void the_allocator_gets_the_free_ram_and_no_other(void **state)
{
	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		u64 state_size, free_ram, pages = 0;
		struct buddy_usage usage;
		struct buddy *buddy;
		paddr_t page;

		make_ready(regime);
		alloc_init(kernel);
		assert_non_null(kernel->alloc);
		assert_int_equal(kernel->alloc->ranges_refused, 0);
		buddy = &kernel->alloc->buddy;
		state_size = align_up(sizeof(struct alloc), granule());
		free_ram = bytes_of(MEMORY_RAM);
		assert_int_equal(buddy_usage(buddy).total, free_ram - state_size);

		memset(handed, 0, sizeof(handed));
		while (buddy_alloc(buddy, 0, &page) == BUDDY_OK) {
			u64 frame = (page.value - FAKE_BOOT_RAM) / granule();
			u64 va = page.value + kernel->linear.offset;

			assert_int_equal(kind_at(page.value), MEMORY_RAM);
			assert_true(va + granule() <= (uintptr_t)kernel->alloc ||
				    va >= (uintptr_t)kernel->alloc + state_size);
			assert_false(handed[frame]++);
			memset(vaddr_pointer(vaddr(va)), 0xaa, granule());
			pages++;
		}
		usage = buddy_usage(buddy);
		assert_int_equal(usage.used, pages * granule());
		assert_int_equal(usage.used + usage.metadata, usage.total);
		assert_true(buddy_audit(buddy));
		judge_linear(true);
		fake_boot_free(&boot);
	}
}

static u64 tables_known(void)
{
	u64 tables = 0;

	for (u64 pa = FAKE_BOOT_RAM; pa < RAM_END; pa += granule())
		tables += alloc_is_table(kernel->alloc, &handoff->pool, kernel->memory,
					 paddr(pa + granule() - 1));
	return tables;
}

/* From the image, from RAM for the linear map, from metadata's own piece, and page by page. */
static void all_memory_of_the_pool_is_known_for_tables_and_no_other(void **state)
{
	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		struct buddy *buddy;
		paddr_t page;

		make_ready(regime);
		assert_int_equal(tables_known(), pool_total(&handoff->pool, granule()));
		alloc_init(kernel);
		buddy = &kernel->alloc->buddy;
		handoff->pool.next = handoff->pool.end; /* or there would be no need of more */
		handoff->pool.free_count = 0;
		assert_int_equal(buddy_alloc(buddy, 0, &page), BUDDY_OK);
		assert_int_equal(tables_known(), pool_total(&handoff->pool, granule()));
		assert_int_equal(buddy_fill_pool(buddy, 20), BUDDY_OK);
		assert_int_equal(tables_known(), pool_total(&handoff->pool, granule()));
		assert_int_equal(buddy_free(buddy, page, 0), BUDDY_OK);
		fake_boot_free(&boot);
	}
}

static void what_is_before_tables_or_behind_them_is_no_table(void **state)
{
	static struct memory_map map;
	struct table_pool none = { 0 };

	(void)state;
	memory_begin(&map);
	memory_add(&map, GIB(1), MIB(16), MEMORY_RAM);
	memory_add_own(&map, GIB(1), MIB(2), MEMORY_TABLES);
	assert_int_equal(memory_normalise(&map, KIB(4)), 0);
	assert_false(alloc_is_table(NULL, &none, &map, paddr(GIB(1) - 1)));
	assert_true(alloc_is_table(NULL, &none, &map, paddr(GIB(1))));
	assert_true(alloc_is_table(NULL, &none, &map, paddr(GIB(1) + MIB(2) - 1)));
	assert_false(alloc_is_table(NULL, &none, &map, paddr(GIB(1) + MIB(2))));
	assert_false(alloc_is_table(NULL, &none, &map, paddr(GIB(1) + MIB(16))));
}

static void areas_leave_the_image_alone(void **state)
{
	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		const struct vmalloc_area *area;
		vaddr_t taken;

		make_ready(regime);
		alloc_init(kernel);
		area = kernel->alloc->vmalloc.areas;
		assert_int_equal(area->start.value, handoff->plan.image_va.value);
		assert_int_equal(area->kind, VMALLOC_IMAGE);
		assert_int_equal(vmalloc_alloc(&kernel->alloc->vmalloc, 1, &taken), VMALLOC_OK);
		*(volatile u8 *)vaddr_pointer(taken) = 1;
		assert_int_equal(vmalloc_free(&kernel->alloc->vmalloc, taken), VMALLOC_OK);
		assert_true(vmalloc_audit(&kernel->alloc->vmalloc));
		fake_boot_free(&boot);
	}
}

struct boot_shadows boot_shadows;
static struct cpu cpu;
static u64 x18;

void *cpu_pointer(void)
{
	return &cpu;
}

u64 shadow_get(void)
{
	return x18;
}

void shadow_set(u64 end)
{
	x18 = end;
}

static u64 shadow_begin_at(u64 words[BOOT_SHADOW_CALLS], u64 number)
{
	for (u64 i = 0; i < BOOT_SHADOW_CALLS; i++)
		words[i] = number + i;
	return (uintptr_t)words;
}

static void shadows_begin(void)
{
	cpu.shadow.start = shadow_begin_at(boot_shadows.stack, 100);
	cpu.exception_shadow.start = shadow_begin_at(boot_shadows.exception_stack, 1000);
	x18 = cpu.shadow.start + 5 * sizeof(u64);
	handoff->plan.pac = false;
	handoff->scs.patched = 1;
}

static void assert_no_neighbour(struct stack shadow)
{
	assert_int_equal(shadow.end - shadow.start, granule());
	assert_int_not_equal(fake_boot_walk(&boot, &kernel->kernel_space, shadow.start - 1).fault,
			     REF_NO_FAULT);
	assert_int_not_equal(fake_boot_walk(&boot, &kernel->kernel_space, shadow.end).fault,
			     REF_NO_FAULT);
}

static void shadow_call_stacks_move_to_pages_of_their_own_with_what_is_on_them(void **state)
{
	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		const u64 *words;

		make_ready(regime);
		shadows_begin();
		alloc_init(kernel);
		assert_int_equal(kernel->shadow_result, VMALLOC_OK);
		words = vaddr_pointer(vaddr(cpu.shadow.start));
		for (u64 i = 0; i < 5; i++)
			assert_int_equal(words[i], 100 + i);
		assert_int_equal(x18, cpu.shadow.start + 5 * sizeof(u64));
		assert_no_neighbour(cpu.shadow);
		assert_no_neighbour(cpu.exception_shadow);
		assert_int_not_equal(cpu.shadow.start, cpu.exception_shadow.start);
		for (u64 i = 0; i < BOOT_SHADOW_CALLS; i++)
			assert_int_equal(boot_shadows.stack[i] | boot_shadows.exception_stack[i],
					 0);
		fake_boot_free(&boot);
	}
}

static void shadow_call_stacks_stay_where_return_addresses_are_signed(void **state)
{
	u64 before;

	(void)state;
	make_ready(0);
	shadows_begin();
	handoff->plan.pac = true;
	before = x18;
	alloc_init(kernel);
	assert_int_equal(x18, before);
	assert_int_equal(boot_shadows.stack[0], 100);
	fake_boot_free(&boot);
}

static void pcis_ports_are_shown_where_they_are_not_ram(void **state)
{
	static const struct {
		bool found;
		u64 pa;
		enum pci_result expected;
	} cases[] = {
		{ false, 0, PCI_NO_BRIDGE },
		{ true, 0x3eff0000, PCI_OK },
		{ true, FAKE_BOOT_IMAGE, PCI_IN_RAM },
		{ true, RAM_END - KIB(64), PCI_IN_RAM },
		{ true, FAKE_BOOT_RAM + MIB(16), PCI_IN_RAM }, /* no-map */
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pci_io io = { cases[i].found, paddr(cases[i].pa), 0, KIB(64) };
		struct ref_result found;

		make_ready(0);
		handoff->facts.pci_io = io;
		alloc_init(kernel);
		assert_int_equal(kernel->pci_result, cases[i].expected);
		found = fake_boot_walk(&boot, &kernel->kernel_space,
				       handoff->plan.layout.region[LAYOUT_PCI_IO].start.value);
		assert_int_equal(found.fault == REF_NO_FAULT, cases[i].expected == PCI_OK);
		if (cases[i].expected == PCI_OK)
			assert_int_equal(found.pa, cases[i].pa);
		fake_boot_free(&boot);
	}
}

static void without_free_ram_there_is_no_allocator(void **state)
{
	(void)state;
	make_ready(0);
	memory_add_own(kernel->memory, FAKE_BOOT_RAM, FAKE_BOOT_RAM_SIZE, MEMORY_RESERVED);
	alloc_init(kernel);
	assert_null(kernel->alloc);
	fake_boot_free(&boot);
}

/* ---- the console ---- */

#define GOOD 0x9000000
#define ERROR 0x9010000 /* the bus has nobody there, and says so */
#define ONES 0x9020000 /* or does not */
#define ROM 0x9030000 /* what is written there is not there */
#define SET_ASIDE (FAKE_BOOT_RAM + MIB(16)) /* no-map */

static u64 console_pa; /* 0: none */
static unsigned console_inits;
static u64 made_buffer;
static jmp_buf bus_error;

static u64 device_pa(u64 va)
{
	struct ref_result found = fake_boot_walk(&boot, &kernel->kernel_space, va);

	assert_int_equal(found.fault, REF_NO_FAULT);
	assert_false(found.el1_execute);
	assert_true(found.el1_write);
	return found.pa;
}

static bool semihosting; /* somebody serves it */

/* An undefined instruction where nobody does. */
void semihost_enable(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	(void)registers;
	if (!semihosting)
		longjmp(bus_error, 1);
}

void text_buffer_enable(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	made_buffer = device_pa((uintptr_t)registers);
}

/* What else the two drivers have, which is not called. */
#define NOT_CALLED(driver)                                                                     \
	struct serial_register driver##_status(struct serial_kind kind)                        \
	{                                                                                      \
		(void)kind;                                                                    \
		return (struct serial_register){ 0, 4 };                                       \
	}                                                                                      \
	unsigned driver##_fifo_enable(struct serial_kind kind, volatile void *registers)       \
	{                                                                                      \
		return kind.type + (registers == NULL);                                        \
	}                                                                                      \
	bool driver##_write(struct serial_kind kind, volatile void *registers, unsigned depth, \
			    const char *text, size_t length)                                   \
	{                                                                                      \
		return kind.type + depth + length == 0 && registers == text;                   \
	}                                                                                      \
	int driver##_read(struct serial_kind kind, volatile void *registers)                   \
	{                                                                                      \
		return kind.type + (registers == NULL);                                        \
	}                                                                                      \
	void driver##_receive_interrupt(struct serial_kind kind, volatile void *registers,     \
					bool on)                                               \
	{                                                                                      \
		(void)kind;                                                                    \
		(void)registers;                                                               \
		(void)on;                                                                      \
	}

NOT_CALLED(semihost)
NOT_CALLED(text_buffer)

void console_init(struct serial_kind kind, void *registers)
{
	console_pa = serial_has_registers(kind) ? device_pa((uintptr_t)registers) : 1;
	console_inits++;
}

u64 memory_load(vaddr_t va, unsigned size)
{
	u64 pa = device_pa(va.value);

	if (pa == made_buffer && pa != ROM)
		return TEXT_BUFFER_MAGIC;
	switch (pa & ~(u64)0xffff) {
	case GOOD:
	case ROM:
	case SET_ASIDE:
		return 0;
	case ONES:
		return ~(u64)0 >> (64 - 8 * size);
	}
	longjmp(bus_error, 1);
}

bool fault_catch(void (*function)(void *context), void *context, struct fault *fault)
{
	(void)fault;
	if (setjmp(bus_error) != 0)
		return true;
	function(context);
	return false;
}

static struct console_choice choice(u64 pa, enum console_source source)
{
	struct serial_kind kind = { source == CONSOLE_EARLYCON ? SERIAL_8250 : SERIAL_PL011, 0, 4 };

	return (struct console_choice){ paddr(pa), kind, source };
}

static void a_console_that_there_is_no_table_for_is_not_said_to_be_out_of_reach(void **state)
{
	(void)state;
	fake_boot_make(&boot, 0);
	handoff->options.earlycon = paddr(0);
	handoff->facts.console = choice(GOOD, CONSOLE_STDOUT_PATH);
	handoff->pool.next = handoff->pool.end;
	console_choose(kernel);
	assert_int_equal(kernel->console_fault, CONSOLE_NOT_MAPPED);
	fake_boot_free(&boot);
}

static void the_console_is_the_first_of_two_that_answers(void **state)
{
	static const struct {
		u64 first, second;
		enum console_fault fault; /* of the last that was given up, */
		u64 lost; /* and which that was */
		u64 console;
		enum console_source source;
	} cases[] = {
		{ GOOD, GOOD + 0x1000, CONSOLE_WORKS, 0, GOOD, CONSOLE_EARLYCON },
		{ GOOD + 8, 0, CONSOLE_WORKS, 0, GOOD + 8, CONSOLE_EARLYCON },
		{ FAKE_BOOT_RAM, GOOD, CONSOLE_IN_RAM, FAKE_BOOT_RAM, GOOD, CONSOLE_STDOUT_PATH },
		{ RAM_END - 1, GOOD, CONSOLE_IN_RAM, RAM_END - 1, GOOD, CONSOLE_STDOUT_PATH },
		{ ERROR, GOOD, CONSOLE_SILENT, ERROR, GOOD, CONSOLE_STDOUT_PATH },
		{ ONES, GOOD, CONSOLE_SILENT, ONES, GOOD, CONSOLE_STDOUT_PATH },
		{ BIT(52), GOOD, CONSOLE_OUT_OF_REACH, BIT(52), GOOD, CONSOLE_STDOUT_PATH },
		{ ERROR, FAKE_BOOT_IMAGE, CONSOLE_IN_RAM, FAKE_BOOT_IMAGE, 0, CONSOLE_NONE },
		{ ONES, ERROR, CONSOLE_SILENT, ERROR, 0, CONSOLE_NONE },
		{ FAKE_BOOT_RAM, 0, CONSOLE_IN_RAM, FAKE_BOOT_RAM, 0, CONSOLE_NONE },
		{ 0, 0, CONSOLE_WORKS, 0, 0, CONSOLE_NONE },
	};

	(void)state;
	for (unsigned i = 0; i < FAKE_BOOT_REGIMES * ARRAY_SIZE(cases); i++) {
		unsigned row = i % ARRAY_SIZE(cases);
		u64 slot;

		fake_boot_make(&boot, i / ARRAY_SIZE(cases));
		console_pa = console_inits = 0;
		handoff->options.earlycon = paddr(cases[row].first);
		handoff->options.earlycon_kind = choice(cases[row].first, CONSOLE_EARLYCON).kind;
		handoff->facts.console = choice(cases[row].second, CONSOLE_STDOUT_PATH);
		console_choose(kernel);
		assert_int_equal(console_pa, cases[row].console);
		assert_int_equal(console_inits, cases[row].console != 0);
		assert_int_equal(kernel->console.source, cases[row].source);
		assert_int_equal(kernel->console_fault, cases[row].fault);
		assert_int_equal(kernel->console_lost.address.value, cases[row].lost);
		slot = layout_fixmap(&handoff->plan.layout, FIXMAP_CONSOLE).value;
		slot = align_down(slot, granule());
		assert_int_equal(fake_boot_walk(&boot, &kernel->kernel_space, slot).fault ==
					 REF_NO_FAULT,
				 cases[row].console != 0);
		fake_boot_free(&boot);
	}
}

static void a_console_without_a_uart_is_taken_where_it_can_be(void **state)
{
	static const struct {
		struct serial_kind kind;
		u64 pa;
		bool semihosting;
		enum console_fault fault;
	} cases[] = {
		{ { SERIAL_SEMIHOST, 0, 0 }, 0, true, CONSOLE_WORKS },
		{ { SERIAL_SEMIHOST, 0, 0 }, 0, false, CONSOLE_SILENT },
		{ { SERIAL_BUFFER, 16, 0 }, GOOD, false, CONSOLE_WORKS },
		{ { SERIAL_BUFFER, 16, 0 }, SET_ASIDE, false, CONSOLE_WORKS },
		{ { SERIAL_BUFFER, 16, 0 }, SET_ASIDE + MIB(1), false, CONSOLE_IN_RAM },
		{ { SERIAL_BUFFER, 16, 0 }, SET_ASIDE - KIB(64), false, CONSOLE_IN_RAM },
		{ { SERIAL_BUFFER, 16, 0 }, FAKE_BOOT_RAM, false, CONSOLE_IN_RAM },
		{ { SERIAL_PL011, 0, 0 }, SET_ASIDE, false, CONSOLE_IN_RAM },
		{ { SERIAL_BUFFER, 16, 0 }, ERROR, false, CONSOLE_SILENT },
		{ { SERIAL_BUFFER, 16, 0 }, ROM, false, CONSOLE_SILENT },
	};

	(void)state;
	for (unsigned i = 0; i < FAKE_BOOT_REGIMES * ARRAY_SIZE(cases); i++) {
		unsigned row = i % ARRAY_SIZE(cases);
		bool works = cases[row].fault == CONSOLE_WORKS;
		u64 last, slot;

		fake_boot_make(&boot, i / ARRAY_SIZE(cases));
		memory_add(boot.memory, SET_ASIDE, MIB(1), MEMORY_NOMAP);
		console_pa = console_inits = made_buffer = 0;
		semihosting = cases[row].semihosting;
		handoff->options.earlycon = paddr(cases[row].pa);
		handoff->options.earlycon_kind = cases[row].kind;
		handoff->facts.console = choice(GOOD + 0x1000, CONSOLE_STDOUT_PATH);
		console_choose(kernel);
		assert_int_equal(console_inits, 1);
		assert_int_equal(kernel->console_fault, cases[row].fault);
		assert_int_equal(kernel->console.source,
				 works ? CONSOLE_EARLYCON : CONSOLE_STDOUT_PATH);
		if (!works || cases[row].pa == 0) {
			assert_int_equal(console_pa, works ? 1 : GOOD + 0x1000);
			fake_boot_free(&boot);
			continue;
		}
		assert_int_equal(console_pa, cases[row].pa);
		assert_int_equal(made_buffer, cases[row].pa);
		slot = layout_fixmap(&handoff->plan.layout, FIXMAP_CONSOLE).value;
		last = align_down(slot, granule()) + KIB(64) - 1;
		assert_int_equal(device_pa(last), cases[row].pa + KIB(64) - 1);
		fake_boot_free(&boot);
	}
}

static void where_the_one_that_is_named_is_silent_the_trees_others_are_tried_in_order(void **state)
{
	struct boot_lists *all;

	(void)state;
	fake_boot_make(&boot, 0);
	all = facts_lists(&handoff->facts, kernel->kernel_space.phys_offset);
	console_pa = console_inits = 0;
	handoff->options.earlycon = paddr(0);
	handoff->facts.console = choice(ERROR, CONSOLE_STDOUT_PATH);
	handoff->facts.consoles = 3;
	all->console[0] = choice(ONES, CONSOLE_FIRST_UART);
	all->console[1] = choice(GOOD, CONSOLE_FIRST_UART);
	all->console[2] = choice(GOOD + 0x1000, CONSOLE_FIRST_UART);
	console_choose(kernel);
	assert_int_equal(console_pa, GOOD);
	assert_int_equal(console_inits, 1);
	assert_int_equal(kernel->console.source, CONSOLE_FIRST_UART);
	assert_int_equal(kernel->console_lost.address.value, ONES);
	fake_boot_free(&boot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tree_is_read_through_a_window_that_nobody_may_write_to),
		cmocka_unit_test(
			a_seed_that_is_not_chosens_is_wiped_and_the_window_read_only_again),
		cmocka_unit_test(a_tree_that_the_kernel_cannot_use_stops_with_what_is_wrong),
		cmocka_unit_test(all_ram_is_in_the_linear_map_and_the_images_text_stays_read_only),
		cmocka_unit_test(the_linear_seed_moves_it_and_is_gone),
		cmocka_unit_test(mem_leaves_the_lowest_ram_and_the_image),
		cmocka_unit_test(
			ram_that_no_descriptor_or_no_window_reaches_is_dropped_and_counted),
		cmocka_unit_test(what_the_fdt_reserves_is_kept_and_no_map_in_no_map),
		cmocka_unit_test(a_reservation_over_the_image_is_said_and_does_not_count),
		cmocka_unit_test(without_ram_for_the_tables_the_boot_stops_with_the_numbers),
		cmocka_unit_test(what_only_the_early_runtime_needed_becomes_ram),
		cmocka_unit_test(the_pool_of_tables_is_in_the_linear_map_alone),
		cmocka_unit_test(all_memory_of_the_pool_is_known_for_tables_and_no_other),
		cmocka_unit_test(what_is_before_tables_or_behind_them_is_no_table),
		cmocka_unit_test(the_allocator_gets_the_free_ram_and_no_other),
		cmocka_unit_test(areas_leave_the_image_alone),
		cmocka_unit_test(
			shadow_call_stacks_move_to_pages_of_their_own_with_what_is_on_them),
		cmocka_unit_test(shadow_call_stacks_stay_where_return_addresses_are_signed),
		cmocka_unit_test(pcis_ports_are_shown_where_they_are_not_ram),
		cmocka_unit_test(without_free_ram_there_is_no_allocator),
		cmocka_unit_test(
			a_console_that_there_is_no_table_for_is_not_said_to_be_out_of_reach),
		cmocka_unit_test(the_console_is_the_first_of_two_that_answers),
		cmocka_unit_test(a_console_without_a_uart_is_taken_where_it_can_be),
		cmocka_unit_test(
			where_the_one_that_is_named_is_silent_the_trees_others_are_tried_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
