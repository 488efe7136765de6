// SPDX-License-Identifier: MIT
/*
 * Who holds which lock, and whether tables that several CPUs walk are written under one (T10).
 *
 * A lock is told by what is done to it: a number is drawn, by an exclusive or atomic addition of
 * one to a word of 32 bits; it is held from a load-acquire on that shows this number in the word
 * behind it, up to a store-release there. Which lock a table has is told by the stores to it: there
 * must be one that was held at each (as in Savage et al., "Eraser", 1997).
 */
#include "judge.h"

#define DRAWN_MOST 32 /* numbers of a CPU: of locks that it has, or waits for */
#define TABLES_MOST 4096
#define LOCKS_MOST 8 /* held at a time */

struct drawn {
	u64 lock;
	u32 number;
	bool held;
};

static struct {
	struct drawn items[DRAWN_MOST];
	unsigned count;
} cpus[CPUS_MOST];

/* The locks that were held at each store to a table so far. */
static struct candidates {
	u64 table, locks[LOCKS_MOST];
	unsigned count;
	bool begun;
	place_t first; /* of the stores */
} tables[TABLES_MOST];

static void drop(u64 lock)
{
	for (unsigned i = 0; i < cpus[now.cpu].count; i++)
		if (cpus[now.cpu].items[i].lock == lock)
			cpus[now.cpu].items[i--] = cpus[now.cpu].items[--cpus[now.cpu].count];
}

void lock_store(u64 pa, u64 old, u64 value, unsigned access)
{
	bool atomic = access & (ACCESS_EXCLUSIVE | ACCESS_ATOMIC | ACCESS_COMPARE);
	u64 serving;

	if (!atomic) {
		if (access & ACCESS_RELEASE)
			drop(pa - 4);
		return;
	}
	if ((u32)value != (u32)(old + 1) || cpus[now.cpu].count == DRAWN_MOST)
		return;
	drop(pa);
	/* Where it is served already, the look at that may have been before. */
	cpus[now.cpu].items[cpus[now.cpu].count++] =
		(struct drawn){ pa, (u32)old,
				(access & ACCESS_COMPARE) && memory_read(pa + 4, 4, &serving) &&
					(u32)serving == (u32)old };
}

void lock_load(u64 pa, u64 value)
{
	for (unsigned i = 0; i < cpus[now.cpu].count; i++)
		if (cpus[now.cpu].items[i].lock == pa - 4 &&
		    cpus[now.cpu].items[i].number == (u32)value)
			cpus[now.cpu].items[i].held = true;
}

static bool is_held(u64 lock)
{
	for (unsigned i = 0; i < cpus[now.cpu].count; i++)
		if (cpus[now.cpu].items[i].held && cpus[now.cpu].items[i].lock == lock)
			return true;
	return false;
}

static struct candidates *candidates_of(u64 table)
{
	struct candidates *item = &tables[table / PAGE % TABLES_MOST];

	for (unsigned i = 0; item->table != table && item->table != 0; i++) {
		if (i == TABLES_MOST)
			cannot_judge("more tables than their locks can be told of");
		item = item + 1 == tables + TABLES_MOST ? tables : item + 1;
	}
	return item;
}

/* Memory that was another table before, or none. */
void lock_table_new(u64 pa)
{
	struct candidates *item = candidates_of(pa);

	item->table = pa;
	item->begun = false;
}

/* From the first store on that others might see. */
static void candidates_begin(struct candidates *item)
{
	item->begun = true;
	item->count = 0;
	item->first = now.place;
	for (unsigned i = 0; i < cpus[now.cpu].count && item->count < LOCKS_MOST; i++)
		if (cpus[now.cpu].items[i].held)
			item->locks[item->count++] = cpus[now.cpu].items[i].lock;
}

void lock_table(u64 pa, u64 slot, u32 walkers)
{
	struct candidates *item;

	if ((walkers & ~cpu_bit()) == 0)
		return;
	looked_at(RULE_T10);
	item = candidates_of(pa);
	if (!item->begun)
		candidates_begin(item);
	for (unsigned i = 0; i < item->count; i++)
		if (!is_held(item->locks[i]))
			item->locks[i--] = item->locks[--item->count];
	if (item->count == 0)
		violation(RULE_T10, slot, item->first,
			  "a table that other CPUs walk is written with no lock that was held at "
			  "each store to it");
}
