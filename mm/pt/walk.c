// SPDX-License-Identifier: MIT
/*
 * The one reader of translation tables.
 * Runs in the early runtime with the MMU off, in the kernel with the MMU on, and on the host. May
 * not use: absolute addresses, .bss, instructions a host compiler cannot build.
 */
#include "tables.h"

struct pt_entry pt_descend(const struct space *space, vaddr_t va, int level)
{
	struct pt_entry entry = entry_root(space, va);

	entry_descend(space, &entry, va, level);
	return entry;
}

#if KASAN
struct pt_entry pt_descend_shared(const struct space *space, vaddr_t va, int level)
{
	struct pt_entry entry = entry_root(space, va);

	while (entry.kind == PTE_TABLE && entry.level < level && !entry_is_shared(space, &entry))
		entry_descend(space, &entry, va, entry.level + 1);
	return entry;
}
#endif

bool pt_translate(const struct space *space, vaddr_t va, paddr_t *pa)
{
	struct pt_entry entry;

	if (!pt_contains(space, va))
		return false;
	entry = pt_find(space, va);
	if (!pte_is_leaf(entry.kind))
		return false;
	*pa = pte_address(&space->regime, entry.pte, entry.level);
	pa->value += va.value & (regime_span(&space->regime, entry.level) - 1);
	return true;
}
