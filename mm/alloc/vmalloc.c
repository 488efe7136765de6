// SPDX-License-Identifier: MIT
/*
 * Areas of the vmalloc region, from the heap; first fit.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/mm/pt/change.h>
#include <pagoda/mm/alloc/vmalloc.h>

#include "areas.h"

const char *vmalloc_kind_str(enum vmalloc_kind kind)
{
	switch (kind) {
	case VMALLOC_IMAGE:
		return "image";
	case VMALLOC_PAGES:
		return "pages";
	case VMALLOC_DEVICE:
		return "device";
	}
	return "unknown";
}

const char *vmalloc_result_str(enum vmalloc_result result)
{
	switch (result) {
	case VMALLOC_OK:
		return "ok";
	case VMALLOC_BAD_SIZE:
		return "size zero or beyond the end of the address space";
	case VMALLOC_NO_SPACE:
		return "no hole in the vmalloc region is that large";
	case VMALLOC_NO_MEMORY:
		return "out of memory";
	case VMALLOC_UNREACHABLE:
		return "physical address beyond the output size";
	case VMALLOC_IS_RAM:
		return "is RAM, not a device";
	case VMALLOC_NOT_AN_AREA:
		return "not the address of an area";
	case VMALLOC_BAD_TABLES:
		return "page tables do not agree";
	}
	return "unknown result";
}

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
	result = area_place(vmalloc, *area, fit);
	if (result != VMALLOC_OK)
		(void)heap_free(vmalloc->heap, object);
	return result;
}

static void area_delete(struct vmalloc *vmalloc, struct vmalloc_area *area)
{
	areas_remove(vmalloc, area);
	(void)heap_free(vmalloc->heap, area);
}

/*
 * Map @size bytes of an area from @start on, or nothing. Its tables are in the pool, so that it
 * cannot run dry; what can be is that something is there already.
 */
static enum vmalloc_result area_map(struct vmalloc *vmalloc, vaddr_t start, u64 size, paddr_t pa,
				    enum mem_type type)
{
	struct map_request request = { .start = start,
				       .end = vaddr_add(start, size),
				       .pa = pa,
				       .attr = { PROT_READ_WRITE, type } };

	vmalloc->map_result = pt_map(vmalloc->space, &request);
	return vmalloc->map_result == MAP_OK ? VMALLOC_OK : VMALLOC_BAD_TABLES;
}

static enum vmalloc_result area_unmap(struct vmalloc *vmalloc, vaddr_t start, vaddr_t end)
{
	if (start.value == end.value)
		return VMALLOC_OK;
	vmalloc->map_result = pt_unmap(vmalloc->space, start, end);
	return vmalloc->map_result == MAP_OK ? VMALLOC_OK : VMALLOC_BAD_TABLES;
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
	const struct regime *regime = &vmalloc->space->regime;
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
	if (buddy_has(vmalloc->heap->buddy, fit.size) &&
	    buddy_fill_pool(vmalloc->heap->buddy,
			    regime_tables(regime, area->start, area->end, LEVEL_PAGE)) == BUDDY_OK)
		result = pages_map(vmalloc, area, &at);
	tables_publish();
	if (result == VMALLOC_OK) {
		*address = area->start;
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
	u64 tables;

	fit.size = align_up(pa.value + size, granule) - first;
	fit.align = block_align(regime, first, fit.size);
	result = area_create(vmalloc, VMALLOC_DEVICE, &fit, &area);
	if (result != VMALLOC_OK)
		return result;
	area->pa = paddr(first);
	area->address = vaddr_add(area->start, pa.value - first);
	tables = regime_tables(regime, area->start, area->end, regime->block_level);
	result = VMALLOC_NO_MEMORY;
	if (buddy_fill_pool(vmalloc->heap->buddy, tables) == BUDDY_OK)
		result = area_map(vmalloc, area->start, fit.size, area->pa, MEM_DEVICE_NGNRE);
	tables_publish();
	if (result == VMALLOC_OK)
		*address = area->address;
	else
		area_delete(vmalloc, area);
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
	struct vmalloc_area *area = areas_find(vmalloc, address);
	enum vmalloc_result result;

	if (!area || area->address.value != address.value || area->kind == VMALLOC_IMAGE)
		return VMALLOC_NOT_AN_AREA;
	result = area_unmap(vmalloc, area->start, area->end);
	if (result != VMALLOC_OK)
		return result;
	pages_free(vmalloc, area);
	area_delete(vmalloc, area);
	return VMALLOC_OK;
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

bool vmalloc_audit(const struct vmalloc *vmalloc)
{
	u64 from = vmalloc->region.start.value, guard = 0;

	for (const struct vmalloc_area *area = vmalloc->areas; area; area = area->next) {
		u64 start = area->start.value, end = area->end.value;

		if (start < from || start - from < guard || end <= start ||
		    end > vmalloc->region.end.value || !range_is(vmalloc, from, start, false))
			return false;
		/* What only the early runtime needed is missing from the image by now. */
		if (area->kind != VMALLOC_IMAGE && !range_is(vmalloc, start, end, true))
			return false;
		from = end;
		guard = granule_of(vmalloc);
	}
	return areas_audit(vmalloc) &&
	       pt_counts_agree(vmalloc->space, vmalloc->region.start, vmalloc->region.end) &&
	       range_is(vmalloc, from, vmalloc->region.end.value, false);
}
