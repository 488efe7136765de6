// SPDX-License-Identifier: MIT
/*
 * The changes of live mappings, tried on the live tables.
 * Runs in the kernel, MMU on, for a command of the console. Works on a stretch of the modules
 * region, which is reserved and holds nothing.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/mm/pt/change.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/start/memory.h>
#include <pagoda/mm/pt/slot.h>

/* What the steps share. The tables change; the kernel that the console has is constant. */
struct trial {
	const struct kernel *kernel;
	struct space space;
	u64 va, pa, block, page;
	unsigned checks, failures;
};

static void check(struct trial *trial, bool right, const char *what)
{
	trial->checks++;
	if (right)
		return;
	trial->failures++;
	print("change test: %s: not so\n", what);
}

/* What the CPU makes of the byte @offset into the stretch, and what it should. */
static void check_access(struct trial *trial, u64 offset, bool mapped, bool writable,
			 const char *what)
{
	paddr_t pa = paddr(0);
	bool read = address_probe(vaddr(trial->va + offset), false, &pa);

	check(trial, read == mapped && (!read || pa.value == trial->pa + offset), what);
	check(trial, address_probe(vaddr(trial->va + offset), true, &pa) == (mapped && writable),
	      what);
}

static void check_result(struct trial *trial, enum map_result result, enum map_result expected,
			 const char *what)
{
	trial->checks++;
	if (result == expected)
		return;
	trial->failures++;
	print("change test: %s: %s\n", what, map_result_str(result));
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
	check_result(trial, map_range(space, &request), MAP_OK, "map a block");
	tables_publish();
	check_ends(trial, true, true, "mapped");
	check_result(trial, map_range(space, &request), MAP_CONFLICT, "map it again");
	check_result(trial, pt_unmap(space, second, third), MAP_SPLIT, "unmap part of it");
	check_result(trial, pt_protect(space, start, end, PROT_READ_ONLY), MAP_OK, "protect");
	check_ends(trial, true, false, "read-only");
	check_result(trial, pt_split(space, start), MAP_OK, "split the block");
	check_ends(trial, true, false, "the same in runs of pages");
	check_result(trial, pt_split(space, start), MAP_OK, "split the run");
	check_ends(trial, true, false, "the same in pages");
	check_result(trial, pt_protect(space, second, third, PROT_READ_WRITE), MAP_OK,
		     "protect a page");
	check_access(trial, 0, true, false, "the page before");
	check_access(trial, trial->page, true, true, "the page");
	check_access(trial, 2 * trial->page, true, false, "the page after");
	check_result(trial, pt_merge(space, start), MAP_UNEVEN, "merge what differs");
	check_result(trial, pt_protect(space, second, third, PROT_READ_ONLY), MAP_OK,
		     "protect it back");
	check_result(trial, pt_merge(space, start), MAP_OK, "merge the run");
	check_result(trial, pt_merge(space, start), MAP_OK, "merge the block");
	check_ends(trial, true, false, "a block again");
	check_result(trial, pt_unmap(space, start, end), MAP_OK, "unmap");
	check_ends(trial, false, false, "nothing there after");
	check_result(trial, pt_unmap(space, start, end), MAP_NOT_MAPPED, "unmap it again");
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

	check_result(trial, pt_space_create(&copy), MAP_OK, "make a root");
	to = slot_at(&copy, copy.root);
	for (unsigned i = 0; i < regime_entries(regime, regime->root_level); i++)
		slot_link(to + i, slot_read(from + i));
	root_replace(trial->kernel, &copy);
	/*
	 * Tables below the root are shared, so this is for both; the TLB must hold it for neither.
	 */
	check_result(trial, map_range(&copy, &request), MAP_OK, "map in the copy");
	tables_publish();
	check_access(trial, 0, true, false, "seen through the copy");
	check_result(trial, pt_unmap(&copy, request.start, request.end), MAP_OK,
		     "unmap in the copy");
	root_replace(trial->kernel, &trial->space);
	check_access(trial, 0, false, false, "gone");
	pool_give(&trial->space, copy.root);
}

void change_test(const struct kernel *kernel)
{
	const struct regime *regime = &kernel->kernel_space.regime;
	const struct layout_region *modules = &kernel->handoff->plan.layout.region[LAYOUT_MODULES];
	struct trial trial = { .kernel = kernel,
			       .space = kernel->kernel_space,
			       .va = modules->start.value + GIB(1),
			       .pa = kernel->linear.start.value,
			       .block = regime_span(regime, 2),
			       .page = regime_granule(regime) };
	u64 before = pool_used(trial.space.pool, trial.page);

	try_changes(&trial);
	check(&trial, pool_used(trial.space.pool, trial.page) == before, "every table came back");
	try_root(&trial);
	check(&trial, pool_used(trial.space.pool, trial.page) == before, "and the root");
	print("change test: %u of %u checks passed\n", trial.checks - trial.failures, trial.checks);
}
