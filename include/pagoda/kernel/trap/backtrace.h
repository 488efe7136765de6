/* SPDX-License-Identifier: MIT */
/*
 * Who called whom: the chain of frames on a stack, and the names of functions. Pure but for the
 * console it prints to. MMU on, exception handlers included, and the host.
 */
#ifndef PAGODA_BACKTRACE_H
#define PAGODA_BACKTRACE_H

#include <pagoda/types.h>

/*
 * The functions of the image's text, by ascending offset from its start: made by
 * scripts/gen-symbols from the linked image, and offsets so that nothing has to be relocated. Names
 * stand one after the other, each with its NUL, in the same order.
 */
struct symbols {
	u64 text_start, text_end; /* where the text runs */
	u32 count;
	const u32 *offsets;
	const char *names;
};

struct stack {
	u64 start, end;
};

/* symbols_get() - those of the image that runs. */
struct symbols symbols_get(void);

/* symbols_find() - the function that @address is in, and how far; null for none. */
const char *symbols_find(const struct symbols *symbols, u64 address, u64 *offset);

/* Where the CPU was. */
struct place {
	u64 pc, lr, frame; /* ELR, x30, x29 */
};

/*
 * backtrace_print() - @place and the return addresses in the chain of frames from there, one a
 * line, the latest call first. Reads nothing outside @stack; signatures (FEAT_PAuth) above @va_bits
 * are taken off.
 */
void backtrace_print(const struct symbols *symbols, struct stack stack, const struct place *place,
		     unsigned va_bits);

/* An address of the upper half as it was before it was signed. */
static inline u64 address_strip(u64 address, unsigned va_bits)
{
	return address | ~(u64)0 << va_bits;
}

#endif /* PAGODA_BACKTRACE_H */
