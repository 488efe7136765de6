// SPDX-License-Identifier: MIT
/*
 * The counts of descriptors in tables, made and checked from the tables themselves.
 * Runs in the kernel with the MMU on, and on the host. May not use: absolute addresses, .bss,
 * instructions a host compiler cannot build.
 */
#include "tables.h"

static u32 used_in(const struct space *space, paddr_t table, int level)
{
	const struct slot *slots = slot_at(space, table);
	unsigned entries = regime_entries(&space->regime, level);
	u32 used = 0;

	for (unsigned i = 0; i < entries; i++) {
		i += slots_follow(slots + i, entries - i, (pte_t){ 0 }, 0);
		used += i < entries;
	}
	return used;
}

/* Whether the count of @table is right; where @repair, it is made so. */
static bool count_agrees(const struct space *space, paddr_t table, int level, bool repair)
{
	u32 *count = table_count(space, table), used;

	if (!count)
		return true;
	used = used_in(space, table, level);
	if (repair)
		*count = used;
	return *count == used;
}

/* Of the tables of @level that translate part of [@start, @end). */
static bool level_agrees(const struct space *space, int level, u64 start, u64 end, bool repair)
{
	const struct regime *regime = &space->regime;
	bool agree = true;

	do {
		struct pt_entry entry = pt_descend_own(space, vaddr(start), level - 1);
		u64 span = regime_span(regime, entry.level);
		unsigned index = regime_index(regime, entry.level, vaddr(start));
		unsigned rest = regime_entries(regime, entry.level) - 1 - index;
		const struct slot *next = slot_at(space, entry.slot) + 1;

		/* Shared tables have no counts: they were there before. */
		if (entry.kind == PTE_TABLE && !(KASAN && entry.level < level - 1))
			agree &= count_agrees(space, pte_next(regime, entry.pte), level, repair);
		start = align_down(start, span) +
			span * (1 + slots_follow(next, rest, (pte_t){ 0 }, 0));
	} while (start - 1 < end - 1);
	return agree;
}

static bool range_agrees(const struct space *space, vaddr_t start, vaddr_t end, bool repair)
{
	bool agree = true;

	for (int level = space->regime.root_level + 1; level <= LEVEL_PAGE; level++)
		agree &= level_agrees(space, level, start.value, end.value, repair);
	return agree;
}

void pt_count(struct space *space, vaddr_t start, vaddr_t end)
{
	(void)range_agrees(space, start, end, true);
}

bool pt_counts_agree(const struct space *space, vaddr_t start, vaddr_t end)
{
	return range_agrees(space, start, end, false);
}
