// SPDX-License-Identifier: MIT
/*
 * The worst TLB that the architecture allows: it walks at any time through every valid path of
 * every root in use, keeps each descriptor that it has met, those of tables too, until it is told
 * to forget it, and has what it had before entry. Each CPU has one, and what one forgets is the
 * others' only where it is told to all (inner shareable), by a DSB that waits for all. Source: DDI
 * 0487 D8.14 ("Using break-before-make when updating translation table entries"), D8.14.1 to
 * D8.14.6 (TLB maintenance), C5.5 (TLBI operands).
 */
#include <stdlib.h>
#include <string.h>

#include "judge.h"

/* A root that is, or may be remembered as, in use; a bit for each CPU. */
struct root {
	struct half half;
	u32 live; /* in use now */
	u32 held; /* a TLB may have entries of it */
	u32 issued[CPUS_MOST]; /* a TLBI of this CPU, and no DSB of it, is about these CPUs */
	bool shares; /* tables of another root, which other CPUs use */
	place_t by;
	struct root *next;
};

struct table {
	u64 pa, va, last; /* the addresses that it is reached at, first and last */
	int level;
	unsigned entries;
	struct root *root;
	bool linked;
	bool many; /* it is reached at more than one place */
	struct table *next;
};

/* A descriptor that a TLB may still have, though it is no longer what stands there. */
struct gone {
	u64 slot, old, va, last;
	int level;
	bool table, narrowed;
	bool everywhere; /* only what covers all of va to last ends it */
	u32 held; /* whose TLB may have it, a bit for each CPU */
	u32 issued[CPUS_MOST]; /* as in struct root */
	bool misdirected; /* a TLBI for its address was not of its kind */
	bool local; /* a TLBI or DSB for it was of one CPU only */
	enum {
		STAGE2_HELD,
		STAGE2_ISSUED, /* a TLBI by IPA: stage 2's own entry goes with the next DSB */
		STAGE2_DONE, /* what combines both stages is still there */
	} stage2;
	u8 cpu; /* that changed it */
	struct root *root;
	place_t by;
	u32 time;
	const char *missed; /* why a TLBI for its address did not count */
};

/* A descriptor that a walk need not see yet. */
struct news {
	u64 slot;
	u32 time;
	place_t by;
	bool visible;
	u8 cpu; /* that made it */
};

static struct root *roots;
static struct table *tables;
static struct gone *gone;
static size_t gone_count, gone_room;
static struct news *news;
static size_t news_count, news_room;

/* What the TLBs may have from before the Image, by exception level. */
enum before {
	BEFORE_POSSIBLE,
	BEFORE_ISSUED,
	BEFORE_COMPLETE,
	BEFORE_NONE
};
static enum before all_before[CPUS_MOST][REGIMES];
static const char *before_missed[CPUS_MOST][REGIMES];

static void *grow(void *items, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return items;
	*room = *room ? *room * 2 : 256;
	items = realloc(items, *room * size);
	if (items == NULL)
		cannot_judge("no memory for descriptors");
	return items;
}

static u32 issued_for(const u32 issued[CPUS_MOST])
{
	u32 all = 0;

	for (unsigned i = 0; i < CPUS_MOST; i++)
		all |= issued[i];
	return all;
}

/*
 * The CPUs that what the one at hand has told to forget is forgotten by, once it executes a DSB:
 * itself, and the others where the DSB waits for them.
 */
static u32 complete(u32 issued[CPUS_MOST], bool for_all)
{
	u32 done = issued[now.cpu] & (for_all ? ~0u : cpu_bit());

	issued[now.cpu] &= ~done;
	for (unsigned i = 0; i < CPUS_MOST; i++)
		issued[i] &= ~done;
	return done;
}

static u64 span(const struct root *root, int level)
{
	return BIT(half_shift(&root->half, level));
}

static struct table *table_at(u64 pa)
{
	struct table *table = memory_has(pa) ? memory_page(pa)->table : NULL;

	return table != NULL && pa - table->pa < table->entries * 8ul ? table : NULL;
}

static void table_mark(struct table *table, struct table *mark)
{
	for (u64 pa = table->pa; pa < table->pa + table->entries * 8ul; pa += PAGE)
		memory_page(pa)->table = mark;
}

static void table_forget(struct table *table)
{
	struct table **at = &tables;

	while (*at != table)
		at = &(*at)->next;
	*at = table->next;
	if (memory_page(table->pa)->table == table)
		table_mark(table, NULL);
	free(table);
}

static u64 read_slot(u64 slot)
{
	u64 pte;

	if (!memory_read(slot, 8, &pte))
		cannot_judge("what is in the table entry at 0x%lx is not known",
			     (unsigned long)slot);
	return pte;
}

/* ---- contiguous groups: D8.6.1 ---- */

#define CONTIGUOUS BIT(52)
#define NOT_ALIKE (BIT(55) | BIT(56) | BIT(57) | BIT(58)) /* software's */

/* All that is valid in the group of @slot is alike, or nothing in it has the hint. */
static void judge_group(const struct table *table, u64 slot)
{
	const struct half *half = &table->root->half;
	unsigned count = half_contiguous(half, table->level);
	unsigned index = (unsigned)((slot - table->pa) / 8), first;
	u64 pte = read_slot(slot), size = span(table->root, table->level);

	if (count == 0 || !half_is_leaf(half, pte, table->level))
		return;
	first = index & ~(count - 1);
	if (pte & CONTIGUOUS)
		looked_at(RULE_T2);
	for (unsigned i = first; i < first + count && i < table->entries; i++) {
		u64 other = read_slot(table->pa + i * 8ul), moved = (u64)((s64)i - index) * size;

		if (i == index || !half_is_leaf(half, other, table->level) ||
		    !((pte | other) & CONTIGUOUS))
			continue;
		if (half_output(half, other, table->level) ==
			    half_output(half, pte, table->level) + moved &&
		    ((other ^ pte) & (CONTIGUOUS | 0xffe0000000000fffull) & ~NOT_ALIKE) == 0)
			continue;
		violation(RULE_T2, slot, memory_page(slot)->storer,
			  "two members of one contiguous group are valid and not alike: "
			  "0x%016lx here, 0x%016lx at 0x%lx",
			  (unsigned long)pte, (unsigned long)other,
			  (unsigned long)(table->pa + i * 8ul));
		return;
	}
}

/* ---- trees ---- */

/*
 * All entries of @table say the same: it means that at no address in particular, so it can stand at
 * many.
 */
static bool is_uniform(const struct table *table)
{
	u64 first = read_slot(table->pa);

	for (unsigned i = 1; i < table->entries; i++)
		if (read_slot(table->pa + i * 8ul) != first)
			return false;
	return half_stands(&table->root->half, first, table->level);
}

/* @table, and what is below it, is reached at @va, too. */
static void table_reached(struct table *table, u64 va)
{
	u64 last = va + table->entries * span(table->root, table->level) - 1;

	while (table != NULL) {
		u64 pte = read_slot(table->pa);

		table->many = true;
		table->va = va < table->va ? va : table->va;
		table->last = last > table->last ? last : table->last;
		table = half_is_table(pte, table->level) ?
				table_at(half_output(&table->root->half, pte, table->level)) :
				NULL;
	}
}

/* A table that is to be reached a second way. Whether it can be. */
static bool judge_second_way(struct table *old, const struct root *root, int level, u64 va)
{
	looked_at(RULE_T11);
	if (old->root == root && old->level == level && is_uniform(old)) {
		table_reached(old, va);
		return true;
	}
	if (old->root->live || old->root != root)
		violation(
			RULE_T11, old->pa, memory_page(old->pa)->storer,
			"one table at level %d for two addresses, 0x%lx and 0x%lx: an invalidation "
			"for one leaves the other",
			old->level, (unsigned long)old->va, (unsigned long)va);
	return false;
}

/* When the stores of @cpu were last complete for walks, or in order: its barriers, and those of
 * who has seen its stores. */
static u32 stores_complete(unsigned cpu)
{
	return later(now.orders[cpu].dsb_stores, order()->dsb_stores);
}

static u32 stores_ordered(unsigned cpu)
{
	return later(now.orders[cpu].barrier_stores, order()->barrier_stores);
}

/* What a table walk will read was stored, and is complete: else @rule. */
static void judge_visible(const struct root *root, u64 pa, unsigned size, bool is_root)
{
	enum rule rule = is_root ? RULE_S4 : RULE_T4;

	for (u64 at = pa; at < pa + size; at += PAGE) {
		const struct page *page = memory_page(at);

		if (page->stored >
		    (is_root ? stores_complete(page->stored_by) : stores_ordered(page->stored_by)))
			violation(rule, at, page->storer,
				  is_root ? "a root in use whose tables no DSB has completed" :
					    "a table linked before what is in it is visible: no "
					    "store-release, DMB or DSB between");
	}
	cache_walk(pa, size, root->half.walk_cached);
}

/*
 * A table that another CPU's root leads to, at the same address: no TLB has both ways, and what is
 * said to forget one is about the other.
 */
static bool is_shared(const struct table *old, const struct root *root, int level, u64 va)
{
	return old->root != root && old->va == va && old->level == level &&
	       old->root->half.el == root->half.el &&
	       ((old->root->live | old->root->held) & (root->live | root->held)) == 0;
}

/* Whose TLBs may have what is below @root. */
static u32 holders(const struct root *root)
{
	u32 mask = root->live | root->held;

	for (const struct root *other = roots; other != NULL; other = other->next)
		if (other->shares && other->half.el == root->half.el &&
		    other->half.upper == root->half.upper)
			mask |= other->live | other->held;
	return mask ? mask : cpu_bit();
}

static void tree_add(struct root *root, u64 pa, int level, u64 va, bool by_root)
{
	unsigned entries = half_entries(&root->half, level);
	struct table *table, *old;

	if (!half_fits(&root->half, pa))
		return;
	if (!memory_has(pa) || !memory_has(pa + entries * 8ul - 1)) {
		violation(RULE_T4, va, now.place,
			  "a table outside RAM, at 0x%lx: a walk may read it "
			  "at any time",
			  (unsigned long)pa);
		return;
	}
	old = memory_page(pa)->table;
	if (old != NULL && old->linked && is_shared(old, root, level, va)) {
		root->shares = true;
		return;
	}
	if (old != NULL && old->linked && judge_second_way(old, root, level, va))
		return;
	if (old != NULL)
		table_forget(old);
	judge_visible(root, pa, entries * 8, by_root);
	table = malloc(sizeof(*table));
	if (table == NULL)
		cannot_judge("no memory for a table");
	*table = (struct table){ .pa = pa,
				 .va = va,
				 .last = va + entries * span(root, level) - 1,
				 .level = level,
				 .entries = entries,
				 .root = root,
				 .linked = true,
				 .next = tables };
	tables = table;
	table_mark(table, table);
	lock_table_new(pa);
	casemate_table(pa, entries * 8ul, root->half.root);
	for (unsigned i = 0; i < entries; i++) {
		u64 pte = read_slot(pa + i * 8ul);

		if (half_is_table(pte, level))
			tree_add(root, half_output(&root->half, pte, level), level + 1,
				 va + i * span(root, level), by_root);
		else if (pte & CONTIGUOUS)
			judge_group(table, pa + i * 8ul);
		if (pte != 0)
			casemate_write(pa + i * 8ul, pte, false);
	}
}

static void news_add(u64 slot)
{
	news = grow(news, news_count, &news_room, sizeof(*news));
	news[news_count++] = (struct news){ slot, now.time, now.place, false, (u8)now.cpu };
}

static void gone_add(const struct table *table, u64 slot, u64 old, bool narrowed)
{
	u64 size = span(table->root, table->level), va = table->va + (slot - table->pa) / 8 * size;

	gone = grow(gone, gone_count, &gone_room, sizeof(*gone));
	gone[gone_count++] = (struct gone){ .slot = slot,
					    .old = old,
					    .va = table->many ? table->va : va,
					    .last = table->many ? table->last : va + size - 1,
					    .everywhere = table->many,
					    .level = table->level,
					    .table = half_is_table(old, table->level),
					    .narrowed = narrowed,
					    .held = holders(table->root),
					    .cpu = (u8)now.cpu,
					    .root = table->root,
					    .by = now.place,
					    .time = now.time };
}

/*
 * All that was reached through the descriptor @old of @table, the last that went, may still
 * be in a TLB. Of a table that is reached otherwise, too, nothing goes: what a TLB has of it by
 * @old is all of the addresses there.
 */
static void tree_remove(const struct table *table, u64 old)
{
	struct table *below = table_at(half_output(&table->root->half, old, table->level));

	if (below == NULL || !below->linked)
		return;
	if (below->many) {
		gone[gone_count - 1].everywhere = true;
		return;
	}
	below->linked = false;
	for (unsigned i = 0; i < below->entries; i++) {
		u64 pte = read_slot(below->pa + i * 8ul);

		if (!half_stands(&below->root->half, pte, below->level))
			continue;
		gone_add(below, below->pa + i * 8ul, pte, false);
		if (half_is_table(pte, below->level))
			tree_remove(below, pte);
	}
}

/* ---- stores to descriptors ---- */

static struct gone *gone_find(u64 slot)
{
	for (size_t i = gone_count; i-- > 0;)
		if (gone[i].slot == slot)
			return &gone[i];
	return NULL;
}

static const char *gone_missing(const struct gone *item)
{
	if ((item->held & ~issued_for(item->issued)) == 0)
		return "no DSB has completed the TLBI for it";
	if (item->missed != NULL)
		return item->missed;
	if (item->stage2 == STAGE2_ISSUED)
		return "no DSB after the TLBI of stage 2";
	if (item->stage2 == STAGE2_DONE)
		return "no TLBI of both stages together, and DSB, since that of stage 2";
	if (item->time > stores_complete(item->cpu))
		return "no DSB, TLBI and DSB since";
	return "no TLBI that covers it, and DSB, since";
}

/* Of what is left of stage 2 it is T8 that is broken. */
static enum rule gone_made_rule(const struct gone *item)
{
	if (item->root->half.el == STAGE2)
		return RULE_T8;
	return item->local ? RULE_T7 : RULE_T3;
}

static enum rule gone_rule(const struct gone *item)
{
	if (item->root->half.el == STAGE2)
		return RULE_T8;
	if (item->local)
		return RULE_T7;
	return item->misdirected && issued_for(item->issued) == 0 ? RULE_T6 : RULE_T3;
}

/* D8.14.1: what must not change while the old may be remembered; FEAT_BBM is not asked for. */
static const char *needs_break(const struct table *table, u64 old, u64 value)
{
	const struct half *half = &table->root->half;
	int level = table->level;

	if (half_is_table(old, level) != half_is_table(value, level))
		return "a table and a block";
	if (half_output(half, old, level) != half_output(half, value, level))
		return "output addresses";
	if (half_is_table(old, level))
		return NULL;
	if ((old ^ value) & CONTIGUOUS)
		return "the contiguous hint";
	if (half_attributes(half, old) != half_attributes(half, value))
		return "memory types";
	if (!half->ds && bits(old ^ value, 9, 8) != 0)
		return "shareability";
	if (half->el == STAGE2)
		return NULL;
	return !(old & BIT(11)) && (value & BIT(11)) ? "nG from 0 to 1" : NULL;
}

static void judge_make(const struct table *table, u64 slot, u64 value)
{
	const struct half *half = &table->root->half;
	const struct gone *item = gone_find(slot);
	u64 start = half_output(half, value, table->level), end;

	if (item != NULL && !item->narrowed && item->old != value &&
	    needs_break(table, item->old, value))
		violation(
			gone_made_rule(item), slot, item->by,
			"a descriptor is made where another was, for 0x%lx, which a TLB may still "
			"have: %s",
			(unsigned long)item->va, gone_missing(item));
	if (!half_is_leaf(half, value, table->level))
		return;
	end = start + span(table->root, table->level);
	for (size_t i = 0; i < gone_count; i++) {
		u64 pa = half_output(&gone[i].root->half, gone[i].old, gone[i].level);

		if (gone[i].table || gone[i].narrowed || gone[i].slot == slot || pa >= end ||
		    pa + span(gone[i].root, gone[i].level) <= start)
			continue;
		violation(gone_made_rule(&gone[i]), slot, gone[i].by,
			  "memory is mapped anew while a TLB may still have its old mapping at "
			  "0x%lx: "
			  "%s",
			  (unsigned long)gone[i].va, gone_missing(&gone[i]));
		return;
	}
}

static void store_valid(struct table *table, u64 slot, u64 value, bool release)
{
	const struct page *below;
	u64 pa = half_output(&table->root->half, value, table->level);
	u64 index = (slot - table->pa) / 8;

	judge_make(table, slot, value);
	if (table->root->live)
		news_add(slot);
	if (!half_is_table(value, table->level))
		return;
	looked_at(RULE_T4);
	below = memory_has(pa) ? memory_page(pa) : NULL;
	if (release && below != NULL)
		order()->barrier_stores = now.time;
	tree_add(table->root, pa, table->level + 1,
		 table->va + index * span(table->root, table->level), false);
}

static void store_changed(struct table *table, u64 slot, u64 old, u64 value)
{
	const char *what = needs_break(table, old, value);

	looked_at(RULE_T1);
	gone_add(table, slot, old, true);
	if (what != NULL)
		violation(RULE_T1, slot, now.place,
			  "0x%016lx replaced by 0x%016lx, which differ in %s, for 0x%lx: not made "
			  "invalid, and out of the TLB, between",
			  (unsigned long)old, (unsigned long)value, what,
			  (unsigned long)gone[gone_count - 1].va);
	if (half_is_table(old, table->level))
		tree_remove(table, old);
	if (half_is_table(value, table->level))
		store_valid(table, slot, value, false);
}

/* Memory of a table that walks may still go through. */
static void judge_reuse(const struct table *table, u64 slot, u64 value)
{
	if (value & 1)
		violation(
			RULE_T3, slot, memory_page(slot)->storer,
			"a table that was at 0x%lx is written, and a TLB may still know the way to "
			"it: no TLBI of more than the last level, and DSB, since",
			(unsigned long)table->va);
}

void tlb_store(u64 pa, u64 old, u64 value, bool release)
{
	struct table *table = table_at(pa);
	bool stood, stands;

	if (table == NULL || old == value)
		return;
	machine_flush();
	if (!table->linked) {
		judge_reuse(table, pa, value);
		return;
	}
	lock_table(table->pa, pa, holders(table->root));
	stood = half_stands(&table->root->half, old, table->level);
	stands = half_stands(&table->root->half, value, table->level);
	if (!stood && stands) {
		store_valid(table, pa, value, release);
	} else if (stood && !stands) {
		looked_at(RULE_T1);
		looked_at(RULE_T3);
		gone_add(table, pa, old, false);
		if (half_is_table(old, table->level))
			tree_remove(table, old);
	} else if (stood) {
		store_changed(table, pa, old, value);
	}
	if (stands)
		judge_group(table, pa);
	casemate_write(pa, value, release);
}

/* Whether hardware may have written what a load shows: access flags, and write access (D8.5). */
bool tlb_hardware_wrote(u64 pa, u64 old, u64 value)
{
	const struct table *table = table_at(pa & ~7ul);

	return table != NULL && table->root->half.sets_flag &&
	       ((old ^ value) & ~(BIT(10) | BIT(7))) == 0;
}

bool tlb_remembers(const struct half *half, u64 va, struct walk *walk)
{
	for (size_t i = 0; i < gone_count; i++) {
		const struct gone *item = &gone[i];
		u64 size = span(item->root, item->level);

		if (item->table || item->cpu == now.cpu || !(item->held & cpu_bit()) ||
		    item->root->half.el != half->el || va - item->va >= size)
			continue;
		*walk = (struct walk){ .result = WALK_OK,
				       .pa = half_output(half, item->old, item->level) |
					     (va & (size - 1)),
				       .leaf = item->old,
				       .level = item->level };
		return true;
	}
	return false;
}

bool tlb_has_news(void)
{
	return news_count != 0;
}

/* Another CPU may meet an abort as long as it has seen nothing that came later there. */
static bool news_concerns(const struct news *item)
{
	return item->cpu == now.cpu || (!item->visible && order()->saw[item->cpu] > item->time);
}

void tlb_use(const struct walk *walk, u64 va)
{
	for (size_t i = 0; i < news_count; i++) {
		if (!news_concerns(&news[i]))
			continue;
		for (unsigned j = 0; j < walk->count; j++) {
			if (walk->slots[j] != news[i].slot)
				continue;
			violation(RULE_T5, va, news[i].by,
				  "used through a descriptor just made valid: %s",
				  news[i].visible ? "no ISB after its DSB" :
						    "no DSB and ISB since");
			return;
		}
	}
}

/* ---- barriers and TLBI ---- */

/* The tables of a root that had been another's. */
static void tree_refill(struct root *root)
{
	struct table *table = tables;

	root->shares = false;
	while (table != NULL) {
		bool added = false;

		for (unsigned i = 0; table->root == root && i < table->entries; i++) {
			u64 pte = read_slot(table->pa + i * 8ul);
			u64 below = half_output(&root->half, pte, table->level);

			if (!half_is_table(pte, table->level) || table_at(below) != NULL)
				continue;
			tree_add(root, below, table->level + 1,
				 table->va + i * span(root, table->level), true);
			added = true;
		}
		table = added ? tables : table->next;
	}
}

static void root_forget(struct root *root)
{
	struct root **at = &roots;

	for (struct table *table = tables, *next; table != NULL; table = next) {
		next = table->next;
		if (table->root == root)
			table_forget(table);
	}
	for (size_t i = 0; i < gone_count;) {
		if (gone[i].root == root)
			gone[i] = gone[--gone_count];
		else
			i++;
	}
	while (*at != root)
		at = &(*at)->next;
	*at = root->next;
	free(root);
	for (struct root *other = roots; other != NULL; other = other->next)
		if (other->shares)
			tree_refill(other);
}

static void gone_complete(bool for_all)
{
	size_t kept = 0;

	for (size_t i = 0; i < gone_count; i++) {
		struct gone *item = &gone[i];
		struct table *table;
		u32 done = complete(item->issued, for_all);

		if (done & ~cpu_bit())
			looked_at(RULE_T7);
		item->held &= ~done;
		if (item->issued[now.cpu]) {
			item->local = true;
			item->missed = "the DSB after the TLBI for it waits for this CPU only";
		}
		if (item->held) {
			gone[kept++] = *item;
			continue;
		}
		table = item->table ?
				table_at(half_output(&item->root->half, item->old, item->level)) :
				NULL;
		if (table != NULL && !table->linked)
			table_forget(table);
	}
	gone_count = kept;
}

void tlb_barrier(const struct insn *insn)
{
	enum before *before = all_before[now.cpu];
	bool for_all = insn->domain != 1;

	if (insn->barrier != BARRIER_DSB)
		return;
	if (insn->types != 1)
		for (size_t i = 0; i < news_count; i++)
			news[i].visible |= news[i].cpu == now.cpu;
	if (insn->types != 3)
		return;
	for (size_t i = 0; i < gone_count; i++)
		if (gone[i].stage2 == STAGE2_ISSUED && gone[i].cpu == now.cpu)
			gone[i].stage2 = STAGE2_DONE;
	gone_complete(for_all);
	for (struct root *root = roots, *next; root != NULL; root = next) {
		next = root->next;
		root->held &= ~complete(root->issued, for_all) | root->live;
		if (!root->held && !root->live)
			root_forget(root);
	}
	for (unsigned el = 0; el < REGIMES; el++)
		if (before[el] == BEFORE_ISSUED)
			before[el] = BEFORE_COMPLETE;
}

void tlb_sync(void)
{
	enum before *before = all_before[now.cpu];
	size_t kept = 0;

	for (size_t i = 0; i < news_count; i++) {
		if (!news[i].visible || news[i].cpu != now.cpu)
			news[kept++] = news[i];
		else
			looked_at(RULE_T5);
	}
	news_count = kept;
	for (unsigned el = 0; el < REGIMES; el++)
		if (before[el] == BEFORE_COMPLETE)
			all_before[now.cpu][el] = BEFORE_NONE;
}

/* What one TLBI reaches. */
struct scope {
	unsigned el;
	bool all, by_asid, by_address, any_asid, last_only, range, shared;
	bool stage2, every_vmid; /* of stage 2, too; of all VMIDs */
	unsigned asid, vmid;
	u64 start, end;
	unsigned hint; /* 4 and the level, or 0 */
	unsigned granule; /* shift, or 0 where it is not said */
};

static unsigned granule_said(u64 tg)
{
	return tg == 0 ? 0 : 10 + (unsigned)tg * 2;
}

static void scope_address(struct scope *scope, u64 operand)
{
	scope->start = (u64)sign_extend(bits(operand, 43, 0) << 12, 56);
	scope->granule = granule_said(bits(operand, 47, 46));
	scope->hint = scope->granule ? 4 | (unsigned)bits(operand, 45, 44) : 0;
	scope->end = scope->start + (scope->granule ? BIT(scope->granule) : PAGE);
}

/* C5.5: BaseADDR counts in pages, with DS in 64 KiB; NUM and SCALE in pages. */
static void scope_range(struct scope *scope, u64 operand, bool ds)
{
	unsigned ttl = (unsigned)bits(operand, 38, 37), base_shift;
	u64 pages = (bits(operand, 43, 39) + 1) << (5 * bits(operand, 45, 44) + 1);

	scope->range = true;
	scope->granule = granule_said(bits(operand, 47, 46));
	base_shift = ds ? 16 : scope->granule;
	scope->start = (u64)sign_extend(bits(operand, 36, 0), 37) << base_shift;
	scope->end = scope->start + (pages << scope->granule);
	scope->hint = ttl ? 4 | ttl : 0;
}

/* The halves that a TLBI's operand counts in; lower and upper half, of levels 1 and 2. */
static struct half all_known[CPUS_MOST][REGIMES][2];

/* @host: E2H and TGE are set, at EL2: the names that end in E1 mean EL2&0. */
static void scope_make(struct scope *scope, u32 operation, u64 operand, bool host)
{
	unsigned op1 = operation >> 11 & 7, crm = operation >> 3 & 15, op2 = operation & 7;
	bool by_ipa = op1 == 4 && (crm == 0 || crm == 4);
	bool range = by_ipa ? op2 == 2 || op2 == 6 || op2 == 3 || op2 == 7 :
			      crm == 2 || crm == 5 || crm == 6;

	*scope = (struct scope){ .el = op1 == 4 || host ? 2 : 1, .shared = crm <= 3 || crm == 5 };
	scope->asid = (unsigned)bits(operand, 63, 48);
	if (by_ipa) {
		*scope = (struct scope){ .el = STAGE2, .by_address = true, .any_asid = true };
		scope->last_only = op2 & 4;
		scope->shared = crm == 0 && op2 != 4 && op2 != 0;
		if (range)
			scope_range(scope, operand, all_known[now.cpu][STAGE2][0].ds);
		else
			scope_address(scope, operand);
		return;
	}
	if (op1 == 4 && (op2 == 4 || op2 == 6)) {
		scope->el = 1;
		scope->stage2 = true;
		scope->every_vmid = op2 == 4;
	}
	if (!range && (op2 == 0 || (op1 == 4 && (op2 == 4 || op2 == 6)))) {
		scope->all = true;
		return;
	}
	if (op1 == 0 && op2 == 2) {
		scope->by_asid = true;
		return;
	}
	scope->by_address = true;
	scope->last_only = op2 & 4;
	scope->any_asid = (op2 & 2) || op1 == 4;
	if (range)
		scope_range(scope, operand,
			    all_known[now.cpu][scope->el][0].ds ||
				    all_known[now.cpu][scope->el][1].ds);
	else
		scope_address(scope, operand);
}

/*
 * Whether what stage 2 had goes: with all of its VMID at once; or what combines it with stage 1,
 * after what it had by itself.
 */
static bool scope_ends_stage2(const struct scope *scope, struct gone *item, bool *near)
{
	if (scope->el != 1 || !scope->all ||
	    (!scope->every_vmid && scope->vmid != item->root->half.asid))
		return false;
	if (scope->stage2 || item->stage2 == STAGE2_DONE)
		return true;
	if (item->stage2 != STAGE2_ISSUED)
		return false;
	*near = true;
	item->missed = "the TLBI of both stages came before the DSB of that of stage 2";
	return false;
}

/* Whether @item goes; @scope may be for its address and not for it: then it says why. */
static bool scope_has(const struct scope *scope, struct gone *item, bool *near)
{
	bool global = !(item->old & BIT(11)) && !item->table;

	if (item->root->half.el == STAGE2 && scope->el != STAGE2)
		return scope_ends_stage2(scope, item, near);
	if (item->root->half.el != scope->el)
		return false;
	if (scope->el == STAGE2 && scope->vmid != item->root->half.asid)
		return false;
	if (scope->all)
		return true;
	if (scope->by_asid)
		return !global && item->root->half.asid == scope->asid;
	if (scope->start > item->last || scope->end - 1 < item->va)
		return false;
	*near = true;
	if (item->everywhere && (scope->start > item->va || scope->end - 1 < item->last))
		item->missed = "the TLBI is for some of the addresses that it was reached at";
	else if (!scope->any_asid && !global && item->root->half.asid != scope->asid)
		item->missed = "the TLBI for its address was of another ASID";
	else if (scope->last_only && item->table)
		item->missed = "the TLBI for its address was of the last level, and a table went";
	else if (scope->hint && scope->hint != (4u | (item->level & 3)))
		item->missed = "the TLBI for its address has a hint of another level";
	else
		return true;
	item->misdirected = true;
	return false;
}

static void judge_operand(const struct scope *scope)
{
	const struct half *half = &all_known[now.cpu][scope->el][scope->start >> 63];

	if (!scope->by_address || !half->on || (!scope->range && scope->granule == 0))
		return;
	looked_at(RULE_T6);
	if (scope->granule != half->granule_shift)
		violation(RULE_T6, scope->start, 0,
			  "a TLBI says pages of %lu bytes; the tables have %lu",
			  (unsigned long)BIT(scope->granule),
			  (unsigned long)BIT(half->granule_shift));
}

/* @scope is for @item: it counts for the CPUs that it reaches, if the store came before it. */
static void gone_tell(const struct scope *scope, struct gone *item)
{
	u32 others = item->held & ~cpu_bit();

	if (item->time > stores_complete(item->cpu)) {
		item->missed = "no DSB between the store and the TLBI for it";
		return;
	}
	if (scope->el == STAGE2) {
		item->stage2 = STAGE2_ISSUED;
		return;
	}
	item->issued[now.cpu] |= scope->shared ? item->held : item->held & cpu_bit();
	if (others && !scope->shared && item->cpu == now.cpu) {
		item->local = true;
		item->missed = "the TLBI for it was this CPU's only, and others run";
	} else if (others) {
		item->local = false;
		item->missed = NULL;
	}
}

/* Stores that no DSB has completed are as if they came after. */
static void gone_issue(const struct scope *scope)
{
	const struct gone *missed = NULL;
	bool any = false;

	for (size_t i = 0; i < gone_count; i++) {
		bool near = false;

		if ((gone[i].held & ~issued_for(gone[i].issued)) == 0)
			continue;
		if (gone[i].cpu != now.cpu) {
			struct gone other = gone[i];

			if (scope_has(scope, &other, &near))
				gone_tell(scope, &gone[i]);
		} else if (scope_has(scope, &gone[i], &near)) {
			any = true;
			gone_tell(scope, &gone[i]);
		} else if (near) {
			missed = &gone[i];
		}
	}
	if (missed != NULL && !any)
		violation(missed->root->half.el == STAGE2 ? RULE_T8 : RULE_T6, missed->va,
			  missed->by, "a TLBI leaves what was changed in its range: %s",
			  missed->missed);
}

static void before_issue(unsigned el)
{
	enum before *before = all_before[now.cpu];

	if (before[el] == BEFORE_NONE)
		return;
	if (machine_pending())
		before_missed[now.cpu][el] = "no ISB between the registers of translation and TLBI";
	else
		before[el] = BEFORE_ISSUED;
}

/* All below @root goes; of a stage 2 with its VMID, or every one. */
static bool scope_has_root(const struct scope *scope, const struct root *root)
{
	if (root->half.el == STAGE2)
		return scope->stage2 && (scope->every_vmid || root->half.asid == scope->vmid);
	return root->half.el == scope->el &&
	       (scope->all || (scope->by_asid && root->half.asid == scope->asid));
}

void tlb_invalidate(u32 operation, u64 operand, bool host, unsigned vmid)
{
	struct scope scope;

	scope_make(&scope, operation, operand, host);
	scope.vmid = vmid;
	if (scope.el == STAGE2 || scope.stage2)
		looked_at(RULE_T8);
	judge_operand(&scope);
	gone_issue(&scope);
	for (struct root *root = roots; root != NULL; root = root->next)
		if (scope_has_root(&scope, root))
			root->issued[now.cpu] |= root->held & ~root->live &
						 (scope.shared ? ~0u : cpu_bit());
	if (scope.all)
		before_issue(scope.el);
}

/* ---- roots ---- */

static struct root *root_find(const struct half *half)
{
	struct root *root = roots;

	while (root != NULL &&
	       (root->half.el != half->el || root->half.upper != half->upper ||
		root->half.root != half->root || root->half.va_bits != half->va_bits ||
		root->half.granule_shift != half->granule_shift || root->half.ds != half->ds))
		root = root->next;
	return root;
}

/* Of the CPU at hand, @half's root is to be in use; @own: what is known of it, or null. */
static void judge_root(const struct half *half, const struct root *own)
{
	looked_at(RULE_S4);
	for (const struct root *root = roots; root != NULL; root = root->next) {
		if (root == own || !((root->live | root->held) & cpu_bit()) ||
		    root->half.el != half->el || root->half.upper != half->upper ||
		    root->half.asid != half->asid)
			continue;
		violation(half->asid ? RULE_T11 : RULE_S4, half->root, root->by,
			  "a root is in use with the ASID (%u) of the one at 0x%lx, of which a TLB "
			  "may have entries: %s",
			  half->asid, (unsigned long)root->half.root,
			  root->live & cpu_bit() ? "walks of that are not off" :
			  root->issued[now.cpu]	 ? "no DSB after TLBI" :
						   "no TLBI and DSB since it was in use");
	}
}

/* Another CPU has built it: what is there is complete. */
static void judge_built(const struct root *root)
{
	for (const struct table *table = tables; table != NULL; table = table->next)
		if (table->root == root && table->linked)
			judge_visible(root, table->pa, table->entries * 8, true);
}

static void root_again(struct root *root, const struct half *half)
{
	if (!(root->live & cpu_bit()))
		judge_root(half, root);
	if (!(root->held & cpu_bit()))
		judge_built(root);
	root->half = *half;
	root->live |= cpu_bit();
	root->held |= cpu_bit();
	for (unsigned i = 0; i < CPUS_MOST; i++)
		root->issued[i] &= ~cpu_bit();
}

static void root_use(const struct half *half)
{
	struct root *root = root_find(half);
	u64 top = half->upper ? ~(u64)0 << half->va_bits : 0;

	if (root != NULL) {
		root_again(root, half);
		return;
	}
	judge_root(half, NULL);
	root = malloc(sizeof(*root));
	if (root == NULL)
		cannot_judge("no memory for a root");
	*root = (struct root){
		.half = *half, .live = cpu_bit(), .held = cpu_bit(), .by = now.place, .next = roots
	};
	roots = root;
	tree_add(root, half->root, half->root_level, top, true);
	casemate_register(half->upper ? (half->el == 2 ? "ttbr1_el2" : "ttbr1_el1") :
					(half->el == 2 ? "ttbr0_el2" : "ttbr0_el1"),
			  half->root | (u64)half->asid << 48);
}

/* @halves are those of the CPU at hand. */
void tlb_roots(const struct half *halves, unsigned count)
{
	for (struct root *root = roots; root != NULL; root = root->next) {
		bool live = false;

		for (unsigned i = 0; i < count; i++)
			live |= halves[i].on && root_find(&halves[i]) == root;
		if (!live)
			root->live &= ~cpu_bit();
	}
	for (unsigned i = 0; i < count; i++) {
		all_known[now.cpu][halves[i].el][halves[i].upper] = halves[i];
		if (halves[i].on)
			root_use(&halves[i]);
	}
}

/* With power, a CPU has lost what its TLB had; what it has now, nobody knows. */
void tlb_cpu(void)
{
	for (unsigned el = 0; el < REGIMES; el++) {
		all_before[now.cpu][el] = BEFORE_POSSIBLE;
		before_missed[now.cpu][el] = NULL;
	}
	for (struct root *root = roots; root != NULL; root = root->next) {
		root->live &= ~cpu_bit();
		root->held &= ~cpu_bit();
	}
	for (size_t i = 0; i < gone_count; i++)
		gone[i].held &= ~cpu_bit();
}

void tlb_registers_changed(unsigned el)
{
	enum before *before = &all_before[now.cpu][el];

	if (*before != BEFORE_NONE)
		*before = BEFORE_POSSIBLE;
}

void tlb_mmu_on(unsigned el)
{
	static const char *const missing[] = {
		[BEFORE_POSSIBLE] = "no TLBI of everything since the registers were written",
		[BEFORE_ISSUED] = "no DSB after the TLBI",
		[BEFORE_COMPLETE] = "no ISB after the DSB of the TLBI",
	};

	enum before *before = &all_before[now.cpu][el];
	const char *missed = before_missed[now.cpu][el];

	looked_at(RULE_S2);
	if (*before != BEFORE_NONE)
		violation(RULE_S2, 0, 0,
			  "the MMU goes on, and the TLB may have entries from before: %s",
			  *before == BEFORE_POSSIBLE && missed ? missed : missing[*before]);
	*before = BEFORE_NONE;
}

bool tlb_reaches(unsigned el, unsigned pa_bits)
{
	for (const struct table *table = tables; table != NULL; table = table->next) {
		const struct half *half = &table->root->half;

		if (half->el != el || !table->root->live)
			continue;
		for (unsigned i = 0; i < table->entries; i++) {
			u64 pte = read_slot(table->pa + i * 8ul);

			if ((pte & 1) && half_output(half, pte, table->level) >> pa_bits != 0)
				return true;
		}
	}
	return false;
}

unsigned tlb_types(unsigned el)
{
	unsigned types = 0;

	for (const struct table *table = tables; table != NULL; table = table->next) {
		const struct half *half = &table->root->half;

		if (half->el != el || !table->root->live)
			continue;
		for (unsigned i = 0; i < table->entries; i++) {
			u64 pte = read_slot(table->pa + i * 8ul);

			if (half_is_leaf(half, pte, table->level))
				types |= 1u << bits(pte, 4, 2);
		}
	}
	return types;
}

/* The MMU was on before the stream: what the TLB has is of the roots that are in use. */
void tlb_before(unsigned el)
{
	all_before[now.cpu][el] = BEFORE_NONE;
}

/* ---- promises ---- */

void tlb_promise(const char *whose, bool stage2)
{
	size_t kept = 0;

	for (size_t i = 0; i < gone_count; i++) {
		if (gone[i].cpu != now.cpu || gone[i].held == 0 ||
		    (gone[i].root->half.el == STAGE2 && !stage2)) {
			gone[kept++] = gone[i];
			continue;
		}
		violation(gone_rule(&gone[i]), gone[i].va, gone[i].by,
			  "%s, and a TLB may still have what was %s: %s", whose,
			  gone[i].narrowed ? "changed" : "taken away", gone_missing(&gone[i]));
	}
	gone_count = kept;
}

/* EL2 changes its own tables and those of stage 2, and ends that before EL1 goes on. */
void tlb_promise_el2(void)
{
	for (size_t i = 0; i < gone_count; i++) {
		if (gone[i].root->half.el < 2 || gone[i].cpu != now.cpu || gone[i].held == 0)
			continue;
		violation(gone_made_rule(&gone[i]), gone[i].va, gone[i].by,
			  "EL1 goes on, and a TLB may still have what EL2 has taken away: %s",
			  gone_missing(&gone[i]));
		gone[i] = gone[--gone_count];
		i--;
	}
}

/*
 * The same of roots: what is below one that is out of use on the CPU at hand. That of a guest is
 * whenever the guest is.
 */
void tlb_promise_roots(const char *whose)
{
	for (const struct root *root = roots; root != NULL; root = root->next)
		if (root->half.el != STAGE2 && !(root->live & cpu_bit()) &&
		    (root->held & cpu_bit()))
			violation(
				RULE_S4, root->half.root, root->by,
				"%s, and a TLB may still have what is below a root that was taken "
				"out of use: %s",
				whose,
				root->issued[now.cpu] ? "no DSB after TLBI" : "no TLBI since");
}

/* EL1 reaches what stage 2 has, where there is one. */
static bool stage2_has(u64 pa)
{
	struct walk walk;

	if (!all_known[now.cpu][STAGE2][0].on)
		return true;
	walk_address(&all_known[now.cpu][STAGE2][0], pa, &walk);
	return walk.result == WALK_OK;
}

/* How many writable mappings lead to the page at @pa. */
static unsigned ways_to(u64 pa, u64 *last)
{
	unsigned ways = 0;

	for (const struct table *table = tables; table != NULL; table = table->next) {
		if (!table->linked || !table->root->live || table->root->half.el == STAGE2 ||
		    (table->root->half.el == 1 && !stage2_has(pa)))
			continue;
		for (unsigned i = 0; i < table->entries; i++) {
			u64 pte = read_slot(table->pa + i * 8ul), size, start;

			if (!half_is_leaf(&table->root->half, pte, table->level) || (pte & BIT(7)))
				continue;
			size = span(table->root, table->level);
			start = half_output(&table->root->half, pte, table->level);
			if (pa < start || pa >= start + size)
				continue;
			ways++;
			*last = table->va + i * size + (pa - start);
		}
	}
	return ways;
}

void tlb_end(void)
{
	for (now.cpu = 0; now.cpu < CPUS_MOST; now.cpu++)
		tlb_promise("the stream ends", true);
	now.cpu = 0;
	for (const struct table *table = tables; table != NULL; table = table->next) {
		u64 va = 0;

		if (!table->linked || !table->root->live)
			continue;
		looked_at(RULE_T9);
		if (ways_to(table->pa, &va) > 1)
			violation(RULE_T9, va, 0,
				  "the table at 0x%lx can be written through more than one mapping",
				  (unsigned long)table->pa);
	}
}
