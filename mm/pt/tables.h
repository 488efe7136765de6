/* SPDX-License-Identifier: MIT */
/*
 * What the reader, the builder and the changer of tables share: the descent, and how a stretch of
 * one table is filled. For mm/pt only.
 */
#ifndef MM_TABLES_H
#define MM_TABLES_H

#include <pagoda/mm/pt/pagetable.h>
#include <pagoda/mm/pt/slot.h>

/* @entry, at its level: descriptor @index of the table at @table. */
static inline void entry_read(const struct space *space, struct pt_entry *entry, paddr_t table,
			      u64 index)
{
	entry->slot = paddr_add(table, index * sizeof(struct slot));
	entry->pte = slot_read(slot_at(space, entry->slot));
	entry->kind = pte_kind(&space->regime, entry->pte, entry->level);
}

static inline struct pt_entry entry_root(const struct space *space, vaddr_t va)
{
	struct pt_entry entry = { .level = space->regime.root_level };

	entry_read(space, &entry, space->root, regime_index(&space->regime, entry.level, va));
	return entry;
}

/*
 * The one descent: from @entry, which is on the walk of @va, further down through tables, to @level
 * at most. Inline: the builder has no use for table_bits, and no time for what it has no use for.
 */
static inline void entry_descend(const struct space *space, struct pt_entry *entry, vaddr_t va,
				 int level)
{
	const struct regime *regime = &space->regime;
	unsigned bits = regime->granule_shift - 3, shift = regime_shift(regime, entry->level);
	u64 above = 0;

	while (entry->kind == PTE_TABLE && entry->level < level) {
		paddr_t table = pte_next(regime, entry->pte);

		above |= entry->pte.bits;
		entry->level++;
		shift -= bits; /* below the root every table has all of its index */
		entry_read(space, entry, table, va.value >> shift & (BIT(bits) - 1));
	}
	entry->table_bits |= above & ~pte_next_bits(regime);
}

static inline bool lies_in(paddr_t place, paddr_t start, paddr_t end)
{
	return paddr_diff(place, start) < paddr_diff(end, start);
}

/*
 * Where the number of descriptors in @table that are not zero stands; a null pointer where nobody
 * counts them. Whoever writes one where none was, or the other way round, keeps it.
 */
static inline u32 *table_count(const struct space *space, paddr_t table)
{
	const struct table_pool *pool = space->pool;
	unsigned shift = space->regime.granule_shift;

	if (pool->counts_stride == 0)
		return NULL;
	if (lies_in(table, pool->early, pool->end) && pool->early_counts)
		return pool->early_counts + (paddr_diff(table, pool->early) >> shift);
	if (lies_in(table, pool->start, pool->end) || lies_in(table, pool->bare, pool->bare_end))
		return NULL;
	return (u32 *)(uintptr_t)(pool->counts + (table.value >> shift) * pool->counts_stride);
}

/* @change descriptors more that are not zero in the table that @slot is in. */
static inline void table_count_change(const struct space *space, const struct slot *slot,
				      int change)
{
	u32 *count;

	/* The early runtime asks often, and never has one. */
	if (space->pool->counts_stride == 0)
		return;
	count = table_count(space, paddr((u64)(uintptr_t)slot - space->phys_offset));
	if (count)
		*count += (u32)change;
}

/*
 * A table of @level from the pool, its descriptors invalid. Only those that a walk can reach are
 * cleared: a root table need not fill its granule.
 */
bool table_create(struct space *space, int level, paddr_t *table);

/* Tables that no walk from the root reaches any more, but that a TLB may still know of. */
struct table_list {
	paddr_t first; /* each holds the address of the next in its first word; 0 ends the list */
	u32 count;
};

/* A stretch of one table: @count leaves at @level, contiguous in both address spaces. */
struct stretch {
	struct slot *slot;
	u64 va, pa;
	unsigned count;
	int level;
	bool empty; /* nobody can have been there */
};

/* Leaves for all of @s, which must be invalid, with the contiguous hint wherever it can be. */
enum map_result stretch_map(struct space *space, struct stretch s, struct map_attr attr);

/* [@start, @end) is a range of whole pages in @space: MAP_OK or MAP_BAD_RANGE. */
enum map_result pt_range_check(const struct space *space, vaddr_t start, vaddr_t end);

/*
 * What @entry leads to is a table, or the page itself, that pt_share() has made. Who may write that
 * page has it by its name in the linear map, as any other.
 */
static inline bool entry_is_shared(const struct space *space, const struct pt_entry *entry)
{
#if KASAN
	paddr_t next = pte_next(&space->regime, entry->pte);

	if (!space->pool) /* a hypervisor has built it: it is only read */
		return false;
	if (entry->kind == PTE_TABLE)
		return lies_in(next, space->pool->shared, space->pool->shared_end);
	if (entry->kind == PTE_PAGE)
		return next.value == space->pool->shared.value &&
		       space->pool->shared.value != space->pool->shared_end.value &&
		       !pte_decode(&space->regime, entry->pte, entry->level, 0).write;
	return false;
#else
	(void)space;
	(void)entry;
	return false;
#endif
}

/* What must change together: one leaf, or all of a contiguous run. */
struct unit {
	struct slot *slot; /* its first descriptor */
	pte_t pte; /* what stands there */
	struct pte_info info;
	u64 va, size;
	unsigned count; /* descriptors */
	int level;
	u64 table_bits; /* of the tables above: see struct pt_entry */
};

/* The unit that maps @va, which is in @space; false where it is not mapped. */
bool unit_find(const struct space *space, vaddr_t va, struct unit *unit);

/* The same, where what @unit was maps up to @va. */
bool unit_next(const struct space *space, vaddr_t va, struct unit *unit);

/* Make all of its descriptors invalid. */
void unit_clear(const struct space *space, const struct unit *unit);

/* Whether the descriptor at @slot is reached through what [@start, @start + @size) maps. */
static inline bool is_live(const struct slot *slot, u64 start, u64 size)
{
	return (u64)(uintptr_t)slot - start < size;
}

/* What of a range is not mapped while descriptors of it are still to be written. */
enum units_break {
	BREAK_RUNS, /* each contiguous run, and what may lose execution, in its turn */
	BREAK_ALL,
};

/* A range that is to change, and what units_check() finds. */
struct units {
	u64 start, end;
	enum units_break broken;
	int level; /* units_check(): of all leaves, TLB_LEVEL_UNKNOWN where they differ */
};

/*
 * units_check() - MAP_OK, and the first of them, where @units consists of whole units and none
 * holds what must be written when it is broken: else MAP_BAD_RANGE, MAP_NOT_MAPPED, MAP_SPLIT or
 * MAP_LIVE.
 * units_clear() - the same, and then make every leaf invalid.
 */
enum map_result units_check(const struct space *space, struct units *units, struct unit *first);
enum map_result units_clear(struct space *space, struct units *units);

/*
 * pt_prune() - take every table that translates part of [@start, @end) and holds no valid
 * descriptor out of the tree, and put it on @pruned, which was {0}. The root stays.
 * pt_give_pruned() - back to the pool with them, after the caller has invalidated the TLB for that
 * range, tables included.
 */
void pt_prune(struct space *space, vaddr_t start, vaddr_t end, struct table_list *pruned);
void pt_give_pruned(struct space *space, struct table_list *pruned);

#endif /* MM_TABLES_H */
