// SPDX-License-Identifier: MIT
/*
 * The one builder of translation tables.
 * Runs in the early runtime with the MMU off, in the kernel with the MMU on, and on the host. May
 * not use: absolute addresses, .bss, instructions a host compiler cannot build.
 *
 * Descriptors are written with single 64-bit stores. A new table is zero before the release store
 * that links it, so a table walker running at the same time never sees old memory as descriptors.
 */
#include "tables.h"

/*
 * A run of neighbouring descriptors is written by adding the span to the first one. That carries
 * across the whole of OA[47:12] in every format but not into the high bits that DESC_64K_LPA and
 * DESC_LPA2 keep elsewhere, so a run ends where bit 48 of the physical address changes.
 */
#define RUN_PA_LIMIT BIT(48)

enum map_result pt_space_create(struct space *space)
{
	if (!table_create(space, space->regime.root_level, &space->root))
		return MAP_NO_TABLES;
	return MAP_OK;
}

/* A table below @entry, where there is none. */
static enum map_result table_make(struct space *space, struct pt_entry *entry)
{
	struct table_pool *pool = space->pool;
	paddr_t table;

	if (!table_create(space, entry->level + 1, &table))
		return MAP_NO_TABLES;
	pool->untouched = table;
	pool->untouched_end = paddr_add(table, regime_granule(&space->regime));
	entry->kind = PTE_TABLE;
	entry->pte = pte_table(&space->regime, table);
	slot_link(slot_at(space, entry->slot), entry->pte);
	table_count_change(space, slot_at(space, entry->slot), 1);
	return MAP_OK;
}

/* Whether nobody can have been in @count slots from @place on. From now on somebody has. */
static bool untouched_take(struct table_pool *pool, paddr_t place, unsigned count)
{
	paddr_t end = paddr_add(place, count * sizeof(struct slot));
	bool untouched = paddr_diff(place, pool->untouched) <
			 paddr_diff(pool->untouched_end, pool->untouched);

	/* The end of that table may be where another begins, of which nothing is known. */
	if (untouched || paddr_diff(pool->untouched, place) < paddr_diff(end, place))
		pool->untouched = untouched ? end : pool->untouched_end;
	return untouched;
}

/* To the slot at @s->level for @s->va, its table and those above made where they are missing. */
static enum map_result table_reach(struct space *space, struct stretch *s, paddr_t *place)
{
	struct pt_entry entry = entry_root(space, vaddr(s->va));
	enum map_result result = MAP_OK;

	while (result == MAP_OK) {
		entry_descend(space, &entry, vaddr(s->va), s->level);
		if (entry.level == s->level)
			break;
		if (entry.kind != PTE_INVALID)
			return MAP_CONFLICT;
		result = table_make(space, &entry);
	}
	*place = entry.slot;
	s->slot = slot_at(space, entry.slot);
	return result;
}

/* The lowest-numbered level, so the largest leaf, that alignment and what is left allow. */
static int leaf_level(const struct regime *regime, u64 va, u64 pa, u64 left)
{
	int level = regime->root_level > regime->block_level ? regime->root_level :
							       regime->block_level;

	while (level < LEVEL_PAGE && (!is_aligned(va | pa, regime_span(regime, level)) ||
				      left < regime_span(regime, level)))
		level++;
	return level;
}

/* Leaves of @s up to the next place where a contiguous run can begin or must end. */
static unsigned stretch_piece(const struct regime *regime, const struct stretch *s,
			      bool *contiguous)
{
	unsigned run = regime_contiguous(regime, s->level);
	unsigned shift = regime_shift(regime, s->level);
	unsigned into;

	*contiguous = false;
	if (run == 0 || !is_aligned(s->va - s->pa, (u64)run << shift))
		return s->count;
	into = (s->va >> shift) & (run - 1);
	if (into == 0 && s->count >= run) {
		*contiguous = true;
		return s->count & ~(run - 1);
	}
	return into != 0 && s->count > run - into ? run - into : s->count;
}

enum map_result stretch_map(struct space *space, struct stretch s, struct map_attr attr)
{
	const struct regime *regime = &space->regime;

	if (!s.empty && slots_used(s.slot, s.count))
		return MAP_CONFLICT;
	table_count_change(space, s.slot, (int)s.count);
	while (s.count > 0) {
		bool contiguous;
		unsigned piece = stretch_piece(regime, &s, &contiguous);
		u64 span = regime_span(regime, s.level);
		pte_t pte = pte_leaf(regime, &space->policy, attr, paddr(s.pa), s.level);

		slots_fill(s.slot, piece, contiguous ? pte_contiguous(pte) : pte, span);
		s.slot += piece;
		s.va += piece * span;
		s.pa += piece * span;
		s.count -= piece;
	}
	return MAP_OK;
}

enum map_result pt_range_check(const struct space *space, vaddr_t start, vaddr_t end)
{
	vaddr_t last = vaddr(end.value - 1);

	if (!is_aligned(start.value | end.value, regime_granule(&space->regime)) ||
	    !pt_contains(space, start) || !pt_contains(space, last) || last.value < start.value)
		return MAP_BAD_RANGE;
	return MAP_OK;
}

static enum map_result request_check(const struct space *space, const struct map_request *request)
{
	u64 size = vaddr_diff(request->end, request->start);
	u64 pa_end = regime_pa_end(&space->regime);

	if (!is_aligned(request->pa.value, regime_granule(&space->regime)))
		return MAP_BAD_RANGE;
	if (pt_range_check(space, request->start, request->end) != MAP_OK)
		return MAP_BAD_RANGE;
	if (request->pa.value >= pa_end || size > pa_end - request->pa.value)
		return MAP_UNREACHABLE;
	return MAP_OK;
}

enum map_result map_until(struct space *space, const struct map_request *request, vaddr_t *reached)
{
	const struct regime *regime = &space->regime;
	u64 left = vaddr_diff(request->end, request->start);
	u64 va = request->start.value;
	u64 pa = request->pa.value;
	enum map_result result = request_check(space, request);

	while (result == MAP_OK && left > 0) {
		struct stretch s = { .va = va, .pa = pa };
		unsigned index, shift;
		paddr_t place;
		u64 pa_left;

		s.level = leaf_level(regime, va, pa, left);
		result = table_reach(space, &s, &place);
		if (result != MAP_OK)
			break;
		/*
		 * Stay in this table as long as it lasts: only at its end can a larger leaf
		 * become possible.
		 */
		shift = regime_shift(regime, s.level);
		index = regime_index(regime, s.level, vaddr(va));
		pa_left = RUN_PA_LIMIT - (pa & (RUN_PA_LIMIT - 1));
		s.count = min_u64(regime_entries(regime, s.level) - index,
				  min_u64(left, pa_left) >> shift);
		s.empty = untouched_take(space->pool, place, s.count);
		result = stretch_map(space, s, request->attr);
		if (result != MAP_OK)
			break;
		va += (u64)s.count << shift;
		pa += (u64)s.count << shift;
		left -= (u64)s.count << shift;
	}
	*reached = vaddr(va);
	return result;
}
