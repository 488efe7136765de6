// SPDX-License-Identifier: MIT
/*
 * ACPI's MADT ("APIC"): entries of type and length, for processors, distributor, redistributors.
 * Runs in the EFI stub before relocation, in the kernel as long as that has its init code, and on
 * the host. May not use: absolute addresses, .bss, unaligned accesses, instructions a host compiler
 * cannot build.
 */
#include <pagoda/kernel/firmware/acpi_table.h>

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
	GICC_PARKING = 16, /* version of the protocol; 0: none */
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

/* Of register frames: what the GIC architecture makes them. */
#define GICR_FRAMES_V3 KIB(128)
#define GICR_FRAMES_V4 KIB(256)

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
	if (acpi->madt == NULL)
		return NULL;
	entry = entry != NULL ? entry + entry[ENTRY_LENGTH] : acpi->madt + MADT_ENTRIES;
	return entry < acpi->madt + acpi->madt_length ? entry : NULL;
}

/*
 * One that is merely online capable (bit 3) is not there yet: its firmware lets nobody start it
 * before the machine has been given it, and that is told where only an interpreter of AML reads.
 */
static bool is_processor(const u8 *entry)
{
	return entry[ENTRY_TYPE] == MADT_GICC && (number32(entry + GICC_FLAGS) & GICC_ENABLED);
}

/* It waits in a loop of firmware's, for an address in a mailbox. PSCI comes first. */
static bool is_parked(const struct acpi *acpi, const u8 *entry)
{
	return acpi->psci == PSCI_NONE && number32(entry + GICC_PARKING) != 0;
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

/* The entry after @entry that has some; null after the last. */
static const u8 *redistributor_entry(const struct acpi *acpi, const u8 *entry, u64 *start,
				     u64 *size)
{
	while ((entry = entry_next(acpi, entry)) != NULL) {
		*start = redistributor(acpi, entry, size);
		if (*start != 0)
			break;
	}
	return entry;
}

static u32 redistributors_count(const struct acpi *acpi)
{
	const u8 *entry = NULL;
	u32 count = 0;
	u64 start, size;

	while (acpi_redistributor_next(acpi, &entry, &start, &size))
		count++;
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
		acpi->parked += is_parked(acpi, entry);
	}
}

/* 0 is for firmware that leaves it to be found out; 1 is driven as 2 is. */
static void gic_decide(struct acpi *acpi)
{
	acpi->redistributors = redistributors_count(acpi);
	if (acpi->redistributors == 0) {
		acpi->redistributor_each = true;
		acpi->redistributors = redistributors_count(acpi);
	}
	if (acpi->gic_version == 0 && acpi->redistributors != 0)
		acpi->gic_version = 3;
	if (acpi->gic_version < 2)
		acpi->gic_version = 2;
	if ((acpi->gic_version == 2 ? acpi->gicc : acpi->redistributors) == 0)
		acpi->gicd = 0;
}

enum acpi_status acpi_madt_read(struct acpi *acpi, const u8 *madt, u32 length)
{
	const u8 *entry = NULL;

	if (!entries_are_whole(madt, length))
		return ACPI_BAD_ENTRY;
	acpi->madt = madt;
	acpi->madt_length = length;
	while ((entry = entry_next(acpi, entry)) != NULL)
		entry_read(acpi, entry);
	gic_decide(acpi);
	if (acpi->processors == 0)
		return ACPI_NO_PROCESSOR;
	return acpi->gicd != 0 ? ACPI_OK : ACPI_NO_GIC;
}

bool acpi_processor_next(const struct acpi *acpi, const u8 **entry, u64 *mpidr)
{
	while ((*entry = entry_next(acpi, *entry)) != NULL) {
		if (!is_processor(*entry) || is_parked(acpi, *entry))
			continue;
		*mpidr = number64(*entry + GICC_MPIDR) & MPIDR_AFFINITY;
		return true;
	}
	return false;
}

/* Processors' own that stand side by side are one run: a tree's reader has room for a few. */
bool acpi_redistributor_next(const struct acpi *acpi, const u8 **entry, u64 *start, u64 *size)
{
	const u8 *next = redistributor_entry(acpi, *entry, start, size);
	u64 next_start, next_size;

	if (next == NULL)
		return false;
	do {
		*entry = next;
		next = redistributor_entry(acpi, next, &next_start, &next_size);
		if (next == NULL || !acpi->redistributor_each || next_start != *start + *size)
			return true;
		*size += next_size;
	} while (true);
}
