// SPDX-License-Identifier: MIT
/*
 * Self test with all CPUs: each takes memory of every kind, maps, writes, reads and gives it back,
 * at random and at once, and nobody finds what is another's. For as long as `selftest stress
 * SECONDS` says, or else for a moment.
 * Runs in the kernel, MMU on, after relocation.
 */
#include <pagoda/kernel/selftest/others.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/alloc/alloc.h>

SELFTEST_MORE(84, stress);

#define HELD 8 /* pieces that a CPU has at a time */
#define ORDERS 4 /* of blocks, from 0 on */
#define PAGES_MOST 6 /* of an area */
#define MOMENTS_A_SECOND 4

enum kind {
	KIND_NONE,
	KIND_OBJECT, /* of the heap */
	KIND_BLOCK, /* of the page allocator */
	KIND_AREA, /* of vmalloc */
	KIND_COUNT,
};

/* A piece of memory, and what stands in its first and last word. */
struct piece {
	enum kind kind;
	unsigned order;
	paddr_t block;
	u64 *start;
	u64 words, mark;
};

/* What all CPUs share. Still there where the test is given up, and not cleared at every boot. */
static struct stress {
	const struct kernel *kernel;
	u64 until; /* by the counter */
	u64 steps;
	u32 cpus; /* that have begun */
	struct verdict verdict;
} stress __attribute__((section(".noinit")));

static struct cpu_work work __attribute__((section(".noinit")));

static bool get_object(struct piece *piece, u64 random)
{
	void *object;
	size_t size = 16 + random % 3000;

	if (heap_alloc(&stress.kernel->alloc->heap, size, &object) != HEAP_OK)
		return false;
	piece->start = object;
	piece->words = size / sizeof(u64);
	return true;
}

static bool get_block(struct piece *piece, u64 random)
{
	u64 granule = regime_granule(&stress.kernel->kernel_space.regime);

	piece->order = random % ORDERS;
	if (buddy_alloc(&stress.kernel->alloc->buddy, piece->order, &piece->block) != BUDDY_OK)
		return false;
	piece->start = linear_pointer(&stress.kernel->linear, piece->block);
	piece->words = (granule << piece->order) / sizeof(u64);
	return true;
}

static bool get_area(struct piece *piece, u64 random)
{
	u64 granule = regime_granule(&stress.kernel->kernel_space.regime);
	u64 size = granule * (1 + random % PAGES_MOST);
	vaddr_t address;

	if (vmalloc_alloc(&stress.kernel->alloc->vmalloc, size, &address) != VMALLOC_OK)
		return false;
	piece->start = vaddr_pointer(address);
	piece->words = size / sizeof(u64);
	return true;
}

static bool piece_get(struct piece *piece, enum kind kind, u64 random)
{
	switch (kind) {
	case KIND_OBJECT:
		return get_object(piece, random);
	case KIND_BLOCK:
		return get_block(piece, random);
	case KIND_AREA:
		return get_area(piece, random);
	case KIND_NONE:
	case KIND_COUNT:
		break;
	}
	return false;
}

/* Of one that there is: nobody has written where this CPU did, and it goes back as what it was. */
static void piece_give(struct piece *piece)
{
	struct alloc *alloc = stress.kernel->alloc;
	bool holds = piece->start[0] == piece->mark &&
		     piece->start[piece->words - 1] == piece->mark;

	switch (piece->kind) {
	case KIND_OBJECT:
		holds &= heap_free(&alloc->heap, piece->start) == HEAP_OK;
		break;
	case KIND_BLOCK:
		holds &= buddy_free(&alloc->buddy, piece->block, piece->order) == BUDDY_OK;
		break;
	case KIND_AREA:
		holds &= vmalloc_free(&alloc->vmalloc, vaddr((uintptr_t)piece->start)) ==
			 VMALLOC_OK;
		break;
	case KIND_NONE:
	case KIND_COUNT:
		return;
	}
	verdict_add(&stress.verdict, holds, (uintptr_t)piece->start);
	piece->kind = KIND_NONE;
}

static void step(struct piece *piece, u64 random)
{
	enum kind kind = 1 + random % (KIND_COUNT - 1);

	if (piece->kind != KIND_NONE) {
		piece_give(piece);
		return;
	}
	if (!piece_get(piece, kind, random >> 8))
		return;
	piece->kind = kind;
	piece->mark = random | 1;
	piece->start[0] = piece->start[piece->words - 1] = piece->mark;
}

static void work_hard(void *context)
{
	struct piece held[HELD] = { 0 };
	u64 state = cpu_this()->mpidr * 2 + counter_read() * 4 + 1;

	(void)context;
	__atomic_fetch_add(&stress.cpus, 1, __ATOMIC_RELAXED);
	while (counter_read() < stress.until) {
		u64 random = random_step(&state) >> 16;

		step(&held[random % HELD], random >> 4);
		__atomic_fetch_add(&stress.steps, 1, __ATOMIC_RELAXED);
	}
	for (unsigned i = 0; i < HELD; i++)
		if (held[i].kind != KIND_NONE)
			piece_give(&held[i]);
}

SELFTEST(stress, smp,
	 "memory of every kind, taken, mapped, used and given back by all CPUs at once");

static void stress_smp(struct selftest *test)
{
	u64 second = counter_frequency(), used;
	struct alloc *alloc = test_alloc(test);

	if (!alloc || !others_exist(test))
		return;
	alloc_settle(alloc);
	used = buddy_usage(&alloc->buddy).used;
	stress = (struct stress){ .kernel = test->kernel,
				  .until = counter_read() + test_count(test, 0) * second +
					   second / MOMENTS_A_SECOND };
	work = (struct cpu_work){ work_hard, NULL };
	others_start(test->kernel->smp, &work);
	work_hard(NULL);
	others_wait(test);
	verdict_check(test, &stress.verdict, "another CPU's memory, or not taken back");
	test_equal(test, stress.cpus, test->kernel->smp->running, "CPUs that took part");
	test_check(test, buddy_audit(&alloc->buddy), "the page allocator's lists", 0);
	test_check(test, vmalloc_audit(&alloc->vmalloc), "areas", 0);
	test_check(test, buddy_usage(&alloc->buddy).used <= used + MIB(1), "memory is lost",
		   buddy_usage(&alloc->buddy).used);
	test_note(test, "%lu steps by %u CPUs", stress.steps, stress.cpus);
}
