// SPDX-License-Identifier: MIT
/*
 * efi/acpi*.c on tables made here byte by byte, on QEMU's own, and on damaged ones: what is
 * refused, by which table's name, and what device tree comes of the rest, which libfdt and the
 * early runtime read. Tables lie in an allocation as long as what may be read, so that
 * AddressSanitizer sees a read past it. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/libfdt.h"

#include <pagoda/kernel/firmware/acpi.h>

#include "support/data.h"
#include "support/fake_machine.h"
#include "support/random.h"

#define TABLES ACPI_TABLES
#define TABLE_ROOM 1024
#define BASE 0x7fff12340018 /* of the memory that the tables are in; only a multiple of 8 */
#define PL011 0x9000000
#define NOBODY 0x1234 /* an address outside the view */

/* By enum acpi_table; a length of 0: not there. */
struct tables {
	u8 bytes[TABLES][TABLE_ROOM];
	u32 length[TABLES];
};

static void put(u8 *bytes, u32 offset, u64 number, u32 size)
{
	for (u32 i = 0; i < size; i++)
		bytes[offset + i] = (u8)(number >> 8 * i);
}

static u64 get(const u8 *bytes, u32 offset, u32 size)
{
	u64 number = 0;

	for (u32 i = size; i > 0; i--)
		number = number << 8 | bytes[offset + i - 1];
	return number;
}

static void sum(u8 *bytes, u32 length, u32 place)
{
	u8 total = 0;

	bytes[place] = 0;
	for (u32 i = 0; i < length; i++)
		total = (u8)(total + bytes[i]);
	bytes[place] = (u8)-total;
}

/* Set the checksums, and not the length, of the table of @length bytes. */
static void table_sum(u8 *bytes, enum acpi_table table, u32 length)
{
	if (table == ACPI_RSDP) {
		sum(bytes, 20, 8);
		if (length >= 36)
			sum(bytes, length, 32);
	} else if (length > 9) {
		sum(bytes, length, 9);
	}
}

static void header(struct tables *tables, enum acpi_table table, const char *signature, u8 revision,
		   u32 length)
{
	u8 *bytes = tables->bytes[table];

	memcpy(bytes, signature, 4);
	bytes[8] = revision;
	memcpy(bytes + 10, "PAGODATEST", 10);
	tables->length[table] = length;
}

/* Another entry of the MADT, zero but for type and length. */
static u8 *entry(struct tables *tables, u8 type, u8 length)
{
	u8 *bytes = tables->bytes[ACPI_MADT] + tables->length[ACPI_MADT];

	assert_in_range(tables->length[ACPI_MADT] + length, 0, TABLE_ROOM);
	memset(bytes, 0, length);
	bytes[0] = type;
	bytes[1] = length;
	tables->length[ACPI_MADT] += length;
	return bytes;
}

static u8 *processor(struct tables *tables, u64 mpidr, u32 flags)
{
	u8 *gicc = entry(tables, 0x0b, 80);

	put(gicc, 12, flags, 4);
	put(gicc, 32, 0x8010000, 8);
	put(gicc, 68, mpidr, 8);
	return gicc;
}

static u8 *distributor(struct tables *tables, u8 version)
{
	u8 *gicd = entry(tables, 0x0c, 24);

	put(gicd, 8, 0x8000000, 8);
	gicd[20] = version;
	return gicd;
}

static void redistributors(struct tables *tables, u64 start, u32 size)
{
	u8 *gicr = entry(tables, 0x0e, 16);

	put(gicr, 4, start, 8);
	put(gicr, 12, size, 4);
}

static void madt_clear(struct tables *tables)
{
	header(tables, ACPI_MADT, "APIC", 4, 44);
}

/* Of the CPU's timers: numbers and flags. */
static void timer(struct tables *tables, u32 which, u32 interrupt, u32 flags)
{
	put(tables->bytes[ACPI_GTDT], 48 + 8 * which, interrupt, 4);
	put(tables->bytes[ACPI_GTDT], 52 + 8 * which, flags, 4);
}

static void dbg2_clear(struct tables *tables)
{
	header(tables, ACPI_DBG2, "DBG2", 0, 44);
	put(tables->bytes[ACPI_DBG2], 36, 44, 4);
	put(tables->bytes[ACPI_DBG2], 40, 0, 4);
}

/* One more device: 22 bytes, an address, its size, a name. */
static u8 *debug_port(struct tables *tables, u32 type, u32 subtype, u64 address)
{
	u8 *dbg2 = tables->bytes[ACPI_DBG2], *device = dbg2 + tables->length[ACPI_DBG2];

	put(dbg2, 40, get(dbg2, 40, 4) + 1, 4);
	put(device, 1, 40, 2);
	device[3] = 1;
	put(device, 4, 2, 2);
	put(device, 6, 38, 2);
	put(device, 12, type, 2);
	put(device, 14, subtype, 2);
	put(device, 18, 22, 2);
	put(device, 20, 34, 2);
	device[23] = 32;
	device[25] = 3;
	put(device, 26, address, 8);
	put(device, 34, 0x1000, 4);
	device[38] = '.';
	tables->length[ACPI_DBG2] += 40;
	return device;
}

static struct tables tables_bare(void)
{
	struct tables tables = { 0 };
	u8 *rsdp = tables.bytes[ACPI_RSDP], *spcr = tables.bytes[ACPI_SPCR];

	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "PAGODA", 6);
	rsdp[15] = 2;
	tables.length[ACPI_RSDP] = 36;
	header(&tables, ACPI_XSDT, "XSDT", 1, 36);
	header(&tables, ACPI_FADT, "FACP", 6, 276);
	put(tables.bytes[ACPI_FADT], 129, 3, 2);
	header(&tables, ACPI_SPCR, "SPCR", 2, 80);
	spcr[36] = 3;
	spcr[41] = 32;
	put(spcr, 44, PL011, 8);
	spcr[52] = 8;
	put(spcr, 54, 33, 4);
	header(&tables, ACPI_GTDT, "GTDT", 2, 96);
	timer(&tables, 0, 29, 0);
	timer(&tables, 1, 30, 2);
	timer(&tables, 2, 27, 1);
	timer(&tables, 3, 26, 3);
	dbg2_clear(&tables);
	debug_port(&tables, 0x8000, 0x03, PL011);
	madt_clear(&tables);
	return tables;
}

/* Like QEMU's virt machine: PSCI over HVC, a PL011, a GICv3, three processors and one disabled. */
static struct tables tables_default(void)
{
	struct tables tables = tables_bare();

	distributor(&tables, 3);
	processor(&tables, 0x80000000, 1);
	processor(&tables, 0x80000001, 1);
	processor(&tables, 0x80000100, 0);
	entry(&tables, 0x0d, 24);
	processor(&tables, 0x1280000203, 1);
	redistributors(&tables, 0x80a0000, 0xf60000);
	return tables;
}

/* Tables in memory. */
struct place {
	u8 *bytes;
	u32 size;
	u64 address[TABLES];
	u32 length[TABLES];
};

static u32 lay_out(struct place *place, const struct tables *tables, enum acpi_table table, u32 at)
{
	place->address[table] = tables->length[table] != 0 ? BASE + at : 0;
	return at + (u32)align_up(tables->length[table], 8);
}

static void place_table(struct place *place, const struct tables *tables, enum acpi_table table)
{
	u32 length = place->length[table];
	u8 *bytes;

	if (length == 0)
		return;
	bytes = place->bytes + (place->address[table] - BASE);
	memcpy(bytes, tables->bytes[table], length);
	put(bytes, table == ACPI_RSDP ? 20 : 4, length, 4);
	if (table == ACPI_RSDP)
		put(bytes, 24, place->address[ACPI_XSDT], 8);
	table_sum(bytes, table, length);
}

/* @last stands at the very end of the memory. The XSDT begins with an entry that leads nowhere. */
static struct place place_make(const struct tables *given, enum acpi_table last)
{
	struct tables tables = *given;
	struct place place = { 0 };
	u8 *xsdt = tables.bytes[ACPI_XSDT];

	put(xsdt, 36, NOBODY, 8);
	tables.length[ACPI_XSDT] +=
		8 * (u32)(1 + (tables.length[ACPI_FADT] != 0) + (tables.length[ACPI_MADT] != 0) +
			  (tables.length[ACPI_GTDT] != 0) + (tables.length[ACPI_SPCR] != 0) +
			  (tables.length[ACPI_DBG2] != 0));
	memcpy(place.length, tables.length, sizeof(place.length));
	for (enum acpi_table table = ACPI_RSDP; table < TABLES; table++)
		if (table != last)
			place.size = lay_out(&place, &tables, table, place.size);
	lay_out(&place, &tables, last, place.size);
	place.size += tables.length[last];
	for (u32 table = ACPI_FADT, at = 44; table < TABLES; table++) {
		if (tables.length[table] != 0) {
			put(xsdt, at, place.address[table], 8);
			at += 8;
		}
	}
	place.bytes = malloc(place.size);
	assert_non_null(place.bytes);
	memset(place.bytes, 0xa5, place.size);
	for (enum acpi_table table = ACPI_RSDP; table < TABLES; table++)
		place_table(&place, &tables, table);
	return place;
}

static void place_free(struct place *place)
{
	free(place->bytes);
}

static u8 *placed(const struct place *place, enum acpi_table table)
{
	return place->bytes + (place->address[table] - BASE);
}

static struct acpi acpi;

static struct acpi_fault open_at(const struct place *place, u64 rsdp)
{
	const struct memory_range range[] = {
		{ { NOBODY }, { NOBODY }, MEMORY_RESERVED },
		{ { BASE }, { BASE + place->size }, MEMORY_RESERVED },
	};
	struct acpi_view view = { .range = range,
				  .count = 2,
				  .phys_offset = (u64)(uintptr_t)place->bytes - BASE };

	return acpi_open(&acpi, &view, rsdp);
}

/* What is wrong: with all of it, or with the first table that it goes without. */
static struct acpi_fault open_place(const struct place *place)
{
	struct acpi_fault fault = open_at(place, place->address[ACPI_RSDP]);

	return fault.status == ACPI_OK && acpi.lost_count != 0 ? acpi.lost[0] : fault;
}

/* The MADT, which is read the furthest, at the end. */
static struct acpi_fault open_tables(const struct tables *tables)
{
	struct place place = place_make(tables, ACPI_MADT);
	struct acpi_fault fault = open_place(&place);

	place_free(&place);
	return fault;
}

#define assert_fault(fault_, table_, status_)                         \
	do {                                                          \
		struct acpi_fault got = fault_;                       \
		if (got.status != (status_) || got.table != (table_)) \
			fail_msg("%s: %s", acpi_table_str(got.table), \
				 acpi_status_str(got.status));        \
	} while (0)

#define assert_ok(fault) assert_int_equal((fault).status, ACPI_OK)

/* ---- trees --------------------------------------------------------------------------------- */

#define RAM_START 0x40000000
#define RAM_END 0x40400000

static const struct memory_range memory[] = { { { RAM_START }, { RAM_END }, MEMORY_RAM } };

struct tree {
	u8 *bytes;
	u32 size;
};

static struct fdt_edit edit_make(const struct fdt_setting *settings, u32 count)
{
	return (struct fdt_edit){ settings, count, memory, ARRAY_SIZE(memory), NULL };
}

/* The tree in an allocation of just its size, found good by libfdt and by our reader. */
static struct tree tree_write(const struct fdt_edit *edit)
{
	u32 room = (u32)acpi_fdt_room(&acpi) + FDT_EDIT_ROOM + 16 * edit->memory_count +
		   128 * edit->chosen_count;
	struct tree tree = { malloc(room), 0 };
	struct fdt_cursor cursor;
	struct fdt_event event;
	enum fdt_status status;
	struct fdt fdt;

	memset(tree.bytes, 0xa5, room);
	assert_int_equal(acpi_write_fdt(&acpi, edit, tree.bytes, room, &tree.size), FDT_WRITE_OK);
	tree.bytes = realloc(tree.bytes, tree.size);
	assert_int_equal(fdt_check_full(tree.bytes, tree.size), 0);
	assert_int_equal(fdt_open(&fdt, tree.bytes), FDT_OK);
	for (cursor = fdt_begin(&fdt); (status = fdt_next(&cursor, &event)) == FDT_OK;) {
	}
	assert_int_equal(status, FDT_END);
	return tree;
}

static struct tree tree_of(const struct place *place)
{
	struct fdt_edit edit = edit_make(NULL, 0);

	assert_ok(open_place(place));
	return tree_write(&edit);
}

static bool has_node(const struct tree *tree, const char *path)
{
	return fdt_path_offset(tree->bytes, path) >= 0;
}

static void a_machine_becomes_a_tree(void **state)
{
	struct tables tables = tables_default();
	struct place place = place_make(&tables, ACPI_SPCR);
	struct tree tree = tree_of(&place);

	(void)state;
	assert_int_equal(acpi.processors, 3);
	assert_int_equal(acpi.uart.console, ACPI_CONSOLE_PL011);
	assert_int_equal(acpi.psci, PSCI_HVC);
	assert_bytes(&tree, "/", "#address-cells", "\0\0\0\2");
	assert_bytes(&tree, "/", "#size-cells", "\0\0\0\2");
	assert_text(&tree, "/memory@40000000", "device_type", "memory");
	assert_bytes(&tree, "/memory@40000000", "reg", "\0\0\0\0\x40\0\0\0\0\0\0\0\0\x40\0\0");
	assert_text(&tree, "/chosen", "stdout-path", "/serial@9000000");
	assert_bytes(&tree, "/chosen", "pagoda,acpi-rsdp", "\0\0\x7f\xff\x12\x34\0\x18");
	assert_text(&tree, "/serial@9000000", "compatible", "arm,pl011\0arm,primecell");
	assert_bytes(&tree, "/serial@9000000", "reg", "\0\0\0\0\x09\0\0\0\0\0\0\0\0\0\x10\0");
	assert_bytes(&tree, "/serial@9000000", "interrupts", "\0\0\0\0\0\0\0\1\0\0\0\4");
	assert_text(&tree, "/timer", "compatible", "arm,armv8-timer");
	assert_bytes(&tree, "/timer", "interrupts",
		     "\0\0\0\1\0\0\0\xd\0\0\0\4\0\0\0\1\0\0\0\xe\0\0\0\x8"
		     "\0\0\0\1\0\0\0\xb\0\0\0\1\0\0\0\1\0\0\0\xa\0\0\0\2");
	assert_text(&tree, "/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2");
	assert_text(&tree, "/psci", "method", "hvc");
	assert_bytes(&tree, "/cpus", "#address-cells", "\0\0\0\2");
	assert_bytes(&tree, "/cpus", "#size-cells", "\0\0\0\0");
	assert_bytes(&tree, "/cpus/cpu@0", "reg", "\0\0\0\0\0\0\0\0");
	assert_bytes(&tree, "/cpus/cpu@1", "reg", "\0\0\0\0\0\0\0\1");
	assert_bytes(&tree, "/cpus/cpu@1200000203", "reg", "\0\0\0\x12\0\0\2\3");
	assert_text(&tree, "/cpus/cpu@1200000203", "device_type", "cpu");
	assert_text(&tree, "/cpus/cpu@1200000203", "compatible", "arm,armv8");
	assert_text(&tree, "/cpus/cpu@1200000203", "enable-method", "psci");
	assert_false(has_node(&tree, "/cpus/cpu@100"));
	assert_text(&tree, "/intc@8000000", "compatible", "arm,gic-v3");
	assert_bytes(&tree, "/intc@8000000", "reg",
		     "\0\0\0\0\x08\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\x08\x0a\0\0\0\0\0\0\0\xf6\0\0");
	assert_bytes(&tree, "/intc@8000000", "#redistributor-regions", "\0\0\0\1");
	assert_bytes(&tree, "/intc@8000000", "interrupt-controller", "");
	assert_bytes(&tree, "/", "interrupt-parent", "\0\0\0\1");
	assert_int_equal(fdt_node_offset_by_phandle(tree.bytes, 1),
			 fdt_path_offset(tree.bytes, "/intc@8000000"));
	free(tree.bytes);
	place_free(&place);
}

static void the_early_runtime_boots_from_the_tree(void **state)
{
	struct machine_setup setup = machine_setup_default();
	struct tables tables = tables_default();
	struct place place = place_make(&tables, ACPI_SPCR);
	static const struct fdt_setting settings[] = {
		{ FDT_SETTING_STRING, "bootargs", "nokaslr", 0 },
		{ FDT_SETTING_U64, "kaslr-seed", NULL, 0x1234 },
	};
	struct fdt_edit edit = edit_make(settings, ARRAY_SIZE(settings));
	struct fake_machine machine = { 0 };
	const struct boot_facts *facts;
	struct stop stop;
	struct tree tree;

	(void)state;
	assert_int_equal(setup.ram_start, RAM_START);
	assert_int_equal(setup.ram_size, RAM_END - RAM_START);
	assert_ok(open_place(&place));
	tree = tree_write(&edit);
	machine_build(&machine, &setup);
	memcpy(machine.ram + setup.fdt_offset, tree.bytes, tree.size);
	machine.fdt_size = tree.size;
	stop = machine_boot(&machine);
	assert_int_equal(stop.code, STOP_NONE);
	facts = &machine.handoff->facts;
	assert_int_equal(facts->console.address.value, PL011);
	assert_int_equal(facts->console.source, CONSOLE_STDOUT_PATH);
	assert_int_equal(facts->psci, PSCI_HVC);
	assert_int_equal(memory_total(machine_memory(&machine)), RAM_END - RAM_START);
	assert_string_equal(machine_command_line(&machine), "nokaslr");
	assert_int_equal(facts->fdt.seed, FDT_SEED_TAKEN);
	machine_free(&machine);
	free(tree.bytes);
	place_free(&place);
}

static void settings_come_first_and_take_the_place_of_ours(void **state)
{
	static const struct fdt_setting settings[] = {
		{ FDT_SETTING_STRING, "bootargs", "a b", 0 },
		{ FDT_SETTING_STRING, "stdout-path", "/elsewhere", 0 },
		{ FDT_SETTING_ABSENT, "pagoda,acpi-rsdp", NULL, 0 },
	};
	struct fdt_edit edit = edit_make(settings, ARRAY_SIZE(settings));
	struct tables tables = tables_default();
	struct place place = place_make(&tables, ACPI_SPCR);
	struct tree tree;
	int property, count = 0;

	(void)state;
	assert_ok(open_place(&place));
	tree = tree_write(&edit);
	assert_text(&tree, "/chosen", "bootargs", "a b");
	assert_text(&tree, "/chosen", "stdout-path", "/elsewhere");
	fdt_for_each_property_offset(property, tree.bytes, fdt_path_offset(tree.bytes, "/chosen"))
		count++;
	assert_int_equal(count, 3);
	assert_text(&tree, "/chosen", "pagoda,made-of", "acpi");
	assert_false(tree_has(tree.bytes, "/chosen", "pagoda,acpi-rsdp"));
	free(tree.bytes);
	place_free(&place);
}

static void a_tree_that_does_not_fit_is_refused(void **state)
{
	struct tables tables = tables_default();
	struct place place = place_make(&tables, ACPI_SPCR);
	struct tree whole = tree_of(&place);
	struct fdt_edit edit = edit_make(NULL, 0);

	(void)state;
	for (u32 size = 0; size <= whole.size; size++) {
		u8 *bytes = malloc(size ? size : 1);
		u32 written;

		assert_int_equal(acpi_write_fdt(&acpi, &edit, bytes, size, &written),
				 size < whole.size ? FDT_WRITE_NO_ROOM : FDT_WRITE_OK);
		assert_int_equal(written, size < whole.size ? 0 : size);
		free(bytes);
	}
	free(whole.bytes);
	place_free(&place);
}

/* A file of tables: each after its address (u64), its length and a zero (u32). */
static struct place qemu_place(void)
{
	struct place place = { 0 };
	static u8 file_bytes[4096];
	u64 first = ~(u64)0, end = 0;
	size_t size = data_read("qemu-virt-acpi.bin", file_bytes, sizeof(file_bytes));

	for (unsigned pass = 0; pass < 2; pass++) {
		for (u32 at = 0; at < size; at += 16 + (u32)get(file_bytes, at + 8, 4)) {
			u64 address = get(file_bytes, at, 8);
			u32 length = (u32)get(file_bytes, at + 8, 4);

			first = min_u64(first, address);
			end = address + length > end ? address + length : end;
			if (pass == 1)
				memcpy(place.bytes + (address - first), file_bytes + at + 16,
				       length);
		}
		if (pass == 0)
			place.bytes = calloc(1, end - first);
	}
	place.size = (u32)(end - first);
	place.address[ACPI_RSDP] = BASE + (get(file_bytes, 0, 8) - first);
	/* The view is at BASE: so is what the tables say. */
	put(placed(&place, ACPI_RSDP), 24, get(placed(&place, ACPI_RSDP), 24, 8) - first + BASE, 8);
	table_sum(placed(&place, ACPI_RSDP), ACPI_RSDP, 36);
	place.address[ACPI_XSDT] = get(placed(&place, ACPI_RSDP), 24, 8);
	place.length[ACPI_XSDT] = (u32)get(placed(&place, ACPI_XSDT), 4, 4);
	for (u32 at = 36; at < place.length[ACPI_XSDT]; at += 8)
		put(placed(&place, ACPI_XSDT), at,
		    get(placed(&place, ACPI_XSDT), at, 8) - first + BASE, 8);
	table_sum(placed(&place, ACPI_XSDT), ACPI_XSDT, place.length[ACPI_XSDT]);
	return place;
}

static void qemus_tables_become_its_tree(void **state)
{
	struct place place = qemu_place();
	struct tree tree = tree_of(&place);

	(void)state;
	assert_int_equal(acpi.processors, 2);
	assert_int_equal(acpi.gic_version, 3);
	assert_text(&tree, "/psci", "method", "hvc");
	assert_text(&tree, "/chosen", "stdout-path", "/serial@9000000");
	assert_bytes(&tree, "/cpus/cpu@1", "reg", "\0\0\0\0\0\0\0\1");
	/* As the machine's own device tree has it. */
	assert_bytes(&tree, "/intc@8000000", "reg",
		     "\0\0\0\0\x08\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\x08\x0a\0\0\0\0\0\0\0\xf6\0\0");
	free(tree.bytes);
	place_free(&place);
}

/* ---- what varies from machine to machine --------------------------------------------------- */

static void psci_is_called_as_the_fadt_says(void **state)
{
	static const enum psci_conduit conduit[] = { PSCI_NONE, PSCI_SMC, PSCI_NONE, PSCI_HVC };

	(void)state;
	for (u32 flags = 0; flags < ARRAY_SIZE(conduit); flags++) {
		struct tables tables = tables_default();
		struct place place;
		struct tree tree;

		put(tables.bytes[ACPI_FADT], 129, flags, 2);
		place = place_make(&tables, ACPI_SPCR);
		tree = tree_of(&place);
		assert_int_equal(acpi.psci, conduit[flags]);
		assert_int_equal(has_node(&tree, "/psci"), conduit[flags] != PSCI_NONE);
		assert_int_equal(tree_has(tree.bytes, "/cpus/cpu@0", "enable-method"),
				 conduit[flags] != PSCI_NONE);
		if (conduit[flags] == PSCI_SMC)
			assert_text(&tree, "/psci", "method", "smc");
		free(tree.bytes);
		place_free(&place);
	}
}

static struct tree tree_of_tables(const struct tables *tables)
{
	struct place place = place_make(tables, ACPI_SPCR);
	struct tree tree = tree_of(&place);

	place_free(&place);
	return tree;
}

/* Of tables of which not all are good. */
static struct tree tree_of_lossy(const struct tables *tables)
{
	struct fdt_edit edit = edit_make(NULL, 0);
	struct place place = place_make(tables, ACPI_SPCR);
	struct tree tree;

	assert_ok(open_at(&place, place.address[ACPI_RSDP]));
	assert_int_not_equal(acpi.lost_count, 0);
	tree = tree_write(&edit);
	place_free(&place);
	return tree;
}

#define SERIAL "/serial@9000000"

/* The SPCR alone, with a console of @type in @space at @address. */
static struct tables tables_with_spcr(u8 type, u8 space, u64 address)
{
	struct tables tables = tables_default();
	u8 *spcr = tables.bytes[ACPI_SPCR];

	tables.length[ACPI_DBG2] = 0;
	spcr[36] = type;
	spcr[40] = space;
	put(spcr, 44, address, 8);
	return tables;
}

struct console_case {
	u8 type, space;
	u64 address;
	enum acpi_console console;
	const char *compatible; /* the first one */
};

static void a_console_is_one_that_can_be_driven(void **state)
{
	static const struct console_case cases[] = {
		{ 0x03, 0, PL011, ACPI_CONSOLE_PL011, "arm,pl011" },
		{ 0x0d, 0, PL011, ACPI_CONSOLE_SBSA, "arm,sbsa-uart" },
		{ 0x0e, 0, PL011, ACPI_CONSOLE_SBSA, "arm,sbsa-uart" },
		{ 0x00, 0, PL011, ACPI_CONSOLE_16550, "ns16550a" },
		{ 0x01, 0, PL011, ACPI_CONSOLE_16550, "ns16550a" },
		{ 0x05, 0, PL011, ACPI_CONSOLE_16550, "ns16550a" },
		{ 0x12, 0, PL011, ACPI_CONSOLE_16550, "ns16550a" },
		{ 0x04, 0, PL011, ACPI_CONSOLE_MSM, "qcom,msm-uartdm-v1.4" },
		{ 0x09, 0, PL011, ACPI_CONSOLE_MSM, "qcom,msm-uartdm-v1.4" },
		{ 0x11, 0, PL011, ACPI_CONSOLE_GENI, "qcom,geni-debug-uart" },
		{ 0x13, 0, PL011, ACPI_CONSOLE_GENI, "qcom,geni-debug-uart" },
		{ 0x0a, 0, PL011, ACPI_CONSOLE_EXYNOS, "samsung,exynos4210-uart" },
		{ 0x0c, 0, PL011, ACPI_CONSOLE_IMX, "fsl,imx6q-uart" },
		{ 0x10, 0, PL011, ACPI_CONSOLE_BCM2835, "brcm,bcm2835-aux-uart" },
		{ 0x02, 0, PL011, ACPI_CONSOLE_UNKNOWN, NULL },
		{ 0x0f, 0, PL011, ACPI_CONSOLE_UNKNOWN, NULL },
		{ 0xff, 0, PL011, ACPI_CONSOLE_UNKNOWN, NULL },
		{ 0x03, 1, 0x3f8, ACPI_CONSOLE_UNKNOWN, NULL },
		{ 0x03, 0, 0, ACPI_CONSOLE_NONE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct console_case *the = &cases[i];
		struct tables tables = tables_with_spcr(the->type, the->space, the->address);
		struct tree tree = tree_of_tables(&tables);
		int node = fdt_path_offset(tree.bytes, SERIAL);

		assert_int_equal(acpi.uart.console, the->console);
		assert_int_equal(acpi.uart.type, the->type);
		assert_int_equal(acpi.uart.space, the->space);
		assert_int_equal(node >= 0, the->compatible != NULL);
		assert_int_equal(tree_has(tree.bytes, "/chosen", "stdout-path"),
				 the->compatible != NULL);
		if (the->compatible != NULL)
			assert_string_equal(fdt_getprop(tree.bytes, node, "compatible", NULL),
					    the->compatible);
		free(tree.bytes);
	}
}

/* It has not the registers that a PL011's driver would write to. */
static void an_sbsa_uart_is_not_called_a_pl011(void **state)
{
	struct tables tables = tables_with_spcr(0x0e, 0, PL011);
	struct tree tree = tree_of_tables(&tables);

	(void)state;
	assert_text(&tree, SERIAL, "compatible", "arm,sbsa-uart");
	free(tree.bytes);
}

static void a_16550_is_as_wide_as_its_address_says(void **state)
{
	static const struct {
		u8 type, bits, access, shift, width;
	} cases[] = {
		{ 0x12, 32, 3, 2, 4 }, { 0x12, 8, 1, 0, 1 },  { 0x12, 16, 2, 1, 2 },
		{ 0x12, 32, 1, 2, 1 }, { 0x12, 32, 2, 2, 2 }, { 0x12, 8, 3, 2, 4 },
		{ 0x12, 32, 0, 2, 4 }, { 0x12, 16, 0, 1, 2 }, { 0x12, 8, 0, 0, 1 },
		{ 0x12, 0, 0, 0, 1 },  { 0x12, 7, 0, 0, 1 },  { 0x12, 64, 4, 2, 4 },
		{ 0x00, 32, 3, 2, 4 }, { 0x00, 8, 1, 0, 1 },  { 0x01, 32, 0, 2, 4 },
		{ 0x05, 8, 1, 2, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tables tables = tables_with_spcr(cases[i].type, 0, PL011);
		struct tree tree;
		int node;

		tables.bytes[ACPI_SPCR][41] = cases[i].bits;
		tables.bytes[ACPI_SPCR][43] = cases[i].access;
		tree = tree_of_tables(&tables);
		node = fdt_path_offset(tree.bytes, SERIAL);
		assert_int_equal(((const u8 *)fdt_getprop(tree.bytes, node, "reg-shift", NULL))[3],
				 cases[i].shift);
		assert_int_equal(
			((const u8 *)fdt_getprop(tree.bytes, node, "reg-io-width", NULL))[3],
			cases[i].width);
		free(tree.bytes);
	}
}

static void a_consoles_interrupt_is_one_of_the_gics_or_none(void **state)
{
	static const struct {
		u8 type;
		u32 number;
		const char *cells;
	} cases[] = {
		{ 8, 33, "\0\0\0\0\0\0\0\1\0\0\0\4" },
		{ 8, 32, "\0\0\0\0\0\0\0\0\0\0\0\4" },
		{ 8, 31, "\0\0\0\1\0\0\0\xf\0\0\0\4" },
		{ 8, 1019, "\0\0\0\0\0\0\3\xdb\0\0\0\4" },
		{ 8, 0, NULL },
		{ 8, 15, NULL },
		{ 8, 1020, NULL },
		{ 8, 5000, NULL },
		{ 0, 33, NULL },
		{ 1, 33, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tables tables = tables_default();
		struct tree tree;

		tables.bytes[ACPI_SPCR][52] = cases[i].type;
		put(tables.bytes[ACPI_SPCR], 54, cases[i].number, 4);
		tree = tree_of_tables(&tables);
		assert_int_equal(tree_has(tree.bytes, SERIAL, "interrupts"),
				 cases[i].cells != NULL);
		if (cases[i].cells != NULL)
			assert_memory_equal(fdt_getprop(tree.bytes,
							fdt_path_offset(tree.bytes, SERIAL),
							"interrupts", NULL),
					    cases[i].cells, 12);
		free(tree.bytes);
	}
}

static void a_machine_without_spcr_and_dbg2_has_no_console(void **state)
{
	struct tables tables = tables_default();
	struct tree tree;

	(void)state;
	tables.length[ACPI_SPCR] = tables.length[ACPI_DBG2] = 0;
	tree = tree_of_tables(&tables);
	assert_int_equal(acpi.uart.console, ACPI_CONSOLE_NONE);
	assert_false(has_node(&tree, SERIAL));
	assert_false(tree_has(tree.bytes, "/chosen", "stdout-path"));
	free(tree.bytes);
}

/* ---- a debugger's port, where the SPCR has no console ---- */

#define OTHER_PORT 0x9ab0000

static void a_debug_port_is_the_console_only_where_the_spcr_names_none(void **state)
{
	struct tables tables = tables_default();
	u8 *spcr = tables.bytes[ACPI_SPCR];

	(void)state;
	dbg2_clear(&tables);
	debug_port(&tables, 0x8000, 0x12, OTHER_PORT);
	assert_ok(open_tables(&tables));
	assert_int_equal(acpi.uart.address, PL011);
	tables.length[ACPI_SPCR] = 0;
	assert_ok(open_tables(&tables));
	assert_int_equal(acpi.uart.address, OTHER_PORT);
	assert_int_equal(acpi.uart.console, ACPI_CONSOLE_16550);
	assert_int_equal(acpi.uart.shift, 2);
	assert_int_equal(acpi.uart.interrupt, 0);
	tables.length[ACPI_SPCR] = 80;
	spcr[36] = 0x15;
	assert_ok(open_tables(&tables));
	assert_int_equal(acpi.uart.address, OTHER_PORT);
	assert_int_equal(acpi.uart.interrupt, 0);
	spcr[36] = 3;
	put(spcr, 44, 0, 8);
	assert_ok(open_tables(&tables));
	assert_int_equal(acpi.uart.address, OTHER_PORT);
}

static void of_debug_ports_the_first_that_can_be_driven_counts(void **state)
{
	struct tables tables = tables_default();

	(void)state;
	tables.length[ACPI_SPCR] = 0;
	dbg2_clear(&tables);
	debug_port(&tables, 0x8003, 0, 0x1000); /* a network card */
	assert_ok(open_tables(&tables));
	assert_int_equal(acpi.uart.console, ACPI_CONSOLE_NONE);
	debug_port(&tables, 0x8000, 0x15, 0x2000);
	assert_ok(open_tables(&tables));
	assert_int_equal(acpi.uart.console, ACPI_CONSOLE_UNKNOWN);
	assert_int_equal(acpi.uart.type, 0x15);
	debug_port(&tables, 0x8000, 0x0e, 0x3000);
	debug_port(&tables, 0x8000, 0x03, 0x4000);
	assert_ok(open_tables(&tables));
	assert_int_equal(acpi.uart.console, ACPI_CONSOLE_SBSA);
	assert_int_equal(acpi.uart.address, 0x3000);
}

/* Where its address would be past the device's end, it has none. The device must be whole. */
static void a_debug_port_that_is_cut_is_no_console(void **state)
{
	struct tables tables = tables_default();
	u8 *device;

	(void)state;
	tables.length[ACPI_SPCR] = 0;
	dbg2_clear(&tables);
	device = debug_port(&tables, 0x8000, 0x03, PL011);
	for (u32 at = 29; at < 0x10000; at += at < 64 ? 1 : 4099) {
		put(device, 18, at, 2);
		assert_ok(open_tables(&tables));
		assert_int_equal(acpi.uart.console, ACPI_CONSOLE_NONE);
	}
	put(device, 18, 28, 2);
	assert_ok(open_tables(&tables));
	for (u32 size = 0; size < 100; size++) {
		put(device, 18, 22, 2);
		put(device, 1, size, 2);
		if (size < 22 || size > 40)
			assert_fault(open_tables(&tables), ACPI_DBG2, ACPI_BAD_ENTRY);
		else
			assert_ok(open_tables(&tables));
		assert_int_equal(acpi.uart.console == ACPI_CONSOLE_PL011, size >= 34 && size <= 40);
	}
	put(device, 1, 40, 2);
	for (u32 at = 45; at < 200; at++) {
		put(tables.bytes[ACPI_DBG2], 36, at, 4);
		put(tables.bytes[ACPI_DBG2], 40, 1000, 4);
		open_tables(&tables);
		assert_true(at < 63 || acpi.lost_count == 1);
	}
	put(tables.bytes[ACPI_DBG2], 36, 0xfffffff0, 4);
	assert_fault(open_tables(&tables), ACPI_DBG2, ACPI_BAD_ENTRY);
}

/* ---- timers, processors, interrupt controller ---- */

static void a_timer_that_is_not_there_keeps_its_place(void **state)
{
	struct tables tables = tables_default();
	struct tree tree;

	(void)state;
	timer(&tables, 0, 0, 0);
	timer(&tables, 3, 32, 0);
	tree = tree_of_tables(&tables);
	assert_bytes(&tree, "/timer", "interrupts",
		     "\0\0\0\1\0\0\xff\xff\0\0\0\4\0\0\0\1\0\0\0\xe\0\0\0\x8"
		     "\0\0\0\1\0\0\0\xb\0\0\0\1\0\0\0\1\0\0\xff\xff\0\0\0\4");
	free(tree.bytes);
}

static void processors_in_the_parking_protocol_are_left_out(void **state)
{
	struct tables tables = tables_bare();
	struct tree tree;

	(void)state;
	distributor(&tables, 3);
	redistributors(&tables, 0x80a0000, 0x40000);
	processor(&tables, 0, 1);
	put(processor(&tables, 1, 1), 16, 1, 4);
	tree = tree_of_tables(&tables);
	assert_int_equal(acpi.parked, 0); /* PSCI comes first */
	assert_true(has_node(&tree, "/cpus/cpu@1"));
	free(tree.bytes);
	put(tables.bytes[ACPI_FADT], 129, 0, 2);
	tree = tree_of_tables(&tables);
	assert_int_equal(acpi.parked, 1);
	assert_true(has_node(&tree, "/cpus/cpu@0"));
	assert_false(has_node(&tree, "/cpus/cpu@1"));
	free(tree.bytes);
}

static void every_processor_that_is_there_is_listed_and_no_other(void **state)
{
	static const struct {
		u64 mpidr;
		u32 flags;
		bool there;
	} processors[] = {
		{ 0x81000000, 0x1, true }, { 1, 0x9, true },	       { 2, 0x8, false },
		{ 3, 0x0, false },	   { 0x500, 0x7, true },       { 0x10203, 0x1, true },
		{ 0x1200010203, 1, true }, { 0x1200010204, 8, false },
	};
	struct tables tables = tables_bare();
	unsigned count = 0;
	struct tree tree;

	(void)state;
	distributor(&tables, 3);
	redistributors(&tables, 0x80a0000, 0x40000);
	for (unsigned i = 0; i < ARRAY_SIZE(processors); i++)
		processor(&tables, processors[i].mpidr, processors[i].flags);
	tree = tree_of_tables(&tables);
	for (unsigned i = 0; i < ARRAY_SIZE(processors); i++) {
		char path[32];

		snprintf(path, sizeof(path), "/cpus/cpu@%lx",
			 (unsigned long)(processors[i].mpidr & 0xff00ffffff));
		assert_int_equal(has_node(&tree, path), processors[i].there);
		count += processors[i].there;
	}
	assert_int_equal(acpi.processors, count);
	free(tree.bytes);
}

static void a_gic_of_version_2_has_a_processor_interface(void **state)
{
	(void)state;
	for (u8 version = 0; version <= 2; version++) {
		struct tables tables = tables_bare();
		struct tree tree;

		processor(&tables, 0, 1);
		put(processor(&tables, 1, 1), 32, 0x9990000, 8);
		distributor(&tables, version);
		tree = tree_of_tables(&tables);
		assert_int_equal(acpi.gic_version, 2);
		assert_text(&tree, "/intc@8000000", "compatible", "arm,cortex-a15-gic");
		assert_bytes(&tree, "/intc@8000000", "reg",
			     "\0\0\0\0\x08\0\0\0\0\0\0\0\0\0\x10\0"
			     "\0\0\0\0\x08\1\0\0\0\0\0\0\0\0\x20\0");
		free(tree.bytes);
	}
}

static void redistributors_may_stand_with_each_processor(void **state)
{
	(void)state;
	for (u8 version = 0; version <= 4; version += 4) {
		struct tables tables = tables_bare();
		struct tree tree;

		distributor(&tables, version);
		for (u32 i = 0; i < 3; i++)
			put(processor(&tables, i, i != 1), 60, 0x9000000 + i * 0x40000, 8);
		tree = tree_of_tables(&tables);
		assert_int_equal(acpi.redistributors, 2);
		assert_bytes(&tree, "/intc@8000000", "#redistributor-regions", "\0\0\0\2");
		if (version == 0)
			assert_bytes(&tree, "/intc@8000000", "reg",
				     "\0\0\0\0\x08\0\0\0\0\0\0\0\0\1\0\0"
				     "\0\0\0\0\x09\0\0\0\0\0\0\0\0\2\0\0"
				     "\0\0\0\0\x09\x08\0\0\0\0\0\0\0\2\0\0");
		else
			assert_bytes(&tree, "/intc@8000000", "reg",
				     "\0\0\0\0\x08\0\0\0\0\0\0\0\0\1\0\0"
				     "\0\0\0\0\x09\0\0\0\0\0\0\0\0\4\0\0"
				     "\0\0\0\0\x09\x08\0\0\0\0\0\0\0\4\0\0");
		free(tree.bytes);
	}
}

static void processors_redistributors_side_by_side_are_one_run(void **state)
{
	struct tables tables = tables_bare();
	struct tree tree;

	(void)state;
	distributor(&tables, 3);
	for (u32 i = 0; i < 10; i++)
		put(processor(&tables, i, 1), 60, 0x9000000 + i * 0x20000 + (i >= 5) * 0x100000, 8);
	tree = tree_of_tables(&tables);
	assert_int_equal(acpi.redistributors, 2);
	assert_bytes(&tree, "/intc@8000000", "#redistributor-regions", "\0\0\0\2");
	assert_bytes(&tree, "/intc@8000000", "reg",
		     "\0\0\0\0\x08\0\0\0\0\0\0\0\0\1\0\0"
		     "\0\0\0\0\x09\0\0\0\0\0\0\0\0\x0a\0\0"
		     "\0\0\0\0\x09\x1a\0\0\0\0\0\0\0\x0a\0\0");
	free(tree.bytes);
}

static void several_runs_of_redistributors_are_all_there(void **state)
{
	struct tables tables = tables_default();
	struct tree tree;

	(void)state;
	redistributors(&tables, 0x4000000000, 0x1000000);
	tree = tree_of_tables(&tables);
	assert_bytes(&tree, "/intc@8000000", "#redistributor-regions", "\0\0\0\2");
	assert_bytes(&tree, "/intc@8000000", "reg",
		     "\0\0\0\0\x08\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\x08\x0a\0\0\0\0\0\0\0\xf6\0\0"
		     "\0\0\0\x40\0\0\0\0\0\0\0\0\1\0\0\0");
	free(tree.bytes);
}

/* ---- what is refused ----------------------------------------------------------------------- */

/* Named, and gone without: what is left makes a tree. */
static void a_table_that_is_missing_is_named(void **state)
{
	static const struct place nothing;

	(void)state;
	for (enum acpi_table table = ACPI_FADT; table <= ACPI_GTDT; table++) {
		struct tables tables = tables_default();
		struct tree tree;

		tables.length[table] = 0;
		assert_fault(open_tables(&tables), table, ACPI_MISSING);
		assert_int_equal(acpi.lost_count, 1);
		tree = tree_of_lossy(&tables);
		assert_int_equal(has_node(&tree, "/psci"), table != ACPI_FADT);
		assert_int_equal(has_node(&tree, "/intc@8000000"), table != ACPI_MADT);
		assert_int_equal(has_node(&tree, "/cpus/cpu@0"), table != ACPI_MADT);
		assert_int_equal(has_node(&tree, "/timer"),
				 table != ACPI_GTDT && table != ACPI_MADT);
		assert_int_equal(tree_has(tree.bytes, SERIAL, "interrupts"), table != ACPI_MADT);
		free(tree.bytes);
	}
	assert_fault(open_at(&nothing, 0), ACPI_RSDP, ACPI_MISSING);
}

static void a_fault_says_where_the_table_is(void **state)
{
	struct tables tables = tables_default();
	struct place place = place_make(&tables, ACPI_SPCR);

	(void)state;
	placed(&place, ACPI_MADT)[20] ^= 1;
	assert_int_equal(open_place(&place).address, place.address[ACPI_MADT]);
	assert_int_equal(open_at(&place, NOBODY).address, NOBODY);
	place_free(&place);
}

static void a_table_outside_the_view_is_refused(void **state)
{
	struct tables tables = tables_default();
	struct place place = place_make(&tables, ACPI_SPCR);
	u64 ends[] = { BASE - 1, BASE - 36, BASE + place.size, ~(u64)0, ~(u64)0 - 35, 0x1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		assert_fault(open_at(&place, ends[i]), ACPI_RSDP, ACPI_UNREADABLE);
		put(placed(&place, ACPI_RSDP), 24, ends[i], 8);
		table_sum(placed(&place, ACPI_RSDP), ACPI_RSDP, 36);
		assert_fault(open_place(&place), ACPI_XSDT, ACPI_UNREADABLE);
	}
	place_free(&place);
}

/* The memory ends at each byte of the table that stands last: it is that table that is refused. */
static void a_table_cut_at_any_length_is_refused_by_name(void **state)
{
	struct tables tables = tables_default();

	(void)state;
	for (enum acpi_table last = ACPI_RSDP; last < TABLES; last++) {
		struct place whole = place_make(&tables, last);

		assert_ok(open_place(&whole));
		for (u32 cut = 1; cut <= whole.length[last]; cut++) {
			struct place place = whole;
			struct acpi_fault fault;

			place.size = whole.size - cut;
			place.bytes = malloc(place.size);
			memcpy(place.bytes, whole.bytes, place.size);
			fault = open_place(&place);
			/* One whose header is not there is no table at all. */
			if (cut > whole.length[last] - 36 &&
			    (last == ACPI_SPCR || last == ACPI_DBG2))
				assert_ok(fault);
			else if (cut > whole.length[last] - 36 && last >= ACPI_FADT)
				assert_fault(fault, last, ACPI_MISSING);
			else
				assert_fault(fault, last, ACPI_UNREADABLE);
			place_free(&place);
		}
		place_free(&whole);
	}
}

static void a_wrong_byte_anywhere_is_refused_by_name(void **state)
{
	struct tables tables = tables_default();
	struct place place = place_make(&tables, ACPI_SPCR);

	(void)state;
	for (enum acpi_table table = ACPI_RSDP; table < TABLES; table++) {
		for (u32 at = 0; at < place.length[table]; at++) {
			u8 *byte = placed(&place, table) + at;
			struct acpi_fault fault;

			*byte ^= 0x10;
			fault = open_place(&place);
			/* One with another signature is another table. */
			if ((table == ACPI_SPCR || table == ACPI_DBG2) && at < 4)
				assert_ok(fault);
			else if (fault.status == ACPI_OK || fault.table != table)
				fail_msg("%s byte %u", acpi_table_str(table), at);
			else if (at >= 36)
				assert_int_equal(fault.status, ACPI_BAD_CHECKSUM);
			*byte ^= 0x10;
		}
	}
	assert_ok(open_place(&place));
	place_free(&place);
}

static void each_of_the_two_checksums_of_the_rsdp_counts(void **state)
{
	struct tables tables = tables_default();
	struct place place = place_make(&tables, ACPI_SPCR);
	u8 *rsdp = placed(&place, ACPI_RSDP);

	(void)state;
	rsdp[9]++;
	rsdp[33]--;
	assert_fault(open_place(&place), ACPI_RSDP, ACPI_BAD_CHECKSUM);
	rsdp[9]--;
	assert_fault(open_place(&place), ACPI_RSDP, ACPI_BAD_CHECKSUM);
	rsdp[33]++;
	assert_ok(open_place(&place));
	place_free(&place);
}

static void a_signature_that_is_wrong_is_refused(void **state)
{
	struct tables tables = tables_default();

	(void)state;
	tables.bytes[ACPI_RSDP][7] = 'x';
	assert_fault(open_tables(&tables), ACPI_RSDP, ACPI_BAD_SIGNATURE);
	tables = tables_default();
	tables.bytes[ACPI_XSDT][0] = 'R';
	assert_fault(open_tables(&tables), ACPI_XSDT, ACPI_BAD_SIGNATURE);
}

/* The least length that each table can do with. */
static const u32 least[TABLES] = { 36, 36, 268, 44, 80, 80, 44 };

static void a_length_too_short_or_too_long_is_refused_by_name(void **state)
{
	struct tables tables = tables_default();

	(void)state;
	for (enum acpi_table table = ACPI_RSDP; table < TABLES; table++) {
		struct place place = place_make(&tables, ACPI_SPCR);
		u8 *bytes = placed(&place, table);
		u32 field = table == ACPI_RSDP ? 20 : 4;

		for (u32 length = 0; length < least[table]; length++) {
			put(bytes, field, length, 4);
			table_sum(bytes, table, length);
			assert_fault(open_place(&place), table, ACPI_BAD_LENGTH);
		}
		put(bytes, field, ACPI_TABLE_MAX + 1, 4);
		table_sum(bytes, table, 36);
		assert_fault(open_place(&place), table, ACPI_BAD_LENGTH);
		put(bytes, field, ~0u, 4);
		table_sum(bytes, table, 36);
		assert_fault(open_place(&place), table, ACPI_BAD_LENGTH);
		put(bytes, field, ACPI_TABLE_MAX, 4);
		table_sum(bytes, table, 36);
		assert_fault(open_place(&place), table, ACPI_UNREADABLE);
		place_free(&place);
	}
}

static void an_xsdt_that_is_not_whole_entries_is_refused(void **state)
{
	struct tables tables = tables_default();
	struct place place = place_make(&tables, ACPI_SPCR);
	u8 *xsdt = placed(&place, ACPI_XSDT);

	(void)state;
	for (u32 less = 1; less < 8; less++) {
		put(xsdt, 4, place.length[ACPI_XSDT] - less, 4);
		table_sum(xsdt, ACPI_XSDT, place.length[ACPI_XSDT] - less);
		assert_fault(open_place(&place), ACPI_XSDT, ACPI_BAD_LENGTH);
	}
	place_free(&place);
}

static void revisions_from_before_arm64_are_not_believed(void **state)
{
	static const struct {
		u8 major, minor;
		enum acpi_status status;
	} cases[] = {
		{ 4, 1, ACPI_BAD_REVISION },
		{ 5, 0, ACPI_BAD_REVISION },
		{ 5, 0x10, ACPI_BAD_REVISION },
		{ 5, 1, ACPI_OK },
		{ 6, 0, ACPI_OK },
	};
	struct tables tables = tables_default();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tables.bytes[ACPI_FADT][8] = cases[i].major;
		tables.bytes[ACPI_FADT][131] = cases[i].minor;
		assert_int_equal(open_tables(&tables).status, cases[i].status);
	}
	tables = tables_default();
	tables.bytes[ACPI_RSDP][15] = 0;
	assert_fault(open_tables(&tables), ACPI_RSDP, ACPI_BAD_REVISION);
}

/* The MADT ends at each of its bytes, its length and checksum being right. */
static void a_madt_that_ends_inside_an_entry_is_refused(void **state)
{
	struct tables tables = tables_default();
	u32 whole = tables.length[ACPI_MADT], gicr = whole - 16, last_gicc = gicr - 80;

	(void)state;
	for (u32 length = 44; length < whole; length++) {
		bool at_edge = length == 44;
		struct acpi_fault fault;

		for (u32 at = 44; at < whole; at += tables.bytes[ACPI_MADT][at + 1])
			at_edge |= at == length;
		tables.length[ACPI_MADT] = length;
		fault = open_tables(&tables);
		if (!at_edge)
			assert_fault(fault, ACPI_MADT, ACPI_BAD_ENTRY);
		else if (length <= 44 + 24)
			assert_fault(fault, ACPI_MADT, ACPI_NO_PROCESSOR);
		else
			assert_fault(fault, ACPI_MADT, ACPI_NO_GIC);
		assert_true(last_gicc < whole);
	}
}

static void an_entry_shorter_than_its_type_is_refused(void **state)
{
	static const struct {
		u8 type, least;
	} entries[] = { { 0x0b, 76 }, { 0x0c, 24 }, { 0x0e, 16 }, { 0x7f, 2 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		for (u32 length = 0; length < 80; length++) {
			struct tables tables = tables_default();
			u8 *bytes = entry(&tables, entries[i].type, 80);

			bytes[1] = (u8)length;
			/* The rest of it is an entry, too. */
			if (length >= 2 && length <= 78) {
				bytes[length] = 0x7f;
				bytes[length + 1] = (u8)(80 - length);
			}
			if (length < entries[i].least)
				assert_fault(open_tables(&tables), ACPI_MADT, ACPI_BAD_ENTRY);
			else if (length <= 78)
				assert_ok(open_tables(&tables));
		}
	}
}

static void a_machine_without_processors_or_gic_is_named(void **state)
{
	struct tables tables = tables_bare();

	(void)state;
	assert_fault(open_tables(&tables), ACPI_MADT, ACPI_NO_PROCESSOR);
	distributor(&tables, 3);
	processor(&tables, 0, 0);
	redistributors(&tables, 0x80a0000, 0x20000);
	assert_fault(open_tables(&tables), ACPI_MADT, ACPI_NO_PROCESSOR);
	processor(&tables, 0, 1);
	assert_ok(open_tables(&tables));

	tables = tables_bare();
	processor(&tables, 0, 1);
	assert_fault(open_tables(&tables), ACPI_MADT, ACPI_NO_GIC);
	distributor(&tables, 3);
	assert_fault(open_tables(&tables), ACPI_MADT, ACPI_NO_GIC);
	redistributors(&tables, 0, 0x20000);
	assert_fault(open_tables(&tables), ACPI_MADT, ACPI_NO_GIC);

	tables = tables_bare();
	put(processor(&tables, 0, 1), 32, 0, 8);
	distributor(&tables, 2);
	assert_fault(open_tables(&tables), ACPI_MADT, ACPI_NO_GIC);
}

/* Its entries are of other types: the processors are known, and of interrupts nothing is. */
static void a_gic_of_version_5_costs_interrupts_alone(void **state)
{
	struct tables tables = tables_bare();
	struct tree tree;

	(void)state;
	processor(&tables, 0, 1);
	entry(&tables, 0x1c, 40);
	assert_fault(open_tables(&tables), ACPI_MADT, ACPI_NO_GIC);
	assert_string_equal(acpi_loss_str(&acpi.lost[0]), "interrupts");
	tree = tree_of_lossy(&tables);
	assert_true(has_node(&tree, "/cpus/cpu@0"));
	assert_true(has_node(&tree, SERIAL));
	assert_true(has_node(&tree, "/psci"));
	assert_false(has_node(&tree, "/timer"));
	assert_false(tree_has(tree.bytes, SERIAL, "interrupts"));
	assert_false(tree_has(tree.bytes, "/", "interrupt-parent"));
	free(tree.bytes);
}

/* Four of them broken: four are named, in the order in which they are read. */
static void every_broken_table_costs_what_it_would_have_said(void **state)
{
	struct tables tables = tables_default();
	struct place place = place_make(&tables, ACPI_MADT);
	struct fdt_edit edit = edit_make(NULL, 0);
	struct tree tree;

	(void)state;
	for (enum acpi_table table = ACPI_FADT; table < TABLES; table++)
		placed(&place, table)[20] ^= 1;
	assert_ok(open_at(&place, place.address[ACPI_RSDP]));
	assert_int_equal(acpi.lost_count, TABLES - ACPI_FADT);
	for (u32 i = 0; i < acpi.lost_count; i++) {
		assert_int_equal(acpi.lost[i].table, ACPI_FADT + i);
		assert_int_equal(acpi.lost[i].status, ACPI_BAD_CHECKSUM);
	}
	tree = tree_write(&edit);
	assert_true(has_node(&tree, "/memory@40000000"));
	assert_true(has_node(&tree, "/cpus"));
	free(tree.bytes);
	place_free(&place);
}

static void of_acpis_machines_no_words_speak_of_an_fdt(void **state)
{
	static const char *const words[][2] = {
		{ "the FDT has no kaslr-seed", "ACPI has no kaslr-seed" },
		{ "the FDT's is used", "ACPI's is used" },
		{ "no timer in the FDT, nor a GIC", "no timer in ACPI, nor a GIC" },
		{ "its interrupt does not come", "its interrupt does not come" },
		{ "of the FDT", "of ACPI" },
		{ "", "" },
	};
	char longer[2 * SOURCE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		assert_string_equal(source_text(true, words[i][0]).text, words[i][1]);
		assert_string_equal(source_text(false, words[i][0]).text, words[i][0]);
	}
	for (size_t length = SOURCE_TEXT_MAX - 10; length < SOURCE_TEXT_MAX + 10; length++) {
		memset(longer, 'x', length);
		strcpy(longer + length, "the FDT");
		assert_true(strlen(source_text(true, longer).text) < SOURCE_TEXT_MAX);
		assert_memory_equal(source_text(true, longer).text, longer, SOURCE_TEXT_MAX - 10);
	}
}

static void everything_has_words_of_its_own(void **state)
{
	(void)state;
	for (int i = ACPI_OK; i <= ACPI_NO_GIC; i++) {
		const char *words = acpi_status_str((enum acpi_status)i);

		assert_true(strlen(words) > 0 && words[strlen(words) - 1] != '.');
		for (int j = ACPI_OK; j < i; j++)
			assert_string_not_equal(words, acpi_status_str((enum acpi_status)j));
	}
	for (int i = ACPI_RSDP; i < ACPI_TABLES; i++) {
		struct acpi_fault fault = { ACPI_MISSING, (enum acpi_table)i, 0 };

		assert_int_equal(strlen(acpi_table_str((enum acpi_table)i)), 4);
		assert_true(strlen(acpi_loss_str(&fault)) > 3);
	}
}

/* ---- random damage ------------------------------------------------------------------------- */

static void damage(struct random *random, struct place *place)
{
	for (unsigned i = 1 + random_below(random, 4); i > 0; i--) {
		enum acpi_table table = random_below(random, TABLES);
		u32 at = random_below(random, place->length[table]);
		u8 *bytes = placed(place, table);

		/* Most of it where the numbers are, and not in names. */
		if (table == ACPI_MADT && random_below(random, 4) != 0)
			at = 44 + random_below(random, place->length[table] - 44);
		bytes[at] = (u8)(random_next(random) >> random_below(random, 8));
		if (random_below(random, 8) != 0)
			table_sum(bytes, table, place->length[table]);
	}
}

static void damaged_tables_are_refused_or_make_a_good_tree(void **state)
{
	struct tables tables = tables_default();
	struct random random = random_start();
	struct fdt_edit edit = edit_make(NULL, 0);
	u32 seen[ACPI_NO_GIC + 1] = { 0 };

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct place place = place_make(&tables, random_below(&random, TABLES));
		struct acpi_fault fault;

		damage(&random, &place);
		fault = open_place(&place);
		seen[fault.status]++;
		if (fault.table != ACPI_RSDP &&
		    (fault.table != ACPI_XSDT || fault.status == ACPI_OK))
			free(tree_write(&edit).bytes);
		place_free(&place);
	}
	/* The damage must not be all of one kind. */
	assert_in_range(seen[ACPI_OK], 1000, 19000);
	assert_int_not_equal(seen[ACPI_UNREADABLE], 0);
	assert_int_not_equal(seen[ACPI_BAD_LENGTH], 0);
	assert_int_not_equal(seen[ACPI_BAD_CHECKSUM], 0);
	assert_int_not_equal(seen[ACPI_BAD_ENTRY], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_becomes_a_tree),
		cmocka_unit_test(the_early_runtime_boots_from_the_tree),
		cmocka_unit_test(settings_come_first_and_take_the_place_of_ours),
		cmocka_unit_test(a_tree_that_does_not_fit_is_refused),
		cmocka_unit_test(qemus_tables_become_its_tree),
		cmocka_unit_test(psci_is_called_as_the_fadt_says),
		cmocka_unit_test(a_console_is_one_that_can_be_driven),
		cmocka_unit_test(an_sbsa_uart_is_not_called_a_pl011),
		cmocka_unit_test(a_16550_is_as_wide_as_its_address_says),
		cmocka_unit_test(a_consoles_interrupt_is_one_of_the_gics_or_none),
		cmocka_unit_test(a_machine_without_spcr_and_dbg2_has_no_console),
		cmocka_unit_test(a_debug_port_is_the_console_only_where_the_spcr_names_none),
		cmocka_unit_test(of_debug_ports_the_first_that_can_be_driven_counts),
		cmocka_unit_test(a_debug_port_that_is_cut_is_no_console),
		cmocka_unit_test(a_timer_that_is_not_there_keeps_its_place),
		cmocka_unit_test(processors_in_the_parking_protocol_are_left_out),
		cmocka_unit_test(every_processor_that_is_there_is_listed_and_no_other),
		cmocka_unit_test(a_gic_of_version_2_has_a_processor_interface),
		cmocka_unit_test(redistributors_may_stand_with_each_processor),
		cmocka_unit_test(processors_redistributors_side_by_side_are_one_run),
		cmocka_unit_test(several_runs_of_redistributors_are_all_there),
		cmocka_unit_test(a_table_that_is_missing_is_named),
		cmocka_unit_test(a_fault_says_where_the_table_is),
		cmocka_unit_test(a_table_outside_the_view_is_refused),
		cmocka_unit_test(a_table_cut_at_any_length_is_refused_by_name),
		cmocka_unit_test(a_wrong_byte_anywhere_is_refused_by_name),
		cmocka_unit_test(each_of_the_two_checksums_of_the_rsdp_counts),
		cmocka_unit_test(a_signature_that_is_wrong_is_refused),
		cmocka_unit_test(a_length_too_short_or_too_long_is_refused_by_name),
		cmocka_unit_test(an_xsdt_that_is_not_whole_entries_is_refused),
		cmocka_unit_test(revisions_from_before_arm64_are_not_believed),
		cmocka_unit_test(a_madt_that_ends_inside_an_entry_is_refused),
		cmocka_unit_test(an_entry_shorter_than_its_type_is_refused),
		cmocka_unit_test(a_machine_without_processors_or_gic_is_named),
		cmocka_unit_test(a_gic_of_version_5_costs_interrupts_alone),
		cmocka_unit_test(every_broken_table_costs_what_it_would_have_said),
		cmocka_unit_test(of_acpis_machines_no_words_speak_of_an_fdt),
		cmocka_unit_test(everything_has_words_of_its_own),
		cmocka_unit_test(damaged_tables_are_refused_or_make_a_good_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
