// SPDX-License-Identifier: MIT
/*
 * The flattened device tree reader.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, unaligned accesses, instructions a host compiler cannot build.
 *
 *   blob   +0  header (10 words), then three blocks in any order, each where the header says:
 *              memory reservations   pairs of 64-bit words, ended by a pair of zeroes
 *              structure             tokens of 32-bit words: BEGIN_NODE name, PROP size name value,
 *                                    END_NODE, NOP, END; names and values padded to 4 bytes
 *              strings               the names of properties, NUL-ended
 *
 * Every number in it is big-endian; the reader is for little-endian machines. Boot time is spent
 * here, so each word of the structure block is read at most once, and values not at all.
 *
 * Offsets never overflow: all are at most total_size, which is at most FDT_SIZE_MAX, and a size
 * from the blob is compared with what is left before it is added to anything.
 */
#include <pagoda/lib/fdt.h>
#include <pagoda/lib/string.h>

#define FDT_MAGIC 0xd00dfeed
#define FDT_VERSION 17 /* what is read: the first with the structure block's size */
#define FDT_VERSION_OLDEST 16 /* the first with names and values laid out as they are now */
#define TOKEN_SIZE 4
#define PROP_HEADER_SIZE 12 /* token, size, name */
#define RESERVE_ENTRY_SIZE 16

/* Bytes may be read as words. */
typedef u32 __attribute__((may_alias)) word_t;

/* Byte offsets of the header's words. */
enum header_word {
	HEADER_MAGIC = 0,
	HEADER_TOTAL_SIZE = 4,
	HEADER_STRUCT = 8,
	HEADER_STRINGS = 12,
	HEADER_RESERVE = 16,
	HEADER_VERSION = 20,
	HEADER_LAST_COMP_VERSION = 24,
	HEADER_STRINGS_SIZE = 32,
	HEADER_STRUCT_SIZE = 36,
};

const char *fdt_status_str(enum fdt_status status)
{
	switch (status) {
	case FDT_OK:
		return "ok";
	case FDT_END:
		return "end of the device tree";
	case FDT_NULL:
		return "no device tree was passed";
	case FDT_MISALIGNED:
		return "device tree not aligned to 8 bytes";
	case FDT_BAD_MAGIC:
		return "device tree without its magic number";
	case FDT_BAD_VERSION:
		return "device tree version not supported";
	case FDT_BAD_SIZE:
		return "device tree size too small or above 2 MiB";
	case FDT_BAD_BLOCK:
		return "device tree block misaligned or outside the device tree";
	case FDT_TRUNCATED:
		return "device tree structure truncated";
	case FDT_BAD_TOKEN:
		return "unknown token in the device tree";
	case FDT_BAD_NAME:
		return "device tree name without an end or outside its block";
	case FDT_UNBALANCED:
		return "device tree nodes unbalanced";
	case FDT_TOO_DEEP:
		return "device tree nodes nested too deep";
	}
	return "unknown device tree status";
}

/* The word at @offset, which is aligned and inside the blob. */
static u32 word_at(const u8 *blob, u32 offset)
{
	return __builtin_bswap32(*(const word_t *)(blob + offset));
}

enum fdt_status fdt_size(const void *blob, u32 *size)
{
	if (blob == NULL)
		return FDT_NULL;
	if (!is_aligned((uintptr_t)blob, FDT_ALIGN))
		return FDT_MISALIGNED;
	if (word_at(blob, HEADER_MAGIC) != FDT_MAGIC)
		return FDT_BAD_MAGIC;
	*size = word_at(blob, HEADER_TOTAL_SIZE);
	return *size < FDT_HEADER_SIZE || *size > FDT_SIZE_MAX ? FDT_BAD_SIZE : FDT_OK;
}

static bool block_inside(const struct fdt *fdt, u32 start, u32 size)
{
	return start >= FDT_HEADER_SIZE && start <= fdt->total_size &&
	       size <= fdt->total_size - start;
}

/*
 * The strings block cut after its last NUL. Every name that starts before the cut ends before it,
 * so that one comparison bounds a name; one that starts after it has no end.
 */
void fdt_cut(struct fdt *fdt)
{
	while (fdt->strings_end > fdt->strings_start && fdt->blob[fdt->strings_end - 1] != '\0')
		fdt->strings_end--;
}

static enum fdt_status blocks_locate(struct fdt *fdt, bool has_struct_size)
{
	u32 struct_size, strings_size = word_at(fdt->blob, HEADER_STRINGS_SIZE);

	fdt->reserve_start = word_at(fdt->blob, HEADER_RESERVE);
	fdt->struct_start = word_at(fdt->blob, HEADER_STRUCT);
	fdt->strings_start = word_at(fdt->blob, HEADER_STRINGS);
	/* Without a size of its own the structure block can reach to the end of the blob. */
	struct_size = has_struct_size ? word_at(fdt->blob, HEADER_STRUCT_SIZE) :
					fdt->total_size - fdt->struct_start;
	if (!is_aligned(fdt->reserve_start, 8) || !is_aligned(fdt->struct_start, TOKEN_SIZE) ||
	    !block_inside(fdt, fdt->reserve_start, 0) ||
	    !block_inside(fdt, fdt->struct_start, struct_size) ||
	    !block_inside(fdt, fdt->strings_start, strings_size))
		return FDT_BAD_BLOCK;
	/* Tokens are aligned, so none begins in a last word that is not whole. */
	fdt->struct_end = (u32)align_down(fdt->struct_start + struct_size, TOKEN_SIZE);
	fdt->strings_end = fdt->strings_start + strings_size;
	return FDT_OK;
}

enum fdt_status fdt_locate(struct fdt *fdt, const void *blob)
{
	enum fdt_status status;
	u32 version;

	*fdt = (struct fdt){ .blob = blob };
	status = fdt_size(blob, &fdt->total_size);
	if (status != FDT_OK)
		return status;
	version = word_at(blob, HEADER_VERSION);
	if (version < FDT_VERSION_OLDEST || word_at(blob, HEADER_LAST_COMP_VERSION) > FDT_VERSION)
		return FDT_BAD_VERSION;
	return blocks_locate(fdt, version >= FDT_VERSION);
}

enum fdt_status fdt_open(struct fdt *fdt, const void *blob)
{
	enum fdt_status status = fdt_locate(fdt, blob);

	if (status == FDT_OK)
		fdt_cut(fdt);
	return status;
}

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
	prop->size = word_at(fdt->blob, offset + 4);
	prop->name = word_at(fdt->blob, offset + 8);
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
		u32 token = word_at(fdt->blob, cursor->offset);

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

bool fdt_reserve(const struct fdt *fdt, unsigned index, u64 *start, u64 *size)
{
	u64 offset = fdt->reserve_start + (u64)index * RESERVE_ENTRY_SIZE;

	if (offset + RESERVE_ENTRY_SIZE > fdt->total_size)
		return false;
	*start = fdt_cells(fdt->blob + offset, 2);
	*size = fdt_cells(fdt->blob + offset + 8, 2);
	return *start != 0 || *size != 0;
}

u64 fdt_cells(const u8 *data, unsigned cells)
{
	u64 number = 0;

	for (unsigned i = 0; i < cells * 4; i++)
		number = number << 8 | data[i];
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
