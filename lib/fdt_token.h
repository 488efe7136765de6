/* SPDX-License-Identifier: MIT */
/*
 * What the readers of an FDT's structure block share: lib/fdt.c, fdt_walk.c and fdt_seek.c.
 */
#ifndef PAGODA_FDT_TOKEN_H
#define PAGODA_FDT_TOKEN_H

#include <pagoda/lib/fdt.h>

#define TOKEN_SIZE 4
#define PROP_HEADER_SIZE 12 /* token, size, name */

/* Bytes may be read as words, and as pairs of them. */
typedef u32 __attribute__((may_alias)) word_t;
typedef u64 __attribute__((may_alias)) pair_t;

#define PAIR_SIZE 8
#define PAIR_ONES 0x0101010101010101
#define PAIR_HIGH_BITS 0x8080808080808080

/* Tokens as the blob spells them, to compare without swapping. */
#define BLOB_BEGIN_NODE __builtin_bswap32(FDT_BEGIN_NODE)
#define BLOB_END_NODE __builtin_bswap32(FDT_END_NODE)
#define BLOB_PROP __builtin_bswap32(FDT_PROP)
#define BLOB_NOP __builtin_bswap32(FDT_NOP)

/* The highest bit of the bytes of @word that are zero; above the first such byte, of others too. */
static inline u32 zero_bytes(u32 word)
{
	return (word - 0x01010101) & ~word & 0x80808080;
}

/*
 * The word with the NUL of the node name at @word; @end where there is none before it. A word at a
 * time, since names are a third of a structure block.
 */
static inline const word_t *name_last_word(const word_t *word, const word_t *end)
{
	while (word < end && zero_bytes(*word) == 0)
		word++;
	return word;
}

/*
 * Where the token after the node name at @name stands; null where the name does not end in a pair
 * that begins at @last or before. @first: the name's first word.
 */
static inline const u8 *name_skip(const u8 *name, const u8 *last, u32 first, u64 ones)
{
	u64 zeroes = (first - (u32)ones) & ~first & (u32)PAIR_HIGH_BITS;

	if (!is_aligned((uintptr_t)name, PAIR_SIZE)) {
		name += TOKEN_SIZE;
		if (zeroes != 0)
			return name;
	}
	for (; name <= last; name += PAIR_SIZE) {
		u64 pair = *(const pair_t *)name;

		/* Exact up to the first byte that is zero. */
		zeroes = (pair - ones) & ~pair & PAIR_HIGH_BITS;
		if (zeroes != 0)
			/* cppcheck-suppress knownConditionTrueFalse; it is not: 64 bits */
			return name + ((u32)zeroes != 0 ? TOKEN_SIZE : PAIR_SIZE);
	}
	return NULL;
}

#endif /* PAGODA_FDT_TOKEN_H */
