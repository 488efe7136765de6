// SPDX-License-Identifier: MIT
/*
 * Self test: each change of live mappings, and what the CPU makes of it.
 * Runs in the kernel, MMU on. Works on a stretch of the modules region, which is reserved and holds
 * nothing.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/mm/pt/change.h>
#include <pagoda/mm/pt/slot.h>

SELFTEST_MORE(91, change);

/* What the steps share. The tables change; the kernel that the console has is constant. */
struct trial {
	struct selftest *test;
	struct space space;
	u64 va, pa, block, page;
};

/* What the CPU makes of the byte @offset into the stretch, and what it should. */
static void check_access(struct trial *trial, u64 offset, bool mapped, bool writable,
			 const char *what)
{
	paddr_t pa = paddr(0);
	bool read = address_probe(vaddr(trial->va + offset), false, &pa);

	test_check(trial->test, read == mapped && (!read || pa.value == trial->pa + offset), what,
		   trial->va + offset);
	test_check(trial->test,
		   address_probe(vaddr(trial->va + offset), true, &pa) == (mapped && writable),
		   what, trial->va + offset);
}

static void check_ends(struct trial *trial, bool mapped, bool writable, const char *what)
{
	check_access(trial, 0, mapped, writable, what);
	check_access(trial, trial->page, mapped, writable, what);
	check_access(trial, trial->block - 1, mapped, writable, what);
}

static void try_changes(struct trial *trial)
{
	struct space *space = &trial->space;
	vaddr_t start = vaddr(trial->va), end = vaddr(trial->va + trial->block);
	vaddr_t second = vaddr(trial->va + trial->page), third = vaddr(second.value + trial->page);
	struct map_request request = {
		start, end, paddr(trial->pa), { PROT_READ_WRITE, MEM_NORMAL }
	};

	check_ends(trial, false, false, "nothing there before");
	test_equal(trial->test, pt_map(space, &request), MAP_OK, "map a block");
	tables_publish();
	check_ends(trial, true, true, "mapped");
	test_equal(trial->test, pt_map(space, &request), MAP_CONFLICT, "map it again");
	test_equal(trial->test, pt_unmap(space, second, third), MAP_SPLIT, "unmap part of it");
	test_equal(trial->test, pt_protect(space, start, end, PROT_READ_ONLY), MAP_OK, "protect");
	check_ends(trial, true, false, "read-only");
	test_equal(trial->test, pt_split(space, start), MAP_OK, "split the block");
	check_ends(trial, true, false, "the same in runs of pages");
	test_equal(trial->test, pt_split(space, start), MAP_OK, "split the run");
	check_ends(trial, true, false, "the same in pages");
	test_equal(trial->test, pt_protect(space, second, third, PROT_READ_WRITE), MAP_OK,
		   "protect a page");
	check_access(trial, 0, true, false, "the page before");
	check_access(trial, trial->page, true, true, "the page");
	check_access(trial, 2 * trial->page, true, false, "the page after");
	test_equal(trial->test, pt_merge(space, start), MAP_UNEVEN, "merge what differs");
	test_equal(trial->test, pt_protect(space, second, third, PROT_READ_ONLY), MAP_OK,
		   "protect it back");
	test_equal(trial->test, pt_merge(space, start), MAP_OK, "merge the run");
	test_equal(trial->test, pt_merge(space, start), MAP_OK, "merge the block");
	check_ends(trial, true, false, "a block again");
	test_equal(trial->test, pt_unmap(space, start, end), MAP_OK, "unmap");
	check_ends(trial, false, false, "nothing there after");
	test_equal(trial->test, pt_unmap(space, start, end), MAP_NOT_MAPPED, "unmap it again");
}

/* A copy of the root, with one mapping more: seen when the copy is in TTBR1, and only then. */
static void try_root(struct trial *trial)
{
	const struct regime *regime = &trial->space.regime;
	struct space copy = trial->space;
	struct map_request request = { vaddr(trial->va),
				       vaddr(trial->va + trial->page),
				       paddr(trial->pa),
				       { PROT_READ_ONLY, MEM_NORMAL } };
	struct slot *to;
	const struct slot *from = slot_at(&trial->space, trial->space.root);

	test_equal(trial->test, pt_space_create(&copy), MAP_OK, "make a root");
	to = slot_at(&copy, copy.root);
	for (unsigned i = 0; i < regime_entries(regime, regime->root_level); i++)
		slot_link(to + i, slot_read(from + i));
	root_replace(trial->test->kernel, &copy);
	/*
	 * Tables below the root are shared, so this is for both; the TLB must hold it for neither.
	 */
	test_equal(trial->test, map_range(&copy, &request), MAP_OK, "map in the copy");
	tables_publish();
	check_access(trial, 0, true, false, "seen through the copy");
	test_equal(trial->test, pt_unmap(&copy, request.start, request.end), MAP_OK,
		   "unmap in the copy");
	root_replace(trial->test->kernel, &trial->space);
	check_access(trial, 0, false, false, "gone");
	pool_give(&trial->space, copy.root);
}

SELFTEST_RULE(change, live, "D8.14 break-before-make",
	      "mappings change as the CPU sees it, and so does the root");

static void change_live(struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	const struct regime *regime = &kernel->kernel_space.regime;
	const struct layout_region *modules = &kernel->handoff->plan.layout.region[LAYOUT_MODULES];
	struct trial trial = { .test = test,
			       .space = kernel->kernel_space,
			       .va = modules->start.value + GIB(1),
			       .pa = kernel->linear.start.value,
			       .block = regime_span(regime, 2),
			       .page = regime_granule(regime) };
	u64 before = pool_used(trial.space.pool, trial.page);

	/* To the stretch, or a root and from there to the stretch. */
	if (!test_tables(test, (u64)regime_levels(regime)))
		return;
	trial.space.policy.text_writable = false; /* read-only means that, even with rodata=off */
	try_changes(&trial);
	test_equal(test, pool_used(trial.space.pool, trial.page), before, "tables in use");
	try_root(&trial);
	test_equal(test, pool_used(trial.space.pool, trial.page), before, "and with the root's");
	test_note(test, "%u checks", test->checks);
}
