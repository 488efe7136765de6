/* SPDX-License-Identifier: MIT */
/*
 * Device trees for tests, made by libfdt's sequential writer from a description. Host only. Apart
 * from fake_machine.h, and without Pagoda's headers, because libfdt's names and lib/fdt.c's
 * collide.
 */
#ifndef FAKE_FDT_H
#define FAKE_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_FDT_RANGES_MAX 4
#define FAKE_FDT_UARTS_MAX 4

struct fake_fdt_range {
	uint64_t start, size;
};

enum fake_fdt_place {
	UART_AT_ROOT,
	UART_ON_BUS, /* /soc@8000000: child address + 0x8000000 */
	UART_ON_INNER_BUS, /* /soc@8000000/apb@100000: child address + 0x8100000 */
	UART_ON_CLOSED_BUS, /* /i2c: no ranges; its addresses are not the CPU's */
};

struct fake_fdt_uart {
	const char *name; /* "serial@9000000"; a null pointer ends the list */
	enum fake_fdt_place place;
	uint32_t address; /* as the bus has it */
	const char *status; /* null: no such property */
};

/* What uart[0] is, unless compatible is null: then it is a PL011 like the others. */
struct fake_fdt_serial {
	const char *compatible;
	uint32_t reg_shift, reg_io_width, reg_offset; /* left out where 0 */
};

#define FAKE_FDT_PCI_RANGES_MAX 16

/* A host bridge of PCI at the root. */
struct fake_fdt_bridge {
	const char *compatible; /* null: there is none */
	bool disabled;
	uint32_t address_cells;
	uint32_t ranges[FAKE_FDT_PCI_RANGES_MAX]; /* cells */
	size_t count; /* of them */
};

struct fake_fdt {
	bool no_chosen, no_memory, has_seed;
	bool chosen_last; /* or else it is the first */
	uint64_t seed;
	uint64_t stray_seed; /* of a second /chosen, which has no business there; 0: no such node */
	bool stray_wiped; /* that node has a seed of zeroes */
	const char *bootargs, *stdout_path; /* null: no such property */
	const char *serial0; /* what the alias says; null: no /aliases */
	const char *psci_compatible, *psci_method; /* null: no /psci */
	/* Lists end at the first range of size 0. Reservations: /memreserve/, /reserved-memory. */
	struct fake_fdt_range memory[FAKE_FDT_RANGES_MAX];
	struct fake_fdt_range spare[FAKE_FDT_RANGES_MAX]; /* in another node, */
	const char *spare_status; /* which has this status */
	struct fake_fdt_range reserve[FAKE_FDT_RANGES_MAX];
	struct fake_fdt_range reserved_memory[FAKE_FDT_RANGES_MAX];
	struct fake_fdt_range no_map[FAKE_FDT_RANGES_MAX]; /* there too, with that property */
	struct fake_fdt_range initrd; /* size 0: none; addresses of one cell if below 2^32 */
	bool no_reserved_cells; /* /reserved-memory does not say how many cells its sizes have */
	const char *bus_status; /* of /soc@8000000 */
	struct fake_fdt_uart uart[FAKE_FDT_UARTS_MAX];
	struct fake_fdt_serial serial;
	struct fake_fdt_bridge bridge[2];
	unsigned padding; /* bytes of a property that nobody reads, before /chosen */
};

/* What QEMU's virt machine says: 512 MiB of RAM at 1 GiB, a PL011, PSCI over HVC, a seed. */
struct fake_fdt fake_fdt_default(void);

/* The blob's size, or 0 where it does not fit @size. */
size_t fake_fdt_build(const struct fake_fdt *description, void *blob, size_t size);

#endif /* FAKE_FDT_H */
