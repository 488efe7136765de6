// SPDX-License-Identifier: MIT
/*
 * The flattened device tree reader: the header, where the blocks are, and the memory reservations.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, unaligned accesses, instructions a host compiler cannot build.
 *
 *   blob   +0  header (10 words), then three blocks in any order, each where the header says:
 *              memory reservations   pairs of 64-bit words, ended by a pair of zeroes
 *              structure             tokens of 32-bit words: BEGIN_NODE name, PROP size name value,
 *                                    END_NODE, NOP, END; names and values padded to 4 bytes
 *              strings               the names of properties, NUL-ended
 */
#include <pagoda/lib/fdt.h>

#define FDT_MAGIC 0xd00dfeed
#define FDT_VERSION 17 /* what is read: the first with the structure block's size */
#define FDT_VERSION_OLDEST 16 /* the first with names and values laid out as they are now */
#define TOKEN_ALIGN 4
#define RESERVE_ENTRY_SIZE 16

/* Byte offsets of the header's words. */
enum header_offset {
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

static u32 header_word(const void *blob, enum header_offset offset)
{
	return fdt_word_at((const u8 *)blob + offset);
}

enum fdt_status fdt_size(const void *blob, u32 *size)
{
	if (blob == NULL)
		return FDT_NULL;
	if (!is_aligned((uintptr_t)blob, FDT_ALIGN))
		return FDT_MISALIGNED;
	if (header_word(blob, HEADER_MAGIC) != FDT_MAGIC)
		return FDT_BAD_MAGIC;
	*size = header_word(blob, HEADER_TOTAL_SIZE);
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
	u32 struct_size, strings_size = header_word(fdt->blob, HEADER_STRINGS_SIZE);

	fdt->reserve_start = header_word(fdt->blob, HEADER_RESERVE);
	fdt->struct_start = header_word(fdt->blob, HEADER_STRUCT);
	fdt->strings_start = header_word(fdt->blob, HEADER_STRINGS);
	/* Without a size of its own the structure block can reach to the end of the blob. */
	struct_size = has_struct_size ? header_word(fdt->blob, HEADER_STRUCT_SIZE) :
					fdt->total_size - fdt->struct_start;
	if (!is_aligned(fdt->reserve_start, 8) || !is_aligned(fdt->struct_start, TOKEN_ALIGN) ||
	    !block_inside(fdt, fdt->reserve_start, 0) ||
	    !block_inside(fdt, fdt->struct_start, struct_size) ||
	    !block_inside(fdt, fdt->strings_start, strings_size))
		return FDT_BAD_BLOCK;
	/* Tokens are aligned, so none begins in a last word that is not whole. */
	fdt->struct_end = (u32)align_down(fdt->struct_start + struct_size, TOKEN_ALIGN);
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
	version = header_word(blob, HEADER_VERSION);
	if (version < FDT_VERSION_OLDEST ||
	    header_word(blob, HEADER_LAST_COMP_VERSION) > FDT_VERSION)
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

static u64 long_word(const u8 *data)
{
	return (u64)fdt_word_at(data) << 32 | fdt_word_at(data + 4);
}

bool fdt_reserve(const struct fdt *fdt, unsigned index, u64 *start, u64 *size)
{
	u64 offset = fdt->reserve_start + (u64)index * RESERVE_ENTRY_SIZE;

	if (offset + RESERVE_ENTRY_SIZE > fdt->total_size)
		return false;
	*start = long_word(fdt->blob + offset);
	*size = long_word(fdt->blob + offset + 8);
	return *start != 0 || *size != 0;
}
