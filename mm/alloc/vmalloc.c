// SPDX-License-Identifier: MIT
/*
 * Areas of the vmalloc region, from the heap; first fit.
 * Runs in the kernel, MMU on, and on the host.
 *
 * The lock is held to find a place, or an area, and not while that is mapped or unmapped: then the
 * area is busy, and whoever made it so has it for himself.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/lock.h>
#include <pagoda/mm/pt/change.h>
#include <pagoda/mm/alloc/kasan.h>
#include <pagoda/mm/alloc/vmalloc.h>

#include "areas.h"

void vmalloc_init(struct vmalloc *vmalloc, struct layout_region region, vaddr_t image_va,
		  paddr_t image_pa, u64 size)
{
	vmalloc->region = region;
	vmalloc->image = (struct vmalloc_area){ .start = image_va,
						.end = vaddr_add(image_va, size),
						.address = image_va,
						.kind = VMALLOC_IMAGE,
						.pa = image_pa,
						.pages = FRAME_NONE };
	vmalloc->lock = (struct lock){ 0 };
	areas_init(vmalloc);
}

static u64 granule_of(const struct vmalloc *vmalloc)
{
	return regime_granule(&vmalloc->space->regime);
}

/* What an area asks of its place: as many bytes, and an address equal to @pa modulo @align. */
struct fit {
	u64 size, align, pa;
};

/*
 * The lowest place for @fit and its guard page at or above @from that ends at or below @limit; 0
 * where there is none, which is no address of the upper half.
 */
static u64 hole_fit(const struct fit *fit, u64 guard, u64 from, u64 limit)
{
	u64 start = from + ((fit->pa - from) & (fit->align - 1));

	if (start < from || start > limit || limit - start < guard ||
	    limit - start - guard < fit->size)
		return 0;
	return start;
}

/* Put @area where @fit says, at the first place there is. */
static enum vmalloc_result area_place(struct vmalloc *vmalloc, struct vmalloc_area *area,
				      const struct fit *fit)
{
	u64 guard = granule_of(vmalloc), size = fit->size + guard;
	struct vmalloc_area *after = NULL;

	if (size < guard)
		return VMALLOC_NO_SPACE;
	while ((after = areas_hole(vmalloc, after, size)) != NULL) {
		u64 limit = after->start.value;
		u64 start = hole_fit(fit, guard, limit - after->hole, limit);

		if (start == 0)
			continue;
		area->start = vaddr(start);
		area->end = vaddr(start + fit->size);
		areas_insert(vmalloc, area, after);
		return VMALLOC_OK;
	}
	return VMALLOC_NO_SPACE;
}

static enum vmalloc_result area_create(struct vmalloc *vmalloc, enum vmalloc_kind kind,
				       const struct fit *fit, struct vmalloc_area **area)
{
	enum vmalloc_result result;
	void *object;

	if (heap_alloc(vmalloc->heap, sizeof(**area), &object) != HEAP_OK)
		return VMALLOC_NO_MEMORY;
	*area = object;
	(*area)->kind = kind;
	(*area)->pages = FRAME_NONE;
	(*area)->busy = true;
	lock_take(&vmalloc->lock);
	result = area_place(vmalloc, *area, fit);
	lock_drop(&vmalloc->lock);
	if (result != VMALLOC_OK)
		(void)heap_free(vmalloc->heap, object);
	return result;
}

static void area_delete(struct vmalloc *vmalloc, struct vmalloc_area *area)
{
	lock_take(&vmalloc->lock);
	areas_remove(vmalloc, area);
	lock_drop(&vmalloc->lock);
	(void)heap_free(vmalloc->heap, area);
}

/* Release: who finds it so sees what was done with it. */
static void area_release(struct vmalloc_area *area)
{
	__atomic_store_n(&area->busy, false, __ATOMIC_RELEASE);
}

static bool area_is_busy(const struct vmalloc_area *area)
{
	return __atomic_load_n(&area->busy, __ATOMIC_ACQUIRE);
}

/* The area whose address was given out as @address, busy from now on, or a null pointer. */
static struct vmalloc_area *area_claim(struct vmalloc *vmalloc, vaddr_t address)
{
	struct vmalloc_area *area;

	lock_take(&vmalloc->lock);
	area = areas_find(vmalloc, address);
	if (area && (area->kind == VMALLOC_IMAGE || area_is_busy(area) ||
		     area->address.value != address.value))
		area = NULL;
	if (area)
		area->busy = true;
	lock_drop(&vmalloc->lock);
	return area;
}

/* For what should not be. */
static enum vmalloc_result tables_result(struct vmalloc *vmalloc, enum map_result result)
{
	if (result == MAP_OK)
		return VMALLOC_OK;
	__atomic_store_n(&vmalloc->map_result, result, __ATOMIC_RELAXED);
	return VMALLOC_BAD_TABLES;
}

/*
 * Map @size bytes of an area from @start on, or nothing. Mostly the tables are there. Where not,
 * the pool is filled until there is no memory either; that others take what was meant for this is
 * why it is tried again and again. What should not be is that something is there already.
 */
static enum vmalloc_result area_map(struct vmalloc *vmalloc, vaddr_t start, u64 size, paddr_t pa,
				    enum mem_type type)
{
	struct map_request request = { .start = start,
				       .end = vaddr_add(start, size),
				       .pa = pa,
				       .attr = { PROT_READ_WRITE, type } };
	const struct regime *regime = &vmalloc->space->regime;
	enum map_result result;

	while ((result = pt_map(vmalloc->space, &request)) == MAP_NO_TABLES) {
		u64 tables = regime_tables(regime, start, request.end,
					   type == MEM_NORMAL ? LEVEL_PAGE : regime->block_level);

		if (buddy_fill_pool(vmalloc->heap->buddy, tables) != BUDDY_OK)
			return VMALLOC_NO_MEMORY;
	}
	return tables_result(vmalloc, result);
}

static enum vmalloc_result area_unmap(struct vmalloc *vmalloc, vaddr_t start, vaddr_t end)
{
	if (start.value == end.value)
		return VMALLOC_OK;
	return tables_result(vmalloc, pt_unmap(vmalloc->space, start, end));
}

/* Only after they are out of the TLB. */
static void pages_free(struct vmalloc *vmalloc, struct vmalloc_area *area)
{
	struct buddy *buddy = vmalloc->heap->buddy;
	unsigned shift = vmalloc->space->regime.granule_shift;

	while (area->pages != FRAME_NONE) {
		u64 frame = area->pages;

		page_list_unlink(&buddy->vmemmap, &area->pages, frame);
		(void)buddy_free(buddy, paddr(frame << shift), 0);
	}
}

/* Pages for [start, end) of @area, one at a time; @at is where it came to. */
static enum vmalloc_result pages_map(struct vmalloc *vmalloc, struct vmalloc_area *area,
				     vaddr_t *at)
{
	struct buddy *buddy = vmalloc->heap->buddy;
	u64 granule = granule_of(vmalloc);
	enum vmalloc_result result = VMALLOC_OK;
	paddr_t page;

	for (; result == VMALLOC_OK && at->value != area->end.value; at->value += granule) {
		if (buddy_alloc(buddy, 0, &page) != BUDDY_OK)
			return VMALLOC_NO_MEMORY;
		page_list_push(&buddy->vmemmap, &area->pages, page.value / granule);
		result = area_map(vmalloc, *at, granule, page, MEM_NORMAL);
		if (result != VMALLOC_OK)
			break;
	}
	return result;
}

enum vmalloc_result vmalloc_alloc(struct vmalloc *vmalloc, u64 size, vaddr_t *address)
{
	u64 granule = granule_of(vmalloc);
	struct fit fit = { .size = align_up(size, granule), .align = granule };
	struct vmalloc_area *area;
	enum vmalloc_result result;
	vaddr_t at;

	if (size == 0 || fit.size < size)
		return VMALLOC_BAD_SIZE;
	result = area_create(vmalloc, VMALLOC_PAGES, &fit, &area);
	if (result != VMALLOC_OK)
		return result;
	at = area->address = area->start;
	result = VMALLOC_NO_MEMORY;
	/* Or a size that the region has room for would first take all memory, page by page. */
	if (fit.size == granule || buddy_has(vmalloc->heap->buddy, fit.size))
		result = pages_map(vmalloc, area, &at);
	if (KASAN && result == VMALLOC_OK)
		result = kasan_area(vmalloc, area, size);
	tables_publish();
	if (result == VMALLOC_OK) {
		*address = area->start;
		area_release(area);
		return VMALLOC_OK;
	}
	(void)area_unmap(vmalloc, area->start, at);
	pages_free(vmalloc, area);
	area_delete(vmalloc, area);
	return result;
}

/* Leaves at a level can be used where the address is, modulo their span, what @pa is. */
static u64 block_align(const struct regime *regime, u64 pa, u64 size)
{
	int level = regime->block_level > regime->root_level ? regime->block_level :
							       regime->root_level;

	while (level < LEVEL_PAGE && (align_up(pa, regime_span(regime, level)) - pa > size ||
				      size - (align_up(pa, regime_span(regime, level)) - pa) <
					      regime_span(regime, level)))
		level++;
	return regime_span(regime, level);
}

static enum vmalloc_result device_check(const struct vmalloc *vmalloc, u64 pa, u64 size)
{
	u64 pa_end = regime_pa_end(&vmalloc->space->regime);

	if (size == 0 || pa + size < pa)
		return VMALLOC_BAD_SIZE;
	if (pa >= pa_end || size > pa_end - pa)
		return VMALLOC_UNREACHABLE;
	return VMALLOC_OK;
}

/* What device_check() has let through, and is not mapped elsewhere. */
static enum vmalloc_result device_map(struct vmalloc *vmalloc, paddr_t pa, u64 size,
				      vaddr_t *address)
{
	const struct regime *regime = &vmalloc->space->regime;
	u64 granule = granule_of(vmalloc);
	u64 first = align_down(pa.value, granule);
	struct fit fit = { .pa = first };
	enum vmalloc_result result;
	struct vmalloc_area *area;

	fit.size = align_up(pa.value + size, granule) - first;
	fit.align = block_align(regime, first, fit.size);
	result = area_create(vmalloc, VMALLOC_DEVICE, &fit, &area);
	if (result != VMALLOC_OK)
		return result;
	area->pa = paddr(first);
	area->address = vaddr_add(area->start, pa.value - first);
	if (KASAN && kasan_area(vmalloc, area, fit.size) != VMALLOC_OK) {
		area_delete(vmalloc, area);
		return VMALLOC_NO_MEMORY;
	}
	result = area_map(vmalloc, area->start, fit.size, area->pa, MEM_DEVICE_NGNRE);
	tables_publish();
	if (result == VMALLOC_OK) {
		*address = area->address;
		area_release(area);
	} else {
		area_delete(vmalloc, area);
	}
	return result;
}

enum vmalloc_result vmalloc_ioremap(struct vmalloc *vmalloc, paddr_t pa, u64 size, vaddr_t *address)
{
	enum vmalloc_result result = device_check(vmalloc, pa.value, size);

	if (result == VMALLOC_OK && !memory_may_map_device(vmalloc->memory, pa, size))
		result = VMALLOC_IS_RAM;
	return result == VMALLOC_OK ? device_map(vmalloc, pa, size, address) : result;
}

enum vmalloc_result vmalloc_ioremap_hidden(struct vmalloc *vmalloc, paddr_t pa, u64 size,
					   vaddr_t *address)
{
	enum vmalloc_result result = device_check(vmalloc, pa.value, size);

	if (result == VMALLOC_OK && !memory_is_unmapped(vmalloc->memory, pa, size))
		result = VMALLOC_IS_RAM;
	return result == VMALLOC_OK ? device_map(vmalloc, pa, size, address) : result;
}

enum vmalloc_result vmalloc_free(struct vmalloc *vmalloc, vaddr_t address)
{
	struct vmalloc_area *area = area_claim(vmalloc, address);
	enum vmalloc_result result;

	if (!area)
		return VMALLOC_NOT_AN_AREA;
	result = area_unmap(vmalloc, area->start, area->end);
	if (result != VMALLOC_OK) {
		area_release(area);
		return result;
	}
	kasan_poison(area->start.value, vaddr_diff(area->end, area->start), KASAN_VMALLOC);
	pages_free(vmalloc, area);
	area_delete(vmalloc, area);
	return VMALLOC_OK;
}

bool vmalloc_next(struct vmalloc *vmalloc, vaddr_t address, struct vmalloc_area *area)
{
	const struct vmalloc_area *found;

	lock_take(&vmalloc->lock);
	found = areas_next(vmalloc, address);
	*area = *found;
	lock_drop(&vmalloc->lock);
	return found != &vmalloc->end;
}

/* Whether [start, end) is mapped throughout, or nowhere. */
static bool range_is(const struct vmalloc *vmalloc, u64 start, u64 end, bool mapped)
{
	while (start != end) {
		struct pt_run run = pt_next_run(vmalloc->space, vaddr(start), vaddr(end));

		if ((run.kind != PTE_INVALID) != mapped)
			return false;
		start = run.end.value;
	}
	return true;
}

static bool all_audit(const struct vmalloc *vmalloc)
{
	u64 from = vmalloc->region.start.value, guard = 0;

	for (const struct vmalloc_area *area = vmalloc->areas; area; area = area->next) {
		u64 start = area->start.value, end = area->end.value;

		if (start < from || start - from < guard || end <= start ||
		    end > vmalloc->region.end.value || !range_is(vmalloc, from, start, false))
			return false;
		/* What only the early runtime needed is missing from the image by now. */
		if (area->kind != VMALLOC_IMAGE && !area_is_busy(area) &&
		    !range_is(vmalloc, start, end, true))
			return false;
		from = end;
		guard = granule_of(vmalloc);
	}
	return areas_audit(vmalloc) &&
	       pt_counts_agree(vmalloc->space, vmalloc->region.start, vmalloc->region.end) &&
	       range_is(vmalloc, from, vmalloc->region.end.value, false);
}

/* What is mapped stays as it is, too, while it is looked at. */
bool vmalloc_audit(struct vmalloc *vmalloc)
{
	struct lock *tables = &vmalloc->space->pool->lock;
	bool sound;

	lock_take(&vmalloc->lock);
	lock_take(tables);
	sound = all_audit(vmalloc);
	lock_drop(tables);
	lock_drop(&vmalloc->lock);
	return sound;
}
