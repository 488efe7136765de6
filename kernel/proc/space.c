// SPDX-License-Identifier: MIT
/*
 * The lower half as a program sees it: from areas to tables. Only who it belongs to changes it, in
 * a call of its own, so nothing runs on what is broken meanwhile.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/lock.h>
#include <pagoda/mm/pt/change.h>

#include "parts.h"

bool space_create(const struct kernel *kernel, struct space *space)
{
	enum map_result result;

	*space = kernel->kernel_space;
	space->regime.whose = WHOSE_USER;
	space->policy = (struct map_policy){ 0 };
	space->tlb.asid_pairs = kernel->kernel_space.policy.not_global;
	do {
		if (buddy_fill_pool(&kernel->alloc->buddy, 1) != BUDDY_OK)
			return false;
		/* Another CPU may be faster. */
		lock_take(&space->pool->lock);
		result = pt_space_create(space);
		lock_drop(&space->pool->lock);
	} while (result == MAP_NO_TABLES);
	/* The root is complete before a walk can begin there. */
	tables_publish();
	return true;
}

void space_destroy(struct process *process)
{
	(void)area_take(process, 0, address_end(process));
	lock_take(&process->space.pool->lock);
	pool_give(&process->space, process->space.root);
	lock_drop(&process->space.pool->lock);
}

/*
 * How an area is mapped: guarded where it asks for it (PROT_BTI), writable and executable where the
 * policy granted that: then the tables' own policy has a word for it, which no mapping has.
 */
static struct space view_of(const struct process *process, u32 prot)
{
	struct space view = process->space;

	view.policy.guarded = prot & LINUX_PROT_BTI;
	view.policy.text_writable = (prot & LINUX_PROT_WRITE) && (prot & LINUX_PROT_EXEC);
	return view;
}

static struct map_attr attr_of(u32 prot)
{
	struct map_attr attr = { PROT_READ_ONLY, MEM_NORMAL };

	if (prot & LINUX_PROT_EXEC)
		attr.prot = PROT_READ_EXECUTE;
	else if (prot & LINUX_PROT_WRITE)
		attr.prot = PROT_READ_WRITE;
	return attr;
}

static u64 pages_of(const struct process *process, const struct area *area)
{
	return (area->end - area->start) >> process->space.regime.granule_shift;
}

/* All that it takes, so that mapping cannot fail half-way. */
static bool provide(struct process *process, const struct area *area)
{
	u64 tables = regime_tables(&process->space.regime, vaddr(area->start), vaddr(area->end),
				   LEVEL_PAGE);

	return memory_fill(process->kernel, area->memory, area->first, pages_of(process, area)) &&
	       buddy_fill_pool(&process->kernel->alloc->buddy, tables) == BUDDY_OK;
}

static bool page_show(struct process *process, const struct area *area, u64 index)
{
	struct space view = view_of(process, area->prot);
	u64 granule = process_granule(process);
	paddr_t pa = area->memory->page[area->first + index];
	vaddr_t va = vaddr(area->start + index * granule);
	struct map_request request = { va, vaddr_add(va, granule), pa, attr_of(area->prot) };
	struct buddy *buddy = &process->kernel->alloc->buddy;
	enum map_result result;

	/* What was written here, by whomever, is what will be executed. */
	if (area->prot & LINUX_PROT_EXEC)
		code_publish(linear_va(&process->kernel->linear, pa), granule);
	/* What provide() has found there may have gone to another CPU. */
	do
		result = pt_map(&view, &request);
	while (result == MAP_NO_TABLES &&
	       buddy_fill_pool(buddy, (u64)regime_levels(&view.regime)) == BUDDY_OK);
	return result == MAP_OK;
}

/* Page by page: so no block and no contiguous run has to be split when a part of it changes. */
int space_show(struct process *process, const struct area *area)
{
	u64 pages = pages_of(process, area), shown = 0;

	if (area->prot == 0)
		return 0;
	if (!provide(process, area))
		return -LINUX_ENOMEM;
	while (shown < pages && page_show(process, area, shown))
		shown++;
	tables_publish();
	if (shown == pages)
		return 0;
	if (shown > 0)
		(void)pt_unmap(&process->space, vaddr(area->start),
			       vaddr(area->start + shown * process_granule(process)));
	return -LINUX_ENOMEM;
}

void space_hide(struct process *process, const struct area *area)
{
	if (area->prot != 0)
		(void)pt_unmap(&process->space, vaddr(area->start), vaddr(area->end));
}
