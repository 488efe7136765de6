/* SPDX-License-Identifier: MIT */
/*
 * What the builder and the changer of tables share: how a descriptor is read and written, and how a
 * stretch of one table is filled. For mm/ only.
 */
#ifndef MM_TABLES_H
#define MM_TABLES_H

#include <pagoda/pagetable.h>

static inline u64 *table_pointer(const struct pt_space *space, paddr_t table)
{
	return (u64 *)(uintptr_t)(table.value + space->phys_offset);
}

static inline pte_t slot_read(const u64 *slot)
{
	return (pte_t){ __atomic_load_n(slot, __ATOMIC_RELAXED) };
}

static inline void slot_write(u64 *slot, pte_t pte)
{
	__atomic_store_n(slot, pte.bits, __ATOMIC_RELAXED);
}

/* The walker must see the table's zeroes before the descriptor that leads to it. */
static inline void slot_link(u64 *slot, pte_t pte)
{
	__atomic_store_n(slot, pte.bits, __ATOMIC_RELEASE);
}

/*
 * A table of @level from the pool, its descriptors invalid. Only those that a walk can reach are
 * cleared: a root table need not fill its granule.
 */
bool table_create(struct pt_space *space, int level, paddr_t *table);

/* A stretch of one table: @count leaves at @level, contiguous in both address spaces. */
struct stretch {
	u64 *slot;
	u64 va, pa;
	unsigned count;
	int level;
};

/* Leaves for all of @s, which must be invalid, with the contiguous hint wherever it can be. */
enum map_result stretch_map(struct pt_space *space, struct stretch s, struct map_attr attr);

/* [@start, @end) is a range of whole pages in @space: MAP_OK or MAP_BAD_RANGE. */
enum map_result pt_range_check(const struct pt_space *space, vaddr_t start, vaddr_t end);

/* Some of @count descriptors from @slot on is not zero. */
bool slots_used(const u64 *slot, unsigned count);

#endif /* MM_TABLES_H */
