/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: blocks of 2^order pages, aligned to their size, split and merged in pairs.
 * Kernel, MMU on, with the linear map; and the host.
 *
 * It is given ranges of RAM, and takes from them a piece at a time, in steps that double, when its
 * lists run dry: a page has no metadata before that, so neither boot nor a machine at rest touches
 * memory in proportion to its RAM. The metadata of a piece stands in the piece.
 *
 * Any CPU at any time, but for buddy_init() and buddy_add(), which are for who sets it up.
 */
#ifndef PAGODA_BUDDY_H
#define PAGODA_BUDDY_H

#include <pagoda/mm/alloc/page.h>

/* The largest block: 1 GiB of 4K pages, 4 GiB of 16K, 16 GiB of 64K. */
#define BUDDY_ORDER_MAX 18
#define BUDDY_ORDERS (BUDDY_ORDER_MAX + 1)

enum buddy_result {
	BUDDY_OK,
	BUDDY_EXHAUSTED, /* no block of that order is left, nor can one be made */
	BUDDY_BAD_ORDER, /* above BUDDY_ORDER_MAX */
	BUDDY_UNALIGNED, /* freed: not the address of a page */
	BUDDY_NOT_RAM, /* freed: no page that was ever handed out */
	BUDDY_DOUBLE_FREE, /* freed: in a block that is free */
	BUDDY_NOT_A_BLOCK, /* freed: in the middle of a block, or a page of somebody else's */
	BUDDY_WRONG_ORDER, /* freed: a block of another order */
	BUDDY_OVERLAP, /* added: part of it is in another range */
	BUDDY_NO_ROOM, /* added: there are as many ranges as there is room for */
};

const char *buddy_result_str(enum buddy_result result);

/* Frames [first, end) of RAM; those below next have been handed over. */
struct buddy_range {
	u64 first, next, end;
};

struct buddy {
	struct vmemmap vmemmap;
	u64 phys_offset; /* add it to a physical address, modulo 2^64, for a pointer */
	struct buddy_range *ranges; /* ascending */
	u32 range_count, range_max;
	u64 step; /* pages to take next time */
	u64 free_head[BUDDY_ORDERS]; /* frames, or FRAME_NONE */
	u64 free_blocks[BUDDY_ORDERS];
	u64 metadata; /* pages that hold struct pages, and the tables to reach them */
	struct lock lock; /* all above that changes, and struct pages' state and order */
};

/* buddy_init() - an allocator with no memory. @ranges: room for @range_max of them. */
void buddy_init(struct buddy *buddy, const struct vmemmap *vmemmap, u64 phys_offset,
		struct buddy_range *ranges, u32 range_max);

/*
 * buddy_add() - RAM from @start to @end for it to take from: in the linear map, and nobody's. What
 * is not a whole page at either end is left out.
 */
enum buddy_result buddy_add(struct buddy *buddy, paddr_t start, paddr_t end);

/*
 * buddy_alloc_as() - a block of 2^@order pages into @block, its first page in @state, which says
 * whose it is. What it holds is undefined.
 * buddy_free_as() - give back a block as it was got. Anything else changes nothing, and says so.
 */
enum buddy_result buddy_alloc_as(struct buddy *buddy, unsigned order, enum page_state state,
				 paddr_t *block);
enum buddy_result buddy_free_as(struct buddy *buddy, paddr_t block, unsigned order,
				enum page_state state);

/* buddy_alloc(), buddy_free() - the same for whoever says no more of himself. */
static inline enum buddy_result buddy_alloc(struct buddy *buddy, unsigned order, paddr_t *block)
{
	return buddy_alloc_as(buddy, order, PAGE_USED, block);
}

static inline enum buddy_result buddy_free(struct buddy *buddy, paddr_t block, unsigned order)
{
	return buddy_free_as(buddy, block, order, PAGE_USED);
}

/*
 * buddy_block() - the first page of the block that @pa is in, and its frame in @frame; a null
 * pointer where it is in none. The page's state says whose it is, as long as that one keeps it.
 */
struct page *buddy_block(struct buddy *buddy, paddr_t pa, u64 *frame);

/*
 * buddy_fill_pool() - see that the pool of page tables has room for @tables more. BUDDY_OK or
 * BUDDY_EXHAUSTED. Another CPU may take them first.
 */
enum buddy_result buddy_fill_pool(struct buddy *buddy, u64 tables);

/* Bytes, by what became of them. */
struct buddy_usage {
	u64 total; /* all ranges */
	u64 waiting; /* not handed over yet */
	u64 free, metadata, used;
};

struct buddy_usage buddy_usage(struct buddy *buddy);

/* buddy_has() - @size bytes are free or waiting, in however many pieces. */
bool buddy_has(struct buddy *buddy, u64 size);

/*
 * buddy_audit() - true where every list is well formed, every block in it aligned, of its order,
 * handed over, and not beside a free buddy; and the counts agree.
 */
bool buddy_audit(struct buddy *buddy);

#endif /* PAGODA_BUDDY_H */
