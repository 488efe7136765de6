// SPDX-License-Identifier: MIT
/*
 * Self tests: the live tables change, by break-before-make, while a timer interrupts.
 * Runs in the kernel, MMU on. Works on a stretch of the modules region, which is reserved and holds
 * nothing; the tables change, the kernel that the console has is constant.
 */
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/pt/change.h>
#include <pagoda/kernel/irq/timer.h>
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/lib/string.h>

SELFTEST_SUBJECT(90, change);

#define TICKS_PER_SECOND 20000 /* as often as that is the CPU interrupted */
#define INTERRUPTS_WANTED 20
#define ROUNDS_MIN 20
#define ROUNDS_MAX 20000

struct change {
	struct selftest *test;
	struct space space;
	u64 va, pa, size, page;
	paddr_t data; /* a page that is nobody's else */
};

static void change_init(struct change *change, struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	const struct layout *layout = &kernel->handoff->plan.layout;
	const struct regime *regime = &kernel->kernel_space.regime;

	*change = (struct change){ .test = test,
				   .space = kernel->kernel_space,
				   .va = layout->region[LAYOUT_MODULES].start.value + GIB(1),
				   .pa = kernel->linear.start.value,
				   .size = regime_span(regime, 2),
				   .page = regime_granule(regime) };
	change->space.policy.text_writable = false; /* read-only means that, even with rodata=off */
}

static void check_result(struct change *change, enum map_result result, const char *what)
{
	test_equal(change->test, result, MAP_OK, what);
}

/* Both ends translate, and to what: at a leaf of @level. */
static void check_ends(struct change *change, int level)
{
	u64 offsets[] = { 0, change->page, change->size - 8 };

	for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
		vaddr_t va = vaddr(change->va + offsets[i]);
		paddr_t pa = { 0 };

		test_check(change->test, address_probe(va, false, &pa), "not mapped", va.value);
		test_equal(change->test, pa.value, change->pa + offsets[i], "translates to");
		test_check(change->test, !address_probe(va, true, &pa), "writable", va.value);
		test_equal(change->test, (u64)leaf_level(change->test, va), (u64)level, "level");
	}
}

/* From a block to runs to pages, and back. */
static void split_and_merge(struct change *change)
{
	struct space *space = &change->space;
	vaddr_t start = vaddr(change->va);

	check_ends(change, 2);
	check_result(change, pt_split(space, start), "split the block");
	check_ends(change, 3);
	check_result(change, pt_split(space, start), "split a run");
	check_ends(change, 3);
	check_result(change, pt_merge(space, start), "merge the run");
	check_ends(change, 3);
	check_result(change, pt_merge(space, start), "merge the block");
	check_ends(change, 2);
}

/* The first page, as a page of its own, is writable; read-only; not there. What it holds stays. */
static void protect_page(struct change *change)
{
	struct space *space = &change->space;
	struct selftest *test = change->test;
	vaddr_t start = vaddr(change->va + change->size);
	vaddr_t end = vaddr(start.value + change->page);
	struct map_request request = { start, end, change->data, { PROT_READ_WRITE, MEM_NORMAL } };

	check_result(change, map_range(space, &request), "map a page");
	tables_publish();
	test_works(test, TOUCH_STORE, start);
	check_result(change, pt_protect(space, start, end, PROT_READ_ONLY), "make it read-only");
	test_faults(test, TOUCH_STORE, start, fault_status(FAULT_PERMISSION, LEVEL_PAGE));
	test_works(test, TOUCH_LOAD, start);
	check_result(change, pt_protect(space, start, end, PROT_READ_WRITE), "make it writable");
	test_works(test, TOUCH_STORE, start);
	check_result(change, pt_unmap(space, start, end), "unmap it");
	test_faults(test, TOUCH_LOAD, start,
		    fault_status(FAULT_TRANSLATION, leaf_level(test, start)));
}

static u64 current_root(void)
{
	u64 registers[SYSREG_COUNT];

	control_read(registers);
	return registers[SYSREG_TTBR1_EL1];
}

/* To a copy of the root, and back. */
static void swap_roots(struct change *change)
{
	const struct kernel *kernel = change->test->kernel;
	const struct regime *regime = &change->space.regime;
	struct space copy = change->space;

	check_result(change, pt_space_create(&copy), "make a root");
	memcpy(linear_pointer(&kernel->linear, copy.root),
	       linear_pointer(&kernel->linear, change->space.root),
	       regime_entries(regime, regime->root_level) * sizeof(u64));
	root_replace(kernel, &copy);
	test_equal(change->test, current_root(), ttbr_encode(regime, copy.root), "TTBR1");
	check_ends(change, 2);
	root_replace(kernel, &change->space);
	test_equal(change->test, current_root(), ttbr_encode(regime, change->space.root), "TTBR1");
	check_ends(change, 2);
	pool_give(&change->space, copy.root);
}

/* Whether the timer's interrupts come at all; the console's, if it has any, wait meanwhile. */
static enum interrupt_result try_timer(const struct kernel *kernel)
{
	bool masked = interrupts_mask(true);
	enum interrupt_result result = interrupt_timer_try(kernel);

	interrupts_mask(masked);
	return result;
}

/* Do @round over and over until enough interrupts have come in between. */
static void run_interrupted(struct selftest *test, void (*round)(struct change *change))
{
	struct change change;
	enum interrupt_result started = try_timer(test->kernel);
	struct alloc *alloc = test_alloc(test);
	struct map_request request;
	struct buddy *buddy;
	u64 used, interrupts, rounds = 0;

	if (!test_needs(test, started == INTERRUPT_OK, interrupt_result_str(started)))
		return;
	change_init(&change, test);
	/* To the block and to the page behind it, and a root. */
	if (!alloc || !test_tables(test, 2 * (u64)regime_levels(&change.space.regime)))
		return;
	buddy = &alloc->buddy;
	test_equal(test, buddy_alloc(buddy, 0, &change.data), BUDDY_OK, "a page of memory");
	used = pool_used(change.space.pool, change.page);
	request = (struct map_request){ vaddr(change.va),
					vaddr(change.va + change.size),
					paddr(change.pa),
					{ PROT_READ_ONLY, MEM_NORMAL } };
	check_result(&change, map_range(&change.space, &request), "map a block");
	tables_publish();
	interrupt_timer_start(counter_frequency() / TICKS_PER_SECOND);
	while (test->failures == 0 && rounds < ROUNDS_MAX &&
	       (rounds < ROUNDS_MIN || interrupt_timer_count() < INTERRUPTS_WANTED)) {
		round(&change);
		rounds++;
	}
	interrupts = interrupt_timer_stop();
	test_check(test, interrupts >= INTERRUPTS_WANTED, "interrupts taken", interrupts);
	check_result(&change, pt_unmap(&change.space, request.start, request.end), "unmap");
	test_equal(test, pool_used(change.space.pool, change.page), used, "tables in use");
	test_equal(test, buddy_free(buddy, change.data, 0), BUDDY_OK, "freeing the page");
}

SELFTEST_RULE(change, split, "D8.14 break-before-make", "blocks split and merge under interrupts");

static void change_split(struct selftest *test)
{
	run_interrupted(test, split_and_merge);
}

SELFTEST_RULE(change, protect, "D8.14 break-before-make",
	      "permissions come and go under interrupts");

static void change_protect(struct selftest *test)
{
	run_interrupted(test, protect_page);
}

SELFTEST_RULE(change, root, "D8.14 break-before-make", "TTBR1 is replaced under interrupts");

static void change_root(struct selftest *test)
{
	run_interrupted(test, swap_roots);
}
