// SPDX-License-Identifier: MIT
/*
 * ACPI's tables, as far as a device tree for the early runtime needs them.
 * Runs in the EFI stub before relocation, and on the host. May not use: absolute addresses, .bss,
 * unaligned accesses, instructions a host compiler cannot build.
 *
 *   RSDP -> XSDT -> FADT ("FACP")  the boot flags for Arm: PSCI, and how to call it
 *                   MADT ("APIC")  entries of type and length: processors, distributor, and so on
 *                   SPCR           the serial console; not every machine has one
 *
 * Numbers are little-endian at any alignment, and read byte by byte.
 */
#include <pagoda/kernel/handoff/chosen.h>
#include <pagoda/efi/acpi.h>
#include <pagoda/lib/format.h>
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
	MADT_ENTRIES = 44,
	SPCR_INTERFACE = 36,
	SPCR_SPACE = 40,
	SPCR_ADDRESS = 44,
	SPCR_SIZE = 80,
};

#define ARM_BOOT_PSCI BIT(0)
#define ARM_BOOT_HVC BIT(1)

/* Interface types of the SPCR (DBG2 specification, table 3, serial port subtypes). */
enum uart_type {
	UART_PL011 = 0x03,
	UART_SBSA_32BIT = 0x0d,
	UART_SBSA = 0x0e,
};

#define SPACE_MEMORY 0

/* Entries of the MADT, and byte offsets in them (ACPI 6.5, 5.2.12.14 to 17). */
enum madt_type {
	MADT_GICC = 0x0b,
	MADT_GICD = 0x0c,
	MADT_GICR = 0x0e,
};

enum madt_field {
	ENTRY_TYPE = 0,
	ENTRY_LENGTH = 1,
	ENTRY_HEADER_SIZE = 2,
	GICC_FLAGS = 12,
	GICC_BASE = 32,
	GICC_REDISTRIBUTOR = 60,
	GICC_MPIDR = 68,
	GICC_SIZE = 76, /* of ACPI 5.1, the first with an MPIDR */
	GICD_BASE = 8,
	GICD_VERSION = 20,
	GICD_SIZE = 24,
	GICR_BASE = 4,
	GICR_LENGTH = 12,
	GICR_SIZE = 16,
};

#define GICC_ENABLED BIT(0)
#define MPIDR_AFFINITY 0xff00ffffff

/* Of register frames: what the GIC architecture makes them. */
#define GICD_FRAME KIB(64)
#define GICD_FRAME_V2 KIB(4)
#define GICC_FRAME_V2 KIB(8)
#define GICR_FRAMES_V3 KIB(128)
#define GICR_FRAMES_V4 KIB(256)
#define UART_FRAME KIB(4)

#define PHANDLE_GIC 1

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
	case ACPI_SPCR:
		return "SPCR";
	}
	return "unknown table";
}

const char *acpi_console_str(enum acpi_console console)
{
	switch (console) {
	case ACPI_CONSOLE_NONE:
		return "none";
	case ACPI_CONSOLE_PL011:
		return "PL011";
	case ACPI_CONSOLE_SBSA:
		return "SBSA generic UART";
	case ACPI_CONSOLE_UNKNOWN:
		return "a UART of unknown type";
	}
	return "unknown console";
}

static u64 number(const u8 *data, unsigned size)
{
	u64 value = 0;

	while (size-- > 0)
		value = value << 8 | data[size];
	return value;
}

static u32 number32(const u8 *data)
{
	return (u32)number(data, sizeof(u32));
}

static u64 number64(const u8 *data)
{
	return number(data, sizeof(u64));
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
	case ACPI_SPCR:
		return memcmp(data, "SPCR", SIGNATURE_SIZE) == 0;
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
	if (view_get(view, table->address, table->length) == NULL)
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

/* An address of 0 is how firmware says that there is no console. */
static void spcr_read(struct acpi *acpi, const struct table *spcr)
{
	acpi->uart_type = spcr->data[SPCR_INTERFACE];
	acpi->uart_space = spcr->data[SPCR_SPACE];
	acpi->uart = number64(spcr->data + SPCR_ADDRESS);
	acpi->console = ACPI_CONSOLE_UNKNOWN;
	if (acpi->uart == 0)
		acpi->console = ACPI_CONSOLE_NONE;
	else if (acpi->uart_space != SPACE_MEMORY)
		return;
	else if (acpi->uart_type == UART_PL011)
		acpi->console = ACPI_CONSOLE_PL011;
	else if (acpi->uart_type == UART_SBSA || acpi->uart_type == UART_SBSA_32BIT)
		acpi->console = ACPI_CONSOLE_SBSA;
}

/* ---- the MADT's entries -------------------------------------------------------------------- */

/* What an entry of @type has at least; other types, only their type and length. */
static u32 entry_least(u8 type)
{
	switch (type) {
	case MADT_GICC:
		return GICC_SIZE;
	case MADT_GICD:
		return GICD_SIZE;
	case MADT_GICR:
		return GICR_SIZE;
	}
	return ENTRY_HEADER_SIZE;
}

static bool entries_are_whole(const u8 *madt, u32 length)
{
	u32 at = MADT_ENTRIES;

	while (at < length) {
		const u8 *entry = madt + at;

		if (length - at < ENTRY_HEADER_SIZE || entry[ENTRY_LENGTH] > length - at ||
		    entry[ENTRY_LENGTH] < entry_least(entry[ENTRY_TYPE]))
			return false;
		at += entry[ENTRY_LENGTH];
	}
	return true;
}

/* The entry after @entry, the first one for null; null after the last. */
static const u8 *entry_next(const struct acpi *acpi, const u8 *entry)
{
	entry = entry != NULL ? entry + entry[ENTRY_LENGTH] : acpi->madt + MADT_ENTRIES;
	return entry < acpi->madt + acpi->madt_length ? entry : NULL;
}

static bool is_processor(const u8 *entry)
{
	return entry[ENTRY_TYPE] == MADT_GICC && (number32(entry + GICC_FLAGS) & GICC_ENABLED);
}

/* What @entry says of redistributors, one or a run of them: where, how many bytes; 0 for none. */
static u64 redistributor(const struct acpi *acpi, const u8 *entry, u64 *size)
{
	if (acpi->redistributor_each && is_processor(entry)) {
		*size = acpi->gic_version >= 4 ? GICR_FRAMES_V4 : GICR_FRAMES_V3;
		return number64(entry + GICC_REDISTRIBUTOR);
	}
	if (!acpi->redistributor_each && entry[ENTRY_TYPE] == MADT_GICR) {
		*size = number32(entry + GICR_LENGTH);
		return number64(entry + GICR_BASE);
	}
	return 0;
}

static u32 redistributors_count(const struct acpi *acpi)
{
	const u8 *entry = NULL;
	u32 count = 0;
	u64 size;

	while ((entry = entry_next(acpi, entry)) != NULL)
		count += redistributor(acpi, entry, &size) != 0;
	return count;
}

/* The distributor counts once: later ones are passed over. */
static void entry_read(struct acpi *acpi, const u8 *entry)
{
	if (entry[ENTRY_TYPE] == MADT_GICD && acpi->gicd == 0) {
		acpi->gicd = number64(entry + GICD_BASE);
		acpi->gic_version = entry[GICD_VERSION];
	} else if (is_processor(entry)) {
		if (acpi->processors++ == 0)
			acpi->gicc = number64(entry + GICC_BASE);
	}
}

static enum acpi_status madt_read(struct acpi *acpi, const struct table *madt)
{
	const u8 *entry = NULL;

	if (!entries_are_whole(madt->data, madt->length))
		return ACPI_BAD_ENTRY;
	acpi->madt = madt->data;
	acpi->madt_length = madt->length;
	while ((entry = entry_next(acpi, entry)) != NULL)
		entry_read(acpi, entry);
	acpi->redistributors = redistributors_count(acpi);
	if (acpi->redistributors == 0) {
		acpi->redistributor_each = true;
		acpi->redistributors = redistributors_count(acpi);
	}
	/* 0 is for firmware that leaves it to be found out; 1 is driven as 2 is. */
	if (acpi->gic_version == 0 && acpi->redistributors != 0)
		acpi->gic_version = 3;
	if (acpi->gic_version < 2)
		acpi->gic_version = 2;
	if (acpi->processors == 0)
		return ACPI_NO_PROCESSOR;
	if (acpi->gicd == 0 || (acpi->gic_version == 2 ? acpi->gicc : acpi->redistributors) == 0)
		return ACPI_NO_GIC;
	return ACPI_OK;
}

struct acpi_fault acpi_open(struct acpi *acpi, const struct acpi_view *view, u64 rsdp_address)
{
	struct table rsdp = { .name = ACPI_RSDP, .address = rsdp_address };
	struct table xsdt = { .name = ACPI_XSDT }, fadt = { .name = ACPI_FADT };
	struct table madt = { .name = ACPI_MADT }, spcr = { .name = ACPI_SPCR };
	enum acpi_status status = rsdp_read(view, &rsdp);

	*acpi = (struct acpi){ .rsdp = rsdp_address };
	if (status != ACPI_OK)
		return fault(&rsdp, status);
	xsdt.address = number64(rsdp.data + RSDP_XSDT);
	status = xsdt_read(view, &xsdt);
	if (status != ACPI_OK)
		return fault(&xsdt, status);
	status = table_find(view, &xsdt, &fadt, FADT_SIZE);
	if (status == ACPI_OK)
		status = fadt_read(acpi, &fadt);
	if (status != ACPI_OK)
		return fault(&fadt, status);
	status = table_find(view, &xsdt, &madt, MADT_ENTRIES);
	if (status == ACPI_OK)
		status = madt_read(acpi, &madt);
	if (status != ACPI_OK)
		return fault(&madt, status);
	status = table_find(view, &xsdt, &spcr, SPCR_SIZE);
	if (status == ACPI_OK)
		spcr_read(acpi, &spcr);
	return fault(&spcr, status == ACPI_MISSING ? ACPI_OK : status);
}

/* ---- the device tree ----------------------------------------------------------------------- */

#define SERIAL_PATH_SIZE 32

/* "compatible" with a list of strings in one literal. */
#define write_compatible(writer, list) fdt_write_bytes(writer, "compatible", list, sizeof(list))

static void write_region(struct fdt_writer *writer, u64 start, u64 size)
{
	fdt_write_number(writer, start, 2);
	fdt_write_number(writer, size, 2);
}

static bool has_console(const struct acpi *acpi)
{
	return acpi->console == ACPI_CONSOLE_PL011 || acpi->console == ACPI_CONSOLE_SBSA;
}

static void write_chosen(const struct acpi *acpi, const struct fdt_edit *edit,
			 struct fdt_writer *writer)
{
	char path[SERIAL_PATH_SIZE];

	fdt_write_node(writer, "chosen");
	fdt_write_settings(writer, edit);
	if (has_console(acpi) && !fdt_edit_sets(edit, "stdout-path")) {
		format(path, sizeof(path), "/serial@%lx", acpi->uart);
		fdt_write_string(writer, "stdout-path", path);
	}
	if (!fdt_edit_sets(edit, CHOSEN_RSDP))
		fdt_write_u64(writer, CHOSEN_RSDP, acpi->rsdp);
	fdt_write_node_end(writer);
}

static void write_cpu(const struct acpi *acpi, const u8 *entry, struct fdt_writer *writer)
{
	u64 mpidr = number64(entry + GICC_MPIDR) & MPIDR_AFFINITY;

	fdt_write_node_at(writer, "cpu", mpidr);
	fdt_write_string(writer, "device_type", "cpu");
	fdt_write_string(writer, "compatible", "arm,armv8");
	fdt_write_u64(writer, "reg", mpidr);
	if (acpi->psci != PSCI_NONE)
		fdt_write_string(writer, "enable-method", "psci");
	fdt_write_node_end(writer);
}

static void write_cpus(const struct acpi *acpi, struct fdt_writer *writer)
{
	const u8 *entry = NULL;

	fdt_write_node(writer, "cpus");
	fdt_write_u32(writer, "#address-cells", 2);
	fdt_write_u32(writer, "#size-cells", 0);
	while ((entry = entry_next(acpi, entry)) != NULL)
		if (is_processor(entry))
			write_cpu(acpi, entry, writer);
	fdt_write_node_end(writer);
}

static void write_psci(const struct acpi *acpi, struct fdt_writer *writer)
{
	if (acpi->psci == PSCI_NONE)
		return;
	fdt_write_node(writer, "psci");
	write_compatible(writer, "arm,psci-1.0\0arm,psci-0.2");
	fdt_write_string(writer, "method", acpi->psci == PSCI_HVC ? "hvc" : "smc");
	fdt_write_node_end(writer);
}

static void write_gic_v2(const struct acpi *acpi, struct fdt_writer *writer)
{
	fdt_write_string(writer, "compatible", "arm,cortex-a15-gic");
	fdt_write_list(writer, "reg");
	write_region(writer, acpi->gicd, GICD_FRAME_V2);
	write_region(writer, acpi->gicc, GICC_FRAME_V2);
	fdt_write_list_end(writer);
}

static void write_gic_v3(const struct acpi *acpi, struct fdt_writer *writer)
{
	const u8 *entry = NULL;
	u64 start, size;

	fdt_write_string(writer, "compatible", "arm,gic-v3");
	fdt_write_u32(writer, "#redistributor-regions", acpi->redistributors);
	fdt_write_list(writer, "reg");
	write_region(writer, acpi->gicd, GICD_FRAME);
	while ((entry = entry_next(acpi, entry)) != NULL) {
		start = redistributor(acpi, entry, &size);
		if (start != 0)
			write_region(writer, start, size);
	}
	fdt_write_list_end(writer);
}

static void write_gic(const struct acpi *acpi, struct fdt_writer *writer)
{
	fdt_write_node_at(writer, "intc", acpi->gicd);
	if (acpi->gic_version == 2)
		write_gic_v2(acpi, writer);
	else
		write_gic_v3(acpi, writer);
	fdt_write_u32(writer, "#interrupt-cells", 3);
	fdt_write_bytes(writer, "interrupt-controller", NULL, 0);
	fdt_write_u32(writer, "phandle", PHANDLE_GIC);
	fdt_write_node_end(writer);
}

/*
 * The early runtime knows a PL011 by its name, and does nothing with one that an SBSA UART could
 * not do as well, but for looking whether it is turned on, at a register that reads as zero there.
 */
static void write_serial(const struct acpi *acpi, struct fdt_writer *writer)
{
	if (!has_console(acpi))
		return;
	fdt_write_node_at(writer, "serial", acpi->uart);
	if (acpi->console == ACPI_CONSOLE_SBSA)
		write_compatible(writer, "arm,sbsa-uart\0arm,pl011");
	else
		write_compatible(writer, "arm,pl011\0arm,primecell");
	fdt_write_list(writer, "reg");
	write_region(writer, acpi->uart, UART_FRAME);
	fdt_write_list_end(writer);
	fdt_write_node_end(writer);
}

enum fdt_write_status acpi_write_fdt(const struct acpi *acpi, const struct fdt_edit *edit,
				     void *buffer, size_t size, u32 *written)
{
	struct fdt_writer writer;

	fdt_write_begin(&writer, buffer, size);
	fdt_write_node(&writer, "");
	fdt_write_string(&writer, "compatible", "pagoda,acpi");
	fdt_write_u32(&writer, "#address-cells", 2);
	fdt_write_u32(&writer, "#size-cells", 2);
	fdt_write_u32(&writer, "interrupt-parent", PHANDLE_GIC);
	fdt_write_memory(&writer, edit, 2, 2);
	write_chosen(acpi, edit, &writer);
	write_cpus(acpi, &writer);
	write_psci(acpi, &writer);
	write_gic(acpi, &writer);
	write_serial(acpi, &writer);
	fdt_write_node_end(&writer);
	return fdt_write_finish(&writer, written);
}
