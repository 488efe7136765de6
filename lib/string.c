// SPDX-License-Identifier: MIT
/*
 * Memory and NUL-ended text for the Image; the host has the C library's.
 * Runs in the early runtime with the MMU off, where memory is Device memory and an unaligned access
 * faults, and in the kernel. May not use: absolute addresses, .bss, `dc zva`, SIMD.
 *
 * GCC knows these loops and would put a call to memset() or strlen() in their place, that is, to
 * themselves: the Makefile's -fno-tree-loop-distribute-patterns tells it not to.
 */
#include <pagoda/lib/string.h>

/* Memory of any type may be read and written as words. */
typedef u64 __attribute__((may_alias)) word_t;

#define WORD sizeof(word_t)
#define EVERY_BYTE (u64)0x0101010101010101

/*
 * A pair of words is one instruction, whose offset reaches 504: as many of them in a row as that
 * allows, twice, make clearing a 64 KiB table 4400 instructions, 68 for each SET_BLOCK.
 */
#define SET_WORDS 64
#define SET_BLOCK (2 * SET_WORDS * WORD)

/*
 * Below this, fewer in a row: a page of 4K takes a tenth more instructions, but so long a loop is
 * also code to fetch, and for an emulator to translate, which takes as long as to clear 40 pages.
 */
#define SET_MANY KIB(16)
#define SET_FEW 32

/* What the registers hold at once. */
#define COPY_WORDS 8
#define COPY_BLOCK (COPY_WORDS * WORD)

/*
 * Whole words from @at on, which is aligned; returns where they end. Where each loop ends is known
 * before it, which leaves one comparison a turn.
 */
static u8 *words_set(u8 *at, u64 word, size_t size)
{
	u8 *many = at + (size >= SET_MANY ? align_down(size, SET_BLOCK) : 0);
	u8 *few = many + align_down(size - (size_t)(many - at), SET_FEW * WORD);
	u8 *end = at + align_down(size, WORD);

	for (; at != many; at += SET_BLOCK) {
		word_t *first = (word_t *)at;
		word_t *second = first + SET_WORDS;

		/* Or GCC would reach the second half from the start of the first, step by step. */
		asm("" : "+r"(second));
#pragma GCC unroll 64
		for (unsigned i = 0; i < SET_WORDS; i++)
			first[i] = word;
#pragma GCC unroll 64
		for (unsigned i = 0; i < SET_WORDS; i++)
			second[i] = word;
	}
	for (; at != few; at += SET_FEW * WORD) {
#pragma GCC unroll 32
		for (unsigned i = 0; i < SET_FEW; i++)
			((word_t *)at)[i] = word;
	}
	for (; at != end; at += WORD)
		*(word_t *)at = word;
	return at;
}

void *memset(void *to, int byte, size_t size)
{
	u8 *at = to;
	u8 *end = at + size;

	while (at != end && !is_aligned((uintptr_t)at, WORD))
		*at++ = (u8)byte;
	at = words_set(at, EVERY_BYTE * (u8)byte, (size_t)(end - at));
	while (at != end)
		*at++ = (u8)byte;
	return to;
}

/* As many of @size bytes as are whole words; both ends are aligned. Returns how many. */
static size_t words_copy(u8 *to, const u8 *from, size_t size)
{
	size_t done = 0;

	/* A block is read whole before it is written: forward_copy() relies on that. */
	for (; size - done >= COPY_BLOCK; done += COPY_BLOCK) {
		const word_t *source = (const word_t *)(from + done);
		word_t *target = (word_t *)(to + done);
		u64 a = source[0], b = source[1], c = source[2], d = source[3];
		u64 e = source[4], f = source[5], g = source[6], h = source[7];

		target[0] = a, target[1] = b, target[2] = c, target[3] = d;
		target[4] = e, target[5] = f, target[6] = g, target[7] = h;
	}
	for (; size - done >= WORD; done += WORD)
		*(word_t *)(to + done) = *(const word_t *)(from + done);
	return done;
}

/* From the lowest address up, so right for an overlap with @to below @from. Returns @to. */
static void *forward_copy(u8 *to, const u8 *from, size_t size)
{
	size_t done = 0;

	if (is_aligned((uintptr_t)to - (uintptr_t)from, WORD)) {
		for (; done < size && !is_aligned((uintptr_t)(to + done), WORD); done++)
			to[done] = from[done];
		done += words_copy(to + done, from + done, size - done);
	}
	for (; done < size; done++)
		to[done] = from[done];
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	return forward_copy(to, from, size);
}

void *memmove(void *to, const void *from, size_t size)
{
	u8 *target = to;
	const u8 *source = from;

	if ((uintptr_t)to <= (uintptr_t)from)
		return forward_copy(target, source, size);
	while (size-- > 0)
		target[size] = source[size];
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const u8 *left = a;
	const u8 *right = b;

	for (size_t i = 0; i < size; i++)
		if (left[i] != right[i])
			return left[i] - right[i];
	return 0;
}

/* The highest bit of the first byte of @word that is zero; above it, of others too. */
static inline u64 zero_bytes(u64 word)
{
	return (word - EVERY_BYTE) & ~word & EVERY_BYTE << 7;
}

/*
 * A whole word at a time, from the one that @text begins in: so bytes around the text are looked
 * at, too, but none in a word where none of it is.
 */
__attribute__((no_sanitize("address"))) size_t strnlen(const char *text, size_t limit)
{
	size_t before = (uintptr_t)text % WORD, after = WORD - before;
	const word_t *at = (const word_t *)(text - before);
	u64 zeroes;

	if (limit == 0)
		return 0;
	zeroes = zero_bytes(*at | (BIT(8 * before) - 1));
	for (; zeroes == 0; after += WORD) {
		if (after >= limit)
			return limit;
		zeroes = zero_bytes(*++at);
	}
	return min_u64(after - WORD + (size_t)__builtin_ctzll(zeroes) / 8, limit);
}

size_t strlen(const char *text)
{
	return strnlen(text, SIZE_MAX);
}

int strcmp(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}
