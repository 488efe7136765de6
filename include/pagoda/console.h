/* SPDX-License-Identifier: MIT */
/*
 * The kernel's console: one PL011, polled. MMU on, after console_init(); before that, output is
 * dropped. The early runtime writes to the same device through pl011.h with the MMU off.
 */
#ifndef PAGODA_CONSOLE_H
#define PAGODA_CONSOLE_H

#include <pagoda/types.h>

/*
 * console_init() - @registers: the PL011's registers, mapped as Device memory; null for no console.
 */
void console_init(void *registers);

/*
 * console_write() - @length bytes as they are; "\n" becomes "\r\n". Bounded: a dead device drops.
 */
void console_write(const char *text, size_t length);

/*
 * console_write_safe() - @length bytes that come from outside, with '?' for each that a terminal
 * might take for more than a character.
 */
void console_write_safe(const char *text, size_t length);

/* console_read() - the next byte that was typed, or -1 where there is none. Does not wait. */
int console_read(void);

/* print() - formatted text, as format() does it, of at most 511 characters; the rest is cut. */
void print(const char *text, ...) __attribute__((format(printf, 1, 2)));

#endif /* PAGODA_CONSOLE_H */
