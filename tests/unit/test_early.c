// SPDX-License-Identifier: MIT
/*
 * The early runtime as a whole, boot_prepare(), on machines that do not exist: every regime, RAM
 * anywhere below 2^52, FDTs good, bad and mutated. support/fake_machine.h is the machine and models
 * its caches; support/map_judge.h judges the result as hardware would. Host only.
 *
 * Environment: PAGODA_SEED repeats a random run; PAGODA_ITERATIONS multiplies the random cases.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <pagoda/kernel/cpu/shadow.h>

#include "support/fake_machine.h"
#include "support/map_judge.h"
#include "support/random.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#else
#define __sanitizer_set_death_callback(callback) ((void)(callback))
#endif

#define PAGE 0x10000ul
#define LINK_VA 0xffff800080000000

static struct fake_machine machine;

static int release_machine(void **state)
{
	(void)state;
	machine_free(&machine);
	return 0;
}

/* A machine whose FDT tells of the RAM it has. */
static struct machine_setup setup_at(u64 ram_start)
{
	struct machine_setup setup = machine_setup_default();

	setup.ram_start = ram_start;
	setup.fdt.memory[0] = (struct fake_fdt_range){ ram_start, setup.ram_size };
	return setup;
}

static struct stop boot(const struct machine_setup *setup)
{
	machine_build(&machine, setup);
	return machine_boot(&machine);
}

static void boot_well(const struct machine_setup *setup)
{
	struct stop stop = boot(setup);
	char reason[200];

	if (stop.code == STOP_NONE)
		return;
	stop_describe(&stop, reason, sizeof(reason));
	fail_msg("%s at %#lx, \"%s\": %s", fake_cpu_str(setup->cpu), setup->ram_start,
		 setup->fdt.bootargs ? setup->fdt.bootargs : "", reason);
}

static void assert_right(const char *wrong)
{
	if (wrong)
		fail_msg("%s at %#lx, \"%s\": %s", fake_cpu_str(machine.setup.cpu),
			 machine.image.pa.value,
			 machine.setup.fdt.bootargs ? machine.setup.fdt.bootargs : "", wrong);
}

static void assert_sound(void)
{
	assert_right(judge_maps(&machine, true));
	assert_right(judge_memory(&machine));
}

static void assert_stop(struct stop stop, enum stop_code code, u64 value, u64 limit, u64 extra)
{
	assert_int_equal(stop.code, code);
	assert_int_equal(stop.x1, value);
	assert_int_equal(stop.x2, limit);
	assert_int_equal(stop.x3, extra);
}

/* ---- Every regime, everywhere ---- */

static const struct regime_case {
	enum fake_cpu cpu;
	const char *command_line;
	unsigned reach; /* bits of physical address at which the image can be */
} regimes[] = {
	{ FAKE_CPU_MAX, "", 52 },
	{ FAKE_CPU_MAX, "arm64.nolva", 48 },
	{ FAKE_CPU_MAX, "pagoda.va_bits=48", 48 },
	{ FAKE_CPU_MAX, "pagoda.va_bits=39", 48 },
	{ FAKE_CPU_MAX, "arm64.pagesize=16k", 52 },
	{ FAKE_CPU_MAX, "arm64.pagesize=16k arm64.nolva", 48 },
	{ FAKE_CPU_MAX, "arm64.pagesize=16k pagoda.va_bits=48", 48 },
	{ FAKE_CPU_MAX, "arm64.pagesize=16k pagoda.va_bits=36", 48 },
	{ FAKE_CPU_MAX, "arm64.pagesize=64k", 52 },
	{ FAKE_CPU_MAX, "arm64.pagesize=64k arm64.nolva", 48 },
	{ FAKE_CPU_MAX, "arm64.pagesize=64k pagoda.va_bits=48", 52 },
	{ FAKE_CPU_MAX, "arm64.pagesize=64k pagoda.va_bits=42", 52 },
	{ FAKE_CPU_MAX, "id_aa64mmfr0.parange=5", 48 },
	{ FAKE_CPU_MAX, "arm64.nobti", 52 },
	{ FAKE_CPU_MAX, "arm64.nowxn", 52 },
	{ FAKE_CPU_MAX, "rodata=off", 52 },
	{ FAKE_CPU_MAX_LPA2_OFF, "", 48 },
	{ FAKE_CPU_MAX_LPA2_OFF, "arm64.pagesize=64k", 52 },
	{ FAKE_CPU_CORTEX_A53, "", 40 },
	{ FAKE_CPU_CORTEX_A57, "", 44 },
	{ FAKE_CPU_CORTEX_A72, "arm64.pagesize=64k", 44 },
	{ FAKE_CPU_CORTEX_A76, "arm64.pagesize=16k", 40 },
	{ FAKE_CPU_NEOVERSE_N1, "nokaslr", 48 },
	{ FAKE_CPU_A64FX, "arm64.pagesize=64k", 40 }, /* cache lines of 256 bytes */
};

static void regime_at(const struct regime_case *regime, u64 ram_start)
{
	struct machine_setup setup = setup_at(ram_start);
	struct stop stop;

	setup.cpu = regime->cpu;
	setup.fdt.bootargs = regime->command_line;
	machine_build(&machine, &setup);
	if (machine.image.pa.value + machine.image.size <= 1ul << regime->reach) {
		boot_well(&setup);
		assert_sound();
		return;
	}
	stop = machine_boot(&machine);
	assert_stop(stop, STOP_IMAGE_UNREACHABLE, ram_start + machine.image.size, regime->reach, 0);
}

static void every_regime_is_right_wherever_ram_is(void **state)
{
	static const u64 places[] = {
		0,
		0x40000000,
		0x100000000,
		(1ul << 48) - MIB(4),
		(1ul << 48) - 0x80000, /* the image crosses 2^48 */
		1ul << 48,
		(1ul << 51) + (1ul << 49) + 0x70000,
		(1ul << 52) - MIB(4),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(regimes); i++)
		for (size_t j = 0; j < ARRAY_SIZE(places); j++)
			regime_at(&regimes[i], places[j]);
}

static void a_root_above_48_bits_has_its_high_bits_in_ttbr_5_to_2(void **state)
{
	static const char *const command_lines[] = { "", "arm64.pagesize=16k",
						     "arm64.pagesize=64k" };
	struct machine_setup setup = setup_at(0xb000000000000);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(command_lines); i++) {
		setup.fdt.bootargs = command_lines[i];
		boot_well(&setup);
		assert_int_equal(machine.handoff->ttbr0 >> 2 & 0xf, 0xb);
		assert_int_equal(machine.handoff->ttbr1 >> 2 & 0xf, 0xb);
		assert_int_equal(machine.handoff->ttbr0 >> 48, 0);
		assert_int_equal(machine.handoff->kernel_root.value >> 48, 0xb);
	}
}

/* Text of 4 MiB and data of 6, so that whole groups and blocks fit in all page sizes. */
static void large_segments_have_blocks_and_contiguous_runs(void **state)
{
	static const char *const command_lines[] = {
		"",
		"arm64.nolva",
		"arm64.pagesize=16k",
		"arm64.pagesize=16k arm64.nolva",
		"arm64.pagesize=64k",
		"arm64.pagesize=64k arm64.nolva",
	};
	static const u64 offsets[] = { 0, PAGE, 31 * PAGE }; /* text begins 64 KiB later */
	struct machine_setup setup = setup_at(0x80000000);

	(void)state;
	setup.ram_size = MIB(16);
	setup.text_size = MIB(4);
	setup.data_size = MIB(6);
	setup.pool_size = 24 * PAGE;
	setup.fdt_offset = MIB(15);
	for (size_t i = 0; i < ARRAY_SIZE(command_lines); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(offsets); j++) {
			setup.fdt.bootargs = command_lines[i];
			setup.image_offset = offsets[j];
			boot_well(&setup);
			assert_right(judge_maps(&machine, true));
			assert_right(judge_published(&machine));
		}
	}
}

/* What maps @va, leaf or contiguous run, maps nothing of what is before it. */
static bool begins_alone(const struct space *space, u64 va)
{
	struct pt_entry entry = pt_find(space, vaddr(va));
	struct pte_info info = pte_decode(&space->regime, entry.pte, entry.level, entry.table_bits);
	unsigned run = info.contiguous ? regime_contiguous(&space->regime, entry.level) : 1;

	return is_aligned(va, run * regime_span(&space->regime, entry.level));
}

/*
 * An image of more than 2 MiB, in which a block of 4K pages fits, and runs of the others; with text
 * that ends just before one would, alone or after another.
 */
static void what_is_unmapped_alone_is_mapped_alone_whatever_the_segments_sizes(void **state)
{
	static const u32 sizes[6] = {
		MIB(1), MIB(2) - PAGE, MIB(2), MIB(2) + 3 * PAGE, MIB(4), MIB(4) - 2 * PAGE,
	};
	static const u32 offsets[3] = { 0, MIB(1) - PAGE, MIB(2) - PAGE };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(regimes) * 18; i++) {
		struct machine_setup setup = setup_at(0x80000000);
		const struct regime_case *regime = &regimes[i / 18];
		const struct boot_handoff *handoff;
		struct space space;

		setup.cpu = regime->cpu;
		setup.fdt.bootargs = regime->command_line;
		setup.ram_size = MIB(16);
		setup.fdt_offset = MIB(15);
		setup.image_offset = offsets[i % 3];
		setup.text_size = sizes[i / 3 % 6];
		boot_well(&setup);
		assert_right(judge_maps(&machine, true));
		handoff = machine.handoff;
		space = (struct space){ .regime = handoff->plan.kernel,
					.root = handoff->kernel_root,
					.phys_offset = machine.phys_offset };
		for (int at = SEGMENT_TEXT; at <= SEGMENT_DATA; at++)
			assert_true(begins_alone(&space, handoff->plan.image_va.value +
								 machine.image.segment[at].start));
	}
}

static void only_rodata_off_makes_anything_writable_and_executable(void **state)
{
	static struct judge_leaf leaves[JUDGE_LEAVES_MAX];
	static const struct {
		const char *command_line;
		bool writable_text;
	} cases[] = { { "", false }, { "arm64.nowxn", false }, { "rodata=off", true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
		struct machine_setup setup = setup_at(GIB(1));
		struct judge_half half;
		bool found = false;
		int count;

		setup.fdt.bootargs = cases[i / 2].command_line;
		boot_well(&setup);
		half = judge_half(&machine, i % 2);
		count = judge_leaves(&half, leaves);
		assert_true(count > 0);
		for (int leaf = 0; leaf < count; leaf++)
			found |= leaves[leaf].result.el1_write && leaves[leaf].result.el1_execute;
		/* The identity map keeps to W^X in any case. */
		assert_int_equal(found, cases[i / 2].writable_text && i % 2);
	}
}

/* ---- Poison, entropy, placement ---- */

static void what_ram_held_before_makes_no_difference(void **state)
{
	static const u8 poisons[] = { 0xaa, 0x00, 0xff, 0x03, 0x01 };
	static struct judge_leaf first[2][JUDGE_LEAVES_MAX], again[JUDGE_LEAVES_MAX];
	static struct boot_handoff handoff;
	int count[2] = { 0, 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(regimes) * ARRAY_SIZE(poisons); i++) {
		struct machine_setup setup = setup_at(GIB(1));
		size_t poison = i % ARRAY_SIZE(poisons);

		setup.cpu = regimes[i / ARRAY_SIZE(poisons)].cpu;
		setup.fdt.bootargs = regimes[i / ARRAY_SIZE(poisons)].command_line;
		setup.poison = poisons[poison];
		boot_well(&setup);
		for (int upper = 0; upper < 2; upper++) {
			struct judge_half half = judge_half(&machine, upper);
			struct judge_leaf *leaves = poison == 0 ? first[upper] : again;
			int found = judge_leaves(&half, leaves);

			if (poison == 0)
				count[upper] = found;
			assert_int_equal(found, count[upper]);
			if (poison != 0)
				assert_memory_equal(again, first[upper], found * sizeof(again[0]));
		}
		if (poison == 0)
			memcpy(&handoff, machine.handoff, sizeof(handoff));
		assert_true(same_handoff(machine.handoff, &handoff));
	}
}

static void two_seeds_give_two_addresses_and_two_keys(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	struct fake_key key;
	u64 va;

	(void)state;
	boot_well(&setup);
	va = machine.handoff->plan.image_va.value;
	key = machine.key;
	assert_int_equal(machine.handoff->plan.kaslr_source, KASLR_FDT);
	setup.fdt.seed ^= 0x0100000000000000;
	boot_well(&setup);
	assert_true(va != machine.handoff->plan.image_va.value);
	assert_true(key.low != machine.key.low && key.high != machine.key.high);
	assert_true(machine.key.low != machine.key.high);
}

static void the_seed_is_taken_and_wiped(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	boot_well(&setup);
	assert_int_equal(machine.handoff->facts.fdt.seed, FDT_SEED_TAKEN);
	assert_int_equal(machine.handoff->seed.kaslr, 0);
	assert_right(judge_memory(&machine));
}

static void a_seed_of_zeroes_is_none_and_known_as_such(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.fdt.seed = 0;
	boot_well(&setup);
	assert_int_equal(machine.handoff->facts.fdt.seed, FDT_SEED_ZERO);
	assert_int_equal(machine.handoff->plan.kaslr_source, KASLR_OFF_NO_ENTROPY);
	assert_true(machine.handoff->plan.pac && !machine.handoff->plan.pac_secret);
}

static void the_seed_is_wiped_with_nokaslr_too(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.fdt.bootargs = "nokaslr";
	boot_well(&setup);
	assert_int_equal(machine.handoff->plan.kaslr_source, KASLR_OFF_ASKED);
	assert_sound();
}

static void of_two_seeds_the_first_counts(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	u64 va;

	(void)state;
	boot_well(&setup);
	va = machine.handoff->plan.image_va.value;
	setup.fdt.stray_seed = 0x7777777777777777;
	setup.fdt.padding = 200; /* so that the two have each a cache line */
	boot_well(&setup);
	assert_int_equal(machine.handoff->plan.image_va.value, va);
	assert_sound();
}

static void rndr_is_the_seed_where_the_fdt_has_none(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	u64 va;

	(void)state;
	setup.fdt.has_seed = false;
	machine_build(&machine, &setup);
	machine.random_works = true;
	machine.random_answer = 0x1234567812345678;
	assert_int_equal(machine_boot(&machine).code, STOP_NONE);
	assert_int_equal(machine.handoff->plan.kaslr_source, KASLR_RNDR);
	assert_int_equal(machine.handoff->facts.fdt.seed, FDT_SEED_NONE);
	assert_true(machine.handoff->plan.pac_secret);
	assert_true(machine.handoff->seed.linear != 0);
	assert_sound();
	va = machine.handoff->plan.image_va.value;
	setup.fdt.has_seed = true;
	setup.fdt.seed = machine.random_answer;
	boot_well(&setup);
	assert_int_equal(machine.handoff->plan.image_va.value, va);
}

static void a_cpu_without_entropy_gets_no_kaslr_and_says_so(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.cpu = FAKE_CPU_CORTEX_A57;
	setup.fdt.has_seed = false;
	boot_well(&setup);
	assert_int_equal(machine.handoff->plan.kaslr_source, KASLR_OFF_NO_ENTROPY);
	assert_int_equal(machine.handoff->plan.image_va.value, 0xffff800080000000);
	assert_sound();
}

static void where_the_fdt_lies_decides_nothing(void **state)
{
	static struct boot_plan plan;
	struct machine_setup setup = setup_at(GIB(1));
	u64 offsets[8], image_end;
	u32 size;

	(void)state;
	setup.ram_size = MIB(8);
	setup.image_offset = MIB(4);
	setup.fdt.bootargs = "arm64.pagesize=16k mem=3M";
	setup.fdt.padding = 30001;
	boot_well(&setup);
	memcpy(&plan, &machine.handoff->plan, sizeof(plan));
	size = (u32)align_up(machine.fdt_size, 8);
	image_end = setup.image_offset + machine.image.size;
	offsets[0] = 8; /* at multiples of 8, 16, 32 and so on, and of no more */
	offsets[1] = 0x30;
	offsets[2] = 0x60e8;
	offsets[3] = MIB(2) - 8; /* across 2 MiB */
	offsets[4] = MIB(2) - align_down(size / 2, 8);
	offsets[5] = setup.image_offset - size; /* just before the image */
	offsets[6] = image_end; /* just after */
	offsets[7] = setup.ram_size - size;
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		setup.fdt_offset = offsets[i];
		boot_well(&setup);
		assert_true(same_plan(&machine.handoff->plan, &plan));
		assert_right(judge_memory(&machine));
	}
}

static void the_entry_state_and_the_timeline_reach_the_kernel(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	const u64 *timeline;

	(void)state;
	machine_build(&machine, &setup);
	machine.entry.el = 2;
	machine.entry.sctlr = 0x30c50830;
	assert_int_equal(machine_boot(&machine).code, STOP_NONE);
	assert_int_equal(machine.handoff->facts.entry.el, 2);
	assert_int_equal(machine.handoff->facts.entry.sctlr, 0x30c50830);
	timeline = machine.handoff->timeline;
	assert_int_equal(timeline[STAGE_ENTRY], 1000);
	for (int stage = STAGE_ENTRY; stage < STAGE_RELOCATED; stage++)
		assert_true(timeline[stage] < timeline[stage + 1]);
	assert_int_equal(timeline[STAGE_PUBLISHED], 0);
}

/* Which a hypervisor beside the kernel asks for, too. */
static void vhe_is_left_where_hcr_el2_e2h_can_be_cleared_and_only_there(void **state)
{
	static char vh[] = "id_aa64mmfr1.vh=0", nvhe[] = "kvm-arm.mode=nvhe";
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const struct boot_handoff *handoff;
		unsigned stuck = i % 2;

		setup.fdt.bootargs = i < 2 ? vh : nvhe;
		machine_build(&machine, &setup);
		machine.entry.el = 2;
		machine.entry.hcr = 0x30080000000 | (u64)stuck << 34;
		assert_int_equal(machine_boot(&machine).code, STOP_NONE);
		handoff = machine.handoff;
		assert_int_equal(handoff->plan.el, stuck ? 2 : 1);
		assert_int_equal(handoff->options.record_count, 1);
		assert_int_equal(handoff->options.record[0].reason,
				 stuck ? REASON_E2H_STUCK : REASON_NONE);
		/* ID_AA64MMFR4_EL1.E2H0: corrected, and kept as the CPU has it. */
		assert_int_equal(handoff->id[SYSREG_ID_AA64MMFR4_EL1], stuck ? 0xf000000 : 0);
		assert_int_equal(handoff->facts.id[SYSREG_ID_AA64MMFR4_EL1], 0);
	}
}

static void the_id_registers_are_kept_as_the_cpu_has_them_too(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.fdt.bootargs = "arm64.nolva arm64.nobti";
	boot_well(&setup);
	assert_memory_equal(machine.handoff->facts.id, fake_cpu_id(FAKE_CPU_MAX),
			    sizeof(machine.handoff->facts.id));
	assert_int_equal(machine.handoff->id[SYSREG_ID_AA64MMFR2_EL1], 0x1021011010001011);
	assert_int_equal(machine.handoff->id[SYSREG_ID_AA64MMFR0_EL1], 0x32300101125);
	assert_int_equal(machine.handoff->id[SYSREG_ID_AA64PFR1_EL1], 0x1000020);
}

/* ---- Caches ---- */

/* CTR_EL0.DminLine 2 to 6: lines of 16 to 256 bytes. The FDT at an odd place in its line. */
static void lines_of_any_size_are_cleaned_and_published(void **state)
{
	(void)state;
	for (unsigned order = 2; order <= 6; order++) {
		struct machine_setup setup = setup_at(GIB(1));

		setup.fdt_offset += 0x18;
		machine_build(&machine, &setup);
		machine.id[SYSREG_CTR_EL0] = (u64)order << 16;
		machine.line_size = 4u << order;
		assert_int_equal(machine_boot(&machine).code, STOP_NONE);
		assert_sound();
	}
}

static u32 fdt_word(u64 offset)
{
	const u8 *at = machine.cache + machine.setup.fdt_offset + offset;

	return (u32)at[0] << 24 | (u32)at[1] << 16 | (u32)at[2] << 8 | at[3];
}

/* Header words: off_dt_struct 8, sizes 32 and 36. The FDT is poison until it is cleaned. */
static void every_line_of_the_fdt_that_is_read_before_the_flip_was_cleaned_before(void **state)
{
	(void)state;
	for (u64 offset = 0; offset < 0x40; offset += 8) {
		struct machine_setup setup = setup_at(GIB(1));
		u64 fdt = setup.fdt_offset += offset;

		setup.fdt.padding = 4000;
		setup.fdt.bootargs = "arm64.nolva";
		machine_build(&machine, &setup);
		machine.id[SYSREG_CTR_EL0] = 2 << 16;
		machine.line_size = 16; /* a name may lie in two lines */
		assert_int_equal(machine_prepare(&machine).code, STOP_NONE);
		assert_false(machine_dirty(&machine, fdt, fdt + 40));
		assert_false(machine_dirty(&machine, fdt + fdt_word(8),
					   fdt + fdt_word(8) + fdt_word(36)));
		assert_int_equal(machine.handoff->facts.fdt.seed, FDT_SEED_TAKEN);
		assert_int_equal(machine.handoff->plan.kernel.va_bits, 48);
		assert_right(judge_published(&machine));
	}
}

/* ---- Relocation ---- */

static void relocation_must_fail(u32 rela_word, u64 value, u64 type, u64 offset)
{
	struct machine_setup setup = setup_at(GIB(1));
	u64 *rela;

	machine_build(&machine, &setup);
	rela = (u64 *)(void *)machine_pointer(&machine,
					      machine.image.pa.value + machine.image.rela.end - 24);
	rela[rela_word] = value;
	if (rela_word != 0)
		offset = rela[0];
	assert_stop(machine_boot(&machine), STOP_RELOCATION, type, offset, 0);
}

static void a_relocation_of_another_type_stops(void **state)
{
	(void)state;
	relocation_must_fail(1, 257, 257, 0); /* R_AARCH64_ABS64 */
	relocation_must_fail(1, 0, 0, 0);
	relocation_must_fail(1, 1ul << 32 | 1027, 1ul << 32 | 1027, 0); /* with a symbol */
}

static void a_relocation_outside_the_image_or_misaligned_stops(void **state)
{
	u64 size;

	(void)state;
	machine_build(&machine, &(struct machine_setup){ .ram_size = MIB(4),
							 .text_size = PAGE,
							 .data_size = PAGE,
							 .pool_size = 12 * PAGE });
	size = machine.image.size;
	relocation_must_fail(0, LINK_VA - 8, 1027, LINK_VA - 8);
	relocation_must_fail(0, LINK_VA + size, 1027, LINK_VA + size);
	relocation_must_fail(0, LINK_VA + size - 4, 1027, LINK_VA + size - 4);
	relocation_must_fail(0, LINK_VA + 4, 1027, LINK_VA + 4);
}

static void an_image_without_relocations_is_left_as_it_is(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	static u8 before[PAGE];

	(void)state;
	machine_build(&machine, &setup);
	machine.image.rela.end = machine.image.rela.start;
	memcpy(before, machine.ram, sizeof(before));
	assert_int_equal(machine_boot(&machine).code, STOP_NONE);
	assert_memory_equal(machine.ram, before, sizeof(before));
	assert_right(judge_published(&machine));
}

/* ---- Shadow call stacks ---- */

/* Relocated words lie around the text, and would be published with it. */
static void where_the_cpu_cannot_sign_functions_are_patched_and_published(void **state)
{
	(void)state;
	for (int signs = 0; signs < 2; signs++) {
		struct machine_setup setup = setup_at(GIB(1));
		static u8 expected[MIB(4)];
		u32 text;

		setup.cpu = signs ? FAKE_CPU_MAX : FAKE_CPU_CORTEX_A57;
		machine_build(&machine, &setup);
		machine.image.rela.end = machine.image.rela.start;
		machine_put_function(&machine.image, machine.ram, false);
		text = machine.image.segment[SEGMENT_TEXT].start;
		machine_put_function(&machine.image, expected, !signs);
		assert_int_equal(machine_boot(&machine).code, STOP_NONE);
		assert_memory_equal(machine.ram + text, expected + text, 16);
		assert_right(judge_published(&machine));
		assert_int_equal(machine.handoff->scs.patched, !signs);
		assert_int_equal(machine.handoff->scs.left, 0);
		assert_ptr_equal(machine.shadow, signs ? NULL : boot_shadows.stack);
	}
}

/* ---- The table pool ---- */

static void a_pool_too_small_stops_with_used_and_total_at_each_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(regimes); i++) {
		struct machine_setup setup = setup_at(GIB(1) - PAGE * 3);
		u64 granule, needed;

		setup.cpu = regimes[i].cpu;
		setup.fdt.bootargs = regimes[i].command_line;
		boot_well(&setup);
		granule = 1ul << machine.handoff->plan.kernel.granule_shift;
		needed = machine.handoff->pool.next.value - machine.handoff->pool.start.value;
		assert_true(needed % granule == 0 && needed >= 4 * granule);
		for (u64 pages = 0; pages < needed / granule; pages++) {
			setup.pool_size = pages * granule;
			assert_stop(boot(&setup), STOP_POOL, pages, pages, granule);
			/* Bytes that make no whole page are no use. */
			setup.pool_size += granule - 8;
			assert_stop(boot(&setup), STOP_POOL, pages, pages, granule);
		}
		setup.pool_size = needed;
		boot_well(&setup);
		assert_right(judge_maps(&machine, true));
	}
}

/* However the image lies: the kernel unmaps the pool, and not what is before it. */
static void the_pool_begins_where_a_page_of_any_size_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(regimes); i++) {
		struct machine_setup setup = setup_at(GIB(1));
		const struct table_pool *pool;
		u64 first;

		setup.cpu = regimes[i].cpu;
		setup.fdt.bootargs = regimes[i].command_line;
		machine_build(&machine, &setup);
		machine.image.pool.start += KIB(4);
		first = machine.image.pa.value + machine.image.pool.start;
		assert_int_equal(machine_boot(&machine).code, STOP_NONE);
		pool = &machine.handoff->pool;
		assert_int_equal(pool->start.value, align_up(first, GRANULE_SIZE_MAX));
		assert_int_equal(pool->end.value, machine.image.pa.value + machine.image.pool.end);
	}
}

/* The maps once more, with the image at @offset in @room: no seed is known that places it there. */
static void map_again(struct layout_region room, u64 offset)
{
	struct boot_plan *plan = &machine.handoff->plan;
	u64 number = 0;

	for (int bit = 63; bit >= 0; bit--)
		if (kaslr_offset(room, machine.image.size, number | 1ul << bit) <= offset)
			number |= 1ul << bit;
	plan->kaslr_offset = kaslr_offset(room, machine.image.size, number);
	assert_int_equal(plan->kaslr_offset, offset);
	plan->image_va = vaddr(room.start.value + offset + MIB(2) - 8 * PAGE);
	assert_int_equal(map_kernel(machine.handoff, machine.phys_offset).code, STOP_NONE);
}

/*
 * The image across 2^48, and across a boundary of the second level in the upper half: the most
 * tables that it can need. Two of the pool's pages are for the fixmap.
 */
static void the_pool_lasts_for_an_image_that_crosses_every_boundary(void **state)
{
	static const struct {
		const char *command_line;
		u64 boundary;
	} cases[] = {
		{ "", 1ul << 39 },
		{ "arm64.pagesize=16k", 1ul << 36 },
		{ "arm64.pagesize=64k", 1ul << 42 },
		{ "arm64.pagesize=64k pagoda.va_bits=42", 1ul << 29 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine_setup setup = setup_at((1ul << 48) - 8 * PAGE);
		const struct boot_handoff *handoff;
		struct layout_region room;
		u64 start, used;

		setup.fdt.bootargs = cases[i].command_line;
		boot_well(&setup);
		handoff = machine.handoff;
		room = handoff->plan.layout.region[LAYOUT_VMALLOC];
		/* The first boundary in the second half of the room, less what is before 2^48. */
		start = room.start.value + (room.end.value - room.start.value) / 2;
		start = align_up(start, cases[i].boundary) - MIB(2);
		map_again(room, start - room.start.value);
		assert_int_equal(handoff->plan.image_va.value, start + MIB(2) - 8 * PAGE);
		assert_right(judge_maps(&machine, true));
		used = handoff->pool.next.value - handoff->pool.start.value;
		/* KASAN's page, tables and ends: linker/pagoda.lds.S has them in its sum. */
		assert_true(used <= setup.pool_size - (KASAN ? 0 : 2) * PAGE);
	}
}

/* ---- FDTs that are wrong ---- */

#define CONSOLE 0x9000000

/* The page of a PL011 that takes everything; what the early runtime says goes to its first word. */
static volatile u32 *console_page(void)
{
	static volatile u32 *page;

	if (page == NULL)
		page = mmap((void *)CONSOLE, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_ptr_equal(page, (void *)CONSOLE);
	page[0] = 0;
	return page;
}

/* boot_fail() of @stop halts with it; and it @finds the FDT's console and says so there, or not. */
static void assert_fails_on_console(const struct stop *stop, bool finds)
{
	volatile u32 *page = console_page();
	struct stop halted = machine_catch_halt(&machine, stop);

	assert_stop(halted, stop->code, stop->x1, stop->x2, stop->x3);
	assert_int_equal(machine.handoff->facts.console.address.value, finds ? CONSOLE : 0);
	assert_int_equal(page[0], finds ? '\n' : 0);
}

static struct machine_setup bad_fdt_setup(void)
{
	struct machine_setup setup = setup_at(GIB(1));

	setup.ram_size = MIB(8);
	setup.image_offset = MIB(4);
	machine_build(&machine, &setup);
	return setup;
}

static void put_fdt_word(u64 offset, u32 value)
{
	u8 *at = machine.ram + machine.setup.fdt_offset + offset;

	for (int i = 0; i < 4; i++)
		at[i] = (u8)(value >> (24 - 8 * i));
}

static u32 get_fdt_word(u64 offset)
{
	const u8 *at = machine.ram + machine.setup.fdt_offset + offset;

	return (u32)at[0] << 24 | (u32)at[1] << 16 | (u32)at[2] << 8 | at[3];
}

static void assert_stop_fdt(enum fdt_status status, u64 size)
{
	assert_stop(machine_boot(&machine), STOP_FDT, status, machine.entry.fdt, size);
}

static void no_fdt_stops(void **state)
{
	(void)state;
	bad_fdt_setup();
	machine.entry.fdt = 0;
	assert_stop_fdt(FDT_NULL, 0);
}

static void a_misaligned_fdt_stops(void **state)
{
	(void)state;
	for (u64 off = 1; off < 8; off++) {
		bad_fdt_setup();
		machine.entry.fdt += off;
		assert_stop_fdt(FDT_MISALIGNED, 0);
	}
}

static void an_fdt_without_its_magic_stops(void **state)
{
	(void)state;
	bad_fdt_setup();
	put_fdt_word(0, 0xd00dfeee);
	assert_stop_fdt(FDT_BAD_MAGIC, 0);
	machine.entry.fdt = machine.setup.ram_start; /* poison */
	assert_stop_fdt(FDT_BAD_MAGIC, 0);
}

static void an_absurd_totalsize_stops_with_the_size(void **state)
{
	static const u32 sizes[] = { 0, 39, 0x200001, 0x7fffffff, 0x80000000, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		bad_fdt_setup();
		put_fdt_word(4, sizes[i]);
		assert_stop_fdt(FDT_BAD_SIZE, sizes[i]);
	}
}

static void a_truncated_fdt_stops(void **state)
{
	u32 size;

	(void)state;
	bad_fdt_setup();
	size = machine.fdt_size;
	put_fdt_word(4, size / 2);
	assert_stop_fdt(FDT_BAD_BLOCK, size / 2);

	bad_fdt_setup();
	put_fdt_word(36, get_fdt_word(36) - 4); /* FDT_END is gone */
	assert_stop_fdt(FDT_TRUNCATED, size);
}

static void a_name_that_ends_behind_the_strings_stops(void **state)
{
	(void)state;
	bad_fdt_setup();
	put_fdt_word(32, get_fdt_word(32) - 1); /* the last NUL is not of the block */
	assert_stop_fdt(FDT_BAD_NAME, machine.fdt_size);
}

static void nodes_that_do_not_end_stop_but_the_console_is_known(void **state)
{
	(void)state;
	bad_fdt_setup();
	put_fdt_word(get_fdt_word(8) + get_fdt_word(36) - 8,
		     4); /* the root's END_NODE becomes NOP */
	assert_stop_fdt(FDT_UNBALANCED, machine.fdt_size);
	assert_int_equal(machine.handoff->facts.console.address.value, 0x9000000);
}

static void an_fdt_that_overlaps_the_image_stops(void **state)
{
	struct machine_setup setup = bad_fdt_setup();
	u32 image_size = machine.image.size;
	u32 size = (u32)align_up(machine.fdt_size, 8);
	u64 offsets[] = {
		setup.image_offset - size + 8, /* its last bytes */
		setup.image_offset - 8,
		setup.image_offset,
		setup.image_offset + machine.image.pool.start, /* not of the file, but in use */
		setup.image_offset + image_size - 8,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		setup.fdt_offset = offsets[i];
		machine_build(&machine, &setup);
		/* A pointer into the image is not followed, so no size is known. */
		assert_stop(machine_boot(&machine), STOP_FDT_OVERLAPS_IMAGE,
			    setup.ram_start + offsets[i],
			    offsets[i] < setup.image_offset ? machine.fdt_size : 0, 0);
	}
	setup.fdt_offset = setup.image_offset - size;
	machine_build(&machine, &setup);
	put_fdt_word(4, size + 1); /* free space behind the blocks belongs to it, too */
	assert_stop(machine_boot(&machine), STOP_FDT_OVERLAPS_IMAGE,
		    setup.ram_start + setup.fdt_offset, size + 1, 0);
}

static void no_memory_stops_but_the_console_is_known(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.fdt.no_memory = true;
	assert_stop(boot(&setup), STOP_NO_MEMORY_NODE, 0, 0, 0);
	assert_int_equal(machine.handoff->facts.console.address.value, 0x9000000);
	setup.fdt.no_memory = false;
	setup.fdt.memory[0].size = 0;
	assert_stop(boot(&setup), STOP_NO_MEMORY_NODE, 0, 0, 0);
}

static void no_chosen_is_no_error(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	boot_well(&setup);
	assert_true(machine.handoff->facts.fdt.has_chosen);
	setup.fdt.no_chosen = true;
	setup.fdt.has_seed = false;
	boot_well(&setup);
	assert_false(machine.handoff->facts.fdt.has_chosen);
	assert_int_equal(machine.handoff->facts.command_line_length, 0);
	assert_int_equal(machine.handoff->facts.console.source, CONSOLE_FIRST_UART);
	assert_sound();
}

static void entry_at_el3_stops_but_the_console_is_found(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	struct stop stop;

	(void)state;
	machine_build(&machine, &setup);
	machine.entry.el = 3;
	stop = machine_boot(&machine);
	assert_stop(stop, STOP_ENTRY_EL, 3, 0, 0);
	assert_int_equal(machine.handoff->facts.console.address.value, 0);
	assert_fails_on_console(&stop, true);
}

/* What stands before /chosen, here a word that is no token, is found before the flip. */
static void a_tree_that_is_bad_before_chosen_stops_and_what_was_seen_before_counts(void **state)
{
	static const char name[] = "chosen";

	(void)state;
	for (int uart = 0; uart < 2; uart++) {
		struct machine_setup setup = setup_at(GIB(1));
		struct stop stop;
		u8 *found;

		setup.fdt.chosen_last = true;
		setup.fdt.padding = 1000; /* names are in lines of their own */
		if (!uart)
			setup.fdt.uart[0].name = NULL;
		machine_build(&machine, &setup);
		found = memmem(machine.ram + setup.fdt_offset, machine.fdt_size, name,
			       sizeof(name));
		assert_non_null(found);
		found[-5] = 7; /* the token before /chosen's own */
		stop = machine_boot(&machine);
		assert_stop(stop, STOP_FDT, FDT_BAD_TOKEN, machine.entry.fdt, machine.fdt_size);
		assert_int_equal(machine.handoff->facts.fdt.chosen, 0);
		assert_fails_on_console(&stop, uart);
	}
}

/* All is well before the flip: what comes after /chosen is not looked at. */
static void a_tree_that_is_bad_after_chosen_is_for_the_kernel_to_refuse(void **state)
{
	struct stop stop;

	(void)state;
	bad_fdt_setup();
	put_fdt_word(get_fdt_word(8) + get_fdt_word(36) - 8, 7); /* the root's END_NODE */
	assert_int_equal(machine_prepare(&machine).code, STOP_NONE);
	assert_right(judge_maps(&machine, false));
	assert_right(judge_published(&machine));
	assert_int_equal(machine.handoff->plan.kaslr_source, KASLR_FDT);
	bad_fdt_setup();
	put_fdt_word(get_fdt_word(8) + get_fdt_word(36) - 8, 7);
	stop = machine_boot(&machine);
	assert_stop(stop, STOP_FDT, FDT_BAD_TOKEN, machine.entry.fdt, machine.fdt_size);
	assert_int_equal(machine.handoff->facts.console.address.value, CONSOLE);
}

/* It may be the reader itself that the exception came from. */
static void a_console_is_sought_once_and_never_where_there_is_no_tree(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	struct stop stop = { STOP_FDT, 1, 2, 3 }, exception = { STOP_EXCEPTION, 1, 2, 3 };

	(void)state;
	bad_fdt_setup();
	put_fdt_word(0, 0xd00d0102);
	assert_stop_fdt(FDT_BAD_MAGIC, 0);
	assert_fails_on_console(&stop, false);
	bad_fdt_setup();
	put_fdt_word(0, 0xd00dfeee);
	assert_stop_fdt(FDT_BAD_MAGIC, 0);
	assert_fails_on_console(&stop, true);
	bad_fdt_setup();
	put_fdt_word(20, 15); /* a version with a size, and nothing else to go by */
	assert_stop_fdt(FDT_BAD_VERSION, machine.fdt_size);
	assert_fails_on_console(&stop, true);

	/* Reading the header is what the exception may have come of. */
	bad_fdt_setup();
	put_fdt_word(0, 0xd00dfeee);
	assert_stop_fdt(FDT_BAD_MAGIC, 0);
	assert_fails_on_console(&exception, false);

	assert_int_equal(boot(&setup).code, STOP_NONE);
	machine.handoff->searches = UINT8_MAX;
	machine.handoff->facts.console.address = paddr(0);
	assert_fails_on_console(&stop, false);
}

/* In a second /chosen, where nobody looks before the flip. */
static void a_boot_that_fails_leaves_no_seed_either(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	struct stop stop;
	u64 word;

	(void)state;
	setup.fdt.stray_seed = 0x7777777777777777;
	setup.fdt.padding = 1000;
	machine_build(&machine, &setup);
	machine.entry.el = 3;
	stop = machine_boot(&machine);
	assert_fails_on_console(&stop, true);
	for (u64 at = setup.fdt_offset; at < setup.fdt_offset + machine.fdt_size; at++) {
		memcpy(&word, machine.ram + at, sizeof(word));
		assert_true(word != setup.fdt.stray_seed && word != setup.fdt.seed);
		memcpy(&word, machine.cache + at, sizeof(word));
		assert_true(word != setup.fdt.stray_seed && word != setup.fdt.seed);
	}
	assert_int_equal(machine.lines_lost, 0);
}

static void an_fdt_that_the_kernel_could_not_reach_stops_on_the_console_it_names(void **state)
{
	struct machine_setup setup = setup_at((1ul << 48) - MIB(2));
	struct stop stop;

	(void)state;
	setup.fdt_offset = MIB(2) - 0x100;
	setup.fdt.bootargs = "arm64.nolva";
	stop = boot(&setup);
	assert_stop(stop, STOP_FDT_UNREACHABLE, (1ul << 48) - 0x100 + machine.fdt_size, 48, 0);
	assert_fails_on_console(&stop, true);
	setup.fdt_offset = align_down(MIB(2) - machine.fdt_size, 8);
	boot_well(&setup);
	setup.fdt_offset = MIB(2);
	setup.fdt.bootargs = "";
	boot_well(&setup);
}

static void of_two_chosen_the_first_has_the_command_line(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.fdt.bootargs = "arm64.nolva";
	setup.fdt.stray_seed = 0x7777777777777777;
	setup.fdt.padding = 200;
	for (int last = 0; last < 2; last++) {
		setup.fdt.chosen_last = last; /* and so after the stray one */
		boot_well(&setup);
		assert_string_equal(machine_command_line(&machine), last ? "" : "arm64.nolva");
		assert_int_equal(machine.handoff->facts.console.source,
				 last ? CONSOLE_FIRST_UART : CONSOLE_STDOUT_PATH);
		assert_int_equal(machine.handoff->facts.fdt.seed, FDT_SEED_TAKEN);
	}
}

static void a_long_command_line_is_cut_and_the_boot_goes_on(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	static char line[6000];

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "arm64.nolva ", 12);
	setup.fdt.bootargs = line;
	boot_well(&setup);
	assert_true(machine.handoff->facts.command_line_cut);
	assert_int_equal(machine.handoff->facts.command_line_length, 4095);
	assert_int_equal(strlen(machine_command_line(&machine)), 4095);
	assert_int_equal(machine.handoff->plan.kernel.va_bits, 48);
	assert_right(judge_published(&machine));
	line[4095] = '\0';
	boot_well(&setup);
	assert_false(machine.handoff->facts.command_line_cut);
	assert_string_equal(machine_command_line(&machine), line);
}

/* ---- What the FDT says ---- */

static void memory_is_listed_with_what_lies_in_it(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	const struct memory_map *map;

	(void)state;
	setup.fdt.memory[0] = (struct fake_fdt_range){ 0x40000000, 0x20000000 };
	setup.fdt.memory[1] = (struct fake_fdt_range){ 0x880000000, 0x40000000 };
	setup.fdt.reserved_memory[0] = (struct fake_fdt_range){ 0x50000000, 0x100000 };
	setup.fdt.no_map[0] = (struct fake_fdt_range){ 0x51000000, 0x20000 };
	setup.fdt.reserve[0] = (struct fake_fdt_range){ 0x58000000, 0x1000 };
	setup.fdt.reserve[1] = (struct fake_fdt_range){ 0x58008000, 0x234 };
	boot_well(&setup);
	map = machine_memory(&machine);
	{
		const struct memory_range expected[] = {
			{ { 0x40000000 }, { 0x60000000 }, MEMORY_RAM },
			{ { 0x880000000 }, { 0x8c0000000 }, MEMORY_RAM },
			{ { 0x50000000 }, { 0x50100000 }, MEMORY_RESERVED },
			{ { 0x51000000 }, { 0x51020000 }, MEMORY_NOMAP },
			{ { 0x58000000 }, { 0x58001000 }, MEMORY_RESERVED },
			{ { 0x58008000 }, { 0x58008234 }, MEMORY_RESERVED },
		};

		assert_int_equal(map->count, ARRAY_SIZE(expected));
		assert_int_equal(map->dropped, 0);
		for (u32 i = 0; i < map->count; i++) {
			assert_int_equal(map->range[i].start.value, expected[i].start.value);
			assert_int_equal(map->range[i].end.value, expected[i].end.value);
			assert_int_equal(map->range[i].kind, expected[i].kind);
		}
	}
}

static void an_initrd_is_memory_in_use(void **state)
{
	static const struct fake_fdt_range initrds[] = { { 0x48000000, 0x123456 },
							 { 0x848000000, 0x1000 },
							 { 0xfffff000, 0x2000 } };
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(initrds); i++) {
		const struct memory_map *map;
		u64 start = initrds[i].start, end = start + initrds[i].size;
		bool found = false;

		setup.fdt.initrd = initrds[i];
		boot_well(&setup);
		map = machine_memory(&machine);
		for (u32 j = 0; j < map->count; j++)
			found |= map->range[j].kind == MEMORY_INITRD &&
				 map->range[j].start.value == start &&
				 map->range[j].end.value == end;
		assert_true(found);
	}
}

static void the_linear_map_gets_a_number_of_its_own_and_none_without_kaslr(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	u64 numbers[2];

	(void)state;
	setup.fdt.has_seed = true;
	for (int i = 0; i < 2; i++) {
		setup.fdt.seed = 0x1122334455667788 + (u64)i;
		boot_well(&setup);
		numbers[i] = machine.handoff->seed.linear;
		assert_true(numbers[i] != 0 && numbers[i] != setup.fdt.seed);
		assert_true(numbers[i] != machine.key.low && numbers[i] != machine.key.high);
	}
	assert_true(numbers[0] != numbers[1]);
	setup.fdt.bootargs = "nokaslr";
	boot_well(&setup);
	assert_int_equal(machine.handoff->seed.linear, 0);
}

struct console_case {
	const char *stdout_path, *serial0, *bootargs;
	u64 address;
	enum console_source source;
};

/* The first UART of the tree is the console and of @kind, or it cannot be used and PL011 two is. */
static void assert_console_kind(struct fake_fdt_serial serial, bool usable, struct serial_kind kind)
{
	struct machine_setup setup = setup_at(GIB(1));

	setup.fdt.serial = serial;
	setup.fdt.uart[0].name = "serial@9000000";
	setup.fdt.uart[1] =
		(struct fake_fdt_uart){ "pl011@9040000", UART_AT_ROOT, 0x9040000, NULL };
	boot_well(&setup);
	assert_int_equal(machine.handoff->facts.console.address.value,
			 usable ? 0x9000000 : 0x9040000);
	assert_memory_equal(&machine.handoff->facts.console.kind, &kind, sizeof(kind));
}

static void consoles_of_other_kinds_are_known_by_compatible_and_register_layout(void **state)
{
	static const struct {
		const char *compatible;
		u32 shift, width;
		bool usable;
		struct serial_kind kind;
	} cases[] = {
		{ "arm,sbsa-uart", 0, 0, true, { SERIAL_SBSA, 0, 0 } },
		{ "ns16550a", 0, 0, true, { SERIAL_8250, 0, 1 } },
		{ "ns16550", 2, 0, true, { SERIAL_8250, 2, 1 } },
		{ "ns8250", 1, 2, true, { SERIAL_8250, 1, 2 } },
		{ "snps,dw-apb-uart", 0, 0, true, { SERIAL_8250, 2, 4 } },
		{ "snps,dw-apb-uart", 2, 1, true, { SERIAL_8250, 2, 1 } },
		{ "brcm,bcm2835-aux-uart", 0, 0, true, { SERIAL_8250, 2, 4 } },
		{ "ns16550a", 2, 4, true, { SERIAL_8250, 2, 4 } },
		{ "mediatek,mt6577-uart", 0, 0, true, { SERIAL_8250, 2, 4 } },
		{ "ti,am654-uart", 0, 0, true, { SERIAL_8250, 2, 4 } },
		{ "nvidia,tegra20-uart", 2, 0, true, { SERIAL_8250, 2, 4 } },
		{ "qcom,geni-debug-uart", 0, 0, true, { SERIAL_GENI, 0, 0 } },
		{ "samsung,exynos850-uart", 0, 4, true, { SERIAL_EXYNOS, 0, 4 } },
		{ "samsung,exynos850-uart", 0, 2, false, { 0 } },
		{ "ns16550a", 1, 4, false, { 0 } }, /* registers overlap */
		{ "ns16550a", 2, 3, false, { 0 } },
		{ "ns16550a", 200, 0, false, { 0 } },
		{ "vendor,uart", 0, 0, false, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_console_kind((struct fake_fdt_serial){ cases[i].compatible, cases[i].shift,
							      cases[i].width, 0 },
				    cases[i].usable, cases[i].kind);
}

/* Some hypervisors call theirs U6_16550A. */
static void compatible_says_what_a_uart_is_and_the_nodes_name_does_not(void **state)
{
	static const struct {
		const char *name, *compatible;
		u64 address;
	} cases[] = {
		{ "U6_16550A@9000000", "ns16550a", 0x9000000 },
		{ "gpio@9000000", "arm,pl011", 0x9000000 },
		{ "x", "ti,am654-uart", 0x9000000 },
		{ "serial@9000000", "vendor,gpio", 0x9040000 },
		{ "uart@9000000", "arm,pl061", 0x9040000 },
	};
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.fdt.uart[1] =
		(struct fake_fdt_uart){ "pl011@9040000", UART_AT_ROOT, 0x9040000, NULL };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setup.fdt.uart[0].name = cases[i].name;
		setup.fdt.serial.compatible = cases[i].compatible;
		boot_well(&setup);
		assert_int_equal(machine.handoff->facts.console.address.value, cases[i].address);
	}
}

/* A property's offset and one that all devices of a name have. */
static void registers_may_begin_after_the_address_of_their_node(void **state)
{
	static const struct {
		struct fake_fdt_serial serial;
		u64 address;
	} cases[] = {
		{ { .compatible = "ns16550a", .reg_offset = 0x40 }, 0x9000040 },
		{ { .compatible = "fsl,imx7ulp-lpuart" }, 0x9000010 },
		{ { .compatible = "fsl,ls1028a-lpuart" }, 0x9000000 },
		{ { .compatible = "mediatek,mt6577-uart", .reg_offset = 2 }, 0x9040000 },
	};
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.fdt.uart[0].name = "serial@9000000";
	setup.fdt.uart[1] =
		(struct fake_fdt_uart){ "pl011@9040000", UART_AT_ROOT, 0x9040000, NULL };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setup.fdt.serial = cases[i].serial;
		boot_well(&setup);
		assert_int_equal(machine.handoff->facts.console.address.value, cases[i].address);
	}
}

static void the_console_is_what_stdout_path_names(void **state)
{
	static const struct console_case cases[] = {
		/* by path, with and without unit address and options */
		{ "/pl011@9000000", NULL, NULL, 0x9000000, CONSOLE_STDOUT_PATH },
		{ "/pl011@9040000", NULL, NULL, 0x9040000, CONSOLE_STDOUT_PATH },
		{ "/pl011@9040000:115200n8", NULL, NULL, 0x9040000, CONSOLE_STDOUT_PATH },
		{ "/soc@8000000/serial@1000", NULL, NULL, 0x8001000, CONSOLE_STDOUT_PATH },
		{ "/soc@8000000/serial@1000:9600", NULL, NULL, 0x8001000, CONSOLE_STDOUT_PATH },
		{ "/soc/serial", NULL, NULL, 0x8001000, CONSOLE_STDOUT_PATH },
		{ "/soc/apb/serial", NULL, NULL, 0x8102000, CONSOLE_STDOUT_PATH },
		{ "/soc@8000000/apb@100000/serial@2000", NULL, NULL, 0x8102000,
		  CONSOLE_STDOUT_PATH },
		/* by alias */
		{ "serial0", "/pl011@9040000", NULL, 0x9040000, CONSOLE_STDOUT_PATH },
		{ "serial0:115200", "/soc/apb/serial@2000", NULL, 0x8102000, CONSOLE_STDOUT_PATH },
		{ "serial0:115200", "/soc/apb/serial@2000:9600", NULL, 0x8102000,
		  CONSOLE_STDOUT_PATH },
		{ "serial0/serial@1000", "/soc@8000000", NULL, 0x8001000, CONSOLE_STDOUT_PATH },
		{ "serial0/serial:115200", "/soc", NULL, 0x8001000, CONSOLE_STDOUT_PATH },
		{ "serial0/apb/serial@2000", "/soc", NULL, 0x8102000, CONSOLE_STDOUT_PATH },
		{ "serial0/serial@2000:1", "/soc/apb@100000", NULL, 0x8102000,
		  CONSOLE_STDOUT_PATH },
		{ "serial0/apb", "/soc", NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "serial0/child", "/pl011@9040000", NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "serial0/", "/pl011@9040000", NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "serial0/serial@1000", "/nowhere", NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "soc/serial@1000", "/soc", NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "serial0/serial@1000", "soc", NULL, 0x9000000, CONSOLE_FIRST_UART },
		/* that lead nowhere */
		{ NULL, NULL, NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "", NULL, NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "/", NULL, NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "/pl011@9999999", NULL, NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "/pl01", NULL, NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "/soc", NULL, NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "/soc/apb/serial@2000/child", NULL, NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "serial1", "/pl011@9040000", NULL, 0x9000000, CONSOLE_FIRST_UART },
		{ "serial0", NULL, NULL, 0x9000000, CONSOLE_FIRST_UART },
		/* the command line is stronger */
		{ "/pl011@9040000", NULL, "earlycon=pl011,0x1c090000", 0x1c090000,
		  CONSOLE_EARLYCON },
		{ "/pl011@9040000", NULL, "earlycon=pl011,mmio32,0x1c0a0000", 0x1c0a0000,
		  CONSOLE_EARLYCON },
		{ "/pl011@9040000", NULL, "earlycon", 0x9040000, CONSOLE_STDOUT_PATH },
	};
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.fdt.uart[1] =
		(struct fake_fdt_uart){ "pl011@9040000", UART_AT_ROOT, 0x9040000, NULL };
	setup.fdt.uart[2] = (struct fake_fdt_uart){ "serial@1000", UART_ON_BUS, 0x1000, NULL };
	setup.fdt.uart[3] =
		(struct fake_fdt_uart){ "serial@2000", UART_ON_INNER_BUS, 0x2000, NULL };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct console_choice console;

		setup.fdt.stdout_path = cases[i].stdout_path;
		setup.fdt.serial0 = cases[i].serial0;
		setup.fdt.bootargs = cases[i].bootargs;
		boot_well(&setup);
		assert_int_equal(machine.handoff->facts.fdt.has_stdout_path,
				 cases[i].stdout_path != NULL);
		console = handoff_console(machine.handoff, machine_lists(&machine), 0);
		if (console.address.value != cases[i].address || console.source != cases[i].source)
			fail_msg("stdout-path %s: console at %#lx, source %d",
				 cases[i].stdout_path ? cases[i].stdout_path : "missing",
				 console.address.value, console.source);
		/* What the command line names is tried before the FDT's, not in its place. */
		console = handoff_console(machine.handoff, machine_lists(&machine), 1);
		if (cases[i].source == CONSOLE_EARLYCON)
			assert_int_equal(console.address.value, 0x9040000);
		/* And then the others, in their order, each once. */
		assert_true(console.address.value != cases[i].address);
		assert_int_equal(machine.handoff->facts.consoles, 3);
	}
}

static void a_console_that_is_disabled_or_out_of_reach_is_none(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.fdt.uart[0].status = "disabled";
	boot_well(&setup);
	assert_int_equal(machine.handoff->facts.console.source, CONSOLE_NONE);
	assert_int_equal(machine.handoff->facts.console.address.value, 0);

	setup.fdt.uart[0] =
		(struct fake_fdt_uart){ "pl011@9000000", UART_ON_CLOSED_BUS, 0x9000000, NULL };
	boot_well(&setup);
	assert_int_equal(machine.handoff->facts.console.source, CONSOLE_NONE);

	/* Past the end of the bus's window. */
	setup.fdt.uart[0] =
		(struct fake_fdt_uart){ "serial@1000000", UART_ON_BUS, 0x1000000, NULL };
	boot_well(&setup);
	assert_int_equal(machine.handoff->facts.console.source, CONSOLE_NONE);
	setup.fdt.uart[0].address = 0xfff000;
	boot_well(&setup);
	assert_int_equal(machine.handoff->facts.console.address.value, 0x8fff000);
}

static const struct {
	const char *text;
	bool usable;
} statuses[] = {
	{ NULL, true },	       { "okay", true },  { "ok", true },	 { "disabled", false },
	{ "reserved", false }, { "fail", false }, { "fail-sss", false }, { "", false },
	{ "o", false },	       { "oka", false },  { "okey", false },	 { "okays", false },
	{ "on", false },       { "OK", false },
};

static void only_what_is_okay_or_says_nothing_is_used(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(statuses); i++) {
		struct machine_setup setup = setup_at(GIB(1));
		u64 least;

		boot_well(&setup);
		least = memory_total(machine_memory(&machine));
		setup.fdt.spare[0] = (struct fake_fdt_range){ GIB(64), MIB(256) };
		setup.fdt.spare_status = statuses[i].text;
		setup.fdt.uart[0].status = statuses[i].text;
		setup.fdt.uart[1] =
			(struct fake_fdt_uart){ "pl011@9040000", UART_AT_ROOT, 0x9040000, NULL };
		boot_well(&setup);
		assert_int_equal(memory_total(machine_memory(&machine)) - least,
				 statuses[i].usable ? MIB(256) : 0);
		assert_int_equal(machine.handoff->facts.console.address.value,
				 statuses[i].usable ? 0x9000000 : 0x9040000);
	}
}

/* What was no UART's last time is not asked about again, as long as all of it is the same. */
static void a_uart_after_a_device_whose_compatible_begins_the_same_is_found(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.fdt.serial.compatible = "arm,pl061,arm,primecell"; /* as long as a PL011's two */
	setup.fdt.uart[1] =
		(struct fake_fdt_uart){ "pl011@9040000", UART_AT_ROOT, 0x9040000, NULL };
	boot_well(&setup);
	assert_int_equal(machine.handoff->facts.console.address.value, 0x9040000);
}

/* Whatever the UART says itself. */
static void a_console_on_a_bus_that_is_not_usable_is_none(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(statuses); i++) {
		struct machine_setup setup = setup_at(GIB(1));

		setup.fdt.bus_status = statuses[i].text;
		setup.fdt.uart[0] =
			(struct fake_fdt_uart){ "serial@2000", UART_ON_INNER_BUS, 0x2000, "okay" };
		boot_well(&setup);
		assert_int_equal(machine.handoff->facts.console.source == CONSOLE_NONE,
				 !statuses[i].usable);
	}
}

/* As on the command line: nobody could write to its registers. */
static void a_console_at_an_address_that_cannot_be_is_none(void **state)
{
	static const struct {
		u32 address;
		bool taken;
	} cases[] = {
		{ 0x9000001, false }, { 0x9000002, false }, { 0x9000004, true }, { 0, false }
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine_setup setup = setup_at(GIB(1));

		setup.fdt.uart[0].address = cases[i].address;
		boot_well(&setup);
		assert_int_equal(machine.handoff->facts.console.source,
				 cases[i].taken ? CONSOLE_STDOUT_PATH : CONSOLE_NONE);
	}
}

static void reserved_memory_that_cannot_be_read_is_counted(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.fdt.no_map[0] = (struct fake_fdt_range){ 0x50000000, MIB(1) };
	boot_well(&setup);
	assert_int_equal(machine_memory(&machine)->dropped, 0);
	setup.fdt.no_reserved_cells = true;
	boot_well(&setup);
	assert_int_equal(machine_memory(&machine)->dropped, 1);
}

static void of_two_consoles_that_a_path_without_addresses_fits_the_first_counts(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	setup.fdt.stdout_path = "/soc/serial";
	setup.fdt.uart[1] = (struct fake_fdt_uart){ "serial@1000", UART_ON_BUS, 0x1000, NULL };
	setup.fdt.uart[2] = (struct fake_fdt_uart){ "serial@2000", UART_ON_BUS, 0x2000, NULL };
	boot_well(&setup);
	assert_int_equal(machine.handoff->facts.console.address.value, 0x8001000);
	assert_int_equal(machine.handoff->facts.console.source, CONSOLE_STDOUT_PATH);
}

#define ECAM "pci-host-ecam-generic"
#define IO_RANGE 0x01000000, 0, 0, 0, 0x3eff0000, 0, 0x10000
#define MEMORY_RANGE 0x02000000, 0, 0x10000000, 0, 0x10000000, 0, 0x2eff0000

static void pcis_ports_are_in_the_first_io_range_of_an_ecam_bridge(void **state)
{
	static const struct {
		struct fake_fdt_bridge bridge;
		bool found;
	} cases[] = {
		{ { ECAM, false, 3, { IO_RANGE, MEMORY_RANGE }, 14 }, true },
		{ { ECAM, false, 3, { MEMORY_RANGE, IO_RANGE }, 14 }, true },
		/* of two I/O ranges the first, relocatable or not: the space is in two bits */
		{ { ECAM, false, 3, { IO_RANGE, 0x81000000, 0, 0, 0, 0x5000, 0, 0x1000 }, 14 },
		  true },
		{ { ECAM, false, 3, { 0x81000000, 0, 0, 0, 0x3eff0000, 0, 0x10000 }, 7 }, true },
		/* none, another space, cut short */
		{ { ECAM, false, 3, { 0 }, 0 }, false },
		{ { ECAM, false, 3, { MEMORY_RANGE, MEMORY_RANGE }, 14 }, false },
		{ { ECAM, false, 3, { IO_RANGE }, 6 }, false },
		{ { ECAM, false, 3, { MEMORY_RANGE, IO_RANGE }, 13 }, false },
		/* not such a bridge */
		{ { ECAM, false, 2, { IO_RANGE }, 7 }, false },
		{ { "pci-host-cam-generic", false, 3, { IO_RANGE }, 7 }, false },
		{ { ECAM, true, 3, { IO_RANGE }, 7 }, false },
		{ { NULL, false, 3, { IO_RANGE }, 7 }, false },
	};
	static const struct fake_fdt_bridge second = {
		ECAM, false, 3, { 0x01000000, 0, 0x2000, 1, 0x2000, 0, 0x1000 }, 7
	};
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		bool has_second = i % 2 == 1, found = cases[i / 2].found;
		const struct pci_io *io;

		setup.fdt.bridge[0] = cases[i / 2].bridge;
		setup.fdt.bridge[1] = has_second ? second : (struct fake_fdt_bridge){ 0 };
		boot_well(&setup);
		io = &machine.handoff->facts.pci_io;
		if (io->found != (found || has_second))
			fail_msg("case %zu: found %d", i, io->found);
		if (!io->found)
			continue;
		assert_int_equal(io->pa.value, found ? 0x3eff0000 : 0x100002000);
		assert_int_equal(io->port, found ? 0 : 0x2000);
		assert_int_equal(io->size, found ? 0x10000 : 0x1000);
	}
}

static void psci_is_called_as_the_fdt_says(void **state)
{
	static const struct {
		const char *compatible, *method;
		enum psci_conduit conduit;
	} cases[] = {
		{ "arm,psci-1.0", "hvc", PSCI_HVC }, { "arm,psci-0.2", "smc", PSCI_SMC },
		{ "arm,psci", "smc", PSCI_OLD },     { "arm,psci-1.0", "svc", PSCI_NONE },
		{ "arm,other", "hvc", PSCI_NONE },   { NULL, NULL, PSCI_NONE },
	};
	struct machine_setup setup = setup_at(GIB(1));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setup.fdt.psci_compatible = cases[i].compatible;
		setup.fdt.psci_method = cases[i].method;
		boot_well(&setup);
		assert_int_equal(machine.handoff->facts.psci, cases[i].conduit);
	}
}

/* ---- Saying why ---- */

static void every_stop_is_described_with_its_values(void **state)
{
	static const struct {
		struct stop stop;
		const char *words[4];
	} cases[] = {
		{ { STOP_ENTRY_EL, 3, 0, 0 }, { "EL3" } },
		{ { STOP_IMAGE_MISALIGNED, 0x40201000, 0x4000, 0 },
		  { "0x40201000", "0x4000", "0x1000 " } },
		{ { STOP_FDT, FDT_BAD_SIZE, 0x48000000, 0x7654321 },
		  { "0x48000000", "0x7654321", "size" } },
		{ { STOP_FDT, FDT_NULL, 0, 0 }, { "no device tree" } },
		{ { STOP_FDT_OVERLAPS_IMAGE, 0x40280000, 0x1234, 0 },
		  { "0x40280000", "0x1234", "overlap" } },
		{ { STOP_NO_MEMORY_NODE, 0, 0, 0 }, { "/memory" } },
		{ { STOP_NO_MEMORY_NODE, 0x5c43d9c0, 0, 0 }, { "/memory", "0x5c43d9c0" } },
		{ { STOP_PAGE_SIZE, 14, 1 << 12 | 1 << 16, 0 }, { "16k", "4K 64K" } },
		{ { STOP_PAGE_SIZE, 0, 0, 0 }, { "no page size" } },
		{ { STOP_VA_BITS, 47, 12, 1ul << 39 | 1ul << 48 | 1ul << 52 },
		  { "47", "4K", "39 48 52" } },
		{ { STOP_VA_BITS, 52, 14, 1ul << 36 | 1ul << 47 | 1ul << 48 },
		  { "52", "16K", "36 47 48" } },
		{ { STOP_IMAGE_UNREACHABLE, 0x1000000120000, 48, 0 },
		  { "0x1000000120000", "48 bits" } },
		{ { STOP_POOL, 7, 9, 65536 }, { "7 of 9", "64K" } },
		{ { STOP_MAP, MAP_CONFLICT, 0xffff800080010000, 0x40210000 },
		  { "0xffff800080010000", "0x40210000", "already mapped" } },
		{ { STOP_RELOCATION, 257, 0xffff800080012340, 0 },
		  { "0x101", "0xffff800080012340" } },
		{ { STOP_RESERVATIONS, 7, 128, 0 }, { "7 ", "128" } },
		{ { STOP_FDT_UNREACHABLE, 0x1000000000123, 44, 0 },
		  { "the FDT", "0x1000000000123", "44 bits" } },
		{ { STOP_MEMORY, MIB(1), KIB(64), MIB(2) }, { "1024K", "64K", "2048K" } },
		{ { STOP_NO_CONSOLE, 0x9000000, 0, 0 }, { "no console", "0x9000000" } },
		{ { STOP_PAC_KEY, 0, 0, 0 }, { "SCR_EL3.APK", "arm64.nopauth" } },
		{ { STOP_EXCEPTION, 0x96000021, 0x40231234, 0x40000001 },
		  { "0x96000021", "0x40231234", "0x40000001" } },
	};
	char text[240], shorter[24];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(text, 'x', sizeof(text));
		stop_describe(&cases[i].stop, text, sizeof(text));
		assert_true(strnlen(text, sizeof(text)) < sizeof(text) - 1);
		for (size_t j = 0; j < 4 && cases[i].words[j]; j++)
			if (!strstr(text, cases[i].words[j]))
				fail_msg("\"%s\" does not say \"%s\"", text, cases[i].words[j]);
		memset(shorter, 'x', sizeof(shorter));
		stop_describe(&cases[i].stop, shorter, sizeof(shorter));
		assert_int_equal(strlen(shorter), strlen(text) < 23 ? strlen(text) : 23);
		assert_memory_equal(shorter, text, strlen(shorter));
	}
}

static void every_reason_against_an_fdt_fits_in_a_line(void **state)
{
	char text[240];

	(void)state;
	for (int status = FDT_NULL; status <= FDT_TOO_DEEP; status++) {
		struct stop stop = { STOP_FDT, status, UINT64_MAX, UINT64_MAX };

		stop_describe(&stop, text, sizeof(text));
		assert_non_null(strstr(text, fdt_status_str(status)));
	}
}

/* A PL011 that takes everything: data register at word 0, control at word 12. */
static void a_boot_that_fails_says_so_and_halts_with_the_stop(void **state)
{
	static u32 pl011[1024];
	struct machine_setup setup = setup_at(GIB(1));
	struct stop stop = { STOP_POOL, 1, 2, 3 };

	(void)state;
	boot_well(&setup);
	machine.handoff->searches = UINT8_MAX;
	machine.handoff->facts.console.address = paddr((uintptr_t)pl011);
	stop = machine_catch_halt(&machine, &stop);
	assert_stop(stop, STOP_POOL, 1, 2, 3);
	assert_int_equal(pl011[0], '\n');
	assert_int_equal(pl011[12] & 1, 1);
}

/* A 16550 that is not there: ones throughout, and nobody to take them. */
static void a_boot_that_fails_tries_the_next_console_where_the_first_takes_nothing(void **state)
{
	static u32 pl011[1024], absent[8];
	struct machine_setup setup = setup_at(GIB(1));
	struct stop stop = { STOP_POOL, 1, 2, 3 };

	(void)state;
	memset(absent, 0xff, sizeof(absent));
	boot_well(&setup);
	machine.handoff->options.earlycon = paddr((uintptr_t)absent);
	machine.handoff->options.earlycon_kind = (struct serial_kind){ SERIAL_8250, 0, 1 };
	machine.handoff->searches = UINT8_MAX;
	machine.handoff->facts.console =
		(struct console_choice){ .address = paddr((uintptr_t)pl011) };
	assert_stop(machine_catch_halt(&machine, &stop), STOP_POOL, 1, 2, 3);
	assert_int_equal(pl011[0], '\n');
}

static void an_exception_while_a_stop_is_reported_does_not_take_its_place(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	struct stop stop = { STOP_POOL, 1, 2, 3 }, exception = { STOP_EXCEPTION, 4, 5, 6 };

	(void)state;
	boot_well(&setup);
	machine.handoff->searches = UINT8_MAX;
	machine.handoff->facts.console.address = paddr(0);
	machine_catch_halt(&machine, &stop);
	assert_stop(machine_catch_halt(&machine, &exception), STOP_POOL, 1, 2, 3);
}

/* By firmware, which makes them undefined. The word leaves them alone. */
static void keys_that_are_forbidden_stop_with_advice(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	struct stop stop;

	(void)state;
	machine_build(&machine, &setup);
	machine.keys_forbidden = true;
	stop = machine_boot(&machine);
	assert_stop(stop, STOP_PAC_KEY, 0, 0, 0);
	assert_fails_on_console(&stop, true);
	setup.fdt.bootargs = "arm64.nopauth";
	machine_build(&machine, &setup);
	machine.keys_forbidden = true;
	assert_int_equal(machine_boot(&machine).code, STOP_NONE);
}

static void a_boot_that_fails_without_a_console_halts_with_the_stop(void **state)
{
	struct machine_setup setup = setup_at(GIB(1));
	struct stop stop = { STOP_FDT, FDT_NULL, 0, 0 };

	(void)state;
	boot_well(&setup);
	machine.handoff->searches = UINT8_MAX;
	machine.handoff->facts.console.address = paddr(0);
	assert_stop(machine_catch_halt(&machine, &stop), STOP_FDT, FDT_NULL, 0, 0);
}

/* ---- Mutations ---- */

static const char *const option_words[] = {
	"arm64.nolva",
	"arm64.nobti",
	"arm64.nopauth",
	"arm64.nowxn",
	"nokaslr",
	"rodata=off",
	"rodata=on",
	"arm64.pagesize=4k",
	"arm64.pagesize=16k",
	"arm64.pagesize=64k",
	"arm64.pagesize=8k",
	"pagoda.va_bits=36",
	"pagoda.va_bits=39",
	"pagoda.va_bits=42",
	"pagoda.va_bits=47",
	"pagoda.va_bits=48",
	"pagoda.va_bits=52",
	"pagoda.va_bits=64",
	"mem=1M",
	"mem=0",
	"mem=99999999999999999999",
	"earlycon=pl011,0x9000000",
	"earlycon",
	"id_aa64mmfr0.tgran4=0",
	"id_aa64mmfr0.tgran4=f",
	"id_aa64mmfr0.tgran16=1",
	"id_aa64mmfr0.parange=0",
	"id_aa64mmfr0.parange=5",
	"id_aa64mmfr0.parange=f",
	"id_aa64mmfr2.varange=0",
	"id_aa64mmfr2.varange=2",
	"id_aa64pfr1.bt=0",
	"arm64_sw.nokaslr=1",
	"arm64_sw.rodataoff=1",
	"pagoda.run=\"report; poweroff\"",
	"pagoda.run=\"",
	"--",
	"=",
	"\"",
	"\"arm64.nolva",
	"console=ttyAMA0",
	"panic=reboot",
	"quiet",
	"\t\n",
	"id_aa64mmfr0.",
	"mem=",
};

struct mutation_case {
	struct machine_setup setup;
	char command_line[400];
	struct random random;
	unsigned mutations;
};

static void make_command_line(struct mutation_case *test)
{
	unsigned words = random_below(&test->random, 6);
	size_t length = 0;

	test->command_line[0] = '\0';
	for (unsigned i = 0; i < words; i++)
		length += (size_t)snprintf(
			test->command_line + length, sizeof(test->command_line) - length, "%s ",
			option_words[random_below(&test->random, ARRAY_SIZE(option_words))]);
}

/* Everything but the mutations themselves, from @seed alone. */
static void make_case(struct mutation_case *test, u64 seed)
{
	static const u64 places[] = { 0, GIB(1), GIB(1) + PAGE, GIB(4), (1ul << 48) - 8 * PAGE };

	test->random = (struct random){ seed, seed };
	test->setup = setup_at(places[random_below(&test->random, ARRAY_SIZE(places))]);
	if (random_below(&test->random, 2) != 0)
		test->setup.cpu = (enum fake_cpu)random_below(&test->random, FAKE_CPU_COUNT);
	/* Behind it as much RAM as the largest totalsize: what a blob claims can be read. */
	test->setup.fdt_offset = MIB(1) + 3 * PAGE + 8 * random_below(&test->random, 8);
	make_command_line(test);
	test->setup.fdt.bootargs = test->command_line;
	test->setup.fdt.serial0 = "/soc/apb/serial";
	test->setup.fdt.uart[1] =
		(struct fake_fdt_uart){ "serial@2000", UART_ON_INNER_BUS, 0x2000, NULL };
	test->setup.fdt.reserve[0] = (struct fake_fdt_range){ GIB(1), MIB(1) };
	test->setup.fdt.reserved_memory[0] = (struct fake_fdt_range){ GIB(1), MIB(1) };
	test->mutations = random_below(&test->random, 9);
}

static u32 interesting_word(struct random *random)
{
	static const u32 words[] = { 0, 1, 2, 3, 4, 9, 0x7fffffff, 0x80000000, 0xffffffff };

	switch (random_below(random, 3)) {
	case 0:
		return words[random_below(random, ARRAY_SIZE(words))];
	case 1:
		return random_below(random, 64);
	}
	return (u32)random_any_length(random);
}

/* Where the values of properties are in the good blob: most of what a mutation could tell. */
#define VALUES_MAX 64

struct span {
	u32 start, size;
};

static u32 find_values(struct span *values)
{
	u32 at = get_fdt_word(8), end = at + get_fdt_word(36), count = 0;

	while (at < end && count < VALUES_MAX) {
		u32 token = get_fdt_word(at);

		if (token == FDT_BEGIN_NODE) {
			const char *name =
				(const char *)machine.ram + machine.setup.fdt_offset + at + 4;

			at += 4 + (u32)align_up(strlen(name) + 1, 4);
		} else if (token == FDT_PROP) {
			values[count] = (struct span){ at + 12, get_fdt_word(at + 4) };
			at += 12 + (u32)align_up(values[count].size, 4);
			count += values[count].size != 0;
		} else {
			at += 4;
		}
	}
	return count;
}

static void mutate(struct random *random, struct span target)
{
	u32 at = target.start + random_below(random, target.size);
	u32 from = random_below(random, machine.fdt_size), length = 1 + random_below(random, 64);
	u8 *blob = machine.ram + machine.setup.fdt_offset;

	length = (u32)min_u64(length,
			      min_u64(target.start + target.size - at, machine.fdt_size - from));
	switch (random_below(random, 5)) {
	case 0:
		blob[at] ^= (u8)(1 << random_below(random, 8));
		break;
	case 1:
		blob[at] = (u8)random_next(random);
		break;
	case 2:
		put_fdt_word(align_down(at, 4), interesting_word(random));
		break;
	case 3:
		memmove(blob + at, blob + from, length);
		break;
	case 4:
		memset(blob + at, 0, length);
		break;
	}
}

/* The first @count mutations: of the header, of anything, or, mostly, of values. */
static void mutate_fdt(struct random *random, unsigned count)
{
	struct span values[VALUES_MAX];
	u32 value_count = find_values(values);

	for (unsigned i = 0; i < count; i++) {
		unsigned choice = random_below(random, 16);
		struct span target = values[random_below(random, value_count)];

		if (choice == 0)
			target = (struct span){ 0, 40 };
		else if (choice < 4)
			target = (struct span){ 0, machine.fdt_size };
		mutate(random, target);
	}
}

static bool is_stop_code(enum stop_code code)
{
	switch (code) {
	case STOP_NONE:
	case STOP_ENTRY_EL:
	case STOP_IMAGE_MISALIGNED:
	case STOP_FDT:
	case STOP_FDT_OVERLAPS_IMAGE:
	case STOP_NO_MEMORY_NODE:
	case STOP_PAGE_SIZE:
	case STOP_VA_BITS:
	case STOP_IMAGE_UNREACHABLE:
	case STOP_POOL:
	case STOP_MAP:
	case STOP_RELOCATION:
	case STOP_EXCEPTION:
	case STOP_RESERVATIONS:
	case STOP_MEMORY:
	case STOP_FDT_UNREACHABLE:
	case STOP_NO_CONSOLE:
	case STOP_PAC_KEY:
		return true;
	}
	return false;
}

/* The first @mutations of the case of @seed. Returns what is wrong, or a null pointer. */
static const char *run_case(u64 seed, unsigned mutations, struct stop *stop)
{
	static struct mutation_case test;
	char reason[240];

	make_case(&test, seed);
	machine_build(&machine, &test.setup);
	machine.random_works = random_below(&test.random, 2);
	mutate_fdt(&test.random, (unsigned)min_u64(mutations, test.mutations));
	*stop = machine_boot(&machine);
	if (!is_stop_code(stop->code))
		return "stopped with a code that does not exist";
	stop_describe(stop, reason, sizeof(reason));
	if (reason[0] == '\0')
		return "stopped with nothing to say";
	if (stop->code != STOP_NONE)
		return NULL;
	return judge_maps(&machine, seed % 8 == 0) ?: judge_published(&machine);
}

/* For those who die: a sanitizer's report comes before this. */
static u64 case_seed;

static void say_case(void)
{
	fprintf(stderr, "this case alone: PAGODA_SEED=%#lx\n", case_seed);
}

static void fail_smallest(u64 seed, const char *wrong)
{
	struct stop stop;
	unsigned count = 0;

	while (count < 8 && !run_case(seed, count, &stop))
		count++;
	fail_msg("PAGODA_SEED=%#lx, %s at %#lx, \"%s\", the first %u mutations: %s", seed,
		 fake_cpu_str(machine.setup.cpu), machine.setup.ram_start,
		 machine.setup.fdt.bootargs, count, wrong);
}

static u64 iterations(u64 usual)
{
	const char *factor = getenv("PAGODA_ITERATIONS");

	return usual * (factor ? strtoull(factor, NULL, 0) : 1);
}

static void a_mutated_fdt_and_any_command_line_end_well_or_in_a_stop(void **state)
{
	struct random random = random_start();
	u64 good = 0, bad = 0;

	(void)state;
	__sanitizer_set_death_callback(say_case);
	case_seed = random.seed;
	for (u64 i = 0; i < iterations(2000); i++) {
		struct stop stop;
		const char *wrong = run_case(case_seed, 8, &stop);

		if (wrong)
			fail_smallest(case_seed, wrong);
		*(stop.code == STOP_NONE ? &good : &bad) += 1;
		case_seed = random_next(&random);
	}
	/* Otherwise the mutations are too weak, or too strong, to show anything. */
	print_message("%lu booted, %lu stopped\n", good, bad);
	assert_true(good > 300 && bad > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_regime_is_right_wherever_ram_is),
		cmocka_unit_test(a_root_above_48_bits_has_its_high_bits_in_ttbr_5_to_2),
		cmocka_unit_test(large_segments_have_blocks_and_contiguous_runs),
		cmocka_unit_test(
			what_is_unmapped_alone_is_mapped_alone_whatever_the_segments_sizes),
		cmocka_unit_test(only_rodata_off_makes_anything_writable_and_executable),
		cmocka_unit_test(what_ram_held_before_makes_no_difference),
		cmocka_unit_test(two_seeds_give_two_addresses_and_two_keys),
		cmocka_unit_test(the_seed_is_taken_and_wiped),
		cmocka_unit_test(a_seed_of_zeroes_is_none_and_known_as_such),
		cmocka_unit_test(the_seed_is_wiped_with_nokaslr_too),
		cmocka_unit_test(of_two_seeds_the_first_counts),
		cmocka_unit_test(rndr_is_the_seed_where_the_fdt_has_none),
		cmocka_unit_test(a_cpu_without_entropy_gets_no_kaslr_and_says_so),
		cmocka_unit_test(where_the_fdt_lies_decides_nothing),
		cmocka_unit_test(the_entry_state_and_the_timeline_reach_the_kernel),
		cmocka_unit_test(vhe_is_left_where_hcr_el2_e2h_can_be_cleared_and_only_there),
		cmocka_unit_test(the_id_registers_are_kept_as_the_cpu_has_them_too),
		cmocka_unit_test(lines_of_any_size_are_cleaned_and_published),
		cmocka_unit_test(
			every_line_of_the_fdt_that_is_read_before_the_flip_was_cleaned_before),
		cmocka_unit_test(a_relocation_of_another_type_stops),
		cmocka_unit_test(a_relocation_outside_the_image_or_misaligned_stops),
		cmocka_unit_test(an_image_without_relocations_is_left_as_it_is),
		cmocka_unit_test(where_the_cpu_cannot_sign_functions_are_patched_and_published),
		cmocka_unit_test(a_pool_too_small_stops_with_used_and_total_at_each_size),
		cmocka_unit_test(the_pool_begins_where_a_page_of_any_size_does),
		cmocka_unit_test(the_pool_lasts_for_an_image_that_crosses_every_boundary),
		cmocka_unit_test(no_fdt_stops),
		cmocka_unit_test(a_misaligned_fdt_stops),
		cmocka_unit_test(an_fdt_without_its_magic_stops),
		cmocka_unit_test(an_absurd_totalsize_stops_with_the_size),
		cmocka_unit_test(a_truncated_fdt_stops),
		cmocka_unit_test(a_name_that_ends_behind_the_strings_stops),
		cmocka_unit_test(nodes_that_do_not_end_stop_but_the_console_is_known),
		cmocka_unit_test(an_fdt_that_overlaps_the_image_stops),
		cmocka_unit_test(no_memory_stops_but_the_console_is_known),
		cmocka_unit_test(no_chosen_is_no_error),
		cmocka_unit_test(entry_at_el3_stops_but_the_console_is_found),
		cmocka_unit_test(
			a_tree_that_is_bad_before_chosen_stops_and_what_was_seen_before_counts),
		cmocka_unit_test(a_tree_that_is_bad_after_chosen_is_for_the_kernel_to_refuse),
		cmocka_unit_test(a_console_is_sought_once_and_never_where_there_is_no_tree),
		cmocka_unit_test(a_boot_that_fails_leaves_no_seed_either),
		cmocka_unit_test(
			an_fdt_that_the_kernel_could_not_reach_stops_on_the_console_it_names),
		cmocka_unit_test(of_two_chosen_the_first_has_the_command_line),
		cmocka_unit_test(a_long_command_line_is_cut_and_the_boot_goes_on),
		cmocka_unit_test(memory_is_listed_with_what_lies_in_it),
		cmocka_unit_test(an_initrd_is_memory_in_use),
		cmocka_unit_test(the_linear_map_gets_a_number_of_its_own_and_none_without_kaslr),
		cmocka_unit_test(compatible_says_what_a_uart_is_and_the_nodes_name_does_not),
		cmocka_unit_test(registers_may_begin_after_the_address_of_their_node),
		cmocka_unit_test(the_console_is_what_stdout_path_names),
		cmocka_unit_test(
			consoles_of_other_kinds_are_known_by_compatible_and_register_layout),
		cmocka_unit_test(a_console_that_is_disabled_or_out_of_reach_is_none),
		cmocka_unit_test(only_what_is_okay_or_says_nothing_is_used),
		cmocka_unit_test(a_uart_after_a_device_whose_compatible_begins_the_same_is_found),
		cmocka_unit_test(a_console_on_a_bus_that_is_not_usable_is_none),
		cmocka_unit_test(a_console_at_an_address_that_cannot_be_is_none),
		cmocka_unit_test(reserved_memory_that_cannot_be_read_is_counted),
		cmocka_unit_test(
			of_two_consoles_that_a_path_without_addresses_fits_the_first_counts),
		cmocka_unit_test(pcis_ports_are_in_the_first_io_range_of_an_ecam_bridge),
		cmocka_unit_test(psci_is_called_as_the_fdt_says),
		cmocka_unit_test(every_stop_is_described_with_its_values),
		cmocka_unit_test(every_reason_against_an_fdt_fits_in_a_line),
		cmocka_unit_test(a_boot_that_fails_says_so_and_halts_with_the_stop),
		cmocka_unit_test(
			a_boot_that_fails_tries_the_next_console_where_the_first_takes_nothing),
		cmocka_unit_test(an_exception_while_a_stop_is_reported_does_not_take_its_place),
		cmocka_unit_test(keys_that_are_forbidden_stop_with_advice),
		cmocka_unit_test(a_boot_that_fails_without_a_console_halts_with_the_stop),
		cmocka_unit_test(a_mutated_fdt_and_any_command_line_end_well_or_in_a_stop),
	};

	return cmocka_run_group_tests_name("early", tests, NULL, release_machine);
}
