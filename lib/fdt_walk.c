// SPDX-License-Identifier: MIT
/*
 * The flattened device tree reader: from node to node, with the properties that are wanted.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, unaligned accesses, instructions a host compiler cannot build.
 *
 * The inner loop takes most of the time that a boot spends on the device tree: it keeps the block's
 * bounds in registers, and knows most names by where they stand in the strings block: the nodes of
 * a tree use the same few over and over, wanted or not.
 */
#include <pagoda/lib/string.h>
#include "fdt_token.h"

/* Every name ends with a NUL inside its block, so an empty one is read no further. */
static inline unsigned name_hash(const char *name)
{
	return name[0] != '\0' ? (unsigned)(name[0] + 8 * name[1]) % FDT_HASH_SIZE : 0;
}

void fdt_walk_begin(struct fdt_walk *walk, const struct fdt *fdt,
		    const char (*names)[FDT_NAME_SIZE], u32 count)
{
	walk->fdt = fdt;
	walk->at = fdt->blob + fdt->struct_start;
	walk->end = fdt->blob + fdt->struct_end;
	walk->open = 0;
	walk->root_seen = false;
	walk->only = 0;
	walk->names = names;
	walk->count = count;
	memset(walk->first, 0, sizeof(walk->first));
	/* No place that a name can have, nor one that any tree can claim: all ones belong in the
	 * last row, and 0 does not. */
	memset(walk->known, 0xff, sizeof(walk->known));
	walk->known[FDT_KNOWN_MAX - 1] = 0;
#pragma GCC unroll 1 /* most of what runs here runs once: size is what it costs */
	for (u32 i = 0; i < count; i++) {
		unsigned hash = name_hash(names[i]);

		walk->next[i] = walk->first[hash];
		walk->first[hash] = (u8)(i + 1);
	}
}

/* What is known of a name: its place, and which of the wanted ones it is, as index + 1, or 0. */
#define KNOWN_ENTRY_BITS 8
#define NAME_BAD (FDT_WANTED_MAX + 1)

_Static_assert(FDT_SIZE_MAX <= 1u << (32 - KNOWN_ENTRY_BITS), "a place fits beside its entry");

/*
 * Which of the names is the one at @place, which is not known yet? From now on it is, unless it has
 * no end. Index + 1, or 0, or NAME_BAD where the place is outside the block. Rare: kept out of the
 * calling loop, and the comparison, which is rarer still, out of the rest.
 */
static __attribute__((noinline)) u32 name_match(struct fdt_walk *walk, const char *name, u32 entry)
{
	while (entry != 0 && strcmp(walk->names[entry - 1], name) != 0)
		entry = walk->next[entry - 1];
	return entry;
}

static __attribute__((noinline)) u32 name_find(struct fdt_walk *walk, u32 place)
{
	const struct fdt *fdt = walk->fdt;
	const char *name = (const char *)fdt->blob + fdt->strings_start + place;
	u32 entry;

	if (place >= fdt->strings_end - fdt->strings_start)
		return NAME_BAD;
	entry = walk->first[name_hash(name)];
	if (entry != 0)
		entry = name_match(walk, name, entry);
	walk->known[place % FDT_KNOWN_MAX] = place << KNOWN_ENTRY_BITS | entry;
	return entry;
}

/*
 * The properties of @node, from @at on; walk->at moves to where they end. The block's end is a
 * multiple of 4: where a value ends before it, so does its padding.
 */
static inline enum fdt_status walk_properties(struct fdt_walk *walk, struct fdt_node *node,
					      const u8 *at)
{
	const u8 *end = walk->end, *last = end - PROP_HEADER_SIZE;
	struct fdt_value *values = node->value;
	const u32 *names = walk->known;
	u64 found = 0; /* bit i + 1: that of name i */

	/* Each in a register of its own, or GCC makes them anew for each property. */
	asm("" : "+r"(values), "+r"(names));
	/* What is left when no header fits is for fdt_walk_next() to judge. */
	while (at <= last) {
		const word_t *token = (const word_t *)at;
		u32 size, place, known, entry;

		if (*token != BLOB_PROP) {
			if (*token != BLOB_NOP)
				break;
			at += TOKEN_SIZE;
			continue;
		}
		size = __builtin_bswap32(token[1]);
		place = __builtin_bswap32(token[2]);
		known = names[place % FDT_KNOWN_MAX];
		entry = known % BIT(KNOWN_ENTRY_BITS);
		at += align_up(PROP_HEADER_SIZE + (u64)size, TOKEN_SIZE);
		if (__builtin_expect(known >> KNOWN_ENTRY_BITS != place, false)) {
			entry = at <= end ? name_find(walk, place) : 0;
			if (entry == NAME_BAD)
				return FDT_BAD_NAME;
		}
		if (entry == 0)
			continue;
		values[entry - 1].data = (const u8 *)token + PROP_HEADER_SIZE;
		values[entry - 1].size = size;
		found |= BIT(entry);
	}
	node->found = (u32)(found >> 1);
	walk->at = at;
	return at <= end ? FDT_OK : FDT_TRUNCATED;
}

/* What follows the node name at @name; null where that does not end before @end. */
static inline const u8 *name_end(const u8 *name, const u8 *end)
{
	const u8 *next = NULL;
	const word_t *last;

	if (end - name >= PAIR_SIZE)
		next = name_skip(name, end - PAIR_SIZE, *(const word_t *)name, PAIR_ONES);
	if (next)
		return next;
	last = name_last_word((const word_t *)name, (const word_t *)end);
	return last < (const word_t *)end ? (const u8 *)(last + 1) : NULL;
}

/* The node whose first token is at @at, in @open others: walk->at moves past its properties. */
static inline enum fdt_status walk_enter(struct fdt_walk *walk, const u8 *at, int open)
{
	struct fdt_node *node = &walk->node[open];
	const u8 *next = name_end(at + TOKEN_SIZE, walk->end);

	if (open == 0) {
		if (walk->root_seen)
			return FDT_UNBALANCED;
		walk->root_seen = true;
	}
	if (open == FDT_DEPTH_MAX)
		return FDT_TOO_DEEP;
	if (next == NULL)
		return FDT_BAD_NAME;
	node->name = (const char *)at + TOKEN_SIZE;
	node->offset = (u32)(at - walk->fdt->blob);
	return walk_properties(walk, node, next);
}

/* Whether who walks wants to see the node that has been entered, in @open others. */
static inline bool is_stop(const struct fdt_walk *walk, int open)
{
	/* cppcheck-suppress arrayIndexOutOfBoundsCond; walk_enter() has looked */
	return open < 2 || walk->only == 0 || (walk->node[open].found & walk->only) != 0;
}

/*
 * A token that is rare between nodes: a stray property, the end, or what is none. fdt_next() knows.
 * Kept out of the calling loop, too.
 */
static __attribute__((noinline)) enum fdt_status walk_other(struct fdt_walk *walk)
{
	struct fdt_cursor cursor = { .fdt = walk->fdt,
				     .offset = (u32)(walk->at - walk->fdt->blob),
				     .depth = walk->open,
				     .root_seen = walk->root_seen };
	struct fdt_event event;
	enum fdt_status status = fdt_next(&cursor, &event);

	walk->at = walk->fdt->blob + cursor.offset;
	return status;
}

enum fdt_status fdt_walk_next(struct fdt_walk *walk)
{
	const u8 *at = walk->at;
	int open = walk->open;
	enum fdt_status status;

	while (at < walk->end) {
		u32 token = *(const word_t *)at;

		if (token == BLOB_BEGIN_NODE) {
			status = walk_enter(walk, at, open++);
			if (status != FDT_OK || is_stop(walk, open - 1)) {
				walk->open = open;
				walk->depth = open - 1;
				walk->reached = &walk->node[open - 1];
				return status;
			}
			at = walk->at;
		} else if (token == BLOB_END_NODE && open > 0) {
			open--;
			at += TOKEN_SIZE;
		} else if (token == BLOB_NOP) {
			at += TOKEN_SIZE;
		} else {
			walk->at = at;
			walk->open = open;
			status = walk_other(walk);
			if (status != FDT_OK)
				return status;
			at = walk->at;
		}
	}
	return FDT_TRUNCATED;
}
