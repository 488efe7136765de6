// SPDX-License-Identifier: MIT
/*
 * What a leaf descriptor costs map_range(): a program of its own, linked with the Image's objects,
 * that maps runs of pages, contiguous pages and blocks for each page size, and ends in leaf_end().
 * Before and after each run it calls leaf_mark(), which the counting plugin notes: bench.py knows
 * the order. Two lengths each, so that the difference has no share of what a call costs.
 * Runs at EL1 with the MMU off, from its link address, without relocation: a lock that it takes all
 * the same is free, and the emulator has exclusives for any memory.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/mm/pt/change.h>

#define POOL_SIZE MIB(4)
#define LEAVES_SHORT 512
#define LEAVES_LONG 1024

static u8 pool_memory[POOL_SIZE] __attribute__((aligned(0x10000)));
u8 leaf_stack[0x4000] __attribute__((aligned(16)));

void leaf_main(void);
void leaf_mark(void);
void leaf_end(void);

asm(".text\n"
    ".global _start\n"
    "_start: adrp x0, leaf_stack\n"
    "	add x0, x0, :lo12:leaf_stack\n"
    "	add sp, x0, #0x4000\n"
    "	b leaf_main");

void __attribute__((noinline)) leaf_mark(void)
{
	asm volatile("" ::: "memory");
}

/* The MMU is off: there is nothing to invalidate. */
void tlb_invalidate(const struct space *space, const struct tlb_range *range)
{
	(void)space;
	(void)range;
}

void tables_publish(void)
{
}

void __attribute__((noinline)) leaf_end(void)
{
	for (;;)
		asm volatile("wfi");
}

/*
 * @count leaves of @size bytes. Into a space whose tables are there already, from a first run that
 * was taken away: what is counted is the leaves.
 */
static void run(const struct regime *regime, u64 size, u64 misaligned, unsigned count)
{
	u64 start = (u64)(uintptr_t)pool_memory;
	struct table_pool pool = { .start = paddr(start),
				   .next = paddr(start),
				   .end = paddr(start + POOL_SIZE) };
	struct space space = { .regime = *regime, .pool = &pool };
	vaddr_t first = pt_start(&space);
	struct map_request request = { .start = first,
				       .end = vaddr_add(first, count * size),
				       .pa = paddr(misaligned),
				       .attr = { PROT_READ_WRITE, MEM_NORMAL } };

	if (pt_space_create(&space) != MAP_OK || map_range(&space, &request) != MAP_OK ||
	    pt_clear(&space, request.start, request.end) != MAP_OK)
		return;
	leaf_mark();
	map_range(&space, &request);
	leaf_mark();
}

static void both(const struct regime *regime, u64 size, u64 misaligned)
{
	run(regime, size, misaligned, LEAVES_SHORT);
	run(regime, size, misaligned, LEAVES_LONG);
}

void leaf_main(void)
{
	static const unsigned granules[] = { GRANULE_SHIFT_4K, GRANULE_SHIFT_16K,
					     GRANULE_SHIFT_64K };

	for (unsigned i = 0; i < ARRAY_SIZE(granules); i++) {
		struct regime regime = regime_make(granules[i], 52, 52, true);
		u64 page = regime_granule(&regime), block = regime_span(&regime, 2);

		both(&regime, page, page); /* one page off: no group of pages is aligned in both */
		both(&regime, page, page * regime_contiguous(&regime, LEVEL_PAGE));
		both(&regime, block, block);
	}
	leaf_end();
}
