// SPDX-License-Identifier: MIT
/*
 * The flattened device tree reader: the search for one node. It runs before the MMU is on, where
 * each load goes to memory by itself: so it loads 64 bits where it can, and looks at no more of a
 * token than it takes to get past it.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, unaligned accesses, instructions a host compiler cannot build.
 */
#include "fdt_token.h"

/* The fuzzers' compiler has no such word, and none that counts its instructions. */
#ifdef __clang__
#define KEEP_PARAMETERS __attribute__((noinline))
#else
#define KEEP_PARAMETERS __attribute__((noipa))
#endif

/* From one property, whose size the blob has as @size, to the token after it. */
static inline u64 prop_skip(u32 size)
{
	return align_up(PROP_HEADER_SIZE + (u64)__builtin_bswap32(size), TOKEN_SIZE);
}

/*
 * From @cursor on over whatever is plain: up to the first token of a child of the root whose name
 * begins with the bytes of @first, and to all that fdt_next() had better judge: the end of the root
 * or of the block, a NOP, what is no token. @ones, @begin_node, @end_node: PAIR_ONES and the two
 * tokens, as parameters so that they stay in registers, where the compiler would make them anew for
 * each node.
 */
static KEEP_PARAMETERS void skim(struct fdt_cursor *cursor, u32 first, u64 ones, u32 begin_node,
				 u32 end_node)
{
	const u8 *at = cursor->fdt->blob + cursor->offset;
	const u8 *last = cursor->fdt->blob + cursor->fdt->struct_end - PAIR_SIZE;
	int depth = cursor->depth;

	if (at > last)
		return;
	do {
		const word_t *token = (const word_t *)at;
		u32 word = token[0], argument = token[1];
		const u8 *next;

		/* What leaves no pair before the block's end is for fdt_next(), too. */
		while (word == BLOB_PROP) {
			at += prop_skip(argument);
			if (at > last)
				break;
			token = (const word_t *)at;
			word = token[0];
			argument = token[1];
		}
		if (word == end_node && depth > 1) {
			depth--;
			at += TOKEN_SIZE;
			continue; /* to the condition */
		}
		if (word != begin_node || depth == FDT_DEPTH_MAX ||
		    (depth == 1 && argument == first))
			break;
		next = name_skip(at + TOKEN_SIZE, last, argument, ones);
		if (next == NULL)
			break;
		depth++;
		at = next;
	} while (at <= last);
	cursor->offset = (u32)min_u64((u64)(at - cursor->fdt->blob), cursor->fdt->struct_end);
	cursor->depth = depth;
}

enum fdt_status fdt_seek(const struct fdt *fdt, const char *word, struct fdt_cursor *cursor,
			 u32 *offset)
{
	u32 first = (u8)word[0] | (u32)word[1] << 8 | (u32)word[2] << 16 | (u32)word[3] << 24;
	struct fdt_event event;
	enum fdt_status status;

	*cursor = fdt_begin(fdt);
	while ((status = fdt_next(cursor, &event)) == FDT_OK) {
		if (event.token == FDT_BEGIN_NODE && event.depth == 1 &&
		    fdt_name_is(event.name, word)) {
			*offset = event.offset;
			return FDT_OK;
		}
		if (cursor->depth > 0)
			skim(cursor, first, PAIR_ONES, BLOB_BEGIN_NODE, BLOB_END_NODE);
	}
	return status;
}
