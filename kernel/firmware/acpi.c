// SPDX-License-Identifier: MIT
/*
 * ACPI's tables, as far as a device tree for the early runtime needs them: found, checked, read.
 * Runs in the EFI stub before relocation, in the kernel as long as that has its init code, and on
 * the host. May not use: absolute addresses, .bss, unaligned accesses, instructions a host compiler
 * cannot build.
 *
 *   RSDP -> XSDT -> FADT ("FACP")  the boot flags for Arm: PSCI, and how to call it
 *                   MADT ("APIC")  kernel/firmware/acpi_madt.c
 *                   GTDT           the timers' interrupts
 *                   SPCR, DBG2     kernel/firmware/acpi_console.c; not every machine has them
 */
#include <pagoda/kernel/firmware/acpi_table.h>
#include <pagoda/lib/string.h>

#define HEADER_SIZE 36 /* what every table but the RSDP begins with */
#define SIGNATURE_SIZE 4

/* Byte offsets in the tables (ACPI 6.5, 5.2). */
enum field {
	RSDP_REVISION = 15,
	RSDP_LENGTH = 20,
	RSDP_XSDT = 24,
	RSDP_SIZE = 36,
	RSDP_SIZE_OLD = 20, /* what the first of its two checksums is about */
	TABLE_LENGTH = 4,
	TABLE_REVISION = 8,
	FADT_ARM_BOOT_ARCH = 129,
	FADT_MINOR_REVISION = 131,
	FADT_SIZE = 268, /* of revision 5 */
	GTDT_TIMERS = 48, /* for each, the interrupt's number, and flags */
	GTDT_TIMER_SIZE = 8,
	GTDT_SIZE = GTDT_TIMERS + ACPI_TIMERS * GTDT_TIMER_SIZE,
	SPCR_SIZE = 80,
	DBG2_SIZE = 44,
};

#define ARM_BOOT_PSCI BIT(0)
#define ARM_BOOT_HVC BIT(1)

const char *acpi_status_str(enum acpi_status status)
{
	switch (status) {
	case ACPI_OK:
		return "ok";
	case ACPI_MISSING:
		return "not there";
	case ACPI_UNREADABLE:
		return "outside the memory that firmware keeps tables in";
	case ACPI_BAD_SIGNATURE:
		return "signature wrong";
	case ACPI_BAD_REVISION:
		return "revision too old";
	case ACPI_BAD_LENGTH:
		return "length wrong";
	case ACPI_BAD_CHECKSUM:
		return "checksum wrong";
	case ACPI_BAD_ENTRY:
		return "entry cut or too short";
	case ACPI_NO_PROCESSOR:
		return "no processor enabled";
	case ACPI_NO_GIC:
		return "no complete interrupt controller";
	}
	return "unknown ACPI status";
}

const char *acpi_table_str(enum acpi_table table)
{
	switch (table) {
	case ACPI_RSDP:
		return "RSDP";
	case ACPI_XSDT:
		return "XSDT";
	case ACPI_FADT:
		return "FADT";
	case ACPI_MADT:
		return "MADT";
	case ACPI_GTDT:
		return "GTDT";
	case ACPI_SPCR:
		return "SPCR";
	case ACPI_DBG2:
		return "DBG2";
	}
	return "unknown table";
}

const char *acpi_loss_str(const struct acpi_fault *fault)
{
	switch (fault->table) {
	case ACPI_RSDP:
	case ACPI_XSDT:
		return "any table";
	case ACPI_FADT:
		return "PSCI";
	case ACPI_MADT:
		if (fault->status == ACPI_NO_PROCESSOR)
			return "a list of processors";
		return fault->status == ACPI_NO_GIC ? "interrupts" : "processors and interrupts";
	case ACPI_GTDT:
		return "timer interrupts";
	case ACPI_SPCR:
	case ACPI_DBG2:
		return "the console that it names";
	}
	return "it";
}

/* The bytes of a table add up to zero. */
static bool sum_is_zero(const u8 *data, u32 size)
{
	u8 sum = 0;

	for (u32 i = 0; i < size; i++)
		sum = (u8)(sum + data[i]);
	return sum == 0;
}

/* @size bytes at @address, or null where they are not inside one of the ranges. */
static const u8 *view_get(const struct acpi_view *view, u64 address, u32 size)
{
	if (view->fetch != NULL)
		return view->fetch(view->context, address, size);
	for (u32 i = 0; i < view->count; i++) {
		u64 start = view->range[i].start.value, end = view->range[i].end.value;

		if (address >= start && address < end && size <= end - address)
			return (const u8 *)(uintptr_t)(address + view->phys_offset);
	}
	return NULL;
}

/* A table that was looked at: where it is, and its bytes once they have been checked. */
struct table {
	enum acpi_table name;
	u64 address;
	const u8 *data;
	u32 length;
};

static struct acpi_fault fault(const struct table *table, enum acpi_status status)
{
	return (struct acpi_fault){ status, table->name, table->address };
}

/* Does the header at @data have this table's signature? */
static bool signature_is(const u8 *data, enum acpi_table table)
{
	switch (table) {
	case ACPI_RSDP:
		return memcmp(data, "RSD PTR ", 8) == 0;
	case ACPI_XSDT:
		return memcmp(data, "XSDT", SIGNATURE_SIZE) == 0;
	case ACPI_FADT:
		return memcmp(data, "FACP", SIGNATURE_SIZE) == 0;
	case ACPI_MADT:
		return memcmp(data, "APIC", SIGNATURE_SIZE) == 0;
	case ACPI_GTDT:
		return memcmp(data, "GTDT", SIGNATURE_SIZE) == 0;
	case ACPI_SPCR:
		return memcmp(data, "SPCR", SIGNATURE_SIZE) == 0;
	case ACPI_DBG2:
		return memcmp(data, "DBG2", SIGNATURE_SIZE) == 0;
	}
	return false;
}

/* Read @table, whose header's length stands at @length_offset, and which has @least bytes. */
static enum acpi_status table_read(const struct acpi_view *view, struct table *table,
				   u32 length_offset, u32 least)
{
	const u8 *data = view_get(view, table->address, HEADER_SIZE);

	if (data == NULL)
		return ACPI_UNREADABLE;
	if (!signature_is(data, table->name))
		return ACPI_BAD_SIGNATURE;
	table->length = number32(data + length_offset);
	if (table->length < least || table->length > ACPI_TABLE_MAX)
		return ACPI_BAD_LENGTH;
	data = view_get(view, table->address, table->length);
	if (data == NULL)
		return ACPI_UNREADABLE;
	if (!sum_is_zero(data, table->length))
		return ACPI_BAD_CHECKSUM;
	table->data = data;
	return ACPI_OK;
}

static enum acpi_status rsdp_read(const struct acpi_view *view, struct table *rsdp)
{
	const u8 *data = view_get(view, rsdp->address, RSDP_SIZE_OLD);

	if (rsdp->address == 0)
		return ACPI_MISSING;
	/* Before revision 2 it ends here, and has no length. */
	if (data == NULL)
		return ACPI_UNREADABLE;
	if (!signature_is(data, ACPI_RSDP))
		return ACPI_BAD_SIGNATURE;
	if (!sum_is_zero(data, RSDP_SIZE_OLD))
		return ACPI_BAD_CHECKSUM;
	if (data[RSDP_REVISION] < 2)
		return ACPI_BAD_REVISION;
	return table_read(view, rsdp, RSDP_LENGTH, RSDP_SIZE);
}

static enum acpi_status xsdt_read(const struct acpi_view *view, struct table *xsdt)
{
	enum acpi_status status = table_read(view, xsdt, TABLE_LENGTH, HEADER_SIZE);

	if (status == ACPI_OK && (xsdt->length - HEADER_SIZE) % sizeof(u64) != 0)
		return ACPI_BAD_LENGTH;
	return status;
}

/*
 * The first table that the XSDT lists under @table's name. An entry that leads nowhere is not that
 * of a table that is needed, or else that one will be missed.
 */
static enum acpi_status table_find(const struct acpi_view *view, const struct table *xsdt,
				   struct table *table, u32 least)
{
	for (u32 at = HEADER_SIZE; at < xsdt->length; at += sizeof(u64)) {
		const u8 *data;

		table->address = number64(xsdt->data + at);
		data = view_get(view, table->address, HEADER_SIZE);
		if (data != NULL && signature_is(data, table->name))
			return table_read(view, table, TABLE_LENGTH, least);
	}
	table->address = 0;
	return ACPI_MISSING;
}

static enum acpi_status fadt_read(struct acpi *acpi, const struct table *fadt)
{
	u64 flags = number(fadt->data + FADT_ARM_BOOT_ARCH, sizeof(u16));
	u8 major = fadt->data[TABLE_REVISION];

	/* The minor revision is in the low half; the high half counts errata. */
	if (major < 5 || (major == 5 && (fadt->data[FADT_MINOR_REVISION] & 0xf) < 1))
		return ACPI_BAD_REVISION;
	if (flags & ARM_BOOT_PSCI)
		acpi->psci = flags & ARM_BOOT_HVC ? PSCI_HVC : PSCI_SMC;
	return ACPI_OK;
}

static enum acpi_status gtdt_read(struct acpi *acpi, const struct table *gtdt)
{
	for (u32 i = 0; i < ACPI_TIMERS; i++) {
		const u8 *timer = gtdt->data + GTDT_TIMERS + i * GTDT_TIMER_SIZE;

		acpi->timer[i].interrupt = number32(timer);
		acpi->timer[i].flags = number32(timer + sizeof(u32));
	}
	acpi->has_timers = true;
	return ACPI_OK;
}

/* The least that a table has which is in the XSDT. */
static u32 table_least(enum acpi_table name)
{
	switch (name) {
	case ACPI_FADT:
		return FADT_SIZE;
	case ACPI_MADT:
		return MADT_ENTRIES;
	case ACPI_GTDT:
		return GTDT_SIZE;
	case ACPI_SPCR:
		return SPCR_SIZE;
	case ACPI_DBG2:
		return DBG2_SIZE;
	case ACPI_RSDP:
	case ACPI_XSDT:
		break;
	}
	return HEADER_SIZE;
}

static enum acpi_status contents_read(struct acpi *acpi, const struct table *table)
{
	switch (table->name) {
	case ACPI_FADT:
		return fadt_read(acpi, table);
	case ACPI_MADT:
		return acpi_madt_read(acpi, table->data, table->length);
	case ACPI_GTDT:
		return gtdt_read(acpi, table);
	case ACPI_SPCR:
		acpi_spcr_read(acpi, table->data);
		return ACPI_OK;
	case ACPI_DBG2:
		/* For debuggers: what is named as the console comes first. */
		return acpi_has_console(&acpi->uart) ?
			       ACPI_OK :
			       acpi_dbg2_read(acpi, table->data, table->length);
	case ACPI_RSDP:
	case ACPI_XSDT:
		break;
	}
	return ACPI_OK;
}

/* Every machine has the others; these, only some. */
static bool may_miss(enum acpi_table name)
{
	return name == ACPI_SPCR || name == ACPI_DBG2;
}

struct acpi_fault acpi_open(struct acpi *acpi, const struct acpi_view *view, u64 rsdp_address)
{
	struct table rsdp = { .name = ACPI_RSDP, .address = rsdp_address };
	struct table xsdt = { .name = ACPI_XSDT };
	enum acpi_status status = rsdp_read(view, &rsdp);

	*acpi = (struct acpi){ .rsdp = rsdp_address };
	if (status != ACPI_OK)
		return fault(&rsdp, status);
	xsdt.address = number64(rsdp.data + RSDP_XSDT);
	status = xsdt_read(view, &xsdt);
	if (status != ACPI_OK)
		return fault(&xsdt, status);
	for (enum acpi_table name = ACPI_FADT; name < ACPI_TABLES; name++) {
		struct table table = { .name = name };

		status = table_find(view, &xsdt, &table, table_least(name));
		if (status == ACPI_OK)
			status = contents_read(acpi, &table);
		if (status != ACPI_OK && !(status == ACPI_MISSING && may_miss(name)))
			acpi->lost[acpi->lost_count++] = fault(&table, status);
	}
	return fault(&xsdt, ACPI_OK);
}
