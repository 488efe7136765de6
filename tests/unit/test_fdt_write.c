// SPDX-License-Identifier: MIT
/*
 * kernel/firmware/fdt_write.c and fdt_edit.c: what is written is what libfdt and our reader read;
 * what is copied is the source but for what was asked to differ. Every buffer is allocated as long
 * as the writer is told, so that AddressSanitizer sees a byte past it. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/libfdt.h"

#include <pagoda/kernel/firmware/fdt_write.h>

#include "support/data.h"
#include "support/random.h"

#define ROOM KIB(64)
#define EVENTS_MAX 2048

struct blob {
	u8 *bytes;
	u32 size;
};

static struct blob blob_new(u32 size)
{
	/* Not zero, so that what must be written is. */
	struct blob blob = { malloc(size ? size : 1), size };

	assert_non_null(blob.bytes);
	memset(blob.bytes, 0xa5, size);
	return blob;
}

static void blob_free(struct blob *blob)
{
	free(blob->bytes);
}

/* Only as long as the tree in it. */
static struct blob blob_fit(struct blob *blob, u32 size)
{
	struct blob fit = blob_new(size);

	assert_in_range(size, 1, blob->size);
	memcpy(fit.bytes, blob->bytes, size);
	blob_free(blob);
	return fit;
}

static struct blob qemu_tree(void)
{
	struct blob blob = blob_new(16384);

	return blob_fit(&blob, (u32)data_read("qemu-virt.dtb", blob.bytes, blob.size));
}

/* What is in a tree: every event, names and values with it. */
struct content {
	u32 count;
	struct fdt_event event[EVENTS_MAX];
};

/* The events of @blob, after libfdt and our reader have found nothing wrong with it. */
static void read_content(struct content *content, const struct blob *blob)
{
	struct fdt_cursor cursor;
	enum fdt_status status;
	struct fdt fdt;

	assert_int_equal(fdt_check_full(blob->bytes, blob->size), 0);
	assert_int_equal(fdt_totalsize(blob->bytes), blob->size);
	assert_int_equal(fdt_open(&fdt, blob->bytes), FDT_OK);
	cursor = fdt_begin(&fdt);
	memset(content, 0, sizeof(*content));
	while ((status = fdt_next(&cursor, &content->event[content->count])) == FDT_OK)
		assert_in_range(content->count++, 0, EVENTS_MAX - 2);
	assert_int_equal(status, FDT_END);
}

/* Where it stands does not count. */
static bool same_event(const struct fdt_event *a, const struct fdt_event *b)
{
	return a->token == b->token && a->depth == b->depth && strcmp(a->name, b->name) == 0 &&
	       a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

static bool same_content(const struct content *a, const struct content *b)
{
	if (a->count != b->count)
		return false;
	for (u32 i = 0; i < a->count; i++)
		if (!same_event(&a->event[i], &b->event[i]))
			return false;
	return true;
}

static struct content first, second;

/* ---- the writer ---------------------------------------------------------------------------- */

/* One of everything. */
static enum fdt_write_status write_sample(struct blob *blob, u32 *size)
{
	struct fdt_writer writer;

	fdt_write_begin(&writer, blob->bytes, blob->size);
	fdt_write_reserve(&writer, 0x123456789a, 0x1000);
	fdt_write_reserve(&writer, 0x5000, 0);
	fdt_write_reserve(&writer, 0, 0x2000);
	fdt_write_node(&writer, "");
	fdt_write_u32(&writer, "#address-cells", 2);
	fdt_write_u64(&writer, "seed", 0x0123456789abcdef);
	fdt_write_string(&writer, "compatible", "pagoda,sample");
	fdt_write_node_at(&writer, "serial", 0x9000000);
	fdt_write_bytes(&writer, "compatible", "a\0bc", 5);
	fdt_write_bytes(&writer, "empty", NULL, 0);
	fdt_write_list(&writer, "reg");
	fdt_write_number(&writer, 0xf00000009000000, 2);
	fdt_write_number(&writer, 0x1000, 1);
	fdt_write_list_end(&writer);
	fdt_write_node(&writer, "leaf");
	fdt_write_node_end(&writer);
	fdt_write_node_end(&writer);
	fdt_write_node(&writer, "chosen");
	fdt_write_list(&writer, "empty");
	fdt_write_list_end(&writer);
	fdt_write_node_end(&writer);
	fdt_write_node_end(&writer);
	return fdt_write_finish(&writer, size);
}

static void what_is_written_is_read_by_libfdt(void **state)
{
	struct blob blob = blob_new(1000);
	u64 start, size;
	u32 written;

	(void)state;
	assert_int_equal(write_sample(&blob, &written), FDT_WRITE_OK);
	blob = blob_fit(&blob, written);
	read_content(&first, &blob);
	assert_int_equal(first.count, 4 * 2 + 7);
	assert_bytes(&blob, "/", "#address-cells", "\0\0\0\2");
	assert_bytes(&blob, "/", "seed", "\x01\x23\x45\x67\x89\xab\xcd\xef");
	assert_text(&blob, "/", "compatible", "pagoda,sample");
	assert_text(&blob, "/serial@9000000", "compatible", "a\0bc");
	assert_bytes(&blob, "/serial@9000000", "empty", "");
	assert_bytes(&blob, "/chosen", "empty", "");
	assert_bytes(&blob, "/serial@9000000", "reg", "\x0f\0\0\0\x09\0\0\0\0\0\x10\0");
	assert_true(fdt_path_offset(blob.bytes, "/serial@9000000/leaf") > 0);
	assert_int_equal(fdt_num_mem_rsv(blob.bytes), 2);
	assert_int_equal(fdt_get_mem_rsv(blob.bytes, 0, &start, &size), 0);
	assert_int_equal(start, 0x123456789a);
	assert_int_equal(size, 0x1000);
	assert_int_equal(fdt_get_mem_rsv(blob.bytes, 1, &start, &size), 0);
	assert_int_equal(start, 0);
	assert_int_equal(size, 0x2000);
	blob_free(&blob);
}

static void a_name_stands_once_in_the_strings_block(void **state)
{
	struct blob blob = blob_new(1000);
	struct fdt_writer writer;
	u32 written;

	(void)state;
	fdt_write_begin(&writer, blob.bytes, blob.size);
	fdt_write_node(&writer, "");
	for (int i = 0; i < 3; i++) {
		fdt_write_u32(&writer, "bus-range", 0);
		fdt_write_u32(&writer, "range", 1);
		fdt_write_u32(&writer, "e", 2);
		fdt_write_u32(&writer, "bus", 3);
	}
	fdt_write_node_end(&writer);
	assert_int_equal(fdt_write_finish(&writer, &written), FDT_WRITE_OK);
	assert_int_equal(fdt_size_dt_strings(blob.bytes), sizeof("bus-range") + sizeof("bus"));
	blob = blob_fit(&blob, written);
	read_content(&first, &blob);
	assert_string_equal(first.event[1].name, "bus-range");
	assert_string_equal(first.event[2].name, "range");
	assert_string_equal(first.event[3].name, "e");
	assert_string_equal(first.event[12].name, "bus");
	blob_free(&blob);
}

static void what_was_in_the_buffer_does_not_show(void **state)
{
	struct blob used = blob_new(1000), clean = blob_new(1000);
	u32 written, again;

	(void)state;
	memset(clean.bytes, 0, clean.size);
	assert_int_equal(write_sample(&used, &written), FDT_WRITE_OK);
	assert_int_equal(write_sample(&clean, &again), FDT_WRITE_OK);
	assert_int_equal(written, again);
	assert_memory_equal(used.bytes, clean.bytes, written);
	blob_free(&used);
	blob_free(&clean);
}

static void a_buffer_of_any_smaller_size_is_refused_and_not_left(void **state)
{
	struct blob whole = blob_new(1000);
	u32 needed, written;

	(void)state;
	assert_int_equal(write_sample(&whole, &needed), FDT_WRITE_OK);
	for (u32 size = 0; size < needed + 16; size++) {
		struct blob blob = blob_new(size);
		enum fdt_write_status status = write_sample(&blob, &written);

		assert_int_equal(status, size < needed ? FDT_WRITE_NO_ROOM : FDT_WRITE_OK);
		assert_int_equal(written, size < needed ? 0 : needed);
		if (status == FDT_WRITE_OK)
			assert_memory_equal(blob.bytes, whole.bytes, needed);
		blob_free(&blob);
	}
	blob_free(&whole);
}

static void a_buffer_off_its_alignment_is_refused(void **state)
{
	struct blob blob = blob_new(1004);
	struct blob off = { blob.bytes + 4, 1000 }, none = { NULL, 0 };
	u32 written;

	(void)state;
	assert_int_equal(write_sample(&off, &written), FDT_WRITE_MISALIGNED);
	assert_int_equal(off.bytes[0], 0xa5);
	assert_int_equal(write_sample(&none, &written), FDT_WRITE_MISALIGNED);
	blob_free(&blob);
}

/* Steps that a test strings together. */
enum step {
	STEP_NODE,
	STEP_END,
	STEP_PROPERTY,
	STEP_RESERVE,
	STEP_STOP,
};

static enum fdt_write_status write_steps(const enum step *step)
{
	struct blob blob = blob_new(4000);
	struct fdt_writer writer;
	enum fdt_write_status status;
	bool root = true;
	u32 written;

	fdt_write_begin(&writer, blob.bytes, blob.size);
	for (; *step != STEP_STOP; step++) {
		switch (*step) {
		case STEP_NODE:
			fdt_write_node(&writer, root ? "" : "node");
			root = false;
			break;
		case STEP_END:
			fdt_write_node_end(&writer);
			break;
		case STEP_PROPERTY:
			fdt_write_u32(&writer, "property", 1);
			break;
		case STEP_RESERVE:
			fdt_write_reserve(&writer, 1, 1);
			break;
		case STEP_STOP:
			break;
		}
	}
	status = fdt_write_finish(&writer, &written);
	assert_int_equal(written != 0, status == FDT_WRITE_OK);
	blob_free(&blob);
	return status;
}

#define steps(...) write_steps((const enum step[]){ __VA_ARGS__, STEP_STOP })
#define NODE STEP_NODE
#define END STEP_END
#define PROPERTY STEP_PROPERTY
#define RESERVE STEP_RESERVE

static void what_stands_in_the_wrong_place_is_refused(void **state)
{
	(void)state;
	assert_int_equal(steps(RESERVE, NODE, PROPERTY, NODE, PROPERTY, END, END), FDT_WRITE_OK);
	assert_int_equal(steps(PROPERTY, NODE, END), FDT_WRITE_MISPLACED);
	assert_int_equal(steps(NODE, END, PROPERTY), FDT_WRITE_MISPLACED);
	assert_int_equal(steps(NODE, NODE, END, PROPERTY, END), FDT_WRITE_MISPLACED);
	assert_int_equal(steps(NODE, RESERVE, END), FDT_WRITE_MISPLACED);
	assert_int_equal(steps(NODE, END, RESERVE), FDT_WRITE_MISPLACED);
	assert_int_equal(steps(END), FDT_WRITE_MISPLACED);
	assert_int_equal(steps(NODE, END, END), FDT_WRITE_MISPLACED);
	assert_int_equal(steps(NODE), FDT_WRITE_MISPLACED);
	assert_int_equal(steps(NODE, NODE, END), FDT_WRITE_MISPLACED);
	assert_int_equal(steps(RESERVE), FDT_WRITE_MISPLACED);
}

static void a_second_root_and_one_with_a_name_are_refused(void **state)
{
	struct blob blob = blob_new(1000);
	struct fdt_writer writer;
	u32 written;

	(void)state;
	fdt_write_begin(&writer, blob.bytes, blob.size);
	fdt_write_node(&writer, "");
	fdt_write_node_end(&writer);
	fdt_write_node(&writer, "");
	fdt_write_node_end(&writer);
	assert_int_equal(fdt_write_finish(&writer, &written), FDT_WRITE_MISPLACED);
	fdt_write_begin(&writer, blob.bytes, blob.size);
	fdt_write_node(&writer, "root");
	fdt_write_node_end(&writer);
	assert_int_equal(fdt_write_finish(&writer, &written), FDT_WRITE_BAD_NAME);
	blob_free(&blob);
}

static void nodes_may_nest_as_deep_as_the_reader_goes(void **state)
{
	struct blob blob = blob_new(4000);

	(void)state;
	for (int depth = FDT_DEPTH_MAX; depth <= FDT_DEPTH_MAX + 2; depth++) {
		struct fdt_writer writer;
		enum fdt_write_status status;
		u32 written;

		fdt_write_begin(&writer, blob.bytes, blob.size);
		for (int i = 0; i < depth; i++)
			fdt_write_node(&writer, i == 0 ? "" : "n");
		for (int i = 0; i < depth; i++)
			fdt_write_node_end(&writer);
		status = fdt_write_finish(&writer, &written);
		assert_int_equal(status,
				 depth <= FDT_DEPTH_MAX ? FDT_WRITE_OK : FDT_WRITE_TOO_DEEP);
		if (status == FDT_WRITE_OK) {
			struct blob copy = blob_new(written);

			memcpy(copy.bytes, blob.bytes, written);
			read_content(&first, &copy);
			blob_free(&copy);
		}
	}
	blob_free(&blob);
}

static void a_name_too_long_for_its_unit_address_is_refused(void **state)
{
	struct blob blob = blob_new(1000);
	struct fdt_writer writer;
	u32 written;

	(void)state;
	fdt_write_begin(&writer, blob.bytes, blob.size);
	fdt_write_node(&writer, "");
	fdt_write_node_at(&writer, "a-name-that-goes-on-and-on-and-on-and-on-and-on-and-on-and-on",
			  ~(u64)0);
	fdt_write_node_end(&writer);
	fdt_write_node_end(&writer);
	assert_int_equal(fdt_write_finish(&writer, &written), FDT_WRITE_BAD_NAME);
	blob_free(&blob);
}

static void values_longer_than_any_tree_are_refused_unread(void **state)
{
	struct blob blob = blob_new(1000);
	struct fdt_writer writer;
	u32 written;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		fdt_write_begin(&writer, blob.bytes, blob.size);
		fdt_write_node(&writer, "");
		fdt_write_bytes(&writer, "long", "", 0xfffffffc + i);
		fdt_write_node_end(&writer);
		assert_int_equal(fdt_write_finish(&writer, &written), FDT_WRITE_NO_ROOM);
	}
	blob_free(&blob);
}

static void of_a_huge_buffer_no_more_is_used_than_a_tree_may_have(void **state)
{
	/* Header 40, reservations 16, root 8 + 4, property 12, name 4, end 4. */
	const u32 around = 88, most = (u32)FDT_SIZE_MAX - around;
	struct blob blob = blob_new((u32)FDT_SIZE_MAX + 4096);
	u8 *value = calloc(1, FDT_SIZE_MAX);
	struct fdt_writer writer;
	u32 written;

	(void)state;
	for (u32 size = most; size <= most + 1; size++) {
		fdt_write_begin(&writer, blob.bytes, blob.size);
		fdt_write_node(&writer, "");
		fdt_write_bytes(&writer, "reg", value, size);
		fdt_write_node_end(&writer);
		assert_int_equal(fdt_write_finish(&writer, &written),
				 size == most ? FDT_WRITE_OK : FDT_WRITE_NO_ROOM);
		assert_int_equal(written, size == most ? FDT_SIZE_MAX : 0);
	}
	free(value);
	blob_free(&blob);
}

static void every_status_has_words_of_its_own(void **state)
{
	(void)state;
	for (int i = FDT_WRITE_OK; i <= FDT_WRITE_CELLS; i++) {
		const char *words = fdt_write_status_str((enum fdt_write_status)i);

		assert_true(strlen(words) > 0 && words[strlen(words) - 1] != '.');
		for (int j = FDT_WRITE_OK; j <= i; j++)
			if (j < i)
				assert_string_not_equal(
					words, fdt_write_status_str((enum fdt_write_status)j));
	}
}

/* ---- random trees -------------------------------------------------------------------------- */

/* The same tree written by libfdt and by us. */
struct twins {
	struct random random;
	struct blob theirs, ours;
	struct fdt_writer writer;
	int depth;
	bool properties;
};

static const char *random_name(struct random *random, char *name)
{
	unsigned length = 1 + random_below(random, 6);

	for (unsigned i = 0; i < length; i++)
		name[i] = "abcd#-@,"[random_below(random, 8)];
	name[length] = '\0';
	return name;
}

static void twin_property(struct twins *twins)
{
	u8 value[40];
	char name[8];
	u32 size = random_below(&twins->random, sizeof(value));

	random_name(&twins->random, name);
	for (u32 i = 0; i < size; i++)
		value[i] = (u8)random_below(&twins->random, 12);
	assert_int_equal(fdt_property(twins->theirs.bytes, name, value, (int)size), 0);
	fdt_write_bytes(&twins->writer, name, value, size);
}

static void twin_node(struct twins *twins)
{
	char name[8] = "";

	if (twins->depth > 0)
		random_name(&twins->random, name);
	assert_int_equal(fdt_begin_node(twins->theirs.bytes, name), 0);
	fdt_write_node(&twins->writer, name);
	twins->depth++;
	twins->properties = true;
}

static void twin_node_end(struct twins *twins)
{
	assert_int_equal(fdt_end_node(twins->theirs.bytes), 0);
	fdt_write_node_end(&twins->writer);
	twins->depth--;
	twins->properties = false;
}

static void twin_reservations(struct twins *twins)
{
	for (unsigned i = random_below(&twins->random, 3); i > 0; i--) {
		u64 start = random_any_length(&twins->random);
		u64 size = random_any_length(&twins->random) | 1;

		assert_int_equal(fdt_add_reservemap_entry(twins->theirs.bytes, start, size), 0);
		fdt_write_reserve(&twins->writer, start, size);
	}
	assert_int_equal(fdt_finish_reservemap(twins->theirs.bytes), 0);
}

static void twin_step(struct twins *twins)
{
	switch (random_below(&twins->random, 4)) {
	case 0:
		if (twins->depth < FDT_DEPTH_MAX)
			twin_node(twins);
		break;
	case 1:
		if (twins->depth > 1)
			twin_node_end(twins);
		break;
	default:
		if (twins->properties)
			twin_property(twins);
		break;
	}
}

static struct twins twins_make(struct random random)
{
	struct twins twins = { .random = random, .theirs = blob_new(ROOM), .ours = blob_new(ROOM) };
	u32 written;

	assert_int_equal(fdt_create(twins.theirs.bytes, (int)ROOM), 0);
	fdt_write_begin(&twins.writer, twins.ours.bytes, ROOM);
	twin_reservations(&twins);
	twin_node(&twins);
	for (unsigned i = random_below(&twins.random, 200); i > 0; i--)
		twin_step(&twins);
	while (twins.depth > 0)
		twin_node_end(&twins);
	assert_int_equal(fdt_finish(twins.theirs.bytes), 0);
	twins.theirs = blob_fit(&twins.theirs, fdt_totalsize(twins.theirs.bytes));
	assert_int_equal(fdt_write_finish(&twins.writer, &written), FDT_WRITE_OK);
	twins.ours = blob_fit(&twins.ours, written);
	return twins;
}

static bool same_reservations(const struct blob *a, const struct blob *b)
{
	int count = fdt_num_mem_rsv(a->bytes);

	if (fdt_num_mem_rsv(b->bytes) != count)
		return false;
	for (int i = 0; i < count; i++) {
		u64 start[2], size[2];

		assert_int_equal(fdt_get_mem_rsv(a->bytes, i, &start[0], &size[0]), 0);
		assert_int_equal(fdt_get_mem_rsv(b->bytes, i, &start[1], &size[1]), 0);
		if (start[0] != start[1] || size[0] != size[1])
			return false;
	}
	return true;
}

static void random_trees_are_those_that_libfdt_writes(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		struct twins twins = twins_make((struct random){ random_next(&random), round });

		read_content(&first, &twins.theirs);
		read_content(&second, &twins.ours);
		if (!same_content(&first, &second) ||
		    !same_reservations(&twins.theirs, &twins.ours) ||
		    twins.ours.size > twins.theirs.size)
			fail_msg("seed %lu, round %u: trees differ, %u events", random.seed, round,
				 first.count);
		blob_free(&twins.theirs);
		blob_free(&twins.ours);
	}
}

/* ---- copies -------------------------------------------------------------------------------- */

static const struct memory_range new_memory[] = {
	{ { 0x80000000 }, { 0x88000000 }, MEMORY_RAM },
	{ { 0x88000000 }, { 0x88100000 }, MEMORY_RESERVED },
	{ { 0x90000000 }, { 0x90000000 }, MEMORY_RAM },
	{ { 0x8000000000 }, { 0x8200000000 }, MEMORY_RAM },
};

static const struct fdt_setting new_settings[] = {
	{ FDT_SETTING_STRING, "bootargs", "nokaslr panic=halt", 0 },
	{ FDT_SETTING_U64, "kaslr-seed", NULL, 0x1122334455667788 },
	{ FDT_SETTING_U32, "pagoda,number", NULL, 0x99aabbcc },
	{ FDT_SETTING_ABSENT, "stdout-path", NULL, 0 },
};

static struct fdt_edit new_edit(void)
{
	return (struct fdt_edit){ .chosen = new_settings,
				  .chosen_count = ARRAY_SIZE(new_settings),
				  .memory = new_memory,
				  .memory_count = ARRAY_SIZE(new_memory) };
}

/* What the header promises to be enough for a copy. */
static u32 enough(const struct blob *source, const struct fdt_edit *edit)
{
	size_t room = source->size + FDT_EDIT_ROOM + 16 * edit->memory_count;

	for (u32 i = 0; i < edit->chosen_count; i++) {
		const struct fdt_setting *setting = &edit->chosen[i];

		room += 64 + strlen(setting->name) + (setting->text ? strlen(setting->text) : 0);
	}
	return (u32)room;
}

static enum fdt_write_status copy_into(struct blob *copy, const struct blob *source,
				       const struct fdt_edit *edit)
{
	enum fdt_write_status status;
	struct fdt fdt;
	u32 written;

	assert_int_equal(fdt_open(&fdt, source->bytes), FDT_OK);
	status = fdt_copy(&fdt, edit, copy->bytes, copy->size, &written);
	assert_int_equal(written != 0, status == FDT_WRITE_OK);
	if (status == FDT_WRITE_OK)
		*copy = blob_fit(copy, written);
	return status;
}

static struct blob copy_of(const struct blob *source, const struct fdt_edit *edit)
{
	struct blob copy = blob_new(enough(source, edit));

	assert_int_equal(copy_into(&copy, source, edit), FDT_WRITE_OK);
	return copy;
}

/* Take the node at @path out of @content, or of a node only the property @name. */
static void content_remove(struct content *content, const struct blob *blob, const char *path,
			   const char *name)
{
	u32 node = fdt_off_dt_struct(blob->bytes) + (u32)fdt_path_offset(blob->bytes, path);
	u32 from = 0, to;

	while (from < content->count && content->event[from].offset != node)
		from++;
	assert_in_range(from, 0, content->count - 1);
	to = from + 1;
	if (name != NULL) {
		while (strcmp(content->event[to].name, name) != 0)
			to++;
		from = to++;
	} else {
		while (content->event[to].token != FDT_END_NODE ||
		       content->event[to].depth != content->event[from].depth)
			to++;
		to++;
	}
	memmove(&content->event[from], &content->event[to],
		(content->count - to) * sizeof(struct fdt_event));
	content->count -= to - from;
}

static void a_copy_is_the_source_but_for_memory_and_settings(void **state)
{
	struct blob source = qemu_tree();
	struct fdt_edit edit = new_edit();
	struct blob copy = copy_of(&source, &edit);

	(void)state;
	read_content(&first, &source);
	content_remove(&first, &source, "/memory@40000000", NULL);
	content_remove(&first, &source, "/chosen", "kaslr-seed");
	content_remove(&first, &source, "/chosen", "stdout-path");
	read_content(&second, &copy);
	content_remove(&second, &copy, "/memory@80000000", NULL);
	content_remove(&second, &copy, "/chosen", "kaslr-seed");
	content_remove(&second, &copy, "/chosen", "bootargs");
	content_remove(&second, &copy, "/chosen", "pagoda,number");
	assert_true(same_content(&first, &second));
	assert_text(&copy, "/chosen", "bootargs", "nokaslr panic=halt");
	assert_bytes(&copy, "/chosen", "kaslr-seed", "\x11\x22\x33\x44\x55\x66\x77\x88");
	assert_bytes(&copy, "/chosen", "pagoda,number", "\x99\xaa\xbb\xcc");
	assert_false(tree_has(copy.bytes, "/chosen", "stdout-path"));
	assert_text(&copy, "/memory@80000000", "device_type", "memory");
	assert_bytes(&copy, "/memory@80000000", "reg",
		     "\0\0\0\0\x80\0\0\0\0\0\0\0\x08\0\0\0"
		     "\0\0\0\x80\0\0\0\0\0\0\0\x02\0\0\0\0");
	blob_free(&source);
	blob_free(&copy);
}

static void a_copy_of_a_copy_is_the_same(void **state)
{
	struct blob source = qemu_tree();
	struct fdt_edit edit = new_edit();
	struct blob copy = copy_of(&source, &edit);
	struct blob again = copy_of(&copy, &edit);

	(void)state;
	assert_int_equal(again.size, copy.size);
	assert_memory_equal(again.bytes, copy.bytes, copy.size);
	blob_free(&source);
	blob_free(&copy);
	blob_free(&again);
}

/* Trees to copy, by libfdt, with what copies look at. */

struct source_setup {
	int address_cells, size_cells; /* -1: none */
	const char *first_chosen, *second_chosen; /* null: no such node */
	bool deep_memory, reserved, late_property;
};

static void make_chosen(void *tree, const char *name, const char *bootargs)
{
	if (name == NULL)
		return;
	fdt_begin_node(tree, name);
	fdt_property_string(tree, "bootargs", bootargs);
	fdt_property_string(tree, "kept", bootargs);
	fdt_begin_node(tree, "module");
	fdt_property_string(tree, "bootargs", "the module's");
	fdt_end_node(tree);
	fdt_end_node(tree);
}

static struct blob make_source(const struct source_setup *setup)
{
	struct blob blob = blob_new(4096);
	void *tree = blob.bytes;

	fdt_create(tree, (int)blob.size);
	if (setup->reserved)
		fdt_add_reservemap_entry(tree, 0x4000, 0x1000);
	fdt_finish_reservemap(tree);
	fdt_begin_node(tree, "");
	if (setup->address_cells >= 0)
		fdt_property_u32(tree, "#address-cells", (u32)setup->address_cells);
	if (setup->size_cells >= 0)
		fdt_property_u32(tree, "#size-cells", (u32)setup->size_cells);
	make_chosen(tree, setup->first_chosen, "first");
	make_chosen(tree, setup->second_chosen, "second");
	fdt_begin_node(tree, "soc");
	fdt_property_string(tree, "bootargs", "the bus's");
	if (setup->deep_memory) {
		fdt_begin_node(tree, "dimm");
		fdt_property_string(tree, "device_type", "memory");
		fdt_begin_node(tree, "inside");
		fdt_end_node(tree);
		fdt_end_node(tree);
	}
	fdt_begin_node(tree, "memory-controller");
	fdt_property_string(tree, "device_type", "memory-controller");
	fdt_end_node(tree);
	if (setup->late_property)
		fdt_property_string(tree, "late", "");
	fdt_end_node(tree);
	fdt_end_node(tree);
	assert_int_equal(fdt_finish(tree), 0);
	return blob_fit(&blob, fdt_totalsize(tree));
}

static const struct source_setup plain_source = { 2, 2, "chosen", NULL, false, false, false };

/* The copy of the tree that libfdt makes of @setup, its events in first. */
static struct blob copy_made(const struct source_setup *setup, const struct fdt_edit *edit)
{
	struct blob source = make_source(setup);
	struct blob copy = copy_of(&source, edit);

	read_content(&first, &copy);
	blob_free(&source);
	return copy;
}

static void chosen_is_made_where_there_is_none(void **state)
{
	struct source_setup setup = plain_source;
	struct fdt_edit edit = new_edit();
	struct blob copy;

	(void)state;
	setup.first_chosen = NULL;
	copy = copy_made(&setup, &edit);
	assert_text(&copy, "/chosen", "bootargs", "nokaslr panic=halt");
	blob_free(&copy);
}

static void settings_replace_properties_of_chosen_only(void **state)
{
	struct fdt_edit edit = new_edit();
	struct blob copy = copy_made(&plain_source, &edit);

	(void)state;
	assert_text(&copy, "/chosen", "bootargs", "nokaslr panic=halt");
	assert_text(&copy, "/chosen", "kept", "first");
	assert_text(&copy, "/soc", "bootargs", "the bus's");
	assert_text(&copy, "/chosen/module", "bootargs", "the module's");
	blob_free(&copy);
}

static void a_second_chosen_is_left_out(void **state)
{
	struct source_setup setup = plain_source;
	struct fdt_edit edit = { 0 };
	struct blob copy;

	(void)state;
	setup.second_chosen = "chosen@1";
	copy = copy_made(&setup, &edit);
	assert_text(&copy, "/chosen", "bootargs", "first");
	assert_text(&copy, "/chosen/module", "bootargs", "the module's");
	assert_true(fdt_path_offset(copy.bytes, "/chosen@1") < 0);
	blob_free(&copy);
}

static void what_only_calls_itself_memory_stays_without_the_word(void **state)
{
	struct source_setup setup = plain_source;
	struct fdt_edit edit = { 0 };
	struct blob copy;

	(void)state;
	setup.deep_memory = true;
	copy = copy_made(&setup, &edit);
	assert_true(fdt_path_offset(copy.bytes, "/soc/dimm") > 0);
	assert_false(tree_has(copy.bytes, "/soc/dimm", "device_type"));
	assert_true(fdt_path_offset(copy.bytes, "/soc/memory-controller") > 0);
	/* And no memory is made of none. */
	assert_true(fdt_node_offset_by_prop_value(copy.bytes, -1, "device_type", "memory", 7) < 0);
	blob_free(&copy);
}

static void reservations_are_copied(void **state)
{
	struct source_setup setup = plain_source;
	struct fdt_edit edit = { 0 };
	struct blob copy;
	u64 start, size;

	(void)state;
	setup.reserved = true;
	copy = copy_made(&setup, &edit);
	assert_int_equal(fdt_num_mem_rsv(copy.bytes), 1);
	assert_int_equal(fdt_get_mem_rsv(copy.bytes, 0, &start, &size), 0);
	assert_int_equal(start, 0x4000);
	assert_int_equal(size, 0x1000);
	blob_free(&copy);
}

static void a_property_after_a_subnode_is_left_out(void **state)
{
	struct source_setup setup = plain_source;
	struct fdt_edit edit = { 0 };
	struct blob copy;

	(void)state;
	setup.late_property = true;
	copy = copy_made(&setup, &edit);
	assert_false(tree_has(copy.bytes, "/soc", "late"));
	blob_free(&copy);
}

static void a_copy_keeps_the_processor_that_boots(void **state)
{
	struct blob source = make_source(&plain_source);
	struct fdt_edit edit = { 0 };
	struct blob copy;

	(void)state;
	fdt_set_boot_cpuid_phys(source.bytes, 0x12345);
	copy = copy_of(&source, &edit);
	assert_int_equal(fdt_boot_cpuid_phys(copy.bytes), 0x12345);
	blob_free(&source);
	blob_free(&copy);
}

static void a_root_with_a_name_loses_it(void **state)
{
	struct blob source = make_source(&plain_source);
	struct fdt_edit edit = { 0 };
	struct blob copy;

	(void)state;
	source.bytes[fdt_off_dt_struct(source.bytes) + 4] = 'x';
	copy = copy_of(&source, &edit);
	read_content(&first, &copy);
	blob_free(&source);
	blob_free(&copy);
}

/* What memory becomes for a root with these cells: the status, and reg if that is OK. */
static enum fdt_write_status with_cells(int address_cells, int size_cells,
					const struct memory_range *range, struct blob *copy)
{
	struct source_setup setup = plain_source;
	struct fdt_edit edit = { .memory = range, .memory_count = 1 };
	enum fdt_write_status status;
	struct blob source;

	setup.address_cells = address_cells;
	setup.size_cells = size_cells;
	source = make_source(&setup);
	*copy = blob_new(enough(&source, &edit) + 64);
	status = copy_into(copy, &source, &edit);
	blob_free(&source);
	return status;
}

static void memory_is_written_in_the_cells_of_the_root(void **state)
{
	const struct memory_range low = { { 0x80000000 }, { 0x100000000 }, MEMORY_RAM };
	const struct memory_range high = { { 0x80000000 }, { 0x100000001 }, MEMORY_RAM };
	const struct memory_range big = { { 0x100000000 }, { 0x220000000 }, MEMORY_RAM };
	static const char low_reg[] = "\x80\0\0\0\x80\0\0";
	static const char big_reg[] = "\0\0\0\x01\0\0\0\0\x80\0\0\0\0\0\0\x01\x80\0\0\0\x80\0\0\0"
				      "\0\0\0\x02\0\0\0\0\x20\0\0";
	struct blob copy;

	(void)state;
	assert_int_equal(with_cells(1, 1, &low, &copy), FDT_WRITE_OK);
	assert_text(&copy, "/memory@80000000", "reg", low_reg);
	blob_free(&copy);
	assert_int_equal(with_cells(2, 1, &big, &copy), FDT_WRITE_OK);
	assert_text(&copy, "/memory@100000000", "reg", big_reg);
	blob_free(&copy);
	/* Two cells and one are what a root has that does not say. */
	assert_int_equal(with_cells(-1, -1, &big, &copy), FDT_WRITE_OK);
	assert_text(&copy, "/memory@100000000", "reg", big_reg);
	blob_free(&copy);
	assert_int_equal(with_cells(1, 2, &low, &copy), FDT_WRITE_OK);
	assert_text(&copy, "/memory@80000000", "reg", "\x80\0\0\0\0\0\0\0\x80\0\0");
	blob_free(&copy);
	assert_int_equal(with_cells(1, 1, &high, &copy), FDT_WRITE_CELLS);
	blob_free(&copy);
}

static void memory_in_cells_that_do_not_exist_is_refused(void **state)
{
	static const int cells[][2] = { { 0, 1 }, { 1, 0 }, { 3, 2 }, { 2, 3 }, { 2, 0x7fffffff } };
	struct blob copy;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		assert_int_equal(with_cells(cells[i][0], cells[i][1], new_memory, &copy),
				 FDT_WRITE_CELLS);
		blob_free(&copy);
	}
}

static void a_screen_is_written_where_the_cells_of_the_root_can_express_it(void **state)
{
	static const struct {
		int address_cells, size_cells;
		u64 address;
		const char *node, *reg;
	} cases[] = {
		{ 2, 2, 0x190000000, "/framebuffer@190000000",
		  "\0\0\0\x01\x90\0\0\0\0\0\0\0\0\x1e\0" },
		{ 2, 1, 0x190000000, "/framebuffer@190000000", "\0\0\0\x01\x90\0\0\0\0\x1e\0" },
		{ 1, 1, 0x90000000, "/framebuffer@90000000", "\x90\0\0\0\0\x1e\0" },
		{ 1, 1, 0x190000000, NULL, NULL },
		{ 3, 2, 0x90000000, NULL, NULL },
		{ 2, 0, 0x90000000, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fdt_screen screen = {
			cases[i].address, 0x1e0000, 800, 600, 3200, "x8r8g8b8"
		};
		struct fdt_edit edit = { .screen = &screen };
		struct source_setup setup = plain_source;
		struct blob source, copy;

		setup.address_cells = cases[i].address_cells;
		setup.size_cells = cases[i].size_cells;
		source = make_source(&setup);
		copy = blob_new(enough(&source, &edit));
		assert_int_equal(copy_into(&copy, &source, &edit), FDT_WRITE_OK);
		if (cases[i].node == NULL) {
			assert_true(fdt_path_offset(copy.bytes, "/framebuffer") < 0);
		} else {
			const u32 last = cases[i].size_cells * 4 + cases[i].address_cells * 4;
			int size;

			assert_memory_equal(tree_value(copy.bytes, cases[i].node, "reg", &size),
					    cases[i].reg, last);
			assert_int_equal(size, last);
			assert_text(&copy, cases[i].node, "format", "x8r8g8b8");
			assert_bytes(&copy, cases[i].node, "stride", "\0\0\x0c\x80");
		}
		blob_free(&source);
		blob_free(&copy);
	}
}

static void a_copy_that_does_not_fit_is_refused(void **state)
{
	struct blob source = qemu_tree();
	struct fdt_edit edit = new_edit();
	struct blob whole = copy_of(&source, &edit);

	(void)state;
	for (u32 size = 0; size < whole.size; size += 1 + size % 7) {
		struct blob copy = blob_new(size);

		assert_int_equal(copy_into(&copy, &source, &edit), FDT_WRITE_NO_ROOM);
		blob_free(&copy);
	}
	blob_free(&source);
	blob_free(&whole);
}

static void random_trees_are_copied_in_the_room_that_was_promised(void **state)
{
	struct random random = random_start();
	struct fdt_edit edit = new_edit();

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct twins twins = twins_make((struct random){ random_next(&random), round });
		struct blob copy = copy_of(&twins.theirs, &edit);

		read_content(&first, &twins.theirs);
		read_content(&second, &copy);
		content_remove(&second, &copy, "/memory", NULL);
		content_remove(&second, &copy, "/chosen", NULL);
		if (!same_content(&first, &second))
			fail_msg("seed %lu, round %u", random.seed, round);
		blob_free(&twins.theirs);
		blob_free(&twins.ours);
		blob_free(&copy);
	}
}

static void a_damaged_source_makes_an_error_or_a_good_copy(void **state)
{
	struct random random = random_start();
	struct fdt_edit edit = new_edit();
	struct blob whole = qemu_tree();
	u32 seen[FDT_WRITE_CELLS + 1] = { 0 };

	(void)state;
	for (unsigned round = 0; round < 5000; round++) {
		struct blob source = blob_new(whole.size), copy = blob_new(enough(&whole, &edit));
		enum fdt_write_status status;
		struct fdt fdt;
		u32 written;

		memcpy(source.bytes, whole.bytes, whole.size);
		for (unsigned i = 1 + random_below(&random, 4); i > 0; i--)
			source.bytes[random_below(&random, whole.size - 40) + 40] =
				(u8)random_below(&random, 256 >> random_below(&random, 8));
		assert_int_equal(fdt_open(&fdt, source.bytes), FDT_OK);
		status = fdt_copy(&fdt, &edit, copy.bytes, copy.size, &written);
		seen[status]++;
		if (status == FDT_WRITE_OK) {
			copy = blob_fit(&copy, written);
			read_content(&first, &copy);
			assert_text(&copy, "/chosen", "bootargs", "nokaslr panic=halt");
		}
		blob_free(&source);
		blob_free(&copy);
	}
	assert_int_not_equal(seen[FDT_WRITE_OK], 0);
	assert_int_not_equal(seen[FDT_WRITE_BAD_SOURCE], 0);
	blob_free(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_by_libfdt),
		cmocka_unit_test(a_name_stands_once_in_the_strings_block),
		cmocka_unit_test(what_was_in_the_buffer_does_not_show),
		cmocka_unit_test(a_buffer_of_any_smaller_size_is_refused_and_not_left),
		cmocka_unit_test(a_buffer_off_its_alignment_is_refused),
		cmocka_unit_test(what_stands_in_the_wrong_place_is_refused),
		cmocka_unit_test(a_second_root_and_one_with_a_name_are_refused),
		cmocka_unit_test(nodes_may_nest_as_deep_as_the_reader_goes),
		cmocka_unit_test(a_name_too_long_for_its_unit_address_is_refused),
		cmocka_unit_test(values_longer_than_any_tree_are_refused_unread),
		cmocka_unit_test(of_a_huge_buffer_no_more_is_used_than_a_tree_may_have),
		cmocka_unit_test(every_status_has_words_of_its_own),
		cmocka_unit_test(random_trees_are_those_that_libfdt_writes),
		cmocka_unit_test(a_copy_is_the_source_but_for_memory_and_settings),
		cmocka_unit_test(a_copy_of_a_copy_is_the_same),
		cmocka_unit_test(chosen_is_made_where_there_is_none),
		cmocka_unit_test(settings_replace_properties_of_chosen_only),
		cmocka_unit_test(a_second_chosen_is_left_out),
		cmocka_unit_test(what_only_calls_itself_memory_stays_without_the_word),
		cmocka_unit_test(reservations_are_copied),
		cmocka_unit_test(a_property_after_a_subnode_is_left_out),
		cmocka_unit_test(a_copy_keeps_the_processor_that_boots),
		cmocka_unit_test(a_root_with_a_name_loses_it),
		cmocka_unit_test(memory_is_written_in_the_cells_of_the_root),
		cmocka_unit_test(memory_in_cells_that_do_not_exist_is_refused),
		cmocka_unit_test(a_screen_is_written_where_the_cells_of_the_root_can_express_it),
		cmocka_unit_test(a_copy_that_does_not_fit_is_refused),
		cmocka_unit_test(random_trees_are_copied_in_the_room_that_was_promised),
		cmocka_unit_test(a_damaged_source_makes_an_error_or_a_good_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
