// SPDX-License-Identifier: MIT
/*
 * Where the redistributors of further CPUs are. The CPU that boots looks for its own through a
 * window of the fixmap, two frames at a time, since it may be the only one. For the others all rows
 * are mapped, once, and each search goes on where the last one has ended: in most machines that is
 * where the next CPU's frames are.
 * Runs in the kernel, MMU on, and on the host. Source: Arm IHI 0069, 12.10.
 */
#include <pagoda/lib/mmio.h>
#include <pagoda/mm/alloc/alloc.h>
#include "versions.h"

#define FRAMES_SIZE (2 * GIC_FRAME)

/* More than any CPUs' that there is room for: the FDT's word for a row's size may be anything. */
#define ROW_SIZE_MAX ((u64)REDISTRIBUTORS_MAX * 4 * GIC_FRAME)

static bool map_row(struct gic *gic, const struct kernel *kernel, const struct tree_region *region)
{
	struct gic_row *row = &gic->row[gic->rows];
	u64 size = region->size < ROW_SIZE_MAX ? region->size : ROW_SIZE_MAX;
	vaddr_t va;

	if (region->start % KIB(4) != 0 || size < FRAMES_SIZE ||
	    vmalloc_ioremap(&kernel->alloc->vmalloc, paddr(region->start), size, &va) != VMALLOC_OK)
		return false;
	*row = (struct gic_row){ vaddr_pointer(va), size };
	gic->rows++;
	return true;
}

/* A row that cannot be mapped has nobody's frames. */
bool gicv3_map_rows(struct gic *gic, const struct kernel *kernel, const struct device_gic *device)
{
	if (gic->rows != 0)
		return true;
	if (kernel->alloc == NULL)
		return false;
	gic->stride = device->stride;
	for (unsigned i = 1; i <= device->rows; i++)
		(void)map_row(gic, kernel, &device->region[i]);
	return gic->rows != 0;
}

/* From one redistributor to the next, which may be the first of the next row. */
static struct gic_place place_after(const struct gic *gic, struct gic_place place)
{
	const struct gic_row *row = &gic->row[place.row];
	volatile u32 *type = row->start + place.at / sizeof(u32) + GICR_TYPER;
	u64 left = row->size - place.at, step = gicv3_step(gic->stride, type);

	if (mmio_read32(type) & GICR_TYPER_LAST || left < step || left - step < FRAMES_SIZE)
		return (struct gic_place){ place.row + 1, 0 };
	return (struct gic_place){ place.row, place.at + step };
}

/* Look from @place on to the last row's end. */
static bool find_from(struct gic *gic, struct gic_cpu *cpu, struct gic_place place)
{
	for (unsigned i = 0; i < REDISTRIBUTORS_MAX && place.row < gic->rows; i++) {
		volatile u32 *frame = gic->row[place.row].start + place.at / sizeof(u32);
		bool found = mmio_read32(frame + GICR_TYPER + 1) == cpu->affinity;

		place = place_after(gic, place);
		if (!found)
			continue;
		cpu->frame = frame;
		cpu->own = frame + GIC_FRAME / sizeof(u32);
		gic->next = place;
		return true;
	}
	return false;
}

bool gicv3_find(struct gic *gic, struct gic_cpu *cpu)
{
	return find_from(gic, cpu, gic->next) || find_from(gic, cpu, (struct gic_place){ 0, 0 });
}
