// SPDX-License-Identifier: MIT
/*
 * Changes of live mappings.
 * Runs in the kernel, MMU on, and on the host. May not use: absolute addresses, .bss, instructions
 * a host compiler cannot build.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/lock.h>
#include <pagoda/mm/pt/change.h>

#include "tables.h"

/*
 * One change at a time of all spaces that share a pool, since that has more than free tables: what
 * the builder knows of the last one, and the counts.
 */
static inline void change_begin(const struct space *space)
{
	lock_take(&space->pool->lock);
}

static inline enum map_result change_end(const struct space *space, enum map_result result)
{
	lock_drop(&space->pool->lock);
	return result;
}

/* The word for what a leaf may be used for; writable and executable is rodata=off's text. */
static struct map_attr unit_attr(const struct unit *unit)
{
	enum mem_prot prot = unit->info.write ? PROT_READ_WRITE : PROT_READ_ONLY;

	return (struct map_attr){ unit->info.execute ? PROT_READ_EXECUTE : prot, unit->info.type };
}

static void invalidate(const struct space *space, u64 start, u64 size, int level, bool tables)
{
	struct tlb_range range = { vaddr(start), vaddr(start + size), level, tables };

	tlb_invalidate(space, &range);
}

static void unit_break(const struct space *space, const struct unit *unit)
{
	unit_clear(space, unit);
	invalidate(space, unit->va, unit->size, unit->level, false);
}

/* Tables of [@start, @end) in which nothing is left, and all that a TLB has of what was there. */
static void range_forget(struct space *space, vaddr_t start, vaddr_t end, int level)
{
	struct table_list pruned = { 0 };

	pt_prune(space, start, end, &pruned);
	invalidate(space, start.value, end.value - start.value, level, pruned.count != 0);
	pt_give_pruned(space, &pruned);
}

enum map_result pt_unmap(struct space *space, vaddr_t start, vaddr_t end)
{
	struct units units = { .start = start.value, .end = end.value, .broken = BREAK_ALL };
	enum map_result result;

	change_begin(space);
	result = units_clear(space, &units);
	if (result == MAP_OK)
		range_forget(space, start, end, units.level);
	return change_end(space, result);
}

/*
 * The tables that were made last are behind what was mapped, and empty: so they are looked for in
 * all of the range.
 */
enum map_result pt_map(struct space *space, const struct map_request *request)
{
	vaddr_t start = request->start, reached;
	struct units units = { .start = start.value,
			       .broken = BREAK_ALL,
			       .level = TLB_LEVEL_UNKNOWN };
	enum map_result result;

	change_begin(space);
	result = map_until(space, request, &reached);
	if (result != MAP_CONFLICT && result != MAP_NO_TABLES)
		return change_end(space, result);
	units.end = reached.value;
	if (reached.value != start.value)
		(void)units_clear(space, &units);
	range_forget(space, start, request->end, units.level);
	return change_end(space, result);
}

enum map_result pt_clear(struct space *space, vaddr_t start, vaddr_t end)
{
	struct units units = { .start = start.value, .end = end.value, .broken = BREAK_ALL };
	enum map_result result;

	change_begin(space);
	result = units_clear(space, &units);
	if (result == MAP_OK)
		invalidate(space, start.value, end.value - start.value, units.level, false);
	return change_end(space, result);
}

/* In the place of @unit, which was broken, the same with @attr; a run where it can be one. */
static enum map_result unit_map(struct space *space, const struct unit *unit, struct map_attr attr)
{
	struct stretch s = { .slot = unit->slot,
			     .va = unit->va,
			     .pa = unit->info.pa.value,
			     .count = unit->count,
			     .level = unit->level,
			     .empty = true };

	return stretch_map(space, s, attr);
}

/*
 * The descriptors of a run must be alike at all times. Where execution goes, Cortex-A715 may report
 * a fault with the wrong syndrome unless the descriptor was invalid in between (2645198).
 */
static bool unit_breaks(const struct unit *unit, enum mem_prot prot)
{
	return unit->count > 1 || (unit->info.execute && prot != PROT_READ_EXECUTE);
}

static enum map_result range_protect(struct space *space, vaddr_t start, vaddr_t end,
				     enum mem_prot prot)
{
	struct units units = { .start = start.value, .end = end.value, .broken = BREAK_RUNS };
	struct unit unit;
	enum map_result result = units_check(space, &units, &unit);

	for (u64 va = start.value; result == MAP_OK && va != end.value; va += unit.size) {
		struct map_attr attr;
		pte_t pte;

		if (!unit_find(space, vaddr(va), &unit))
			return MAP_NOT_MAPPED;
		attr = (struct map_attr){ prot, unit.info.type };
		pte = pte_leaf(&space->regime, &space->policy, attr, unit.info.pa, unit.level);
		if (unit_breaks(&unit, prot)) {
			unit_break(space, &unit);
			result = unit_map(space, &unit, attr);
		} else {
			slot_edit(unit.slot, pte);
		}
	}
	if (result == MAP_OK)
		invalidate(space, start.value, end.value - start.value, units.level, false);
	return result;
}

enum map_result pt_protect(struct space *space, vaddr_t start, vaddr_t end, enum mem_prot prot)
{
	change_begin(space);
	return change_end(space, range_protect(space, start, end, prot));
}

/* The same leaves, without the hint that binds them. */
static void run_split(struct space *space, const struct unit *unit)
{
	const struct regime *regime = &space->regime;
	pte_t pte = pte_leaf(regime, &space->policy, unit_attr(unit), unit->info.pa, unit->level);

	unit_break(space, unit);
	slots_fill(unit->slot, unit->count, pte, regime_span(regime, unit->level));
	table_count_change(space, unit->slot, (int)unit->count);
	tables_publish();
}

static enum map_result leaf_split(struct space *space, vaddr_t va)
{
	struct stretch leaves = { 0 };
	struct unit unit;
	paddr_t table;

	if (!pt_contains(space, va))
		return MAP_BAD_RANGE;
	if (!unit_find(space, va, &unit))
		return MAP_NOT_MAPPED;
	if (unit.count == 1 && unit.level == LEVEL_PAGE)
		return MAP_SPLIT;
	if (is_live(unit.slot, unit.va, unit.size))
		return MAP_LIVE;
	if (unit.count > 1) {
		run_split(space, &unit);
		return MAP_OK;
	}
	if (!table_create(space, unit.level + 1, &table))
		return MAP_NO_TABLES;
	leaves.slot = slot_at(space, table);
	leaves.va = unit.va;
	leaves.pa = unit.info.pa.value;
	leaves.level = unit.level + 1;
	leaves.count = regime_entries(&space->regime, leaves.level);
	/* The new table is complete before anything is broken: it may lie in what is. */
	(void)stretch_map(space, leaves, unit_attr(&unit));
	unit_break(space, &unit);
	slot_link(unit.slot, pte_table(&space->regime, table));
	table_count_change(space, unit.slot, 1);
	tables_publish();
	return MAP_OK;
}

enum map_result pt_split(struct space *space, vaddr_t va)
{
	change_begin(space);
	return change_end(space, leaf_split(space, va));
}

/* @count descriptors from @slot on are leaves at @level alike, one after the other in memory. */
static bool slots_alike(const struct regime *regime, const struct slot *slot, unsigned count,
			int level)
{
	pte_t first = slot_read(slot);
	u64 pa = pte_address(regime, first, level).value;

	for (unsigned i = 0; i < count; i++) {
		pte_t pte = slot_read(slot + i);
		enum pte_kind kind = pte_kind(regime, pte, level);

		if (!pte_is_leaf(kind))
			return false;
		if (pte_address(regime, pte, level).value != pa + i * regime_span(regime, level) ||
		    pte_attributes(regime, pte_contiguous(pte), level) !=
			    pte_attributes(regime, pte_contiguous(first), level))
			return false;
	}
	return is_aligned(pa, count * regime_span(regime, level));
}

/* @unit, a single leaf, and its neighbours become a run. */
static enum map_result run_merge(struct space *space, struct unit unit)
{
	const struct regime *regime = &space->regime;
	unsigned count = regime_contiguous(regime, unit.level), into;

	if (count == 0)
		return MAP_UNEVEN;
	into = (unit.va >> regime_shift(regime, unit.level)) & (count - 1);
	unit.slot -= into;
	unit.va -= into * unit.size;
	unit.info.pa.value -= into * unit.size;
	unit.size *= count;
	unit.count = count;
	if (!slots_alike(regime, unit.slot, count, unit.level))
		return MAP_UNEVEN;
	if (is_live(unit.slot, unit.va, unit.size))
		return MAP_LIVE;
	unit_break(space, &unit);
	return unit_map(space, &unit, unit_attr(&unit));
}

/* The table that @unit stands in becomes a block in its place. */
static enum map_result block_merge(struct space *space, const struct unit *unit)
{
	const struct regime *regime = &space->regime;
	int level = unit->level - 1;
	struct slot *slot, *first;
	struct pt_entry entry;
	paddr_t table, pa;
	u64 span, va;

	if (unit->level == regime->root_level || !regime_leaf_level(regime, level))
		return MAP_UNEVEN;
	span = regime_span(regime, level);
	va = align_down(unit->va, span);
	entry = pt_descend(space, vaddr(va), level);
	slot = slot_at(space, entry.slot);
	table = pte_address(regime, entry.pte, level);
	first = slot_at(space, table);
	if (!slots_alike(regime, first, regime_entries(regime, unit->level), unit->level))
		return MAP_UNEVEN;
	if (is_live(slot, va, span) || is_live(first, va, span))
		return MAP_LIVE;
	pa = pte_address(regime, slot_read(first), unit->level);
	slot_break(slot);
	invalidate(space, va, span, TLB_LEVEL_UNKNOWN, true);
	slots_fill(slot, 1, pte_leaf(regime, &space->policy, unit_attr(unit), pa, level), 0);
	pool_give(space, table);
	return MAP_OK;
}

static enum map_result leaves_merge(struct space *space, vaddr_t va)
{
	enum map_result result = MAP_UNEVEN;
	struct unit unit;

	if (!pt_contains(space, va))
		return MAP_BAD_RANGE;
	if (!unit_find(space, va, &unit))
		return MAP_NOT_MAPPED;
	if (!unit.info.contiguous)
		result = run_merge(space, unit);
	if (result == MAP_UNEVEN)
		result = block_merge(space, &unit);
	tables_publish();
	return result;
}

enum map_result pt_merge(struct space *space, vaddr_t va)
{
	change_begin(space);
	return change_end(space, leaves_merge(space, va));
}
