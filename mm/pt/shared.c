// SPDX-License-Identifier: MIT
/*
 * Shared tables.
 * Runs in the early runtime with the MMU off, in the kernel with the MMU on, and on the host. May
 * not use: absolute addresses, .bss, instructions a host compiler cannot build.
 */
#include <pagoda/mm/pt/shared.h>

#include "tables.h"

/* In the pool they stand in this order: the page, the table of level 3, of 2, and so on. */
static paddr_t shared_table(const struct space *space, int level)
{
	u64 granule = regime_granule(&space->regime);

	return paddr_add(space->pool->shared, granule * (u64)(LEVEL_PAGE + 1 - level));
}

/* The descriptor at @level that leads, over shared tables, to the page. */
static pte_t shared_pte(const struct space *space, int level)
{
	struct map_attr attr = { PROT_READ_WRITE, MEM_NORMAL };

	if (level == LEVEL_PAGE)
		return pte_leaf(&space->regime, &space->policy, attr, space->pool->shared, level);
	return pte_table(&space->regime, shared_table(space, level + 1));
}

/* The lowest-numbered level of whose spans one lies in [@start, @end) as a whole. */
static int link_level(const struct regime *regime, u64 start, u64 end)
{
	int level = regime->root_level;

	while (end - start < regime_span(regime, level) ||
	       end - align_up(start, regime_span(regime, level)) < regime_span(regime, level) ||
	       end < align_up(start, regime_span(regime, level)))
		level++;
	return level;
}

/* The page, and tables from level 3 up to the one below @top. */
static enum map_result tables_make(struct space *space, int top)
{
	const struct regime *regime = &space->regime;
	struct table_pool *pool = space->pool;
	paddr_t table;

	/* A page is cleared like a table. */
	if (!table_create(space, LEVEL_PAGE, &pool->shared))
		return MAP_NO_TABLES;
	for (int level = LEVEL_PAGE; level > top; level--) {
		if (!table_create(space, level, &table))
			return MAP_NO_TABLES;
		slots_fill(slot_at(space, table), regime_entries(regime, level),
			   shared_pte(space, level), 0);
	}
	pool->shared_end = pool->next;
	return MAP_OK;
}

/* To the slot at @level for @va, own tables made where there are none. */
static enum map_result slot_reach(struct space *space, vaddr_t va, int level, struct slot **slot)
{
	struct pt_entry entry = entry_root(space, va);
	paddr_t table;

	for (;;) {
		entry_descend(space, &entry, va, level);
		*slot = slot_at(space, entry.slot);
		if (entry.level == level)
			return entry.kind == PTE_INVALID ? MAP_OK : MAP_CONFLICT;
		if (entry.kind != PTE_INVALID)
			return MAP_CONFLICT;
		if (!table_create(space, entry.level + 1, &table))
			return MAP_NO_TABLES;
		entry.kind = PTE_TABLE;
		entry.pte = pte_table(&space->regime, table);
		slot_link(*slot, entry.pte);
	}
}

enum map_result pt_share(struct space *space, vaddr_t start, vaddr_t end)
{
	const struct regime *regime = &space->regime;
	enum map_result result = tables_make(space, link_level(regime, start.value, end.value));
	u64 va = start.value;

	while (result == MAP_OK && va != end.value) {
		int level = regime->root_level;
		struct slot *slot;

		while (!is_aligned(va, regime_span(regime, level)) ||
		       end.value - va < regime_span(regime, level))
			level++;
		result = slot_reach(space, vaddr(va), level, &slot);
		if (result == MAP_OK)
			slot_link(slot, shared_pte(space, level));
		va += regime_span(regime, level);
	}
	/* What map_range() knows of an untouched table is not true any more. */
	space->pool->untouched = space->pool->untouched_end;
	return result;
}
