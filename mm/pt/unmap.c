// SPDX-License-Identifier: MIT
/*
 * Taking out of tables what is in them: leaves, by whole units, and tables that are empty then.
 * Runs in the kernel with the MMU on, and on the host. May not use: absolute addresses, .bss,
 * instructions a host compiler cannot build.
 *
 * What is proportional to something here is so to the descriptors in the range, not to its pages.
 */
#include <pagoda/mm/pt/tlb.h>

#include "tables.h"

bool unit_find(const struct space *space, vaddr_t va, struct unit *unit)
{
	const struct regime *regime = &space->regime;
	struct pt_entry entry = pt_find(space, va);
	u64 span = regime_span(regime, entry.level), slot = entry.slot.value;

	if (!pte_is_leaf(entry.kind))
		return false;
	unit->info = pte_decode(regime, entry.pte, entry.level, entry.table_bits);
	unit->level = entry.level;
	unit->count = unit->info.contiguous ? regime_contiguous(regime, entry.level) : 1;
	unit->size = span * unit->count;
	unit->va = align_down(va.value, unit->size);
	slot -= (align_down(va.value, span) - unit->va) / span * sizeof(u64);
	unit->slot = table_pointer(space, paddr(slot));
	unit->pte = slot_read(unit->slot);
	unit->info.pa = pte_address(regime, unit->pte, unit->level);
	return true;
}

void unit_clear(const struct unit *unit)
{
	for (unsigned i = 0; i < unit->count; i++)
		slot_write(unit->slot + i, (pte_t){ 0 });
}

static bool unit_is_live(const struct units *units, const struct unit *unit)
{
	switch (units->broken) {
	case BREAK_NONE:
		break;
	case BREAK_RUNS:
		return unit->count > 1 && is_live(unit->slot, unit->va, unit->size);
	case BREAK_ALL:
		return is_live(unit->slot, units->start, units->end - units->start);
	}
	return false;
}

enum map_result units_check(const struct space *space, struct units *units)
{
	u64 start = units->start, end = units->end;
	enum map_result result = pt_range_check(space, vaddr(start), vaddr(end));
	struct unit unit;

	for (u64 va = start; result == MAP_OK && va != end; va += unit.size) {
		if (!unit_find(space, vaddr(va), &unit))
			return MAP_NOT_MAPPED;
		if (va != unit.va || end - va < unit.size)
			return MAP_SPLIT;
		if (unit_is_live(units, &unit))
			return MAP_LIVE;
		units->level = va == start || unit.level == units->level ? unit.level :
									   TLB_LEVEL_UNKNOWN;
	}
	return result;
}

enum map_result units_clear(struct space *space, struct units *units)
{
	enum map_result result = units_check(space, units);
	struct unit unit;

	for (u64 va = units->start; result == MAP_OK && va != units->end; va += unit.size) {
		if (!unit_find(space, vaddr(va), &unit))
			return MAP_NOT_MAPPED;
		unit_clear(&unit);
	}
	return result;
}

enum map_result pt_unmap_range(struct space *space, vaddr_t start, vaddr_t end)
{
	struct units units = { start.value, end.value, BREAK_NONE, TLB_LEVEL_UNKNOWN };

	return units_clear(space, &units);
}

/*
 * Nothing is in @table, of @level. Looks at the descriptor for @end first and at those below last:
 * where something is left, it is most likely a neighbour of what went.
 */
static bool table_is_empty(const struct space *space, paddr_t table, int level, vaddr_t end)
{
	const u64 *slots = table_pointer(space, table);
	unsigned first = regime_index(&space->regime, level, end);

	return !slots_used(slots + first, regime_entries(&space->regime, level) - first) &&
	       !slots_used(slots, first);
}

u64 *slot_reach(const struct space *space, vaddr_t va, int level, int *ended)
{
	const struct regime *regime = &space->regime;
	paddr_t table = space->root;

	for (*ended = regime->root_level;; ++*ended) {
		u64 *slot = table_pointer(space, table) + regime_index(regime, *ended, va);
		pte_t pte = slot_read(slot);

		if (*ended == level)
			return slot;
		if (pte_kind(regime, pte, *ended) != PTE_TABLE)
			return NULL;
		table = pte_address(regime, pte, *ended);
	}
}

/*
 * A walker that still knows of the table reads the link as a descriptor: an address aligned to the
 * granule has bit 0 clear, and so is an invalid one, as what it replaces.
 */
static void table_prune(struct space *space, u64 *slot, int level, vaddr_t end,
			struct table_list *pruned)
{
	pte_t pte = slot_read(slot);
	paddr_t table = pte_address(&space->regime, pte, level);

	if (pte_kind(&space->regime, pte, level) != PTE_TABLE ||
	    !table_is_empty(space, table, level + 1, end))
		return;
	slot_write(slot, (pte_t){ 0 });
	slot_write(table_pointer(space, table), (pte_t){ pruned->first.value });
	pruned->first = table;
	pruned->count++;
}

/* Lowest tables first, since the ones above may become empty by that. */
void pt_prune(struct space *space, vaddr_t start, vaddr_t end, struct table_list *pruned)
{
	const struct regime *regime = &space->regime;

	for (int level = LEVEL_PAGE - 1; level >= regime->root_level; level--) {
		u64 va = start.value, span;

		do {
			int ended;
			u64 *slot = slot_reach(space, vaddr(va), level, &ended);

			if (slot)
				table_prune(space, slot, level, end, pruned);
			span = regime_span(regime, ended);
			va = align_down(va, span) + span;
		} while (va - 1 < end.value - 1);
	}
}

void pt_give_pruned(struct space *space, struct table_list *pruned)
{
	while (pruned->count > 0) {
		paddr_t table = pruned->first;

		pruned->first = paddr(*table_pointer(space, table));
		pruned->count--;
		pool_give(space, table);
	}
}
