// SPDX-License-Identifier: MIT
/*
 * What a program has of its addresses, changed: areas, and with them tables and memory.
 * Runs in the kernel, MMU on, and on the host.
 */
#include "parts.h"

int area_add(struct process *process, const struct area *area)
{
	int error;

	if (process->areas.count == AREAS_MAX)
		return -LINUX_ENOMEM;
	error = space_show(process, area);
	if (error == 0)
		(void)area_insert(&process->areas, area);
	return error;
}

/* The area below may go on at @start: its memory is nobody else's, and it ends with it. */
static struct area *grows(struct process *process, u64 start, u32 prot)
{
	u32 index = area_from(&process->areas, start - 1);
	struct area *area = &process->areas.area[index];
	unsigned shift = process->space.regime.granule_shift;

	if (index == process->areas.count || area->end != start || area->prot != prot ||
	    area->memory->owners != 1 || area->memory->whole ||
	    area->first + ((area->end - area->start) >> shift) != area->memory->count)
		return NULL;
	return area;
}

static int area_grow(struct process *process, struct area *area, u64 end)
{
	struct alloc *alloc = process->kernel->alloc;
	u64 had = area->memory->count;
	struct area more = { area->end, end, area->prot, area->memory, had };
	u64 pages = (end - area->end) >> process->space.regime.granule_shift;
	int error;

	if (!memory_resize(alloc, area->memory, had + pages))
		return -LINUX_ENOMEM;
	error = space_show(process, &more);
	if (error == 0)
		area->end = end;
	else
		(void)memory_resize(alloc, area->memory, had);
	return error;
}

int area_new(struct process *process, u64 start, u64 end, u32 prot)
{
	struct alloc *alloc = process->kernel->alloc;
	struct area area = { start, end, prot, NULL, 0 };
	struct area *below = grows(process, start, prot);
	int error;

	if (below)
		return area_grow(process, below, end);
	area.memory = memory_create(alloc, (end - start) >> process->space.regime.granule_shift);
	if (!area.memory)
		return -LINUX_ENOMEM;
	error = area_add(process, &area);
	if (error != 0)
		memory_leave(alloc, area.memory);
	return error;
}

static bool reaches_across(const struct areas *areas, u64 va)
{
	u32 index = area_from(areas, va);

	return index < areas->count && areas->area[index].start < va;
}

static void cut(struct process *process, u64 va)
{
	struct areas *areas = &process->areas;

	if (area_cut(areas, va, process->space.regime.granule_shift))
		areas->area[area_from(areas, va)].memory->owners++;
}

/* No area reaches across either end of a range from now on; or all is as it was. */
static int cut_out(struct process *process, u64 start, u64 end)
{
	struct areas *areas = &process->areas;
	u32 cuts = (u32)reaches_across(areas, start) + reaches_across(areas, end);

	if (areas->count + cuts > AREAS_MAX)
		return -LINUX_ENOMEM;
	cut(process, start);
	cut(process, end);
	return 0;
}

int area_take(struct process *process, u64 start, u64 end)
{
	struct alloc *alloc = process->kernel->alloc;
	struct areas *areas = &process->areas;
	int error = cut_out(process, start, end);
	u32 index;

	if (error != 0)
		return error;
	index = area_from(areas, start);
	while (index < areas->count && areas->area[index].start < end) {
		struct area area = areas->area[index];

		space_hide(process, &area);
		area_remove(areas, index);
		if (!area.memory->whole)
			memory_drop(alloc, area.memory, area.first,
				    (area.end - area.start) >> process->space.regime.granule_shift);
		memory_leave(alloc, area.memory);
	}
	return 0;
}

/* Broken first and made anew, whatever changes: nobody else can look in between. */
static int area_change(struct process *process, struct area *area, u32 prot)
{
	int error;

	if (area->prot == prot)
		return 0;
	space_hide(process, area);
	area->prot = prot;
	error = space_show(process, area);
	if (error != 0)
		area->prot = 0;
	return error;
}

int area_protect(struct process *process, u64 start, u64 end, u32 prot)
{
	struct areas *areas = &process->areas;
	int error = cut_out(process, start, end);

	for (u32 i = area_from(areas, start);
	     error == 0 && i < areas->count && areas->area[i].start < end; i++)
		error = area_change(process, &areas->area[i], prot);
	return error;
}
