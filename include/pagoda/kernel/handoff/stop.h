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

/* The numbers are an interface: docs/design.md lists them for those with only a debugger. */
enum stop_code {
	STOP_NONE = 0,
	STOP_ENTRY_EL = 1, /* value: the EL */
	STOP_IMAGE_MISALIGNED = STOP_IMAGE_MISALIGNED_CODE, /* value: PA; limit: alignment */
	STOP_FDT = 3, /* value: enum fdt_status; limit: address, extra: totalsize */
	STOP_FDT_OVERLAPS_IMAGE = 4, /* value: address; limit: totalsize */
	STOP_NO_MEMORY_NODE = 5,
	STOP_PAGE_SIZE = 6, /* value: granule shift asked for, or 0; limit: set of those there */
	STOP_VA_BITS = 7, /* value: asked for; limit: granule shift; extra: set of those possible */
	STOP_IMAGE_UNREACHABLE = 8, /* value: end of the image; limit: address bits */
	STOP_POOL = 9, /* value: table pages used; limit: total; extra: granule */
	STOP_MAP = 10, /* value: enum map_result; limit: virtual address; extra: physical address */
	STOP_RELOCATION = 11, /* value: relocation type; limit: its offset */
	STOP_EXCEPTION = STOP_EXCEPTION_CODE, /* value: ESR; limit: ELR; extra: FAR */
	STOP_RESERVATIONS = 13, /* value: those without room; limit: room for all ranges */
	STOP_MEMORY = 14, /* value: bytes needed in one piece; limit: largest; extra: RAM in all */
};

/* A reason and its values. A set of numbers has bit n set for each number n in it. */
struct stop {
	enum stop_code code;
	u64 value, limit, extra;
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
