// SPDX-License-Identifier: MIT
/*
 * What becomes of shared tables in a live map: pages of one's own, and the rest read-only.
 * Runs in the kernel with the MMU on, and on the host. May not use: absolute addresses, .bss,
 * instructions a host compiler cannot build.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/mm/pt/shared.h>
#include <pagoda/mm/pt/tlb.h>

#include "tables.h"

paddr_t pt_shared_page(const struct space *space)
{
	return space->pool->shared;
}

paddr_t pt_shared_pages(const struct space *space)
{
	return paddr_add(space->pool->shared, regime_granule(&space->regime));
}

bool pt_entry_is_shared(const struct space *space, const struct pt_entry *entry)
{
	return entry_is_shared(space, entry);
}

u64 pt_shared_tables(const struct space *space)
{
	const struct table_pool *pool = space->pool;
	u64 pages;

	if (!pool)
		return 0;
	pages = paddr_diff(pool->shared_end, pool->shared) >> space->regime.granule_shift;
	return pages == 0 ? 0 : pages - 1;
}

bool pt_is_shared(const struct space *space, vaddr_t va)
{
	struct pt_entry entry = pt_find(space, va);

	return entry_is_shared(space, &entry);
}

static void forget(const struct space *space, u64 start, u64 size, int level)
{
	struct tlb_range range = { vaddr(start), vaddr(start + size), level, level != LEVEL_PAGE };

	tlb_invalidate(space, &range);
}

void pt_shared_protect(struct space *space)
{
	const struct regime *regime = &space->regime;
	struct map_attr attr = { PROT_READ_ONLY, MEM_NORMAL };
	struct map_policy policy = { .not_global =
					     space->policy.not_global }; /* rodata=off or not */
	pte_t pte = pte_leaf(regime, &policy, attr, space->pool->shared, LEVEL_PAGE);
	struct slot *slots = slot_at(space, pt_shared_pages(space));

	for (unsigned i = 0; i < regime_entries(regime, LEVEL_PAGE); i++)
		slot_edit(slots + i, pte);
	/* Wherever it is mapped. */
	forget(space, pt_start(space).value, -pt_start(space).value, TLB_LEVEL_UNKNOWN);
}

/* A table of one's own that says what the shared one below @entry says, in its place. */
static enum map_result table_own(struct space *space, const struct pt_entry *entry, u64 va)
{
	const struct regime *regime = &space->regime;
	u64 span = regime_span(regime, entry->level);
	unsigned entries = regime_entries(regime, entry->level + 1);
	pte_t all = slot_read(slot_at(space, pte_next(regime, entry->pte)));
	paddr_t table;

	if (!table_create(space, entry->level + 1, &table))
		return MAP_NO_TABLES;
	space->pool->owned++;
	slots_fill(slot_at(space, table), entries, all, 0);
	table_count_change(space, slot_at(space, table), (int)entries);
	slot_break(slot_at(space, entry->slot));
	forget(space, align_down(va, span), span, entry->level);
	slot_link(slot_at(space, entry->slot), pte_table(regime, table));
	tables_publish();
	return MAP_OK;
}

static enum map_result page_own(struct space *space, const struct pt_entry *entry, u64 va,
				paddr_t page)
{
	const struct regime *regime = &space->regime;
	struct map_attr attr = { PROT_READ_WRITE, MEM_NORMAL };

	slot_break(slot_at(space, entry->slot));
	forget(space, va, regime_granule(regime), LEVEL_PAGE);
	slots_fill(slot_at(space, entry->slot), 1,
		   pte_leaf(regime, &space->policy, attr, page, LEVEL_PAGE), 0);
	tables_publish();
	return MAP_OK;
}

enum map_result pt_own(struct space *space, vaddr_t va, paddr_t page)
{
	u64 start = align_down(va.value, regime_granule(&space->regime));

	for (;;) {
		struct pt_entry entry = pt_find_own(space, va);
		enum map_result result;

		if (!entry_is_shared(space, &entry))
			return MAP_CONFLICT;
		if (entry.kind == PTE_PAGE)
			return page_own(space, &entry, start, page);
		result = table_own(space, &entry, start);
		if (result != MAP_OK)
			return result;
	}
}
