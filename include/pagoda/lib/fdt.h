/* SPDX-License-Identifier: MIT */
/*
 * A reader of flattened device trees that trusts no byte of them: a cursor over the structure
 * block, one pass, no recursion, every access bounded by what fdt_open() checked. It keeps no state
 * but the caller's, allocates nothing, and reads bytes one at a time or aligned, so it may run with
 * the MMU off. Source: Devicetree Specification 0.4, chapter 5.
 */
#ifndef PAGODA_FDT_H
#define PAGODA_FDT_H

#include <pagoda/types.h>

#define FDT_HEADER_SIZE 40
#define FDT_ALIGN 8
#define FDT_SIZE_MAX MIB(2) /* what the arm64 boot protocol allows */
#define FDT_DEPTH_MAX 32 /* nodes inside nodes, the root included */

enum fdt_status {
	FDT_OK,
	FDT_END, /* fdt_next(): the structure block is read, and was well formed */
	FDT_NULL, /* no blob */
	FDT_MISALIGNED, /* the blob does not start at a multiple of 8 */
	FDT_BAD_MAGIC,
	FDT_BAD_VERSION, /* last_comp_version above 17 or version below 16 */
	FDT_BAD_SIZE, /* totalsize below the header's or above FDT_SIZE_MAX */
	FDT_BAD_BLOCK, /* a block misaligned, in the header, or outside totalsize */
	FDT_TRUNCATED, /* the structure block ends inside a token, or before FDT_END */
	FDT_BAD_TOKEN,
	FDT_BAD_NAME, /* a node or property name without its NUL, or outside its block */
	FDT_UNBALANCED, /* a node not begun or not ended, not one root, or a stray property */
	FDT_TOO_DEEP,
};

/* The reason in words, without a full stop. */
const char *fdt_status_str(enum fdt_status status);

/* A blob whose header has been checked. Offsets are from the start of the blob. */
struct fdt {
	const u8 *blob;
	u32 total_size;
	u32 reserve_start; /* memory reservation block: pairs of u64, ended by a pair of zeroes */
	u32 struct_start, struct_end;
	u32 strings_start, strings_end; /* up to and with the block's last NUL */
};

enum fdt_token {
	FDT_BEGIN_NODE = 1,
	FDT_END_NODE = 2,
	FDT_PROP = 3,
	FDT_NOP = 4, /* skipped, never reported */
	FDT_END_TOKEN = 9,
};

/* What fdt_next() found. */
struct fdt_event {
	enum fdt_token token; /* BEGIN_NODE, END_NODE or PROP */
	u32 offset; /* of the token, from the start of the blob */
	int depth; /* of the node that begins, ends or has the property; the root's is 0 */
	const char *name; /* of the node or property, NUL-ended; "" for END_NODE */
	u32 name_length; /* BEGIN_NODE only */
	const u8 *data; /* the property's value */
	u32 size; /* of the value in bytes */
};

struct fdt_cursor {
	const struct fdt *fdt;
	u32 offset; /* of the next token */
	int depth; /* nodes open */
	bool root_seen;
};

/*
 * fdt_size() - totalsize of the blob at @blob, of which the first FDT_HEADER_SIZE bytes are
 * readable. FDT_OK, FDT_NULL, FDT_MISALIGNED, FDT_BAD_MAGIC or FDT_BAD_SIZE; *@size is set in the
 * first and the last case. For those who must make the blob readable before they open it.
 */
enum fdt_status fdt_size(const void *blob, u32 *size);

/*
 * fdt_open() - check the header of @blob; totalsize bytes are readable. FDT_OK or what is wrong.
 * For those who must make the blocks readable first, in two steps: fdt_locate() checks the header
 * and says where the blocks are, and reads nothing else; fdt_cut() then finds where the last name
 * in the strings block ends. Before that strings_end is what the header says.
 */
enum fdt_status fdt_open(struct fdt *fdt, const void *blob);
enum fdt_status fdt_locate(struct fdt *fdt, const void *blob);
void fdt_cut(struct fdt *fdt);

/* fdt_begin() - a cursor before the first token. */
struct fdt_cursor fdt_begin(const struct fdt *fdt);

/*
 * fdt_next() - FDT_OK and the next event; FDT_END after the last; otherwise what is wrong, and the
 * cursor must not be used again.
 */
enum fdt_status fdt_next(struct fdt_cursor *cursor, struct fdt_event *event);

/*
 * fdt_seek() - the first child of the root that fdt_name_is() @word, of four letters or more.
 * FDT_OK and @offset, where its first token stands, and @cursor, for what is in it; FDT_END where
 * there is none in a block that is well formed; otherwise what is wrong before it. Reads tokens,
 * the names of nodes and the sizes of properties, not their names: it finds no fault with those.
 */
enum fdt_status fdt_seek(const struct fdt *fdt, const char *word, struct fdt_cursor *cursor,
			 u32 *offset);

/*
 * fdt_properties() - a cursor at the first property of the node whose first token is at @offset: it
 * was come to before, so it is well formed. fdt_next_property() - true and the next property; false
 * where there is none before the node's first subnode or its end, or none that can be read.
 */
struct fdt_cursor fdt_properties(const struct fdt *fdt, u32 offset);
bool fdt_next_property(struct fdt_cursor *cursor, struct fdt_event *event);

/* The value of a property; @data is null where the node does not have it. */
struct fdt_value {
	const u8 *data;
	u32 size;
};

#define FDT_NAME_SIZE 24
#define FDT_WANTED_MAX 15 /* makes struct fdt_node 256 bytes: quick to index */
#define FDT_HASH_SIZE 128
#define FDT_KNOWN_MAX 512

/* A node, and those of its properties that the walk was asked for. */
struct fdt_node {
	const char *name;
	u32 offset; /* of its first token, from the start of the blob */
	u32 found; /* bit i: value[i] holds the property of name i */
	struct fdt_value value[FDT_WANTED_MAX];
};

/*
 * A walk from node to node, in the order of the blob. node[depth] is the node it has reached, those
 * below that index are its ancestors, the root first.
 */
struct fdt_walk {
	const struct fdt *fdt;
	const u8 *at, *end; /* of the structure block: the next token, and where it ends */
	int open; /* nodes begun and not ended */
	int depth; /* of the node reached */
	struct fdt_node *reached; /* &node[depth]; its ancestors stand before it */
	bool root_seen;
	/*
	 * Bit i: of the nodes below the root's children only those that have a property of name i
	 * or of another such bit are gone to. 0: all are.
	 */
	u32 only;
	const char (*names)[FDT_NAME_SIZE];
	u32 count; /* of them */
	/*
	 * A hash table of the names, as index + 1; and what names were seen last at which places of
	 * the strings block, wanted or not.
	 */
	u8 first[FDT_HASH_SIZE], next[FDT_WANTED_MAX];
	u32 known[FDT_KNOWN_MAX];
	struct fdt_node node[FDT_DEPTH_MAX];
};

/*
 * fdt_walk_begin() - a walk that looks out for the properties in @names, at most FDT_WANTED_MAX.
 * @walk need not be cleared. It goes to every node; for less, set walk->only after this.
 */
void fdt_walk_begin(struct fdt_walk *walk, const struct fdt *fdt,
		    const char (*names)[FDT_NAME_SIZE], u32 count);

/*
 * fdt_walk_next() - go to the next node. FDT_OK, FDT_END after the last, or what is wrong with the
 * blob: the same verdicts as fdt_next(). A property that comes after a node's first subnode, which
 * the specification forbids, is passed over.
 */
enum fdt_status fdt_walk_next(struct fdt_walk *walk);

/* Where a walk over a damaged tree stands. */
struct fdt_rescue {
	bool inside; /* among the properties of the node reached */
};

/*
 * fdt_rescue_size() - how much of a blob may be read that is damaged, at an address that is a
 * multiple of 8 and with its header readable: @room at most, and what the header says where that
 * makes sense. 0 where it has not even the magic number, give or take a few bits.
 *
 * fdt_rescue() - where the blocks are in such a blob, of which @size bytes are readable: as the
 * header says, or as can be seen without it. False where that tells nothing. struct_start to
 * struct_end is then all that may be the structure block, and nothing in it has been checked.
 *
 * fdt_rescue_begin() - behind fdt_walk_begin(), a walk over such a tree. fdt_rescue_next() - go to
 * the next node, with what is whole of its properties; false past the last. Nodes and properties
 * that make no sense are passed over, one wrong bit in a token or a property's name is forgiven.
 * How deep the node is cannot be told: the depth is 1 for all, and the root is not come to. In
 * walk->node[2] is what was found, before it or in it, of nodes whose beginning is lost.
 */
u32 fdt_rescue_size(const u8 *blob, u32 room);
bool fdt_rescue(struct fdt *fdt, const u8 *blob, u32 size, bool by_header);
void fdt_rescue_begin(struct fdt_rescue *rescue, struct fdt_walk *walk);
bool fdt_rescue_next(struct fdt_rescue *rescue, struct fdt_walk *walk);

/* fdt_value() - the property of name @index; {NULL, 0} where @node has none. */
static inline struct fdt_value fdt_value(const struct fdt_node *node, unsigned index)
{
	if (node->found & BIT(index))
		return node->value[index];
	return (struct fdt_value){ NULL, 0 };
}

/* fdt_has_string() - @word is one of the NUL-ended strings in the list at @data (`compatible`). */
bool fdt_has_string(const u8 *data, u32 size, const char *word);

/*
 * fdt_is_okay() - a node whose `status` is @status may be used: it is "okay" or "ok", or the node
 * has none. Whatever else there is, disabled, reserved, fail or a word of the future's, is a no
 * (Devicetree Specification 0.4, 2.3.4). fdt_is_usable() - the same of @node, whose status is
 * property @index of the walk.
 */
static inline bool fdt_is_okay(struct fdt_value status)
{
	if (status.data == NULL)
		return true;
	if (status.size == sizeof("okay"))
		return fdt_has_string(status.data, sizeof("okay"), "okay");
	return status.size == sizeof("ok") && fdt_has_string(status.data, sizeof("ok"), "ok");
}

static inline bool fdt_is_usable(const struct fdt_node *node, unsigned index)
{
	return !(node->found & BIT(index)) || fdt_is_okay(node->value[index]);
}

/*
 * fdt_reserve() - entry @index of the memory reservation block: true and its start and size, false
 * past the last one or where the block runs out of the blob. Ask from 0 up and stop at the first
 * false: what stands after that is something else.
 */
bool fdt_reserve(const struct fdt *fdt, unsigned index, u64 *start, u64 *size);

/* fdt_word_at() - the big-endian word at @data, which is aligned to 4 bytes. */
static inline u32 fdt_word_at(const u8 *data)
{
	typedef u32 __attribute__((may_alias)) word_t;

	return __builtin_bswap32(*(const word_t *)data);
}

/*
 * fdt_cells() - the number in @cells (0 to 2) 32-bit cells at @data, big-endian: in the value of a
 * property, which is aligned to 4 bytes.
 */
u64 fdt_cells(const u8 *data, unsigned cells);

/* fdt_cell() - the number in a property of one cell; @missing where @node has none such. */
static inline u32 fdt_cell(const struct fdt_node *node, unsigned index, u32 missing)
{
	struct fdt_value value = fdt_value(node, index);

	return value.size == sizeof(u32) ? (u32)fdt_cells(value.data, 1) : missing;
}

/* fdt_is_string() - @data is text that ends with its first NUL at @size - 1 (so @size > 0). */
bool fdt_is_string(const u8 *data, u32 size);

/* fdt_node_has_string() - the same of property @index of @node; false where it has none such. */
static inline bool fdt_node_has_string(const struct fdt_node *node, unsigned index,
				       const char *word)
{
	struct fdt_value value = fdt_value(node, index);

	return fdt_has_string(value.data, value.size, word);
}

/*
 * fdt_name_is() - the node name @name is @word, with or without a unit address: "memory@40000000"
 * and "memory" are both `memory`.
 */
bool fdt_name_is(const char *name, const char *word);

#endif /* PAGODA_FDT_H */
