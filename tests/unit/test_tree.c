// SPDX-License-Identifier: MIT
/*
 * What the pass over the device tree finds in trees of every shape that boards have, and which line
 * of the GIC's a device interrupts by: each tree is built here, by libfdt. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "support/libfdt.h"

#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/tree/tree.h>

#define TREE_MAX 131072
#define UART_AT 0x9000000
#define GIC_PHANDLE 1

static u8 tree[TREE_MAX] __attribute__((aligned(8)));

/* What was read of it. */
static struct boot_facts facts;
static struct boot_lists lists;
static struct devices devices;
static struct stop stop;

static void open_node(const char *name)
{
	assert_int_equal(fdt_begin_node(tree, name), 0);
}

static void close_node(void)
{
	assert_int_equal(fdt_end_node(tree), 0);
}

static void put_bytes(const char *name, const void *bytes, size_t size)
{
	assert_int_equal(fdt_property(tree, name, bytes, (int)size), 0);
}

static void put_cells(const char *name, const u32 *cells, size_t count)
{
	u32 big[64];

	assert_true(count <= ARRAY_SIZE(big));
	for (size_t i = 0; i < count; i++)
		big[i] = __builtin_bswap32(cells[i]);
	put_bytes(name, big, count * sizeof(u32));
}

#define cells(name, ...)                              \
	put_cells(name, (const u32[]){ __VA_ARGS__ }, \
		  sizeof((const u32[]){ __VA_ARGS__ }) / sizeof(u32))
#define text(name, words) put_bytes(name, words, sizeof(words))
#define flag(name) put_bytes(name, NULL, 0)

static void begin_tree(void)
{
	assert_int_equal(fdt_create(tree, sizeof(tree)), 0);
	assert_int_equal(fdt_finish_reservemap(tree), 0);
	open_node("");
	cells("#address-cells", 2);
	cells("#size-cells", 2);
}

static void put_memory(void)
{
	open_node("memory@40000000");
	text("device_type", "memory");
	cells("reg", 0, 0x40000000, 0, 0x20000000);
	close_node();
}

#define BOOT_MPIDR 0x80000000 /* with the bit that says nothing */

/* As the kernel reads it, with its console where UART_AT is. */
static void read_tree(void)
{
	struct fdt_value seed;
	struct scan scan;
	struct fdt_cursor cursor;
	struct fdt fdt;

	close_node();
	assert_int_equal(fdt_finish(tree), 0);
	assert_int_equal(fdt_open(&fdt, tree), FDT_OK);
	memset(&facts, 0, sizeof(facts));
	memset(&lists, 0xa5, sizeof(lists));
	facts.id[SYSREG_MPIDR_EL1] = BOOT_MPIDR;
	(void)fdt_seek(&fdt, "chosen", &cursor, &facts.fdt.chosen);
	tree_begin(&scan, &fdt, &facts, &lists);
	assert_false(tree_read(&scan, &seed));
	stop = tree_end(&scan);
	devices_read(&fdt, &lists.nodes, paddr(UART_AT), &devices);
}

/* ---- interrupts ---- */

#define SHARED(number) 0, number, 4
#define OWN(number) 1, number, 8

static void put_gic(const char *compatible, size_t size, u32 interrupt_cells)
{
	open_node("interrupt-controller@8000000");
	put_bytes("compatible", compatible, size);
	flag("interrupt-controller");
	cells("#interrupt-cells", interrupt_cells);
	cells("#address-cells", 0);
	cells("phandle", GIC_PHANDLE);
	cells("reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000);
	close_node();
}

#define gic(compatible, interrupt_cells) put_gic(compatible, sizeof(compatible), interrupt_cells)

static void open_uart(void)
{
	open_node("serial@9000000");
	text("compatible", "arm,pl011");
	cells("reg", 0, UART_AT, 0, 0x1000);
}

static void assert_line(struct device_line line, u32 number, u32 flags)
{
	assert_int_equal(line.number, number);
	assert_int_equal(line.flags, flags);
}

static void an_interrupt_has_as_many_cells_as_its_parent_says(void **state)
{
	(void)state;
	for (u32 count = 3; count <= 4; count++) {
		u32 timers[16] = { 0 };

		begin_tree();
		cells("interrupt-parent", GIC_PHANDLE);
		gic("arm,gic-v3", count);
		for (u32 i = 0; i < 4; i++) {
			timers[i * count] = 1;
			timers[i * count + 1] = 13 - i;
			timers[i * count + 2] = 4;
		}
		open_node("timer");
		text("compatible", "arm,armv8-timer");
		put_cells("interrupts", timers, (size_t)4 * count);
		close_node();
		open_uart();
		cells("interrupts", SHARED(1), 0, 0, 0);
		close_node();
		read_tree();
		assert_line(devices.console, 33, 4);
		assert_line(devices.timer[DEVICE_TIMER_VIRTUAL], 16 + 11, 4);
		assert_line(devices.timer[DEVICE_TIMER_HYPERVISOR], 16 + 10, 4);
	}
	begin_tree(); /* as a GIC's interrupt none is readable */
	cells("interrupt-parent", GIC_PHANDLE);
	gic("arm,gic-v3", 2);
	open_uart();
	cells("interrupts", SHARED(1));
	close_node();
	read_tree();
	assert_line(devices.console, 0, 0);
}

static void a_number_that_the_gic_cannot_have_is_none(void **state)
{
	static const struct {
		u32 kind, number, line;
	} cases[] = { { 0, 987, 1019 }, { 0, 988, 0 }, { 0, 0xfffffff0, 0 }, { 1, 15, 31 },
		      { 1, 16, 0 },	{ 2, 1, 0 },   { 3, 1, 0 } };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		begin_tree();
		cells("interrupt-parent", GIC_PHANDLE);
		gic("arm,gic-400", 3);
		open_uart();
		cells("interrupts", cases[i].kind, cases[i].number, 1);
		close_node();
		read_tree();
		assert_int_equal(devices.console.number, cases[i].line);
	}
}

static void interrupts_extended_names_a_parent_for_each_and_comes_first(void **state)
{
	(void)state;
	begin_tree();
	gic("arm,gic-v3", 4);
	open_node("pins");
	flag("interrupt-controller");
	cells("#interrupt-cells", 2);
	cells("phandle", 2);
	close_node();
	open_node("timer");
	text("compatible", "arm,armv8-timer");
	cells("interrupts-extended", 2, 7, 7, GIC_PHANDLE, OWN(14), 0, GIC_PHANDLE, OWN(11), 0,
	      GIC_PHANDLE, OWN(10), 0);
	close_node();
	open_uart();
	cells("interrupt-parent", GIC_PHANDLE);
	cells("interrupts-extended", GIC_PHANDLE, SHARED(5), 0, 2, 1, 1);
	cells("interrupts", SHARED(9), 0);
	close_node();
	read_tree();
	assert_line(devices.console, 32 + 5, 4);
	assert_line(devices.timer[DEVICE_TIMER_VIRTUAL], 16 + 11, 8);
	assert_line(devices.timer[DEVICE_TIMER_HYPERVISOR], 16 + 10, 8);

	begin_tree(); /* pins are no GIC's; nor is what nobody has */
	gic("arm,gic-v3", 3);
	open_node("pins");
	flag("interrupt-controller");
	cells("#interrupt-cells", 3);
	cells("phandle", 2);
	close_node();
	open_node("timer");
	text("compatible", "arm,armv8-timer");
	cells("interrupts-extended", 9, OWN(13), GIC_PHANDLE, OWN(14), GIC_PHANDLE, OWN(11));
	close_node();
	open_uart();
	cells("interrupts-extended", 2, SHARED(5));
	close_node();
	read_tree();
	assert_line(devices.console, 0, 0);
	assert_line(devices.timer[DEVICE_TIMER_VIRTUAL], 0, 0);
}

static void timers_are_known_by_their_names_where_they_have_some(void **state)
{
	(void)state;
	begin_tree();
	cells("interrupt-parent", GIC_PHANDLE);
	gic("arm,gic-v3", 3);
	open_node("timer");
	text("compatible", "arm,armv8-timer");
	text("interrupt-names", "phys\0virt\0hyp-phys\0hyp-virt");
	cells("interrupts", OWN(14), OWN(11), OWN(10), OWN(12));
	close_node();
	read_tree();
	assert_line(devices.timer[DEVICE_TIMER_VIRTUAL], 16 + 11, 8);
	assert_line(devices.timer[DEVICE_TIMER_HYPERVISOR], 16 + 10, 8);

	begin_tree(); /* nor is what others are called taken for one that has no name there */
	cells("interrupt-parent", GIC_PHANDLE);
	gic("arm,gic-v3", 3);
	open_node("timer");
	text("compatible", "arm,armv8-timer");
	text("interrupt-names", "sec-phys\0phys\0hyp-virt\0hyp-phys");
	cells("interrupts", OWN(13), OWN(14), OWN(12), OWN(10));
	close_node();
	read_tree();
	assert_line(devices.timer[DEVICE_TIMER_VIRTUAL], 0, 0);
	assert_line(devices.timer[DEVICE_TIMER_HYPERVISOR], 16 + 10, 8);
}

static void open_bus(u32 ranges)
{
	open_node("soc");
	text("compatible", "simple-bus");
	cells("#address-cells", 1);
	cells("#size-cells", 1);
	if (ranges != 0)
		cells("ranges", 0, 0, 0x8000000, ranges);
	else
		flag("ranges");
}

static void gic_timer_and_uart_are_found_below_buses(void **state)
{
	(void)state;
	for (unsigned reach = 0; reach < 2; reach++) {
		begin_tree();
		cells("interrupt-parent", GIC_PHANDLE);
		open_bus(reach ? 0x8000000 : 0xa0000); /* of the GIC only the distributor */
		open_node("serial@1000000");
		text("compatible", "arm,pl011");
		cells("reg", 0x1000000, 0x1000);
		cells("interrupts", SHARED(1));
		close_node();
		open_node("interrupt-controller@0");
		text("compatible", "arm,gic-v3");
		flag("interrupt-controller");
		cells("#interrupt-cells", 3);
		cells("phandle", GIC_PHANDLE);
		cells("reg", 0, 0x10000, 0xa0000, 0xf60000);
		close_node();
		open_node("timer");
		text("compatible", "arm,armv8-timer");
		cells("interrupts", OWN(13), OWN(14), OWN(11), OWN(10));
		close_node();
		close_node();
		read_tree();
		assert_int_equal(devices.gic.version, 3);
		assert_int_equal(devices.gic.regions, reach ? 2 : 1);
		assert_int_equal(devices.gic.rows, reach ? 1 : 0);
		assert_int_equal(devices.gic.region[0].start, 0x8000000);
		assert_int_equal(devices.timer[DEVICE_TIMER_VIRTUAL].number, 27);
		assert_int_equal(devices.has_console, reach);
		assert_int_equal(devices.console.number, reach ? 33 : 0);
		if (reach)
			assert_int_equal(devices.gic.region[1].start, 0x80a0000);
	}
}

static void on_a_bus_that_is_not_in_use_nothing_is(void **state)
{
	(void)state;
	begin_tree();
	cells("interrupt-parent", GIC_PHANDLE);
	open_node("soc");
	text("status", "disabled");
	cells("#address-cells", 2);
	cells("#size-cells", 2);
	flag("ranges");
	gic("arm,gic-v3", 3);
	open_node("timer");
	text("compatible", "arm,armv8-timer");
	cells("interrupts", OWN(13), OWN(14), OWN(11), OWN(10));
	close_node();
	open_node("psci");
	text("compatible", "arm,psci-1.0");
	text("method", "smc");
	close_node();
	close_node();
	read_tree();
	assert_int_equal(devices.gic.version, 0);
	assert_int_equal(lists.nodes.timer.offset, 0);
	assert_int_equal(facts.psci, PSCI_NONE);
}

static void a_console_is_the_node_that_its_registers_are_in(void **state)
{
	(void)state;
	for (u32 offset = 0; offset < 2; offset++) {
		begin_tree();
		cells("interrupt-parent", GIC_PHANDLE);
		gic("arm,gic-400", 3);
		open_node("serial@8fff000");
		text("compatible", "ns16550a");
		cells("reg", 0, UART_AT - 0x1000, 0, 0x1000 + offset);
		cells("reg-offset", 0x1000);
		cells("interrupts", SHARED(2));
		close_node();
		read_tree();
		assert_int_equal(facts.console.address.value, UART_AT);
		assert_int_equal(devices.has_console, offset);
		assert_int_equal(devices.console.number, offset ? 34 : 0);
	}
}

static void rows_of_redistributors_and_their_stride_are_told(void **state)
{
	static const u32 strides[] = { 0, 0, 0x40000 };

	(void)state;
	for (u32 count = 0; count <= 2; count++) {
		begin_tree();
		open_node("interrupt-controller@8000000");
		text("compatible", "acme,gic\0arm,gic-v3");
		flag("interrupt-controller");
		if (count > 0)
			cells("#redistributor-regions", count == 1 ? 2 : 99);
		if (count > 0)
			put_cells("redistributor-stride", strides + (count == 1 ? 2 : 1), count);
		cells("reg", 0, 0x8000000, 0, 0x10000, 0, 0x1000000, 0, 0x100000, 1, 0, 0, 0x100000,
		      0, 0x2c000000, 0, 0x2000);
		close_node();
		read_tree();
		assert_int_equal(devices.gic.regions, 4);
		assert_int_equal(devices.gic.rows, count == 2 ? 3 : count + 1);
		assert_int_equal(devices.gic.stride, count > 0 ? 0x40000 : 0);
		assert_int_equal(devices.gic.region[2].start, 0x100000000);
	}
}

static void an_interrupt_map_leads_to_the_gic(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		begin_tree();
		gic("arm,gic-400", 3);
		open_bus(0x8000000);
		cells("#interrupt-cells", 1);
		if (i != 1)
			cells("interrupt-map-mask", 0, 7);
		/* from unit and interrupt: to another's, whose cells are other; and to the GIC's */
		cells("interrupt-map", 0, 5, i == 2 ? 9 : 2, 8, 8, 0, 4, GIC_PHANDLE, SHARED(33),
		      0x1000000, 5, GIC_PHANDLE, 0, 34, 1, 0x1000000, 5, GIC_PHANDLE, SHARED(77));
		open_node("serial@1000000");
		text("compatible", "arm,pl011");
		cells("reg", 0x1000000, 0x1000);
		/* the mask leaves 4 of 12 */
		cells("interrupts", i == 3 ? 6 : i == 1 ? 5 : i == 0 ? 12 : 4);
		if (i == 4)
			cells("interrupt-parent", 77);
		close_node();
		close_node();
		open_node("pins");
		flag("interrupt-controller");
		cells("#interrupt-cells", 2);
		cells("phandle", 2);
		close_node();
		read_tree();
		/* masked, whole; an unknown parent; not in the map; another parent */
		assert_int_equal(devices.console.number, i == 0 ? 65 : i == 1 ? 66 : 0);
	}
}

/* Each is looked for in the whole tree: there is a limit, and the GIC is not counted. */
static void a_map_may_name_eight_other_parents(void **state)
{
	(void)state;
	for (u32 parents = 8; parents <= 9; parents++) {
		u32 map[9 * 4 + 2 * 6], count = 0;

		begin_tree();
		gic("arm,gic-400", 3);
		for (u32 i = 0; i < parents; i++) {
			const u32 to_gic[] = { 0, 50, GIC_PHANDLE, SHARED(1) };
			const u32 to_pin[] = { 0, 100 + i, 10 + i, i };

			if (i == 3) {
				memcpy(map + count, to_gic, sizeof(to_gic));
				count += ARRAY_SIZE(to_gic);
			}
			memcpy(map + count, to_pin, sizeof(to_pin));
			count += ARRAY_SIZE(to_pin);
			open_node("pins");
			flag("interrupt-controller");
			cells("#interrupt-cells", 1);
			cells("phandle", 10 + i);
			close_node();
		}
		memcpy(map + count, (const u32[]){ 0x1000000, 4, GIC_PHANDLE, SHARED(33) },
		       6 * sizeof(u32));
		open_bus(0x8000000);
		cells("#interrupt-cells", 1);
		put_cells("interrupt-map", map, count + 6);
		open_node("serial@1000000");
		text("compatible", "arm,pl011");
		cells("reg", 0x1000000, 0x1000);
		cells("interrupts", 4);
		close_node();
		close_node();
		read_tree();
		assert_int_equal(devices.console.number, parents == 8 ? 65 : 0);
	}
}

static void a_map_below_a_map_is_followed_and_a_circle_is_not(void **state)
{
	(void)state;
	for (unsigned circle = 0; circle < 2; circle++) {
		begin_tree();
		cells("interrupt-parent", 5);
		gic("arm,gic-400", 3);
		open_node("outer");
		cells("phandle", 5);
		cells("#address-cells", 1);
		cells("#interrupt-cells", 2);
		/* the unit is what the inner map says, not the UART's own */
		cells("interrupt-map", 8, 1, 2, circle ? 6 : GIC_PHANDLE, 0, 3, 4);
		close_node();
		open_node("inner");
		cells("phandle", 6);
		cells("#address-cells", 0);
		cells("#interrupt-cells", 3);
		cells("interrupt-map", 0, 3, 4, 5, 8, 1, 2);
		close_node();
		open_uart();
		cells("interrupt-parent", 6);
		cells("interrupts", SHARED(3));
		close_node();
		read_tree();
		assert_line(devices.console, circle ? 0 : 35, circle ? 0 : 4);
	}
}

static void controllers_that_pass_interrupts_on_are_passed(void **state)
{
	static const struct {
		const char *compatible;
		size_t size;
		u32 line;
	} cases[] = {
#define CASE(words, line) { words, sizeof(words), line }
		CASE("mediatek,mt8173-sysirq\0mediatek,mt6577-sysirq", 123),
		CASE("nvidia,tegra210-ictlr", 123),
		CASE("fsl,imx8mq-gpc", 123),
		CASE("nvidia,tegra186-agic\0nvidia,tegra210-agic", 0),
		CASE("acme,sysirq", 0),
#undef CASE
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		begin_tree();
		cells("interrupt-parent", 3);
		gic("arm,gic-400", 3);
		open_node("interrupt-controller@200a80");
		put_bytes("compatible", cases[i].compatible, cases[i].size);
		flag("interrupt-controller");
		cells("#interrupt-cells", 3);
		cells("phandle", 3);
		cells("interrupt-parent", GIC_PHANDLE);
		close_node();
		open_uart();
		cells("interrupts", SHARED(91));
		close_node();
		read_tree();
		assert_int_equal(devices.console.number, cases[i].line);
	}
}

static void who_stands_in_a_controller_has_it_for_a_parent(void **state)
{
	(void)state;
	begin_tree();
	cells("interrupt-parent", 9);
	open_node("interrupt-controller@8000000");
	text("compatible", "arm,gic-400");
	flag("interrupt-controller");
	cells("#interrupt-cells", 3);
	cells("#address-cells", 2);
	cells("#size-cells", 2);
	flag("ranges");
	cells("reg", 0, 0x8000000, 0, 0x10000);
	open_uart();
	cells("interrupts", SHARED(3));
	close_node();
	close_node();
	read_tree();
	assert_line(devices.console, 35, 4);
}

/* The one before it has a parent of its own, which is not this one's. */
static void who_has_no_interrupt_parent_has_no_interrupt(void **state)
{
	(void)state;
	begin_tree();
	gic("arm,gic-400", 3);
	open_node("timer");
	text("compatible", "arm,armv8-timer");
	cells("interrupt-parent", GIC_PHANDLE);
	cells("interrupts", OWN(13), OWN(14), OWN(11), OWN(10));
	close_node();
	open_uart();
	cells("interrupts", SHARED(3));
	close_node();
	read_tree();
	assert_true(devices.has_console);
	assert_int_equal(devices.timer[DEVICE_TIMER_VIRTUAL].number, 27);
	assert_line(devices.console, 0, 0);
}

/* ---- memory ---- */

static u64 bytes_of(enum memory_kind kind)
{
	u64 total = 0;

	for (u32 i = 0; i < lists.memory.count; i++)
		if (lists.memory.range[i].kind == kind)
			total += paddr_diff(lists.memory.range[i].end, lists.memory.range[i].start);
	return total;
}

static void only_the_roots_children_are_ram(void **state)
{
	(void)state;
	begin_tree();
	put_memory();
	open_node("bus@0");
	cells("#address-cells", 1);
	cells("#size-cells", 1);
	cells("ranges", 0, 0, 0x10000000, 0x100000);
	open_node("sram@0");
	text("device_type", "memory");
	cells("reg", 0, 0x10000);
	close_node();
	close_node();
	open_node("reserved-memory");
	cells("#address-cells", 2);
	cells("#size-cells", 2);
	flag("ranges");
	open_node("secure@48000000");
	text("device_type", "memory");
	flag("no-map");
	cells("reg", 0, 0x48000000, 0, 0x100000);
	close_node();
	open_node("dma@49000000");
	cells("reg", 0, 0x49000000, 0, 0x1000, 0, 0x4a000000, 0, 0x1000);
	close_node();
	close_node();
	read_tree();
	assert_int_equal(stop.code, STOP_NONE);
	assert_int_equal(bytes_of(MEMORY_RAM), 0x20000000);
	assert_int_equal(bytes_of(MEMORY_NOMAP), 0x100000);
	assert_int_equal(bytes_of(MEMORY_RESERVED), 0x2000);
	assert_int_equal(lists.memory.dropped, 0);
}

/* As Linux: what a child says of itself counts, and what is around it does not. */
static void a_reservation_counts_unless_it_says_itself_that_it_is_none(void **state)
{
	static const struct {
		const char *bus, *child;
		bool counts;
	} cases[] = {
		{ NULL, NULL, true },	      { NULL, "ok", true },
		{ NULL, "okay", true },	      { NULL, "disabled", false },
		{ NULL, "reserved", false },  { "disabled", NULL, true },
		{ "disabled", "okay", true }, { "fail", "disabled", false },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		begin_tree();
		put_memory();
		open_node("reserved-memory");
		cells("#address-cells", 2);
		cells("#size-cells", 2);
		flag("ranges");
		if (cases[i].bus != NULL)
			put_bytes("status", cases[i].bus, strlen(cases[i].bus) + 1);
		open_node("secure@48000000");
		flag("no-map");
		cells("reg", 0, 0x48000000, 0, 0x100000);
		if (cases[i].child != NULL)
			put_bytes("status", cases[i].child, strlen(cases[i].child) + 1);
		close_node();
		close_node();
		read_tree();
		assert_int_equal(bytes_of(MEMORY_NOMAP), cases[i].counts ? 0x100000 : 0);
	}
}

static void a_bank_is_what_is_usable_of_it(void **state)
{
	(void)state;
	begin_tree();
	open_node("memory@40000000");
	text("device_type", "memory");
	cells("reg", 0, 0x40000000, 0, 0x20000000);
	cells("linux,usable-memory", 0, 0x41000000, 0, 0x1000000, 0, 0x48000000, 0, 0x3000);
	close_node();
	open_node("memory@60000000");
	text("device_type", "memory");
	cells("reg", 0, 0x60000000, 0, 0x20000000);
	flag("linux,usable-memory"); /* nothing */
	close_node();
	open_node("memory@80000000");
	text("device_type", "memory");
	cells("linux,usable-memory", 0, 0x80000000, 0, 0x5000);
	close_node();
	read_tree();
	assert_int_equal(bytes_of(MEMORY_RAM), 0x1008000);
	assert_int_equal(lists.memory.range[0].start.value, 0x41000000);
}

static void chosen_limits_ram_to_a_range_or_two(void **state)
{
	static const struct {
		u32 cells[12];
		size_t count;
		u64 start, end, between;
		u32 dropped;
	} cases[] = {
		{ { 0, 0x41000000, 0, 0x1000000 }, 4, 0x41000000, 0x42000000, 0, 0 },
		{ { 0, 0x45000000, 0, 0x1000000, 0, 0x41000000, 0, 0x1000 },
		  8,
		  0x41000000,
		  0x46000000,
		  0x3fff000,
		  0 },
		{ { 0, 0x41000000, 0, 0x1000, 0, 0x45000000, 0, 0x1000000 },
		  8,
		  0x41000000,
		  0x46000000,
		  0x3fff000,
		  0 },
		{ { 0, 0x41000000, 0, 0x2000, 0, 0x41001000, 0, 0x2000 },
		  8,
		  0x41000000,
		  0x41003000,
		  0,
		  0 },
		/* nothing, past the end, more than two, cut short */
		{ { 0, 0x41000000, 0, 0 }, 4, 0, 0, 0, 1 },
		{ { ~0u, ~0u, 0, 2 }, 4, 0, 0, 0, 1 },
		{ { 0, 0, 0, 0x1000, 0, 0x1000, 0, 0x1000, 0, 0x9000, 0, 0x1000 },
		  12,
		  0,
		  0x2000,
		  0,
		  1 },
		{ { 0, 0x41000000, 0, 0x1000000, 0, 0 }, 6, 0x41000000, 0x42000000, 0, 1 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		begin_tree();
		open_node("chosen");
		put_cells("linux,usable-memory-range", cases[i].cells, cases[i].count);
		cells("linux,elfcorehdr", 0, 0x41000000, 0, 0x400);
		close_node();
		put_memory();
		read_tree();
		assert_int_equal(lists.usable.start,
				 cases[i].end != 0 ? cases[i].start : ~(u64)0 / 255 * 0xa5);
		assert_int_equal(lists.usable.end, cases[i].end);
		assert_int_equal(bytes_of(MEMORY_NOMAP), cases[i].between);
		assert_int_equal(bytes_of(MEMORY_RESERVED), 0x400);
		assert_int_equal(lists.memory.dropped, cases[i].dropped);
	}
}

/* ---- other devices ---- */

static void pcis_ports_are_found_below_buses(void **state)
{
	(void)state;
	for (unsigned reach = 0; reach < 2; reach++) {
		begin_tree();
		open_bus(reach ? 0x10000000 : 0x1000);
		open_node("pcie@8000000");
		text("compatible", "pci-host-ecam-generic");
		cells("#address-cells", 3);
		cells("#size-cells", 2);
		cells("reg", 0x8000000, 0x100000);
		cells("ranges", 0x01000000, 0, 0, 0x7ff0000, 0, 0x10000);
		close_node();
		close_node();
		read_tree();
		assert_int_equal(facts.pci_io.found, reach);
		if (!reach)
			continue;
		assert_int_equal(facts.pci_io.pa.value, 0x8000000 + 0x7ff0000);
		assert_int_equal(facts.pci_io.size, 0x10000);
	}
}

static void psci_0_1_has_no_way_to_turn_the_machine_off(void **state)
{
	(void)state;
	for (unsigned later = 0; later < 2; later++) {
		begin_tree();
		open_node("firmware");
		open_node("psci");
		if (later)
			text("compatible", "arm,psci-0.2\0arm,psci");
		else
			text("compatible", "arm,psci");
		text("method", "smc");
		cells("cpu_on", 0x95c1ba60);
		close_node();
		close_node();
		read_tree();
		assert_int_equal(facts.psci, later ? PSCI_SMC : PSCI_OLD);
	}
}

/* ---- CPUs ---- */

static void open_cpus(u32 address_cells)
{
	open_node("cpus");
	cells("#address-cells", address_cells);
	cells("#size-cells", 0);
}

/* A CPU that PSCI starts, in one cell or two. */
static void open_cpu(u64 mpidr, u32 address_cells)
{
	char name[32];

	snprintf(name, sizeof(name), "cpu@%lx", (unsigned long)mpidr);
	open_node(name);
	text("device_type", "cpu");
	text("compatible", "arm,cortex-a53");
	if (address_cells == 2)
		cells("reg", (u32)(mpidr >> 32), (u32)mpidr);
	else
		cells("reg", (u32)mpidr);
	text("enable-method", "psci");
}

static void put_cpu(u64 mpidr, u32 address_cells)
{
	open_cpu(mpidr, address_cells);
	close_node();
}

static void assert_lost(enum cpu_loss loss, u32 count, u64 mpidr)
{
	assert_int_equal(lists.cpus.lost[loss].count, count);
	if (count == 0)
		return;
	assert_int_equal(lists.cpus.lost[loss].mpidr, mpidr);
	assert_non_null(fdt_get_name(
		tree, (int)(lists.cpus.lost[loss].node - fdt_off_dt_struct(tree)), NULL));
}

static void assert_no_cpu_lost(void)
{
	for (enum cpu_loss loss = CPU_LOSS_NO_ROOM; loss < CPU_LOSS_COUNT; loss++)
		assert_lost(loss, 0, 0);
}

static void cpus_are_numbered_as_the_tree_lists_them_after_the_one_that_boots(void **state)
{
	static const u64 in_tree[] = { 0x100, 0x101, 0, 0x1, 0x300000002 };

	(void)state;
	for (u32 width = 1; width <= 2; width++) {
		begin_tree();
		open_cpus(width);
		for (unsigned i = 0; i < 3 + width; i++)
			put_cpu(width == 2 && i == 4 ? 0x300000002 : in_tree[i], width);
		close_node();
		read_tree();
		assert_no_cpu_lost();
		assert_int_equal(lists.cpus.count, 3 + width);
		assert_true(lists.cpus.boot_seen);
		assert_int_equal(lists.cpus.cpu[0].mpidr, 0);
		assert_int_equal(lists.cpus.cpu[0].method, CPU_METHOD_PSCI);
		assert_int_equal(lists.cpus.cpu[1].mpidr, 0x100);
		assert_int_equal(lists.cpus.cpu[2].mpidr, 0x101);
		assert_int_equal(lists.cpus.cpu[3].mpidr, 1);
		for (unsigned i = 0; i < lists.cpus.count; i++)
			assert_int_equal(cpu_list_find(&lists.cpus, lists.cpus.cpu[i].mpidr), i);
		assert_int_equal(cpu_list_find(&lists.cpus, BOOT_MPIDR), 0);
		assert_int_equal(cpu_list_find(&lists.cpus, 0x102), CPUS_MAX);
		assert_int_equal(cpu_list_find(&lists.cpus, 2), CPUS_MAX);
	}
}

static void a_cpu_is_started_as_its_enable_method_says(void **state)
{
	const struct cpu_entry *cpu = lists.cpus.cpu;

	(void)state;
	begin_tree();
	open_node("cpus"); /* of two cells, by default */
	for (u32 i = 0; i < 6; i++) {
		open_node((char[]){ 'c', 'p', 'u', '@', (char)('0' + i), '\0' });
		text("device_type", "cpu");
		cells("reg", 0, i);
		if (i == 1 || i == 2)
			text("enable-method", "spin-table");
		if (i == 3)
			text("enable-method", "brcm,bcm2836-smp");
		if (i == 4)
			text("enable-method", "acme\0spin-table\0psci");
		if (i == 1)
			cells("cpu-release-addr", 1, 0xe0);
		if (i == 2)
			cells("cpu-release-addr", 0xe0); /* of which the rest is missing */
		close_node();
	}
	close_node();
	read_tree();
	assert_int_equal(lists.cpus.count, 6);
	assert_int_equal(cpu[0].method, CPU_METHOD_NONE);
	assert_int_equal(cpu[1].method, CPU_METHOD_SPIN_TABLE);
	assert_int_equal(cpu[1].release, 0x1000000e0);
	assert_int_equal(cpu[2].method, CPU_METHOD_SPIN_TABLE);
	assert_int_equal(cpu[2].release, 0);
	assert_int_equal(cpu[3].method, CPU_METHOD_OTHER);
	assert_int_equal(cpu[4].method, CPU_METHOD_PSCI);
	assert_int_equal(cpu[5].method, CPU_METHOD_NONE);
}

static void a_cpu_that_sleeps_is_good_and_one_that_has_failed_is_none(void **state)
{
	static const char *const words[] = { "okay", "disabled", "fail", "fail-cache", "failing" };

	(void)state;
	begin_tree();
	open_cpus(1);
	for (u32 i = 0; i < ARRAY_SIZE(words); i++) {
		open_cpu(i, 1);
		put_bytes("status", words[i], strlen(words[i]) + 1);
		close_node();
	}
	open_cpu(8, 1);
	put_bytes("status", "fail", 4); /* without its NUL it is no word */
	close_node();
	close_node();
	read_tree();
	assert_int_equal(lists.cpus.count, 4);
	assert_int_equal(lists.cpus.cpu[1].mpidr, 1);
	assert_int_equal(lists.cpus.cpu[2].mpidr, 4);
	assert_int_equal(lists.cpus.cpu[3].mpidr, 8);
	assert_lost(CPU_LOSS_FAILED, 2, 2);
	assert_string_equal(cpu_loss_str(CPU_LOSS_FAILED), "has failed, by its status");
}

static void what_stands_elsewhere_or_is_something_else_is_no_cpu(void **state)
{
	(void)state;
	begin_tree();
	open_cpus(1);
	put_cpu(0, 1);
	open_node("l2-cache@1");
	text("device_type", "cache");
	cells("reg", 1);
	put_cpu(2, 1);
	close_node();
	open_node("idle@3");
	cells("reg", 3);
	close_node();
	close_node();
	open_node("sram");
	put_cpu(4, 1);
	close_node();
	put_cpu(5, 1);
	read_tree();
	assert_int_equal(lists.cpus.count, 1);
	assert_no_cpu_lost();
}

static void a_reg_that_is_no_mpidr_is_said(void **state)
{
	(void)state;
	begin_tree();
	open_cpus(2);
	put_cpu(0x0000000100000001, 2); /* Aff3 is higher up */
	put_cpu(0x80000002, 2); /* reserved */
	put_cpu(3, 1); /* cut */
	put_cpu(0x4, 2);
	close_node();
	read_tree();
	assert_lost(CPU_LOSS_BAD_REG, 2, 0x80000002);
	assert_int_equal(lists.cpus.count, 3);
	for (u32 width = 0; width <= 3; width += 3) {
		begin_tree();
		open_cpus(width);
		put_cpu(1, 2);
		close_node();
		read_tree();
		assert_lost(CPU_LOSS_BAD_REG, 1, 0);
		assert_int_equal(lists.cpus.count, 1);
	}
}

static void of_two_nodes_with_one_mpidr_the_first_counts(void **state)
{
	(void)state;
	begin_tree();
	open_cpus(1);
	put_cpu(7, 1);
	put_cpu(0, 1);
	for (unsigned i = 0; i < 2; i++) {
		open_node(i == 0 ? "again@7" : "again@0");
		text("device_type", "cpu");
		cells("reg", i == 0 ? 7 : 0);
		close_node();
	}
	put_cpu(3, 1);
	close_node();
	read_tree();
	assert_int_equal(lists.cpus.count, 3);
	assert_lost(CPU_LOSS_TWICE, 2, 7);
	assert_int_equal(lists.cpus.cpu[0].method, CPU_METHOD_PSCI);
	assert_int_equal(lists.cpus.cpu[1].method, CPU_METHOD_PSCI);
	assert_int_equal(lists.cpus.cpu[2].mpidr, 3);
}

static void the_cpu_that_boots_is_there_though_the_tree_does_not_have_it(void **state)
{
	(void)state;
	for (unsigned some = 0; some < 2; some++) {
		begin_tree();
		if (some) {
			open_cpus(1);
			put_cpu(1, 1);
			close_node();
		}
		read_tree();
		assert_false(lists.cpus.boot_seen);
		assert_int_equal(lists.cpus.count, 1 + some);
		assert_int_equal(lists.cpus.cpu[0].mpidr, 0);
		assert_int_equal(lists.cpus.cpu[0].method, CPU_METHOD_NONE);
	}
}

#define ALL (CPUS_MAX + 88)

/* In any order, and the CPU that boots comes after all for whom there is no room. */
static void more_cpus_than_there_is_room_for_are_counted(void **state)
{
	(void)state;
	for (unsigned order = 0; order < 3; order++) {
		begin_tree();
		open_cpus(1);
		for (u32 i = 1; i < ALL; i++) {
			u32 place = order == 0 ? i : order == 1 ? ALL - i : 1 + i * 7 % (ALL - 1);

			put_cpu((place & 0xf) | (place >> 4) << 8, 1);
		}
		put_cpu(0, 1);
		put_cpu(0, 1);
		close_node();
		read_tree();
		assert_true(lists.cpus.boot_seen);
		assert_int_equal(lists.cpus.count, CPUS_MAX);
		assert_int_equal(lists.cpus.lost[CPU_LOSS_NO_ROOM].count, ALL - CPUS_MAX);
		assert_lost(CPU_LOSS_TWICE, 1, 0);
		for (u32 i = 0; i < CPUS_MAX; i++)
			assert_int_equal(cpu_list_find(&lists.cpus, lists.cpus.cpu[i].mpidr), i);
	}
}

static void psci_0_1_says_itself_how_it_is_called(void **state)
{
	static const struct {
		const char *compatible, *method;
		u32 on, off; /* in the tree; 0: not there */
		struct device_psci psci;
	} cases[] = {
		{ "arm,psci", "smc", 0x95c1ba60, 0x95c1ba5f, { PSCI_SMC, 0x95c1ba60, 0x95c1ba5f } },
		{ "arm,psci", "hvc", 0xc4000003, 0, { PSCI_HVC, 0xc4000003, 0 } },
		{ "arm,psci", "smc", 0, 0x84000002, { PSCI_SMC, 0, 0x84000002 } },
		{ "arm,psci", "trap", 1, 2, { PSCI_NONE, 0, 0 } },
		{ "arm,psci-0.2", "smc", 1, 2, { PSCI_NONE, 0, 0 } },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		begin_tree();
		open_node("psci");
		put_bytes("compatible", cases[i].compatible, strlen(cases[i].compatible) + 1);
		put_bytes("method", cases[i].method, strlen(cases[i].method) + 1);
		if (cases[i].on != 0)
			cells("cpu_on", cases[i].on);
		if (cases[i].off != 0)
			cells("cpu_off", cases[i].off);
		close_node();
		read_tree();
		assert_int_equal(devices.psci_old.conduit, cases[i].psci.conduit);
		assert_int_equal(devices.psci_old.cpu_on, cases[i].psci.cpu_on);
		assert_int_equal(devices.psci_old.cpu_off, cases[i].psci.cpu_off);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interrupt_has_as_many_cells_as_its_parent_says),
		cmocka_unit_test(a_number_that_the_gic_cannot_have_is_none),
		cmocka_unit_test(interrupts_extended_names_a_parent_for_each_and_comes_first),
		cmocka_unit_test(timers_are_known_by_their_names_where_they_have_some),
		cmocka_unit_test(gic_timer_and_uart_are_found_below_buses),
		cmocka_unit_test(on_a_bus_that_is_not_in_use_nothing_is),
		cmocka_unit_test(a_console_is_the_node_that_its_registers_are_in),
		cmocka_unit_test(rows_of_redistributors_and_their_stride_are_told),
		cmocka_unit_test(an_interrupt_map_leads_to_the_gic),
		cmocka_unit_test(a_map_may_name_eight_other_parents),
		cmocka_unit_test(a_map_below_a_map_is_followed_and_a_circle_is_not),
		cmocka_unit_test(controllers_that_pass_interrupts_on_are_passed),
		cmocka_unit_test(who_stands_in_a_controller_has_it_for_a_parent),
		cmocka_unit_test(who_has_no_interrupt_parent_has_no_interrupt),
		cmocka_unit_test(only_the_roots_children_are_ram),
		cmocka_unit_test(a_reservation_counts_unless_it_says_itself_that_it_is_none),
		cmocka_unit_test(a_bank_is_what_is_usable_of_it),
		cmocka_unit_test(chosen_limits_ram_to_a_range_or_two),
		cmocka_unit_test(pcis_ports_are_found_below_buses),
		cmocka_unit_test(psci_0_1_has_no_way_to_turn_the_machine_off),
		cmocka_unit_test(cpus_are_numbered_as_the_tree_lists_them_after_the_one_that_boots),
		cmocka_unit_test(a_cpu_is_started_as_its_enable_method_says),
		cmocka_unit_test(a_cpu_that_sleeps_is_good_and_one_that_has_failed_is_none),
		cmocka_unit_test(what_stands_elsewhere_or_is_something_else_is_no_cpu),
		cmocka_unit_test(a_reg_that_is_no_mpidr_is_said),
		cmocka_unit_test(of_two_nodes_with_one_mpidr_the_first_counts),
		cmocka_unit_test(the_cpu_that_boots_is_there_though_the_tree_does_not_have_it),
		cmocka_unit_test(more_cpus_than_there_is_room_for_are_counted),
		cmocka_unit_test(psci_0_1_says_itself_how_it_is_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
