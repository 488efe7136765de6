// SPDX-License-Identifier: MIT
/*
 * The flattened device tree reader: what can be read of a tree that is damaged. For a boot that
 * cannot go on, and looks for a console to say so on: time does not matter here, and no word is
 * taken for what it says without another that agrees.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, unaligned accesses, instructions a host compiler cannot build.
 *
 * The walk is in step as long as token follows token. A word that fits nothing puts it out of step:
 * from there on it looks, word by word, for what can only be a property, up to the end of the node,
 * or the beginning of a node. How many nodes have ended by then it can only guess.
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

/* A root that has neither name nor properties stands first: whatever is found is below it. */
void fdt_rescue_begin(struct fdt_rescue *rescue, struct fdt_walk *walk, u32 parents)
{
	*rescue = (struct fdt_rescue){ .parents = parents, .inside = true };
	walk->node[0] = (struct fdt_node){ .name = "", .offset = walk->fdt->struct_start };
	walk->open = 1;
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

/* A node begins at @at: a token and a name, with NULs up to the next word. Its length, or 0. */
static u32 name_length(const struct fdt_walk *walk, const u8 *at)
{
	u32 left = (u32)(walk->end - at), length = 0;
	const u8 *name = at + TOKEN_SIZE;

	if (left < 2 * TOKEN_SIZE || word_of(at) != BLOB_BEGIN_NODE)
		return 0;
	left = min_u64(left - TOKEN_SIZE, NODE_NAME_MAX);
	while (length < left && is_name_character(name[length]))
		length++;
	for (u32 i = length; i == length || !is_aligned(i, TOKEN_SIZE); i++)
		if (i >= left || name[i] != '\0')
			return 0;
	return length;
}

/* A token, give or take a bit. */
static bool is_nearly_token(u32 word)
{
	return bits_set(word ^ BLOB_BEGIN_NODE) <= 1 || bits_set(word ^ BLOB_END_NODE) <= 1 ||
	       bits_set(word ^ BLOB_PROP) <= 1 || bits_set(word ^ BLOB_NOP) <= 1 ||
	       bits_set(word ^ BLOB_END) <= 1;
}

/*
 * A property stands at @at: its value ends inside the block, where a token may be, and swallows no
 * node; and its name is one. @next: where it ends.
 */
static bool is_property(const struct fdt_walk *walk, const u8 *at, const u8 **next)
{
	const struct fdt *fdt = walk->fdt;
	u32 left = (u32)(walk->end - at), size, name;

	if (left < PROP_HEADER_SIZE || word_of(at) != BLOB_PROP)
		return false;
	size = fdt_word_at(at + TOKEN_SIZE);
	name = fdt_word_at(at + 2 * TOKEN_SIZE);
	if (size > left - PROP_HEADER_SIZE || name >= fdt->strings_end - fdt->strings_start)
		return false;
	*next = at + PROP_HEADER_SIZE + align_up(size, TOKEN_SIZE);
	for (at += PROP_HEADER_SIZE; at < *next; at += TOKEN_SIZE)
		if (name_length(walk, at) != 0)
			return false;
	return at == walk->end || is_nearly_token(word_of(at));
}

/* Of properties with one name the first counts: what comes later may be of another node. */
static void take(struct fdt_walk *walk, const u8 *at)
{
	struct fdt_node *node = &walk->node[walk->open - 1];
	const struct fdt *fdt = walk->fdt;
	const char *name = (const char *)fdt->blob + fdt->strings_start +
			   fdt_word_at(at + 2 * TOKEN_SIZE);

	for (u32 i = 0; i < walk->count; i++) {
		if ((node->found & BIT(i)) || strcmp(walk->names[i], name) != 0)
			continue;
		node->value[i] = (struct fdt_value){ at + PROP_HEADER_SIZE,
						     fdt_word_at(at + TOKEN_SIZE) };
		node->found |= 1u << i;
	}
}

static void lose(struct fdt_rescue *rescue, const u8 *at)
{
	rescue->lost = true;
	rescue->lost_at = at;
	rescue->deaf = !rescue->inside;
}

/* Past the word at walk->at, with which no node begins, or the property that does. */
static void step(struct fdt_rescue *rescue, struct fdt_walk *walk)
{
	u32 token = word_of(walk->at);
	const u8 *next;

	if (is_property(walk, walk->at, &next)) {
		/* The end of a node that it follows was none. */
		if (!rescue->inside && !rescue->lost && walk->open < FDT_DEPTH_MAX) {
			walk->open++;
			rescue->inside = true;
		}
		if (!rescue->deaf)
			take(walk, walk->at);
		rescue->lost = rescue->deaf;
		walk->at = next;
		return;
	}
	if (!rescue->lost && token == BLOB_END_NODE) {
		rescue->inside = false;
		walk->open -= walk->open > 1;
	} else if (rescue->lost && token == BLOB_END_NODE) {
		rescue->deaf = true;
	} else if (!rescue->lost && token != BLOB_NOP) {
		lose(rescue, walk->at);
	}
	walk->at += TOKEN_SIZE;
}

/*
 * Which nodes have ended where the walk was out of step: as many as there are tokens that say so
 * right before the next node, one less where the beginning of a node may be what was lost; and the
 * last one where there is none, unless it has the looks of a parent.
 */
static int count_ended(const struct fdt_rescue *rescue, const struct fdt_walk *walk)
{
	const u8 *at = walk->at;
	int ended = 0;

	while (at - TOKEN_SIZE >= rescue->lost_at && word_of(at - TOKEN_SIZE) == BLOB_END_NODE) {
		at -= TOKEN_SIZE;
		ended++;
	}
	if (!rescue->inside)
		return ended > 0 ? ended - 1 : 0;
	if (ended == 0 && !(walk->node[walk->open - 1].found & rescue->parents))
		return 1;
	return ended;
}

static void enter(struct fdt_rescue *rescue, struct fdt_walk *walk, u32 length)
{
	struct fdt_node *node;

	if (rescue->lost)
		walk->open -= count_ended(rescue, walk);
	if (walk->open < 1 || walk->open == FDT_DEPTH_MAX)
		walk->open = 1;
	walk->depth = walk->open++;
	node = walk->reached = &walk->node[walk->depth];
	node->name = (const char *)walk->at + TOKEN_SIZE;
	node->offset = (u32)(walk->at - walk->fdt->blob);
	node->found = 0;
	walk->at += TOKEN_SIZE + align_up(length + 1, TOKEN_SIZE);
	rescue->inside = true;
	rescue->lost = rescue->deaf = false;
}

bool fdt_rescue_next(struct fdt_rescue *rescue, struct fdt_walk *walk)
{
	u32 length = 0;

	while (walk->at < walk->end && (length = name_length(walk, walk->at)) == 0)
		step(rescue, walk);
	if (walk->at >= walk->end)
		return false;
	enter(rescue, walk, length);
	while (walk->at < walk->end && rescue->inside && name_length(walk, walk->at) == 0)
		step(rescue, walk);
	return true;
}
