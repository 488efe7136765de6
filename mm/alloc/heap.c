// SPDX-License-Identifier: MIT
/*
 * The kernel heap. What a page of objects is stands in its struct page; what a free object is, in
 * the object: where the next free one is, and a mark by which freeing it again is noticed.
 * Runs in the kernel, MMU on, with the linear map, and on the host.
 */
#include <pagoda/arch/lock.h>
#include <pagoda/mm/alloc/heap.h>
#include <pagoda/mm/alloc/kasan.h>
#include <pagoda/lib/string.h>

/* Under this, a free object says that it is one; exclusive-ored with its own address. */
#define FREE_MARK 0x66726565206f626a

struct free_object {
	u64 next; /* offset in the page; the page's size ends the list */
	u64 mark;
};

static u64 heap_page_size(const struct heap *heap)
{
	return regime_granule(&heap->buddy->vmemmap.space->regime);
}

static u8 *heap_pointer(const struct heap *heap, u64 frame)
{
	unsigned shift = heap->buddy->vmemmap.space->regime.granule_shift;

	return (u8 *)(uintptr_t)((frame << shift) + heap->buddy->phys_offset);
}

void heap_init(struct heap *heap, struct buddy *buddy)
{
	*heap = (struct heap){ .buddy = buddy };
	for (unsigned shift = 0; shift <= HEAP_SHIFT_MAX; shift++)
		heap->partial[shift] = FRAME_NONE;
}

/* The least shift from @least up with @size bytes in 1 << shift; @size is at most 2^63. */
static unsigned shift_for(u64 size, unsigned least)
{
	unsigned shift = least;

	while (BIT(shift) < size)
		shift++;
	return shift;
}

/* A block of pages for the heap, its frame in @frame. */
static enum heap_result pages_take(struct heap *heap, unsigned order, enum page_state state,
				   u64 *frame)
{
	paddr_t block;

	if (buddy_alloc_as(heap->buddy, order, state, &block) != BUDDY_OK)
		return HEAP_EXHAUSTED;
	*frame = block.value >> heap->buddy->vmemmap.space->regime.granule_shift;
	return HEAP_OK;
}

/* Cannot fail: the block is the heap's, as its state said. */
static void pages_give(struct heap *heap, struct page *page, u64 frame)
{
	unsigned shift = heap->buddy->vmemmap.space->regime.granule_shift;

	(void)buddy_free_as(heap->buddy, paddr(frame << shift), page->order,
			    (enum page_state)page->state);
}

static bool page_is_full(const struct heap *heap, const struct page *page)
{
	u64 size = heap_page_size(heap);

	return page->object_free == size && page->object_fresh == size;
}

/* A page with room for an object of 1 << @shift bytes. */
static enum heap_result page_reach(struct heap *heap, unsigned shift, u64 *frame)
{
	enum heap_result result;
	struct page *page;

	*frame = heap->partial[shift];
	if (*frame != FRAME_NONE)
		return HEAP_OK;
	result = pages_take(heap, 0, PAGE_HEAP_OBJECTS, frame);
	if (result != HEAP_OK)
		return result;
	page = vmemmap_page(&heap->buddy->vmemmap, *frame);
	page->object_shift = (u8)shift;
	page->used = 0;
	page->object_free = (u32)heap_page_size(heap);
	page->object_fresh = 0;
	kasan_poison((uintptr_t)heap_pointer(heap, *frame), heap_page_size(heap),
		     KASAN_HEAP_REDZONE);
	page_list_push(&heap->buddy->vmemmap, &heap->partial[shift], *frame);
	return HEAP_OK;
}

KASAN_UNCHECKED static enum heap_result object_alloc(struct heap *heap, unsigned shift,
						     void **object)
{
	u64 frame;
	enum heap_result result = page_reach(heap, shift, &frame);
	struct page *page;
	u8 *base;

	if (result != HEAP_OK)
		return result;
	page = vmemmap_page(&heap->buddy->vmemmap, frame);
	base = heap_pointer(heap, frame);
	if (page->object_free != heap_page_size(heap)) {
		*object = base + page->object_free;
		page->object_free = (u32)((struct free_object *)*object)->next;
	} else {
		*object = base + page->object_fresh;
		page->object_fresh += (u32)BIT(shift);
	}
	page->used++;
	if (page_is_full(heap, page))
		page_list_unlink(&heap->buddy->vmemmap, &heap->partial[shift], frame);
	return HEAP_OK;
}

/* A block of 1 << @shift bytes, of whole pages. */
static enum heap_result block_alloc(struct heap *heap, unsigned shift, void **object)
{
	unsigned granule_shift = heap->buddy->vmemmap.space->regime.granule_shift;
	enum heap_result result;
	u64 frame;

	result = pages_take(heap, shift - granule_shift, PAGE_HEAP_BLOCK, &frame);
	if (result == HEAP_OK)
		*object = heap_pointer(heap, frame);
	return result;
}

/* Small objects are most: for those memset() would be mostly its own beginning and end. */
static void object_clear(void *object, size_t size)
{
	u64 *word = object, *end = word + size / sizeof(*word);

	_Static_assert(BIT(HEAP_SHIFT_MIN) == 2 * sizeof(*word), "two words at a time");
	for (; word != end; word += 2)
		word[0] = word[1] = 0;
}

enum heap_result heap_alloc(struct heap *heap, size_t size, void **object)
{
	u64 page_size = heap_page_size(heap);
	enum heap_result result;
	unsigned shift;

	if (size > page_size << BUDDY_ORDER_MAX)
		return HEAP_TOO_LARGE;
	shift = shift_for(kasan_heap_size(size), HEAP_SHIFT_MIN);
	lock_take(&heap->lock);
	if (BIT(shift) < page_size)
		result = object_alloc(heap, shift, object);
	else
		result = block_alloc(heap, shift, object);
	heap->objects += result == HEAP_OK;
	lock_drop(&heap->lock);
	if (result != HEAP_OK)
		return result;
	kasan_open((uintptr_t)*object, BIT(shift));
	if (BIT(shift) < page_size)
		object_clear(*object, BIT(shift));
	else
		memset(*object, 0, BIT(shift));
	if (KASAN)
		kasan_heap_new(*object, size, BIT(shift));
	return HEAP_OK;
}

/*
 * Whether the object at @offset of the page at @base is on its free list. An object in use can hold
 * the mark by chance, or malice: the list decides, and has no more elements than the page.
 */
KASAN_UNCHECKED static bool object_is_free(const struct heap *heap, const struct page *page,
					   const u8 *base, u64 offset)
{
	const struct free_object *object = (const struct free_object *)(base + offset);
	u64 left = page->object_fresh >> page->object_shift;

	if (object->mark != (FREE_MARK ^ (uintptr_t)object))
		return false;
	for (u64 at = page->object_free; at < heap_page_size(heap) && left > 0; left--) {
		if (at == offset)
			return true;
		at = ((const struct free_object *)(base + at))->next;
	}
	return false;
}

KASAN_UNCHECKED static enum heap_result object_free(struct heap *heap, struct page *page, u64 frame,
						    u64 offset)
{
	u64 *list = &heap->partial[page->object_shift];
	u8 *base = heap_pointer(heap, frame);
	struct free_object *object = (struct free_object *)(base + offset);

	if (offset >= page->object_fresh || !is_aligned(offset, BIT(page->object_shift)))
		return HEAP_NOT_AN_OBJECT;
	if (object_is_free(heap, page, base, offset))
		return HEAP_DOUBLE_FREE;
	if (page_is_full(heap, page))
		page_list_push(&heap->buddy->vmemmap, list, frame);
	*object = (struct free_object){ page->object_free, FREE_MARK ^ (uintptr_t)object };
	page->object_free = (u32)offset;
	page->used--;
	if (page->used == 0) {
		page_list_unlink(&heap->buddy->vmemmap, list, frame);
		pages_give(heap, page, frame);
	}
	return HEAP_OK;
}

static enum heap_result any_free(struct heap *heap, void *object)
{
	paddr_t pa = paddr((uintptr_t)object - heap->buddy->phys_offset);
	enum heap_result result = HEAP_NOT_AN_OBJECT;
	struct page *page;
	u64 frame, offset;

	page = buddy_block(heap->buddy, pa, &frame);
	if (!page)
		return HEAP_NOT_AN_OBJECT;
	offset = (u64)((u8 *)object - heap_pointer(heap, frame));
	switch ((enum page_state)page->state) {
	case PAGE_FREE:
		return HEAP_DOUBLE_FREE;
	case PAGE_BODY:
	case PAGE_USED:
	case PAGE_TABLE:
		break;
	case PAGE_HEAP_OBJECTS:
		result = object_free(heap, page, frame, offset);
		break;
	case PAGE_HEAP_BLOCK:
		if (offset == 0) {
			pages_give(heap, page, frame);
			result = HEAP_OK;
		}
		break;
	}
	heap->objects -= result == HEAP_OK;
	return result;
}

static enum heap_result free_now(struct heap *heap, void *object)
{
	enum heap_result result;

	lock_take(&heap->lock);
	result = any_free(heap, object);
	lock_drop(&heap->lock);
	return result;
}

#if KASAN
enum heap_result heap_free_now(struct heap *heap, void *object)
{
	return free_now(heap, object);
}
#endif

enum heap_result heap_free(struct heap *heap, void *object)
{
	enum heap_result result;

	if (KASAN && !kasan_heap_retire(heap, &object, &result))
		return result;
	return free_now(heap, object);
}
