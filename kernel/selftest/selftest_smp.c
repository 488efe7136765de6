// SPDX-License-Identifier: MIT
/*
 * Self tests with all CPUs: they are alike, they translate alike, and each by the root that it has.
 * Runs in the kernel, MMU on, after relocation.
 */
#include <pagoda/kernel/selftest/others.h>
#include <pagoda/mm/pt/change.h>
#include <pagoda/mm/pt/slot.h>

SELFTEST_SUBJECT(95, smp);

#define ROUNDS 40

/* ---- what they are ---- */

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

	if (!others_exist(test))
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

	if (!others_exist(test))
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

/* ---- how they translate ---- */

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

	if (!others_exist(test))
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

/* ---- roots ---- */

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
	    !test_tables(test, (u64)regime_levels(regime)) ||
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

	if (!others_exist(test) || !root_copy(test, &copy, &entry))
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
