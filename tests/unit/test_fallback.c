// SPDX-License-Identifier: MIT
/*
 * kernel/tree/fallback.c: what there is in a device tree to print on without a UART. The trees are
 * written by libfdt. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "support/libfdt.h"

#include <pagoda/kernel/tree/fallback.h>

static u8 blob[KIB(16)] __attribute__((aligned(8)));
static struct fallbacks fallbacks;

/* A property of the node that is open: cells, 32 bits each. */
static void cells(const char *name, const u32 *values, u32 count)
{
	u32 data[16];

	assert_true(count <= ARRAY_SIZE(data));
	for (u32 i = 0; i < count; i++)
		data[i] = cpu_to_fdt32(values[i]);
	assert_int_equal(fdt_property(blob, name, data, (int)(count * sizeof(u32))), 0);
}

#define CELLS(name, ...)                          \
	cells(name, (const u32[]){ __VA_ARGS__ }, \
	      sizeof((const u32[]){ __VA_ARGS__ }) / sizeof(u32))

static void text(const char *name, const char *value)
{
	assert_int_equal(fdt_property_string(blob, name, value), 0);
}

static void begin(const char *name)
{
	assert_int_equal(fdt_begin_node(blob, name), 0);
}

static void end(void)
{
	assert_int_equal(fdt_end_node(blob), 0);
}

static void tree_begin_root(void)
{
	assert_int_equal(fdt_create(blob, sizeof(blob)), 0);
	assert_int_equal(fdt_finish_reservemap(blob), 0);
	begin("");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
}

static void find(void)
{
	struct fdt fdt;

	end();
	assert_int_equal(fdt_finish(blob), 0);
	assert_int_equal(fdt_open(&fdt, blob), FDT_OK);
	fallbacks_find(&fdt, &fallbacks);
}

static void virtio(const char *name, u32 address, const char *status)
{
	begin(name);
	text("compatible", "virtio,mmio");
	CELLS("reg", 0, address, 0, 0x200);
	if (status != NULL)
		text("status", status);
	end();
}

/* What a frame buffer says, all of it right; @left_out: but for this. */
struct screen_node {
	const char *left_out, *format, *status;
	u32 address, size, stride;
};

static struct screen_node screen_good(void)
{
	return (struct screen_node){ "", "a8r8g8b8", NULL, 0x90000000, 1280 * 4 * 800, 1280 * 4 };
}

static void screen(const struct screen_node *node)
{
	begin("framebuffer@90000000");
	text("compatible", "simple-framebuffer");
	if (strcmp(node->left_out, "reg") != 0)
		CELLS("reg", 0, node->address, 0, node->size);
	if (strcmp(node->left_out, "width") != 0)
		CELLS("width", 1280);
	if (strcmp(node->left_out, "height") != 0)
		CELLS("height", 800);
	if (strcmp(node->left_out, "stride") != 0)
		CELLS("stride", node->stride);
	if (strcmp(node->left_out, "format") != 0)
		text("format", node->format);
	if (node->status != NULL)
		text("status", node->status);
	end();
}

/* In /chosen, as the binding wants it. */
static void find_screen(const struct screen_node *node)
{
	tree_begin_root();
	begin("chosen");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	assert_int_equal(fdt_property(blob, "ranges", NULL, 0), 0);
	screen(node);
	end();
	find();
}

static void places_for_virtio_devices_are_found_in_order(void **state)
{
	(void)state;
	tree_begin_root();
	virtio("virtio_mmio@a000000", 0xa000000, NULL);
	virtio("virtio_mmio@a000200", 0xa000200, "disabled");
	virtio("virtio_mmio@a000400", 0xa000400, "okay");
	begin("serial@9000000");
	text("compatible", "arm,pl011");
	CELLS("reg", 0, 0x9000000, 0, 0x1000);
	end();
	find();
	assert_int_equal(fallbacks.count, 2);
	assert_int_equal(fallbacks.list[0].type, FALLBACK_VIRTIO);
	assert_int_equal(fallbacks.list[0].address.value, 0xa000000);
	assert_int_equal(fallbacks.list[0].size, 0x200);
	assert_false(fallbacks.list[0].named);
	assert_int_equal(fallbacks.list[1].address.value, 0xa000400);
}

static void a_frame_buffer_in_chosen_is_found_with_its_mode(void **state)
{
	struct screen_node node = screen_good();
	const struct fallback *found = &fallbacks.list[0];

	(void)state;
	find_screen(&node);
	assert_int_equal(fallbacks.count, 1);
	assert_int_equal(found->type, FALLBACK_SCREEN);
	assert_int_equal(found->address.value, 0x90000000);
	assert_int_equal(found->size, 1280 * 4 * 800);
	assert_int_equal(found->mode.width, 1280);
	assert_int_equal(found->mode.height, 800);
	assert_int_equal(found->mode.stride, 1280 * 4);
	assert_int_equal(found->mode.format.bytes, 4);
	assert_int_equal(found->mode.format.black, 0xff000000);
}

static void a_frame_buffer_that_says_too_little_or_nonsense_is_none(void **state)
{
	static const char *const needed[] = { "reg", "width", "height", "stride", "format" };
	struct screen_node node;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		node = screen_good();
		node.left_out = needed[i];
		find_screen(&node);
		assert_int_equal(fallbacks.count, 0);
	}
#define REFUSED(member, value) \
	node = screen_good();  \
	node.member = value;   \
	find_screen(&node);    \
	assert_int_equal(fallbacks.count, 0)
	REFUSED(format, "yuv");
	REFUSED(status, "disabled");
	REFUSED(address, 0x90000002);
	REFUSED(address, 0);
	REFUSED(size, 1280 * 4 * 800 - 1);
	REFUSED(stride, 1280 * 4 - 4);
#undef REFUSED
}

static void addresses_go_through_buses_and_stop_at_those_without_ranges(void **state)
{
	(void)state;
	tree_begin_root();
	begin("soc");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	CELLS("ranges", 0, 0, 1, 0x40000000, 0, 0x10000000);
	virtio("virtio@1000", 0x1000, NULL);
	virtio("virtio@20000000", 0x20000000, NULL);
	end();
	begin("closed");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	virtio("virtio@2000", 0x2000, NULL);
	end();
	begin("off");
	text("status", "disabled");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	assert_int_equal(fdt_property(blob, "ranges", NULL, 0), 0);
	virtio("virtio@3000", 0x3000, NULL);
	end();
	find();
	assert_int_equal(fallbacks.count, 1);
	assert_int_equal(fallbacks.list[0].address.value, 0x140001000);
}

static void registers_too_small_or_not_aligned_are_none(void **state)
{
	(void)state;
	tree_begin_root();
	virtio("virtio@a000002", 0xa000002, NULL);
	begin("virtio@a001000");
	text("compatible", "virtio,mmio");
	CELLS("reg", 0, 0xa001000, 0, 0xff);
	end();
	begin("virtio@fff");
	text("compatible", "virtio,mmio");
	CELLS("reg", 0xffffffff, 0xfffff000, 0, 0x2000);
	end();
	begin("virtio@a002000");
	text("compatible", "virtio,mmio");
	CELLS("reg", 0, 0xa002000, 0, 0x100);
	end();
	find();
	assert_int_equal(fallbacks.count, 1);
	assert_int_equal(fallbacks.list[0].address.value, 0xa002000);
}

static void stdout_path_names_one_directly_or_by_an_alias(void **state)
{
	static const struct {
		const char *path, *alias;
		bool named;
	} cases[] = {
		{ "/virtio_mmio@a000200", NULL, true },
		{ "/virtio_mmio@a000200:115200", NULL, true },
		{ "hvc0", "/virtio_mmio@a000200", true },
		{ "hvc0:options", "/virtio_mmio@a000200", true },
		{ "hvc1", "/virtio_mmio@a000200", false },
		{ "/virtio_mmio@a00020", NULL, false },
		{ "/virtio_mmio@a000200/port", NULL, false },
		{ NULL, "/virtio_mmio@a000200", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tree_begin_root();
		virtio("virtio_mmio@a000000", 0xa000000, NULL);
		virtio("virtio_mmio@a000200", 0xa000200, NULL);
		begin("chosen");
		if (cases[i].path != NULL)
			text("stdout-path", cases[i].path);
		end();
		begin("aliases");
		if (cases[i].alias != NULL)
			text("hvc0", cases[i].alias);
		end();
		find();
		assert_int_equal(fallbacks.count, 2);
		assert_false(fallbacks.list[0].named);
		assert_int_equal(fallbacks.list[1].named, cases[i].named);
	}
}

/* Other properties of /chosen are text, too; and one of that name that does not end is none. */
static void nothing_but_stdout_path_names_one(void **state)
{
	static const char path[] = "/virtio@a000000";

	(void)state;
	for (unsigned whole = 0; whole < 2; whole++) {
		tree_begin_root();
		virtio("virtio@a000000", 0xa000000, NULL);
		begin("chosen");
		text("bootargs", whole ? "quiet" : path);
		assert_int_equal(
			fdt_property(blob, "stdout-path", path, (int)(sizeof(path) - !whole)), 0);
		text("linux,initrd", whole ? "quiet" : path);
		end();
		find();
		assert_int_equal(fallbacks.count, 1);
		assert_int_equal(fallbacks.list[0].named, whole);
	}
}

static void no_more_are_taken_than_there_is_room_for(void **state)
{
	(void)state;
	tree_begin_root();
	for (u32 i = 0; i < FALLBACKS_MAX + 5; i++)
		virtio("virtio", 0xa000000 + i * 0x200, NULL);
	find();
	assert_int_equal(fallbacks.count, FALLBACKS_MAX);
	assert_int_equal(fallbacks.list[FALLBACKS_MAX - 1].address.value,
			 0xa000000 + (FALLBACKS_MAX - 1) * 0x200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_for_virtio_devices_are_found_in_order),
		cmocka_unit_test(a_frame_buffer_in_chosen_is_found_with_its_mode),
		cmocka_unit_test(a_frame_buffer_that_says_too_little_or_nonsense_is_none),
		cmocka_unit_test(addresses_go_through_buses_and_stop_at_those_without_ranges),
		cmocka_unit_test(registers_too_small_or_not_aligned_are_none),
		cmocka_unit_test(stdout_path_names_one_directly_or_by_an_alias),
		cmocka_unit_test(nothing_but_stdout_path_names_one),
		cmocka_unit_test(no_more_are_taken_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
