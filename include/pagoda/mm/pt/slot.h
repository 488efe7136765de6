/* SPDX-License-Identifier: MIT */
/*
 * The one door to descriptors in memory. A walker may read a table at any time, and a TLB keep what
 * it read: so every store is a single 64-bit one, and has a name that says what makes it right. A
 * slot's word is constant to all others: the compiler refuses a store that does not come through
 * here. For mm/pt, and for self tests, which break the rules to see what happens.
 * Pure: any world, MMU on or off, and the host. Source: DDI 0487 D8.14.1 (break-before-make).
 */
#ifndef PAGODA_SLOT_H
#define PAGODA_SLOT_H

#include <pagoda/mm/pt/space.h>

/* Where one descriptor stands. */
struct slot {
	const u64 word;
};

/* slot_at() - the slot, or the first of the table, at @place. */
static inline struct slot *slot_at(const struct space *space, paddr_t place)
{
	return (struct slot *)(uintptr_t)(place.value + space->phys_offset);
}

static inline pte_t slot_read(const struct slot *slot)
{
	return (pte_t){ __atomic_load_n(&slot->word, __ATOMIC_RELAXED) };
}

/*
 * slot_link() - a table where nothing valid stood. Its own descriptors were written before: the
 * walker sees them before it sees the way to them.
 */
static inline void slot_link(struct slot *slot, pte_t pte)
{
	__atomic_store_n((u64 *)&slot->word, pte.bits, __ATOMIC_RELEASE);
}

/*
 * slot_edit() - in place of what stands there something that differs in permissions only; anything
 * else must be broken before, and out of every TLB.
 */
static inline void slot_edit(struct slot *slot, pte_t pte)
{
	__atomic_store_n((u64 *)&slot->word, pte.bits, __ATOMIC_RELAXED);
}

/* slot_break() - nothing, from now on; a TLB may still remember what stood there. */
static inline void slot_break(struct slot *slot)
{
	slot_edit(slot, (pte_t){ 0 });
}

/*
 * slot_note() - where nothing needs to be translated any more, @table's address, for a list of
 * tables: bit 0 of a granule's address is clear, so that whoever still walks here finds an invalid
 * descriptor. slot_noted() reads it.
 */
static inline void slot_note(struct slot *slot, paddr_t table)
{
	slot_edit(slot, (pte_t){ table.value });
}

static inline paddr_t slot_noted(const struct slot *slot)
{
	return paddr(slot->word);
}

/*
 * slots_fill() - leaves where nothing valid stood: @count from @slot on, each @span further in its
 * output address than the one before.
 */
void slots_fill(struct slot *slot, unsigned count, pte_t pte, u64 span);

/* slots_clear() - what a new table holds, which is linked nowhere. */
void slots_clear(struct slot *slot, unsigned count);

/* slots_used() - some of @count descriptors from @slot on is not zero. */
bool slots_used(const struct slot *slot, unsigned count);

/*
 * slots_follow() - how many of @count descriptors from @slot on, up to the first that is not, are
 * what slots_fill() writes after @pte; with @span 0, how many are @pte.
 */
unsigned slots_follow(const struct slot *slot, unsigned count, pte_t pte, u64 span);

#endif /* PAGODA_SLOT_H */
