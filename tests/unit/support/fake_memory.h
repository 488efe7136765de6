/* SPDX-License-Identifier: MIT */
/*
 * RAM, page tables and vmemmap for tests of what allocates: physical memory is a file in memory,
 * and the vmemmap is that file mapped once more, page by page, where the page tables under test say
 * so and nowhere else. An access to metadata that was not populated is a fault. Host only.
 *
 * It stands behind tables_publish() and tlb_invalidate() of pagoda/arch/arch.h; a test program has
 * one of them at a time.
 */
#ifndef FAKE_MEMORY_H
#define FAKE_MEMORY_H

#include <pagoda/mm/alloc/vmalloc.h>
#include <pagoda/mm/pt/tlb.h>

#define FAKE_MEMORY_RANGES 16
#define FAKE_INVALIDATIONS_MAX 8

/* What it is made from. */
struct fake_memory_setup {
	unsigned granule_shift, va_bits, pa_bits;
	bool wide;
	u64 stride; /* of struct page */
	u64 ram_start; /* a multiple of 64 KiB */
	u64 frames; /* of RAM, those of the first page tables included */
	u64 linear_offset; /* from the window's start to the first RAM: a multiple of 64 KiB */
};

/* Every kind of regime once, and both sizes of struct page. */
#define FAKE_MEMORY_TABLES 16 /* in the pool at first */
#define FAKE_MEMORY_SETUPS 9
struct fake_memory_setup fake_memory_setup(unsigned index);

struct fake_memory {
	struct fake_memory_setup setup;
	u64 granule;
	struct layout layout;
	struct table_pool pool;
	struct space space;
	struct buddy_range ranges[FAKE_MEMORY_RANGES];
	struct buddy buddy;
	struct heap heap;
	struct vmalloc vmalloc;
	u64 usable; /* where RAM begins that no page table is in */
	u64 ram_end;

	int file;
	u8 *ram, *window; /* the file as a whole; what is populated of vmemmap */
	struct layout_region window_va;

	/* What was invalidated since the test last set the count to 0. */
	unsigned invalidation_count;
	struct tlb_range invalidation[FAKE_INVALIDATIONS_MAX];
	bool early_free; /* a page was free before its address was out of the TLB */
	u32 free_tables; /* in the pool at the last invalidation */
#if KASAN
	u8 *shadow; /* null, or what is mapped of it: see below */
	u64 shadow_size;
#endif
};

/* fake_memory_make() - RAM full of poison, an empty space, an allocator with no memory. */
void fake_memory_make(struct fake_memory *memory, const struct fake_memory_setup *setup);
void fake_memory_free(struct fake_memory *memory);

/* Where the RAM at @pa is. */
void *fake_memory_pointer(const struct fake_memory *memory, u64 pa);

#if KASAN
/*
 * fake_memory_shadow() - addresses from @start on, @size of them, have a shadow, which the tables
 * translate: shared and read-only at first, so that a byte written before the code under test has
 * seen to a page of its own is a fault. Checks begin at @start. They end with the memory.
 */
void fake_memory_shadow(struct fake_memory *memory, u64 start, u64 size);
#endif

/* "4K pages, 52 bits, 56 bytes a page", for messages; until the next call. */
const char *fake_memory_str(const struct fake_memory *memory);

#endif /* FAKE_MEMORY_H */
