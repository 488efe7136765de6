// SPDX-License-Identifier: MIT
/*
 * What a Linux that UEFI has started hands on: kernel/start/efi_memory.c, RAM by firmware's map,
 * and kernel/start/acpi_tree.c, devices by ACPI's tables, on RAM and page tables of this test's
 * own. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/dev/efi_map.h>
#include <pagoda/kernel/firmware/acpi.h>
#include <pagoda/kernel/start/acpi_tree.h>
#include <pagoda/kernel/start/efi_memory.h>
#include <pagoda/kernel/start/memory.h>
#include <pagoda/mm/pt/tlb.h>

#include "support/console_capture.h"
#include "support/fake_boot.h"

#define RAM FAKE_BOOT_RAM
#define RAM_END (FAKE_BOOT_RAM + FAKE_BOOT_RAM_SIZE)
#define MAP_AT (RAM + MIB(40))
#define PAGE EFI_PAGE_SIZE
#define STRIDE 48

static struct fake_boot boot;
static struct kernel *const kernel = &boot.kernel;
static struct boot_handoff *const handoff = &boot.handoff;

/* ---- arch.h ---- */

void tables_publish(void)
{
	fake_boot_follow();
}

void tlb_invalidate_all(void)
{
	fake_boot_follow();
}

void tlb_invalidate(const struct space *space, const struct tlb_range *range)
{
	(void)space;
	(void)range;
	fake_boot_follow();
}

static u64 console_asked; /* for a sign of life at this address */

u64 memory_load(vaddr_t va, unsigned size)
{
	(void)size;
	console_asked = fake_boot_walk(&boot, &kernel->kernel_space, va.value).pa;
	return 0;
}

void console_init(struct serial_kind kind, void *registers)
{
	(void)kind;
	(void)registers;
}

/* ---- firmware's memory map ---- */

static u8 *at(u64 pa)
{
	return boot.ram + (pa - RAM);
}

static void map_begin(u64 pa)
{
	handoff->facts.efi = (struct efi_facts){ .map_start = pa, .descriptor_size = STRIDE };
}

static void add(u32 type, u64 start, u64 end)
{
	struct efi_descriptor descriptor = { .type = type,
					     .start = start,
					     .pages = (end - start) / PAGE,
					     .attributes = EFI_MEMORY_WB };
	struct efi_facts *efi = &handoff->facts.efi;

	memcpy(at(efi->map_start + efi->map_size), &descriptor, sizeof(descriptor));
	efi->map_size += STRIDE;
}

static struct efi_descriptor *descriptor(u32 index)
{
	return (struct efi_descriptor *)(void *)at(handoff->facts.efi.map_start + index * STRIDE);
}

static void expect_range(u32 index, u64 start, u64 end, enum memory_kind kind)
{
	const struct memory_range *range = &memory_list(kernel)->range[index];

	assert_true(index < memory_list(kernel)->count);
	assert_int_equal(range->start.value, start);
	assert_int_equal(range->end.value, end);
	assert_int_equal(range->kind, kind);
}

/* No window is left open. */
static void expect_closed(enum fixmap_slot slot)
{
	u64 va = layout_fixmap(&handoff->plan.layout, slot).value;

	va = align_down(va, regime_granule(&handoff->plan.kernel));
	assert_int_equal(fake_boot_walk(&boot, &kernel->kernel_space, va).fault, REF_TRANSLATION);
}

/* The tree's RAM goes, its reservations stay; pieces of RAM that adjoin are one. */
static void ram_is_what_firmwares_map_says(void **state)
{
	static const u64 places[] = { MAP_AT, MAP_AT + 8, MAP_AT + KIB(64) - 56 };

	(void)state;
	for (unsigned i = 0; i < FAKE_BOOT_REGIMES * ARRAY_SIZE(places); i++) {
		fake_boot_make(&boot, i % FAKE_BOOT_REGIMES);
		memory_add(memory_list(kernel), RAM + MIB(20), MIB(1), MEMORY_NOMAP);
		map_begin(places[i / FAKE_BOOT_REGIMES]);
		add(EFI_LOADER_CODE, RAM, RAM + MIB(8));
		add(EFI_CONVENTIONAL, RAM + MIB(8), RAM + MIB(30));
		add(EFI_RUNTIME_SERVICES_DATA, RAM + MIB(30), RAM + MIB(31));
		add(EFI_BOOT_SERVICES_DATA, RAM + MIB(31), RAM + MIB(40));
		add(EFI_ACPI_RECLAIM, RAM + MIB(40), RAM + MIB(41));
		add(EFI_RESERVED, RAM + MIB(41), RAM + MIB(42));
		add(EFI_BOOT_SERVICES_CODE, RAM + MIB(42), RAM_END);
		efi_memory_take(kernel);
		assert_int_equal(memory_list(kernel)->count, 4);
		assert_int_equal(memory_list(kernel)->banks, 3);
		assert_int_equal(memory_list(kernel)->dropped, 0);
		expect_range(0, RAM + MIB(20), RAM + MIB(21), MEMORY_NOMAP);
		expect_range(1, RAM, RAM + MIB(30), MEMORY_RAM);
		expect_range(2, RAM + MIB(31), RAM + MIB(40), MEMORY_RAM);
		expect_range(3, RAM + MIB(42), RAM_END, MEMORY_RAM);
		expect_closed(FIXMAP_EFI_MAP);
		fake_boot_free(&boot);
	}
}

/* What anybody else is said to have is not RAM, and that is counted. */
static void ram_that_two_descriptors_dispute_is_left_out(void **state)
{
	(void)state;
	fake_boot_make(&boot, 0);
	map_begin(MAP_AT);
	add(EFI_CONVENTIONAL, RAM, RAM + MIB(8));
	add(EFI_CONVENTIONAL, RAM + MIB(8), RAM + MIB(16));
	add(EFI_RUNTIME_SERVICES_CODE, RAM + MIB(16) - PAGE, RAM + MIB(17));
	add(EFI_CONVENTIONAL, RAM + MIB(17), RAM + MIB(18));
	efi_memory_take(kernel);
	assert_int_equal(memory_list(kernel)->count, 2);
	expect_range(0, RAM, RAM + MIB(8), MEMORY_RAM);
	expect_range(1, RAM + MIB(17), RAM + MIB(18), MEMORY_RAM);
	assert_int_equal(memory_list(kernel)->dropped, 1);
	fake_boot_free(&boot);
}

static void a_map_that_is_not_for_us_or_makes_no_sense_changes_nothing(void **state)
{
	enum {
		OURS,
		MISALIGNED,
		EMPTY,
		SHORT_STRIDE,
		ODD_STRIDE,
		UNREACHABLE,
		NO_RAM,
		UNCACHED
	};

	(void)state;
	for (unsigned i = OURS; i <= UNCACHED; i++) {
		struct efi_facts *efi = &handoff->facts.efi;

		fake_boot_make(&boot, 1);
		map_begin(MAP_AT + (i == MISALIGNED ? 4 : 0));
		add(i == NO_RAM ? EFI_RESERVED : EFI_CONVENTIONAL, RAM, RAM + MIB(8));
		add(EFI_CONVENTIONAL, RAM + MIB(8), RAM + MIB(8)); /* of no pages */
		if (i == UNCACHED)
			descriptor(0)->attributes = 1;
		efi->stub = i == OURS;
		if (i == EMPTY)
			efi->map_size = 0;
		if (i == SHORT_STRIDE || i == ODD_STRIDE)
			efi->descriptor_size = i == SHORT_STRIDE ? 32 : 52;
		if (i == UNREACHABLE)
			efi->map_start = BIT(50);
		efi_memory_take(kernel);
		assert_int_equal(memory_list(kernel)->count, 1);
		expect_range(0, RAM, RAM_END, MEMORY_RAM);
		expect_closed(FIXMAP_EFI_MAP);
		fake_boot_free(&boot);
	}
}

/* What does not fit the window is not looked at, and that is counted. */
static void of_a_map_that_is_too_long_the_first_64k_count(void **state)
{
	u32 there = KIB(64) / STRIDE;

	(void)state;
	fake_boot_make(&boot, 4);
	map_begin(MAP_AT);
	for (u32 i = 0; i < there + 20; i++)
		add(i % 8 ? EFI_RESERVED : EFI_CONVENTIONAL, RAM + i * PAGE, RAM + (i + 1) * PAGE);
	efi_memory_take(kernel);
	assert_int_equal(memory_list(kernel)->count, (there + 7) / 8);
	assert_int_equal(memory_list(kernel)->dropped, 1);
	fake_boot_free(&boot);
}

/* ---- ACPI's tables ---- */

#define TABLES_AT (RAM + MIB(50)) /* firmware's, 1 MiB of them */
#define SYSTEM_AT (TABLES_AT + 0x18)
#define CONFIGURATION_AT (TABLES_AT + 0x200)
#define RSDP_AT (TABLES_AT + 0x1000)
#define XSDT_AT (TABLES_AT + 0x1018)
#define FADT_AT (TABLES_AT + 0xff80) /* across the end of a page, whatever that is */
#define SPCR_AT (TABLES_AT + 0x2000)
#define GTDT_AT (TABLES_AT + 0x3004)
#define MADT_AT (TABLES_AT + 0x20008) /* long: several windows */
#define VIRTUAL 0x2000000000 /* where that Linux had it for runtime services */
#define PROCESSORS 1000
#define GICC_SIZE 80
#define PL011 0x9000000

static void put(u64 pa, u64 number, u32 size)
{
	memcpy(at(pa), &number, size);
}

static void sum(u64 pa, u32 length, u32 place)
{
	u8 *bytes = at(pa), total = 0;

	bytes[place] = 0;
	for (u32 i = 0; i < length; i++)
		total = (u8)(total + bytes[i]);
	bytes[place] = (u8)-total;
}

static void header(u64 pa, const char *signature, u8 revision, u32 length)
{
	memcpy(at(pa), signature, 4);
	put(pa + 4, length, 4);
	at(pa)[8] = revision;
}

static void madt_make(void)
{
	u32 length = 44 + 24 + PROCESSORS * GICC_SIZE;
	u64 entry = MADT_AT + 44;

	header(MADT_AT, "APIC", 4, length);
	put(entry, 0x180c, 2); /* the distributor, 24 bytes */
	put(entry + 8, 0x8000000, 8);
	at(entry)[20] = 2;
	for (u64 i = 0; i < PROCESSORS; i++) {
		u64 gicc = entry + 24 + i * GICC_SIZE;

		put(gicc, GICC_SIZE << 8 | 0x0b, 2);
		put(gicc + 12, 1, 4);
		put(gicc + 32, 0x8010000, 8);
		put(gicc + 68, i, 8);
	}
	sum(MADT_AT, length, 9);
}

static void tables_make(void)
{
	static const struct efi_guid guid = EFI_ACPI_GUID;
	const u64 tables[] = { FADT_AT, GTDT_AT, MADT_AT, SPCR_AT };

	memcpy(at(RSDP_AT), "RSD PTR ", 8);
	at(RSDP_AT)[15] = 2;
	put(RSDP_AT + 20, 36, 4);
	put(RSDP_AT + 24, XSDT_AT + 0x28, 8);
	sum(RSDP_AT, 20, 8);
	sum(RSDP_AT, 36, 32);
	header(XSDT_AT + 0x28, "XSDT", 1, 36 + sizeof(tables));
	memcpy(at(XSDT_AT + 0x28 + 36), tables, sizeof(tables));
	sum(XSDT_AT + 0x28, 36 + sizeof(tables), 9);
	header(FADT_AT, "FACP", 6, 276);
	put(FADT_AT + 129, 1, 2); /* PSCI, by SMC */
	sum(FADT_AT, 276, 9);
	header(SPCR_AT, "SPCR", 2, 80);
	at(SPCR_AT)[36] = 3;
	put(SPCR_AT + 44, PL011, 8);
	at(SPCR_AT)[52] = 8;
	put(SPCR_AT + 54, 33, 4);
	sum(SPCR_AT, 80, 9);
	header(GTDT_AT, "GTDT", 2, 96);
	put(GTDT_AT + 64, 27, 4);
	sum(GTDT_AT, 96, 9);
	madt_make();
	put(SYSTEM_AT, EFI_SYSTEM_TABLE_SIGNATURE, 8);
	put(SYSTEM_AT + 104, 2, 8);
	put(SYSTEM_AT + 112, CONFIGURATION_AT - TABLES_AT + VIRTUAL, 8);
	memset(at(CONFIGURATION_AT), 0x11, 24);
	memcpy(at(CONFIGURATION_AT + 24), &guid, sizeof(guid));
	put(CONFIGURATION_AT + 40, RSDP_AT, 8);
}

/* A boot whose memory has been taken over, and whose tree names no device. */
static void boot_make(unsigned regime)
{
	struct efi_facts *efi = &handoff->facts.efi;

	fake_boot_make(&boot, regime);
	console_asked = 0;
	capture_clear();
	memset(&boot_lists_of(kernel)->nodes, 0, sizeof(boot_lists_of(kernel)->nodes));
	kernel->nodes = &boot_lists_of(kernel)->nodes;
	map_begin(MAP_AT);
	add(EFI_CONVENTIONAL, RAM, TABLES_AT);
	add(EFI_RUNTIME_SERVICES_DATA, TABLES_AT, TABLES_AT + MIB(1));
	descriptor(1)->attributes |= EFI_MEMORY_RUNTIME;
	descriptor(1)->virtual_start = VIRTUAL;
	add(EFI_CONVENTIONAL, TABLES_AT + MIB(1), RAM_END);
	efi->system_table = SYSTEM_AT;
	tables_make();
	efi_memory_take(kernel);
	efi_map_read(kernel);
	assert_int_equal(memory_init(kernel, handoff).code, STOP_NONE);
}

static enum memory_kind kind_at(u64 pa)
{
	struct memory_range piece;

	assert_true(memory_next(kernel->memory, pa, &piece));
	assert_int_equal(piece.start.value, pa);
	return piece.kind;
}

/* All that the tables say, in a tree that stays; no window is left on firmware's memory. */
static void without_a_tree_devices_are_those_of_acpis_tables(void **state)
{
	(void)state;
	for (unsigned regime = 0; regime < FAKE_BOOT_REGIMES; regime++) {
		struct boot_facts *facts = &handoff->facts;
		u64 tree;

		boot_make(regime);
		acpi_take(kernel, handoff);
		assert_int_equal(facts->console.address.value, PL011);
		assert_int_equal(facts->console.source, CONSOLE_STDOUT_PATH);
		assert_int_equal(facts->psci, PSCI_SMC);
		assert_true(facts->efi.acpi);
		assert_int_equal(facts->efi.rsdp, RSDP_AT);
		assert_int_equal(kernel->nodes->gic_version, 2);
		assert_int_equal(kernel->nodes->uarts, 1);
		assert_true(kernel->nodes->timer.offset != 0);
		assert_string_equal(captured, "");
		assert_int_equal(console_asked & ~(u64)0xfff, PL011);
		assert_int_equal(kernel->console.address.value, PL011);
		tree = (uintptr_t)kernel->fdt.blob - kernel->linear.offset;
		assert_true(kernel->fdt.total_size > PROCESSORS * 64);
		for (u64 pa = tree; pa < tree + kernel->fdt.total_size; pa += PAGE)
			assert_int_equal(kind_at(pa), MEMORY_FDT);
		expect_closed(FIXMAP_GIC_CPU);
		fake_boot_free(&boot);
	}
}

/* And costs nothing: the tree is the one that there was. */
static void a_tree_with_a_device_or_of_our_stub_is_enough(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct boot_lists *lists;

		boot_make(0);
		lists = boot_lists_of(kernel);
		lists->nodes.uarts = i == 0;
		lists->nodes.gic.offset = i == 1;
		handoff->facts.psci = i == 2 ? PSCI_HVC : PSCI_NONE;
		handoff->facts.efi.stub = i == 3;
		if (i == 4)
			handoff->facts.efi.system_table = 0;
		acpi_take(kernel, handoff);
		assert_null(kernel->fdt.blob);
		assert_false(handoff->facts.efi.acpi);
		assert_int_equal(console_asked, 0);
		fake_boot_free(&boot);
	}
}

/* earlycon= came first, and stays. */
static void a_console_that_there_is_already_stays(void **state)
{
	(void)state;
	boot_make(2);
	kernel->console.source = CONSOLE_EARLYCON;
	acpi_take(kernel, handoff);
	assert_int_equal(console_asked, 0);
	assert_int_equal(handoff->facts.psci, PSCI_SMC);
	fake_boot_free(&boot);
}

/* Each costs what it would have said. */
static void what_cannot_be_read_is_gone_without(void **state)
{
	static const struct {
		u64 where; /* a byte that is changed, */
		const char *words; /* what is said, */
		bool tree, console, psci, gic; /* and what there is then */
	} cases[] = {
		{ SPCR_AT + 40, "SPCR at 0x43202000: checksum wrong; goes on without the console",
		  true, false, true, true },
		{ FADT_AT + 140, "FADT at 0x4320ff80: checksum wrong; goes on without PSCI", true,
		  true, false, true },
		{ MADT_AT + 99, "MADT at 0x43220008: checksum wrong; goes on without processors",
		  true, true, true, false },
		{ XSDT_AT + 0x28 + 3,
		  "no device in the FDT, and ACPI's XSDT at 0x43201040 is "
		  "refused: signature wrong",
		  false, false, false, false },
		{ RSDP_AT + 9, "RSDP at 0x43201000 is refused: checksum wrong", false, false, false,
		  false },
		{ SYSTEM_AT, "RSDP at 0 is refused: not there", false, false, false, false },
		{ CONFIGURATION_AT + 24, "RSDP at 0 is refused: not there", false, false, false,
		  false },
		{ SYSTEM_AT + 119, "RSDP at 0 is refused: not there", false, false, false, false },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		boot_make(i % FAKE_BOOT_REGIMES);
		*at(cases[i].where) ^= 0x40;
		acpi_take(kernel, handoff);
		assert_non_null(strstr(captured, cases[i].words));
		assert_int_equal(kernel->fdt.blob != NULL, cases[i].tree);
		assert_int_equal(handoff->facts.efi.acpi, cases[i].tree);
		assert_int_equal(console_asked != 0, cases[i].console);
		assert_int_equal(handoff->facts.psci, cases[i].psci ? PSCI_SMC : PSCI_NONE);
		assert_int_equal(kernel->nodes->gic.offset != 0, cases[i].gic);
		expect_closed(FIXMAP_GIC_CPU);
		fake_boot_free(&boot);
	}
}

/* Registers may have side effects: nothing is read that the map does not say may hold tables. */
static void nothing_is_read_outside_the_memory_of_tables(void **state)
{
	static const u32 types[] = { EFI_CONVENTIONAL,	   EFI_LOADER_DATA, EFI_UNUSABLE,
				     EFI_MEMORY_MAPPED_IO, EFI_PERSISTENT,  EFI_MEMORY_TYPE_COUNT };

	(void)state;
	for (unsigned i = 0; i <= ARRAY_SIZE(types); i++) {
		struct efi_descriptor *tables;

		boot_make(3);
		tables = (struct efi_descriptor *)(uintptr_t)(kernel->efi_map.descriptors + STRIDE);
		if (i < ARRAY_SIZE(types))
			tables->type = types[i];
		else
			tables->attributes = EFI_MEMORY_RUNTIME;
		acpi_take(kernel, handoff);
		assert_null(kernel->fdt.blob);
		fake_boot_free(&boot);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ram_is_what_firmwares_map_says),
		cmocka_unit_test(ram_that_two_descriptors_dispute_is_left_out),
		cmocka_unit_test(a_map_that_is_not_for_us_or_makes_no_sense_changes_nothing),
		cmocka_unit_test(of_a_map_that_is_too_long_the_first_64k_count),
		cmocka_unit_test(without_a_tree_devices_are_those_of_acpis_tables),
		cmocka_unit_test(a_tree_with_a_device_or_of_our_stub_is_enough),
		cmocka_unit_test(a_console_that_there_is_already_stays),
		cmocka_unit_test(what_cannot_be_read_is_gone_without),
		cmocka_unit_test(nothing_is_read_outside_the_memory_of_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
