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
#include <pagoda/kernel/tree/tree.h>

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

/* As the kernel does: the pass, and what it has noted. False where the pass finds fault. */
static bool read_devices(struct devices *devices)
{
	static struct boot_lists lists;
	static struct boot_facts facts;
	struct fdt_value seed;
	struct scan scan;
	struct fdt fdt;

	if (fdt_open(&fdt, tree) != FDT_OK)
		return false;
	memset(&lists, 0xa5, sizeof(lists));
	memset(devices, 0xa5, sizeof(*devices));
	memset(&facts, 0, sizeof(facts));
	tree_begin(&scan, &fdt, &facts, &lists);
	while (tree_read(&scan, &seed))
		memset((u8 *)(uintptr_t)seed.data, 0, seed.size);
	devices_read(&fdt, &lists.nodes, paddr(CONSOLE), devices);
	return scan.status == FDT_END;
}

static struct devices find(void)
{
	struct devices devices;

	assert_true(read_devices(&devices));
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
	struct devices devices;

	(void)state;
	load_tree();
	devices = find();
	assert_true(devices.has_console);
	assert_int_equal(devices.console.number, 33);
	assert_int_equal(devices.console.flags, 4);
	assert_int_equal(devices.gic.version, 2);
	assert_int_equal(devices.gic.regions, 2);
	assert_int_equal(devices.gic.region[0].start, 0x8000000);
	assert_int_equal(devices.gic.region[1].start, 0x8010000);
	assert_int_equal(devices.gic.region[1].size, 0x10000);
	assert_int_equal(devices.timer[DEVICE_TIMER_VIRTUAL].number, 27);
	assert_int_equal(devices.timer[DEVICE_TIMER_HYPERVISOR].number, 26);
}

static void assert_nothing(void)
{
	struct devices devices = find();

	assert_false(devices.has_console);
	assert_int_equal(devices.gic.version, 0);
	assert_int_equal(devices.console.number, 0);
	assert_int_equal(devices.timer[0].number | devices.timer[1].number, 0);
}

static void what_is_disabled_or_something_else_is_not_found(void **state)
{
	(void)state;
	load_tree();
	set_text(UART, "status", "reserved");
	set_text(GIC, "status", "disabled");
	set_text("/timer", "status", "fail");
	assert_nothing();

	load_tree();
	set_text(GIC, "compatible", "arm,gic-v5");
	set_text("/timer", "compatible", "arm,armv7-timer");
	set_cell(UART, "reg", 0);
	assert_nothing();

	load_tree();
	set_text("/timer", "status", "fail");
	assert_int_equal(find().timer[0].number, 0);
	assert_int_equal(find().console.number, 33);
	load_tree();
	set_text("/timer", "compatible", "arm,armv7-timer");
	assert_int_equal(find().timer[0].number, 0);
}

static void the_gic_of_the_higher_version_is_taken_and_of_two_the_first(void **state)
{
	int node;

	(void)state;
	load_tree();
	set_text(GIC, "compatible", "somebody,gic\0arm,gic-400");
	assert_int_equal(find().gic.version, 2);
	set(GIC, "compatible", "arm,gic-400", sizeof("arm,gic-400") - 1); /* nothing ends it */
	assert_int_equal(find().gic.version, 0);
	set_text(GIC, "compatible", "qcom,msm-qgic2");
	assert_int_equal(find().gic.version, 2);
	delete (GIC, "interrupt-controller");
	assert_int_equal(find().gic.version, 0);

	/* libfdt puts a new node before the old ones. */
	load_tree();
	node = fdt_add_subnode(tree, 0, "intc@1");
	assert_true(node > 0);
	set_text("/intc@1", "compatible", "arm,gic-v3");
	set("/intc@1", "reg", "\0\0\0\0\0\0\0\1\0\0\0\0\0\1\0\0", 16);
	set("/intc@1", "interrupt-controller", NULL, 0);
	set_cell("/intc@1", "phandle", 7);
	assert_int_equal(find().gic.version, 3);
	assert_int_equal(find().gic.region[0].start, 1);
	assert_int_equal(find().console.number, 0); /* the other one's */
	set_text(GIC, "compatible", "arm,gic-v3");
	assert_int_equal(find().gic.region[0].start, 1);
	set_text("/intc@1", "compatible", "arm,gic-400");
	assert_int_equal(find().gic.version, 3);
	assert_int_equal(find().gic.region[0].start, 0x8000000);
	assert_int_equal(find().console.number, 33);
}

static void an_interrupt_has_its_nodes_parent_before_the_buss(void **state)
{
	(void)state;
	load_tree();
	set_cell(UART, "interrupt-parent", 7);
	assert_int_equal(find().console.number, 0);
	set_cell("/", "interrupt-parent", 7);
	set_cell(UART, "interrupt-parent", 0x8002);
	assert_int_equal(find().console.number, 33);
	assert_int_equal(find().timer[0].number, 0);
	set(UART, "interrupts", "\0\0\0\0\0\0\0\5", 8); /* cut short */
	assert_int_equal(find().console.number, 0);
	load_tree();
	delete ("/", "interrupt-parent");
	assert_int_equal(find().console.number, 0);
	assert_true(find().has_console);
}

static void registers_need_addresses_and_sizes_of_one_or_two_cells(void **state)
{
	(void)state;
	load_tree();
	set_cell("/", "#address-cells", 3);
	assert_false(find().has_console);
	assert_int_equal(find().gic.regions, 0);
	set_cell("/", "#address-cells", 2);
	set_cell("/", "#size-cells", 0);
	assert_true(find().has_console);
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

		memcpy(tree, whole, tree_size);
		while (bytes-- > 0)
			tree[random_below(&random, 2) ?
				     tree_size - 1 - random_below(&random, 3072) :
				     40 + random_below(&random, (unsigned)tree_size - 40)] =
				(u8)random_next(&random);
		if (read_devices(&devices))
			found += devices.timer[0].number != 0 && devices.gic.version != 0 &&
				 devices.console.number != 0;
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
