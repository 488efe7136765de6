// SPDX-License-Identifier: MIT
/*
 * The commands that show tables and registers, over a kernel made by hand and a CPU that answers AT
 * as the tables say, or not. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/show/dump.h>
#include <pagoda/kernel/show/inspect.h>
#include <pagoda/kernel/start/memory.h>
#include <pagoda/kernel/dev/psci.h>

#include "support/console_capture.h"
#include "support/sample_kernel.h"

static struct sample sample;
static u64 par_lie; /* what the CPU gets wrong */
static unsigned loads, stores;
static u64 stored;

/* PAR_EL1 by the manual (DDI 0487 D19.2.108): F in bit 0, FST in 6:1, PA in 51:12. */
u64 at_translate(vaddr_t va, bool write)
{
	struct pt_entry entry;
	struct pte_info info;
	paddr_t pa;

	if (!pt_contains(&sample.kernel.kernel_space, va) ||
	    !pt_translate(&sample.kernel.kernel_space, va, &pa))
		return (0x4 << 1 | 0x801) ^ par_lie;
	entry = pt_find(&sample.kernel.kernel_space, va);
	info = pte_decode(&sample.kernel.kernel_space.regime, entry.pte, entry.level,
			  entry.table_bits);
	if (write && !info.write)
		return (0xf << 1 | 0x801) ^ par_lie;
	return ((pa.value & ~(u64)0xfff) | 0xff00000000000180) ^ par_lie;
}

u64 memory_load(vaddr_t va, unsigned size)
{
	loads++;
	assert_true(va.value % size == 0);
	return va.value & 0xff;
}

void memory_store(vaddr_t va, unsigned size, u64 value)
{
	stores++;
	assert_true(va.value % size == 0);
	stored = value;
}

void psci_poweroff(enum psci_conduit conduit)
{
	(void)conduit;
}

void psci_reboot(enum psci_conduit conduit)
{
	(void)conduit;
}

static void run(const char *line)
{
	capture_clear();
	command_execute(&sample.kernel, (struct words){ line, strlen(line) });
}

static void assert_shows(const char *line, const char *part)
{
	run(line);
	if (!strstr(captured, part))
		fail_msg("'%s' shows no '%s' but\n%s", line, part, captured);
}

static int set_up(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	par_lie = 0;
	loads = stores = 0;
	return 0;
}

static void walk_says_whether_the_cpu_agrees(void **state)
{
	static const char *const lines[] = { "walk 0xffff800080010008", "walk 0xffff800080050008",
					     "walk 0xfff0000000000000", "walk 0xffffffffffffffff" };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
		par_lie = 0;
		assert_shows(lines[i], "  the CPU agrees with the walk\n");
		par_lie = 1; /* a fault where there is none, and the other way round */
		assert_shows(lines[i], "  THE CPU DOES NOT AGREE");
	}
	par_lie = BIT(51);
	assert_shows(lines[0], "  THE CPU DOES NOT AGREE");
	assert_shows("walk 0x40200000", "  nothing to compare");
}

static void walk_decodes_shareability_only_where_the_descriptor_has_it(void **state)
{
	(void)state;
	assert_shows("walk 0xffff800080010000",
		     "\n    PBHA=0 software=0 UXN=1 PXN=0 Contiguous=1 DBM=0 GP=1\n"
		     "    nG=0 AF=1 OA[51:50]=0 AP[2:1]=2 NS=0 AttrIndx=0\n");
	assert_shows("walk 0xffff800080010000",
		     "\n    NSTable=0 APTable=0 UXNTable=1 PXNTable=0\n");
	sample_make(&sample, 12, 48);
	assert_shows("walk 0xffff800080010000", " AF=1 SH=3 AP[2:1]=2 NS=0 AttrIndx=0\n");
	sample_make(&sample, 16, 52);
	assert_shows("walk 0xffff800080010000",
		     " AF=1 OA[51:48]=0 SH=3 AP[2:1]=2 NS=0 AttrIndx=0\n");
}

static void every_bit_of_a_descriptor_has_its_name(void **state)
{
	const struct regime *regime = &sample.kernel.kernel_space.regime;

	(void)state;
	capture_clear();
	dump_fields(regime, (pte_t){ ~(u64)0 }, PTE_BLOCK);
	assert_string_equal(captured, "    PBHA=15 software=15 UXN=1 PXN=1 Contiguous=1 DBM=1 "
				      "GP=1\n    nT=1 nG=1 AF=1 OA[51:50]=3 AP[2:1]=3 NS=1 "
				      "AttrIndx=7\n");
	capture_clear();
	dump_fields(regime, (pte_t){ ~(u64)0 }, PTE_TABLE);
	assert_string_equal(captured, "    NSTable=1 APTable=3 UXNTable=1 PXNTable=1\n");
	capture_clear();
	dump_fields(regime, (pte_t){ ~(u64)1 }, PTE_INVALID);
	assert_string_equal(captured, "");
}

static void find_lists_every_virtual_address(void **state)
{
	(void)state;
	run("find 0x40210123");
	assert_string_equal(
		captured,
		"physical 0x0000000040210123 is mapped at\n"
		"  0xffff800080010123  image, level 3, read-only, executable, MEM/NORMAL\n"
		"  0x0000000040210123  identity map (not in use), level 3, read-only, executable, "
		"MEM/NORMAL\n");
	assert_shows("find 0x123", "  no virtual address\n");
	assert_shows("find 0x4028ffff", "  0xffff80008008ffff  image");
	assert_shows("find 0x40290000", "  no virtual address\n");
}

static void ptdump_filters(void **state)
{
	(void)state;
	assert_shows("ptdump --wx", "\n0 runs, 0B\n");
	assert_shows("ptdump --perm rx", "\n1 runs, 192K\n");
	assert_shows("ptdump --perm rw", "DEVICE");
	assert_shows("ptdump --perm r", "\n1 runs, 64K\n");
	assert_shows("ptdump --level 2", "\n0 runs, 0B\n");
	assert_shows("ptdump fixmap", "\n1 runs, 4K\n");
	assert_shows("ptdump image --perm rx --level 3", "\n1 runs, 192K\n");
	assert_shows("ptdump 0xffff800080000000-0xffff800080011000", "\n2 runs, 68K\n");
	assert_shows("ptdump 0xffff800080000001-0xffff800080000002", "\n1 runs, 4K\n");
	assert_shows("ptdump 0x40200000-0x40201000", "identity map");
	assert_shows("ptdump 0xffff800080000000-0", "DEVICE");
	assert_shows("ptdump idmap --json --perm rx", "\"root\": \"idmap\"");
	assert_null(strstr(captured, "\"root\": \"kernel\",\n"));
	assert_shows("ptdump json", "\"root\": \"kernel\",\n");
	assert_shows("ptdump kernel idmap", "identity map: ");
}

static void read_asks_the_tables_first(void **state)
{
	(void)state;
	run("read 0xffff800080000004 20");
	assert_string_equal(captured,
			    "0xffff800080000004  04 05 06 07 08 09 0a 0b 0c 0d 0e 0f            "
			    "  ............\n"
			    "0xffff800080000010  10 11 12 13 14 15 16 17                        "
			    "  ........\n");
	assert_int_equal(loads, 20);
	assert_shows("read 0xffff80008008fff8", "read: 0xffff800080090000 is not mapped\nwalk ");
	assert_int_equal(loads, 28);
	assert_shows("read 0x1000", "is not an address of the kernel's\n");
	assert_shows("read 0x0010000000000000", "not canonical");
	assert_int_equal(loads, 28);
	run("read 0xffffffffff7f0000 8"); /* a device: two registers */
	assert_int_equal(loads, 30);
	assert_shows("read 0xffffffffff7f0001 4", "must be multiples of 4");
	assert_int_equal(loads, 30);
}

static void write_asks_the_tables_first(void **state)
{
	(void)state;
	assert_shows("write 0xffff800080010000 1", "write: 0xffff800080010000 is read-only\nwalk ");
	assert_shows("write 0xffff800080090000 1", "is not mapped");
	assert_int_equal(stores, 0);
	run("write 0xffff800080050000 0xffffffffffffffff");
	assert_int_equal(stores, 1);
	assert_int_equal(stored, 0xffffffffffffffff);
	run("write 0xffff800080050001 0xff 1");
	assert_int_equal(stores, 2);
	assert_shows("write 0xffff800080050000 0x100 1", "does not fit");
	assert_shows("write 0xffff800080050000 1 3", "cannot be stored at once");
	assert_shows("write 0xffff800080050002 1 4", "is not a multiple of the size");
	assert_int_equal(stores, 2);
}

/* Whatever the address: it is what is there that counts, to its last word. */
static void write_refuses_tables_wherever_they_are_mapped(void **state)
{
	static const struct {
		u64 va, pa;
		bool refused;
	} pages[] = {
		{ 0xffff900000000000, SAMPLE_POOL_PA, true },
		{ 0xffff900000010000, SAMPLE_POOL_PA + SAMPLE_POOL_SIZE - 0x1000, true },
		{ 0xffff900000020000, SAMPLE_POOL_PA + SAMPLE_POOL_SIZE, false },
		{ 0xffff900000030000, SAMPLE_POOL_PA - 0x1000, false },
		{ 0xffff900000040000, 0x50000000, true },
		{ 0xffff900000050000, 0x50001000, false },
	};

	(void)state;
	memory_add_own(sample.kernel.memory, 0x50000000, 0x1000, MEMORY_TABLES);
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		struct map_request request = { vaddr(pages[i].va),
					       vaddr(pages[i].va + 0x1000),
					       paddr(pages[i].pa),
					       { PROT_READ_WRITE, MEM_NORMAL } };
		char line[64];

		assert_int_equal(map_range(&sample.kernel.kernel_space, &request), MAP_OK);
		(void)snprintf(line, sizeof(line), "write 0x%lx 1 4", pages[i].va + 0xffc);
		stores = 0;
		run(line);
		assert_int_equal(stores, !pages[i].refused);
		assert_int_equal(
			strstr(captured, "is memory for page tables; nothing was written") != NULL,
			pages[i].refused);
	}
}

static void features_show_what_overrides_took_away(void **state)
{
	(void)state;
	sample.handoff.id[SYSREG_ID_AA64MMFR2_EL1] = 0x1000000000000000;
	assert_shows("features", "\nID_AA64MMFR2_EL1 0x1000000000010000  -> 0x1000000000000000\n");
	assert_shows("features",
		     "\n  varange      19:16 0x1 (52 bits with 64K pages (FEAT_LVA))  -> 0 "
		     "(48 bits)\n");
	assert_shows("features", "\n  e0pd         63:60 0x1 (E0PD)\n");
	for (unsigned i = 0; i < SYSREG_FACT_COUNT; i++)
		assert_non_null(strstr(captured, sysreg_table[i].name));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(walk_says_whether_the_cpu_agrees),
		TEST(walk_decodes_shareability_only_where_the_descriptor_has_it),
		TEST(every_bit_of_a_descriptor_has_its_name),
		TEST(find_lists_every_virtual_address),
		TEST(ptdump_filters),
		TEST(read_asks_the_tables_first),
		TEST(write_asks_the_tables_first),
		TEST(write_refuses_tables_wherever_they_are_mapped),
		TEST(features_show_what_overrides_took_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
