// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "sample_kernel.h"

/* Offsets of the segments' ends: rodata, text, init_text, init_data, data. */
static const u32 segment_ends[SEGMENT_COUNT] = { 0x10000, 0x30000, 0x40000, 0x50000, 0x90000 };

static const enum mem_prot segment_prots[SEGMENT_COUNT] = {
	PROT_READ_ONLY, PROT_READ_EXECUTE, PROT_READ_EXECUTE, PROT_READ_WRITE, PROT_READ_WRITE,
};

static void check(enum map_result result)
{
	if (result != MAP_OK)
		abort();
}

static void make_image(struct image *image)
{
	image->pa = paddr(SAMPLE_IMAGE_PA);
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		image->segment[i].start = i == 0 ? 0 : segment_ends[i - 1];
		image->segment[i].end = segment_ends[i];
	}
	image->size = segment_ends[SEGMENT_DATA];
	image->entry.start = image->segment[SEGMENT_TEXT].start;
	image->entry.end = image->entry.start + 0x18c0;
}

static struct memory_map memory;

static void make_facts(struct boot_facts *facts)
{
	make_image(&facts->image);
	facts->entry.el = 1;
	facts->fdt.has_chosen = true;
	facts->id[SYSREG_MIDR_EL1] = 0x000f0510;
	facts->id[SYSREG_ID_AA64MMFR0_EL1] = 0x10201126; /* 4K and 16K with LPA2, 64K, 52 bits */
	facts->id[SYSREG_ID_AA64MMFR2_EL1] = 0x1000000000010000; /* E0PD, VARange 52 */
	facts->id[SYSREG_ID_AA64PFR1_EL1] = 1; /* BTI */
	facts->console.address = paddr(SAMPLE_CONSOLE_PA);
	facts->console.source = CONSOLE_STDOUT_PATH;
	facts->psci = PSCI_HVC;
}

static void make_plan(struct boot_plan *plan, unsigned granule_shift, unsigned va_bits)
{
	bool wide = va_bits == 52;

	plan->kernel = regime_make(granule_shift, va_bits, wide ? 52 : 48, wide);
	plan->idmap = regime_make(granule_shift, 48, wide ? 52 : 48, wide);
	plan->idmap.whose = WHOSE_KERNEL_LOW;
	plan->el = 1;
	plan->el_reason = EL_REASON_ENTRY;
	plan->va_reason = wide ? VA_REASON_LPA2 : VA_REASON_ASKED;
	plan->policy.guarded = true;
	plan->wxn = true;
	plan->layout = layout_make(&plan->kernel, STRUCT_PAGE_SIZE);
	plan->image_va = layout_kimage_base(&plan->layout);
	plan->kaslr_source = KASLR_OFF_ASKED;
}

static struct space make_space(struct sample *sample, const struct regime *regime)
{
	struct space space = {
		.regime = *regime,
		.policy = { .guarded = regime_upper(regime) },
		.phys_offset = (u64)(uintptr_t)sample->memory - SAMPLE_POOL_PA,
		.pool = &sample->handoff.pool,
	};

	check(pt_space_create(&space));
	return space;
}

static void map(struct space *space, u64 va, u64 pa, u64 size, struct map_attr attr)
{
	struct map_request request = { vaddr(va), vaddr(va + size), paddr(pa), attr };

	check(map_range(space, &request));
}

static void map_image(struct space *space, const struct image *image, u64 base)
{
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		u32 start = image->segment[i].start;

		map(space, base + start, image->pa.value + start, image->segment[i].end - start,
		    (struct map_attr){ segment_prots[i], MEM_NORMAL });
	}
}

/* Whole pages of it, at its physical address. */
static void map_entry(struct space *space, const struct image *image)
{
	u64 start = image->pa.value + image->entry.start;
	u64 size = align_up(image->entry.end - image->entry.start, regime_granule(&space->regime));

	map(space, start, start, size, (struct map_attr){ PROT_READ_EXECUTE, MEM_NORMAL });
}

void sample_make(struct sample *sample, unsigned granule_shift, unsigned va_bits)
{
	struct boot_handoff *handoff = &sample->handoff;
	struct kernel *kernel = &sample->kernel;
	struct boot_plan *plan = &handoff->plan;

	memset(sample, 0, sizeof(*sample));
	handoff->pool = (struct table_pool){ .start = paddr(SAMPLE_POOL_PA),
					     .next = paddr(SAMPLE_POOL_PA),
					     .end = paddr(SAMPLE_POOL_PA + SAMPLE_POOL_SIZE) };
	make_facts(&handoff->facts);
	memcpy(handoff->id, handoff->facts.id, sizeof(handoff->id));
	make_plan(plan, granule_shift, va_bits);
	kernel->handoff = handoff;
	kernel->console = handoff->facts.console;
	memory_begin(&memory);
	memory_add(&memory, 0x40000000, 0x20000000, MEMORY_RAM);
	memory_normalise(&memory, BIT(granule_shift));
	kernel->memory = &memory;
	kernel->kernel_space = make_space(sample, &plan->kernel);
	kernel->idmap_space = make_space(sample, &plan->idmap);
	map_image(&kernel->kernel_space, &handoff->facts.image, plan->image_va.value);
	map_entry(&kernel->idmap_space, &handoff->facts.image);
	map(&kernel->kernel_space, layout_fixmap(&plan->layout, FIXMAP_CONSOLE).value,
	    SAMPLE_CONSOLE_PA, BIT(granule_shift),
	    (struct map_attr){ PROT_READ_WRITE, MEM_DEVICE_NGNRE });
	kernel->registers[SYSREG_SCTLR_EL1] = SCTLR_EL1_WXN_MASK;
	kernel->registers[SYSREG_TCR_EL1] = TCR_EL1_EPD0_MASK;
}

void sample_set_run(struct sample *sample, const char *text)
{
	strncpy(sample->handoff.options.run, text, RUN_COMMANDS_MAX - 1);
}

void sample_add_override(struct sample *sample, struct override_record record)
{
	struct boot_options *options = &sample->handoff.options;

	options->record[options->record_count++] = record;
}
