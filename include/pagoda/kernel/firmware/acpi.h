/* SPDX-License-Identifier: MIT */
/*
 * ACPI's tables on a machine that has no FDT, read once, to write one: PSCI from the FADT,
 * processors and interrupt controller from the MADT, timers from the GTDT, the console from the
 * SPCR or the DBG2. No byte is trusted: each table used lies in memory that the caller vouches for,
 * and has the signature, length and checksum that it must have. One that has not costs what it
 * would have said, and no more. Nothing is allocated. Pure; usable before relocation.
 * Source: ACPI 6.5, chapter 5; SPCR revision 4; DBG2 (Microsoft); Arm DEN 0022 for PSCI.
 *
 *	fault = acpi_open(&acpi, &view, rsdp);
 *	if (fault.status == ACPI_OK)
 *		status = acpi_write_fdt(&acpi, &edit, buffer, size, &written);
 */
#ifndef PAGODA_ACPI_H
#define PAGODA_ACPI_H

#include <pagoda/kernel/handoff/facts.h>
#include <pagoda/kernel/firmware/fdt_write.h>

/* What a table is refused for. */
enum acpi_status {
	ACPI_OK,
	ACPI_MISSING, /* every machine has it, and the XSDT does not; RSDP: a null address */
	ACPI_UNREADABLE, /* outside the memory that may be read, its length counted */
	ACPI_BAD_SIGNATURE,
	ACPI_BAD_REVISION, /* RSDP before 2, FADT before 5.1: neither knows arm64 */
	ACPI_BAD_LENGTH, /* shorter than what it must hold, or longer than ACPI_TABLE_MAX */
	ACPI_BAD_CHECKSUM,
	ACPI_BAD_ENTRY, /* MADT, DBG2: a structure in it is shorter than its type, or cut */
	ACPI_NO_PROCESSOR, /* MADT: no processor that is enabled */
	ACPI_NO_GIC, /* MADT: no distributor, or nothing that goes with it */
};

enum acpi_table {
	ACPI_RSDP,
	ACPI_XSDT,
	ACPI_FADT,
	ACPI_MADT,
	ACPI_GTDT,
	ACPI_SPCR,
	ACPI_DBG2,
};

#define ACPI_TABLES (ACPI_DBG2 + 1)

/* "checksum wrong", "RSDP". Without a full stop. */
const char *acpi_status_str(enum acpi_status status);
const char *acpi_table_str(enum acpi_table table);

/* The table that was refused, why, and where it is. With ACPI_OK the rest means nothing. */
struct acpi_fault {
	enum acpi_status status;
	enum acpi_table table;
	u64 address;
};

/* acpi_loss_str() - what a machine goes without after @fault: "timer interrupts". */
const char *acpi_loss_str(const struct acpi_fault *fault);

#define ACPI_TABLE_MAX MIB(1)

/*
 * Memory that tables may be read from. Where it can be seen: ranges of any kind and in any order;
 * those that adjoin count as one only where the caller has joined them. @phys_offset: as for
 * facts_read_chosen(). Where it cannot, fetch() has a copy of the @size bytes at @address, which
 * stays, or null where they may not be read.
 */
struct acpi_view {
	const struct memory_range *range;
	u32 count;
	u64 phys_offset;
	const u8 *(*fetch)(void *context, u64 address, u32 size); /* null: it can be seen */
	void *context; /* for fetch() */
};

enum acpi_console {
	ACPI_CONSOLE_NONE, /* neither table there, or none with a console */
	ACPI_CONSOLE_PL011,
	ACPI_CONSOLE_SBSA, /* the part of a PL011 that SBSA calls the generic UART */
	ACPI_CONSOLE_16550,
	ACPI_CONSOLE_BCM2835, /* a Raspberry Pi's mini UART, a 16550 too */
	ACPI_CONSOLE_MSM, /* Qualcomm's UARTDM */
	ACPI_CONSOLE_GENI, /* Qualcomm's later ones */
	ACPI_CONSOLE_EXYNOS,
	ACPI_CONSOLE_IMX,
	ACPI_CONSOLE_UNKNOWN, /* not one that Pagoda drives, or not in memory */
};

/* As SPCR or DBG2 have it. */
struct acpi_uart {
	enum acpi_console console;
	u32 type; /* SPCR: Interface Type; DBG2: Port Subtype */
	u8 space; /* Address Space ID */
	u8 shift, width; /* 16550: registers are 2^shift bytes apart; bytes in an access */
	u64 address;
	u32 interrupt; /* of the GIC; 0 where there is none */
};

static inline bool acpi_has_console(const struct acpi_uart *uart)
{
	return uart->console != ACPI_CONSOLE_NONE && uart->console != ACPI_CONSOLE_UNKNOWN;
}

/* The CPU's timers, in the order in which GTDT and device trees have them. */
#define ACPI_TIMERS 4

struct acpi_timer {
	u32 interrupt; /* of the GIC; 0 where there is none */
	u32 flags;
};

/* What was found. */
struct acpi {
	u64 rsdp; /* its physical address */
	enum psci_conduit psci; /* PSCI_NONE: the FADT does not offer it */
	struct acpi_uart uart;
	bool has_timers;
	struct acpi_timer timer[ACPI_TIMERS]; /* secure, not secure, virtual, hypervisor's */
	const u8 *madt; /* a valid one, all its entries inside; null where there is none */
	u32 madt_length;
	u32 processors; /* enabled ones */
	u32 parked; /* of these, those in the parking protocol */
	u32 gic_version; /* 2 and up */
	u64 gicd, gicc; /* distributor, 0: none; with version 2, the processors' interface to it */
	u32 redistributors; /* version 3 and up: runs of them, each an entry of the MADT, or else */
	bool redistributor_each; /* each processor's own, in its entry */
	u32 lost_count;
	struct acpi_fault lost[ACPI_TABLES]; /* tables, or parts of them, that are gone without */
};

/*
 * acpi_open() - read and check the tables that the RSDP at @rsdp leads to. ACPI_OK, or why RSDP or
 * XSDT is refused, without which there are no others. What else is refused is in @acpi->lost.
 */
struct acpi_fault acpi_open(struct acpi *acpi, const struct acpi_view *view, u64 rsdp);

/*
 * Processors that are enabled, and runs of redistributors, in the MADT's order: true and the next
 * one, false after the last. *@entry is null before the first. Where each processor's redistributor
 * is in its own entry, those that follow each other in memory are one run.
 */
bool acpi_processor_next(const struct acpi *acpi, const u8 **entry, u64 *mpidr);
bool acpi_redistributor_next(const struct acpi *acpi, const u8 **entry, u64 *start, u64 *size);

/* acpi_fdt_room() - a buffer of this many bytes and of FDT_EDIT_ROOM's sum is enough for @acpi. */
static inline u64 acpi_fdt_room(const struct acpi *acpi)
{
	return 2048 + (u64)acpi->processors * 256 + (u64)acpi->redistributors * 16;
}

/*
 * acpi_write_fdt() - write the FDT of the machine that @acpi describes, with @edit's memory and
 * settings: root, /memory, /chosen with stdout-path (where there is a console) and pagoda,acpi-rsdp
 * (where the RSDP is, a u64), /cpus, and what there is of /psci, interrupt controller, /timer and
 * serial port. Processors in the parking protocol are left out. A setting of one of those two names
 * takes the place of ours. @buffer, @size, *@written: as for fdt_copy().
 */
enum fdt_write_status acpi_write_fdt(const struct acpi *acpi, const struct fdt_edit *edit,
				     void *buffer, size_t size, u32 *written);

#endif /* PAGODA_ACPI_H */
