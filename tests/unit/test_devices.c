// SPDX-License-Identifier: MIT
/*
 * The devices that the kernel looks for, in the device tree that QEMU makes: whole, edited with
 * libfdt, and damaged. Host only.
 *
 * Environment: PAGODA_SEED repeats a run.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/libfdt.h"

#include <pagoda/kernel/dev/devices.h>

#include "support/data.h"
#include "support/random.h"

#define TREE_MAX 16384
#define DAMAGES 20000

#define CONSOLE 0x9000000
#define UART "/pl011@9000000"
#define GIC "/intc@8000000"

static u8 tree[TREE_MAX] __attribute__((aligned(8)));

/* QEMU's tree, with room for edits. */
static void load_tree(void)
{
	static u8 packed[TREE_MAX] __attribute__((aligned(8)));

	data_read("qemu-virt.dtb", packed, sizeof(packed));
	assert_int_equal(fdt_open_into(packed, tree, sizeof(tree)), 0);
}

static struct devices find(void)
{
	struct devices devices;
	struct fdt fdt;

	assert_int_equal(fdt_open(&fdt, tree), FDT_OK);
	memset(&devices, 0xa5, sizeof(devices));
	devices_read(&fdt, paddr(CONSOLE), &devices);
	return devices;
}

static void set(const char *path, const char *name, const void *value, size_t size)
{
	assert_int_equal(fdt_setprop(tree, fdt_path_offset(tree, path), name, value, (int)size), 0);
}

#define set_text(path, name, text) set(path, name, text, sizeof(text))

static void set_cell(const char *path, const char *name, u32 value)
{
	assert_int_equal(fdt_setprop_u32(tree, fdt_path_offset(tree, path), name, value), 0);
}

static void delete (const char *path, const char *name)
{
	assert_int_equal(fdt_delprop(tree, fdt_path_offset(tree, path), name), 0);
}

static void qemus_tree_has_one_of_each(void **state)
{
	static const u32 timers[] = { 13, 14, 11, 10 };
	struct devices devices;

	(void)state;
	load_tree();
	devices = find();
	assert_true(devices.console.found);
	assert_int_equal(devices.console.regions, 1);
	assert_int_equal(devices.console.region[0].start, CONSOLE);
	assert_int_equal(devices.console.region[0].size, 0x1000);
	assert_int_equal(devices.console.interrupts, 1);
	assert_int_equal(devices.console.interrupt[0].type, 0);
	assert_int_equal(devices.console.interrupt[0].number, 1);
	assert_int_equal(devices.console.interrupt[0].flags, 4);
	assert_int_equal(devices.console.interrupt_parent, 0x8002);
	assert_int_equal(devices.gic_version, 2);
	assert_true(devices.gic.found);
	assert_int_equal(devices.gic.phandle, 0x8002);
	assert_int_equal(devices.gic.regions, 2);
	assert_int_equal(devices.gic.region[1].start, 0x8010000);
	assert_int_equal(devices.timer.interrupts, ARRAY_SIZE(timers));
	for (unsigned i = 0; i < ARRAY_SIZE(timers); i++) {
		assert_int_equal(devices.timer.interrupt[i].type, 1);
		assert_int_equal(devices.timer.interrupt[i].number, timers[i]);
	}
}

static void what_is_disabled_or_something_else_is_not_found(void **state)
{
	struct devices devices;

	(void)state;
	load_tree();
	set_text(UART, "status", "reserved");
	set_text(GIC, "status", "disabled");
	set_text("/timer", "status", "fail");
	devices = find();
	assert_false(devices.console.found || devices.gic.found || devices.timer.found);
	assert_int_equal(devices.gic_version, 0);

	load_tree();
	set_text(GIC, "compatible", "arm,gic-v5");
	set_text("/timer", "compatible", "arm,armv7-timer");
	set_cell(UART, "reg", 0);
	devices = find();
	assert_false(devices.console.found || devices.gic.found || devices.timer.found);
}

static void the_gic_of_the_higher_version_is_taken_and_of_two_the_first(void **state)
{
	struct devices devices;
	int node;

	(void)state;
	load_tree();
	set_text(GIC, "compatible", "somebody,gic\0arm,gic-400");
	assert_int_equal(find().gic_version, 2);
	delete (GIC, "interrupt-controller");
	assert_int_equal(find().gic_version, 0);

	/* libfdt puts a new node before the old ones. */
	load_tree();
	node = fdt_add_subnode(tree, 0, "intc@1");
	assert_true(node > 0);
	set_text("/intc@1", "compatible", "arm,gic-v3");
	set("/intc@1", "interrupt-controller", NULL, 0);
	set_cell("/intc@1", "phandle", 7);
	devices = find();
	assert_int_equal(devices.gic_version, 3);
	assert_int_equal(devices.gic.phandle, 7);
	set_text(GIC, "compatible", "arm,gic-v3");
	assert_int_equal(find().gic.phandle, 7);
	set_text("/intc@1", "compatible", "arm,gic-400");
	devices = find();
	assert_int_equal(devices.gic_version, 3);
	assert_int_equal(devices.gic.phandle, 0x8002);
}

static void an_interrupt_has_its_nodes_parent_before_the_buss(void **state)
{
	struct devices devices;

	(void)state;
	load_tree();
	set_cell(UART, "interrupt-parent", 7);
	set(UART, "interrupts", "\0\0\0\0\0\0\0\5", 8); /* cut short */
	devices = find();
	assert_int_equal(devices.console.interrupt_parent, 7);
	assert_int_equal(devices.console.interrupts, 0);
	delete ("/", "interrupt-parent");
	delete (UART, "interrupt-parent");
	assert_int_equal(find().console.interrupt_parent, 0);
}

static void registers_need_addresses_and_sizes_of_one_or_two_cells(void **state)
{
	(void)state;
	load_tree();
	set_cell("/", "#address-cells", 3);
	assert_false(find().console.found);
	assert_int_equal(find().gic.regions, 0);
	set_cell("/", "#address-cells", 2);
	set_cell("/", "#size-cells", 0);
	assert_true(find().console.found);
	assert_int_equal(find().console.regions, 0);
}

/* Half of the damage is near what is looked for, whose nodes are at the end. */
static void a_damaged_tree_gives_something_or_nothing_but_no_fault(void **state)
{
	static u8 whole[TREE_MAX] __attribute__((aligned(8)));
	struct random random = random_start();
	unsigned found = 0;
	size_t tree_size;

	(void)state;
	load_tree();
	assert_int_equal(fdt_pack(tree), 0);
	tree_size = fdt_totalsize(tree);
	memcpy(whole, tree, tree_size);
	for (unsigned i = 0; i < DAMAGES; i++) {
		unsigned bytes = 1 + random_below(&random, 4);
		struct devices devices;
		struct fdt fdt;

		memcpy(tree, whole, tree_size);
		while (bytes-- > 0)
			tree[random_below(&random, 2) ?
				     tree_size - 1 - random_below(&random, 3072) :
				     40 + random_below(&random, (unsigned)tree_size - 40)] =
				(u8)random_next(&random);
		if (fdt_open(&fdt, tree) != FDT_OK)
			continue;
		devices_read(&fdt, paddr(CONSOLE), &devices);
		found += devices.timer.found && devices.gic.found && devices.console.found;
	}
	assert_true(found > DAMAGES / 4 && found < DAMAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemus_tree_has_one_of_each),
		cmocka_unit_test(what_is_disabled_or_something_else_is_not_found),
		cmocka_unit_test(the_gic_of_the_higher_version_is_taken_and_of_two_the_first),
		cmocka_unit_test(an_interrupt_has_its_nodes_parent_before_the_buss),
		cmocka_unit_test(registers_need_addresses_and_sizes_of_one_or_two_cells),
		cmocka_unit_test(a_damaged_tree_gives_something_or_nothing_but_no_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
