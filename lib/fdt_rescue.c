// SPDX-License-Identifier: MIT
/*
 * The flattened device tree reader: what can be read of a tree that is damaged. For a boot that
 * cannot go on, and looks for a console to say so on: time does not matter here, and no word is
 * taken for what it says without another that agrees.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, unaligned accesses, instructions a host compiler cannot build.
 *
 * Token follows token as long as all is well. From a word that fits nothing it goes on word by word,
 * to what can only be a property, or the beginning of a node. How nodes are nested nobody knows by
 * then, so that is not told.
 */
#include <pagoda/lib/string.h>
#include "fdt_token.h"

#define FDT_MAGIC 0xd00dfeed
#define WRONG_BITS_MAX 4 /* in the magic number */
#define HEADER_TOTAL_SIZE 4
#define HEADER_STRUCT 8
#define HEADER_STRINGS 12
#define BLOB_END __builtin_bswap32(FDT_END_TOKEN)
#define NODE_NAME_MAX 64

static unsigned bits_set(u32 word)
{
	unsigned count = 0;

	for (; word != 0; word &= word - 1)
		count++;
	return count;
}

static u32 word_of(const u8 *at)
{
	return *(const word_t *)at;
}

/* What libfdt and dtc write behind the structure block, whose last two tokens these are. */
static u32 strings_find(const struct fdt *fdt)
{
	u32 at = FDT_HEADER_SIZE;

	for (; at + 2 * TOKEN_SIZE < fdt->struct_end; at += TOKEN_SIZE)
		if (word_of(fdt->blob + at) == BLOB_END_NODE &&
		    word_of(fdt->blob + at + TOKEN_SIZE) == BLOB_END)
			return at + 2 * TOKEN_SIZE;
	return 0;
}

u32 fdt_rescue_size(const u8 *blob, u32 room)
{
	u32 total = fdt_word_at(blob + HEADER_TOTAL_SIZE);

	if (bits_set(fdt_word_at(blob) ^ FDT_MAGIC) > WRONG_BITS_MAX)
		return 0;
	return total > FDT_HEADER_SIZE && total < room ? total : room;
}

bool fdt_rescue(struct fdt *fdt, const u8 *blob, u32 size, bool by_header)
{
	u32 start = fdt_word_at(blob + HEADER_STRUCT);

	*fdt = (struct fdt){ .blob = blob, .total_size = size };
	fdt->struct_end = (u32)align_down(size, TOKEN_SIZE);
	if (!is_aligned(start, TOKEN_SIZE) || start < FDT_HEADER_SIZE || start > fdt->struct_end)
		start = FDT_HEADER_SIZE;
	fdt->struct_start = start;
	fdt->strings_start = by_header ? fdt_word_at(blob + HEADER_STRINGS) : strings_find(fdt);
	if (fdt->strings_start < FDT_HEADER_SIZE || fdt->strings_start >= size)
		return false;
	fdt->strings_end = size;
	fdt_cut(fdt);
	return true;
}

void fdt_rescue_begin(struct fdt_rescue *rescue, struct fdt_walk *walk)
{
	*rescue = (struct fdt_rescue){ .inside = true };
	walk->node[0] = (struct fdt_node){ .name = "", .offset = walk->fdt->struct_start };
	walk->depth = 0;
	walk->reached = &walk->node[0];
	if (walk->end - walk->at >= 2 * TOKEN_SIZE && word_of(walk->at) == BLOB_BEGIN_NODE &&
	    word_of(walk->at + TOKEN_SIZE) == 0)
		walk->at += 2 * TOKEN_SIZE;
}

/* A character of a node's name (Devicetree Specification 0.4, 2.2.1). */
static bool is_name_character(u8 c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '+' && c <= '.') || c == '_' || c == '@';
}

static bool is_token(u32 word)
{
	return word == BLOB_BEGIN_NODE || word == BLOB_END_NODE || word == BLOB_PROP ||
	       word == BLOB_NOP || word == BLOB_END;
}

/* @token with a bit wrong, and no other token. */
static bool is_nearly(u32 word, u32 token)
{
	return bits_set(word ^ token) == 1 && !is_token(word);
}

static bool may_be_token(u32 word)
{
	return is_token(word) || is_nearly(word, BLOB_BEGIN_NODE) ||
	       is_nearly(word, BLOB_END_NODE) || is_nearly(word, BLOB_PROP) ||
	       is_nearly(word, BLOB_NOP) || is_nearly(word, BLOB_END);
}

/*
 * A node begins at @at: a token and a name, with NULs up to the next word; where the token has a
 * bit wrong a property must follow. The length of the name, or 0.
 */
static u32 name_length(const struct fdt_walk *walk, const u8 *at)
{
	u32 left = (u32)(walk->end - at), length = 0, i;
	const u8 *name = at + TOKEN_SIZE;

	if (left < 2 * TOKEN_SIZE ||
	    (word_of(at) != BLOB_BEGIN_NODE && !is_nearly(word_of(at), BLOB_BEGIN_NODE)))
		return 0;
	left -= TOKEN_SIZE;
	while (length < left && length < NODE_NAME_MAX && is_name_character(name[length]))
		length++;
	for (i = length; i == length || !is_aligned(i, TOKEN_SIZE); i++)
		if (i >= left || name[i] != '\0')
			return 0;
	if (word_of(at) != BLOB_BEGIN_NODE && (i >= left || word_of(name + i) != BLOB_PROP))
		return 0;
	return length;
}

/*
 * A property stands at @at: its value ends inside the block, where a token may be, and swallows no
 * node; and its name is one. @next: where it ends.
 */
static bool is_property(const struct fdt_walk *walk, const u8 *at, const u8 **next)
{
	const struct fdt *fdt = walk->fdt;
	u32 left = (u32)(walk->end - at), size, name;

	if (left < PROP_HEADER_SIZE ||
	    (word_of(at) != BLOB_PROP && !is_nearly(word_of(at), BLOB_PROP)))
		return false;
	size = fdt_word_at(at + TOKEN_SIZE);
	name = fdt_word_at(at + 2 * TOKEN_SIZE);
	if (size > left - PROP_HEADER_SIZE || name >= fdt->strings_end - fdt->strings_start)
		return false;
	for (left = (u32)align_up(size, TOKEN_SIZE), at += PROP_HEADER_SIZE; left > 0;
	     left -= TOKEN_SIZE, at += TOKEN_SIZE)
		if (name_length(walk, at) != 0)
			return false;
	if (at != walk->end && !may_be_token(word_of(at)))
		return false;
	*next = at;
	return true;
}

/* The name at @name is @word, give or take a bit: all properties of that name share it. */
static bool is_name(const u8 *name, const u8 *end, const char *word)
{
	unsigned wrong = 0;

	for (u32 i = 0; name + i < end && wrong <= 1; i++) {
		wrong += bits_set(name[i] ^ (u8)word[i]);
		if (word[i] == '\0')
			return wrong <= 1;
	}
	return false;
}

/*
 * The property at @at, where it has a name that is wanted: the first counts. A second one is of a
 * node that is lost, and so is one behind a node's end.
 */
static void take(struct fdt_rescue *rescue, struct fdt_walk *walk, const u8 *at)
{
	struct fdt_node *node = rescue->inside ? walk->reached : &walk->node[2];
	const struct fdt *fdt = walk->fdt;
	const u8 *name = fdt->blob + fdt->strings_start + fdt_word_at(at + 2 * TOKEN_SIZE);
	u32 i = 0;

	while (i < walk->count && !is_name(name, fdt->blob + fdt->strings_end, walk->names[i]))
		i++;
	if (i == walk->count)
		return;
	if (node->found & BIT(i))
		node = &walk->node[2];
	node->value[i] = (struct fdt_value){ at + PROP_HEADER_SIZE, fdt_word_at(at + TOKEN_SIZE) };
	node->found |= 1u << i;
}

/* Past the property at walk->at, or a word with which none begins, nor a node. */
static void step(struct fdt_rescue *rescue, struct fdt_walk *walk)
{
	const u8 *at = walk->at, *next = at + TOKEN_SIZE;

	if (is_property(walk, at, &next))
		take(rescue, walk, at);
	else if (word_of(at) == BLOB_END_NODE)
		rescue->inside = false;
	walk->at = next;
}

bool fdt_rescue_next(struct fdt_rescue *rescue, struct fdt_walk *walk)
{
	struct fdt_node *node = &walk->node[1];
	u32 length = 0;

	walk->node[2] = (struct fdt_node){ .name = "" };
	while (walk->at < walk->end && (length = name_length(walk, walk->at)) == 0)
		step(rescue, walk);
	if (walk->at >= walk->end)
		return false;
	node->name = (const char *)walk->at + TOKEN_SIZE;
	node->offset = (u32)(walk->at - walk->fdt->blob);
	node->found = 0;
	walk->depth = 1;
	walk->reached = node;
	walk->at += TOKEN_SIZE + align_up(length + 1, TOKEN_SIZE);
	rescue->inside = true;
	while (walk->at < walk->end && rescue->inside && name_length(walk, walk->at) == 0)
		step(rescue, walk);
	return true;
}
