// SPDX-License-Identifier: MIT
/*
 * Random changes of the live tables, each looked at with the CPU's own eyes.
 * Runs in the kernel, MMU on, for a command of the console. Works on a stretch of the modules
 * region, which is reserved and holds nothing, and on a block of memory of its own.
 */
#include <pagoda/kernel/start/alloc.h>
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/selftest/change_model.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/start/memory.h>

/* The area: a block of 4K pages, two runs of 16K and of 64K pages. */
#define AREA_SIZE_MAX MIB(8)

/* Steps between two looks at all of it. */
#define LOOK_STEPS 64

struct run {
	const struct kernel *kernel;
	struct space space;
	struct change_model *model;
	u64 checks;
	const char *wrong; /* what was, at the address below; NULL as long as nothing is */
	u64 va;
};

/* The first and the last word of every page of the memory say where they are. */
static u64 mark_of(u64 pa)
{
	return pa ^ 0x5061676f64610000;
}

static void marks_write(const struct run *run)
{
	const struct linear *linear = &run->kernel->linear;
	const struct change_model *model = run->model;
	u64 end = model->pa + model->units * model->unit;

	for (u64 pa = model->pa; pa != end; pa += model->unit) {
		u64 last = pa + model->unit - sizeof(u64);

		*(volatile u64 *)linear_pointer(linear, paddr(pa)) = mark_of(pa);
		*(volatile u64 *)linear_pointer(linear, paddr(last)) = mark_of(last);
	}
}

static bool check(struct run *run, bool holds, const char *what, u64 va)
{
	run->checks++;
	if (!holds && !run->wrong) {
		run->wrong = what;
		run->va = va;
	}
	return holds;
}

/*
 * A word through the mapping is the word of the memory that should be there, and can be stored to
 * where the model says so: a stale translation gives another or faults. AT alone walks afresh.
 */
static void check_word(struct run *run, u64 va, u64 pa, bool write)
{
	volatile u64 *word = (volatile u64 *)(uintptr_t)va;
	paddr_t seen = { 0 };

	if (!check(run, address_probe(vaddr(va), false, &seen), "cannot be read", va))
		return;
	check(run, seen.value == pa, "translates to another address", va);
	check(run, *word == mark_of(pa), "another page is read", va);
	if (check(run, address_probe(vaddr(va), true, &seen) == write, "write access", va) && write)
		*word = mark_of(pa);
}

static void check_unit(struct run *run, u32 index)
{
	const struct change_model *model = run->model;
	const struct change_unit *unit = &model->at[index];
	u64 va = model->base + index * model->unit, last = model->unit - sizeof(u64);
	paddr_t seen;

	if (unit->mapped) {
		check_word(run, va, unit->pa, unit->prot == PROT_READ_WRITE);
		check_word(run, va + last, unit->pa + last, unit->prot == PROT_READ_WRITE);
	} else {
		check(run, !address_probe(vaddr(va), false, &seen), "is still mapped", va);
	}
}

static void check_units(struct run *run, u32 first, u32 end)
{
	for (u32 i = first; i < end; i++)
		check_unit(run, i);
}

static bool step_holds(struct run *run, u64 number)
{
	struct change_step step;
	bool said = change_model_step(run->model, &step);

	run->checks++;
	if (!said)
		print("change test: step %lu: %s of %u pages from 0x%016lx on: %s, not %s\n",
		      number, step.what, step.count,
		      run->model->base + step.first * run->model->unit, map_result_str(step.result),
		      map_result_str(step.expected));
	else if (number % LOOK_STEPS == 0)
		check_units(run, 0, run->model->units);
	else
		check_units(run, step.first, step.first + step.count);
	if (run->wrong)
		print("change test: step %lu was to %s %u pages from 0x%016lx on\n", number,
		      step.what, step.count, run->model->base + step.first * run->model->unit);
	return said && !run->wrong;
}

/* Everything that is needed before the first step; nothing of it is missed after the last. */
static bool run_begin(struct run *run, u32 order)
{
	const struct kernel *kernel = run->kernel;
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
	struct alloc *alloc = run->kernel->alloc;

	check(run, change_model_clear(run->model) == MAP_OK, "cannot be unmapped",
	      run->model->base);
	check_units(run, 0, run->model->units);
	check(run, buddy_free(&alloc->buddy, paddr(run->model->pa), order) == BUDDY_OK,
	      "memory cannot be given back", run->model->pa);
	check(run, heap_free(&alloc->heap, run->model) == HEAP_OK, "model cannot be given back", 0);
	check(run, buddy_audit(&alloc->buddy), "audit of the page allocator", 0);
}

/* Bytes of memory and of tables that are in use. */
struct use {
	u64 memory, tables;
};

static struct use use_now(const struct run *run)
{
	u64 granule = regime_granule(&run->space.regime);

	return (struct use){ buddy_usage(&run->kernel->alloc->buddy).used,
			     pool_used(run->space.pool, granule) * granule };
}

static void run_report(const struct run *run, u64 done, u64 steps, u64 seed)
{
	if (run->wrong)
		print("change test: 0x%016lx: %s\n", run->va, run->wrong);
	print("change test: %lu of %lu random steps, %lu checks, seed 0x%lx: %s\n", done, steps,
	      run->checks, seed, run->wrong || done != steps ? "FAILED" : "passed");
}

void change_test_random(const struct kernel *kernel, u64 steps, u64 seed)
{
	const struct regime *regime = &kernel->kernel_space.regime;
	struct run run = { .kernel = kernel, .space = kernel->kernel_space };
	u64 units = min_u64(CHANGE_UNITS_MAX, AREA_SIZE_MAX / regime_granule(regime)), done = 0;
	struct use before, after;
	u32 order = 0;

	while (BIT(order) < units)
		order++;
	/* The first time may leave metadata of the memory behind, and tables in the pool. */
	if (!kernel->alloc || !run_begin(&run, order)) {
		print("change test: not enough free RAM for random steps\n");
		return;
	}
	run_end(&run, order);
	before = use_now(&run);
	if (!check(&run, run_begin(&run, order), "memory that was free is not", 0))
		return;
	run.model->random = seed;
	while (done < steps && step_holds(&run, done))
		done++;
	run_end(&run, order);
	after = use_now(&run);
	check(&run, after.memory == before.memory, "bytes of memory in use now", after.memory);
	check(&run, after.tables == before.tables, "bytes of tables in use now", after.tables);
	run_report(&run, done, steps, seed);
}
