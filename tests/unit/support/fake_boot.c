// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pagoda/arch/arch.h>

#include "fake_boot.h"

/* The kernel's half: from here on, a window of 1 TiB to each region. */
#define HALF 0x200000000000
#define HALF_END 0x400000000000
#define WINDOW BIT(40)

#define MEMORY_OFFSET 0x60000 /* of the list, in the image's data */
#define POOL_OFFSET 0x90000
#define POOL_SIZE (24 * GRANULE_SIZE_MAX)
#define MAPPED_MAX 4096

static const u32 segment_ends[SEGMENT_COUNT] = { 0x10000, 0x30000, 0x40000, 0x50000,
						 POOL_OFFSET + POOL_SIZE };

static struct fake_boot *selected;

/* What the process has of the tables' mappings. */
static struct {
	void *start;
	size_t size;
} mapped[MAPPED_MAX];
static unsigned mapped_count;

static void stop_test(const char *what)
{
	perror(what);
	abort();
}

static void check(enum map_result result)
{
	if (result != MAP_OK)
		abort();
}

/* Tables are read in the file, so that they need not be mapped for that. */
static struct space seen(const struct space *space)
{
	struct space copy = *space;

	copy.phys_offset = (u64)(uintptr_t)selected->ram - FAKE_BOOT_RAM;
	return copy;
}

static void map_run(const struct pt_run *run)
{
	u64 offset = run->info.pa.value - FAKE_BOOT_RAM, size = vaddr_diff(run->end, run->start);
	int protection = run->info.write ? PROT_READ | PROT_WRITE : PROT_READ;
	void *at = vaddr_pointer(run->start);

	if (offset >= FAKE_BOOT_RAM_SIZE)
		return; /* a device: nobody looks there */
	if (mapped_count == MAPPED_MAX ||
	    mmap(at, size, protection, MAP_SHARED | MAP_FIXED_NOREPLACE, selected->file,
		 (off_t)offset) != at)
		stop_test("mmap");
	mapped[mapped_count].start = at;
	mapped[mapped_count++].size = size;
}

static void follow(const struct space *space, u64 start, u64 end)
{
	struct space copy = seen(space);

	while (start != end) {
		struct pt_run run = pt_next_run(&copy, vaddr(start), vaddr(end));

		if (run.kind != PTE_INVALID)
			map_run(&run);
		start = run.end.value;
	}
}

void fake_boot_follow(void)
{
	while (mapped_count > 0) {
		mapped_count--;
		munmap(mapped[mapped_count].start, mapped[mapped_count].size);
	}
	follow(&selected->kernel.kernel_space, HALF, HALF_END);
	follow(&selected->kernel.idmap_space, 0, HALF);
}

static struct layout_region region(unsigned index, u64 size)
{
	u64 start = HALF + (16 + index) * WINDOW;

	return (struct layout_region){ vaddr(start), vaddr(start + size) };
}

/* In the order and with the properties of layout_make(), where they matter here. */
static struct layout layout_of(const struct regime *regime)
{
	struct layout layout = { 0 };

	layout.region[LAYOUT_LINEAR] = (struct layout_region){ vaddr(HALF), vaddr(HALF + WINDOW) };
	layout.region[LAYOUT_MODULES] = region(0, GIB(2));
	layout.region[LAYOUT_VMALLOC] = region(1, WINDOW);
	layout.region[LAYOUT_VMEMMAP] = region(2, WINDOW / regime_granule(regime) * 64);
	layout.region[LAYOUT_PCI_IO] = region(3, MIB(16));
	layout.region[LAYOUT_FIXMAP] = region(4, MIB(6));
	return layout;
}

static void image_make(struct image *image)
{
	image->pa = paddr(FAKE_BOOT_IMAGE);
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		image->segment[i].start = i == 0 ? 0 : segment_ends[i - 1];
		image->segment[i].end = segment_ends[i];
	}
	image->size = segment_ends[SEGMENT_DATA];
	image->entry.start = image->segment[SEGMENT_TEXT].start;
	image->entry.end = image->entry.start + 0x18c0;
}

static void image_map(const struct space *space, const struct image *image, u64 base)
{
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		bool text = i == SEGMENT_TEXT || i == SEGMENT_INIT_TEXT;
		struct map_request request = { vaddr(base + image->segment[i].start),
					       vaddr(base + image->segment[i].end),
					       paddr(image->pa.value + image->segment[i].start),
					       { text		   ? PROT_READ_EXECUTE :
						 i == SEGMENT_DATA ? PROT_READ_WRITE :
								     PROT_READ_ONLY,
						 MEM_NORMAL } };
		struct space copy = seen(space);

		check(map_range(&copy, &request));
	}
}

static void entry_map(const struct space *space, const struct image *image)
{
	u64 start = image->pa.value + image->entry.start;
	u64 end = align_up(image->pa.value + image->entry.end, regime_granule(&space->regime));
	struct map_request request = {
		vaddr(start), vaddr(end), paddr(start), { PROT_READ_EXECUTE, MEM_NORMAL }
	};
	struct space copy = seen(space);

	check(map_range(&copy, &request));
}

static struct space space_make(const struct regime *regime, struct table_pool *pool)
{
	struct space space = { .regime = *regime, .pool = pool }, copy = seen(&space);

	check(pt_space_create(&copy));
	copy.phys_offset = space.phys_offset;
	return copy;
}

static void plan_fill(struct boot_plan *plan, unsigned index)
{
	static const struct {
		unsigned granule_shift, va_bits, pa_bits;
		bool wide;
	} regimes[FAKE_BOOT_REGIMES] = {
		{ 12, 52, 52, true },  { 12, 48, 48, false }, { 14, 52, 52, true },
		{ 14, 47, 48, false }, { 16, 52, 52, true },  { 16, 48, 48, false },
	};

	plan->kernel = regime_make(regimes[index].granule_shift, regimes[index].va_bits,
				   regimes[index].pa_bits, regimes[index].wide);
	plan->idmap = regime_make(regimes[index].granule_shift, 48, regimes[index].pa_bits,
				  regimes[index].wide);
	/* A process has no upper half. */
	plan->kernel.whose = plan->idmap.whose = WHOSE_KERNEL_LOW;
	plan->el = 1;
	plan->layout = layout_of(&plan->kernel);
	plan->image_va = vaddr_add(plan->layout.region[LAYOUT_VMALLOC].start, GIB(3) + MIB(2));
}

void fake_boot_make(struct fake_boot *boot, unsigned index)
{
	struct boot_handoff *handoff = &boot->handoff;
	struct kernel *kernel = &boot->kernel;
	struct boot_facts *facts = &handoff->facts;
	u64 pool = FAKE_BOOT_IMAGE + POOL_OFFSET;

	memset(boot, 0, sizeof(*boot));
	selected = boot;
	boot->file = memfd_create("ram", 0);
	if (boot->file < 0 || ftruncate(boot->file, FAKE_BOOT_RAM_SIZE) != 0)
		stop_test("memfd");
	boot->ram =
		mmap(NULL, FAKE_BOOT_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, boot->file, 0);
	if (boot->ram == MAP_FAILED)
		stop_test("mmap");
	image_make(&facts->image);
	facts->entry.fdt = FAKE_BOOT_FDT;
	facts->fdt.tree.total_size = FAKE_BOOT_FDT_SIZE;
	facts->lists = paddr(FAKE_BOOT_IMAGE + MEMORY_OFFSET);
	plan_fill(&handoff->plan, index);
	handoff->pool = (struct table_pool){ .start = paddr(pool),
					     .next = paddr(pool),
					     .end = paddr(pool + POOL_SIZE) };
	kernel->handoff = handoff;
	kernel->kernel_space = space_make(&handoff->plan.kernel, &handoff->pool);
	kernel->idmap_space = space_make(&handoff->plan.idmap, &handoff->pool);
	image_map(&kernel->kernel_space, &facts->image, handoff->plan.image_va.value);
	entry_map(&kernel->idmap_space, &facts->image);
	kernel->kernel_space.phys_offset = kernel->idmap_space.phys_offset =
		handoff->plan.image_va.value - FAKE_BOOT_IMAGE;
	fake_boot_follow();
	boot->memory = &facts_lists(facts, kernel->kernel_space.phys_offset)->memory;
	memory_begin(boot->memory);
	facts_lists(facts, kernel->kernel_space.phys_offset)->usable.end = 0;
	memory_add(boot->memory, FAKE_BOOT_RAM, FAKE_BOOT_RAM_SIZE, MEMORY_RAM);
}

void fake_boot_free(struct fake_boot *boot)
{
	while (mapped_count > 0) {
		mapped_count--;
		munmap(mapped[mapped_count].start, mapped[mapped_count].size);
	}
	munmap(boot->ram, FAKE_BOOT_RAM_SIZE);
	close(boot->file);
	selected = NULL;
}

static bool read_word(void *context, uint64_t pa, uint64_t *word)
{
	const struct fake_boot *boot = context;

	if (pa - FAKE_BOOT_RAM >= FAKE_BOOT_RAM_SIZE)
		return false;
	memcpy(word, boot->ram + (pa - FAKE_BOOT_RAM), sizeof(*word));
	return true;
}

struct ref_result fake_boot_walk(const struct fake_boot *boot, const struct space *space, u64 va)
{
	const struct regime *regime = &space->regime;
	bool wide = regime->pa_bits == 52;
	struct ref_tcr tcr = { .granule_bits = regime->granule_shift,
			       .input_bits = regime->va_bits,
			       .output_bits = regime->pa_bits,
			       .ds = wide && regime->granule_shift != 16,
			       .lpa = wide };
	struct ref_memory memory = { read_word, (void *)(uintptr_t)boot };

	return ref_walk(&tcr, ttbr_encode(regime, space->root), &memory, va);
}
