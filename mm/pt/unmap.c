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

/* The unit that @entry, where the walk of @va ends, is part of. */
static bool unit_make(const struct space *space, const struct pt_entry *entry, u64 va,
		      struct unit *unit)
{
	const struct regime *regime = &space->regime;
	u64 span = regime_span(regime, entry->level);

	if (!pte_is_leaf(entry->kind))
		return false;
	unit->info = pte_decode(regime, entry->pte, entry->level, entry->table_bits);
	unit->level = entry->level;
	unit->table_bits = entry->table_bits;
	unit->count = unit->info.contiguous ? regime_contiguous(regime, entry->level) : 1;
	unit->size = span * unit->count;
	unit->va = align_down(va, unit->size);
	unit->slot = slot_at(space, entry->slot) - (align_down(va, span) - unit->va) / span;
	unit->pte = slot_read(unit->slot);
	unit->info.pa = pte_address(regime, unit->pte, unit->level);
	return true;
}

bool unit_find(const struct space *space, vaddr_t va, struct unit *unit)
{
	struct pt_entry entry = pt_find(space, va);

	return unit_make(space, &entry, va.value, unit);
}

bool unit_next(const struct space *space, vaddr_t va, struct unit *unit)
{
	const struct slot *slot = unit->slot + unit->count;
	struct pt_entry entry = { .level = unit->level, .table_bits = unit->table_bits };

	if (regime_index(&space->regime, unit->level, va) == 0)
		return unit_find(space, va, unit);
	entry.slot = paddr((u64)(uintptr_t)slot - space->phys_offset);
	entry.pte = slot_read(slot);
	entry.kind = pte_kind(&space->regime, entry.pte, entry.level);
	return entry.kind == PTE_TABLE ? unit_find(space, va, unit) :
					 unit_make(space, &entry, va.value, unit);
}

void unit_clear(const struct space *space, const struct unit *unit)
{
	for (unsigned i = 0; i < unit->count; i++)
		slot_break(unit->slot + i);
	table_count_change(space, unit->slot, -(int)unit->count);
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

/* What stands in the way of a change to @unit at @va, part of @units. */
static enum map_result unit_check(const struct units *units, const struct unit *unit, u64 va)
{
	if (va != unit->va || units->end - va < unit->size)
		return MAP_SPLIT;
	return unit_is_live(units, unit) ? MAP_LIVE : MAP_OK;
}

enum map_result units_check(const struct space *space, struct units *units, struct unit *first)
{
	enum map_result result = pt_range_check(space, vaddr(units->start), vaddr(units->end));
	struct unit unit;

	if (result != MAP_OK)
		return result;
	if (!unit_find(space, vaddr(units->start), first))
		return MAP_NOT_MAPPED;
	result = unit_check(units, first, units->start);
	units->level = first->level;
	if (result != MAP_OK || first->size == units->end - units->start)
		return result;
	unit = *first;
	for (u64 va = units->start + unit.size; result == MAP_OK && va != units->end;
	     va += unit.size) {
		if (!unit_next(space, vaddr(va), &unit))
			return MAP_NOT_MAPPED;
		result = unit_check(units, &unit, va);
		if (unit.level != units->level)
			units->level = TLB_LEVEL_UNKNOWN;
	}
	return result;
}

enum map_result units_clear(struct space *space, struct units *units)
{
	struct unit unit;
	enum map_result result = units_check(space, units, &unit);

	if (result != MAP_OK)
		return result;
	unit_clear(space, &unit);
	for (u64 va = units->start + unit.size; va != units->end; va += unit.size) {
		if (!unit_next(space, vaddr(va), &unit))
			return MAP_NOT_MAPPED;
		unit_clear(space, &unit);
	}
	return MAP_OK;
}

/*
 * Nothing is in @table, of @level. Where nobody counts: looks at the descriptor for @end first and
 * at those below last, since where something is left, it is most likely a neighbour of what went.
 */
static bool table_is_empty(const struct space *space, paddr_t table, int level, vaddr_t end)
{
	const u32 *count = table_count(space, table);
	const struct slot *slots = slot_at(space, table);
	unsigned first = regime_index(&space->regime, level, end);

	if (count)
		return *count == 0;
	return !slots_used(slots + first, regime_entries(&space->regime, level) - first) &&
	       !slots_used(slots, first);
}

/*
 * A walker that still knows of the table reads the link as a descriptor: an address aligned to the
 * granule has bit 0 clear, and so is an invalid one, as what it replaces.
 */
static void table_prune(struct space *space, struct slot *link, paddr_t table,
			struct table_list *pruned)
{
	slot_break(link);
	table_count_change(space, link, -1);
	slot_note(slot_at(space, table), pruned->first);
	pruned->first = table;
	pruned->count++;
}

/* The table that the walk of @va ends in goes where it is empty, and then those above it. */
static struct pt_entry walk_prune(struct space *space, vaddr_t va, vaddr_t end,
				  struct table_list *pruned)
{
	struct pt_entry entry = pt_find(space, va);

	while (entry.level > space->regime.root_level) {
		u64 granule = regime_granule(&space->regime);
		paddr_t table = paddr(align_down(entry.slot.value, granule));

		if (!table_is_empty(space, table, entry.level, end))
			break;
		entry = pt_descend(space, va, entry.level - 1);
		table_prune(space, slot_at(space, entry.slot), table, pruned);
	}
	return entry;
}

void pt_prune(struct space *space, vaddr_t start, vaddr_t end, struct table_list *pruned)
{
	u64 va = start.value;

	do {
		struct pt_entry entry = walk_prune(space, vaddr(va), end, pruned);
		/* Of pages, one stands for all of its table. */
		int level = entry.level == LEVEL_PAGE ? LEVEL_PAGE - 1 : entry.level;
		u64 span = regime_span(&space->regime, level);

		va = align_down(va, span) + span;
	} while (va - 1 < end.value - 1);
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

void pt_forget(struct space *space)
{
	struct slot *root = slot_at(space, space->root);
	unsigned entries = regime_entries(&space->regime, space->regime.root_level);

	for (unsigned i = 0; i < entries; i++)
		slot_break(root + i);
}
