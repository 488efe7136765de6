// SPDX-License-Identifier: MIT
/*
 * Self test with all CPUs: once a change of a mapping has returned, none of them sees the old one.
 * Runs in the kernel, MMU on, after relocation. Works on a stretch of the modules region, which is
 * reserved and holds nothing.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/selftest/others.h>
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/pt/change.h>

SELFTEST_MORE(96, smp);

#define ROUNDS 8
#define MOST_PAGES 600
#define SECONDS_MOST 8 /* that others watch, whatever becomes of who changes */
#define DWELLS_A_SECOND 50

/* What an access of the stretch must come to while nothing changes. */
enum outlook {
	OUTLOOK_CHANGING, /* anything: the old, the new, or a fault */
	OUTLOOK_FAULT,
	OUTLOOK_FIRST, /* a load finds the first value, */
	OUTLOOK_SECOND, /* the second, */
	OUTLOOK_ANY, /* some value */
	OUTLOOK_STORE, /* a store succeeds; the page is the first */
	OUTLOOK_NO_STORE, /* it does not */
	OUTLOOK_END,
};

#define VALUE_FIRST 0x1111111111111111
#define VALUE_SECOND 0x2222222222222222

/* The stretch and what is known of it: number and outlook in one word, so that they agree. */
struct stretch {
	struct selftest *test;
	struct space *space;
	u64 va, page, block;
	paddr_t first, second; /* pages with the values */
	u64 pages; /* that are looked at */
	u64 outlook; /* number << 8 | enum outlook */
	u64 until; /* by the counter */
	struct verdict verdict;
};

static void outlook_set(struct stretch *stretch, enum outlook outlook)
{
	u64 number = (stretch->outlook >> 8) + 1;

	__atomic_store_n(&stretch->outlook, number << 8 | outlook, __ATOMIC_SEQ_CST);
}

static void store_same(void *context)
{
	memory_store(*(const vaddr_t *)context, sizeof(u64), VALUE_FIRST);
}

/* What came of an access at @va; for an @outlook on stores, of a store. */
static bool is_as_expected(vaddr_t va, enum outlook outlook)
{
	struct fault fault;
	u64 value = 0;
	bool stores = outlook == OUTLOOK_STORE || outlook == OUTLOOK_NO_STORE;
	bool works = stores ? !fault_catch(store_same, &va, &fault) :
			      load_catch(va, sizeof(u64), &value);

	switch (outlook) {
	case OUTLOOK_FAULT:
	case OUTLOOK_NO_STORE:
		return !works;
	case OUTLOOK_FIRST:
		return works && value == VALUE_FIRST;
	case OUTLOOK_SECOND:
		return works && value == VALUE_SECOND;
	case OUTLOOK_ANY:
	case OUTLOOK_STORE:
		return works;
	case OUTLOOK_CHANGING:
	case OUTLOOK_END:
		break;
	}
	return true;
}

/* It counts where the outlook was the same before and after: the change had returned by then. */
static void watch(void *context)
{
	struct stretch *stretch = context;
	u64 before, offset = 0;

	for (;;) {
		before = __atomic_load_n(&stretch->outlook, __ATOMIC_SEQ_CST);
		bool holds;

		if ((before & 0xff) == OUTLOOK_END || counter_read() > stretch->until)
			return;
		offset = (offset + 1) % stretch->pages;
		holds = is_as_expected(vaddr(stretch->va + offset * stretch->page), before & 0xff);
		if (__atomic_load_n(&stretch->outlook, __ATOMIC_SEQ_CST) == before &&
		    (before & 0xff) != OUTLOOK_CHANGING)
			verdict_add(&stretch->verdict, holds, before);
	}
}

/* Until the others have looked a few times. */
static void dwell(struct stretch *stretch, enum outlook outlook)
{
	u32 asked = __atomic_load_n(&stretch->verdict.asked, __ATOMIC_RELAXED);
	u64 start = counter_read();

	outlook_set(stretch, outlook);
	while (__atomic_load_n(&stretch->verdict.asked, __ATOMIC_RELAXED) - asked <
		       2 * (stretch->test->kernel->smp->running - 1) &&
	       counter_read() - start < counter_frequency() / DWELLS_A_SECOND)
		cpu_pause();
	outlook_set(stretch, OUTLOOK_CHANGING);
}

static void stretch_map(struct stretch *stretch, u64 size, paddr_t pa, enum mem_prot prot)
{
	struct map_request request = {
		vaddr(stretch->va), vaddr(stretch->va + size), pa, { prot, MEM_NORMAL }
	};

	test_equal(stretch->test, pt_map(stretch->space, &request), MAP_OK, "map");
	tables_publish();
}

static void stretch_unmap(struct stretch *stretch, u64 size)
{
	test_equal(stretch->test,
		   pt_unmap(stretch->space, vaddr(stretch->va), vaddr(stretch->va + size)), MAP_OK,
		   "unmap");
}

static void stretch_protect(struct stretch *stretch, enum mem_prot prot)
{
	test_equal(stretch->test,
		   pt_protect(stretch->space, vaddr(stretch->va),
			      vaddr(stretch->va + stretch->page), prot),
		   MAP_OK, "protect");
}

/* One page: other memory, other permissions, gone. */
static void change_page(struct stretch *stretch)
{
	stretch->pages = 1;
	stretch_map(stretch, stretch->page, stretch->first, PROT_READ_WRITE);
	dwell(stretch, OUTLOOK_FIRST);
	dwell(stretch, OUTLOOK_STORE);
	stretch_protect(stretch, PROT_READ_ONLY);
	dwell(stretch, OUTLOOK_NO_STORE);
	stretch_protect(stretch, PROT_READ_WRITE);
	dwell(stretch, OUTLOOK_STORE);
	stretch_unmap(stretch, stretch->page);
	dwell(stretch, OUTLOOK_FAULT);
	stretch_map(stretch, stretch->page, stretch->second, PROT_READ_ONLY);
	dwell(stretch, OUTLOOK_SECOND);
	stretch_unmap(stretch, stretch->page);
	dwell(stretch, OUTLOOK_FAULT);
}

/* Some pages, so that TLBI goes by address, by range and for all. */
static void change_range(struct stretch *stretch, u64 size)
{
	stretch->pages = min_u64(size / stretch->page, 16);
	stretch_map(stretch, size, stretch->test->kernel->linear.start, PROT_READ_ONLY);
	dwell(stretch, OUTLOOK_ANY);
	stretch_unmap(stretch, size);
	dwell(stretch, OUTLOOK_FAULT);
}

/* A block into runs, into pages, and back. */
static void change_sizes(struct stretch *stretch)
{
	static const bool up[] = { false, false, true, true };

	stretch->pages = 16;
	stretch_map(stretch, stretch->block, stretch->test->kernel->linear.start, PROT_READ_ONLY);
	dwell(stretch, OUTLOOK_ANY);
	for (unsigned i = 0; i < ARRAY_SIZE(up); i++) {
		test_equal(stretch->test,
			   up[i] ? pt_merge(stretch->space, vaddr(stretch->va)) :
				   pt_split(stretch->space, vaddr(stretch->va)),
			   MAP_OK, up[i] ? "merge" : "split");
		dwell(stretch, OUTLOOK_ANY);
	}
	stretch_unmap(stretch, stretch->block);
	dwell(stretch, OUTLOOK_FAULT);
}

static void change_all(struct stretch *stretch)
{
	u64 pages[] = { 1, 2, 5, 16, 32, 100, MOST_PAGES };

	for (unsigned i = 0; i < ROUNDS && !console_interrupted(); i++) {
		change_page(stretch);
		change_range(stretch, pages[i % ARRAY_SIZE(pages)] * stretch->page);
		if (i % 4 == 0) {
			change_sizes(stretch);
			change_range(stretch, stretch->block + 3 * stretch->page);
		}
	}
}

static bool stretch_make(struct stretch *stretch, struct selftest *test, struct space *space)
{
	const struct kernel *kernel = test->kernel;
	struct alloc *alloc = test_alloc(test);
	vaddr_t end;
	u64 tables;

	*stretch = (struct stretch){
		.test = test,
		.space = space,
		.va = kernel->handoff->plan.layout.region[LAYOUT_MODULES].start.value + GIB(1),
		.page = regime_granule(&space->regime),
		.block = regime_span(&space->regime, 2),
		.pages = 1,
	};
	end = vaddr(stretch->va + stretch->block + MOST_PAGES * stretch->page);
	tables = regime_tables(&space->regime, vaddr(stretch->va), end, LEVEL_PAGE);
	if (!alloc || !test_tables(test, tables) ||
	    !test_needs(test, buddy_alloc(&alloc->buddy, 1, &stretch->first) == BUDDY_OK,
			"no memory for two pages"))
		return false;
	stretch->second = paddr_add(stretch->first, stretch->page);
	*(u64 *)linear_pointer(&kernel->linear, stretch->first) = VALUE_FIRST;
	*(u64 *)linear_pointer(&kernel->linear, stretch->second) = VALUE_SECOND;
	return true;
}

/* Still there where the test is given up, and not cleared at every boot. */
static struct stretch the_stretch __attribute__((section(".noinit")));
static struct cpu_work work __attribute__((section(".noinit")));

SELFTEST(smp, change, "after a change of a mapping has returned, no CPU uses the old one");

static void smp_change(struct selftest *test)
{
	struct space space = test->kernel->kernel_space;

	if (!others_exist(test) || !stretch_make(&the_stretch, test, &space))
		return;
	the_stretch.until = counter_read() + SECONDS_MOST * counter_frequency();
	space.policy.text_writable = false; /* read-only means that, even with rodata=off */
	work = (struct cpu_work){ watch, &the_stretch };
	others_start(test->kernel->smp, &work);
	change_all(&the_stretch);
	outlook_set(&the_stretch, OUTLOOK_END);
	others_wait(test);
	verdict_check(test, &the_stretch.verdict, "an old translation, at outlook");
	test_note(test, "%u accesses by %u CPUs", the_stretch.verdict.asked,
		  test->kernel->smp->running - 1);
	test_equal(test, buddy_free(&test->kernel->alloc->buddy, the_stretch.first, 1), BUDDY_OK,
		   "freeing pages");
}
