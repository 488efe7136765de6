// SPDX-License-Identifier: MIT
/*
 * The array of struct page, and lists through it.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/mm/alloc/page.h>

struct vmemmap vmemmap_make(struct space *space, const struct layout *layout, u64 stride,
			    u64 linear_offset)
{
	/* Of the window's first byte; below 0 where the window is larger than what is under RAM. */
	s64 pa = (s64)(layout->region[LAYOUT_LINEAR].start.value - linear_offset);
	u64 first = (u64)(pa >> space->regime.granule_shift);

	return (struct vmemmap){
		.space = space,
		.base = layout->region[LAYOUT_VMEMMAP].start.value - first * stride,
		.stride = stride,
	};
}

void page_list_push(const struct vmemmap *vmemmap, u64 *head, u64 frame)
{
	struct page *page = vmemmap_page(vmemmap, frame);

	page->prev = FRAME_NONE;
	page->next = *head;
	if (*head != FRAME_NONE)
		vmemmap_page(vmemmap, *head)->prev = frame;
	*head = frame;
}

void page_list_unlink(const struct vmemmap *vmemmap, u64 *head, u64 frame)
{
	struct page *page = vmemmap_page(vmemmap, frame);

	if (page->prev != FRAME_NONE)
		vmemmap_page(vmemmap, page->prev)->next = page->next;
	else
		*head = page->next;
	if (page->next != FRAME_NONE)
		vmemmap_page(vmemmap, page->next)->prev = page->prev;
}

struct layout_region vmemmap_range(const struct vmemmap *vmemmap, u64 frame, u64 end)
{
	u64 granule = regime_granule(&vmemmap->space->regime);
	u64 first = vmemmap->base + frame * vmemmap->stride;
	u64 last = vmemmap->base + end * vmemmap->stride;

	return (struct layout_region){ vaddr(align_down(first, granule)),
				       vaddr(align_up(last, granule)) };
}

/*
 * The array's pages hold structs of neighbouring pieces of RAM too, of which some may have been
 * handed over: what is missing are the holes.
 */
u64 vmemmap_missing(const struct vmemmap *vmemmap, u64 frame, u64 end)
{
	const struct space *space = vmemmap->space;
	struct layout_region range = vmemmap_range(vmemmap, frame, end);
	u64 missing = 0;

	while (range.start.value != range.end.value) {
		struct pt_run run = pt_next_run(space, range.start, range.end);

		if (run.kind == PTE_INVALID)
			missing += vaddr_diff(run.end, run.start);
		range.start = run.end;
	}
	return missing >> space->regime.granule_shift;
}

enum map_result vmemmap_populate(const struct vmemmap *vmemmap, u64 frame, u64 end, paddr_t backing)
{
	struct layout_region range = vmemmap_range(vmemmap, frame, end);
	enum map_result result = MAP_OK;

	while (result == MAP_OK && range.start.value != range.end.value) {
		struct pt_run run = pt_next_run(vmemmap->space, range.start, range.end);
		struct map_request request = { .start = run.start,
					       .end = run.end,
					       .pa = backing,
					       .attr = { PROT_READ_WRITE, MEM_NORMAL } };

		range.start = run.end;
		if (run.kind != PTE_INVALID)
			continue;
		result = map_range(vmemmap->space, &request);
		backing = paddr_add(backing, vaddr_diff(run.end, run.start));
	}
	return result;
}
