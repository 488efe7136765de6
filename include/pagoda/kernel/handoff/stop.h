/* SPDX-License-Identifier: MIT */
/*
 * Why a boot cannot go on: a code that a debugger can read from a register, with the values that
 * belong to it. Every step of the early runtime returns one, and the kernel's first steps do.
 */
#ifndef PAGODA_STOP_H
#define PAGODA_STOP_H

/* The codes that assembly stops with, too. */
#define STOP_IMAGE_MISALIGNED_CODE 2
#define STOP_EXCEPTION_CODE 12

#ifndef __ASSEMBLER__

#include <pagoda/types.h>

/*
 * The numbers are an interface, and so is what comes with them, in the registers that cpu_halt()
 * leaves it in: docs/design.md lists both for those with only a debugger, in these words.
 */
enum stop_code {
	STOP_NONE = 0,
	STOP_ENTRY_EL = 1, /* x1: level */
	STOP_IMAGE_MISALIGNED =
		STOP_IMAGE_MISALIGNED_CODE, /* x1: its address; x2: alignment needed */
	STOP_FDT = 3, /* x1: enum fdt_status; x2: its address; x3: totalsize */
	STOP_FDT_OVERLAPS_IMAGE = 4, /* x1: its address; x2: totalsize */
	STOP_NO_MEMORY_NODE = 5, /* x1: address of UEFI's memory map, or 0 */
	STOP_PAGE_SIZE = 6, /* x1: shift asked for, or 0; x2: set of shifts there are */
	STOP_VA_BITS = 7, /* x1: bits asked for; x2: page shift; x3: set of sizes possible */
	STOP_IMAGE_UNREACHABLE = 8, /* x1: its end; x2: address bits */
	STOP_POOL = 9, /* x1: pages used; x2: pages in all; x3: page size */
	STOP_MAP = 10, /* x1: enum map_result; x2: virtual address; x3: physical address */
	STOP_RELOCATION = 11, /* x1: type; x2: place */
	STOP_EXCEPTION = STOP_EXCEPTION_CODE, /* x1: ESR; x2: ELR; x3: FAR */
	STOP_RESERVATIONS = 13, /* x1: those left over; x2: room for all ranges */
	STOP_MEMORY = 14, /* x1: bytes needed; x2: largest free piece; x3: RAM in all */
	STOP_FDT_UNREACHABLE = 15, /* x1: its end; x2: address bits */
	STOP_NO_CONSOLE = 16, /* x1: address of the last one tried, or 0; x2: enum console_fault */
	STOP_PAC_KEY = 17, /* nothing */
};

/* A reason and what belongs to it. A set of numbers has bit n set for each number n in it. */
struct stop {
	enum stop_code code;
	u64 x1, x2, x3;
};

static inline struct stop stop_none(void)
{
	return (struct stop){ STOP_NONE, 0, 0, 0 };
}

#define STOP_TEXT_MAX 240

/*
 * stop_describe() - the reason in words, with its values, into @buffer: what was found, and what
 * would have been right. Pure; any world.
 */
void stop_describe(const struct stop *stop, char *buffer, size_t size);

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_STOP_H */
