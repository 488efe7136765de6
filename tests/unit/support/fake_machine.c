// SPDX-License-Identifier: MIT
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/arch/arch.h>
#include <pagoda/kernel/cpu/shadow.h>
#include <pagoda/kernel/tree/tree.h>
#include <pagoda/pi/start.h>

#include "fake_frames.h"
#include "fake_machine.h"

#define SHORTEST_LINE 4 /* bytes in a cache line with CTR_EL0.DminLine 0 */
#define PAGE KIB(64)
#define LINK_VA 0xffff800080000000
#define RELATIVE 1027 /* R_AARCH64_RELATIVE */

/*
 * qemu-system-aarch64 -M virt -cpu CPU -m 512M -nographic -nic none -kernel build/Image \
 *	-append 'pagoda.run="report json; poweroff"'
 * with QEMU 7.2; "registers" in what it prints. Those that read as zero are left out.
 */
static const u64 cpu_ids[FAKE_CPU_COUNT][SYSREG_FACT_COUNT] = {
	[FAKE_CPU_MAX] = {
		[SYSREG_MIDR_EL1] = 0xf0510,
		[SYSREG_MPIDR_EL1] = 0x80000000,
		[SYSREG_CTR_EL0] = 0x8444c004,
		[SYSREG_ID_AA64PFR0_EL1] = 0x1201001120110022,
		[SYSREG_ID_AA64PFR1_EL1] = 0x1000021,
		[SYSREG_ID_AA64ISAR0_EL1] = 0x1221111110212120,
		[SYSREG_ID_AA64ISAR1_EL1] = 0x11111101211012,
		[SYSREG_ID_AA64MMFR0_EL1] = 0x32310201126,
		[SYSREG_ID_AA64MMFR1_EL1] = 0x11010211122,
		[SYSREG_ID_AA64MMFR2_EL1] = 0x1021011010011011,
		[SYSREG_ID_AA64SMFR0_EL1] = 0x80f100fd00000000,
	},
	[FAKE_CPU_MAX_LPA2_OFF] = {
		[SYSREG_MIDR_EL1] = 0xf0510,
		[SYSREG_MPIDR_EL1] = 0x80000000,
		[SYSREG_CTR_EL0] = 0x8444c004,
		[SYSREG_ID_AA64PFR0_EL1] = 0x1201001120110022,
		[SYSREG_ID_AA64PFR1_EL1] = 0x1000021,
		[SYSREG_ID_AA64ISAR0_EL1] = 0x1221111110212120,
		[SYSREG_ID_AA64ISAR1_EL1] = 0x11111101211012,
		[SYSREG_ID_AA64MMFR0_EL1] = 0x22200101126,
		[SYSREG_ID_AA64MMFR1_EL1] = 0x11010211122,
		[SYSREG_ID_AA64MMFR2_EL1] = 0x1021011010011011,
		[SYSREG_ID_AA64SMFR0_EL1] = 0x80f100fd00000000,
	},
	[FAKE_CPU_CORTEX_A53] = {
		[SYSREG_MIDR_EL1] = 0x410fd034,
		[SYSREG_MPIDR_EL1] = 0x80000000,
		[SYSREG_CTR_EL0] = 0x84448004,
		[SYSREG_ID_AA64PFR0_EL1] = 0x22,
		[SYSREG_ID_AA64ISAR0_EL1] = 0x11120,
		[SYSREG_ID_AA64MMFR0_EL1] = 0x1122,
	},
	[FAKE_CPU_CORTEX_A57] = {
		[SYSREG_MIDR_EL1] = 0x411fd070,
		[SYSREG_MPIDR_EL1] = 0x80000000,
		[SYSREG_CTR_EL0] = 0x8444c004,
		[SYSREG_ID_AA64PFR0_EL1] = 0x22,
		[SYSREG_ID_AA64ISAR0_EL1] = 0x11120,
		[SYSREG_ID_AA64MMFR0_EL1] = 0x1124,
	},
	[FAKE_CPU_CORTEX_A72] = {
		[SYSREG_MIDR_EL1] = 0x410fd083,
		[SYSREG_MPIDR_EL1] = 0x80000000,
		[SYSREG_CTR_EL0] = 0x8444c004,
		[SYSREG_ID_AA64PFR0_EL1] = 0x22,
		[SYSREG_ID_AA64ISAR0_EL1] = 0x11120,
		[SYSREG_ID_AA64MMFR0_EL1] = 0x1124,
	},
	[FAKE_CPU_CORTEX_A76] = {
		[SYSREG_MIDR_EL1] = 0x414fd0b1,
		[SYSREG_MPIDR_EL1] = 0x80000000,
		[SYSREG_CTR_EL0] = 0x8444c004,
		[SYSREG_ID_AA64PFR0_EL1] = 0x1100000010110012,
		[SYSREG_ID_AA64PFR1_EL1] = 0x10,
		[SYSREG_ID_AA64ISAR0_EL1] = 0x100010211120,
		[SYSREG_ID_AA64ISAR1_EL1] = 0x100001,
		[SYSREG_ID_AA64MMFR0_EL1] = 0x101122,
		[SYSREG_ID_AA64MMFR1_EL1] = 0x10212122,
		[SYSREG_ID_AA64MMFR2_EL1] = 0x1011,
	},
	[FAKE_CPU_NEOVERSE_N1] = {
		[SYSREG_MIDR_EL1] = 0x414fd0c1,
		[SYSREG_MPIDR_EL1] = 0x80000000,
		[SYSREG_CTR_EL0] = 0x8444c004,
		[SYSREG_ID_AA64PFR0_EL1] = 0x1100000010110012,
		[SYSREG_ID_AA64PFR1_EL1] = 0x20,
		[SYSREG_ID_AA64ISAR0_EL1] = 0x100010211120,
		[SYSREG_ID_AA64ISAR1_EL1] = 0x100001,
		[SYSREG_ID_AA64MMFR0_EL1] = 0x101125,
		[SYSREG_ID_AA64MMFR1_EL1] = 0x10212122,
		[SYSREG_ID_AA64MMFR2_EL1] = 0x1011,
	},
	[FAKE_CPU_A64FX] = {
		[SYSREG_MIDR_EL1] = 0x461f0010,
		[SYSREG_MPIDR_EL1] = 0x80000000,
		[SYSREG_CTR_EL0] = 0x86668006,
		[SYSREG_ID_AA64PFR0_EL1] = 0x101110011,
		[SYSREG_ID_AA64ISAR0_EL1] = 0x10211120,
		[SYSREG_ID_AA64ISAR1_EL1] = 0x10001,
		[SYSREG_ID_AA64MMFR0_EL1] = 0x1122,
		[SYSREG_ID_AA64MMFR1_EL1] = 0x11212100,
		[SYSREG_ID_AA64MMFR2_EL1] = 0x1011,
	},
};

static const char *const cpu_names[FAKE_CPU_COUNT] = {
	"max",	      "max,lpa2=off", "cortex-a53",  "cortex-a57",
	"cortex-a72", "cortex-a76",   "neoverse-n1", "a64fx",
};

static struct fake_machine *selected;

const u64 *fake_cpu_id(enum fake_cpu cpu)
{
	return cpu_ids[cpu];
}

const char *fake_cpu_str(enum fake_cpu cpu)
{
	return cpu_names[cpu];
}

/* ---- arch.h ---- */

u64 counter_read(void)
{
	return selected->counter += 7;
}

bool random_read(u64 *number)
{
	selected->random_calls++;
	/* RNDR writes zero where it fails. */
	*number = selected->random_works ? selected->random_answer : 0;
	return selected->random_works;
}

bool pac_key_set(u64 low, u64 high)
{
	selected->key = (struct fake_key){ low, high };
	return !selected->keys_forbidden;
}

struct boot_shadows boot_shadows;

void shadow_begin(u64 *start)
{
	selected->shadow = start;
}

/* The host's stack is the host's. */
void stack_wipe(size_t size)
{
	(void)size;
}

static void line_clean(struct fake_machine *machine, u64 line)
{
	u64 at = line * machine->line_size;

	if (machine->dirty[line])
		memcpy(machine->ram + at, machine->cache + at, machine->line_size);
	machine->dirty[line] = 0;
}

static void line_invalidate(struct fake_machine *machine, u64 line)
{
	u64 at = line * machine->line_size;

	machine->lines_lost += machine->dirty[line];
	machine->dirty[line] = 0;
	memcpy(machine->cache + at, machine->ram + at, machine->line_size);
}

/* One instruction for each @step, as cache.S does it; the CPU's own lines are hit. */
static void maintain(const void *start, u64 size, u64 step,
		     void (*op)(struct fake_machine *machine, u64 line))
{
	u64 ram = (u64)(uintptr_t)selected->ram;
	u64 at = align_down((u64)(uintptr_t)start, step);
	u64 end = (u64)(uintptr_t)start + size;

	for (; size != 0 && at < end; at += step) {
		if (at - ram < selected->setup.ram_size)
			op(selected, (at - ram) / selected->line_size);
		else
			selected->lines_stray++;
	}
}

void dcache_clean(const void *start, u64 size, u64 line_size)
{
	maintain(start, size, line_size, line_clean);
}

void dcache_invalidate(const void *start, u64 size, u64 line_size)
{
	maintain(start, size, line_size, line_invalidate);
}

void cpu_halt(u64 code, u64 value, u64 limit, u64 extra)
{
	selected->halted = (struct stop){ code, value, limit, extra };
	longjmp(selected->halt, 1);
}

/* ---- Building ---- */

struct machine_setup machine_setup_default(void)
{
	struct machine_setup setup = {
		.cpu = FAKE_CPU_MAX,
		.ram_start = GIB(1),
		.ram_size = MIB(4),
		.image_offset = 0,
		.fdt_offset = MIB(2),
		.text_size = PAGE,
		.data_size = PAGE,
		.pool_size = 12 * PAGE,
		.poison = 0xaa,
		.fdt = fake_fdt_default(),
	};

	return setup;
}

/* The order and the alignment of linker/pagoda.lds.S. */
static void describe_image(struct image *image, const struct machine_setup *setup)
{
	u32 sizes[SEGMENT_COUNT] = { PAGE, setup->text_size, PAGE, PAGE };
	u32 at = 0;

	sizes[SEGMENT_DATA] = setup->data_size + (u32)align_up(setup->pool_size, PAGE) + PAGE;
	*image = (struct image){ .pa = paddr(setup->ram_start + setup->image_offset),
				 .link_va = LINK_VA };
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		image->segment[i].start = at;
		image->segment[i].end = at += sizes[i];
	}
	image->size = at;
	image->entry.start = image->segment[SEGMENT_TEXT].start;
	image->entry.end = image->entry.start + 0x18c0;
	image->rela.start = image->segment[SEGMENT_INIT_DATA].start + 0x918;
	image->rela.end = image->rela.start + FAKE_RELA_COUNT * 24;
	image->bss.start = image->segment[SEGMENT_DATA].start + 0x440;
	image->bss.end = image->bss.start + (u32)align_up(sizeof(struct boot_handoff) + 0x300, 64);
	image->pool.start = image->segment[SEGMENT_DATA].start + setup->data_size;
	image->pool.end = image->pool.start + setup->pool_size;
}

/*
 * Words in read-only data and in data, in no order, with addends all over the image. The lowest
 * ends its cache line and the highest begins one, so that a range a word too short shows.
 */
static void build_rela(struct fake_machine *machine)
{
	const struct image *image = &machine->image;
	u8 *first = machine->ram + machine->setup.image_offset;
	u64 *table = (u64 *)(void *)(first + image->rela.start);

	for (unsigned i = 0; i < FAKE_RELA_COUNT; i++) {
		unsigned place = i * 37 % FAKE_RELA_COUNT;
		u32 word = place % 2 != 0 ? image->segment[SEGMENT_DATA].start + 0x10 : 0x38;

		machine->rela[i].word = word + place * 16;
		machine->rela[i].addend = LINK_VA + i * 0x3331;
		*table++ = LINK_VA + machine->rela[i].word;
		*table++ = RELATIVE;
		*table++ = machine->rela[i].addend;
	}
}

void machine_put_function(const struct image *image, u8 *first, bool shadow)
{
	static const u8 instructions[] = { 0x41, 0x2d, 0x42, 0x2d }; /* signed from 4 to 12 */
	const u32 code[] = { shadow ? FAKE_PUSH : FAKE_PACIASP, FAKE_NOP,
			     shadow ? FAKE_POP : FAKE_AUTIASP, FAKE_RET };
	struct fake_fde fde = { .cie = (u32)align_up(image->rela.end, 8),
				.start = image->segment[SEGMENT_TEXT].start,
				.size = sizeof(code),
				.instructions = instructions,
				.count = sizeof(instructions) };
	u32 end;

	memcpy(first + fde.start, code, sizeof(code));
	end = frames_add_fde(first, frames_add_cie(first, fde.cie), &fde);
	memset(first + end, 0, sizeof(u32));
}

static void build_fdt(struct fake_machine *machine)
{
	static u64 blob[FAKE_FDT_MAX / sizeof(u64)];
	u64 room = machine->setup.ram_size - machine->setup.fdt_offset;
	size_t size = fake_fdt_build(&machine->setup.fdt, blob, sizeof(blob));

	if (size == 0 || size > room)
		abort();
	memcpy(machine->ram + machine->setup.fdt_offset, blob, size);
	machine->fdt_size = size;
}

static void allocate(struct fake_machine *machine, u64 size)
{
	if (machine->ram && machine->setup.ram_size == size)
		return;
	machine_free(machine);
	machine->ram = aligned_alloc(PAGE, size);
	machine->cache = malloc(size);
	machine->dirty = malloc(size / SHORTEST_LINE);
	if (!machine->ram || !machine->cache || !machine->dirty)
		abort();
}

void machine_build(struct fake_machine *machine, const struct machine_setup *setup)
{
	allocate(machine, setup->ram_size);
	machine->setup = *setup;
	machine->phys_offset = (u64)(uintptr_t)machine->ram - setup->ram_start;
	memcpy(machine->id, fake_cpu_id(setup->cpu), sizeof(machine->id));
	machine->line_size = 4u << (machine->id[SYSREG_CTR_EL0] >> 16 & 0xf);
	machine->entry = (struct entry_state){ .fdt = setup->ram_start + setup->fdt_offset,
					       .el = 1,
					       .counter = 1000 };
	machine->counter = machine->entry.counter;
	machine->random_works = machine->keys_forbidden = false;
	machine->shadow = NULL;
	machine->random_calls = machine->lines_lost = machine->lines_stray = 0;
	memset(machine->ram, setup->poison, setup->ram_size);
	describe_image(&machine->image, setup);
	memset(machine->ram + setup->image_offset, 0x5a, machine->image.bss.start);
	build_rela(machine);
	machine_put_function(&machine->image, machine->ram + setup->image_offset, false);
	build_fdt(machine);
}

/* Everything is in the cache; the FDT is nowhere else. */
static void settle_cache(struct fake_machine *machine)
{
	u64 start = machine->setup.fdt_offset, end = start + machine->fdt_size;

	memcpy(machine->cache, machine->ram, machine->setup.ram_size);
	memset(machine->dirty, 0, machine->setup.ram_size / machine->line_size);
	if (start == end)
		return;
	memset(machine->ram + start, machine->setup.poison, end - start);
	memset(machine->dirty + start / machine->line_size, 1,
	       (end - 1) / machine->line_size - start / machine->line_size + 1);
}

static void note_stale(struct fake_machine *machine)
{
	u32 size = machine->line_size;

	machine->stale = false;
	for (u64 at = 0; at < machine->setup.ram_size && !machine->stale; at += size) {
		machine->stale = !machine->dirty[at / size] &&
				 memcmp(machine->ram + at, machine->cache + at, size) != 0;
		machine->stale_pa = machine->setup.ram_start + at;
	}
}

struct stop machine_prepare(struct fake_machine *machine)
{
	struct stop stop;
	const struct image *image = &machine->image;
	u8 *first = machine->ram + machine->setup.image_offset;

	machine_select(machine);
	settle_cache(machine);
	memset(first + image->bss.start, 0, image->bss.end - image->bss.start);
	machine->handoff = (struct boot_handoff *)(void *)(first + image->bss.start);
	machine->handoff->facts.entry = machine->entry;
	machine->handoff->facts.image = *image;
	machine->handoff->facts.lists =
		paddr(image->pa.value + align_up(image->pool.end, alignof(struct boot_lists)));
	memcpy(machine->handoff->facts.id, machine->id, sizeof(machine->id));
	stop = boot_prepare(machine->handoff, machine->phys_offset);
	note_stale(machine);
	return stop;
}

struct stop machine_boot(struct fake_machine *machine)
{
	struct stop stop = machine_prepare(machine);
	struct boot_facts *facts = &machine->handoff->facts;
	struct fdt fdt = facts->fdt.tree;
	struct fdt_value seed;
	struct scan scan;

	if (stop.code != STOP_NONE)
		return stop;
	fdt.blob = machine->cache + (facts->entry.fdt - machine->setup.ram_start);
	fdt_cut(&fdt);
	tree_begin(&scan, &fdt, facts, &machine->lists);
	while (tree_read(&scan, &seed)) {
		memset((u8 *)(uintptr_t)seed.data, 0, seed.size);
		memset(machine->ram + (seed.data - machine->cache), 0, seed.size);
	}
	stop = tree_end(&scan);
	tree_list_consoles(&scan, machine_lists(machine)->console);
	return stop;
}

void machine_free(struct fake_machine *machine)
{
	free(machine->ram);
	free(machine->cache);
	free(machine->dirty);
	machine->ram = machine->cache = machine->dirty = NULL;
}

void machine_select(struct fake_machine *machine)
{
	selected = machine;
}

/* ---- Looking ---- */

u8 *machine_pointer(const struct fake_machine *machine, u64 pa)
{
	u64 offset = pa - machine->setup.ram_start;

	return offset < machine->setup.ram_size ? machine->ram + offset : NULL;
}

struct boot_lists *machine_lists(const struct fake_machine *machine)
{
	u64 pa = machine->handoff->facts.lists.value;

	return (struct boot_lists *)(void *)machine_pointer(machine, pa);
}

const struct memory_map *machine_memory(const struct fake_machine *machine)
{
	return &machine->lists.memory;
}

const char *machine_command_line(const struct fake_machine *machine)
{
	return machine->handoff->facts.command_line_length != 0 ?
		       machine_lists(machine)->command_line :
		       "";
}

bool machine_stale(const struct fake_machine *machine, u64 *pa)
{
	*pa = machine->stale_pa;
	return machine->stale;
}

bool machine_dirty(const struct fake_machine *machine, u64 start, u64 end)
{
	u64 line = start / machine->line_size;

	for (; line <= (end - 1) / machine->line_size; line++)
		if (machine->dirty[line])
			return true;
	return false;
}

struct stop machine_catch_halt(struct fake_machine *machine, const struct stop *stop)
{
	machine_select(machine);
	if (setjmp(machine->halt) == 0)
		boot_fail(machine->handoff, stop, machine->phys_offset);
	return machine->halted;
}

/* Padding there is in the regimes alone; the rest lies in memory that was cleared. */
static void regimes_clear(struct boot_plan *plan)
{
	memset(&plan->kernel, 0, sizeof(plan->kernel));
	memset(&plan->idmap, 0, sizeof(plan->idmap));
}

/* Member by member: there is padding between them. */
static bool regime_equal(const struct regime *a, const struct regime *b)
{
	return a->granule_shift == b->granule_shift && a->va_bits == b->va_bits &&
	       a->pa_bits == b->pa_bits && a->root_level == b->root_level &&
	       a->block_level == b->block_level && a->format == b->format && a->whose == b->whose;
}

static bool same_regimes(const struct boot_plan *a, const struct boot_plan *b)
{
	return regime_equal(&a->kernel, &b->kernel) && regime_equal(&a->idmap, &b->idmap);
}

bool same_plan(const struct boot_plan *a, const struct boot_plan *b)
{
	struct boot_plan copy[2];

	memcpy(&copy[0], a, sizeof(*a));
	memcpy(&copy[1], b, sizeof(*b));
	regimes_clear(&copy[0]);
	regimes_clear(&copy[1]);
	return same_regimes(a, b) && memcmp(&copy[0], &copy[1], sizeof(copy[0])) == 0;
}

bool same_handoff(const struct boot_handoff *a, const struct boot_handoff *b)
{
	static struct boot_handoff copy[2];

	memcpy(&copy[0], a, sizeof(*a));
	memcpy(&copy[1], b, sizeof(*b));
	regimes_clear(&copy[0].plan);
	regimes_clear(&copy[1].plan);
	return same_regimes(&a->plan, &b->plan) && memcmp(&copy[0], &copy[1], sizeof(copy[0])) == 0;
}
