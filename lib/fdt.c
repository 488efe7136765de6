// SPDX-License-Identifier: MIT
/*
 * The flattened device tree reader: the structure block, token by token and node by node, and what
 * properties hold.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, unaligned accesses, instructions a host compiler cannot build.
 *
 * Tokens are 32-bit words: BEGIN_NODE name, PROP size name value, END_NODE, NOP, END. Names and
 * values are padded to 4 bytes.
 *
 * Every number in it is big-endian; the reader is for little-endian machines. Boot time is spent
 * here, so each word of the structure block is read at most once, and values not at all.
 *
 * Offsets never overflow: all are at most total_size, which is at most FDT_SIZE_MAX, and a size
 * from the blob is compared with what is left before it is added to anything.
 */
#include <pagoda/lib/fdt.h>
#include <pagoda/lib/string.h>

#define TOKEN_SIZE 4
#define PROP_HEADER_SIZE 12 /* token, size, name */

/* Bytes may be read as words. */
typedef u32 __attribute__((may_alias)) word_t;

struct fdt_cursor fdt_begin(const struct fdt *fdt)
{
	return (struct fdt_cursor){ .fdt = fdt, .offset = fdt->struct_start };
}

/* The highest bit of the bytes of @word that are zero; above the first such byte, of others too. */
static u32 zero_bytes(u32 word)
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

/* The node name at @start: *@next is the first word after the one with its NUL. */
static bool name_scan(const struct fdt *fdt, u32 start, u32 *length, u32 *next)
{
	const word_t *end = (const word_t *)(fdt->blob + fdt->struct_end);
	const word_t *last = name_last_word((const word_t *)(fdt->blob + start), end);
	u32 offset = (u32)((const u8 *)last - fdt->blob);

	if (last >= end)
		return false;
	*length = offset - start + (u32)__builtin_ctz(zero_bytes(*last)) / 8;
	*next = offset + TOKEN_SIZE;
	return true;
}

/* The three tokens that are events. @event has token and offset; the cursor moves past it. */

static enum fdt_status read_begin_node(struct fdt_cursor *cursor, struct fdt_event *event)
{
	u32 start = event->offset + TOKEN_SIZE;

	if (cursor->depth == 0 && cursor->root_seen)
		return FDT_UNBALANCED;
	if (cursor->depth == FDT_DEPTH_MAX)
		return FDT_TOO_DEEP;
	if (!name_scan(cursor->fdt, start, &event->name_length, &cursor->offset))
		return FDT_BAD_NAME;
	event->name = (const char *)cursor->fdt->blob + start;
	event->depth = cursor->depth++;
	cursor->root_seen = true;
	return FDT_OK;
}

static enum fdt_status read_end_node(struct fdt_cursor *cursor, struct fdt_event *event)
{
	if (cursor->depth == 0)
		return FDT_UNBALANCED;
	event->name = "";
	event->depth = --cursor->depth;
	cursor->offset = event->offset + TOKEN_SIZE;
	return FDT_OK;
}

/* The header of a property. Offsets: the name's from the strings block, the rest from the blob. */
struct prop {
	u32 size, name, value, end;
};

/* The property whose token stands at @offset. */
static inline enum fdt_status prop_open(const struct fdt *fdt, u32 offset, struct prop *prop)
{
	u32 left = fdt->struct_end - offset;

	if (left < PROP_HEADER_SIZE)
		return FDT_TRUNCATED;
	prop->size = fdt_word_at(fdt->blob + offset + 4);
	prop->name = fdt_word_at(fdt->blob + offset + 8);
	prop->value = offset + PROP_HEADER_SIZE;
	if (prop->size > left - PROP_HEADER_SIZE)
		return FDT_TRUNCATED;
	if (prop->name >= fdt->strings_end - fdt->strings_start)
		return FDT_BAD_NAME;
	/* Inside the block, as its end is a multiple of 4. */
	prop->end = prop->value + (u32)align_up(prop->size, TOKEN_SIZE);
	return FDT_OK;
}

static enum fdt_status read_prop(struct fdt_cursor *cursor, struct fdt_event *event)
{
	const struct fdt *fdt = cursor->fdt;
	enum fdt_status status;
	struct prop prop;

	if (cursor->depth == 0)
		return FDT_UNBALANCED;
	status = prop_open(fdt, event->offset, &prop);
	if (status != FDT_OK)
		return status;
	event->size = prop.size;
	event->name = (const char *)fdt->blob + fdt->strings_start + prop.name;
	event->data = fdt->blob + prop.value;
	event->depth = cursor->depth - 1;
	cursor->offset = prop.end;
	return FDT_OK;
}

enum fdt_status fdt_next(struct fdt_cursor *cursor, struct fdt_event *event)
{
	const struct fdt *fdt = cursor->fdt;

	for (; cursor->offset < fdt->struct_end; cursor->offset += TOKEN_SIZE) {
		u32 token = fdt_word_at(fdt->blob + cursor->offset);

		event->token = (enum fdt_token)token;
		event->offset = cursor->offset;
		switch (token) {
		case FDT_BEGIN_NODE:
			return read_begin_node(cursor, event);
		case FDT_END_NODE:
			return read_end_node(cursor, event);
		case FDT_PROP:
			return read_prop(cursor, event);
		case FDT_NOP:
			continue;
		case FDT_END_TOKEN:
			if (cursor->depth > 0 || !cursor->root_seen)
				return FDT_UNBALANCED;
			return FDT_END;
		}
		return FDT_BAD_TOKEN;
	}
	return FDT_TRUNCATED;
}

/*
 * The walk. Its inner loop takes most of the time that a boot spends on the device tree: it keeps
 * the block's bounds in registers, looks at two characters of a name, and compares all of it only
 * where those two belong to a name that is wanted and the place is a new one.
 */

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
	memset(walk->first, 0, sizeof(walk->first));
#pragma GCC unroll 1 /* most of what runs here runs once: size is what it costs */
	for (u32 i = 0; i < count; i++) {
		unsigned hash = name_hash(names[i]);

		walk->next[i] = walk->first[hash];
		walk->first[hash] = (u8)(i + 1);
		walk->place[i] = ~0u; /* no place: FDT_SIZE_MAX is far below */
	}
}

/*
 * Which of the names from @entry on, all of one hash, is @name at @place? 0 for none. Rare: kept
 * out of the calling loop.
 */
static __attribute__((noinline)) u32 name_find(struct fdt_walk *walk, u32 entry, const char *name,
					       u32 place)
{
	for (; entry != 0; entry = walk->next[entry - 1]) {
		if (walk->place[entry - 1] != place && strcmp(walk->names[entry - 1], name) != 0)
			continue;
		walk->place[entry - 1] = place;
		break;
	}
	return entry;
}

/* Tokens as the blob spells them, to compare without swapping. */
#define BLOB_BEGIN_NODE __builtin_bswap32(FDT_BEGIN_NODE)
#define BLOB_END_NODE __builtin_bswap32(FDT_END_NODE)
#define BLOB_PROP __builtin_bswap32(FDT_PROP)
#define BLOB_NOP __builtin_bswap32(FDT_NOP)

/* The properties of @node, from walk->at on, which moves to where they end. */
static inline enum fdt_status walk_properties(struct fdt_walk *walk, struct fdt_node *node)
{
	const u8 *at = walk->at, *end = walk->end;
	const char *strings = (const char *)walk->fdt->blob + walk->fdt->strings_start;
	u32 strings_size = walk->fdt->strings_end - walk->fdt->strings_start, found = 0;

	/* What is left when no header fits is for fdt_walk_next() to judge. */
	while (end - at >= PROP_HEADER_SIZE) {
		const word_t *token = (const word_t *)at;
		const u8 *value = at + PROP_HEADER_SIZE;
		u32 size, place, entry;

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
		if (place >= strings_size)
			return FDT_BAD_NAME;
		entry = walk->first[name_hash(strings + place)];
		if (entry != 0 && walk->place[entry - 1] != place)
			entry = name_find(walk, entry, strings + place, place);
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

u64 fdt_cells(const u8 *data, unsigned cells)
{
	u64 number = 0;

	for (unsigned i = 0; i < cells; i++, data += 4)
		number = number << 32 | fdt_word_at(data);
	return number;
}

bool fdt_is_string(const u8 *data, u32 size)
{
	return size > 0 && strnlen((const char *)data, size) == size - 1;
}

bool fdt_has_string(const u8 *data, u32 size, const char *word)
{
	const u8 *end;

	if (size == 0) /* and @data may be null */
		return false;
	end = data + size;
	/* Cut after the last NUL: every string that starts before the cut ends before it. */
	while (end != data && end[-1] != '\0')
		end--;
	while (data != end) {
		for (const char *at = word; *data == (u8)*at; data++, at++)
			if (*at == '\0')
				return true;
		while (*data++ != '\0') {
		}
	}
	return false;
}

bool fdt_name_is(const char *name, const char *word)
{
	for (; *word != '\0'; name++, word++)
		if (*name != *word)
			return false;
	return *name == '\0' || *name == '@';
}
