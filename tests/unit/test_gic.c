// SPDX-License-Identifier: MIT
/*
 * The driver of the interrupt controller on a fake one of either version, and the table of
 * interrupts over it. They are included here, over register accesses of this test's own. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/types.h>

#include "support/fake_gic.h"

/* Where a window shows what is at a physical address. Nothing looks there but the fake. */
#define WINDOW_VA 0x700000000000

#define PAGODA_MMIO_H /* these take the place of <pagoda/lib/mmio.h> */
static u32 mmio_read32(const volatile u32 *address);
static void mmio_write32(volatile u32 *address, u32 value);
static void mmio_write8(volatile u8 *address, u8 value);

#include "../../kernel/irq/gic.c"
#include "../../kernel/irq/gicv2.c"
#undef SIZE
#include "../../kernel/irq/gicv3.c"
#include "../../kernel/irq/redistributors.c"
#include "../../kernel/irq/interrupt.c"
#include <pagoda/kernel/irq/timer.h>

#define PPI 27
#define SPI 33
#define OTHER_SPI 70
#define LEVEL 4
#define EDGE 1
#define ALL_CPUS (FAKE_GIC_CPUS * 4 * KIB(64))

static struct fake_gic fake;
static struct cpu this_cpu; /* the one that boots */
static struct cpu others[FAKE_GIC_CPUS - 1];
static struct gic_cpu others_gic[FAKE_GIC_CPUS - 1];
static struct cpu *current = &this_cpu;
static struct devices devices;
static struct memory_map memory;
static struct boot_handoff handoff;
static struct alloc alloc;
static struct kernel kernel = { .handoff = &handoff, .memory = &memory, .alloc = &alloc };
static struct gic gic;
static struct gic_cpu cpu;

/* What is mapped: a slot of the fixmap each. */
static const struct window *open[FIXMAP_SLOT_COUNT];
static unsigned opened;

enum map_result window_open(const struct kernel *owner, vaddr_t slot, struct window *window)
{
	unsigned index;

	assert_ptr_equal(owner, &kernel);
	for (index = 0; index < FIXMAP_SLOT_COUNT; index++)
		if (layout_fixmap(&handoff.plan.layout, index).value == slot.value)
			break;
	if (index >= FIXMAP_SLOT_COUNT)
		return MAP_BAD_RANGE;
	assert_null(open[index]);
	assert_int_equal(window->attr.type, MEM_DEVICE_NGNRE);
	open[index] = window;
	opened++;
	window->va = vaddr(WINDOW_VA + window->pa.value);
	return MAP_OK;
}

void window_close(const struct kernel *owner, struct window *window)
{
	(void)owner;
	for (unsigned i = 0; i < FIXMAP_SLOT_COUNT; i++)
		if (open[i] == window)
			open[i] = NULL;
	window->va = vaddr(0);
}

/* What is mapped of rows of redistributors. */
static struct tree_region rows_mapped[TREE_GIC_REGIONS_MAX];
static unsigned maps;

enum vmalloc_result vmalloc_ioremap(struct vmalloc *vmalloc, paddr_t pa, u64 size, vaddr_t *address)
{
	assert_ptr_equal(vmalloc, &alloc.vmalloc);
	if (!memory_may_map_device(&memory, pa, size))
		return VMALLOC_IS_RAM;
	assert_true(maps < ARRAY_SIZE(rows_mapped));
	rows_mapped[maps++] = (struct tree_region){ pa.value, size };
	*address = vaddr(WINDOW_VA + pa.value);
	return VMALLOC_OK;
}

static bool is_open(void)
{
	for (unsigned i = 0; i < FIXMAP_SLOT_COUNT; i++)
		if (open[i] != NULL)
			return true;
	return false;
}

static u64 pa_of(const volatile void *address, unsigned size)
{
	u64 pa = vaddr_of(address).value - WINDOW_VA;

	for (unsigned i = 0; i < FIXMAP_SLOT_COUNT; i++)
		if (open[i] != NULL && pa >= open[i]->pa.value &&
		    pa + size <= open[i]->pa.value + open[i]->size)
			return pa;
	for (unsigned i = 0; i < maps; i++)
		if (pa >= rows_mapped[i].start &&
		    pa + size <= rows_mapped[i].start + rows_mapped[i].size)
			return pa;
	fail_msg("access to %#lx, which no window shows", pa);
	return 0;
}

static u32 mmio_read32(const volatile u32 *address)
{
	return fake_gic_read(pa_of(address, 4));
}

static void mmio_write32(volatile u32 *address, u32 value)
{
	fake_gic_write(pa_of(address, 4), value, 4);
}

static void mmio_write8(volatile u8 *address, u8 value)
{
	fake_gic_write(pa_of(address, 1), value, 1);
}

void *cpu_pointer(void)
{
	return current;
}

bool fault_catch(void (*function)(void *context), void *context, struct fault *fault)
{
	(void)fault;
	if (setjmp(fake_gic_nobody) != 0)
		return true;
	function(context);
	return false;
}

const struct devices *kernel_devices(const struct kernel *owner)
{
	(void)owner;
	return &devices;
}

/* ---- the CPU's timer ---- */

static bool timer_on, timer_works;
static u64 timer_ticks, now;
static unsigned taken;

u64 counter_read(void)
{
	return now += 1000;
}

void timer_set(unsigned el, u64 ticks)
{
	assert_int_equal(el, handoff.plan.el);
	timer_on = true;
	timer_ticks = ticks;
	fake.line[PPI] = timer_works;
}

void timer_clear(unsigned el)
{
	assert_int_equal(el, handoff.plan.el);
	timer_on = false;
	fake.line[PPI] = false;
}

bool interrupt_pending(void)
{
	return fake_gic_wants();
}

/* As vectors.S does: once for each interrupt that there is. */
static void take(void)
{
	for (unsigned i = 0; fake_gic_wants(); i++) {
		assert_true(i < 10);
		assert_true(interrupt_handle());
		taken++;
	}
}

void interrupts_take(void)
{
	take();
}

/* ---- set-up ---- */

static void describe(unsigned version)
{
	bool v3 = version == 3;

	devices = (struct devices){ .gic = { .version = version, .regions = 2, .rows = 1 } };
	devices.gic.region[0].start = FAKE_GIC_DISTRIBUTOR;
	devices.gic.region[0].size = KIB(64);
	devices.gic.region[1].start = v3 ? FAKE_GIC_ROW : FAKE_GIC_CPU;
	devices.gic.region[1].size = v3 ? ALL_CPUS : KIB(8);
	devices.timer[DEVICE_TIMER_VIRTUAL].number = PPI;
	devices.timer[DEVICE_TIMER_HYPERVISOR].number = 20;
}

static void make(unsigned version)
{
	struct regime regime = regime_make(12, 52, 52, true);

	fake_gic_make(&fake, version);
	describe(version);
	memset(&gic, 0, sizeof(gic));
	memset(&cpu, 0, sizeof(cpu));
	memset(&table, 0, sizeof(table));
	started = false;
	memset(&handoff, 0, sizeof(handoff));
	memset(open, 0, sizeof(open));
	memset(others, 0, sizeof(others));
	memset(&this_cpu, 0, sizeof(this_cpu));
	current = &this_cpu;
	opened = taken = maps = 0;
	handoff.plan.layout = layout_make(&regime, STRUCT_PAGE_SIZE);
	handoff.plan.el = 1;
	handoff.id[SYSREG_MPIDR_EL1] = 0x80000000;
	memory_begin(&memory);
	memory_add(&memory, 0x40000000, MIB(512), MEMORY_RAM);
	timer_on = false;
	timer_works = true;
}

static enum gic_result start(void)
{
	if (setjmp(fake_gic_nobody) != 0)
		fail_msg("an access where nobody is");
	return gic_start(&gic, &cpu, &kernel, &devices.gic);
}

static void assert_right(void)
{
	if (fake.wrong != NULL)
		fail_msg("%s", fake.wrong);
}

static void assert_comes(u32 number)
{
	u32 acknowledged = gic_acknowledge(&gic, &cpu);

	assert_int_equal(gic_number(&gic, acknowledged), number);
	if (number != FAKE_GIC_NOTHING) {
		gic_end(&gic, &cpu, acknowledged);
		assert_false(fake_gic_active(number));
	}
	assert_right();
}

/* ---- the driver ---- */

static void an_enabled_interrupt_comes_again_and_again(void **state)
{
	(void)state;
	for (unsigned version = 2; version <= 3; version++) {
		make(version);
		assert_int_equal(start(), GIC_OK);
		gic_enable(&gic, &cpu, PPI, 0);
		gic_enable(&gic, &cpu, SPI, EDGE);
		for (unsigned i = 0; i < 3; i++) {
			assert_comes(FAKE_GIC_NOTHING);
			fake_gic_raise(PPI);
			assert_comes(PPI);
			fake_gic_raise(SPI);
			assert_comes(SPI);
		}
		gic_disable(&gic, &cpu, SPI);
		fake_gic_raise(SPI);
		assert_comes(FAKE_GIC_NOTHING);
		fake_gic_raise(PPI);
		gic_disable(&gic, &cpu, PPI);
		assert_comes(FAKE_GIC_NOTHING);
	}
}

static void of_what_was_left_nothing_comes_and_all_can_come_again(void **state)
{
	(void)state;
	for (unsigned version = 2; version <= 3; version++) {
		make(version);
		fake_gic_leave(&fake);
		fake.groups = true;
		assert_int_equal(start(), GIC_OK);
		assert_comes(FAKE_GIC_NOTHING);
		for (u32 number = 0; number < FAKE_GIC_LINES; number++) {
			assert_false(fake_gic_enabled(number));
			assert_false(fake_gic_active(number));
		}
		for (u32 number = 16; number < FAKE_GIC_LINES; number++) {
			gic_enable(&gic, &cpu, number, LEVEL);
			assert_comes(FAKE_GIC_NOTHING);
			fake_gic_raise(number);
			assert_comes(number);
		}
	}
}

static void in_version_2_both_kinds_of_world_let_interrupts_through(void **state)
{
	(void)state;
	for (unsigned groups = 0; groups < 2; groups++) {
		make(2);
		fake.groups = groups;
		assert_int_equal(start(), GIC_OK);
		gic_enable(&gic, &cpu, PPI, 0);
		gic_enable(&gic, &cpu, SPI, LEVEL);
		fake_gic_raise(PPI);
		assert_comes(PPI);
		fake_gic_raise(SPI);
		assert_comes(SPI);
	}
}

static void in_version_2_an_sgi_is_ended_with_the_cpu_it_is_from(void **state)
{
	(void)state;
	make(2);
	assert_int_equal(start(), GIC_OK);
	gic_enable(&gic, &cpu, 3, 0);
	fake_gic_raise(3);
	assert_comes(3);
}

static void a_shared_interrupt_goes_to_this_cpu_and_no_other_changes(void **state)
{
	(void)state;
	make(2);
	memset(fake.target, 1, sizeof(fake.target));
	assert_int_equal(start(), GIC_OK);
	gic_enable(&gic, &cpu, SPI, LEVEL);
	for (u32 number = 32; number < 1020; number++)
		assert_int_equal(fake.target[number], number == SPI ? 4 : 1);

	make(2);
	fake.cpu_bit = 0; /* alone: there is nothing to route */
	assert_int_equal(start(), GIC_OK);
	gic_enable(&gic, &cpu, SPI, LEVEL);
	fake_gic_raise(SPI);
	assert_comes(SPI);

	make(3);
	fake.cpu[0].affinity = 0x12345678;
	handoff.id[SYSREG_MPIDR_EL1] = 0x1280345678;
	memset(fake.router, 0xff, sizeof(fake.router));
	assert_int_equal(start(), GIC_OK);
	gic_enable(&gic, &cpu, SPI, LEVEL);
	for (u32 number = 32; number < 1020; number++)
		assert_int_equal(fake.router[number], number == SPI ? 0x1200345678 : ~(u64)0);
	fake_gic_raise(SPI);
	assert_comes(SPI);
}

static void edge_and_level_are_set_and_no_other_changes(void **state)
{
	static const struct {
		u32 flags;
		bool edge;
	} cases[] = { { 1, true }, { 2, true }, { 4, false }, { 8, false } };

	(void)state;
	for (unsigned version = 2; version <= 3; version++)
		for (unsigned i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
			u32 before = i % 2 == 0 ? 0 : ~0u;
			u32 mask = 2u << 2 * (SPI % 16);

			make(version);
			memset(fake.config, (int)before, sizeof(fake.config));
			assert_int_equal(start(), GIC_OK);
			gic_enable(&gic, &cpu, SPI, cases[i / 2].flags);
			gic_enable(&gic, &cpu, PPI, cases[i / 2].flags);
			for (unsigned word = 0; word < 64; word++)
				assert_int_equal(fake.config[word],
						 word != SPI / 16  ? before :
						 cases[i / 2].edge ? before | mask :
								     before & ~mask);
			assert_right();
		}
}

static void an_enabled_interrupt_has_a_priority_and_no_other_changes(void **state)
{
	(void)state;
	for (unsigned version = 2; version <= 3; version++) {
		const u8 *own, *shared = fake.shared.priority;

		make(version);
		own = version == 2 ? shared : fake.cpu[0].part.priority;
		memset(fake.shared.priority, 0xff, sizeof(fake.shared.priority));
		memset(fake.cpu[0].part.priority, 0xff, sizeof(fake.shared.priority));
		assert_int_equal(start(), GIC_OK);
		gic_enable(&gic, &cpu, PPI, 0);
		gic_enable(&gic, &cpu, SPI, EDGE);
		for (u32 number = 0; number < FAKE_GIC_LINES; number++)
			assert_int_equal((number < 32 ? own : shared)[number],
					 number == PPI || number == SPI ? 0xa0 : 0xff);
	}
}

static void this_cpus_redistributor_is_found_wherever_it_is(void **state)
{
	(void)state;
	for (unsigned self = 0; self < FAKE_GIC_CPUS; self++)
		for (unsigned wide = 0; wide < 1u << FAKE_GIC_CPUS; wide++) {
			make(3);
			fake.cpus = FAKE_GIC_CPUS;
			fake.self = self;
			for (unsigned i = 0; i < FAKE_GIC_CPUS; i++) {
				fake.cpu[i].frames = wide >> i & 1 ? 4 : 2;
				fake.cpu[i].affinity = (5 - i) << 24 | 0x10200 | i;
			}
			handoff.id[SYSREG_MPIDR_EL1] = (u64)(5 - self) << 32 | 0x80010200 | self;
			assert_int_equal(start(), GIC_OK);
			assert_int_equal(opened, 2 + self);
			gic_enable(&gic, &cpu, PPI, 0);
			gic_enable(&gic, &cpu, OTHER_SPI, LEVEL);
			fake_gic_raise(PPI);
			assert_comes(PPI);
			fake_gic_raise(OTHER_SPI);
			assert_comes(OTHER_SPI);
		}
}

static void rows_of_redistributors_are_searched_one_after_the_other(void **state)
{
	(void)state;
	make(3);
	fake.cpus = 4;
	fake.self = 3;
	devices.gic.regions = 4;
	devices.gic.rows = 2;
	devices.gic.region[1].size = 4 * KIB(64); /* two, neither the last */
	devices.gic.region[2].start = FAKE_GIC_ROW + 4 * KIB(64);
	devices.gic.region[2].size = 4 * KIB(64);
	devices.gic.region[3] = devices.gic.region[1]; /* something else: no redistributor's */
	handoff.id[SYSREG_MPIDR_EL1] = 3;
	assert_int_equal(start(), GIC_OK);
	assert_int_equal(opened, 1 + 4);

	make(3); /* the second row is not one */
	fake.cpus = 4;
	fake.self = 3;
	devices.gic.region[1].size = 4 * KIB(64);
	devices.gic.regions = 3;
	devices.gic.region[2].start = FAKE_GIC_ROW + 4 * KIB(64);
	devices.gic.region[2].size = 4 * KIB(64);
	handoff.id[SYSREG_MPIDR_EL1] = 3;
	assert_int_equal(start(), GIC_NOT_THIS_CPU);
	assert_int_equal(opened, 1 + 2);
}

static void a_stride_counts_more_than_what_a_redistributor_says(void **state)
{
	(void)state;
	make(3);
	fake.cpus = 3;
	fake.self = 2;
	for (unsigned i = 0; i < 3; i++)
		fake.cpu[i].frames = 4;
	fake.says_two_frames = true;
	devices.gic.stride = 4 * KIB(64);
	handoff.id[SYSREG_MPIDR_EL1] = 2;
	assert_int_equal(start(), GIC_OK);
	assert_int_equal(opened, 1 + 3);

	make(3); /* one that nobody could step by ends the search, too */
	fake.cpus = 3;
	devices.gic.stride = ~(u64)0;
	handoff.id[SYSREG_MPIDR_EL1] = 2;
	assert_int_equal(start(), GIC_NOT_THIS_CPU);
	assert_int_equal(opened, 1 + 1);
}

static void what_says_that_it_is_something_else_is_not_written_to(void **state)
{
	static const struct {
		unsigned version;
		u32 revision, interface;
		bool is_one;
	} cases[] = {
		{ 2, 2, 2, true },  { 2, 1, 1, true },	{ 2, 0, 2, true },    { 2, 2, 0, true },
		{ 2, 0, 0, false }, { 2, 3, 0, false }, { 2, 15, 15, false }, { 3, 3, 0, true },
		{ 3, 4, 0, true },  { 3, 2, 0, false }, { 3, 0, 0, false },   { 3, 15, 0, false },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make(cases[i].version);
		fake_gic_leave(&fake);
		fake.revision = cases[i].revision;
		fake.interface_revision = cases[i].interface;
		if (start() != (cases[i].is_one ? GIC_OK : GIC_OTHER))
			fail_msg("case %u", i);
		assert_int_equal(fake_gic_enabled(SPI), !cases[i].is_one);
		assert_right();
		gic_unmap(&gic, &cpu, &kernel);
	}
}

/* Xen's, whose abort nobody could catch. */
static void a_distributor_is_not_asked_what_the_cpu_interface_says(void **state)
{
	(void)state;
	make(2);
	fake.nameless = true;
	assert_int_equal(start(), GIC_OK);
	assert_right();
}

static void the_search_for_a_redistributor_ends(void **state)
{
	(void)state;
	make(3); /* with the last */
	fake.cpus = 3;
	handoff.id[SYSREG_MPIDR_EL1] = 9;
	assert_int_equal(start(), GIC_NOT_THIS_CPU);
	assert_int_equal(opened, 1 + 3);

	make(3); /* with the region: of the third there are too few frames */
	fake.cpus = 3;
	devices.gic.region[1].size = 6 * KIB(64) - 1;
	handoff.id[SYSREG_MPIDR_EL1] = 2;
	assert_int_equal(start(), GIC_NOT_THIS_CPU);
	assert_int_equal(opened, 1 + 2);

	make(3); /* where the region ends in the middle of four */
	fake.cpus = 3;
	fake.cpu[1].frames = 4;
	devices.gic.region[1].size = 5 * KIB(64);
	handoff.id[SYSREG_MPIDR_EL1] = 2;
	assert_int_equal(start(), GIC_NOT_THIS_CPU);
	assert_int_equal(opened, 1 + 2);

	make(3); /* where neither is in sight */
	fake.no_last = true;
	devices.gic.region[1].size = BIT(60);
	memory_begin(&memory);
	handoff.id[SYSREG_MPIDR_EL1] = 9;
	assert_int_equal(start(), GIC_NOT_THIS_CPU);
	assert_int_equal(opened, 1 + 4096);
}

static void a_redistributor_that_sleeps_is_woken(void **state)
{
	(void)state;
	make(3);
	assert_int_equal(start(), GIC_OK);
	assert_int_equal(fake.cpu[0].waker, 0);
	make(3);
	fake.sleeper = true;
	assert_int_equal(start(), GIC_NOT_THIS_CPU);
	assert_right();
}

static void a_controller_that_never_finishes_is_silent(void **state)
{
	(void)state;
	make(3);
	fake.stuck = true;
	assert_int_equal(start(), GIC_SILENT);
	assert_right();
}

static void a_cpu_that_may_not_use_version_3_does_not(void **state)
{
	(void)state;
	make(3);
	fake.usable = false;
	assert_int_equal(start(), GIC_NOT_THIS_CPU);
	assert_int_equal(fake.control, 0);
	assert_right();
}

static void registers_that_cannot_be_are_not_mapped(void **state)
{
	(void)state;
	for (unsigned version = 2; version <= 3; version++)
		for (unsigned region = 0; region < 2; region++)
			for (unsigned i = 0; i < 5; i++) {
				enum gic_result expected = version == 3 && region == 1 ?
								   GIC_NOT_THIS_CPU :
								   GIC_NOT_MAPPED;

				make(version);
				if (i == 0)
					devices.gic.regions = region, devices.gic.rows = 0;
				else if (i == 1)
					devices.gic.region[region].size =
						version == 2 ? KIB(4) - 1 : KIB(64) - 1;
				else if (i == 2)
					devices.gic.region[region].start += KIB(2);
				else if (i == 3) /* a frame would reach into the next slot */
					devices.gic.region[region].start += version == 2 ? KIB(1) :
											   KIB(4);
				else /* RAM is nobody's registers */
					memory_add(&memory,
						   devices.gic.region[region].start +
							   (version == 2 ? 0xfff : 0xffff),
						   1, MEMORY_RAM);
				assert_int_equal(start(), expected);
				gic_unmap(&gic, &cpu, &kernel);
				assert_false(is_open());
			}
}

static void there_are_as_many_interrupts_as_the_controller_says(void **state)
{
	(void)state;
	for (unsigned version = 2; version <= 3; version++) {
		make(version);
		assert_int_equal(start(), GIC_OK);
		assert_true(gic_has(&gic, 0));
		assert_true(gic_has(&gic, FAKE_GIC_LINES - 1));
		assert_false(gic_has(&gic, FAKE_GIC_LINES));
		gic.groups = 31;
		assert_true(gic_has(&gic, 1019));
		assert_false(gic_has(&gic, 1020));
		assert_false(gic_has(&gic, 8192));
	}
}

/* ---- the table ---- */

static unsigned calls;
static void *called_with;

static void handler(void *context)
{
	calls++;
	called_with = context;
}

/* A device that holds on to its interrupt until it is looked at. */
static void level_handler(void *context)
{
	fake.line[SPI] = false;
	handler(context);
}

static void quitter(void *context)
{
	interrupt_unregister(*(u32 *)context);
	calls++;
}

static enum interrupt_result enter(u32 number, void (*handle)(void *context), void *context)
{
	struct interrupt interrupt = { number, LEVEL, handle, context };

	return interrupt_register(&interrupt);
}

static void make_started(unsigned version)
{
	make(version);
	calls = 0;
	called_with = NULL;
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_OK);
}

static void before_somebody_asks_no_interrupt_is_expected(void **state)
{
	(void)state;
	make(2);
	assert_false(interrupt_handle());
	assert_int_equal(opened, 0);
}

static void the_handler_is_called_with_its_context(void **state)
{
	int one = 0, two = 0;

	(void)state;
	for (unsigned version = 2; version <= 3; version++) {
		make_started(version);
		assert_int_equal(enter(SPI, level_handler, &one), INTERRUPT_OK);
		assert_int_equal(enter(PPI, handler, &two), INTERRUPT_OK);
		fake.line[SPI] = true;
		take();
		assert_int_equal(calls, 1);
		assert_ptr_equal(called_with, &one);
		fake_gic_raise(PPI);
		take();
		assert_int_equal(calls, 2);
		assert_ptr_equal(called_with, &two);
		assert_int_equal(fake.ends, 2);
		assert_right();
	}
}

static void what_is_nobodys_is_turned_off_and_ended(void **state)
{
	static const u32 numbers[] = { 0, 15, PPI, SPI, FAKE_GIC_LINES - 1 };

	(void)state;
	for (unsigned version = 2; version <= 3; version++)
		for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
			make_started(version);
			assert_int_equal(enter(SPI + 1, handler, NULL), INTERRUPT_OK);
			gic_enable(&table.gic, this_cpu.gic, numbers[i], LEVEL);
			fake.line[numbers[i]] = true;
			take();
			assert_int_equal(taken, 1);
			assert_int_equal(calls, 0);
			assert_int_equal(fake.ends, 1);
			assert_false(fake_gic_enabled(numbers[i]));
			assert_false(fake_gic_active(numbers[i]));
			assert_true(fake_gic_enabled(SPI + 1));
			assert_right();
		}
}

static void a_spurious_interrupt_is_not_ended(void **state)
{
	(void)state;
	for (unsigned version = 2; version <= 3; version++) {
		make_started(version);
		assert_true(interrupt_handle());
		assert_int_equal(fake.ends, 0);
		assert_right();
	}
}

static void an_interrupt_has_one_handler(void **state)
{
	int context = 0;

	(void)state;
	make_started(2);
	assert_int_equal(enter(SPI, handler, &context), INTERRUPT_OK);
	assert_int_equal(enter(SPI, handler, &context), INTERRUPT_OK);
	assert_int_equal(enter(SPI, handler, NULL), INTERRUPT_TAKEN);
	assert_int_equal(enter(SPI, level_handler, &context), INTERRUPT_TAKEN);
	assert_int_equal(enter(FAKE_GIC_LINES, handler, &context), INTERRUPT_NO_LINE);
	assert_int_equal(enter(1023, handler, &context), INTERRUPT_NO_LINE);
	for (u32 number = 40; number < 47; number++)
		assert_int_equal(enter(number, handler, &context), INTERRUPT_OK);
	assert_int_equal(enter(47, handler, &context), INTERRUPT_TAKEN);
	assert_false(fake_gic_enabled(47));
	interrupt_unregister(SPI);
	assert_int_equal(enter(47, handler, &context), INTERRUPT_OK);
	assert_false(fake_gic_enabled(SPI));
	interrupt_unregister(SPI); /* it is not: nothing happens */
	fake_gic_raise(46);
	fake_gic_raise(47);
	take();
	assert_int_equal(calls, 2);
	assert_right();
}

static void a_handler_may_give_its_interrupt_back(void **state)
{
	u32 first = SPI, last = OTHER_SPI;

	(void)state;
	for (unsigned version = 2; version <= 3; version++) {
		make_started(version);
		assert_int_equal(enter(first, quitter, &first), INTERRUPT_OK);
		assert_int_equal(enter(last, quitter, &last), INTERRUPT_OK);
		fake.line[last] = fake.line[first] = true;
		take();
		assert_int_equal(calls, 2);
		assert_int_equal(taken, 2);
		assert_int_equal(fake.ends, 2);
		assert_right();
	}
}

static void a_controller_is_started_once_and_given_up_whole(void **state)
{
	(void)state;
	make_started(3);
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_OK);
	assert_int_equal(opened, 2);

	make(2);
	devices.gic.version = 0;
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_NO_CONTROLLER);
	assert_int_equal(opened, 0);
	make(2);
	devices.gic.region[0].start = 0x3000000000;
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_SILENT);
	assert_false(is_open());
	assert_false(interrupt_handle());
	make(2);
	devices.gic.region[1].size = 1;
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_NOT_MAPPED);
	assert_false(is_open());
	make(2);
	fake.revision = fake.interface_revision = 0;
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_OTHER);
	assert_false(is_open());
	make(3);
	fake.usable = false;
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_NOT_THIS_CPU);
	assert_false(is_open());
}

/* ---- the timer ---- */

static void what_is_watched_is_given_up_when_its_time_is_over(void **state)
{
	(void)state;
	make(3);
	assert_int_equal(interrupt_timer_init(&kernel), INTERRUPT_OK);
	interrupt_timer_watch(7000);
	assert_int_equal(timer_ticks, 7000);
	assert_true(interrupt_handle());
	assert_true(cpu_this()->give_up);
	assert_false(timer_on);
	cpu_this()->give_up = false;
	interrupt_timer_watch(7000);
	interrupt_timer_watch(0);
	assert_false(timer_on);
	fake_gic_raise(PPI); /* one that was on its way */
	assert_true(interrupt_handle());
	interrupt_timer_watch(7000);
	interrupt_timer_start(500); /* the timer is somebody else's */
	assert_true(interrupt_handle());
	interrupt_timer_stop();
	assert_false(cpu_this()->give_up);
}

static void the_timer_ticks_until_it_is_stopped(void **state)
{
	(void)state;
	make(3);
	assert_int_equal(interrupt_timer_init(&kernel), INTERRUPT_OK);
	assert_int_equal(interrupt_timer_init(&kernel), INTERRUPT_OK);
	interrupt_timer_start(500);
	for (unsigned i = 1; i <= 3; i++) {
		assert_true(timer_on);
		assert_int_equal(timer_ticks, 500);
		assert_true(interrupt_handle());
		assert_int_equal(interrupt_timer_count(), i);
	}
	assert_int_equal(interrupt_timer_stop(), 3);
	assert_false(timer_on);
	fake_gic_raise(PPI); /* one that was on its way */
	assert_true(interrupt_handle());
	assert_int_equal(interrupt_timer_count(), 3);
	assert_false(timer_on);
	assert_right();
}

static void a_timer_that_does_not_get_through_is_none(void **state)
{
	(void)state;
	make(2);
	assert_int_equal(interrupt_timer_try(&kernel), INTERRUPT_OK);
	assert_false(timer_on);
	make(2);
	timer_works = false;
	assert_int_equal(interrupt_timer_try(&kernel), INTERRUPT_NOT_DELIVERED);
	assert_false(timer_on);
	make(2);
	devices.timer[DEVICE_TIMER_VIRTUAL].number = 0;
	assert_int_equal(interrupt_timer_try(&kernel), INTERRUPT_NO_TIMER);
	make(2);
	devices.timer[DEVICE_TIMER_VIRTUAL].number = 32; /* a device's */
	assert_int_equal(interrupt_timer_try(&kernel), INTERRUPT_NO_TIMER);
	make(2); /* EL2 has another */
	handoff.plan.el = 2;
	devices.timer[DEVICE_TIMER_HYPERVISOR].number = PPI;
	devices.timer[DEVICE_TIMER_VIRTUAL].number = 0;
	assert_int_equal(interrupt_timer_try(&kernel), INTERRUPT_OK);
}

static void a_sleep_ends_by_itself_and_what_ended_it_is_taken(void **state)
{
	(void)state;
	make(2);
	assert_int_equal(interrupt_timer_init(&kernel), INTERRUPT_OK);
	assert_int_equal(enter(SPI, level_handler, NULL), INTERRUPT_OK);
	calls = 0;
	fake.line[SPI] = true;
	interrupt_sleep();
	assert_int_equal(calls, 1);
	assert_int_equal(timer_ticks, counter_frequency() / 10);
	assert_false(timer_on);
	assert_right();
}

/* ---- further CPUs ---- */

/* From now on the fake's CPU @self is the one that runs. */
static void become(unsigned self)
{
	fake_gic_become(self);
	current = self == 0 ? &this_cpu : &others[self - 1];
}

static struct cpu *cpu_of(unsigned number)
{
	return number == 0 ? &this_cpu : &others[number - 1];
}

/* @number is the fake's, and its MPIDR is as its redistributor has it. */
static enum interrupt_result find_other(unsigned number)
{
	u32 affinity = fake.cpu[number].affinity;
	struct cpu *other = cpu_of(number);

	other->number = number;
	other->mpidr = 0x80000000 | (u64)(affinity >> 24) << 32 | (affinity & 0xffffff);
	return interrupt_find_cpu(&kernel, other, &others_gic[number - 1]);
}

static void start_other(unsigned number)
{
	assert_int_equal(find_other(number), INTERRUPT_OK);
	become(number);
	assert_int_equal(interrupt_start_cpu(), INTERRUPT_OK);
	become(0);
}

/* All of the fake's CPUs are there, the first has started the controller. */
static void make_cpus(unsigned version)
{
	make(version);
	fake.cpus = FAKE_GIC_CPUS;
	fake_gic_leave(&fake);
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_OK);
	calls = 0;
}

static void further_cpus_are_found_in_any_order_soonest_in_that_of_frames(void **state)
{
	static const unsigned orders[][FAKE_GIC_CPUS - 1] = { { 1, 2, 3, 4, 5 },
							      { 5, 4, 3, 2, 1 },
							      { 3, 1, 5, 2, 4 } };

	(void)state;
	for (unsigned order = 0; order < ARRAY_SIZE(orders); order++)
		for (unsigned wide = 0; wide < 1u << FAKE_GIC_CPUS; wide++) {
			make(3);
			fake.cpus = FAKE_GIC_CPUS;
			for (unsigned i = 0; i < FAKE_GIC_CPUS; i++) {
				fake.cpu[i].frames = wide >> i & 1 ? 4 : 2;
				fake.cpu[i].affinity = (5 - i) << 24 | 0x10200 | i;
			}
			handoff.id[SYSREG_MPIDR_EL1] = 0x580010200;
			assert_int_equal(interrupt_start(&kernel), INTERRUPT_OK);
			for (unsigned i = 0; i < FAKE_GIC_CPUS - 1; i++) {
				unsigned number = orders[order][i];

				fake.reads = 0;
				start_other(number);
				assert_ptr_equal(cpu_of(number)->gic, &others_gic[number - 1]);
				/* Two for each that is passed, and what starting it takes. */
				if (order == 0 && i > 0)
					assert_true(fake.reads < 20);
				become(number);
				gic_enable(&table.gic, current->gic, PPI, 0);
				fake_gic_raise(PPI);
				assert_true(fake_gic_wants());
				assert_int_equal(gic_acknowledge(&table.gic, current->gic), PPI);
				gic_end(&table.gic, current->gic, PPI);
				become(0);
			}
			assert_int_equal(maps, 1);
			assert_right();
		}
}

static void further_cpus_are_found_in_all_rows_and_none_beyond(void **state)
{
	(void)state;
	make(3);
	fake.cpus = FAKE_GIC_CPUS;
	devices.gic.regions = 4;
	devices.gic.rows = 3;
	devices.gic.region[1].size = 4 * KIB(64);
	devices.gic.region[2].start = FAKE_GIC_ROW + 4 * KIB(64);
	devices.gic.region[2].size = 5 * KIB(64); /* two, and too few frames for a third */
	devices.gic.region[3].start = FAKE_GIC_ROW + 8 * KIB(64) + KIB(2);
	devices.gic.region[3].size = 4 * KIB(64); /* where no registers can be */
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_OK);
	for (unsigned number = 1; number < 4; number++)
		start_other(number);
	for (unsigned number = 4; number < 6; number++) {
		assert_int_equal(find_other(number), INTERRUPT_NOT_THIS_CPU);
		assert_null(cpu_of(number)->gic);
	}
	assert_int_equal(maps, 2);
	assert_right();

	make(3); /* the row ends where the last one says so, not where the FDT does */
	fake.cpus = 2;
	devices.gic.region[1].size = BIT(60);
	memory_begin(&memory);
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_OK);
	assert_int_equal(find_other(1), INTERRUPT_OK);
	assert_int_equal(find_other(2), INTERRUPT_NOT_THIS_CPU);
	assert_int_equal(rows_mapped[0].size, GIB(1));

	make(3); /* without a last one, nobody is there some time */
	fake.cpus = 2;
	fake.no_last = true;
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_OK);
	assert_int_equal(find_other(2), INTERRUPT_NOT_THIS_CPU);

	make(3); /* RAM, and nothing to map with */
	assert_int_equal(find_other(1), INTERRUPT_NO_CONTROLLER);
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_OK);
	memory_add(&memory, FAKE_GIC_ROW, KIB(64), MEMORY_RAM);
	assert_int_equal(find_other(1), INTERRUPT_NOT_MAPPED);
	kernel.alloc = NULL;
	assert_int_equal(find_other(1), INTERRUPT_NOT_MAPPED);
	kernel.alloc = &alloc;
}

static void a_stride_leads_to_further_cpus_too(void **state)
{
	(void)state;
	make(3);
	fake.cpus = 3;
	for (unsigned i = 0; i < 3; i++)
		fake.cpu[i].frames = 4;
	fake.says_two_frames = true;
	devices.gic.stride = 4 * KIB(64);
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_OK);
	start_other(2);
	start_other(1);
	assert_right();
}

static void a_cpu_that_starts_forgets_what_was_left_to_it_and_nothing_else(void **state)
{
	(void)state;
	for (unsigned version = 2; version <= 3; version++) {
		make_cpus(version);
		assert_int_equal(enter(SPI, handler, NULL), INTERRUPT_OK);
		assert_int_equal(enter(PPI, handler, NULL), INTERRUPT_OK);
		start_other(1);
		assert_true(fake_gic_enabled(SPI));
		assert_true(fake_gic_enabled(PPI));
		become(1);
		for (u32 number = 0; number < 32; number++) {
			assert_false(fake_gic_enabled(number));
			assert_false(fake_gic_active(number));
			assert_false(fake_gic_pending(1, number));
		}
		assert_false(fake_gic_wants());
		assert_int_equal(enter(PPI, handler, NULL), INTERRUPT_OK);
		fake_gic_raise(PPI);
		take();
		assert_int_equal(calls, 1);
		assert_right();
	}
}

static void what_one_cpu_sends_comes_to_the_one_it_is_for(void **state)
{
	(void)state;
	for (unsigned version = 2; version <= 3; version++) {
		make_cpus(version);
		assert_int_equal(enter(3, handler, &calls), INTERRUPT_OK);
		assert_int_equal(enter(15, handler, NULL), INTERRUPT_OK);
		for (unsigned number = 1; number < FAKE_GIC_CPUS; number++)
			start_other(number);
		for (unsigned from = 0; from < FAKE_GIC_CPUS; from++)
			for (unsigned to = 0; to < FAKE_GIC_CPUS; to++) {
				become(from);
				assert_int_equal(interrupt_send(cpu_of(to), to % 2 ? 3 : 15),
						 INTERRUPT_OK);
				for (unsigned i = 0; i < FAKE_GIC_CPUS; i++) {
					become(i);
					calls = 0;
					take();
					assert_int_equal(calls, i == to);
				}
				assert_right();
			}
		become(0);
	}
}

static void an_sgi_names_all_levels_of_affinity(void **state)
{
	(void)state;
	for (unsigned ranges = 0; ranges < 4; ranges++) {
		make(3);
		fake.cpus = 3;
		fake.cpu[1].affinity = 0x1234560f;
		fake.cpu[2].affinity = 0xfedcbaff;
		fake.ranges = ranges & 1;
		fake.cpu_ranges = ranges & 2;
		assert_int_equal(interrupt_start(&kernel), INTERRUPT_OK);
		assert_int_equal(enter(7, handler, NULL), INTERRUPT_OK);
		start_other(1);
		start_other(2);
		assert_int_equal(interrupt_send(&others[0], 7), INTERRUPT_OK);
		assert_true(fake_gic_pending(1, 7));
		assert_int_equal(interrupt_send(&others[1], 7),
				 ranges == 3 ? INTERRUPT_OK : INTERRUPT_NOT_THIS_CPU);
		assert_int_equal(fake_gic_pending(2, 7), ranges == 3);
		assert_false(fake_gic_pending(0, 7));
		assert_right();
	}
}

static void to_a_cpu_that_has_not_started_nothing_is_sent(void **state)
{
	struct gic_cpu stranger = { .target = 0 };
	struct cpu other = { .gic = NULL };

	(void)state;
	make(2);
	this_cpu.gic = &stranger;
	assert_int_equal(interrupt_send(&this_cpu, 1), INTERRUPT_NO_CONTROLLER);
	this_cpu.gic = NULL;
	assert_int_equal(interrupt_start(&kernel), INTERRUPT_OK);
	assert_int_equal(interrupt_send(&other, 1), INTERRUPT_NO_CONTROLLER);
	other.gic = &stranger;
	assert_int_equal(interrupt_send(&other, 1), INTERRUPT_NOT_THIS_CPU);
	assert_right();
	current = &other;
	other.gic = NULL;
	assert_int_equal(interrupt_start_cpu(), INTERRUPT_NOT_THIS_CPU);
	interrupt_stop_cpu();
	current = &this_cpu;
}

static void a_cpu_that_may_not_use_its_part_says_so(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		make_cpus(3);
		assert_int_equal(find_other(1), INTERRUPT_OK);
		fake.cpu[1].waker = 6;
		fake.usable = kind != 0;
		fake.sleeper = kind == 1;
		fake.stuck = kind == 2;
		become(1);
		assert_int_equal(interrupt_start_cpu(),
				 kind == 2 ? INTERRUPT_SILENT : INTERRUPT_NOT_THIS_CPU);
		assert_right();
		become(0);
	}
}

static void a_cpu_can_be_stopped_and_started_again(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		make_cpus(kind == 0 ? 2 : 3);
		fake.secure_waker = kind == 2;
		assert_int_equal(enter(4, handler, NULL), INTERRUPT_OK);
		start_other(1);
		become(1);
		assert_int_equal(enter(SPI, handler, NULL), INTERRUPT_OK);
		assert_int_equal(enter(PPI, handler, NULL), INTERRUPT_OK);
		become(0);
		interrupt_take_over();
		become(1);
		interrupt_stop_cpu();
		fake_gic_raise(PPI);
		assert_false(fake_gic_wants());
		assert_int_equal(fake.cpu[1].waker, kind == 1 ? 6 : 0);
		become(0);
		fake_gic_raise(SPI);
		take();
		assert_int_equal(calls, 1);
		assert_int_equal(interrupt_send(&others[0], 4), INTERRUPT_OK);
		start_other(1);
		become(1);
		calls = 0;
		take();
		assert_int_equal(calls, 0); /* what was sent to it before is gone, */
		become(0);
		assert_int_equal(interrupt_send(&others[0], 4), INTERRUPT_OK);
		become(1);
		take();
		assert_int_equal(calls, 1); /* and not what is now */
		assert_right();
		become(0);
	}
}

static void each_cpu_counts_its_own_ticks(void **state)
{
	(void)state;
	for (unsigned version = 2; version <= 3; version++) {
		make_cpus(version);
		assert_int_equal(interrupt_timer_init(&kernel), INTERRUPT_OK);
		start_other(1);
		interrupt_timer_start(500);
		assert_true(interrupt_handle());
		become(1);
		fake.line[PPI] = false;
		assert_int_equal(interrupt_timer_init(&kernel), INTERRUPT_OK);
		assert_int_equal(interrupt_timer_count(), 0);
		interrupt_timer_start(700);
		assert_true(interrupt_handle());
		assert_true(interrupt_handle());
		assert_int_equal(timer_ticks, 700);
		assert_int_equal(interrupt_timer_stop(), 2);
		become(0);
		assert_int_equal(interrupt_timer_count(), 1);
		assert_int_equal(interrupt_timer_stop(), 1);
		assert_right();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_enabled_interrupt_comes_again_and_again),
		cmocka_unit_test(of_what_was_left_nothing_comes_and_all_can_come_again),
		cmocka_unit_test(in_version_2_both_kinds_of_world_let_interrupts_through),
		cmocka_unit_test(in_version_2_an_sgi_is_ended_with_the_cpu_it_is_from),
		cmocka_unit_test(a_shared_interrupt_goes_to_this_cpu_and_no_other_changes),
		cmocka_unit_test(edge_and_level_are_set_and_no_other_changes),
		cmocka_unit_test(an_enabled_interrupt_has_a_priority_and_no_other_changes),
		cmocka_unit_test(this_cpus_redistributor_is_found_wherever_it_is),
		cmocka_unit_test(rows_of_redistributors_are_searched_one_after_the_other),
		cmocka_unit_test(a_stride_counts_more_than_what_a_redistributor_says),
		cmocka_unit_test(what_says_that_it_is_something_else_is_not_written_to),
		cmocka_unit_test(a_distributor_is_not_asked_what_the_cpu_interface_says),
		cmocka_unit_test(the_search_for_a_redistributor_ends),
		cmocka_unit_test(a_redistributor_that_sleeps_is_woken),
		cmocka_unit_test(a_controller_that_never_finishes_is_silent),
		cmocka_unit_test(a_cpu_that_may_not_use_version_3_does_not),
		cmocka_unit_test(registers_that_cannot_be_are_not_mapped),
		cmocka_unit_test(there_are_as_many_interrupts_as_the_controller_says),
		cmocka_unit_test(before_somebody_asks_no_interrupt_is_expected),
		cmocka_unit_test(the_handler_is_called_with_its_context),
		cmocka_unit_test(what_is_nobodys_is_turned_off_and_ended),
		cmocka_unit_test(a_spurious_interrupt_is_not_ended),
		cmocka_unit_test(an_interrupt_has_one_handler),
		cmocka_unit_test(a_handler_may_give_its_interrupt_back),
		cmocka_unit_test(a_controller_is_started_once_and_given_up_whole),
		cmocka_unit_test(what_is_watched_is_given_up_when_its_time_is_over),
		cmocka_unit_test(the_timer_ticks_until_it_is_stopped),
		cmocka_unit_test(a_timer_that_does_not_get_through_is_none),
		cmocka_unit_test(a_sleep_ends_by_itself_and_what_ended_it_is_taken),
		cmocka_unit_test(further_cpus_are_found_in_any_order_soonest_in_that_of_frames),
		cmocka_unit_test(further_cpus_are_found_in_all_rows_and_none_beyond),
		cmocka_unit_test(a_stride_leads_to_further_cpus_too),
		cmocka_unit_test(a_cpu_that_starts_forgets_what_was_left_to_it_and_nothing_else),
		cmocka_unit_test(what_one_cpu_sends_comes_to_the_one_it_is_for),
		cmocka_unit_test(an_sgi_names_all_levels_of_affinity),
		cmocka_unit_test(to_a_cpu_that_has_not_started_nothing_is_sent),
		cmocka_unit_test(a_cpu_that_may_not_use_its_part_says_so),
		cmocka_unit_test(a_cpu_can_be_stopped_and_started_again),
		cmocka_unit_test(each_cpu_counts_its_own_ticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
