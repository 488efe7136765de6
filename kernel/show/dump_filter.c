// SPDX-License-Identifier: MIT
/*
 * What of the live page tables is to be shown.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/show/dump.h>

#include "parts.h"

bool dump_filter_passes(const struct dump_filter *filter, const struct pt_run *run)
{
	const struct pte_info *info = &run->info;

	bool shared = KASAN && run->kind == PTE_TABLE;

	if ((!pte_is_leaf(run->kind) && !shared) ||
	    (filter->has_level && run->level != filter->level))
		return false;
	if (filter->writable_executable && !(info->write && pte_executes(info)))
		return false;
	return !filter->has_permissions ||
	       (info->write == filter->write && pte_executes(info) == filter->execute);
}

bool dump_filter_range(const struct dump_filter *filter, const struct space *space, vaddr_t *start,
		       vaddr_t *end)
{
	u64 first = pt_start(space).value, last = pt_end(space).value - 1;

	if (filter->has_range) {
		if (filter->start.value > first)
			first = filter->start.value;
		last = min_u64(last, filter->end.value - 1);
	}
	*start = vaddr(first);
	*end = vaddr(last + 1);
	return first <= last;
}
