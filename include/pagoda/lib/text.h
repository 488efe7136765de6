/* SPDX-License-Identifier: MIT */
/*
 * Text that comes from outside: compared, copied and read as numbers, with its length, not a NUL,
 * as the bound. Pure; usable with the MMU off and before relocation.
 */
#ifndef PAGODA_TEXT_H
#define PAGODA_TEXT_H

#include <pagoda/types.h>

/* text_equal() - the @length characters at @text are the string @word. */
bool text_equal(const char *text, size_t length, const char *word);

/*
 * text_copy() - as much of the @length characters at @from as fits @size with the NUL that always
 * ends it. True where all of it fitted. @size is not 0.
 */
bool text_copy(char *to, size_t size, const char *from, size_t length);

/*
 * text_number() - the whole of the @length characters at @text as a number: hexadecimal after 0x
 * or 0X, octal after 0, otherwise decimal, as Linux's memparse() has it. False where it is empty,
 * has another character in it, or needs more than 64 bits.
 */
bool text_number(const char *text, size_t length, u64 *number);

/*
 * text_size() - as text_number(), with one suffix K, M, G, T, P or E in either case allowed.
 */
bool text_size(const char *text, size_t length, u64 *bytes);

#endif /* PAGODA_TEXT_H */
