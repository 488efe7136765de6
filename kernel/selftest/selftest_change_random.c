// SPDX-License-Identifier: MIT
/*
 * Self test: random changes of the live tables, each looked at with the CPU's own eyes.
 * Runs in the kernel, MMU on. Works on a stretch of the modules region, which is reserved and holds
 * nothing, and on a block of memory of its own.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/selftest/change_model.h>
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/mm/alloc/alloc.h>

SELFTEST_MORE(92, change);

#define STEPS 128 /* unless a number is given */

/* The area: a block of 4K pages, two runs of 16K and of 64K pages. */
#define AREA_SIZE_MAX MIB(8)

/* Steps between two looks at all of it. */
#define LOOK_STEPS 64

struct run {
	struct selftest *test;
	struct space space;
	struct change_model *model;
};

/* The first and the last word of every page of the memory say where they are. */
static u64 mark_of(u64 pa)
{
	return pa ^ 0x5061676f64610000;
}

static void marks_write(const struct run *run)
{
	const struct linear *linear = &run->test->kernel->linear;
	const struct change_model *model = run->model;
	u64 end = model->pa + model->units * model->unit;

	for (u64 pa = model->pa; pa != end; pa += model->unit) {
		u64 last = pa + model->unit - sizeof(u64);

		*(volatile u64 *)linear_pointer(linear, paddr(pa)) = mark_of(pa);
		*(volatile u64 *)linear_pointer(linear, paddr(last)) = mark_of(last);
	}
}

/*
 * A word through the mapping is the word of the memory that should be there, and can be stored to
 * where the model says so: a stale translation gives another or faults. AT alone walks afresh.
 */
static void check_word(struct selftest *test, u64 va, u64 pa, bool write)
{
	volatile u64 *word = (volatile u64 *)(uintptr_t)va;
	bool readable, writable;
	paddr_t seen = { 0 };

	readable = address_probe(vaddr(va), false, &seen);
	test_check(test, readable, "cannot be read", va);
	if (!readable)
		return;
	test_check(test, seen.value == pa, "translates to another address", va);
	test_check(test, *word == mark_of(pa), "another page is read", va);
	writable = address_probe(vaddr(va), true, &seen);
	test_check(test, writable == write, "write access", va);
	if (writable && write)
		*word = mark_of(pa);
}

static void check_unit(struct run *run, u32 index)
{
	const struct change_model *model = run->model;
	const struct change_unit *unit = &model->at[index];
	u64 va = model->base + index * model->unit, last = model->unit - sizeof(u64);
	paddr_t seen;

	if (unit->mapped) {
		check_word(run->test, va, unit->pa, unit->prot == PROT_READ_WRITE);
		check_word(run->test, va + last, unit->pa + last, unit->prot == PROT_READ_WRITE);
	} else {
		test_check(run->test, !address_probe(vaddr(va), false, &seen), "is still mapped",
			   va);
	}
}

static void check_units(struct run *run, u32 first, u32 end)
{
	for (u32 i = first; i < end; i++)
		check_unit(run, i);
}

/* Step @number, and a look at what it should have changed; now and then at all there is. */
static bool step_holds(struct run *run, u64 number)
{
	const struct change_model *model = run->model;
	struct change_step step;
	bool said = change_model_step(run->model, &step);

	test_equal(run->test, step.result, step.expected, step.what);
	if (said && number % LOOK_STEPS == 0)
		check_units(run, 0, model->units);
	else if (said)
		check_units(run, step.first, step.first + step.count);
	if (run->test->failures == 0)
		return true;
	test_note(run->test, "step %lu was to %s %u pages from 0x%016lx on: %s", number, step.what,
		  step.count, model->base + step.first * model->unit, map_result_str(step.result));
	return false;
}

/* Everything that is needed before the first step; nothing of it is missed after the last. */
static bool run_begin(struct run *run, u32 order)
{
	const struct kernel *kernel = run->test->kernel;
	const struct regime *regime = &kernel->kernel_space.regime;
	const struct layout_region *modules = &kernel->handoff->plan.layout.region[LAYOUT_MODULES];
	u64 unit = regime_granule(regime), base = modules->start.value + GIB(1);
	u64 tables = regime_tables(regime, vaddr(base), vaddr(base + (unit << order)), LEVEL_PAGE);
	struct buddy *buddy = &kernel->alloc->buddy;
	void *model;
	paddr_t pa;

	if (buddy_fill_pool(buddy, tables) != BUDDY_OK ||
	    heap_alloc(&kernel->alloc->heap, sizeof(*run->model), &model) != HEAP_OK)
		return false;
	run->model = model;
	if (buddy_alloc(buddy, order, &pa) != BUDDY_OK) {
		(void)heap_free(&kernel->alloc->heap, model);
		return false;
	}
	run->model->space = &run->space;
	run->model->base = base;
	run->model->unit = unit;
	run->model->units = 1u << order;
	run->model->pa = pa.value;
	run->model->execute = false;
	marks_write(run);
	return true;
}

static void run_end(struct run *run, u32 order)
{
	struct alloc *alloc = run->test->kernel->alloc;

	test_equal(run->test, change_model_clear(run->model), MAP_OK, "unmapping the rest");
	check_units(run, 0, run->model->units);
	test_equal(run->test, buddy_free(&alloc->buddy, paddr(run->model->pa), order), BUDDY_OK,
		   "giving the memory back");
	test_equal(run->test, heap_free(&alloc->heap, run->model), HEAP_OK,
		   "giving the model back");
	test_check(run->test, buddy_audit(&alloc->buddy), "audit of the page allocator", 0);
}

/* Bytes of memory and of tables that are in use. */
struct use {
	u64 memory, tables;
};

static struct use use_now(const struct run *run)
{
	u64 granule = regime_granule(&run->space.regime);

	return (struct use){ alloc_used(run->test->kernel->alloc),
			     pool_used(run->space.pool, granule) * granule };
}

SELFTEST_RULE(change, random, "D8.14 break-before-make",
	      "and at random, step by step as a model has it");

static void change_random(struct selftest *test)
{
	const struct regime *regime = &test->kernel->kernel_space.regime;
	struct run run = { .test = test, .space = test->kernel->kernel_space };
	u64 units = min_u64(CHANGE_UNITS_MAX, AREA_SIZE_MAX / regime_granule(regime));
	u64 steps = test_count(test, STEPS), done = 0;
	struct use before, after;
	u32 order = 0;

	run.space.policy.text_writable = false; /* read-only means that, even with rodata=off */
	while (BIT(order) < units)
		order++;
	/* The first time may leave metadata of the memory behind, and tables in the pool. */
	if (!test_alloc(test))
		return;
	if (!run_begin(&run, order)) {
		test_needs(test, false, "not enough free RAM");
		return;
	}
	run_end(&run, order);
	before = use_now(&run);
	if (!run_begin(&run, order)) {
		test_check(test, false, "memory that was free is not", 0);
		return;
	}
	run.model->random = test->random;
	while (done < steps && step_holds(&run, done))
		done++;
	run_end(&run, order);
	after = use_now(&run);
	test_equal(test, after.memory, before.memory, "bytes of memory in use");
	test_equal(test, after.tables, before.tables, "bytes of tables in use");
	test_note(test, "%lu of %lu steps, %u checks", done, steps, test->checks);
}
