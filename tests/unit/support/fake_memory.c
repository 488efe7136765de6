// SPDX-License-Identifier: MIT
/*
 * RAM, page tables and vmemmap for tests of what allocates. Host only.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pagoda/arch/arch.h>
#include <pagoda/mm/check/kasan.h>
#include <pagoda/mm/pt/shared.h>

#include "fake_memory.h"

/* As much RAM is full of poison; the rest is zero, and costs nothing until it is used. */
#define POISONED MIB(8)

static struct fake_memory *selected;

struct fake_memory_setup fake_memory_setup(unsigned index)
{
	static const struct fake_memory_setup setups[FAKE_MEMORY_SETUPS] = {
		{ 12, 52, 52, true, 64, GIB(1), 16384, 0 },
		{ 12, 52, 52, true, 56, BIT(50) + MIB(2), 16384, GIB(3) + KIB(64) },
		{ 12, 48, 48, false, 56, GIB(1) + KIB(64), 16384, MIB(128) },
		{ 12, 39, 40, false, 64, 0, 16384, 0 },
		{ 14, 52, 52, true, 56, BIT(51) - MIB(1), 16384, MIB(64) },
		{ 14, 47, 48, false, 64, GIB(5), 16384, KIB(64) },
		{ 16, 52, 52, true, 64, BIT(48) - MIB(64), 8192, GIB(2) },
		{ 16, 48, 48, false, 56, GIB(1), 8192, 0 },
		{ 16, 42, 44, false, 64, MIB(32), 8192, MIB(1) },
	};

	return setups[index];
}

static void stop_test(const char *what)
{
	perror(what);
	abort();
}

static void *map_file(void *at, size_t size, int protection, int flags, int file, off_t offset)
{
	void *result = mmap(at, size, protection, flags, file, offset);

	if (result == MAP_FAILED)
		stop_test("mmap");
	return result;
}

/* RAM begins where a page does, of any size: objects are aligned in either. */
static u8 *map_ram(size_t size, int file)
{
	u8 *room = map_file(NULL, size + GRANULE_SIZE_MAX, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before = align_up((uintptr_t)room, GRANULE_SIZE_MAX) - (uintptr_t)room;
	u8 *ram = map_file(room + before, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			   file, 0);

	if (before > 0)
		munmap(room, before);
	munmap(ram + size, GRANULE_SIZE_MAX - before);
	return ram;
}

static void space_make(struct fake_memory *memory)
{
	const struct fake_memory_setup *setup = &memory->setup;
	u64 tables_end = setup->ram_start + FAKE_MEMORY_TABLES * memory->granule;

	memory->pool = (struct table_pool){ .start = paddr(setup->ram_start),
					    .next = paddr(setup->ram_start),
					    .end = paddr(tables_end) };
	memory->usable = tables_end;
	memory->space = (struct space){
		.regime = regime_make(setup->granule_shift, setup->va_bits, setup->pa_bits,
				      setup->wide),
		.phys_offset = (uintptr_t)memory->ram - setup->ram_start,
		.pool = &memory->pool,
	};
	memory->layout = layout_make(&memory->space.regime, (unsigned)setup->stride);
	if (pt_space_create(&memory->space) != MAP_OK)
		stop_test("pt_space_create");
}

/* Addresses of metadata are not the host's: a window of as many, shifted. */
static struct vmemmap window_make(struct fake_memory *memory)
{
	const struct fake_memory_setup *setup = &memory->setup;
	u64 linear = memory->layout.region[LAYOUT_LINEAR].start.value + setup->linear_offset;
	struct vmemmap vmemmap = vmemmap_make(&memory->space, &memory->layout, setup->stride,
					      linear - setup->ram_start);

	memory->window_va = vmemmap_range(&vmemmap, setup->ram_start >> setup->granule_shift,
					  memory->ram_end >> setup->granule_shift);
	memory->window = map_file(NULL, memory->window_va.end.value - memory->window_va.start.value,
				  PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	vmemmap.pointer_offset = (uintptr_t)memory->window - memory->window_va.start.value;
	return vmemmap;
}

void fake_memory_make(struct fake_memory *memory, const struct fake_memory_setup *setup)
{
	u64 size = setup->frames << setup->granule_shift;
	struct vmemmap vmemmap;

	memset(memory, 0, sizeof(*memory));
	memory->setup = *setup;
	memory->granule = BIT(setup->granule_shift);
	memory->ram_end = setup->ram_start + size;
	memory->file = memfd_create("ram", 0);
	if (memory->file < 0 || ftruncate(memory->file, (off_t)size) != 0)
		stop_test("memfd");
	memory->ram = map_ram(size, memory->file);
	memset(memory->ram, 0xaa, min_u64(size, POISONED));
	space_make(memory);
	vmemmap = window_make(memory);
	buddy_init(&memory->buddy, &vmemmap, memory->space.phys_offset, memory->ranges,
		   FAKE_MEMORY_RANGES);
	heap_init(&memory->heap, &memory->buddy);
	selected = memory;
}

#if KASAN
/*
 * An address for the tables, which do not look at all of it, and for the host. It is in the region
 * of KASAN's or, with many bits, in the linear map's: nothing else is in either here.
 */
static u64 shadow_place(const struct fake_memory *memory)
{
	u64 start = memory->layout.region[LAYOUT_KASAN].start.value;
	unsigned bits = memory->setup.va_bits;

	if (bits > 46)
		return BIT(45) + BIT(44);
	return BIT(45) + (align_up(start, regime_span(&memory->space.regime, 2)) & (BIT(bits) - 1));
}

void fake_memory_shadow(struct fake_memory *memory, u64 start, u64 size)
{
	u64 place = shadow_place(memory), span = regime_span(&memory->space.regime, 2);

	memory->shadow_size = align_up(size / KASAN_GRAIN, span);
	memory->shadow = map_file((void *)(uintptr_t)place, memory->shadow_size, PROT_READ,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
				  -1, 0);
	if (pt_share(&memory->space, vaddr(place), vaddr(place + memory->shadow_size)) != MAP_OK)
		stop_test("pt_share");
	pt_shared_protect(&memory->space);
	kasan_offset = place - start / KASAN_GRAIN;
	kasan_begin(start);
}

/* What of the shadow is not shared any more, where it is now, and what is again. */
static void shadow_publish(void)
{
	u64 place = (uintptr_t)selected->shadow;
	struct layout_region left = { vaddr(place), vaddr(place + selected->shadow_size) };

	while (selected->shadow && left.start.value != left.end.value) {
		struct pt_run run = pt_next_run(&selected->space, left.start, left.end);
		void *at = selected->shadow + (run.start.value - place);
		u64 size = run.end.value - run.start.value;

		if (pt_run_is_shared(&selected->space, &run))
			map_file(at, size, PROT_READ,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
		else
			map_file(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
				 selected->file,
				 (off_t)(run.info.pa.value - selected->setup.ram_start));
		left.start = run.end;
	}
}

static void shadow_free(struct fake_memory *memory)
{
	(void)kasan_end();
	if (memory->shadow)
		munmap(memory->shadow, memory->shadow_size);
}
#else
static void shadow_publish(void)
{
}

static void shadow_free(struct fake_memory *memory)
{
	(void)memory;
}
#endif

void fake_memory_free(struct fake_memory *memory)
{
	shadow_free(memory);
	munmap(memory->window, memory->window_va.end.value - memory->window_va.start.value);
	munmap(memory->ram, memory->ram_end - memory->setup.ram_start);
	close(memory->file);
	selected = NULL;
}

void *fake_memory_pointer(const struct fake_memory *memory, u64 pa)
{
	return memory->ram + (pa - memory->setup.ram_start);
}

const char *fake_memory_str(const struct fake_memory *memory)
{
	static char text[80];

	snprintf(text, sizeof(text), "%luK pages, %u bits%s, %lu bytes a page",
		 memory->granule / 1024, memory->setup.va_bits, memory->setup.wide ? ", wide" : "",
		 memory->setup.stride);
	return text;
}

/* What the walker would see from now on: the metadata that is mapped, at its place. */
void tables_publish(void)
{
	struct layout_region left = selected->window_va;

	while (left.start.value != left.end.value) {
		struct pt_run run = pt_next_run(&selected->space, left.start, left.end);

		if (run.kind != PTE_INVALID)
			map_file(selected->window +
					 (run.start.value - selected->window_va.start.value),
				 run.end.value - run.start.value, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED, selected->file,
				 (off_t)(run.info.pa.value - selected->setup.ram_start));
		left.start = run.end;
	}
	shadow_publish();
}

/* Every page on the list of an area must still be its, or somebody else could have it. */
static bool pages_are_used(const struct vmalloc_area *area)
{
	for (u64 frame = area->pages; frame != FRAME_NONE;) {
		const struct page *page = vmemmap_page(&selected->buddy.vmemmap, frame);

		if (page->state != PAGE_USED)
			return false;
		frame = page->next;
	}
	return true;
}

void tlb_invalidate(const struct space *space, const struct tlb_range *range)
{
	(void)space;
	if (selected->invalidation_count < FAKE_INVALIDATIONS_MAX)
		selected->invalidation[selected->invalidation_count] = *range;
	selected->invalidation_count++;
	selected->free_tables = selected->pool.free_count;
	for (const struct vmalloc_area *area = selected->vmalloc.areas; area; area = area->next)
		if (!pages_are_used(area))
			selected->early_free = true;
}
