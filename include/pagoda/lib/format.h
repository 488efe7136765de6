/* SPDX-License-Identifier: MIT */
/*
 * Formatted text into a buffer. Pure; usable with the MMU off and before relocation.
 */
#ifndef PAGODA_FORMAT_H
#define PAGODA_FORMAT_H

#include <stdarg.h>

#include <pagoda/types.h>

/*
 * format() - C's snprintf() for %s %c %d %u %x %% with the flags - 0 #, a width or *, a precision
 * for %s, and the lengths l, ll and z. Writes at most @size bytes with the NUL, and always the NUL
 * where @size > 0. Returns the length that the whole text has. Any other conversion is copied as it
 * stands. A null pointer for %s prints as "(null)".
 */
size_t format(char *buffer, size_t size, const char *text, ...)
	__attribute__((format(printf, 3, 4)));

size_t format_list(char *buffer, size_t size, const char *text, va_list arguments)
	__attribute__((format(printf, 3, 0)));

/*
 * format_size() - @bytes in the largest unit that divides it, as Linux's page-table dump writes it:
 * "4K", "2M", "1G", up to "E"; "512B" below 1 KiB's multiples. 2^64 does not fit: pass 0 for "16E".
 */
size_t format_size(char *buffer, size_t size, u64 bytes);

/* A size as text, to be printed in the expression that makes it: size_text(bytes).text. */
struct size_text {
	char text[24];
};

static inline struct size_text size_text(u64 bytes)
{
	struct size_text size = { { 0 } };

	format_size(size.text, sizeof(size.text), bytes);
	return size;
}

#endif /* PAGODA_FORMAT_H */
