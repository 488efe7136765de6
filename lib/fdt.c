// SPDX-License-Identifier: MIT
/*
 * The flattened device tree reader: the structure block, token by token, and what properties hold.
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
#include <pagoda/lib/string.h>
#include "fdt_token.h"

struct fdt_cursor fdt_begin(const struct fdt *fdt)
{
	return (struct fdt_cursor){ .fdt = fdt, .offset = fdt->struct_start };
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

struct fdt_cursor fdt_properties(const struct fdt *fdt, u32 offset)
{
	struct fdt_cursor cursor = { .fdt = fdt, .offset = offset };
	struct fdt_event event;

	(void)fdt_next(&cursor, &event);
	return cursor;
}

bool fdt_next_property(struct fdt_cursor *cursor, struct fdt_event *event)
{
	return fdt_next(cursor, event) == FDT_OK && event->token == FDT_PROP;
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
