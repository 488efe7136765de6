// SPDX-License-Identifier: MIT
/*
 * Self tests: the kernel's own tables, read from end to end.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/kernel/proc/sched.h>
#include <pagoda/kernel/selftest/scratch.h>
#include <pagoda/mm/pt/shared.h>

SELFTEST_SUBJECT(20, audit);

/* linker/pagoda.lds.S: only their addresses mean anything. */
extern u8 _text[], _init_text_start[], _init_data_end[];

/* The kernel's maps: that of the upper half as EL0 sees it where there is KPTI. */
struct spaces {
	const struct space *space[3];
	unsigned count;
};

static struct spaces spaces_of(const struct kernel *kernel)
{
	return (struct spaces){
		{ &kernel->kernel_space, &kernel->idmap_space, &kernel->el0_space },
		kernel->el0_space.root.value != 0 ? 3 : 2,
	};
}

SELFTEST(audit, wx, "nothing is writable and executable");

static void audit_wx(struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	struct spaces spaces = spaces_of(kernel);

	if (!test_needs(test, !kernel->kernel_space.policy.text_writable, "rodata=off"))
		return;
	for (unsigned i = 0; i < spaces.count; i++) {
		struct pt_audit audit = pt_audit_space(spaces.space[i]);

		test_check(test, audit.runs > 0, "no runs in map", i);
		test_check(test, audit.writable_executable == 0, "writable and executable",
			   audit.first_offender.value);
	}
}

/* What of @space maps some of [@start, @end), physical, in a way that @wrong says is wrong. */
static void check_aliases(struct selftest *test, const struct space *space, u64 start, u64 end,
			  bool (*wrong)(const struct pte_info *info))
{
	vaddr_t va = pt_start(space), last = pt_end(space);
	unsigned aliases = 0;

	do {
		struct pt_run run = pt_next_run(space, va, last);
		u64 pa = run.info.pa.value, size = run.end.value - run.start.value;

		va = run.end;
		if (!pte_is_leaf(run.kind) || pa >= end || pa + size <= start)
			continue;
		aliases++;
		test_check(test, !wrong(&run.info), "wrong permissions at", run.start.value);
	} while (va.value != last.value);
	if (regime_upper(&space->regime))
		test_check(test, aliases > 0, "mapped nowhere: physical", start);
}

static bool is_writable(const struct pte_info *info)
{
	return info->write;
}

static bool is_open(const struct pte_info *info)
{
	return info->execute || info->user;
}

SELFTEST(audit, alias, "text and rodata are writable nowhere");

static void audit_alias(struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	const struct image *image = &kernel->handoff->facts.image;

	if (!test_needs(test, !kernel->kernel_space.policy.text_writable, "rodata=off"))
		return;
	for (enum segment i = SEGMENT_RODATA; i <= SEGMENT_TEXT; i++) {
		u64 start = image->pa.value + image->segment[i].start;
		u64 end = image->pa.value + image->segment[i].end;

		check_aliases(test, &kernel->kernel_space, start, end, is_writable);
		check_aliases(test, &kernel->idmap_space, start, end, is_writable);
	}
}

/* The entry of a walk over single descriptors, tables included, in order. */
struct tour {
	const struct space *space;
	u64 va;
	struct pt_entry entry;
	bool begun;
};

static bool tour_next(struct tour *tour)
{
	const struct space *space = tour->space;

	if (!tour->begun)
		tour->va = pt_start(space).value;
	else
		tour->va = align_down(tour->va, regime_span(&space->regime, tour->entry.level)) +
			   regime_span(&space->regime, tour->entry.level);
	if (tour->begun && tour->va == pt_end(space).value)
		return false;
	tour->begun = true;
	tour->entry = pt_find_own(space, vaddr(tour->va));
	return true;
}

/* Tables that the walk to @tour's entry is the first to reach: their first entry leads to it. */
static unsigned tour_new_tables(const struct tour *tour)
{
	const struct regime *regime = &tour->space->regime;
	unsigned tables = 0;

	for (int level = regime->root_level + 1; level <= tour->entry.level; level++)
		tables += is_aligned(tour->va, regime_span(regime, level - 1));
	return tables;
}

/*
 * The bits that are the same in every leaf of the kernel's, or follow from what it is for. GP is
 * where there is code, if the CPU has BTI; UXN in the leaf and in a table above it.
 */
static void check_leaf(struct selftest *test, const struct tour *tour)
{
	const struct map_policy *policy = &tour->space->policy;
	u64 bits = tour->entry.pte.bits, tables = tour->entry.table_bits;
	bool code = !(bits & LEAF_PXN), in_root;

	in_root = tour->entry.level == tour->space->regime.root_level;

	test_check(test, bits & LEAF_AF, "not accessed", tour->va);
	test_check(test, !(bits & LEAF_USER), "EL0's", tour->va);
	test_check(test, bits & LEAF_UXN, "executable at EL0", tour->va);
	test_check(test, in_root || (tables & TABLE_UXN), "tables that let EL0 execute, above",
		   tour->va);
	test_check(test, !(bits & LEAF_NG) == !policy->not_global, "nG is wrong", tour->va);
	test_check(test, !(bits & LEAF_DBM), "writable by hardware's leave", tour->va);
	test_equal(test, !!(bits & LEAF_GP), code && policy->guarded, "guarded");
}

SELFTEST(audit, leaves, "every leaf has the bits that all of the kernel's have");

static void audit_leaves(struct selftest *test)
{
	struct spaces spaces = spaces_of(test->kernel);

	for (unsigned i = 0; i < spaces.count; i++) {
		struct tour tour = { .space = spaces.space[i] };

		while (tour_next(&tour))
			if (pte_is_leaf(tour.entry.kind))
				check_leaf(test, &tour);
	}
}

static void check_table(struct selftest *test, const struct tour *tour)
{
	const struct kernel *kernel = test->kernel;
	u64 granule = regime_granule(&tour->space->regime);
	vaddr_t va = linear_va(&kernel->linear, paddr(align_down(tour->entry.slot.value, granule)));
	struct pt_entry entry = pt_find(&kernel->kernel_space, va);
	struct pte_info info;

	test_check(test, pte_is_leaf(entry.kind), "a table is not in the linear map", va.value);
	info = pte_decode(&tour->space->regime, entry.pte, entry.level, entry.table_bits);
	test_check(test, !is_open(&info) && info.write && info.type == MEM_NORMAL,
		   "a table is mapped wrongly", va.value);
}

static u64 count_tables(struct selftest *test, const struct space *space)
{
	struct tour tour = { .space = space };
	u64 tables = 1;

	while (tour_next(&tour)) {
		unsigned reached = tour_new_tables(&tour);

		tables += reached;
		if (reached > 0)
			check_table(test, &tour);
	}
	return tables;
}

SELFTEST(audit, tables, "no page table is executable or EL0's");

static void audit_tables(struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	const struct table_pool *pool = kernel->kernel_space.pool;
	const struct memory_map *memory = kernel->memory;

	count_tables(test, &kernel->kernel_space);
	count_tables(test, &kernel->idmap_space);
	check_aliases(test, &kernel->kernel_space, pool->start.value, pool->end.value, is_open);
	check_aliases(test, &kernel->idmap_space, pool->start.value, pool->end.value, is_open);
	for (u32 i = 0; i < memory->count; i++)
		if (memory->range[i].kind == MEMORY_TABLES)
			check_aliases(test, &kernel->kernel_space, memory->range[i].start.value,
				      memory->range[i].end.value, is_open);
}

/* No page of @run is a table's: what it is about can be written by its name in @space. */
static void check_no_table(struct selftest *test, const struct pt_run *run)
{
	const struct kernel *kernel = test->kernel;
	u64 size = vaddr_diff(run->end, run->start);

	for (u64 at = 0; at != size; at += regime_granule(&kernel->kernel_space.regime))
		test_check(test,
			   !alloc_is_table(kernel->alloc, kernel->kernel_space.pool, kernel->memory,
					   paddr_add(run->info.pa, at)),
			   "a table can be written at", run->start.value + at);
}

/* Memory that can be written through @space, other than by its name in the linear map. */
static bool is_second_name(const struct kernel *kernel, const struct pt_run *run)
{
	return pte_is_leaf(run->kind) && run->info.write && run->info.type == MEM_NORMAL &&
	       run->start.value != linear_va(&kernel->linear, run->info.pa).value;
}

SELFTEST(audit, table_alias, "tables can be written through the linear map, and nowhere else");

static void audit_table_alias(struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	struct spaces spaces = spaces_of(kernel);
	u64 runs = 0;

	for (unsigned i = 0; i < spaces.count; i++) {
		vaddr_t va = pt_start(spaces.space[i]), end = pt_end(spaces.space[i]);

		do {
			struct pt_run run = pt_next_run(spaces.space[i], va, end);

			va = run.end;
			if (!is_second_name(kernel, &run))
				continue;
			check_no_table(test, &run);
			runs++;
		} while (va.value != end.value);
	}
	test_check(test, runs > 0, "the image's data is not writable", 0);
}

static void check_hole(struct selftest *test, u64 start, u64 end)
{
	const struct space *space = &test->kernel->kernel_space;

	test_check(test, end > start, "nothing to look at", start);
	for (u64 va = start; va < end; va += regime_granule(&space->regime)) {
		test_check(test, !pte_is_leaf(pt_find(space, vaddr(va)).kind), "mapped in tables",
			   va);
		test_check(test, SYSREG_GET(PAR_EL1_F, at_translate(vaddr(va), false)), "mapped",
			   va);
	}
}

SELFTEST(audit, guards, "guard pages and init segments are not mapped");

static void audit_guards(struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	u64 granule = regime_granule(&kernel->kernel_space.regime);
	struct alloc *alloc = test_alloc(test);
	struct vmalloc_area area;

	check_hole(test, cpu_this()->guard.start, cpu_this()->guard.end);
	check_hole(test, (uintptr_t)_init_text_start, (uintptr_t)_init_data_end);
	check_hole(test, (uintptr_t)_text - granule, (uintptr_t)_text);
	if (!alloc)
		return;
	test_check(test, vmalloc_audit(&alloc->vmalloc), "areas of vmalloc", 0);
	for (vaddr_t at = vaddr(0); vmalloc_next(&alloc->vmalloc, at, &area); at = area.end)
		check_hole(test, area.end.value, area.end.value + granule);
}

/* A program's leaf is EL0's, of one ASID, nothing that the kernel executes; and W^X. */
static void check_user_leaf(struct selftest *test, const struct tour *tour, bool wxn)
{
	u64 bits = tour->entry.pte.bits;

	test_check(test, bits & LEAF_USER, "not EL0's", tour->va);
	test_check(test, bits & LEAF_NG, "global", tour->va);
	test_check(test, bits & LEAF_PXN, "executable at EL1", tour->va);
	test_check(test, tour->entry.table_bits & TABLE_PXN, "tables that let EL1 execute, above",
		   tour->va);
	test_check(test, !wxn || (bits & LEAF_UXN) || (bits & LEAF_READ_ONLY),
		   "writable and executable at EL0", tour->va);
}

SELFTEST(audit, programs, "every leaf of a program has the bits that all of theirs have");

static void audit_programs(struct selftest *test)
{
	bool wxn = test->kernel->handoff->plan.wxn;

	for (const struct process *process = sched_next(NULL); process;
	     process = sched_next(process)) {
		struct tour tour = { .space = &process->space };

		while (tour_next(&tour))
			if (pte_is_leaf(tour.entry.kind))
				check_user_leaf(test, &tour, wxn);
	}
	test->checks++;
}

/* Tables of the lower halves of programs, and of the one without any. */
static u64 count_user_tables(struct selftest *test)
{
	const struct space *empty = sched_empty();
	u64 tables = empty ? count_tables(test, empty) : 0;

	for (const struct process *process = sched_next(NULL); process;
	     process = sched_next(process))
		tables += count_tables(test, &process->space);
	return tables;
}

/* Whoever leads to shared tables, and however often, they are one each; and there is their page. */
#define SHARED_PAGES 1

SELFTEST(audit, pool, "every table taken from the pool is in use");

static void audit_pool(struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	struct spaces spaces = spaces_of(kernel);
	u64 granule = regime_granule(&kernel->kernel_space.regime);
	const struct table_pool *pool = kernel->kernel_space.pool;
	u64 reached = count_user_tables(test) +
		      (KASAN ? pt_shared_tables(&kernel->kernel_space) + SHARED_PAGES : 0);
	paddr_t free = pool->free;
	u64 listed = 0;

	for (unsigned i = 0; i < spaces.count; i++)
		reached += count_tables(test, spaces.space[i]);
	test_equal(test, reached, pool_used(pool, granule), "tables reached, and taken");
	for (; listed < pool->free_count && free.value != 0; listed++)
		free = paddr(*(const u64 *)linear_pointer(&kernel->linear, free));
	test_equal(test, listed, pool->free_count, "tables in the list of free ones");
	for (unsigned i = 0; i < spaces.count; i++)
		test_check(test,
			   pt_counts_agree(spaces.space[i], pt_start(spaces.space[i]),
					   pt_end(spaces.space[i])),
			   "descriptors are miscounted in tables of space", i);
}

SELFTEST(audit, total, "the map's total is the sum of its leaves");

static void audit_total(struct selftest *test)
{
	struct spaces spaces = spaces_of(test->kernel);

	for (unsigned i = 0; i < spaces.count; i++) {
		struct tour tour = { .space = spaces.space[i] };
		u64 sum = 0;

		while (tour_next(&tour))
			if (pte_is_leaf(tour.entry.kind))
				sum += regime_span(&tour.space->regime, tour.entry.level);
		test_equal(test, pt_audit_space(tour.space).mapped, sum,
			   "bytes mapped, and summed");
	}
}
