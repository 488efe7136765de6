// SPDX-License-Identifier: MIT
/*
 * Page allocator, heap, vmalloc and changes of tables by several threads at once, watched by
 * ThreadSanitizer: what somebody got is his until he gives it back, what is mapped is what he
 * mapped, and locks are taken in the order that docs/design.md says.
 * Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

#include <pagoda/arch/arch.h>
#include <pagoda/mm/alloc/vmalloc.h>
#include <pagoda/mm/pt/change.h>

#include "support/host_lock.h"
#include "threads.h"

#define THREADS 4
#define STEPS 3000
#define OBJECTS 24 /* that a thread has at a time */
#define AREA_PAGES 3
#define RAM_START GIB(1)
#define RAM_SIZE MIB(64)
#define TABLES 1 /* in the pool at first: the root */
#define PAGE KIB(4)
#define DEVICE_PA GIB(4)
#define RANGES 4

static struct {
	struct table_pool pool;
	struct space space;
	struct layout layout;
	struct buddy_range ranges[RANGES];
	struct buddy buddy;
	struct heap heap;
	struct vmalloc vmalloc;
	u8 *ram;
	u64 invalidations; /* the pool's lock protects it */
} machine;

/* Who changes tables has the lock, up to and including the invalidation. */
void tlb_invalidate(const struct space *space, const struct tlb_range *range)
{
	(void)range;
	assert_true(lock_mine(&space->pool->lock));
	machine.invalidations++;
}

void tables_publish(void)
{
}

static u8 *room(size_t size)
{
	void *result = mmap(NULL, size + GRANULE_SIZE_MAX, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(result != MAP_FAILED);
	return (u8 *)align_up((uintptr_t)result, GRANULE_SIZE_MAX);
}

static void space_set_up(void)
{
	machine.pool = (struct table_pool){ .start = paddr(RAM_START),
					    .next = paddr(RAM_START),
					    .end = paddr(RAM_START + TABLES * PAGE) };
	machine.space = (struct space){ .regime = regime_make(12, 48, 48, false),
					.phys_offset = (uintptr_t)machine.ram - RAM_START,
					.pool = &machine.pool };
	machine.layout = layout_make(&machine.space.regime, 64);
	assert_int_equal(pt_space_create(&machine.space), MAP_OK);
}

static void allocators_set_up(void)
{
	u64 linear = machine.layout.region[LAYOUT_LINEAR].start.value;
	struct vmemmap vmemmap =
		vmemmap_make(&machine.space, &machine.layout, 64, linear - RAM_START);
	struct layout_region window =
		vmemmap_range(&vmemmap, RAM_START / PAGE, (RAM_START + RAM_SIZE) / PAGE);

	vmemmap.pointer_offset =
		(uintptr_t)room(vaddr_diff(window.end, window.start)) - window.start.value;
	buddy_init(&machine.buddy, &vmemmap, machine.space.phys_offset, machine.ranges, RANGES);
	assert_int_equal(buddy_add(&machine.buddy, machine.pool.end, paddr(RAM_START + RAM_SIZE)),
			 BUDDY_OK);
	heap_init(&machine.heap, &machine.buddy);
	machine.vmalloc = (struct vmalloc){ .space = &machine.space, .heap = &machine.heap };
	vmalloc_init(&machine.vmalloc, machine.layout.region[LAYOUT_VMALLOC],
		     vaddr_add(machine.layout.region[LAYOUT_VMALLOC].start, GIB(1)),
		     paddr(RAM_START), 0x10000);
}

static int set_up(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	machine.ram = room(RAM_SIZE);
	space_set_up();
	allocators_set_up();
	return 0;
}

/* What a thread has: filled with its number as long as it has it. */
struct piece {
	enum {
		NOTHING,
		PAGES,
		OBJECT,
		AREA
	} kind;
	paddr_t block;
	unsigned order;
	u8 *object;
	size_t size;
	vaddr_t area;
};

static void fill(struct thread *thread, u8 *memory, size_t size)
{
	memset(memory, (int)thread->number + 1, size);
}

static void check_filled(struct thread *thread, const u8 *memory, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(memory[i], thread->number + 1);
}

static u8 *ram_at(paddr_t pa)
{
	return machine.ram + (pa.value - RAM_START);
}

/* What the tables say of a page; under the lock, since the sanitizer knows no table walkers. */
static bool translate(vaddr_t va, paddr_t *pa)
{
	bool mapped;

	lock_take(&machine.pool.lock);
	mapped = pt_translate(&machine.space, va, pa);
	lock_drop(&machine.pool.lock);
	return mapped;
}

static void each_page(struct thread *thread, const struct piece *piece,
		      void (*act)(struct thread *thread, u8 *memory))
{
	paddr_t pa;

	for (size_t at = 0; at < piece->size; at += PAGE) {
		assert_true(translate(vaddr_add(piece->area, at), &pa));
		act(thread, ram_at(pa));
	}
}

static void page_fill(struct thread *thread, u8 *memory)
{
	fill(thread, memory, PAGE);
}

static void page_check(struct thread *thread, u8 *memory)
{
	check_filled(thread, memory, PAGE);
}

static void piece_get(struct thread *thread, struct piece *piece)
{
	void *object;

	piece->kind = (unsigned)thread_random(thread, 3) + PAGES;
	switch (piece->kind) {
	case NOTHING:
		break;
	case PAGES:
		piece->order = (unsigned)thread_random(thread, 3);
		assert_int_equal(buddy_alloc(&machine.buddy, piece->order, &piece->block),
				 BUDDY_OK);
		fill(thread, ram_at(piece->block), PAGE << piece->order);
		break;
	case OBJECT:
		piece->size = 1 + thread_random(thread, thread_random(thread, 8) ? 200 : 9000);
		assert_int_equal(heap_alloc(&machine.heap, piece->size, &object), HEAP_OK);
		piece->object = object;
		for (size_t i = 0; i < piece->size; i++)
			assert_int_equal(piece->object[i], 0);
		fill(thread, piece->object, piece->size);
		break;
	case AREA:
		piece->size = PAGE * (1 + thread_random(thread, AREA_PAGES));
		assert_int_equal(vmalloc_alloc(&machine.vmalloc, piece->size, &piece->area),
				 VMALLOC_OK);
		each_page(thread, piece, page_fill);
		break;
	}
}

static void piece_give(struct thread *thread, struct piece *piece)
{
	paddr_t pa;

	switch (piece->kind) {
	case NOTHING:
		break;
	case PAGES:
		check_filled(thread, ram_at(piece->block), PAGE << piece->order);
		assert_int_equal(buddy_free(&machine.buddy, piece->block, piece->order), BUDDY_OK);
		break;
	case OBJECT:
		check_filled(thread, piece->object, piece->size);
		assert_int_equal(heap_free(&machine.heap, piece->object), HEAP_OK);
		break;
	case AREA:
		each_page(thread, piece, page_check);
		assert_true(translate(piece->area, &pa));
		assert_int_equal(vmalloc_free(&machine.vmalloc, piece->area), VMALLOC_OK);
		break;
	}
	piece->kind = NOTHING;
}

static void use_memory(struct thread *thread)
{
	struct piece pieces[OBJECTS] = { 0 };

	for (unsigned step = 0; step < STEPS; step++) {
		struct piece *piece = &pieces[thread_random(thread, OBJECTS)];

		if (piece->kind == NOTHING)
			piece_get(thread, piece);
		else
			piece_give(thread, piece);
		if (step % 500 == 0) {
			assert_true(vmalloc_audit(&machine.vmalloc));
			assert_true(buddy_audit(&machine.buddy));
		}
	}
	for (unsigned i = 0; i < OBJECTS; i++)
		piece_give(thread, &pieces[i]);
}

/* Tables stay in the pool; of all else nothing is in use. */
static void assert_all_is_back(void)
{
	struct vmalloc_area area;

	assert_true(vmalloc_next(&machine.vmalloc, vaddr(0), &area));
	assert_int_equal(area.kind, VMALLOC_IMAGE);
	assert_false(vmalloc_next(&machine.vmalloc, area.end, &area));
	assert_true(vmalloc_audit(&machine.vmalloc));
	assert_true(buddy_audit(&machine.buddy));
	assert_int_equal(machine.heap.objects, 0);
}

static void what_one_got_is_his_until_he_gives_it_back(void **state)
{
	(void)state;
	threads_run(THREADS, use_memory, NULL);
	assert_all_is_back();
}

/* In a stretch of its own of one region, whose tables are everybody's. */
static void change_tables(struct thread *thread)
{
	vaddr_t start =
		vaddr_add(machine.layout.region[LAYOUT_MODULES].start, thread->number * MIB(2));
	struct map_request request = { .start = start,
				       .end = vaddr_add(start, MIB(2)),
				       .pa = paddr(DEVICE_PA + thread->number * MIB(2)),
				       .attr = { PROT_READ_WRITE, MEM_NORMAL } };
	paddr_t pa;

	for (unsigned i = 0; i < STEPS / 10; i++) {
		while (pt_map(&machine.space, &request) == MAP_NO_TABLES)
			assert_int_equal(buddy_fill_pool(&machine.buddy, 4), BUDDY_OK);
		while (pt_split(&machine.space, start) == MAP_NO_TABLES)
			assert_int_equal(buddy_fill_pool(&machine.buddy, 1), BUDDY_OK);
		assert_int_equal(pt_protect(&machine.space, start, vaddr_add(start, KIB(64)),
					    PROT_READ_ONLY),
				 MAP_OK);
		assert_int_equal(pt_map(&machine.space, &request), MAP_CONFLICT);
		assert_true(translate(vaddr_add(start, MIB(1)), &pa));
		assert_int_equal(pa.value, request.pa.value + MIB(1));
		assert_int_equal(pt_protect(&machine.space, start, vaddr_add(start, KIB(64)),
					    PROT_READ_WRITE),
				 MAP_OK);
		assert_int_equal(pt_merge(&machine.space, start), MAP_OK);
		assert_int_equal((i % 2 ? pt_unmap : pt_clear)(&machine.space, start, request.end),
				 MAP_OK);
		assert_false(translate(start, &pa));
	}
}

static void change_or_use(struct thread *thread)
{
	(thread->number % 2 ? change_tables : use_memory)(thread);
}

static void changes_of_one_do_not_disturb_those_of_another(void **state)
{
	(void)state;
	threads_run(THREADS, change_tables, NULL);
	threads_run(THREADS, change_or_use, NULL);
	assert_all_is_back();
	assert_true(pt_counts_agree(&machine.space, machine.layout.region[LAYOUT_MODULES].start,
				    machine.layout.region[LAYOUT_MODULES].end));
	assert_true(machine.invalidations > 0);
}

struct gift {
	vaddr_t area;
	u64 freed;
};

static void free_it(struct thread *thread)
{
	struct gift *gift = thread->shared;
	enum vmalloc_result result = vmalloc_free(&machine.vmalloc, gift->area);

	if (result == VMALLOC_OK)
		__atomic_fetch_add(&gift->freed, 1, __ATOMIC_RELAXED);
	else
		assert_int_equal(result, VMALLOC_NOT_AN_AREA);
}

static void what_all_free_at_once_is_freed_by_one(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		struct gift gift = { 0 };

		assert_int_equal(vmalloc_alloc(&machine.vmalloc, 5 * PAGE, &gift.area), VMALLOC_OK);
		threads_run(THREADS, free_it, &gift);
		assert_int_equal(gift.freed, 1);
	}
	assert_all_is_back();
}

/* The order in docs/design.md: who has one may take those that follow it, and no other. */
static void locks_are_taken_in_their_order(void **state)
{
	const struct lock *order[] = { &machine.vmalloc.lock, &machine.heap.lock,
				       &machine.buddy.lock, &machine.pool.lock };

	(void)state;
	threads_run(THREADS, change_or_use, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		for (unsigned j = 0; j < i; j++)
			assert_false(host_lock_ordered(order[i], order[j]));
	assert_true(host_lock_ordered(&machine.vmalloc.lock, &machine.pool.lock));
	assert_true(host_lock_ordered(&machine.heap.lock, &machine.buddy.lock));
	assert_true(host_lock_ordered(&machine.buddy.lock, &machine.pool.lock));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_one_got_is_his_until_he_gives_it_back, set_up),
		cmocka_unit_test_setup(changes_of_one_do_not_disturb_those_of_another, set_up),
		cmocka_unit_test_setup(what_all_free_at_once_is_freed_by_one, set_up),
		cmocka_unit_test_setup(locks_are_taken_in_their_order, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
