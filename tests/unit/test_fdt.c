// SPDX-License-Identifier: MIT
/*
 * lib/fdt*.c against libfdt, on trees that libfdt made, on QEMU's, on damaged ones, and on ones put
 * together word by word. Every blob is allocated as long as its totalsize, so that AddressSanitizer
 * sees a read past it. Host only.
 */
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/libfdt.h"

#include <pagoda/lib/fdt.h>

#include "support/data.h"
#include "support/random.h"

/* Header words, by their offset (Devicetree Specification 0.4, 5.2). */
enum {
	MAGIC = 0,
	TOTAL_SIZE = 4,
	OFF_STRUCT = 8,
	OFF_STRINGS = 12,
	OFF_RESERVE = 16,
	VERSION = 20,
	LAST_COMP_VERSION = 24,
	SIZE_STRINGS = 32,
	SIZE_STRUCT = 36,
};

struct blob {
	u8 *bytes;
	u32 size;
};

static u32 word_get(const u8 *bytes, u32 offset)
{
	const u8 *at = bytes + offset;

	return (u32)at[0] << 24 | (u32)at[1] << 16 | (u32)at[2] << 8 | at[3];
}

static void word_set(u8 *bytes, u32 offset, u32 value)
{
	for (unsigned i = 0; i < 4; i++)
		bytes[offset + i] = (u8)(value >> (24 - 8 * i));
}

/* Exactly @size bytes; what @bytes has not got is zero. */
static struct blob blob_copy(const u8 *bytes, u32 have, u32 size)
{
	struct blob blob = { calloc(1, size), size };

	assert_non_null(blob.bytes);
	memcpy(blob.bytes, bytes, have < size ? have : size);
	return blob;
}

static void blob_free(struct blob *blob)
{
	free(blob->bytes);
	blob->bytes = NULL;
}

/* What a walk has found, ours or the reference's. */

#define EVENTS_MAX 2048

struct walk {
	bool well_formed;
	enum fdt_status status; /* ours only */
	u32 count;
	struct fdt_event event[EVENTS_MAX];
};

static u32 be32(u32 number)
{
	return __builtin_bswap32(number);
}

/* The header is one that libfdt accepts, and keeps the rules that Pagoda adds. */
static bool reference_header(const void *blob)
{
	return fdt_check_header(blob) == 0 && fdt_version(blob) >= 16 &&
	       fdt_totalsize(blob) <= FDT_SIZE_MAX && fdt_totalsize(blob) >= FDT_HEADER_SIZE &&
	       fdt_off_mem_rsvmap(blob) % 8 == 0 && fdt_off_dt_struct(blob) % 4 == 0 &&
	       fdt_off_mem_rsvmap(blob) >= FDT_HEADER_SIZE &&
	       fdt_off_dt_struct(blob) >= FDT_HEADER_SIZE &&
	       fdt_off_dt_strings(blob) >= FDT_HEADER_SIZE &&
	       fdt_size_dt_strings(blob) <= fdt_totalsize(blob) - fdt_off_dt_strings(blob);
}

static bool reference_property(const void *blob, int offset, int next, struct fdt_event *event)
{
	const struct fdt_property *property;
	const char *name;
	int length;

	property = fdt_get_property_by_offset(blob, offset, &length);
	/* libfdt 1.6 lets the size of a property wrap round. */
	if (property == NULL || length < 0 || (s64)offset + 12 + length > next)
		return false;
	name = fdt_get_string(blob, (int)be32(property->nameoff), NULL);
	/* It bounds the names of a version 16 blob by the blob, not by the strings block. */
	if (name == NULL || be32(property->nameoff) + strlen(name) >= fdt_size_dt_strings(blob))
		return false;
	event->name = name;
	event->data = (const u8 *)property->data;
	event->size = (u32)length;
	return true;
}

/* libfdt's place in a blob, and what it leaves to its callers: the nesting. */
struct reference {
	const void *blob;
	int offset, next; /* of this token and the one after it, in the structure block */
	int depth;
	bool root_seen;
};

/* The event that @token is; false where the rules on nesting or libfdt do not allow it. */
static bool reference_event(struct reference *at, uint32_t token, struct fdt_event *event)
{
	int length;

	*event = (struct fdt_event){ .token = (enum fdt_token)token, .name = "" };
	event->offset = fdt_off_dt_struct(at->blob) + (u32)at->offset;
	switch (token) {
	case LIBFDT_BEGIN_NODE:
		if (at->depth == FDT_DEPTH_MAX || (at->depth == 0 && at->root_seen))
			return false;
		event->name = fdt_get_name(at->blob, at->offset, &length);
		event->name_length = (u32)length;
		event->depth = at->depth++;
		at->root_seen = true;
		return true;
	case LIBFDT_END_NODE:
		event->depth = --at->depth;
		return event->depth >= 0;
	case LIBFDT_PROP:
		event->depth = at->depth - 1;
		return event->depth >= 0 &&
		       reference_property(at->blob, at->offset, at->next, event);
	}
	return false;
}

static void reference_walk(struct walk *walk, const void *blob)
{
	struct reference at = { .blob = blob };

	walk->well_formed = false;
	walk->count = 0;
	if (!reference_header(blob))
		return;
	while (walk->count < EVENTS_MAX) {
		uint32_t token;

		at.offset = at.next;
		token = fdt_next_tag(blob, at.offset, &at.next);
		if (at.next < 0)
			return;
		if (token == LIBFDT_NOP)
			continue;
		if (token == LIBFDT_END) {
			walk->well_formed = at.depth == 0 && at.root_seen;
			return;
		}
		if (!reference_event(&at, token, &walk->event[walk->count]))
			return;
		walk->count++;
	}
}

/* Read all that an event points to, for AddressSanitizer to judge. */
static bool event_touch(const struct fdt_event *event)
{
	volatile u8 sum = 0;

	for (u32 i = 0; i < event->size; i++)
		sum = (u8)(sum + event->data[i]);
	if (event->token == FDT_PROP) {
		fdt_is_string(event->data, event->size);
		fdt_has_string(event->data, event->size, "virtio,mmio");
	}
	return event->token != FDT_BEGIN_NODE || strlen(event->name) == event->name_length;
}

/* Null, or what is wrong with how our reader behaved. */
static const char *our_walk(struct walk *walk, const void *blob)
{
	struct fdt fdt;
	struct fdt_cursor cursor;
	u64 start, size;
	unsigned reserved = 0;

	walk->well_formed = false;
	walk->count = 0;
	walk->status = fdt_open(&fdt, blob);
	if (walk->status != FDT_OK)
		return walk->status == FDT_END ? "open says end" : NULL;
	while (fdt_reserve(&fdt, reserved, &start, &size))
		if (++reserved > fdt.total_size / 16)
			return "endless reservations";
	cursor = fdt_begin(&fdt);
	for (; walk->count < EVENTS_MAX; walk->count++) {
		struct fdt_event *event = &walk->event[walk->count];

		*event = (struct fdt_event){ 0 };
		walk->status = fdt_next(&cursor, event);
		if (walk->status == FDT_END)
			walk->well_formed = true;
		if (walk->status != FDT_OK)
			return NULL;
		if (walk->count >= (fdt.struct_end - fdt.struct_start) / 4)
			return "more events than words";
		if (!event_touch(event))
			return "name and name_length differ";
	}
	return NULL;
}

static bool events_equal(const struct fdt_event *a, const struct fdt_event *b)
{
	return a->token == b->token && a->offset == b->offset && a->depth == b->depth &&
	       a->name_length == b->name_length && a->data == b->data && a->size == b->size &&
	       (a->token == FDT_END_NODE ? strcmp(a->name, b->name) == 0 : a->name == b->name);
}

static struct walk ours, reference;

/* Names that the trees have, that they have not, and that are the beginning of one they have. */
static const char wanted_names[][FDT_NAME_SIZE] = { "reg", "compatible", "absent", "x", "compat" };

#define WANTED ARRAY_SIZE(wanted_names)

/* Whether @node is the one that our event @at begins, with the properties that follow that. */
static bool node_is_event(const struct fdt_node *node, u32 at)
{
	const struct fdt_event *event = &ours.event[at];
	struct fdt_value expected[WANTED] = { 0 };

	if (node->name != event->name || node->offset != event->offset)
		return false;
	while (++at < ours.count && ours.event[at].token == FDT_PROP)
		for (size_t i = 0; i < WANTED; i++)
			if (strcmp(wanted_names[i], ours.event[at].name) == 0)
				expected[i] = (struct fdt_value){ ours.event[at].data,
								  ours.event[at].size };
	for (unsigned i = 0; i < WANTED; i++)
		if (fdt_value(node, i).data != expected[i].data ||
		    fdt_value(node, i).size != expected[i].size)
			return false;
	return true;
}

/* The index of our first event from @at on that begins a node. */
static u32 next_node(u32 at)
{
	while (at < ours.count && ours.event[at].token != FDT_BEGIN_NODE)
		at++;
	return at;
}

/*
 * Null, or how the walk from node to node differs from the one from event to event, which is in
 * ours. Of a blob that is not well formed it may leave out the last node: the one whose properties
 * are bad.
 */
static const char *nodes_disagreement(const void *blob)
{
	static struct fdt_walk walk;
	u32 at = next_node(0), ancestors[FDT_DEPTH_MAX];
	enum fdt_status status;
	struct fdt fdt;

	if (fdt_open(&fdt, blob) != FDT_OK)
		return NULL;
	memset(&walk, 0xa5, sizeof(walk));
	fdt_walk_begin(&walk, &fdt, wanted_names, WANTED);
	while ((status = fdt_walk_next(&walk)) == FDT_OK) {
		if (at == ours.count || walk.depth != ours.event[at].depth)
			return "the walk goes to another node";
		ancestors[walk.depth] = at;
		for (int depth = 0; depth <= walk.depth; depth++)
			if (!node_is_event(&walk.node[depth], ancestors[depth]))
				return "the walk has other properties";
		at = next_node(at + 1);
	}
	if (status != ours.status)
		return "the walk ends with another status";
	if (at < ours.count && (ours.well_formed || next_node(at + 1) < ours.count))
		return "the walk leaves out nodes";
	return NULL;
}

static bool is_wanted(const struct fdt_walk *walk, u32 only)
{
	return walk->depth < 2 || (walk->reached->found & only) != 0;
}

/* Null, or how a walk to some nodes only differs from one to all, of which it leaves out others. */
static const char *picky_disagreement(const void *blob)
{
	static struct fdt_walk all, some;
	enum fdt_status status, expected;
	struct fdt fdt;

	if (fdt_open(&fdt, blob) != FDT_OK)
		return NULL;
	for (u32 only = 1; only < BIT(WANTED); only = 2 * only + 1) {
		fdt_walk_begin(&all, &fdt, wanted_names, WANTED);
		fdt_walk_begin(&some, &fdt, wanted_names, WANTED);
		some.only = only;
		do {
			status = fdt_walk_next(&some);
			do
				expected = fdt_walk_next(&all);
			while (expected == FDT_OK && !is_wanted(&all, only));
			if (status != expected)
				return "the walk to some nodes ends otherwise";
			for (int depth = 0; status == FDT_OK && depth <= all.depth; depth++)
				if (some.depth != all.depth ||
				    some.node[depth].offset != all.node[depth].offset ||
				    some.node[depth].found != all.node[depth].found)
					return "the walk to some nodes goes to another";
		} while (status == FDT_OK);
	}
	return NULL;
}

/* What fdt_seek() should find, by reading event by event. */
static enum fdt_status seek_slowly(const struct fdt *fdt, const char *word,
				   struct fdt_cursor *cursor, u32 *offset)
{
	struct fdt_event event;
	enum fdt_status status;

	*cursor = fdt_begin(fdt);
	while ((status = fdt_next(cursor, &event)) == FDT_OK) {
		*offset = event.offset;
		if (event.token == FDT_BEGIN_NODE && event.depth == 1 &&
		    fdt_name_is(event.name, word))
			return FDT_OK;
	}
	return status;
}

/* Null, or how the search for one node goes wrong. It finds no fault with names of properties. */
static const char *seek_disagreement(const void *blob)
{
	static const char *const words[] = { "abcd", "chosen", "psci", "memory", "virtio_mmio" };
	struct fdt_cursor found, expected;
	struct fdt fdt;

	if (fdt_open(&fdt, blob) != FDT_OK)
		return NULL;
	fdt.strings_start = 0;
	fdt.strings_end = UINT32_MAX;
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		u32 offset, expected_offset;
		enum fdt_status status = seek_slowly(&fdt, words[i], &expected, &expected_offset);

		/* The one name that is still out of bounds. */
		if (status == FDT_BAD_NAME && fdt_word_at(fdt.blob + expected.offset) == FDT_PROP)
			continue;
		if (fdt_seek(&fdt, words[i], &found, &offset) != status)
			return "the search ends with another status";
		if (status == FDT_OK &&
		    (offset != expected_offset || found.offset != expected.offset ||
		     found.depth != expected.depth || !found.root_seen))
			return "the search finds another node";
	}
	return NULL;
}

/*
 * Null, or how our reader and libfdt differ on @blob. Both must agree on what is well formed, and
 * on every event of that. On the rest ours may give up earlier, as where a property ends in the odd
 * bytes of a structure block that is not whole words long.
 */
static const char *disagreement(const void *blob)
{
	const char *wrong = our_walk(&ours, blob);

	if (!wrong)
		wrong = nodes_disagreement(blob)	 ?:
				picky_disagreement(blob) ?:
							   seek_disagreement(blob);
	if (wrong)
		return wrong;
	reference_walk(&reference, blob);
	if (ours.count > reference.count)
		return "events that libfdt has not";
	for (u32 i = 0; i < ours.count; i++)
		if (!events_equal(&ours.event[i], &reference.event[i]))
			return "an event differs";
	if (ours.count == EVENTS_MAX && reference.count == EVENTS_MAX)
		return NULL;
	if (ours.well_formed != reference.well_formed)
		return ours.well_formed ? "well formed only to us" : "well formed only to libfdt";
	if (ours.well_formed && ours.count != reference.count)
		return "events are missing";
	return NULL;
}

static void assert_agreement(const struct blob *blob)
{
	const char *wrong = disagreement(blob->bytes);

	if (wrong)
		fail_msg("%s at event %u: status %d", wrong, ours.count, ours.status);
}

/* Trees that libfdt makes. */

#define TREE_ROOM 16384

static void property_of_size(void *tree, const char *name, int size)
{
	static const u8 value[] = "\0\0\0\3\0\0\0\2value with the bytes of tokens \0\0\0\1";

	assert_in_range(size, 0, sizeof(value));
	assert_int_equal(fdt_property(tree, name, value, size), 0);
}

/* Every size of value modulo 4, every length of name modulo 4, reservations, and nodes in nodes. */
static struct blob small_tree(void)
{
	static const char *const names[] = { "", "a", "ab", "abc", "abcd", "serial@9000000" };
	static u8 tree[TREE_ROOM];

	assert_int_equal(fdt_create(tree, sizeof(tree)), 0);
	assert_int_equal(fdt_add_reservemap_entry(tree, 0x40000000, 0x1000), 0);
	assert_int_equal(fdt_add_reservemap_entry(tree, 0xfff0000000000000, 1), 0);
	assert_int_equal(fdt_finish_reservemap(tree), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(fdt_begin_node(tree, names[i]), 0);
		for (int size = 0; size < 10; size++)
			property_of_size(tree, size % 3 ? "compatible" : "x", size);
		assert_int_equal(fdt_begin_node(tree, "leaf"), 0);
		assert_int_equal(fdt_end_node(tree), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(fdt_end_node(tree), 0);
	assert_int_equal(fdt_finish(tree), 0);
	return blob_copy(tree, fdt_totalsize(tree), fdt_totalsize(tree));
}

/* QEMU 7.2's `-M virt` tree, packed by libfdt's fdt_pack(). */
static struct blob qemu_tree(void)
{
	static u8 tree[TREE_ROOM];
	size_t size = data_read("qemu-virt.dtb", tree, sizeof(tree));

	assert_int_equal(size, fdt_totalsize(tree));
	return blob_copy(tree, (u32)size, (u32)size);
}

static void a_tree_made_by_libfdt_reads_as_libfdt_reads_it(void **state)
{
	struct blob blob = small_tree();

	(void)state;
	assert_agreement(&blob);
	assert_true(ours.well_formed);
	/* Six nodes with ten properties and one leaf each; a leaf ends itself. */
	assert_int_equal(ours.count, 6 * (1 + 10 + 2 + 1));
	blob_free(&blob);
}

static void qemus_tree_reads_as_libfdt_reads_it(void **state)
{
	struct blob blob = qemu_tree();
	bool memory_seen = false;

	(void)state;
	assert_agreement(&blob);
	assert_true(ours.well_formed);
	assert_in_range(ours.count, 300, EVENTS_MAX - 1);
	for (u32 i = 0; i < ours.count; i++)
		if (ours.event[i].token == FDT_BEGIN_NODE &&
		    fdt_name_is(ours.event[i].name, "memory"))
			memory_seen = ours.event[i].depth == 1;
	assert_true(memory_seen);
	blob_free(&blob);
}

static void nodes_and_properties_cut_out_with_nops_are_not_seen(void **state)
{
	struct blob blob = qemu_tree();
	int node = fdt_path_offset(blob.bytes, "/pl011@9000000");
	u32 before;

	(void)state;
	assert_agreement(&blob);
	before = ours.count;
	assert_int_equal(fdt_nop_property(blob.bytes, 0, "model"), 0);
	assert_int_equal(fdt_nop_node(blob.bytes, node), 0);
	assert_agreement(&blob);
	assert_true(ours.well_formed);
	assert_in_range(ours.count, 1, before - 4);
	blob_free(&blob);
}

/* Trees put together word by word: a header, one empty reservation, @words, and @strings. */

struct text {
	const char *bytes;
	u32 size;
};

/* Without the NUL that C adds: whoever wants one writes it. */
#define TEXT(literal) ((struct text){ literal, sizeof(literal) - 1 })

#define STRUCT_START 56

static struct blob blob_make(const u32 *words, u32 count, struct text strings)
{
	static const u8 nothing[1];
	u32 strings_start = STRUCT_START + count * 4;
	struct blob blob = blob_copy(nothing, 0, strings_start + strings.size);

	word_set(blob.bytes, MAGIC, 0xd00dfeed);
	word_set(blob.bytes, TOTAL_SIZE, blob.size);
	word_set(blob.bytes, OFF_STRUCT, STRUCT_START);
	word_set(blob.bytes, OFF_STRINGS, strings_start);
	word_set(blob.bytes, OFF_RESERVE, FDT_HEADER_SIZE);
	word_set(blob.bytes, VERSION, 17);
	word_set(blob.bytes, LAST_COMP_VERSION, 16);
	word_set(blob.bytes, SIZE_STRINGS, strings.size);
	word_set(blob.bytes, SIZE_STRUCT, count * 4);
	for (u32 i = 0; i < count; i++)
		word_set(blob.bytes, STRUCT_START + i * 4, words[i]);
	memcpy(blob.bytes + strings_start, strings.bytes, strings.size);
	return blob;
}

#define BEGIN 1, 0 /* a node without a name */
#define NAMED(word) 1, word, 0 /* one with four letters */
#define END_NODE 2
#define PROP(size, name) 3, size, name
#define NOP 4
#define END 9
#define NAME_ABCD 0x61626364

/* Walk the tree; its status after @events events, in agreement with libfdt. */
#define assert_tree(events, expected, strings, ...)                              \
	do {                                                                     \
		const u32 words[] = { __VA_ARGS__ };                             \
		struct blob blob = blob_make(words, ARRAY_SIZE(words), strings); \
                                                                                 \
		assert_agreement(&blob);                                         \
		assert_int_equal(ours.status, expected);                         \
		assert_int_equal(ours.count, events);                            \
		blob_free(&blob);                                                \
	} while (0)

static const struct text no_strings = { "", 0 };

static void a_tree_of_one_node_is_well_formed(void **state)
{
	(void)state;
	assert_tree(2, FDT_END, no_strings, BEGIN, END_NODE, END);
	assert_tree(2, FDT_END, no_strings, NOP, BEGIN, NOP, NOP, END_NODE, NOP, END);
}

static void a_property_after_a_child_belongs_to_its_parent(void **state)
{
	(void)state;
	assert_tree(6, FDT_END, TEXT("reg\0"), BEGIN, NAMED(NAME_ABCD), PROP(4, 0), 7, END_NODE,
		    PROP(0, 1), END_NODE, END);
	assert_int_equal(ours.event[2].depth, 1);
	assert_int_equal(ours.event[3].depth, 1);
	assert_int_equal(ours.event[4].depth, 0);
}

static void of_properties_of_one_name_the_last_one_counts(void **state)
{
	const u32 words[] = { BEGIN, PROP(4, 0), 7, NOP, PROP(8, 0), 8, 9, END_NODE, END };
	struct blob blob = blob_make(words, ARRAY_SIZE(words), TEXT("reg\0"));
	static struct fdt_walk walk;
	struct fdt_value value;
	struct fdt fdt;

	(void)state;
	assert_int_equal(fdt_open(&fdt, blob.bytes), FDT_OK);
	fdt_walk_begin(&walk, &fdt, wanted_names, WANTED);
	assert_int_equal(fdt_walk_next(&walk), FDT_OK);
	value = fdt_value(&walk.node[0], 0);
	assert_int_equal(value.size, 8);
	assert_int_equal(fdt_cells(value.data, 2), 0x800000009);
	assert_null(fdt_value(&walk.node[0], 1).data);
	assert_int_equal(fdt_walk_next(&walk), FDT_END);
	blob_free(&blob);
}

/*
 * The search for /chosen, in trees put together word by word: a node's name is two words where it
 * is "chosen", with a unit address, or with other letters.
 */

#define CHOSEN 1, 0x63686f73, 0x656e0000
#define CHOSEN_AT_0 1, 0x63686f73, 0x656e4030, 0
#define CHOSEN_X 1, 0x63686f73, 0x656e2d78, 0
#define CHOSER 1, 0x63686f73, 0x65720000
#define CHOS 1, 0x63686f73, 0
#define FIRST (STRUCT_START + 8) /* the root's first child, where that has no properties */

/* What fdt_seek() says; and, where it says FDT_OK, the node's place in words after FIRST. */
#define assert_seek(expected, place, ...)                                               \
	do {                                                                            \
		const u32 words[] = { BEGIN, __VA_ARGS__ };                             \
		struct blob blob = blob_make(words, ARRAY_SIZE(words), TEXT("reg\0"));  \
		struct fdt_cursor cursor;                                               \
		struct fdt fdt;                                                         \
		u32 offset = 0;                                                         \
                                                                                        \
		assert_int_equal(fdt_open(&fdt, blob.bytes), FDT_OK);                   \
		assert_int_equal(fdt_seek(&fdt, "chosen", &cursor, &offset), expected); \
		assert_int_equal(offset, expected == FDT_OK ? FIRST + (place)*4 : 0);   \
		assert_agreement(&blob);                                                \
		blob_free(&blob);                                                       \
	} while (0)

static void chosen_is_found_first_last_and_in_the_middle(void **state)
{
	(void)state;
	assert_seek(FDT_OK, 0, CHOSEN, PROP(4, 0), 7, END_NODE, NAMED(NAME_ABCD), END_NODE,
		    END_NODE, END);
	assert_seek(FDT_OK, 4, NAMED(NAME_ABCD), END_NODE, CHOSEN, END_NODE, END_NODE, END);
	assert_seek(FDT_OK, 5, NOP, NAMED(NAME_ABCD), END_NODE, CHOSEN, END_NODE, NAMED(NAME_ABCD),
		    END_NODE, END_NODE, END);
	assert_seek(FDT_OK, 12, NAMED(NAME_ABCD), PROP(4, 0), 7, BEGIN, END_NODE, NOP, END_NODE,
		    CHOSEN, END_NODE, END_NODE, END);
	assert_seek(FDT_OK, 0, CHOSEN_AT_0, END_NODE, END_NODE, END);
}

static void of_two_chosen_the_first_is_found_and_a_tree_without_has_none(void **state)
{
	(void)state;
	assert_seek(FDT_OK, 0, CHOSEN, END_NODE, CHOSEN, END_NODE, END_NODE, END);
	assert_seek(FDT_OK, 0, CHOSEN_AT_0, END_NODE, CHOSEN, END_NODE, END_NODE, END);
	assert_seek(FDT_END, 0, END_NODE, END);
	assert_seek(FDT_END, 0, NAMED(NAME_ABCD), PROP(8, 0), 1, 2, END_NODE, END_NODE, END);
}

static void what_only_looks_like_chosen_is_not_it(void **state)
{
	(void)state;
	/* deeper down, also where it comes before the one */
	assert_seek(FDT_END, 0, NAMED(NAME_ABCD), CHOSEN, END_NODE, END_NODE, END_NODE, END);
	assert_seek(FDT_END, 0, NAMED(NAME_ABCD), NOP, CHOSEN, END_NODE, END_NODE, END_NODE, END);
	assert_seek(FDT_OK, 8, NAMED(NAME_ABCD), CHOSEN, END_NODE, END_NODE, CHOSEN, END_NODE,
		    END_NODE, END);
	/* names that begin like it */
	assert_seek(FDT_END, 0, CHOSEN_X, END_NODE, CHOSER, END_NODE, CHOS, END_NODE, END_NODE,
		    END);
	assert_seek(FDT_OK, 13, CHOSEN_X, END_NODE, CHOSER, END_NODE, CHOS, END_NODE, CHOSEN,
		    END_NODE, END_NODE, END);
	/* in the value of a property, and as a root */
	assert_seek(FDT_END, 0, PROP(12, 0), CHOSEN, END_NODE, END);
}

static void what_is_wrong_before_chosen_is_told_and_after_it_is_not_seen(void **state)
{
	(void)state;
	assert_seek(FDT_BAD_TOKEN, 0, 7, CHOSEN, END_NODE, END_NODE, END);
	assert_seek(FDT_BAD_TOKEN, 0, NAMED(NAME_ABCD), 7, END_NODE, CHOSEN, END_NODE, END_NODE,
		    END);
	assert_seek(FDT_UNBALANCED, 0, END_NODE, CHOSEN, END_NODE, END);
	assert_seek(FDT_TRUNCATED, 0, PROP(0x7fffffff, 0), CHOSEN, END_NODE, END_NODE, END);
	assert_seek(FDT_TRUNCATED, 0, PROP(0xfffffff0, 0), CHOSEN, END_NODE, END_NODE, END);
	assert_seek(FDT_TRUNCATED, 0, NAMED(NAME_ABCD), END_NODE);
	assert_seek(FDT_BAD_NAME, 0, 1, 0x63686f73, 0x656e2d2d);
	assert_seek(FDT_OK, 0, CHOSEN, 7);
	assert_seek(FDT_OK, 0, CHOSEN, PROP(0x7fffffff, 0));
	assert_seek(FDT_OK, 0, CHOSEN);
	assert_seek(FDT_OK, 0, CHOSEN, END_NODE, NAMED(NAME_ABCD), 7);
}

/* Of every length, at both alignments to 8: the NUL is in every place of a pair. */
static void names_of_every_length_are_passed_over(void **state)
{
	(void)state;
	for (u32 length = 0; length < 40; length++) {
		for (u32 nops = 0; nops < 2; nops++) {
			u32 name_words = length / 4 + 1, count = 0, words[24] = { 0 };
			struct fdt_cursor cursor;
			struct blob blob;
			struct fdt fdt;
			u32 offset;

			words[count] = 1;
			count += 2;
			for (u32 i = 0; i < nops; i++)
				words[count++] = 4;
			words[count++] = 1;
			for (u32 i = 0; i < length; i++)
				words[count + i / 4] |= 0x80u << (24 - i % 4 * 8);
			count += name_words;
			words[count++] = 2;
			memcpy(&words[count], (u32[]){ CHOSEN, END_NODE, END_NODE, END }, 24);
			blob = blob_make(words, count + 6, TEXT("reg\0"));
			assert_int_equal(fdt_open(&fdt, blob.bytes), FDT_OK);
			assert_int_equal(fdt_seek(&fdt, "chosen", &cursor, &offset), FDT_OK);
			assert_int_equal(offset, STRUCT_START + count * 4);
			blob_free(&blob);
		}
	}
}

/* Many more names than the walk can keep in mind, some of them at places that share a slot. */
static void names_at_many_places_are_told_apart(void **state)
{
	static char strings[3 * FDT_KNOWN_MAX + 32];
	static struct fdt_walk walk;
	u32 words[4 * 8 + 4] = { BEGIN }, count = 2, places[8];
	struct blob blob;
	struct fdt fdt;

	(void)state;
	for (u32 i = 0; i < 8; i++) {
		places[i] = (i / 2) * FDT_KNOWN_MAX % (3 * FDT_KNOWN_MAX) + i % 2 * 8;
		memcpy(&strings[places[i]], i % 3 == 0 ? "reg" : "rex", 4);
	}
	for (u32 i = 0; i < 8; i++) {
		const u32 property[] = { PROP(4, places[i]), i };

		memcpy(&words[count], property, sizeof(property));
		count += 4;
	}
	words[count++] = END_NODE;
	words[count++] = END;
	blob = blob_make(words, count, (struct text){ strings, sizeof(strings) });
	assert_agreement(&blob);
	assert_int_equal(fdt_open(&fdt, blob.bytes), FDT_OK);
	fdt_walk_begin(&walk, &fdt, wanted_names, WANTED);
	assert_int_equal(fdt_walk_next(&walk), FDT_OK);
	assert_non_null(fdt_value(&walk.node[0], 0).data);
	blob_free(&blob);
}

static void properties_may_begin_with_any_byte(void **state)
{
	(void)state;
	assert_tree(5, FDT_END, TEXT("reg\0\x80\xff\0\xff\0\0"), BEGIN, PROP(0, 4), PROP(0, 7),
		    PROP(0, 9), END_NODE, END);
}

static void what_follows_the_end_is_not_read(void **state)
{
	(void)state;
	assert_tree(2, FDT_END, no_strings, BEGIN, END_NODE, END, 0xdeadbeef);
}

static void the_end_is_told_as_often_as_it_is_asked_for(void **state)
{
	const u32 words[] = { BEGIN, END_NODE, END };
	struct blob blob = blob_make(words, ARRAY_SIZE(words), no_strings);
	struct fdt_event event;
	struct fdt_cursor cursor;
	struct fdt fdt;

	(void)state;
	assert_int_equal(fdt_open(&fdt, blob.bytes), FDT_OK);
	cursor = fdt_begin(&fdt);
	assert_int_equal(fdt_next(&cursor, &event), FDT_OK);
	assert_int_equal(fdt_next(&cursor, &event), FDT_OK);
	assert_int_equal(fdt_next(&cursor, &event), FDT_END);
	assert_int_equal(fdt_next(&cursor, &event), FDT_END);
	blob_free(&blob);
}

static void a_structure_that_ends_too_early_is_truncated(void **state)
{
	(void)state;
	assert_tree(0, FDT_TRUNCATED, no_strings, NOP);
	assert_tree(1, FDT_TRUNCATED, no_strings, BEGIN);
	assert_tree(2, FDT_TRUNCATED, no_strings, BEGIN, END_NODE);
	assert_tree(1, FDT_TRUNCATED, TEXT("a\0"), BEGIN, 3);
	assert_tree(1, FDT_TRUNCATED, TEXT("a\0"), BEGIN, 3, 0);
	assert_tree(2, FDT_TRUNCATED, TEXT("a\0"), BEGIN, PROP(0, 0));
	assert_tree(1, FDT_TRUNCATED, TEXT("a\0"), BEGIN, PROP(1, 0));
	assert_tree(1, FDT_TRUNCATED, TEXT("a\0"), BEGIN, PROP(5, 0), 0);
}

static void a_property_size_near_2_to_32_does_not_wrap_round(void **state)
{
	(void)state;
	for (u32 size = -32u; size != 0; size++)
		assert_tree(1, FDT_TRUNCATED, TEXT("a\0"), BEGIN, PROP(size, 0), END_NODE, END);
}

static void a_word_that_is_no_token_is_refused(void **state)
{
	static const u32 tokens[] = { 0, 5, 6, 7, 8, 10, 0x01000000, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
		assert_tree(1, FDT_BAD_TOKEN, no_strings, BEGIN, tokens[i], END_NODE, END);
}

static void a_node_name_without_its_nul_is_refused(void **state)
{
	(void)state;
	assert_tree(0, FDT_BAD_NAME, no_strings, 1);
	assert_tree(0, FDT_BAD_NAME, no_strings, 1, NAME_ABCD);
	assert_tree(1, FDT_BAD_NAME, no_strings, BEGIN, 1, NAME_ABCD, 0x80808080, 0x01010101);
}

static void a_node_name_ends_at_its_first_nul(void **state)
{
	static const u32 last[] = { 0x00616161, 0x61006161, 0x61610061, 0x61616100, 0x01000101 };
	static const u32 lengths[] = { 4, 5, 6, 7, 5 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(last); i++) {
		assert_tree(4, FDT_END, no_strings, BEGIN, 1, 0x80ff8001, last[i], END_NODE,
			    END_NODE, END);
		assert_int_equal(ours.event[1].name_length, lengths[i]);
	}
}

static void a_property_name_must_start_and_end_in_the_strings_block(void **state)
{
	(void)state;
	assert_tree(1, FDT_BAD_NAME, no_strings, BEGIN, PROP(0, 0), END_NODE, END);
	assert_tree(1, FDT_BAD_NAME, TEXT("a\0"), BEGIN, PROP(0, 2), END_NODE, END);
	assert_tree(1, FDT_BAD_NAME, TEXT("a\0"), BEGIN, PROP(0, -1u), END_NODE, END);
	assert_tree(1, FDT_BAD_NAME, TEXT("a\0"), BEGIN, PROP(0, -STRUCT_START), END_NODE, END);
	/* Every byte of the offset counts, also with the others 0. */
	for (u32 byte = 0; byte < 4; byte++)
		for (u32 value = 0x80; value > 0; value >>= 1)
			assert_tree(1, FDT_BAD_NAME, TEXT("\0"), BEGIN, PROP(0, value << 8 * byte),
				    END_NODE, END);
	/* Nor is any row of ones a place that is known. */
	for (u32 place = ~0u; place > 0; place >>= 1)
		assert_tree(1, FDT_BAD_NAME, TEXT("\0"), BEGIN, PROP(0, place), END_NODE, END);
}

static void a_last_string_without_its_nul_hurts_only_who_uses_it(void **state)
{
	(void)state;
	assert_tree(4, FDT_END, TEXT("ab\0cd"), BEGIN, PROP(0, 0), PROP(0, 2), END_NODE, END);
	assert_tree(2, FDT_BAD_NAME, TEXT("ab\0cd"), BEGIN, PROP(0, 1), PROP(0, 3), END_NODE, END);
	assert_tree(2, FDT_BAD_NAME, TEXT("ab\0cd"), BEGIN, PROP(0, 1), PROP(0, 4), END_NODE, END);
	assert_tree(1, FDT_BAD_NAME, TEXT("abcd"), BEGIN, PROP(0, 0), END_NODE, END);
	assert_tree(2, FDT_END, TEXT("abcd"), BEGIN, END_NODE, END);
}

static void nodes_must_balance_under_one_root(void **state)
{
	(void)state;
	assert_tree(0, FDT_UNBALANCED, no_strings, END);
	assert_tree(0, FDT_UNBALANCED, no_strings, END_NODE, END);
	assert_tree(1, FDT_UNBALANCED, no_strings, BEGIN, END);
	assert_tree(3, FDT_UNBALANCED, no_strings, BEGIN, BEGIN, END_NODE, END);
	assert_tree(2, FDT_UNBALANCED, no_strings, BEGIN, END_NODE, END_NODE, END);
	assert_tree(2, FDT_UNBALANCED, no_strings, BEGIN, END_NODE, BEGIN, END_NODE, END);
}

static void a_property_outside_the_root_is_refused(void **state)
{
	(void)state;
	assert_tree(0, FDT_UNBALANCED, TEXT("a\0"), PROP(0, 0), BEGIN, END_NODE, END);
	assert_tree(2, FDT_UNBALANCED, TEXT("a\0"), BEGIN, END_NODE, PROP(0, 0), END);
}

static struct blob tree_of_depth(unsigned depth)
{
	u32 words[3 * 64 + 1], count = 0;

	assert_in_range(depth, 1, 64);
	for (unsigned i = 0; i < depth; i++, count += 2) {
		words[count] = 1;
		words[count + 1] = 0;
	}
	for (unsigned i = 0; i < depth; i++)
		words[count++] = END_NODE;
	words[count++] = END;
	return blob_make(words, count, no_strings);
}

static void nodes_may_nest_to_the_limit_and_no_deeper(void **state)
{
	struct blob deep = tree_of_depth(FDT_DEPTH_MAX);
	struct blob too_deep = tree_of_depth(FDT_DEPTH_MAX + 1);

	(void)state;
	assert_agreement(&deep);
	assert_int_equal(ours.status, FDT_END);
	assert_int_equal(ours.event[FDT_DEPTH_MAX - 1].depth, FDT_DEPTH_MAX - 1);
	assert_agreement(&too_deep);
	assert_int_equal(ours.status, FDT_TOO_DEEP);
	assert_int_equal(ours.count, FDT_DEPTH_MAX);
	blob_free(&deep);
	blob_free(&too_deep);
}

/* Headers. */

static void a_null_pointer_is_no_blob(void **state)
{
	struct fdt fdt;
	u32 size;

	(void)state;
	assert_int_equal(fdt_open(&fdt, NULL), FDT_NULL);
	assert_int_equal(fdt_size(NULL, &size), FDT_NULL);
}

static void a_blob_off_its_alignment_is_refused_unread(void **state)
{
	static _Alignas(FDT_ALIGN) u8 bytes[FDT_HEADER_SIZE];
	struct fdt fdt;
	u32 size;

	(void)state;
	for (u32 off = 1; off < FDT_ALIGN; off++) {
		assert_int_equal(fdt_open(&fdt, bytes + off), FDT_MISALIGNED);
		assert_int_equal(fdt_size(bytes + off, &size), FDT_MISALIGNED);
	}
}

/* Open a tree that would be right but for one word of its header. */
static enum fdt_status open_with(u32 offset, u32 value)
{
	const u32 words[] = { BEGIN, PROP(4, 0), 7, END_NODE, END };
	struct blob blob = blob_make(words, ARRAY_SIZE(words), TEXT("reg\0"));
	enum fdt_status status;
	const char *wrong;
	struct fdt fdt;

	assert_int_equal(fdt_open(&fdt, blob.bytes), FDT_OK);
	word_set(blob.bytes, offset, value);
	status = fdt_open(&fdt, blob.bytes);
	wrong = disagreement(blob.bytes);
	if (wrong)
		fail_msg("header word at %u set to %#x: %s", offset, value, wrong);
	blob_free(&blob);
	return status;
}

static void a_header_with_a_wrong_magic_or_version_is_refused(void **state)
{
	(void)state;
	assert_int_equal(open_with(MAGIC, 0), FDT_BAD_MAGIC);
	assert_int_equal(open_with(MAGIC, 0xedfe0dd0), FDT_BAD_MAGIC);
	assert_int_equal(open_with(VERSION, 15), FDT_BAD_VERSION);
	assert_int_equal(open_with(VERSION, 0), FDT_BAD_VERSION);
	assert_int_equal(open_with(LAST_COMP_VERSION, 18), FDT_BAD_VERSION);
	assert_int_equal(open_with(LAST_COMP_VERSION, -1u), FDT_BAD_VERSION);
	assert_int_equal(open_with(VERSION, 18), FDT_OK);
	assert_int_equal(open_with(VERSION, 16), FDT_OK);
}

static void an_absurd_total_size_is_refused_and_told(void **state)
{
	static const u32 sizes[] = { 0, 1, FDT_HEADER_SIZE - 1, FDT_SIZE_MAX + 1, 0x7fffffff, -1u };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_Alignas(FDT_ALIGN) u8 header[FDT_HEADER_SIZE] = { 0 };
		u32 size = 0;

		word_set(header, MAGIC, 0xd00dfeed);
		word_set(header, TOTAL_SIZE, sizes[i]);
		assert_int_equal(fdt_size(header, &size), FDT_BAD_SIZE);
		assert_int_equal(size, sizes[i]);
		assert_int_equal(open_with(TOTAL_SIZE, sizes[i]), FDT_BAD_SIZE);
	}
}

static void the_total_size_is_told_without_opening(void **state)
{
	struct blob blob = small_tree();
	u32 size = 0;

	(void)state;
	assert_int_equal(fdt_size(blob.bytes, &size), FDT_OK);
	assert_int_equal(size, blob.size);
	word_set(blob.bytes, MAGIC, 1);
	assert_int_equal(fdt_size(blob.bytes, &size), FDT_BAD_MAGIC);
	blob_free(&blob);
}

static void a_block_must_be_aligned_and_inside_the_blob(void **state)
{
	static const u32 offsets[] = { OFF_STRUCT, OFF_STRINGS, OFF_RESERVE };
	static const u32 sizes[] = { SIZE_STRUCT, SIZE_STRINGS };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		assert_int_equal(open_with(offsets[i], 0), FDT_BAD_BLOCK);
		assert_int_equal(open_with(offsets[i], FDT_HEADER_SIZE - 8), FDT_BAD_BLOCK);
		assert_int_equal(open_with(offsets[i], 0x1000), FDT_BAD_BLOCK);
		assert_int_equal(open_with(offsets[i], -8u), FDT_BAD_BLOCK);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(open_with(sizes[i], 0x1000), FDT_BAD_BLOCK);
		assert_int_equal(open_with(sizes[i], -4u), FDT_BAD_BLOCK);
		assert_int_equal(open_with(sizes[i], -STRUCT_START), FDT_BAD_BLOCK);
	}
	assert_int_equal(open_with(OFF_STRUCT, STRUCT_START + 2), FDT_BAD_BLOCK);
	assert_int_equal(open_with(OFF_RESERVE, FDT_HEADER_SIZE + 4), FDT_BAD_BLOCK);
}

static void a_version_16_structure_block_reaches_to_the_end_of_the_blob(void **state)
{
	const u32 words[] = { BEGIN, END_NODE, END };
	struct blob blob = blob_make(words, ARRAY_SIZE(words), no_strings);

	(void)state;
	word_set(blob.bytes, VERSION, 16);
	word_set(blob.bytes, SIZE_STRUCT, 0); /* not a field of that version */
	assert_agreement(&blob);
	assert_int_equal(ours.status, FDT_END);
	word_set(blob.bytes, STRUCT_START + 12, NOP);
	assert_agreement(&blob);
	assert_int_equal(ours.status, FDT_TRUNCATED);
	word_set(blob.bytes, OFF_STRUCT, blob.size + 4);
	assert_agreement(&blob);
	assert_int_equal(ours.status, FDT_BAD_BLOCK);
	blob_free(&blob);
}

static void every_status_has_words_of_its_own(void **state)
{
	(void)state;
	for (int i = FDT_OK; i <= FDT_TOO_DEEP; i++) {
		const char *words = fdt_status_str((enum fdt_status)i);

		assert_true(strlen(words) > 0 && words[strlen(words) - 1] != '.');
		for (int j = FDT_OK; j < i; j++)
			assert_string_not_equal(words, fdt_status_str((enum fdt_status)j));
		assert_string_not_equal(words, fdt_status_str((enum fdt_status)(FDT_TOO_DEEP + 1)));
	}
}

/* Damage. */

static void a_blob_cut_at_any_length_is_refused(void **state)
{
	struct blob whole[] = { small_tree(), qemu_tree() };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		for (u32 size = FDT_HEADER_SIZE; size < whole[i].size; size++) {
			struct blob cut = blob_copy(whole[i].bytes, whole[i].size, size);

			word_set(cut.bytes, TOTAL_SIZE, size);
			assert_agreement(&cut);
			assert_int_equal(ours.status, FDT_BAD_BLOCK);
			blob_free(&cut);
		}
		blob_free(&whole[i]);
	}
}

static void a_structure_block_cut_at_any_length_is_refused(void **state)
{
	struct blob whole[] = { small_tree(), qemu_tree() };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		u32 full = word_get(whole[i].bytes, SIZE_STRUCT);

		for (u32 size = 0; size < full; size++) {
			word_set(whole[i].bytes, SIZE_STRUCT, size);
			assert_agreement(&whole[i]);
			assert_true(ours.status == FDT_TRUNCATED || ours.status == FDT_BAD_NAME);
		}
		word_set(whole[i].bytes, SIZE_STRUCT, full);
		assert_agreement(&whole[i]);
		assert_true(ours.well_formed);
		blob_free(&whole[i]);
	}
}

/* The same, with the blob ending where the block does: the strings stand before it. */
static void a_structure_block_at_the_end_of_the_blob_is_not_read_beyond(void **state)
{
	const u32 words[] = { BEGIN, NAMED(NAME_ABCD), PROP(6, 0), 1, 2, END_NODE, END_NODE, END };
	u32 strings_start = STRUCT_START;
	u32 struct_start = strings_start + 4;

	(void)state;
	for (u32 size = 0; size <= sizeof(words); size++) {
		struct blob made = blob_make(words, ARRAY_SIZE(words), TEXT("reg\0"));
		struct blob cut = blob_copy(made.bytes, strings_start, struct_start + size);

		memcpy(cut.bytes + strings_start, "reg", 4);
		memcpy(cut.bytes + struct_start, made.bytes + STRUCT_START, size);
		word_set(cut.bytes, TOTAL_SIZE, cut.size);
		word_set(cut.bytes, OFF_STRUCT, struct_start);
		word_set(cut.bytes, OFF_STRINGS, strings_start);
		word_set(cut.bytes, SIZE_STRUCT, size);
		assert_agreement(&cut);
		assert_int_equal(ours.well_formed, size == sizeof(words));
		word_set(cut.bytes, VERSION, 16);
		assert_agreement(&cut);
		assert_int_equal(ours.well_formed, size == sizeof(words));
		blob_free(&made);
		blob_free(&cut);
	}
}

#define CHANGES_MAX 6

/* One place of a blob with other bytes: one, or a big-endian word. */
struct change {
	u32 offset, value;
	bool is_word;
};

struct damage {
	u32 count;
	struct change change[CHANGES_MAX];
};

/* Numbers that a reader might trip over. */
static u32 tricky_number(struct random *random, const struct blob *blob)
{
	switch (random_below(random, 6)) {
	case 0:
		return random_below(random, 11); /* all tokens */
	case 1:
		return -random_below(random, 64);
	case 2:
		return blob->size + random_below(random, 32) - 16;
	case 3:
		return 0x80000000 + random_below(random, 16) - 8;
	case 4:
		return random_below(random, blob->size);
	}
	return (u32)random_any_length(random);
}

static struct change change_make(struct random *random, const struct blob *blob)
{
	struct change change = { .offset = random_below(random, blob->size) };

	if (random_below(random, 3) == 0) {
		change.value = (u32)random_next(random) & 0xff;
		return change;
	}
	change.is_word = true;
	change.value = tricky_number(random, blob);
	if (random_below(random, 8) == 0)
		change.offset = random_below(random, FDT_HEADER_SIZE);
	change.offset &= ~3u;
	if (change.offset > blob->size - 4)
		change.offset = 0;
	return change;
}

static struct damage damage_make(struct random *random, const struct blob *blob)
{
	struct damage damage = { .count = 1 + random_below(random, CHANGES_MAX) };

	for (u32 i = 0; i < damage.count; i++)
		damage.change[i] = change_make(random, blob);
	return damage;
}

/* The damaged blob, as long as its damaged totalsize where fdt_open() may believe that. */
static struct blob damage_do(const struct blob *blob, const struct damage *damage)
{
	struct blob work = blob_copy(blob->bytes, blob->size, blob->size);
	struct blob result;
	u32 total;

	for (u32 i = 0; i < damage->count; i++) {
		if (damage->change[i].is_word)
			word_set(work.bytes, damage->change[i].offset, damage->change[i].value);
		else
			work.bytes[damage->change[i].offset] = (u8)damage->change[i].value;
	}
	total = word_get(work.bytes, TOTAL_SIZE);
	if (total < FDT_HEADER_SIZE || total > FDT_SIZE_MAX)
		total = FDT_HEADER_SIZE;
	result = blob_copy(work.bytes, work.size, total);
	blob_free(&work);
	return result;
}

static const char *damage_try(const struct blob *blob, const struct damage *damage)
{
	struct blob damaged = damage_do(blob, damage);
	const char *wrong = disagreement(damaged.bytes);

	blob_free(&damaged);
	return wrong;
}

/* Leave out every change that the failure does not need, then print the rest. */
static void damage_report(const struct blob *blob, struct damage *damage)
{
	for (u32 i = 0; i < damage->count;) {
		struct damage less = *damage;

		less.change[i] = less.change[--less.count];
		if (damage_try(blob, &less))
			*damage = less;
		else
			i++;
	}
	for (u32 i = 0; i < damage->count; i++)
		print_error("  %s at %#x: %#x\n", damage->change[i].is_word ? "word" : "byte",
			    damage->change[i].offset, damage->change[i].value);
	print_error("  %s, status %d\n", damage_try(blob, damage), ours.status);
}

static void damaged_blobs_are_judged_as_libfdt_judges_them(void **state)
{
	struct blob whole[] = { small_tree(), qemu_tree() };
	struct random random = random_start();
	u32 seen[FDT_TOO_DEEP + 1] = { 0 };

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		const struct blob *blob = &whole[round % 4 == 0];
		struct damage damage = damage_make(&random, blob);

		if (damage_try(blob, &damage)) {
			print_error("PAGODA_SEED=%lu, round %u, blob of %u bytes:\n", random.seed,
				    round, blob->size);
			damage_report(blob, &damage);
			fail();
		}
		seen[ours.status]++;
	}
	/* The damage must not be all of one kind. */
	for (int i = FDT_END; i < FDT_TOO_DEEP; i++)
		if (i != FDT_NULL && i != FDT_MISALIGNED)
			assert_int_not_equal(seen[i], 0);
	assert_in_range(seen[FDT_END], 1000, 15000);
	blob_free(&whole[0]);
	blob_free(&whole[1]);
}

/* What helps to read values. */

static void reservations_are_read_up_to_the_pair_of_zeroes(void **state)
{
	struct blob blob = small_tree();
	struct fdt fdt;
	u64 start, size;

	(void)state;
	assert_int_equal(fdt_open(&fdt, blob.bytes), FDT_OK);
	assert_true(fdt_reserve(&fdt, 0, &start, &size));
	assert_int_equal(start, 0x40000000);
	assert_int_equal(size, 0x1000);
	assert_true(fdt_reserve(&fdt, 1, &start, &size));
	assert_int_equal(start, 0xfff0000000000000);
	assert_int_equal(size, 1);
	assert_false(fdt_reserve(&fdt, 2, &start, &size));
	blob_free(&blob);
}

static void reservations_end_with_the_blob(void **state)
{
	const u32 words[] = { BEGIN, END_NODE, END };
	struct blob blob = blob_make(words, ARRAY_SIZE(words), TEXT("12345678"));
	struct fdt fdt;
	u64 start, size;

	(void)state;
	/* Half an entry is left of the blob. */
	word_set(blob.bytes, OFF_RESERVE, blob.size - 8);
	assert_int_equal(fdt_open(&fdt, blob.bytes), FDT_OK);
	assert_false(fdt_reserve(&fdt, 0, &start, &size));
	word_set(blob.bytes, OFF_RESERVE, blob.size - 16);
	assert_int_equal(fdt_open(&fdt, blob.bytes), FDT_OK);
	assert_true(fdt_reserve(&fdt, 0, &start, &size));
	assert_false(fdt_reserve(&fdt, 1, &start, &size));
	assert_false(fdt_reserve(&fdt, 0x10000000, &start, &size));
	assert_false(fdt_reserve(&fdt, -1u, &start, &size));
	blob_free(&blob);
}

static void cells_are_big_endian_numbers(void **state)
{
	static const alignas(4) u8 data[] = { 0xff, 0x12, 0x34, 0x56, 0x78, 0x9a,
					      0xbc, 0xde, 0xf0, 0x11, 0x22, 0x33 };

	(void)state;
	assert_int_equal(fdt_cells(data + 4, 0), 0);
	assert_int_equal(fdt_cells(data + 4, 1), 0x789abcde);
	assert_int_equal(fdt_cells(data + 4, 2), 0x789abcdef0112233);
	assert_int_equal(fdt_cells(data, 1), 0xff123456);
}

/* Exactly these bytes, so that AddressSanitizer sees a read past them. */
static u8 *exact(struct text text)
{
	return blob_copy((const u8 *)text.bytes, text.size, text.size).bytes;
}

static void a_string_ends_with_its_first_nul_at_the_end_of_the_value(void **state)
{
	static const struct {
		struct text text;
		bool is_string;
	} values[] = {
		{ { "", 0 }, false },	   { { "\0", 1 }, true },
		{ { "a", 1 }, false },	   { { "abc\0", 4 }, true },
		{ { "abc", 3 }, false },   { { "a\0b\0", 4 }, false },
		{ { "a\0\0", 3 }, false }, { { "\xff\x01\0", 3 }, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		u8 *data = exact(values[i].text);

		assert_int_equal(fdt_is_string(data, values[i].text.size), values[i].is_string);
		free(data);
	}
}

static void a_word_is_found_in_a_list_only_in_whole(void **state)
{
	const struct text list = TEXT("arm,psci-1.0\0arm,psci-0.2\0\0arm,psci\0arm,tail");
	static const struct {
		const char *word;
		bool found;
	} words[] = {
		{ "arm,psci-1.0", true }, { "arm,psci-0.2", true },
		{ "arm,psci", true },	  { "", true },
		{ "arm,psc", false },	  { "arm,psci-1", false },
		{ "psci", false },	  { "arm,psci-0.22", false },
		{ "arm,tail", false },	  { "0.2", false },
	};
	u8 *data = exact(list);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (fdt_has_string(data, list.size, words[i].word) != words[i].found)
			fail_msg("\"%s\"", words[i].word);
	assert_false(fdt_has_string(data, 0, "arm,psci-1.0"));
	assert_false(fdt_has_string(NULL, 0, ""));
	free(data);
}

/* libfdt answers the same question, and reads one byte further than the list to do so. */
static void words_are_found_in_random_lists_as_libfdt_finds_them(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned round = 0; round < 50000; round++) {
		u32 size = 1 + random_below(&random, 12);
		char list[16] = "", word[4] = "";
		u8 *data;

		for (u32 i = 0; i < size - 1; i++)
			list[i] = "ab\0"[random_below(&random, 3)];
		for (unsigned i = 1 + random_below(&random, 3); i > 0; i--)
			word[i - 1] = "ab"[random_below(&random, 2)];
		data = exact((struct text){ list, size });
		if (fdt_has_string(data, size, word) !=
		    fdt_stringlist_contains(list, (int)size, word))
			fail_msg("seed %lu, round %u: \"%s\" in %u bytes", random.seed, round, word,
				 size);
		free(data);
	}
}

static void a_node_name_matches_with_and_without_its_unit_address(void **state)
{
	(void)state;
	assert_true(fdt_name_is("memory", "memory"));
	assert_true(fdt_name_is("memory@40000000", "memory"));
	assert_true(fdt_name_is("", ""));
	assert_true(fdt_name_is("@0", ""));
	assert_false(fdt_name_is("memory-controller@0", "memory"));
	assert_false(fdt_name_is("memor", "memory"));
	assert_false(fdt_name_is("memor@0", "memory"));
	assert_false(fdt_name_is("", "memory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_made_by_libfdt_reads_as_libfdt_reads_it),
		cmocka_unit_test(qemus_tree_reads_as_libfdt_reads_it),
		cmocka_unit_test(nodes_and_properties_cut_out_with_nops_are_not_seen),
		cmocka_unit_test(a_tree_of_one_node_is_well_formed),
		cmocka_unit_test(a_property_after_a_child_belongs_to_its_parent),
		cmocka_unit_test(of_properties_of_one_name_the_last_one_counts),
		cmocka_unit_test(chosen_is_found_first_last_and_in_the_middle),
		cmocka_unit_test(of_two_chosen_the_first_is_found_and_a_tree_without_has_none),
		cmocka_unit_test(what_only_looks_like_chosen_is_not_it),
		cmocka_unit_test(what_is_wrong_before_chosen_is_told_and_after_it_is_not_seen),
		cmocka_unit_test(names_of_every_length_are_passed_over),
		cmocka_unit_test(names_at_many_places_are_told_apart),
		cmocka_unit_test(properties_may_begin_with_any_byte),
		cmocka_unit_test(what_follows_the_end_is_not_read),
		cmocka_unit_test(the_end_is_told_as_often_as_it_is_asked_for),
		cmocka_unit_test(a_structure_that_ends_too_early_is_truncated),
		cmocka_unit_test(a_property_size_near_2_to_32_does_not_wrap_round),
		cmocka_unit_test(a_word_that_is_no_token_is_refused),
		cmocka_unit_test(a_node_name_without_its_nul_is_refused),
		cmocka_unit_test(a_node_name_ends_at_its_first_nul),
		cmocka_unit_test(a_property_name_must_start_and_end_in_the_strings_block),
		cmocka_unit_test(a_last_string_without_its_nul_hurts_only_who_uses_it),
		cmocka_unit_test(nodes_must_balance_under_one_root),
		cmocka_unit_test(a_property_outside_the_root_is_refused),
		cmocka_unit_test(nodes_may_nest_to_the_limit_and_no_deeper),
		cmocka_unit_test(a_null_pointer_is_no_blob),
		cmocka_unit_test(a_blob_off_its_alignment_is_refused_unread),
		cmocka_unit_test(a_header_with_a_wrong_magic_or_version_is_refused),
		cmocka_unit_test(an_absurd_total_size_is_refused_and_told),
		cmocka_unit_test(the_total_size_is_told_without_opening),
		cmocka_unit_test(a_block_must_be_aligned_and_inside_the_blob),
		cmocka_unit_test(a_version_16_structure_block_reaches_to_the_end_of_the_blob),
		cmocka_unit_test(every_status_has_words_of_its_own),
		cmocka_unit_test(a_blob_cut_at_any_length_is_refused),
		cmocka_unit_test(a_structure_block_cut_at_any_length_is_refused),
		cmocka_unit_test(a_structure_block_at_the_end_of_the_blob_is_not_read_beyond),
		cmocka_unit_test(damaged_blobs_are_judged_as_libfdt_judges_them),
		cmocka_unit_test(reservations_are_read_up_to_the_pair_of_zeroes),
		cmocka_unit_test(reservations_end_with_the_blob),
		cmocka_unit_test(cells_are_big_endian_numbers),
		cmocka_unit_test(a_string_ends_with_its_first_nul_at_the_end_of_the_value),
		cmocka_unit_test(a_word_is_found_in_a_list_only_in_whole),
		cmocka_unit_test(words_are_found_in_random_lists_as_libfdt_finds_them),
		cmocka_unit_test(a_node_name_matches_with_and_without_its_unit_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
