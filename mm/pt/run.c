// SPDX-License-Identifier: MIT
/*
 * Loops over the reader of translation tables: runs of what is mapped alike, and their audit.
 * Runs in the kernel with the MMU on, and on the host. May not use: absolute addresses, .bss,
 * instructions a host compiler cannot build.
 */
#include "tables.h"

/* Whether @next, @distance bytes further on, continues the run that @first began. */
static bool run_continues(const struct regime *regime, const struct pt_entry *first,
			  const struct pt_entry *next, u64 distance)
{
	u64 pa;

	if (next->level != first->level || next->kind != first->kind)
		return false;
	if (first->kind == PTE_INVALID)
		return true;
	if (pte_attributes(regime, next->pte, next->level) !=
		    pte_attributes(regime, first->pte, first->level) ||
	    next->table_bits != first->table_bits)
		return false;
	pa = pte_address(regime, first->pte, first->level).value;
	return pte_address(regime, next->pte, next->level).value == pa + distance;
}

/* The same where @first leads to shared tables, or their page: all of it is one. */
static bool shared_continues(const struct pt_entry *first, const struct pt_entry *next)
{
	return next->pte.bits == first->pte.bits && next->level == first->level &&
	       next->table_bits == first->table_bits;
}

/*
 * The entry after @entry, which stands at @va - span: in the same table where there is one, found
 * from the root otherwise. Tables are long and mostly uniform; a walk for every entry would cost
 * five times as much.
 */
static struct pt_entry entry_after(const struct space *space, const struct pt_entry *entry,
				   vaddr_t va)
{
	const struct regime *regime = &space->regime;
	struct pt_entry next = *entry;

	if (regime_index(regime, entry->level, va) == 0)
		return pt_find_own(space, va);
	next.slot = paddr_add(next.slot, sizeof(struct slot));
	next.pte = slot_read(slot_at(space, next.slot));
	next.kind = pte_kind(regime, next.pte, next.level);
	return next.kind == PTE_TABLE ? pt_find_own(space, va) : next;
}

/*
 * How many entries after @entry, in its table, go on with what it begins, by their bits alone: most
 * tables are one thing from end to end, and to ask for each what its bits mean takes ten times as
 * long. Those not counted may go on all the same.
 */
static u64 entries_alike(const struct space *space, const struct pt_entry *entry, vaddr_t va)
{
	const struct regime *regime = &space->regime;
	unsigned last = regime_entries(regime, entry->level) - 1;
	unsigned count = last - regime_index(regime, entry->level, va);
	u64 step = entry->kind == PTE_INVALID ? 0 : regime_span(regime, entry->level);
	u64 pa = pte_address(regime, entry->pte, entry->level).value;

	if (KASAN && entry_is_shared(space, entry))
		step = 0;
	/* No carry may leave the address as it stands in a descriptor, up to bit 47 or 49. */
	if (step != 0 && (pa ^ (pa + count * step)) >> 48 != 0)
		return 0;
	return slots_follow(slot_at(space, entry->slot) + 1, count, entry->pte, step);
}

/* The run at @from, where the walk ends at @next: that becomes where the walk of its end ends. */
static struct pt_run run_take(const struct space *space, struct pt_entry *next, vaddr_t from,
			      vaddr_t end)
{
	const struct regime *regime = &space->regime;
	struct pt_entry first = *next, entry = first;
	u64 span = regime_span(regime, first.level);
	u64 start = align_down(from.value, span);
	u64 va = start;
	struct pt_run run = {
		.start = from, .level = first.level, .kind = first.kind, .pte = first.pte
	};

	/* end - 1 is the last byte even where end is 2^64 and has wrapped to 0. */
	do {
		u64 alike = entries_alike(space, &entry, vaddr(va));

		entry.slot = paddr_add(entry.slot, alike * sizeof(struct slot));
		va += span * (1 + alike);
		if (va - 1 >= end.value - 1)
			break;
		entry = entry_after(space, &entry, vaddr(va));
	} while (KASAN && entry_is_shared(space, &first) ?
			 shared_continues(&first, &entry) :
			 run_continues(regime, &first, &entry, va - start));
	*next = entry;
	run.end = vaddr(va - 1 >= end.value - 1 ? end.value : va);
	if (KASAN && entry_is_shared(space, &first)) {
		first = pt_find(space, from);
		run.info = pte_decode(regime, first.pte, first.level, first.table_bits);
	} else if (run.kind != PTE_INVALID) {
		run.info = pte_decode(regime, first.pte, first.level, first.table_bits);
		run.info.pa.value += from.value - start;
	}
	return run;
}

struct pt_run pt_next_run(const struct space *space, vaddr_t from, vaddr_t end)
{
	struct pt_entry entry = pt_find_own(space, from);

	return run_take(space, &entry, from, end);
}

void pt_audit_run(struct pt_audit *audit, const struct pt_run *run)
{
	/* A link to a shared table says what is below it as a leaf does. */
	bool link = KASAN && run->kind == PTE_TABLE;

	if (!pte_is_leaf(run->kind) && !link)
		return;
	audit->runs++;
	if (!link)
		audit->mapped += vaddr_diff(run->end, run->start);
	if (!run->info.write || !pte_executes(&run->info))
		return;
	if (audit->writable_executable++ == 0)
		audit->first_offender = run->start;
}

struct pt_audit pt_audit_space(const struct space *space)
{
	struct pt_audit audit = { 0 };
	vaddr_t va = pt_start(space);
	vaddr_t end = pt_end(space);
	struct pt_entry entry = pt_find_own(space, va);

	do {
		struct pt_run run = run_take(space, &entry, va, end);

		pt_audit_run(&audit, &run);
		va = run.end;
	} while (va.value != end.value);
	return audit;
}
