// SPDX-License-Identifier: MIT
/*
 * Device trees with flipped bits, through the early runtime on a fake machine: a boot that cannot
 * go on says why on the tree's own console, as often as can be hoped for, and touches nothing but
 * that. Only the pages of consoles that the intact tree names are there to be written: any other
 * address is a fault of this process. Host only.
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

#include "support/data.h"
#include "support/fake_machine.h"
#include "support/random.h"

#define PAGE 0x1000ul
#define FDT_AT MIB(4) /* in RAM: there is room for the largest */
#define PL011_DATA 0
/* QEMU's clock, an "arm,pl031": one bit makes a node of it that is a whole UART's. */
#define NEAR_PL011 0x9010000
#define FLIPS_MAX 32
#define SET 24 /* trees, and of them must speak: */
#define SPEAK 18

static struct fake_machine machine;

static int release_machine(void **state)
{
	(void)state;
	machine_free(&machine);
	return 0;
}

static volatile u32 *console_page(u64 address)
{
	void *page = mmap((void *)address, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	assert_ptr_equal(page, (void *)address);
	return page;
}

/* A machine with @blob for its device tree. */
static void build(const u8 *blob, u32 size)
{
	struct machine_setup setup = machine_setup_default();

	setup.ram_size = MIB(8);
	setup.fdt_offset = FDT_AT;
	machine_build(&machine, &setup);
	memset(machine.ram + FDT_AT, 0, machine.fdt_size);
	memcpy(machine.ram + FDT_AT, blob, size);
	machine.fdt_size = size;
}

/* What becomes of a boot with the tree that build() was given. */
enum outcome {
	OUTCOME_BOOTS, /* with a console */
	OUTCOME_SPEAKS, /* cannot boot, and says so */
	OUTCOME_SILENT,
};

static enum outcome boot(volatile u32 *page)
{
	struct stop stop = machine_boot(&machine), halted;

	if (stop.code == STOP_NONE)
		return machine.handoff->facts.console.address.value == (uintptr_t)page ?
			       OUTCOME_BOOTS :
			       OUTCOME_SILENT;
	page[PL011_DATA] = 0;
	halted = machine_catch_halt(&machine, &stop);
	assert_int_equal(halted.code, stop.code);
	return page[PL011_DATA] == '\n' ? OUTCOME_SPEAKS : OUTCOME_SILENT;
}

static u32 word_at(const u8 *blob, u32 offset)
{
	return fdt_word_at(blob + offset);
}

/* Bits of what is in use of it: QEMU's own leaves room behind. */
static void flip(struct random *random, u8 *blob, unsigned bits)
{
	u32 strings_end = word_at(blob, 12) + word_at(blob, 32);
	u32 struct_end = word_at(blob, 8) + word_at(blob, 36);
	u32 end = strings_end > struct_end ? strings_end : struct_end;

	while (bits-- > 0) {
		unsigned at = random_below(random, 8 * end);

		blob[at / 8] ^= (u8)(1 << at % 8);
	}
}

static u64 tree[MIB(2) / 8], damaged[MIB(2) / 8];

static void flipped_trees_speak(u32 size, u64 console, u32 per_set)
{
	volatile u32 *page = console_page(console), *near_pl011 = console_page(NEAR_PL011);
	struct random random = random_start();
	const char *times = getenv("PAGODA_ITERATIONS");
	unsigned sets = 20 * (times ? (unsigned)strtoul(times, NULL, 0) : 1);
	unsigned outcomes[3] = { 0 };

	for (unsigned i = 0; i < sets * SET; i++) {
		memcpy(damaged, tree, size);
		flip(&random, (u8 *)damaged, 1 + i % FLIPS_MAX);
		build((u8 *)damaged, size);
		outcomes[boot(page)]++;
	}
	printf("%u boot, %u speak, %u are silent\n", outcomes[OUTCOME_BOOTS],
	       outcomes[OUTCOME_SPEAKS], outcomes[OUTCOME_SILENT]);
	munmap((void *)(uintptr_t)page, PAGE);
	munmap((void *)(uintptr_t)near_pl011, PAGE);
	assert_true(SET * (outcomes[OUTCOME_BOOTS] + outcomes[OUTCOME_SPEAKS]) >=
		    per_set * sets * SET);
}

static void qemus_tree_with_flipped_bits_speaks(void **state)
{
	(void)state;
	flipped_trees_speak((u32)data_read("qemu-virt.dtb", tree, sizeof(tree)), 0x9000000, SPEAK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemus_tree_with_flipped_bits_speaks),
	};

	return cmocka_run_group_tests_name("rescue", tests, NULL, release_machine);
}
