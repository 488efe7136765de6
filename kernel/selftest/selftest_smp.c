// SPDX-License-Identifier: MIT
/*
 * Self tests with all CPUs: they agree on how they translate, and once a change of a mapping has
 * returned, none of them sees the old one.
 * Runs in the kernel, MMU on, after relocation. Works on a stretch of the modules region, which is
 * reserved and holds nothing.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/kernel/smp/smp.h>
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/pt/change.h>
#include <pagoda/mm/pt/slot.h>

SELFTEST_SUBJECT(95, smp);

#define ROUNDS 40
#define PATIENCE_SECONDS 20

/* What all CPUs but this one do at once, each with @context. */
static void others_start(const struct smp *smp, struct cpu_work *work)
{
	for (u32 i = 0; i < smp->count; i++)
		if (smp->cpu[i].state == CPU_STATE_RUNNING && smp->cpu[i].cpu != cpu_this())
			cpu_call(smp->cpu[i].cpu, work);
}

static void others_wait(struct selftest *test)
{
	const struct smp *smp = test->kernel->smp;

	for (u32 i = 0; i < smp->count; i++)
		if (smp->cpu[i].state == CPU_STATE_RUNNING && smp->cpu[i].cpu != cpu_this())
			test_check(
				test,
				cpu_wait(smp->cpu[i].cpu, PATIENCE_SECONDS * counter_frequency()),
				"a CPU does not come back", i);
}

static bool has_others(struct selftest *test)
{
	return test_needs(test, test->kernel->smp->running > 1, "one CPU runs");
}

/* What one CPU has said; others only add. */
struct verdict {
	u32 asked, wrong;
	u64 first; /* what was wrong first */
};

static void verdict_add(struct verdict *verdict, bool holds, u64 value)
{
	__atomic_fetch_add(&verdict->asked, 1, __ATOMIC_RELAXED);
	if (!holds && __atomic_fetch_add(&verdict->wrong, 1, __ATOMIC_RELAXED) == 0)
		verdict->first = value;
}

static void verdict_check(struct selftest *test, const struct verdict *verdict, const char *what)
{
	test_check(test, verdict->wrong == 0, what, verdict->first);
	test_check(test, verdict->asked != 0, "nothing was asked", 0);
}

/* ---- what they are ------------------------------------------------------------------------------ */

struct comparison {
	u64 registers[SYSREG_COUNT];
	struct verdict verdict;
};

static void compare_registers(void *context)
{
	struct comparison *comparison = context;
	u64 registers[SYSREG_COUNT] = { 0 };

	control_read(registers);
	for (unsigned reg = SYSREG_FACT_COUNT; reg < SYSREG_COUNT; reg++)
		verdict_add(&comparison->verdict, registers[reg] == comparison->registers[reg],
			    registers[reg]);
}

SELFTEST(smp, registers, "every CPU's control registers are those of the first");

static void smp_registers(struct selftest *test)
{
	struct comparison comparison = { 0 };
	struct cpu_work work = { compare_registers, &comparison };

	if (!has_others(test))
		return;
	control_read(comparison.registers);
	others_start(test->kernel->smp, &work);
	others_wait(test);
	verdict_check(test, &comparison.verdict, "another value");
}

SELFTEST(smp, features, "no CPU lacks what its ID registers, as they count, let the plan use");

static void smp_features(struct selftest *test)
{
	const struct boot_handoff *handoff = test->kernel->handoff;
	const struct smp *smp = test->kernel->smp;
	struct cpu_facts first = { handoff->facts.entry.el, counter_frequency(), handoff->id };

	if (!has_others(test))
		return;
	for (u32 i = 0; i < smp->count; i++) {
		struct cpu_facts facts = { smp->cpu[i].el, counter_frequency(), NULL };

		if (smp->cpu[i].state != CPU_STATE_RUNNING)
			continue;
		facts.id = smp->cpu[i].cpu->id;
		test_equal(test, cpu_follows(&handoff->plan, &first, &facts).field, FOLLOW_OK,
			   "what it lacks");
	}
}

/* ---- how they translate ------------------------------------------------------------------------- */

#define EDGES_MAX 64

struct edges {
	u32 count;
	u64 va[EDGES_MAX], par[EDGES_MAX];
	struct verdict verdict;
};

static void edge_add(struct edges *edges, u64 va)
{
	if (edges->count < EDGES_MAX) {
		edges->va[edges->count] = va;
		edges->par[edges->count++] = at_translate(vaddr(va), false);
	}
}

static void compare_edges(void *context)
{
	struct edges *edges = context;

	for (u32 i = 0; i < edges->count; i++)
		verdict_add(&edges->verdict,
			    at_translate(vaddr(edges->va[i]), false) == edges->par[i],
			    edges->va[i]);
}

SELFTEST(smp, translate, "at every edge of the layout AT gives all CPUs the same answer");

static void smp_translate(struct selftest *test)
{
	const struct layout *layout = &test->kernel->handoff->plan.layout;
	struct edges edges = { 0 };
	struct cpu_work work = { compare_edges, &edges };

	if (!has_others(test))
		return;
	for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
		edge_add(&edges, layout->region[i].start.value);
		edge_add(&edges, layout->region[i].start.value - 1);
	}
	for (unsigned i = 0; i < SEGMENT_COUNT; i++)
		edge_add(&edges, test->kernel->handoff->plan.image_va.value + i * MIB(1) / 8);
	edge_add(&edges, cpu_this()->stack.start);
	edge_add(&edges, cpu_this()->guard.start);
	others_start(test->kernel->smp, &work);
	others_wait(test);
	verdict_check(test, &edges.verdict, "another translation");
}

/* ---- changes ------------------------------------------------------------------------------------- */

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

		if ((before & 0xff) == OUTLOOK_END)
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
	       counter_read() - start < counter_frequency() / 10)
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
	u64 pages[] = { 1, 2, 5, 16, 32, 100, 600 };

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

	*stretch = (struct stretch){
		.test = test,
		.space = space,
		.va = kernel->handoff->plan.layout.region[LAYOUT_MODULES].start.value + GIB(1),
		.page = regime_granule(&space->regime),
		.block = regime_span(&space->regime, 2),
		.pages = 1,
	};
	if (!alloc || !test_needs(test, buddy_alloc(&alloc->buddy, 1, &stretch->first) == BUDDY_OK,
				  "no memory for two pages"))
		return false;
	stretch->second = paddr_add(stretch->first, stretch->page);
	*(u64 *)linear_pointer(&kernel->linear, stretch->first) = VALUE_FIRST;
	*(u64 *)linear_pointer(&kernel->linear, stretch->second) = VALUE_SECOND;
	return true;
}

SELFTEST(smp, change, "after a change of a mapping has returned, no CPU uses the old one");

static void smp_change(struct selftest *test)
{
	struct space space = test->kernel->kernel_space;
	struct stretch stretch;
	struct cpu_work work = { watch, &stretch };

	if (!has_others(test) || !stretch_make(&stretch, test, &space))
		return;
	space.policy.text_writable = false; /* read-only means that, even with rodata=off */
	others_start(test->kernel->smp, &work);
	change_all(&stretch);
	outlook_set(&stretch, OUTLOOK_END);
	others_wait(test);
	verdict_check(test, &stretch.verdict, "an old translation, at outlook");
	print("# %u accesses by %u CPUs\n", stretch.verdict.asked, test->kernel->smp->running - 1);
	test_equal(test, buddy_free(&test->kernel->alloc->buddy, stretch.first, 1), BUDDY_OK,
		   "freeing pages");
}

/* ---- roots --------------------------------------------------------------------------------------- */

/* Two roots that differ in one address. */
struct roots {
	const struct kernel *kernel;
	const struct space *other;
	vaddr_t va;
	struct verdict verdict;
};

static void swap_often(void *context)
{
	struct roots *roots = context;
	paddr_t pa;

	for (unsigned i = 0; i < ROUNDS; i++) {
		root_replace(roots->kernel, roots->other);
		verdict_add(&roots->verdict, address_probe(roots->va, false, &pa), i);
		root_replace(roots->kernel, &roots->kernel->kernel_space);
		verdict_add(&roots->verdict, !address_probe(roots->va, false, &pa), i);
	}
}

/* The copy has one entry more, where the kernel's root has none: in the middle of the half. */
static bool root_copy(struct selftest *test, struct space *copy, unsigned *free_entry)
{
	const struct regime *regime = &copy->regime;
	unsigned count = regime_entries(regime, regime->root_level);
	const struct slot *from = slot_at(copy, copy->root);
	struct slot *to;

	for (*free_entry = count / 2; *free_entry < count; ++*free_entry)
		if (slot_read(from + *free_entry).bits == 0)
			break;
	if (!test_needs(test, *free_entry < count, "the root has no free entry") ||
	    !test_needs(test, pt_space_create(copy) == MAP_OK, "no memory for a root"))
		return false;
	to = slot_at(copy, copy->root);
	for (unsigned i = 0; i < count; i++)
		slot_link(to + i, slot_read(from + i));
	return true;
}

SELFTEST(smp, root, "TTBR1 is swapped on all CPUs at once, and each sees by its own");

static void smp_root(struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	struct space copy = kernel->kernel_space;
	struct roots roots = { .kernel = kernel, .other = &copy };
	struct cpu_work work = { swap_often, &roots };
	struct map_request request;
	unsigned entry;
	u64 base;

	if (!has_others(test) || !root_copy(test, &copy, &entry))
		return;
	base = ~(u64)0 << copy.regime.va_bits;
	roots.va = vaddr(base + entry * regime_span(&copy.regime, copy.regime.root_level));
	request = (struct map_request){ roots.va,
					vaddr_add(roots.va, regime_granule(&copy.regime)),
					kernel->linear.start,
					{ PROT_READ_ONLY, MEM_NORMAL } };
	test_equal(test, map_range(&copy, &request), MAP_OK, "map in the copy");
	tables_publish();
	others_start(kernel->smp, &work);
	others_wait(test);
	verdict_check(test, &roots.verdict, "seen by the wrong root");
	test_equal(test, pt_unmap(&copy, request.start, request.end), MAP_OK, "unmap in the copy");
	pool_give(&copy, copy.root);
}
