// SPDX-License-Identifier: MIT
/*
 * Memory and text for checked code: what is read and written is checked once, not word by word,
 * and then lib's own routines do it, which the build calls plain_ here.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/mm/check/kasan.h>

/* As pagoda/lib/string.h has them, which is a higher room's. */
void *memset(void *to, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);

void *plain_memset(void *to, int byte, size_t size);
void *plain_memcpy(void *to, const void *from, size_t size);
void *plain_memmove(void *to, const void *from, size_t size);
int plain_memcmp(const void *a, const void *b, size_t size);
size_t plain_strnlen(const char *text, size_t limit);
int plain_strcmp(const char *a, const char *b);

static inline void check(const void *start, size_t size, enum kasan_wrong what, void *caller)
{
	u64 found;

	if (!kasan_active() || (s64)(uintptr_t)start >= 0)
		return;
	found = kasan_find((uintptr_t)start, size);
	if (found != 0)
		kasan_report(found, size, (uintptr_t)caller, what);
}

#define CALLER __builtin_return_address(0)

void *memset(void *to, int byte, size_t size)
{
	check(to, size, KASAN_WRITE, CALLER);
	return plain_memset(to, byte, size);
}

void *memcpy(void *to, const void *from, size_t size)
{
	check(from, size, KASAN_READ, CALLER);
	check(to, size, KASAN_WRITE, CALLER);
	return plain_memcpy(to, from, size);
}

void *memmove(void *to, const void *from, size_t size)
{
	check(from, size, KASAN_READ, CALLER);
	check(to, size, KASAN_WRITE, CALLER);
	return plain_memmove(to, from, size);
}

/* All that there is to compare: whoever names it has it. */
int memcmp(const void *a, const void *b, size_t size)
{
	check(a, size, KASAN_READ, CALLER);
	check(b, size, KASAN_READ, CALLER);
	return plain_memcmp(a, b, size);
}

/* Up to the NUL, which counts, or the limit. */
size_t strnlen(const char *text, size_t limit)
{
	size_t length = plain_strnlen(text, limit);

	check(text, length < limit ? length + 1 : limit, KASAN_READ, CALLER);
	return length;
}

size_t strlen(const char *text)
{
	size_t length = plain_strnlen(text, SIZE_MAX);

	check(text, length + 1, KASAN_READ, CALLER);
	return length;
}

int strcmp(const char *a, const char *b)
{
	check(a, plain_strnlen(a, SIZE_MAX) + 1, KASAN_READ, CALLER);
	check(b, plain_strnlen(b, SIZE_MAX) + 1, KASAN_READ, CALLER);
	return plain_strcmp(a, b);
}
