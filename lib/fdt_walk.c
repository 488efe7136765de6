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
	walk->names = names;
	walk->count = count;
	memset(walk->first, 0, sizeof(walk->first));
	memset(walk->known, 0xff, sizeof(walk->known)); /* no place: FDT_SIZE_MAX is far below */
#pragma GCC unroll 1 /* most of what runs here runs once: size is what it costs */
	for (u32 i = 0; i < count; i++) {
		unsigned hash = name_hash(names[i]);

		walk->next[i] = walk->first[hash];
		walk->first[hash] = (u8)(i + 1);
	}
}

/* What is known of a name: its place, and which of the wanted ones it is, as index + 1, or 0. */
#define KNOWN_ENTRY_BITS 8

_Static_assert(FDT_SIZE_MAX <= 1u << (32 - KNOWN_ENTRY_BITS), "a place fits beside its entry");

/*
 * Which of the names is the one at @place, which is not known yet? From now on it is, unless it has
 * no end. Rare: kept out of the calling loop.
 */
static __attribute__((noinline)) enum fdt_status name_find(struct fdt_walk *walk, u32 place,
							   u32 *entry)
{
	const struct fdt *fdt = walk->fdt;
	const char *name = (const char *)fdt->blob + fdt->strings_start + place;

	if (place >= fdt->strings_end - fdt->strings_start)
		return FDT_BAD_NAME;
	*entry = walk->first[name_hash(name)];
	while (*entry != 0 && strcmp(walk->names[*entry - 1], name) != 0)
		*entry = walk->next[*entry - 1];
	walk->known[place % FDT_KNOWN_MAX] = place << KNOWN_ENTRY_BITS | *entry;
	return FDT_OK;
}

/* The properties of @node, from walk->at on, which moves to where they end. */
static inline enum fdt_status walk_properties(struct fdt_walk *walk, struct fdt_node *node)
{
	const u8 *at = walk->at, *end = walk->end;
	u32 found = 0;

	/* What is left when no header fits is for fdt_walk_next() to judge. */
	while (end - at >= PROP_HEADER_SIZE) {
		const word_t *token = (const word_t *)at;
		const u8 *value = at + PROP_HEADER_SIZE;
		u32 size, place, known, entry;

		if (*token != BLOB_PROP) {
			if (*token != BLOB_NOP)
				break;
			at += TOKEN_SIZE;
			continue;
		}
		size = __builtin_bswap32(token[1]);
		if (size > (u32)(end - value))
			return FDT_TRUNCATED;
		place = __builtin_bswap32(token[2]);
		known = walk->known[place % FDT_KNOWN_MAX];
		entry = known % BIT(KNOWN_ENTRY_BITS);
		if (known >> KNOWN_ENTRY_BITS != place && name_find(walk, place, &entry) != FDT_OK)
			return FDT_BAD_NAME;
		if (entry != 0) {
			node->value[entry - 1] = (struct fdt_value){ value, size };
			found |= 1u << (entry - 1);
		}
		at = value + align_up(size, TOKEN_SIZE);
	}
	node->found = found;
	walk->at = at;
	return FDT_OK;
}

/* The node whose first token is at walk->at; that moves past its properties. */
static inline enum fdt_status walk_enter(struct fdt_walk *walk)
{
	struct fdt_node *node = &walk->node[walk->open];
	const word_t *name = (const word_t *)(walk->at + TOKEN_SIZE);
	const word_t *last = name_last_word(name, (const word_t *)walk->end);

	if (walk->open == 0 && walk->root_seen)
		return FDT_UNBALANCED;
	if (walk->open == FDT_DEPTH_MAX)
		return FDT_TOO_DEEP;
	if (last >= (const word_t *)walk->end)
		return FDT_BAD_NAME;
	node->name = (const char *)name;
	node->offset = (u32)(walk->at - walk->fdt->blob);
	walk->at = (const u8 *)(last + 1);
	walk->depth = walk->open++;
	walk->reached = node;
	walk->root_seen = true;
	return walk_properties(walk, node);
}

/*
 * A token that is rare between nodes: a stray property, the end, or what is none. fdt_next() knows.
 */
static enum fdt_status walk_other(struct fdt_walk *walk)
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
	enum fdt_status status = FDT_OK;

	while (walk->at < walk->end && status == FDT_OK) {
		u32 token = *(const word_t *)walk->at;

		if (token == BLOB_BEGIN_NODE)
			return walk_enter(walk);
		if (token == BLOB_NOP) {
			walk->at += TOKEN_SIZE;
		} else if (token == BLOB_END_NODE && walk->open > 0) {
			walk->at += TOKEN_SIZE;
			walk->open--;
		} else {
			status = walk_other(walk);
		}
	}
	return status == FDT_OK ? FDT_TRUNCATED : status;
}
