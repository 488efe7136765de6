// SPDX-License-Identifier: MIT
/*
 * ACPI's tables: what is refused is refused with a reason; what is taken becomes a device tree that
 * libfdt and Pagoda's reader find good, with the processors that were counted, whatever the size of
 * the buffer. Tables lie in memory of their own size, so that a read beyond is seen. Host only.
 *
 *   input   flags; how the XSDT lists tables; then, for each, a length of two bytes and its bytes.
 *           Without FLAG_RAW, addresses, lengths, signatures and checksums are made to fit.
 */
#include <pagoda/kernel/firmware/acpi.h>

#include "fuzz.h"

/* libfdt's. Its header's other names are those of Pagoda's. */
int fdt_check_full(const void *tree, size_t size);

#define TABLES ACPI_TABLES
#define BASE 0x7fff12340018 /* of the memory that the tables are in; only a multiple of 8 */
#define MEMORY_MAX KIB(256)

enum flag {
	FLAG_RAW = 1, /* nothing is mended */
	FLAG_SUMS = 2, /* of what is mended, not the checksums */
	FLAG_TWICE = 4, /* the XSDT lists its tables once more */
	FLAG_SMALL = 8, /* the device tree has too small a buffer */
	FLAG_SPCR_LAST = 16, /* in memory and in the input; else the MADT is */
	FLAG_DBG2_LAST = 32, /* behind both, and with it the GTDT; else neither is there */
};

static const char signatures[TABLES][9] = { "RSD PTR ", "XSDT", "FACP", "APIC",
					    "GTDT",	"SPCR", "DBG2" };

/* What firmware has in memory. */
static struct {
	u8 bytes[MEMORY_MAX];
	u32 size;
	u32 at[TABLES], length[TABLES];
} memory;

static void put(u32 at, u64 number, u32 size)
{
	for (u32 i = 0; i < size && at + i < memory.size; i++)
		memory.bytes[at + i] = (u8)(number >> 8 * i);
}

/* As much of the table as the input says and has, from a multiple of 8 on. */
static void take_table(struct fuzz_input *input, enum acpi_table table)
{
	uint16_t length;

	fuzz_take(input, &length, sizeof(length));
	if (length > input->size)
		length = (uint16_t)input->size;
	memory.at[table] = (u32)align_up(memory.size, 8);
	memory.length[table] = length;
	memory.size = memory.at[table] + length;
	fuzz_take(input, memory.bytes + memory.at[table], length);
}

static void mend_sum(enum acpi_table table, u32 length, u32 place)
{
	u8 total = 0;

	if (length <= place)
		return;
	put(memory.at[table] + place, 0, 1);
	for (u32 i = 0; i < length; i++)
		total = (u8)(total + memory.bytes[memory.at[table] + i]);
	put(memory.at[table] + place, (u8)-total, 1);
}

/* Entries of the XSDT that the input's own are overwritten by, the first ones. */
static void mend_xsdt(unsigned rounds)
{
	u32 at = memory.at[ACPI_XSDT] + 36, end = memory.at[ACPI_XSDT] + memory.length[ACPI_XSDT];

	for (unsigned round = 0; round < rounds; round++)
		for (enum acpi_table table = ACPI_FADT; table < TABLES && at + 8 <= end;
		     table++, at += 8)
			put(at, BASE + memory.at[table], 8);
}

static void mend_table(enum acpi_table table, bool sums)
{
	u32 at = memory.at[table], length = memory.length[table];

	for (u32 i = 0; i < strlen(signatures[table]) && i < length; i++)
		memory.bytes[at + i] = (u8)signatures[table][i];
	if (length >= 36)
		put(at + (table == ACPI_RSDP ? 20 : 4), length, 4);
	if (table == ACPI_RSDP && length >= 32)
		put(at + 24, BASE + memory.at[ACPI_XSDT], 8);
	if (!sums)
		return;
	if (table == ACPI_RSDP) {
		mend_sum(table, length < 20 ? length : 20, 8);
		mend_sum(table, length, 32);
	} else {
		mend_sum(table, length, 9);
	}
}

static void build(struct fuzz_input *input, uint8_t flags)
{
	bool spcr_last = flags & FLAG_SPCR_LAST;

	memset(&memory, 0, sizeof(memory));
	take_table(input, ACPI_RSDP);
	take_table(input, ACPI_XSDT);
	take_table(input, ACPI_FADT);
	take_table(input, spcr_last ? ACPI_MADT : ACPI_SPCR);
	take_table(input, spcr_last ? ACPI_SPCR : ACPI_MADT);
	if (flags & FLAG_DBG2_LAST) {
		take_table(input, ACPI_GTDT);
		take_table(input, ACPI_DBG2);
	}
	if (flags & FLAG_RAW)
		return;
	mend_xsdt(flags & FLAG_TWICE ? 2 : 1);
	for (enum acpi_table table = ACPI_RSDP; table < TABLES; table++)
		mend_table(table, !(flags & FLAG_SUMS));
}

static void check_fault(const struct acpi_fault *fault)
{
	FUZZ_CHECK(fault->status <= ACPI_NO_GIC && fault->table < ACPI_TABLES, "fault %d of %d",
		   fault->status, fault->table);
	FUZZ_CHECK((fault->table != ACPI_SPCR && fault->table != ACPI_DBG2) ||
			   fault->status != ACPI_MISSING,
		   "a console is asked for");
}

static void check_tree(const struct acpi *acpi, const void *blob, u32 size)
{
	struct fdt_cursor cursor;
	struct fdt_event event;
	enum fdt_status status;
	u32 processors = 0;
	struct fdt fdt;

	FUZZ_CHECK(fdt_check_full(blob, size) == 0, "libfdt finds the tree wrong");
	FUZZ_CHECK(fdt_open(&fdt, blob) == FDT_OK, "the tree cannot be opened");
	for (cursor = fdt_begin(&fdt); (status = fdt_next(&cursor, &event)) == FDT_OK;)
		processors += event.token == FDT_BEGIN_NODE && strncmp(event.name, "cpu@", 4) == 0;
	FUZZ_CHECK(status == FDT_END, "the tree ends with %s", fdt_status_str(status));
	FUZZ_CHECK(processors == acpi->processors - acpi->parked, "%u processors of %u, %u parked",
		   processors, acpi->processors, acpi->parked);
}

/* @small: a buffer that the input chooses; else one as large as the header says is enough. */
static void write_tree(const struct acpi *acpi, struct fuzz_input *input, bool small)
{
	static const struct memory_range ram = { { 0x40000000 }, { 0x80000000 }, MEMORY_RAM };
	const struct fdt_edit edit = { .memory = &ram, .memory_count = 1 };
	u32 enough = (u32)acpi_fdt_room(acpi) + FDT_EDIT_ROOM + 16, written = 0;
	uint16_t less = 0;
	enum fdt_write_status status;
	void *buffer;

	if (small)
		fuzz_take(input, &less, sizeof(less));
	enough -= less < enough ? less : enough;
	buffer = malloc(enough);
	status = acpi_write_fdt(acpi, &edit, buffer, enough, &written);
	FUZZ_CHECK(status == FDT_WRITE_OK || (less != 0 && status == FDT_WRITE_NO_ROOM),
		   "not written in %u bytes: %s", enough, fdt_write_status_str(status));
	if (status == FDT_WRITE_OK) {
		FUZZ_CHECK(written <= enough, "%u bytes written of %u", written, enough);
		check_tree(acpi, buffer, written);
	}
	free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct memory_range range[2] = { { { 0x1000 }, { 0x1000 }, MEMORY_RESERVED } };
	uint8_t flags = fuzz_byte(&input);
	struct acpi_fault fault;
	struct acpi_view view;
	struct acpi acpi;
	u8 *exact;

	memset(&acpi, 0xa5, sizeof(acpi));
	build(&input, flags);
	exact = fuzz_exact(memory.bytes, memory.size);
	range[1] = (struct memory_range){ { BASE }, { BASE + memory.size }, MEMORY_RESERVED };
	view = (struct acpi_view){ .range = range,
				   .count = 2,
				   .phys_offset = (u64)(uintptr_t)exact - BASE };
	fault = acpi_open(&acpi, &view, BASE + memory.at[ACPI_RSDP]);
	check_fault(&fault);
	FUZZ_CHECK(fault.status == ACPI_OK || fault.table <= ACPI_XSDT, "%s costs the boot",
		   acpi_table_str(fault.table));
	for (u32 i = 0; i < acpi.lost_count; i++)
		check_fault(&acpi.lost[i]);
	if (fault.status == ACPI_OK)
		write_tree(&acpi, &input, flags & FLAG_SMALL);
	free(exact);
	return 0;
}
