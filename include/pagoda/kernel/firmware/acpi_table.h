/* SPDX-License-Identifier: MIT */
/*
 * What the readers of ACPI's tables share. Numbers are little-endian at any alignment, and read
 * byte by byte. Pure; usable before relocation.
 */
#ifndef PAGODA_ACPI_TABLE_H
#define PAGODA_ACPI_TABLE_H

#include <pagoda/kernel/firmware/acpi.h>

#define MADT_ENTRIES 44 /* offset of the first */

static inline u64 number(const u8 *data, unsigned size)
{
	u64 value = 0;

	while (size-- > 0)
		value = value << 8 | data[size];
	return value;
}

static inline u32 number32(const u8 *data)
{
	return (u32)number(data, sizeof(u32));
}

static inline u64 number64(const u8 *data)
{
	return number(data, sizeof(u64));
}

/*
 * acpi_madt_read() - processors and interrupt controller, from a MADT of @length bytes whose length
 * and checksum are good.
 */
enum acpi_status acpi_madt_read(struct acpi *acpi, const u8 *madt, u32 length);

/*
 * acpi_spcr_read(), acpi_dbg2_read() - the console, from a SPCR of 80 bytes and from a DBG2 of
 * @length bytes, 44 at least. Of the DBG2's, the first that can be driven, or else, where none is
 * known yet, the last.
 */
void acpi_spcr_read(struct acpi *acpi, const u8 *spcr);
enum acpi_status acpi_dbg2_read(struct acpi *acpi, const u8 *dbg2, u32 length);

#endif /* PAGODA_ACPI_TABLE_H */
