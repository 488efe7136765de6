// SPDX-License-Identifier: MIT
/*
 * The page allocator: free lists by order, and RAM that is handed over when they run dry.
 * Runs in the kernel, MMU on, with the linear map, and on the host.
 *
 * A block's first struct page says what it is; those of the other pages stay zero. So taking a
 * block costs the same whatever its size, and so does handing over a piece of RAM, but for clearing
 * the memory that its metadata is in.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/lock.h>
#include <pagoda/mm/alloc/buddy.h>
#include <pagoda/mm/alloc/kasan.h>
#include <pagoda/lib/string.h>

/* Pages in the first piece, whose metadata is 64 KiB, and in the last: 2 MiB, one block of 4K. */
#define STEP_MIN 1024
#define STEP_MAX (STEP_MIN * 32)

static const struct regime *buddy_regime(const struct buddy *buddy)
{
	return &buddy->vmemmap.space->regime;
}

static u64 frame_of(const struct buddy *buddy, paddr_t pa)
{
	return pa.value >> buddy_regime(buddy)->granule_shift;
}

static paddr_t frame_address(const struct buddy *buddy, u64 frame)
{
	return paddr(frame << buddy_regime(buddy)->granule_shift);
}

static struct page *page_of(const struct buddy *buddy, u64 frame)
{
	return vmemmap_page(&buddy->vmemmap, frame);
}

void buddy_init(struct buddy *buddy, const struct vmemmap *vmemmap, u64 phys_offset,
		struct buddy_range *ranges, u32 range_max)
{
	*buddy = (struct buddy){ .vmemmap = *vmemmap,
				 .phys_offset = phys_offset,
				 .ranges = ranges,
				 .range_max = range_max,
				 .step = STEP_MIN };
	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		buddy->free_head[order] = FRAME_NONE;
	/* Tables that are added from now on have struct pages, and are counted in them. */
	pool_count(vmemmap->space->pool, (u64)(uintptr_t)&page_of(buddy, 0)->used, vmemmap->stride);
}

/* Of the ranges that begin at or below @frame, the last; range_count where there is none. */
static u32 range_index(const struct buddy *buddy, u64 frame)
{
	u32 low = 0, high = buddy->range_count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (buddy->ranges[middle].first <= frame)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? buddy->range_count : low - 1;
}

/* The range in which @frame has been handed over; a null pointer where it has not been. */
static const struct buddy_range *range_of(const struct buddy *buddy, u64 frame)
{
	u32 index = range_index(buddy, frame);

	if (index == buddy->range_count || frame >= buddy->ranges[index].next)
		return NULL;
	return &buddy->ranges[index];
}

static bool frames_overlap(const struct buddy *buddy, u64 first, u64 end)
{
	u32 index = range_index(buddy, end - 1);

	return index != buddy->range_count && buddy->ranges[index].end > first;
}

enum buddy_result buddy_add(struct buddy *buddy, paddr_t start, paddr_t end)
{
	u64 granule = regime_granule(buddy_regime(buddy));
	u64 first = frame_of(buddy, paddr_align_up(start, granule));
	u64 last = frame_of(buddy, end);
	u32 at = buddy->range_count;

	if (first >= last)
		return BUDDY_OK;
	/* Mostly they come in their order. */
	if (at != 0 && buddy->ranges[at - 1].end > first && frames_overlap(buddy, first, last))
		return BUDDY_OVERLAP;
	if (buddy->range_count == buddy->range_max)
		return BUDDY_NO_ROOM;
	for (; at > 0 && buddy->ranges[at - 1].first > first; at--)
		buddy->ranges[at] = buddy->ranges[at - 1];
	buddy->ranges[at] = (struct buddy_range){ first, first, last };
	buddy->range_count++;
	return BUDDY_OK;
}

static void block_push(struct buddy *buddy, u64 frame, unsigned order)
{
	struct page *page = page_of(buddy, frame);

	page->state = PAGE_FREE;
	page->order = (u8)order;
	page_list_push(&buddy->vmemmap, &buddy->free_head[order], frame);
	buddy->free_blocks[order]++;
}

static void block_take(struct buddy *buddy, u64 frame, unsigned order)
{
	page_list_unlink(&buddy->vmemmap, &buddy->free_head[order], frame);
	page_of(buddy, frame)->state = PAGE_BODY;
	buddy->free_blocks[order]--;
}

/* A buddy beyond what has been handed over of the range has no metadata: it must not be read. */
static bool buddy_is_free(const struct buddy *buddy, const struct buddy_range *range, u64 frame,
			  unsigned order)
{
	const struct page *page;

	if (frame < range->first || frame + BIT(order) > range->next)
		return false;
	page = page_of(buddy, frame);
	return page->state == PAGE_FREE && page->order == order;
}

/* Free a block, and merge it with its buddy for as long as that is free as a whole. */
static void block_release(struct buddy *buddy, const struct buddy_range *range, u64 frame,
			  unsigned order)
{
	page_of(buddy, frame)->state = PAGE_BODY;
	while (order < BUDDY_ORDER_MAX && buddy_is_free(buddy, range, frame ^ BIT(order), order)) {
		block_take(buddy, frame ^ BIT(order), order);
		frame &= ~BIT(order);
		order++;
	}
	block_push(buddy, frame, order);
}

/* Where frame @frame is in the linear map. */
static u64 frame_linear(const struct buddy *buddy, u64 frame)
{
	return (frame << buddy_regime(buddy)->granule_shift) + buddy->phys_offset;
}

/*
 * Pages that handing over [range->next, end) takes for metadata, KASAN's included, and for tables
 * to reach it.
 */
struct overhead {
	u64 metadata, tables;
};

static struct overhead overhead_of(const struct buddy *buddy, const struct buddy_range *range,
				   u64 end)
{
	const struct space *space = buddy->vmemmap.space;
	struct layout_region span = vmemmap_range(&buddy->vmemmap, range->next, end);
	struct overhead overhead = { vmemmap_missing(&buddy->vmemmap, range->next, end), 0 };
	u64 room = pool_room(space->pool, regime_granule(&space->regime));
	u64 tables = regime_tables(&space->regime, span.start, span.end, LEVEL_PAGE);

	if (KASAN) {
		u64 start = frame_linear(buddy, range->next), last = frame_linear(buddy, end);

		overhead.metadata += kasan_pages(buddy->vmemmap.space, start, last);
		tables += kasan_tables(buddy->vmemmap.space, start, last);
	}

	if (overhead.metadata != 0 && tables > room)
		overhead.tables = tables - room;
	return overhead;
}

/* Whether handing over [range->next, end) leaves a block of @order, overhead deducted. */
static bool piece_serves(const struct buddy *buddy, const struct buddy_range *range, u64 end,
			 unsigned order)
{
	struct overhead overhead = overhead_of(buddy, range, end);
	u64 first = align_up(range->next + overhead.metadata + overhead.tables, BIT(order));

	return first < end && end - first >= BIT(order);
}

/*
 * Where to end a piece of @range that serves @order: at a multiple of the step, or where a larger
 * block asks for it. 0 where no piece does. A remainder not worth a piece is taken along.
 */
static u64 piece_end(const struct buddy *buddy, const struct buddy_range *range, unsigned order)
{
	u64 ends[] = { align_up(range->next + buddy->step / 2, buddy->step),
		       align_up(range->next + 3 * BIT(order), BIT(order)) };

	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		if (range->end < ends[i] + buddy->step / 2)
			ends[i] = range->end;
		if (ends[i] > range->next && piece_serves(buddy, range, ends[i], order))
			return ends[i];
	}
	return 0;
}

/* Blocks as large as alignment and the end allow. */
static void frames_release(struct buddy *buddy, const struct buddy_range *range, u64 frame, u64 end)
{
	while (frame != end) {
		unsigned order = 0;

		while (order < BUDDY_ORDER_MAX && is_aligned(frame, BIT(order + 1)) &&
		       end - frame >= BIT(order + 1))
			order++;
		block_release(buddy, range, frame, order);
		frame += BIT(order);
	}
}

/*
 * Counts of descriptors are in struct pages: a table may be used before its own is mapped. Where
 * that fails it never is, and nothing is counted any more.
 */
static bool metadata_map(struct buddy *buddy, u64 first, u64 end, paddr_t backing)
{
	struct layout_region span = vmemmap_range(&buddy->vmemmap, first, end);
	struct space *space = buddy->vmemmap.space;
	u64 counts = space->pool->counts, stride = space->pool->counts_stride;

	pool_count(space->pool, 0, 0);
	if (vmemmap_populate(&buddy->vmemmap, first, end, backing) != MAP_OK)
		return false;
	tables_publish();
	pool_count(space->pool, counts, stride);
	pt_count(space, span.start, span.end);
	return true;
}

/* KASAN's shadow of [first, end), in the pages before @backing_end. */
static bool shadow_map(struct buddy *buddy, u64 first, u64 end, paddr_t backing_end)
{
	struct space *space = buddy->vmemmap.space;
	u64 start = frame_linear(buddy, first), last = frame_linear(buddy, end);
	u64 size = kasan_pages(space, start, last) * regime_granule(&space->regime);

	return kasan_back_linear(space, start, last, paddr(backing_end.value - size));
}

/*
 * Hand over [range->next, end). What is taken for metadata stays taken even where mapping it fails,
 * since some of it may be mapped.
 */
static bool piece_hand_over(struct buddy *buddy, struct buddy_range *range, u64 end)
{
	struct overhead overhead = overhead_of(buddy, range, end);
	struct space *space = buddy->vmemmap.space;
	u64 first = range->next;
	paddr_t backing = frame_address(buddy, first);
	paddr_t tables = frame_address(buddy, first + overhead.metadata);
	u64 blocks = first + overhead.metadata + overhead.tables;

	range->next = blocks;
	buddy->metadata += overhead.metadata + overhead.tables;
	pool_add(space, tables, frame_address(buddy, blocks));
	memset((void *)(uintptr_t)(backing.value + buddy->phys_offset), 0,
	       paddr_diff(tables, backing));
	if (!metadata_map(buddy, first, end, backing))
		return false;
	/* The last pages of the metadata, whose own shadow may be in them. */
	if (KASAN && !shadow_map(buddy, first, end, tables))
		return false;
	for (u64 frame = first + overhead.metadata; frame != blocks; frame++)
		page_of(buddy, frame)->state = PAGE_TABLE;
	range->next = end;
	kasan_poison(frame_linear(buddy, blocks), (end - blocks) * regime_granule(&space->regime),
		     KASAN_PAGE_FREE);
	frames_release(buddy, range, blocks, end);
	return true;
}

/* Take more RAM, enough for a block of @order. */
static bool range_grow(struct buddy *buddy, unsigned order)
{
	for (u32 i = 0; i < buddy->range_count; i++) {
		struct buddy_range *range = &buddy->ranges[i];
		u64 end = piece_end(buddy, range, order);

		if (end == 0 || !piece_hand_over(buddy, range, end))
			continue;
		buddy->step = min_u64(2 * buddy->step, STEP_MAX);
		return true;
	}
	return false;
}

/* The tables that are counted on are in the pool, and stay there meanwhile. */
static bool buddy_grow(struct buddy *buddy, unsigned order)
{
	struct lock *tables = &buddy->vmemmap.space->pool->lock;
	bool grown;

	lock_take(tables);
	grown = range_grow(buddy, order);
	lock_drop(tables);
	return grown;
}

/* The least order from @order up of which there is a block; BUDDY_ORDERS where there is none. */
static unsigned order_find(const struct buddy *buddy, unsigned order)
{
	while (order < BUDDY_ORDERS && buddy->free_head[order] == FRAME_NONE)
		order++;
	return order;
}

static enum buddy_result block_alloc(struct buddy *buddy, unsigned order, enum page_state state,
				     paddr_t *block)
{
	unsigned found = order_find(buddy, order);
	u64 frame;

	if (found == BUDDY_ORDERS && buddy_grow(buddy, order))
		found = order_find(buddy, order);
	if (found == BUDDY_ORDERS)
		return BUDDY_EXHAUSTED;
	frame = buddy->free_head[found];
	block_take(buddy, frame, found);
	while (found-- > order)
		block_push(buddy, frame + BIT(found), found);
	page_of(buddy, frame)->state = (u8)state;
	page_of(buddy, frame)->order = (u8)order;
	if (KASAN)
		kasan_block_open(page_of(buddy, frame), frame_linear(buddy, frame),
				 regime_granule(buddy_regime(buddy)) << order);
	*block = frame_address(buddy, frame);
	return BUDDY_OK;
}

enum buddy_result buddy_alloc_as(struct buddy *buddy, unsigned order, enum page_state state,
				 paddr_t *block)
{
	enum buddy_result result;

	if (order > BUDDY_ORDER_MAX)
		return BUDDY_BAD_ORDER;
	lock_take(&buddy->lock);
	result = block_alloc(buddy, order, state, block);
	lock_drop(&buddy->lock);
	return result;
}

/* The first page of the block in @range that @inside is in, its frame in @frame. */
static struct page *block_find(const struct buddy *buddy, const struct buddy_range *range,
			       u64 inside, u64 *frame)
{
	for (unsigned order = 0; range && order < BUDDY_ORDERS; order++) {
		struct page *page;

		*frame = inside & ~(BIT(order) - 1);
		if (*frame < range->first)
			break;
		page = page_of(buddy, *frame);
		if (page->state != PAGE_BODY)
			return inside - *frame < BIT(page->order) ? page : NULL;
	}
	return NULL;
}

struct page *buddy_block(struct buddy *buddy, paddr_t pa, u64 *frame)
{
	u64 inside = frame_of(buddy, pa);
	struct page *page;

	lock_take(&buddy->lock);
	page = block_find(buddy, range_of(buddy, inside), inside, frame);
	lock_drop(&buddy->lock);
	return page;
}

static enum buddy_result block_free(struct buddy *buddy, paddr_t block, unsigned order,
				    enum page_state state)
{
	u64 inside = frame_of(buddy, block), frame;
	const struct buddy_range *range = range_of(buddy, inside);
	struct page *page;

	if (!is_aligned(block.value, regime_granule(buddy_regime(buddy))))
		return BUDDY_UNALIGNED;
	page = block_find(buddy, range, inside, &frame);
	if (!page)
		return BUDDY_NOT_RAM;
	if (page->state == PAGE_FREE)
		return BUDDY_DOUBLE_FREE;
	if (page->state != state || frame != inside)
		return BUDDY_NOT_A_BLOCK;
	if (page->order != order)
		return BUDDY_WRONG_ORDER;
	if (KASAN)
		kasan_block_close(page, frame_linear(buddy, frame),
				  regime_granule(buddy_regime(buddy)) << order);
	block_release(buddy, range, frame, order);
	return BUDDY_OK;
}

enum buddy_result buddy_free_as(struct buddy *buddy, paddr_t block, unsigned order,
				enum page_state state)
{
	enum buddy_result result;

	lock_take(&buddy->lock);
	result = block_free(buddy, block, order, state);
	lock_drop(&buddy->lock);
	return result;
}

enum buddy_result buddy_fill_pool(struct buddy *buddy, u64 tables)
{
	struct space *space = buddy->vmemmap.space;
	u64 granule = regime_granule(&space->regime);
	enum buddy_result result = BUDDY_OK;
	struct table_pool *pool = space->pool;

	lock_take(&pool->lock);
	while (result == BUDDY_OK && pool_room(pool, granule) < tables) {
		paddr_t table;

		lock_drop(&pool->lock); /* it comes after the allocator's */
		result = buddy_alloc_as(buddy, 0, PAGE_TABLE, &table);
		lock_take(&pool->lock);
		if (result == BUDDY_OK)
			pool_add(space, table, paddr_add(table, granule));
	}
	lock_drop(&pool->lock);
	return result;
}

static struct buddy_usage usage_of(const struct buddy *buddy)
{
	unsigned shift = buddy_regime(buddy)->granule_shift;
	struct buddy_usage usage = { .metadata = buddy->metadata << shift };

	for (u32 i = 0; i < buddy->range_count; i++) {
		const struct buddy_range *range = &buddy->ranges[i];

		usage.total += (range->end - range->first) << shift;
		usage.waiting += (range->end - range->next) << shift;
	}
	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		usage.free += buddy->free_blocks[order] << (shift + order);
	usage.used = usage.total - usage.waiting - usage.free - usage.metadata;
	return usage;
}

struct buddy_usage buddy_usage(struct buddy *buddy)
{
	struct buddy_usage usage;

	lock_take(&buddy->lock);
	usage = usage_of(buddy);
	lock_drop(&buddy->lock);
	return usage;
}

/* RAM that waits is most of it, until there is none: so that is asked first. */
bool buddy_has(struct buddy *buddy, u64 size)
{
	u64 pages = size >> buddy_regime(buddy)->granule_shift, found = 0;

	lock_take(&buddy->lock);
	for (u32 i = 0; i < buddy->range_count && found < pages; i++)
		found += buddy->ranges[i].end - buddy->ranges[i].next;
	for (unsigned order = 0; order < BUDDY_ORDERS && found < pages; order++)
		found += buddy->free_blocks[order] << order;
	lock_drop(&buddy->lock);
	return found >= pages;
}

/* One list: as long as its count says, and every block in it what it should be. */
static bool list_audit(const struct buddy *buddy, unsigned order)
{
	u64 frame = buddy->free_head[order];
	u64 prev = FRAME_NONE;

	for (u64 left = buddy->free_blocks[order]; left > 0; left--) {
		const struct buddy_range *range = range_of(buddy, frame);
		const struct page *page;

		if (frame == FRAME_NONE || !range || !is_aligned(frame, BIT(order)) ||
		    !buddy_is_free(buddy, range, frame, order))
			return false;
		if (order < BUDDY_ORDER_MAX &&
		    buddy_is_free(buddy, range, frame ^ BIT(order), order))
			return false;
		page = page_of(buddy, frame);
		if (page->prev != prev)
			return false;
		prev = frame;
		frame = page->next;
	}
	return frame == FRAME_NONE;
}

bool buddy_audit(struct buddy *buddy)
{
	struct buddy_usage usage;
	bool sound;

	lock_take(&buddy->lock);
	usage = usage_of(buddy);
	sound = usage.waiting + usage.free + usage.metadata <= usage.total;
	for (unsigned order = 0; order < BUDDY_ORDERS && sound; order++)
		sound = list_audit(buddy, order);
	lock_drop(&buddy->lock);
	return sound;
}
