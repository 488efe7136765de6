// SPDX-License-Identifier: MIT
/*
 * Tables that have become empty go back to the pool.
 * Runs in the kernel with the MMU on, and on the host. May not use: absolute addresses,
 * instructions a host compiler cannot build.
 */
#include <pagoda/pagetable.h>

static u64 *word_at(const struct pt_space *space, paddr_t pa)
{
	return (u64 *)(uintptr_t)(pa.value + space->phys_offset);
}

static bool table_is_empty(const struct pt_space *space, paddr_t table, int level)
{
	const u64 *slot = word_at(space, table);

	for (unsigned i = regime_entries(&space->regime, level); i > 0; i--, slot++)
		if (pte_kind(&space->regime, (pte_t){ *slot }, level) != PTE_INVALID)
			return false;
	return true;
}

/*
 * The walk for @va down to @level: the descriptor there. False where it ends above, in a block or a
 * hole at the level in @ended.
 */
static bool slot_reach(const struct pt_space *space, vaddr_t va, int level, paddr_t *slot,
		       int *ended)
{
	const struct regime *regime = &space->regime;
	paddr_t table = space->root;

	for (*ended = regime->root_level;; ++*ended) {
		pte_t pte = pt_step(space, table, *ended, va);

		*slot = paddr(table.value + regime_index(regime, *ended, va) * sizeof(u64));
		if (*ended == level)
			return true;
		if (pte_kind(regime, pte, *ended) != PTE_TABLE)
			return false;
		table = pte_address(regime, pte, *ended);
	}
}

/*
 * A walker that still knows of the table reads the link as a descriptor: an address aligned to the
 * granule has bit 0 clear, and so is an invalid one, as what it replaces.
 */
static void table_prune(struct pt_space *space, paddr_t slot, int level, struct table_list *pruned)
{
	pte_t pte = { *word_at(space, slot) };
	paddr_t table = pte_address(&space->regime, pte, level);

	if (pte_kind(&space->regime, pte, level) != PTE_TABLE ||
	    !table_is_empty(space, table, level + 1))
		return;
	__atomic_store_n(word_at(space, slot), 0, __ATOMIC_RELAXED);
	__atomic_store_n(word_at(space, table), pruned->first.value, __ATOMIC_RELAXED);
	pruned->first = table;
	pruned->count++;
}

/* Lowest tables first, since the ones above may become empty by that. */
void pt_prune(struct pt_space *space, vaddr_t start, vaddr_t end, struct table_list *pruned)
{
	const struct regime *regime = &space->regime;

	for (int level = LEVEL_PAGE - 1; level >= regime->root_level; level--) {
		u64 va = start.value, span;

		do {
			paddr_t slot;
			int ended;

			if (slot_reach(space, vaddr(va), level, &slot, &ended))
				table_prune(space, slot, level, pruned);
			span = regime_span(regime, ended);
			va = align_down(va, span) + span;
		} while (va - 1 < end.value - 1);
	}
}

void pt_give_pruned(struct pt_space *space, struct table_list *pruned)
{
	while (pruned->count > 0) {
		paddr_t table = pruned->first;

		pruned->first = paddr(*word_at(space, table));
		pruned->count--;
		pool_give(space, table);
	}
}
