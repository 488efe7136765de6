// SPDX-License-Identifier: MIT
/*
 * The allocators' part of KASAN: shadow for what they hand out, and the way of what comes back.
 * Runs in the kernel, MMU on, and on the host. Not checked: it is what others are checked by.
 */
#include <pagoda/arch/lock.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/alloc/kasan.h>
#include <pagoda/mm/pt/shared.h>

/* ---- shadow ---- */

/* Whole pages of shadow around that of [@start, @end). */
static struct layout_region shadow_of(const struct space *space, u64 start, u64 end)
{
	u64 granule = regime_granule(&space->regime);
	u64 first = (uintptr_t)kasan_shadow(start), last = (uintptr_t)kasan_shadow(end - 1);

	return (struct layout_region){ vaddr(align_down(first, granule)),
				       vaddr(align_down(last, granule) + granule) };
}

u64 kasan_pages_count(struct space *space, u64 start, u64 end)
{
	struct layout_region shadow = shadow_of(space, start, end);
	u64 granule = regime_granule(&space->regime), pages = 0;

	for (u64 at = shadow.start.value; kasan_active() && at != shadow.end.value; at += granule)
		pages += pt_is_shared(space, vaddr(at));
	return pages;
}

u64 kasan_tables_count(struct space *space, u64 start, u64 end)
{
	struct layout_region shadow = shadow_of(space, start, end);

	if (!kasan_active())
		return 0;
	return regime_tables(&space->regime, shadow.start, shadow.end, LEVEL_PAGE);
}

bool kasan_back_linear(struct space *space, u64 start, u64 end, paddr_t backing)
{
	struct layout_region shadow = shadow_of(space, start, end);
	u64 granule = regime_granule(&space->regime);

	for (u64 at = shadow.start.value; kasan_active() && at != shadow.end.value; at += granule) {
		if (!pt_is_shared(space, vaddr(at)))
			continue;
		if (pt_own(space, vaddr(at), backing) != MAP_OK)
			return false;
		backing = paddr_add(backing, granule);
	}
	return true;
}

/* Roughly, where several do it at once: it is for tests of one. */
static void keep(struct heap *heap, u64 bytes)
{
	__atomic_add_fetch(&heap->kept, bytes, __ATOMIC_RELAXED);
}

u64 kasan_kept(struct heap *heap)
{
	return __atomic_load_n(&heap->kept, __ATOMIC_RELAXED);
}

/*
 * A page of shadow at @at, all of it poisoned: what is not in an area is nobody's. Another CPU may
 * have been there first, for an area beside ours.
 */
static enum vmalloc_result area_page(struct vmalloc *vmalloc, u64 at)
{
	struct buddy *buddy = vmalloc->heap->buddy;
	struct space *space = vmalloc->space;
	struct lock *tables = &space->pool->lock;
	u64 granule = regime_granule(&space->regime), added = 0;
	enum map_result result;
	paddr_t page;

	if (buddy_alloc(buddy, 0, &page) != BUDDY_OK)
		return VMALLOC_NO_MEMORY;
	memset((void *)(uintptr_t)(page.value + buddy->phys_offset), KASAN_VMALLOC, granule);
	for (;; added++) {
		lock_take(tables);
		result = pt_own(space, vaddr(at), page);
		lock_drop(tables);
		/* Where it says so the pool is empty: one table more. */
		if (result != MAP_NO_TABLES || buddy_fill_pool(buddy, 1) != BUDDY_OK)
			break;
	}
	if (result != MAP_OK)
		(void)buddy_free(buddy, page, 0);
	keep(vmalloc->heap, granule * (added + (result == MAP_OK)));
	return result == MAP_NO_TABLES ? VMALLOC_NO_MEMORY : VMALLOC_OK;
}

enum vmalloc_result kasan_back_area(struct vmalloc *vmalloc, const struct vmalloc_area *area,
				    u64 size)
{
	struct space *space = vmalloc->space;
	struct layout_region shadow = shadow_of(space, area->start.value, area->end.value);
	enum vmalloc_result result = VMALLOC_OK;

	for (u64 at = shadow.start.value;
	     kasan_active() && result == VMALLOC_OK && at != shadow.end.value;
	     at += regime_granule(&space->regime))
		if (pt_is_shared(space, vaddr(at)))
			result = area_page(vmalloc, at);
	if (result == VMALLOC_OK)
		kasan_set_open(area->start.value, size);
	return result;
}

/* ---- pages ---- */

static void page_note(struct page *page, bool freed)
{
	struct kasan_trace trace;
	s32 *caller = freed ? page->freed : page->allocated;

	kasan_trace_take(&trace, 1);
	for (unsigned i = 0; i < KASAN_TRACE_SHORT; i++)
		caller[i] = trace.caller[i];
}

void kasan_block_open(struct page *page, u64 start, u64 size)
{
	kasan_set_open(start, size);
	page_note(page, false);
}

void kasan_block_close(struct page *page, u64 start, u64 size)
{
	kasan_set_poison(start, size, KASAN_PAGE_FREE);
	page_note(page, true);
}

/* ---- the heap ---- */

static struct kasan_tail *tail_of(void *object, u64 room)
{
	return (struct kasan_tail *)((u8 *)object + room) - 1;
}

void kasan_heap_new(void *object, size_t size, u64 room)
{
	struct kasan_tail *tail = tail_of(object, room);
	u64 start = (uintptr_t)object, gap = align_up(size, KASAN_GRAIN);

	tail->life = KASAN_LIVE;
	tail->size = (u32)size;
	kasan_trace_take(&tail->allocated, 1);
	kasan_set_open(start, size);
	kasan_set_poison(start + gap, room - gap, KASAN_HEAP_REDZONE);
}

/* What the heap has at @address: room 0 where that is nothing, or not cut into objects yet. */
static struct kasan_object object_find(struct heap *heap, u64 address)
{
	const struct regime *regime = &heap->buddy->vmemmap.space->regime;
	struct kasan_object object = { 0 };
	const struct page *page;
	u64 frame, base;

	page = buddy_block(heap->buddy, paddr(address - heap->buddy->phys_offset), &frame);
	if (!page)
		return object;
	base = (frame << regime->granule_shift) + heap->buddy->phys_offset;
	if (page->state == PAGE_HEAP_BLOCK) {
		object.start = base;
		object.room = regime_granule(regime) << page->order;
	} else if (page->state == PAGE_HEAP_OBJECTS && address - base < page->object_fresh) {
		object.room = BIT(page->object_shift);
		object.start = base + align_down(address - base, object.room);
	}
	if (object.room != 0)
		object.tail = tail_of((void *)(uintptr_t)object.start, object.room);
	return object;
}

bool kasan_object_at(struct heap *heap, u64 address, struct kasan_object *object)
{
	*object = object_find(heap, address);
	return object->room != 0 &&
	       (object->tail->life == KASAN_LIVE || object->tail->life == KASAN_RETIRED);
}

/* Of what is still there, the oldest. */
static void *oldest_take(struct heap *heap)
{
	void *oldest = heap->retired[heap->retired_first];

	heap->retired_first = (heap->retired_first + 1) % HEAP_RETIRED_MAX;
	heap->retired_count--;
	heap->objects++; /* for as long as it takes to give it back */
	return oldest;
}

/* The way of @object, which is a live one of @room bytes; null where all that is to do is done. */
static void *retire(struct heap *heap, void *object, u64 room)
{
	struct kasan_tail *tail = tail_of(object, room);
	void *oldest = NULL;

	tail->life = KASAN_RETIRED;
	kasan_trace_take(&tail->freed, 1);
	kasan_set_poison((uintptr_t)object, align_up(tail->size, KASAN_GRAIN), KASAN_HEAP_FREE);
	/* What is large would soon be all memory; its pages are poisoned where they are free. */
	if (room >= regime_granule(&heap->buddy->vmemmap.space->regime))
		return object;
	if (heap->retired_count == HEAP_RETIRED_MAX)
		oldest = oldest_take(heap);
	heap->retired[(heap->retired_first + heap->retired_count) % HEAP_RETIRED_MAX] = object;
	heap->retired_count++;
	heap->objects--;
	return oldest;
}

bool kasan_heap_retire(struct heap *heap, void **object, enum heap_result *result)
{
	enum kasan_wrong wrong = KASAN_INVALID_FREE;
	struct kasan_object found;
	void *freed = *object;

	lock_take(&heap->lock);
	found = object_find(heap, (uintptr_t)freed);
	*result = HEAP_NOT_AN_OBJECT;
	if (found.room != 0 && found.start == (uintptr_t)freed) {
		if (found.tail->life == KASAN_LIVE) {
			*object = retire(heap, freed, found.room);
			*result = HEAP_OK;
		} else if (found.tail->life == KASAN_RETIRED) {
			*result = HEAP_DOUBLE_FREE;
			wrong = KASAN_DOUBLE_FREE;
		}
	}
	lock_drop(&heap->lock);
	if (*result == HEAP_OK)
		return *object != NULL;
	kasan_report((uintptr_t)freed, 0, (uintptr_t)__builtin_return_address(0), wrong);
	/* Nobody checks, as on the host: the heap says what it thinks of it. */
	return *result == HEAP_NOT_AN_OBJECT;
}

void kasan_heap_settle(struct heap *heap)
{
	for (;;) {
		void *oldest = NULL;

		lock_take(&heap->lock);
		if (heap->retired_count != 0)
			oldest = oldest_take(heap);
		lock_drop(&heap->lock);
		if (oldest == NULL)
			return;
		(void)heap_free_now(heap, oldest);
	}
}
