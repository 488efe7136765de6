// SPDX-License-Identifier: MIT
/*
 * The flattened device tree writer.
 * Runs in the EFI stub before relocation, in the kernel as long as that has its init code, and on
 * the host. May not use: absolute addresses, .bss, unaligned accesses, instructions a host compiler
 * cannot build.
 *
 *   buffer  header | reservations | structure ->   room   <- strings |
 *                                             at         strings    size
 *
 * A property holds its name as the distance from the end of the buffer, which does not change while
 * the strings block grows; fdt_write_finish() turns that into the offset that a reader expects.
 * Everything from struct_start to `at` is a sequence of whole tokens, and both bounds of the room
 * are at most FDT_SIZE_MAX, so sums of them and of what fits between them do not wrap.
 */
#include <pagoda/kernel/firmware/fdt_write.h>
#include <pagoda/lib/format.h>
#include <pagoda/lib/string.h>

#define FDT_MAGIC 0xd00dfeed
#define FDT_VERSION 17
#define FDT_LAST_COMP_VERSION 16
#define CELL sizeof(u32)
#define RESERVE_ENTRY_SIZE 16
#define PROP_HEADER_SIZE 12 /* token, size, name */
#define NODE_NAME_MAX 64 /* with its NUL, of a name that is put together here */

/* Bytes may be written as words. */
typedef u32 __attribute__((may_alias)) word_t;

const char *fdt_write_status_str(enum fdt_write_status status)
{
	switch (status) {
	case FDT_WRITE_OK:
		return "ok";
	case FDT_WRITE_MISALIGNED:
		return "buffer for a device tree not aligned to 8 bytes";
	case FDT_WRITE_NO_ROOM:
		return "no room for the device tree";
	case FDT_WRITE_MISPLACED:
		return "device tree property or node where none can be";
	case FDT_WRITE_TOO_DEEP:
		return "device tree nodes nested too deep";
	case FDT_WRITE_BAD_NAME:
		return "device tree node name too long, or a root with one";
	case FDT_WRITE_BAD_SOURCE:
		return "device tree to copy not well formed";
	case FDT_WRITE_CELLS:
		return "memory beyond what the device tree's #address-cells and #size-cells allow";
	}
	return "unknown device tree status";
}

void fdt_write_fail(struct fdt_writer *writer, enum fdt_write_status status)
{
	if (writer->status == FDT_WRITE_OK)
		writer->status = status;
}

/* There is room for @size bytes more, and no error so far. */
static bool has_room(struct fdt_writer *writer, u64 size)
{
	if (writer->strings < writer->at || size > writer->strings - writer->at)
		fdt_write_fail(writer, FDT_WRITE_NO_ROOM);
	return writer->status == FDT_WRITE_OK;
}

static u32 word_get(const struct fdt_writer *writer, u32 offset)
{
	return __builtin_bswap32(*(const word_t *)(writer->blob + offset));
}

static void word_set(struct fdt_writer *writer, u32 offset, u32 word)
{
	*(word_t *)(writer->blob + offset) = __builtin_bswap32(word);
}

static void put_word(struct fdt_writer *writer, u32 word)
{
	if (!has_room(writer, CELL))
		return;
	word_set(writer, writer->at, word);
	writer->at += CELL;
}

void fdt_write_number(struct fdt_writer *writer, u64 number, u32 cells)
{
	if (cells == 2)
		put_word(writer, (u32)(number >> 32));
	put_word(writer, (u32)number);
}

/* @size bytes, and zeroes up to the next word. */
static void put_bytes(struct fdt_writer *writer, const void *data, u32 size)
{
	u32 padded = (u32)align_up(size, CELL);

	if (size > FDT_SIZE_MAX) {
		fdt_write_fail(writer, FDT_WRITE_NO_ROOM);
		return;
	}
	if (!has_room(writer, padded))
		return;
	memset(writer->blob + writer->at + size, 0, padded - size);
	if (size != 0)
		memcpy(writer->blob + writer->at, data, size);
	writer->at += padded;
}

static void put_reservation(struct fdt_writer *writer, u64 start, u64 size)
{
	fdt_write_number(writer, start, 2);
	fdt_write_number(writer, size, 2);
}

void fdt_write_begin(struct fdt_writer *writer, void *buffer, size_t size)
{
	u32 usable = (u32)align_down(min_u64(size, FDT_SIZE_MAX), FDT_ALIGN);

	*writer = (struct fdt_writer){
		.blob = buffer, .at = FDT_HEADER_SIZE, .strings = usable, .size = usable
	};
	if (buffer == NULL || !is_aligned((uintptr_t)buffer, FDT_ALIGN))
		fdt_write_fail(writer, FDT_WRITE_MISALIGNED);
	has_room(writer, 0);
}

void fdt_write_reserve(struct fdt_writer *writer, u64 start, u64 size)
{
	if (writer->struct_start != 0)
		fdt_write_fail(writer, FDT_WRITE_MISPLACED);
	if (size != 0)
		put_reservation(writer, start, size);
}

/* The first node ends the reservations. */
static void begin_root(struct fdt_writer *writer, const char *name)
{
	if (writer->done)
		fdt_write_fail(writer, FDT_WRITE_MISPLACED);
	if (name[0] != '\0')
		fdt_write_fail(writer, FDT_WRITE_BAD_NAME);
	put_reservation(writer, 0, 0);
	writer->struct_start = writer->at;
}

void fdt_write_node(struct fdt_writer *writer, const char *name)
{
	if (writer->depth == 0)
		begin_root(writer, name);
	if (writer->depth == FDT_DEPTH_MAX)
		fdt_write_fail(writer, FDT_WRITE_TOO_DEEP);
	put_word(writer, FDT_BEGIN_NODE);
	put_bytes(writer, name, (u32)strnlen(name, FDT_SIZE_MAX) + 1);
	writer->depth++;
	writer->properties = true;
}

void fdt_write_node_at(struct fdt_writer *writer, const char *name, u64 address)
{
	char full[NODE_NAME_MAX];

	if (format(full, sizeof(full), "%s@%lx", name, address) >= sizeof(full))
		fdt_write_fail(writer, FDT_WRITE_BAD_NAME);
	fdt_write_node(writer, full);
}

void fdt_write_node_end(struct fdt_writer *writer)
{
	if (writer->depth == 0) {
		fdt_write_fail(writer, FDT_WRITE_MISPLACED);
		return;
	}
	put_word(writer, FDT_END_NODE);
	writer->depth--;
	writer->properties = false;
	writer->done = writer->depth == 0;
}

/*
 * Where @name stands in the strings block, as the distance from its end; put there unless it, or a
 * string that ends in it, is there already. 0 where there is no room.
 */
static u32 name_distance(struct fdt_writer *writer, const char *name)
{
	u32 size = (u32)strnlen(name, FDT_SIZE_MAX) + 1;

	for (u32 at = writer->strings; at < writer->size && writer->size - at >= size; at++)
		if (memcmp(writer->blob + at, name, size) == 0)
			return writer->size - at;
	if (!has_room(writer, size))
		return 0;
	writer->strings -= size;
	memcpy(writer->blob + writer->strings, name, size);
	return writer->size - writer->strings;
}

/* The header of a property. */
static void put_prop(struct fdt_writer *writer, u32 distance, u32 size)
{
	if (!writer->properties)
		fdt_write_fail(writer, FDT_WRITE_MISPLACED);
	if (!has_room(writer, PROP_HEADER_SIZE))
		return;
	put_word(writer, FDT_PROP);
	put_word(writer, size);
	put_word(writer, distance);
}

void fdt_write_bytes(struct fdt_writer *writer, const char *name, const void *data, u32 size)
{
	put_prop(writer, name_distance(writer, name), size);
	put_bytes(writer, data, size);
}

void fdt_write_string(struct fdt_writer *writer, const char *name, const char *text)
{
	fdt_write_bytes(writer, name, text, (u32)strnlen(text, FDT_SIZE_MAX) + 1);
}

void fdt_write_list(struct fdt_writer *writer, const char *name)
{
	put_prop(writer, name_distance(writer, name), 0);
	writer->value = writer->at;
}

void fdt_write_list_end(struct fdt_writer *writer)
{
	if (writer->status == FDT_WRITE_OK)
		word_set(writer, writer->value - 2 * (u32)CELL, writer->at - writer->value);
}

static void write_cells(struct fdt_writer *writer, const char *name, u64 number, u32 cells)
{
	put_prop(writer, name_distance(writer, name), cells * (u32)CELL);
	fdt_write_number(writer, number, cells);
}

void fdt_write_u32(struct fdt_writer *writer, const char *name, u32 number)
{
	write_cells(writer, name, number, 1);
}

void fdt_write_u64(struct fdt_writer *writer, const char *name, u64 number)
{
	write_cells(writer, name, number, 2);
}

/* Where the token after the one at @offset is; both are ours. */
static u32 next_token(const struct fdt_writer *writer, u32 offset)
{
	const char *name = (const char *)writer->blob + offset + CELL;

	switch (word_get(writer, offset)) {
	case FDT_BEGIN_NODE:
		return offset + CELL + (u32)align_up(strlen(name) + 1, CELL);
	case FDT_PROP:
		return offset + PROP_HEADER_SIZE +
		       (u32)align_up(word_get(writer, offset + CELL), CELL);
	}
	return offset + CELL;
}

/* From distances to offsets in the strings block. */
static void names_resolve(struct fdt_writer *writer)
{
	u32 strings_size = writer->size - writer->strings;

	for (u32 at = writer->struct_start; at < writer->at; at = next_token(writer, at))
		if (word_get(writer, at) == FDT_PROP)
			word_set(writer, at + 2 * CELL,
				 strings_size - word_get(writer, at + 2 * CELL));
}

static u32 header_write(struct fdt_writer *writer, u32 strings_size)
{
	u32 used = writer->at + strings_size;
	u32 total = (u32)align_up(used, FDT_ALIGN);
	const u32 header[] = { FDT_MAGIC,
			       total,
			       writer->struct_start,
			       writer->at,
			       FDT_HEADER_SIZE,
			       FDT_VERSION,
			       FDT_LAST_COMP_VERSION,
			       writer->boot_cpu,
			       strings_size,
			       writer->at - writer->struct_start };

	for (u32 i = 0; i < ARRAY_SIZE(header); i++)
		word_set(writer, i * (u32)CELL, header[i]);
	memset(writer->blob + used, 0, total - used);
	return total;
}

void fdt_write_names(struct fdt_writer *writer, const void *names, u32 size)
{
	if (writer->strings != writer->size)
		fdt_write_fail(writer, FDT_WRITE_MISPLACED);
	if (!has_room(writer, size))
		return;
	writer->strings -= size;
	memcpy(writer->blob + writer->strings, names, size);
}

void fdt_write_named(struct fdt_writer *writer, u32 distance, const void *data, u32 size)
{
	put_prop(writer, distance, size);
	put_bytes(writer, data, size);
}

enum fdt_write_status fdt_write_finish(struct fdt_writer *writer, u32 *size)
{
	u32 strings_size = writer->size - writer->strings;

	*size = 0;
	if (!writer->done)
		fdt_write_fail(writer, FDT_WRITE_MISPLACED);
	put_word(writer, FDT_END_TOKEN);
	if (writer->status != FDT_WRITE_OK)
		return writer->status;
	names_resolve(writer);
	memmove(writer->blob + writer->at, writer->blob + writer->strings, strings_size);
	/* The buffer is a multiple of 8 and holds both blocks: the padding fits, too. */
	*size = header_write(writer, strings_size);
	return FDT_WRITE_OK;
}
