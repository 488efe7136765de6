/* SPDX-License-Identifier: MIT */
/*
 * The part of C's <string.h> that the Image needs; the first four are also what GCC may call by
 * itself. On the host these are the C library's. Pure; with the MMU off they make aligned accesses
 * only.
 */
#ifndef PAGODA_STRING_H
#define PAGODA_STRING_H

#include <pagoda/types.h>

void *memset(void *to, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);

size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);

/* secret_wipe() - clear what nobody reads any more: a compiler would leave a plain memset() out. */
static inline void secret_wipe(void *secret, size_t size)
{
	__builtin_memset(secret, 0, size); /* in place, where the size is small and known */
	asm volatile("" ::"r"(secret) : "memory");
}

#endif /* PAGODA_STRING_H */
