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
	u64 span = regime_span(regime, entry.level);

	if (!pte_is_leaf(entry.kind))
		return false;
	unit->info = pte_decode(regime, entry.pte, entry.level, entry.table_bits);
	unit->level = entry.level;
	unit->count = unit->info.contiguous ? regime_contiguous(regime, entry.level) : 1;
	unit->size = span * unit->count;
	unit->va = align_down(va.value, unit->size);
	unit->slot = slot_at(space, entry.slot) - (align_down(va.value, span) - unit->va) / span;
	unit->pte = slot_read(unit->slot);
	unit->info.pa = pte_address(regime, unit->pte, unit->level);
	return true;
}

void unit_clear(const struct unit *unit)
{
	for (unsigned i = 0; i < unit->count; i++)
		slot_break(unit->slot + i);
}

static bool unit_is_live(const struct units *units, const struct unit *unit)
{
	switch (units->broken) {
	case BREAK_RUNS:
		return (unit->count > 1 || unit->info.execute) &&
		       is_live(unit->slot, unit->va, unit->size);
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

/*
 * Nothing is in @table, of @level. Looks at the descriptor for @end first and at those below last:
 * where something is left, it is most likely a neighbour of what went.
 */
static bool table_is_empty(const struct space *space, paddr_t table, int level, vaddr_t end)
{
	const struct slot *slots = slot_at(space, table);
	unsigned first = regime_index(&space->regime, level, end);

	return !slots_used(slots + first, regime_entries(&space->regime, level) - first) &&
	       !slots_used(slots, first);
}

/*
 * A walker that still knows of the table reads the link as a descriptor: an address aligned to the
 * granule has bit 0 clear, and so is an invalid one, as what it replaces.
 */
static void table_prune(struct space *space, const struct pt_entry *entry, vaddr_t end,
			struct table_list *pruned)
{
	paddr_t table = pte_address(&space->regime, entry->pte, entry->level);

	if (entry->kind != PTE_TABLE || !table_is_empty(space, table, entry->level + 1, end))
		return;
	slot_break(slot_at(space, entry->slot));
	slot_note(slot_at(space, table), pruned->first);
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
			struct pt_entry entry = pt_descend(space, vaddr(va), level);

			if (entry.level == level)
				table_prune(space, &entry, end, pruned);
			span = regime_span(regime, entry.level);
			va = align_down(va, span) + span;
		} while (va - 1 < end.value - 1);
	}
}

void pt_give_pruned(struct space *space, struct table_list *pruned)
{
	while (pruned->count > 0) {
		paddr_t table = pruned->first;

		pruned->first = slot_noted(slot_at(space, table));
		pruned->count--;
		pool_give(space, table);
	}
}
