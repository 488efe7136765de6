// SPDX-License-Identifier: MIT
/*
 * The interrupt controller, and who is behind each interrupt.
 * Runs in the kernel, MMU on; interrupt_handle() with interrupts masked, on the exception stack.
 * Sources: Arm IHI 0048B (GICv2), IHI 0069 (GICv3), DDI 0487 D11 (generic timer).
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/trap/exception.h>
#include <pagoda/kernel/irq/interrupt.h>
#include <pagoda/lib/mmio.h>
#include <pagoda/kernel/dev/window.h>

/* Registers, as indices of 32-bit words. */
enum {
	GICD_CTLR = 0x0 / 4,
	GICD_TYPER = 0x4 / 4,
	GICC_CTLR = 0x0 / 4,
	GICC_PMR = 0x4 / 4,
	GICC_IAR = 0xc / 4,
	GICC_EOIR = 0x10 / 4,
	/* In GICD, but for the first 32 interrupts of version 3: the second frame of GICR. */
	GIC_IGROUPR = 0x80 / 4,
	GIC_ISENABLER = 0x100 / 4,
	GIC_ICENABLER = 0x180 / 4,
	GIC_IPRIORITYR = 0x400 / 4,
	GICD_ITARGETSR = 0x800 / 4, /* version 2 */
	GICD_ICFGR = 0xc00 / 4,
	/* Version 3. */
	GICD_IROUTER = 0x6000 / 4,
	GICR_CTLR = 0x0 / 4,
	GICR_TYPER = 0x8 / 4,
	GICR_WAKER = 0x14 / 4,
};

#define GICD_CTLR_V2_ENABLE 1
#define GICD_CTLR_V3_ENABLE (BIT(4) | BIT(1)) /* affinity routing, group 1 of this world */
#define GICD_CTLR_RWP BIT(31)
#define GICR_CTLR_RWP BIT(3)
#define GICD_TYPER_LINES 0x1f /* groups of 32, less one */
#define GICC_CTLR_ENABLE 1
#define PRIORITY_MASK 0xff /* all are let through */
#define PRIORITIES 0xa0a0a0a0 /* of four interrupts */
#define GICR_TYPER_LAST BIT(4)
#define GICR_TYPER_VLPIS BIT(1) /* version 4: four frames a CPU */
#define GICR_WAKER_SLEEP BIT(1)
#define GICR_WAKER_ASLEEP BIT(2)
#define GIC_FRAME KIB(64) /* of registers, in version 3 */
#define GIC_V2_SIZE KIB(4)
#define WAKE_TRIES 100000

#define GIC_PPI_FIRST 16 /* interrupts of each CPU, by their own number */
#define GIC_SPI_FIRST 32
#define GIC_SPURIOUS_FIRST 1020
#define GIC_SPURIOUS_LAST 1023
#define GICC_IAR_ID 0x3ff /* above it, for an SGI, the CPU that sent it */

#define TYPE_SHARED 0 /* in the FDT */
#define TYPE_PER_CPU 1
#define FLAGS_EDGE 3

#define IN_VAIN_MAX 100 /* interrupts of the console one after another without a byte */
#define MISSED_MAX 3 /* times that there were bytes without one */

#define SLEEPS_A_SECOND 10
#define DELIVERIES_A_SECOND 100 /* for longer than that none is waited for */

/* Which of the timers in the FDT, in the order of its binding. */
#define TIMER_VIRTUAL 2
#define TIMER_HYPERVISOR 3

static struct {
	bool started, v3;
	u32 affinity; /* of this CPU */
	struct window window[2]; /* to the distributor, and to what the CPU has */
	volatile u32 *distributor;
	volatile u32 *cpu; /* version 2: GICC; version 3: the second frame of this CPU's GICR */
	u32 number[INTERRUPT_SOURCE_COUNT];
	unsigned el;
} gic;

/* Until interrupt_console_start(). */
static struct {
	enum interrupt_result result;
	unsigned in_vain, missed;
} console = { INTERRUPT_NOT_YET, 0, 0 };

static struct {
	bool masked; /* interrupts were, before it was started */
	u64 period; /* 0: not started */
	volatile u64 count;
} timer;

const char *interrupt_result_str(enum interrupt_result result)
{
	switch (result) {
	case INTERRUPT_OK:
		return "ok";
	case INTERRUPT_NOT_YET:
		return "until the prompt";
	case INTERRUPT_NO_CONTROLLER:
		return "the FDT has no GICv2 or GICv3";
	case INTERRUPT_NO_TIMER:
		return "the FDT has no timer for this exception level";
	case INTERRUPT_NO_CONSOLE:
		return "the FDT names no interrupt of the GIC's for it";
	case INTERRUPT_SILENT:
		return "the GIC does not answer";
	case INTERRUPT_NOT_MAPPED:
		return "the GIC's registers cannot be mapped";
	case INTERRUPT_NOT_THIS_CPU:
		return "the GICv3 is not for this CPU to use";
	case INTERRUPT_NOT_DELIVERED:
		return "the GIC does not pass on the timer's interrupt";
	case INTERRUPT_MISSED:
		return "its interrupt does not come";
	case INTERRUPT_IN_VAIN:
		return "its interrupt never ends";
	}
	return "unknown result";
}

/*
 * The first @size bytes of a device's @region, in the fixmap. RAM is nobody's registers, whatever
 * the FDT says.
 */
static bool map_region(const struct kernel *kernel, const struct device *device, unsigned region,
		       u64 size)
{
	enum fixmap_slot slot = region == 0 ? FIXMAP_GIC_DISTRIBUTOR : FIXMAP_GIC_CPU;
	struct window *window = &gic.window[region];
	u64 pa = device->region[region].start;

	if (region >= device->regions || device->region[region].size < size || pa % KIB(4) != 0 ||
	    pa % GIC_FRAME + size > (region == 0 ? GIC_FRAME : 2 * GIC_FRAME) ||
	    memory_is_mapped(kernel->memory, pa, pa + size))
		return false;
	window_close(kernel, window);
	*window = (struct window){ .pa = paddr(pa),
				   .size = size,
				   .attr = { PROT_READ_WRITE, MEM_DEVICE_NGNRE } };
	if (window_open(kernel, layout_fixmap(&kernel->handoff->plan.layout, slot), window) !=
	    MAP_OK)
		return false;
	*(region == 0 ? &gic.distributor : &gic.cpu) = (volatile u32 *)(uintptr_t)window->va.value;
	return true;
}

/*
 * The frames of this CPU in the row of all CPUs': each has two, or four where there are virtual
 * LPIs too; the last says so.
 */
static bool map_redistributor(const struct kernel *kernel, struct device device)
{
	while (map_region(kernel, &device, 1, 2 * GIC_FRAME)) {
		u32 type = mmio_read32(gic.cpu + GICR_TYPER);
		u64 step = (type & GICR_TYPER_VLPIS ? 4 : 2) * GIC_FRAME;

		if (mmio_read32(gic.cpu + GICR_TYPER + 1) == gic.affinity)
			return true;
		if (type & GICR_TYPER_LAST || device.region[1].size < step)
			return false;
		device.region[1].start += step;
		device.region[1].size -= step;
	}
	return false;
}

/* Wait until @bit of a register is clear. */
static bool wait_clear(volatile u32 *at, u64 bit)
{
	for (unsigned i = 0; i < WAKE_TRIES; i++)
		if (!(mmio_read32(at) & bit))
			return true;
	return false;
}

static bool wake(volatile u32 *frame)
{
	mmio_write32(frame + GICR_WAKER, mmio_read32(frame + GICR_WAKER) & ~GICR_WAKER_SLEEP);
	return wait_clear(frame + GICR_WAKER, GICR_WAKER_ASLEEP);
}

/* Version 3: what was written to the distributor before has taken effect (RWP). */
static bool distributor_settled(void)
{
	return wait_clear(gic.distributor + GICD_CTLR, GICD_CTLR_RWP);
}

/*
 * All that firmware left enabled: an interrupt that nobody here knows would come for ever. @first:
 * the registers of the first 32.
 */
static void disable_all(volatile u32 *first)
{
	u32 groups = mmio_read32(gic.distributor + GICD_TYPER) & GICD_TYPER_LINES;

	mmio_write32(first + GIC_ICENABLER, ~0u);
	for (u32 i = 1; i <= groups; i++)
		mmio_write32(gic.distributor + GIC_ICENABLER + i, ~0u);
}

/*
 * Affinity routing (ARE) may only change while the groups are off, and the registers of the first
 * 32 interrupts are GICR's only when it is on: each step waits for the one before.
 */
static bool enable_v3(void)
{
	volatile u32 *first = gic.cpu + GIC_FRAME / sizeof(u32);

	mmio_write32(gic.distributor + GICD_CTLR, 0);
	if (!distributor_settled())
		return false;
	mmio_write32(gic.distributor + GICD_CTLR, GICD_CTLR_V3_ENABLE);
	if (!distributor_settled())
		return false;
	disable_all(first);
	if (!distributor_settled() || !wait_clear(gic.cpu + GICR_CTLR, GICR_CTLR_RWP))
		return false;
	gic.cpu = first;
	return true;
}

/* What start_*() are about to touch, and what came of it. */
struct controller {
	const struct kernel *kernel;
	const struct device *device;
	enum interrupt_result result;
};

static void start_v3(void *context)
{
	struct controller *controller = context;
	u64 mpidr = controller->kernel->handoff->id[SYSREG_MPIDR_EL1];

	gic.affinity = (u32)(SYSREG_GET(MPIDR_EL1_AFF3, mpidr) << 24 | (mpidr & 0xffffff));
	controller->result = INTERRUPT_NOT_MAPPED;
	if (!map_region(controller->kernel, controller->device, 0, GIC_FRAME))
		return;
	controller->result = INTERRUPT_NOT_THIS_CPU;
	if (!map_redistributor(controller->kernel, *controller->device) || !wake(gic.cpu) ||
	    !gic_cpu_enable(PRIORITY_MASK))
		return;
	controller->result = enable_v3() ? INTERRUPT_OK : INTERRUPT_SILENT;
}

static void start_v2(void *context)
{
	struct controller *controller = context;

	controller->result = INTERRUPT_NOT_MAPPED;
	if (!map_region(controller->kernel, controller->device, 0, GIC_V2_SIZE) ||
	    !map_region(controller->kernel, controller->device, 1, GIC_V2_SIZE))
		return;
	disable_all(gic.distributor);
	mmio_write32(gic.distributor + GICD_CTLR, GICD_CTLR_V2_ENABLE);
	mmio_write32(gic.cpu + GICC_PMR, PRIORITY_MASK);
	mmio_write32(gic.cpu + GICC_CTLR, GICC_CTLR_ENABLE);
	controller->result = INTERRUPT_OK;
}

/* At EL2 with HCR_EL2.E2H set the timer that CNTP_* names is EL2's own. */
static bool find_timer(const struct kernel *kernel)
{
	unsigned which = kernel->handoff->plan.el == 2 ? TIMER_HYPERVISOR : TIMER_VIRTUAL;
	const struct device *device = &kernel_devices(kernel)->timer;

	if (which >= device->interrupts || device->interrupt[which].type != TYPE_PER_CPU ||
	    device->interrupt[which].number >= GIC_SPI_FIRST - GIC_PPI_FIRST)
		return false;
	gic.number[INTERRUPT_TIMER] = device->interrupt[which].number + GIC_PPI_FIRST;
	return true;
}

/* One of the first 32 interrupts; a group of four priorities more or less is nobody else's. */
static void enable_ppi(u32 number)
{
	volatile u32 *registers = gic.v3 ? gic.cpu : gic.distributor;

	if (gic.v3)
		mmio_write32(registers + GIC_IGROUPR,
			     mmio_read32(registers + GIC_IGROUPR) | (u32)BIT(number));
	mmio_write32(registers + GIC_IPRIORITYR + number / 4, PRIORITIES);
	mmio_write32(registers + GIC_ISENABLER, (u32)BIT(number));
}

/*
 * A shared interrupt, which goes to this CPU. Version 2 has a bit for each CPU, which ITARGETSR of
 * its own interrupts shows; on a GIC for one CPU that is zero, and there is nothing to route.
 */
static void enable_spi(u32 number, u32 flags)
{
	volatile u32 *registers = gic.distributor;
	volatile u32 *group = registers + GIC_IGROUPR + number / 32;
	volatile u32 *config = registers + GICD_ICFGR + number / 16;
	u32 edge = (u32)2 << 2 * (number % 16);

	mmio_write32(config, (mmio_read32(config) & ~edge) | (flags & FLAGS_EDGE ? edge : 0));
	mmio_write8((volatile u8 *)(registers + GIC_IPRIORITYR) + number, (u8)PRIORITIES);
	if (gic.v3) {
		volatile u32 *router = registers + GICD_IROUTER + (size_t)number * 2;

		mmio_write32(group, mmio_read32(group) | (u32)BIT(number % 32));
		mmio_write32(router, gic.affinity & 0xffffff);
		mmio_write32(router + 1, gic.affinity >> 24);
	} else {
		mmio_write8((volatile u8 *)(registers + GICD_ITARGETSR) + number,
			    (u8)mmio_read32(registers + GICD_ITARGETSR));
	}
	mmio_write32(registers + GIC_ISENABLER + number / 32, (u32)BIT(number % 32));
}

/* Map and enable the GIC; more than once is as good as once. There may be nobody at its address. */
static enum interrupt_result start(const struct kernel *kernel)
{
	const struct devices *devices = kernel_devices(kernel);
	struct controller controller = { kernel, &devices->gic, INTERRUPT_NO_CONTROLLER };
	struct fault fault;

	if (gic.started)
		return INTERRUPT_OK;
	if (!devices->gic.found)
		return INTERRUPT_NO_CONTROLLER;
	gic.el = kernel->handoff->plan.el;
	gic.v3 = devices->gic_version == 3;
	if (fault_catch(gic.v3 ? start_v3 : start_v2, &controller, &fault))
		controller.result = INTERRUPT_SILENT;
	gic.started = controller.result == INTERRUPT_OK;
	if (!gic.started) {
		window_close(kernel, &gic.window[0]);
		window_close(kernel, &gic.window[1]);
	}
	return controller.result;
}

enum interrupt_result interrupt_timer_init(const struct kernel *kernel)
{
	enum interrupt_result result = start(kernel);

	if (result != INTERRUPT_OK)
		return result;
	if (!find_timer(kernel))
		return INTERRUPT_NO_TIMER;
	enable_ppi(gic.number[INTERRUPT_TIMER]);
	return INTERRUPT_OK;
}

/*
 * Whoever sleeps until the console interrupts must be woken also if that never comes; the timer
 * can, if its own interrupt does. Interrupts are masked: it is enough that there would be one.
 */
static enum interrupt_result try_timer(const struct kernel *kernel)
{
	enum interrupt_result result = interrupt_timer_init(kernel);
	u64 asked = counter_read(), patience = counter_frequency() / DELIVERIES_A_SECOND;
	bool came;

	if (result != INTERRUPT_OK)
		return result;
	timer_set(gic.el, 0);
	do
		came = interrupt_pending();
	while (!came && counter_read() - asked < patience);
	timer_clear(gic.el);
	return came ? INTERRUPT_OK : INTERRUPT_NOT_DELIVERED;
}

static enum interrupt_result start_console(const struct kernel *kernel)
{
	const struct devices *devices = kernel_devices(kernel);
	const struct device *uart = &devices->console;
	enum interrupt_result result;
	u32 number;

	if (!devices->gic.found)
		return INTERRUPT_NO_CONTROLLER;
	if (uart->interrupts == 0 || uart->interrupt[0].type != TYPE_SHARED ||
	    uart->interrupt[0].number >= GIC_SPURIOUS_FIRST - GIC_SPI_FIRST)
		return INTERRUPT_NO_CONSOLE;
	result = try_timer(kernel);
	if (result != INTERRUPT_OK)
		return result;
	number = uart->interrupt[0].number + GIC_SPI_FIRST;
	if (uart->interrupt_parent != devices->gic.phandle ||
	    number / 32 > (mmio_read32(gic.distributor + GICD_TYPER) & GICD_TYPER_LINES))
		return INTERRUPT_NO_CONSOLE;
	gic.number[INTERRUPT_CONSOLE] = number;
	console_receive_by_interrupt(true);
	enable_spi(number, uart->interrupt[0].flags);
	return INTERRUPT_OK;
}

void interrupt_console_start(const struct kernel *kernel)
{
	console.result = kernel->console.source != CONSOLE_NONE ? start_console(kernel) :
								  INTERRUPT_NO_CONSOLE;
	if (console.result == INTERRUPT_OK)
		interrupts_mask(false);
}

bool interrupt_console(u32 *number, const char **why_not)
{
	*number = gic.number[INTERRUPT_CONSOLE];
	*why_not = interrupt_result_str(console.result);
	return console.result == INTERRUPT_OK;
}

/* From now on it is polled. */
static void stop_console(enum interrupt_result why)
{
	u32 number = gic.number[INTERRUPT_CONSOLE];

	mmio_write32(gic.distributor + GIC_ICENABLER + number / 32, (u32)BIT(number % 32));
	console_receive_by_interrupt(false);
	console.result = why;
}

/* An interrupt that is always there and never for a byte is another device's. */
static void handle_console(void)
{
	console.missed = 0;
	console.in_vain = console_receive() ? 0 : console.in_vain + 1;
	if (console.in_vain == IN_VAIN_MAX)
		stop_console(INTERRUPT_IN_VAIN);
}

/*
 * What is pending is taken before the UART is looked at: a byte that is still there then has no
 * interrupt, or not yet: some UARTs interrupt only when nothing follows, and one may come just now.
 */
void interrupt_sleep(void)
{
	if (timer.period == 0)
		timer_set(gic.el, counter_frequency() / SLEEPS_A_SECOND);
	interrupt_wait();
	if (timer.period == 0)
		timer_clear(gic.el);
	interrupts_take();
	if (console_receive() && ++console.missed == MISSED_MAX)
		stop_console(INTERRUPT_MISSED);
}

static u32 acknowledge(void)
{
	return gic.v3 ? gic_cpu_acknowledge() : mmio_read32(gic.cpu + GICC_IAR);
}

static void end(u32 acknowledged)
{
	if (gic.v3)
		gic_cpu_end(acknowledged);
	else
		mmio_write32(gic.cpu + GICC_EOIR, acknowledged);
}

/* One that was cleared may still come. */
static void timer_tick(void)
{
	if (timer.period == 0) {
		timer_clear(gic.el);
		return;
	}
	timer.count++;
	timer_set(gic.el, timer.period);
}

bool interrupt_handle(void)
{
	u32 acknowledged, number;

	if (!gic.started)
		return false;
	acknowledged = acknowledge();
	number = gic.v3 ? acknowledged : acknowledged & GICC_IAR_ID;
	if (number == gic.number[INTERRUPT_TIMER]) {
		timer_tick();
	} else if (number == gic.number[INTERRUPT_CONSOLE]) {
		handle_console();
	}
	if (number < GIC_SPURIOUS_FIRST || number > GIC_SPURIOUS_LAST)
		end(acknowledged);
	return true;
}

void interrupt_timer_start(u64 ticks)
{
	timer.period = ticks;
	timer.count = 0;
	timer_set(gic.el, ticks);
	timer.masked = interrupts_mask(false);
}

u64 interrupt_timer_stop(void)
{
	interrupts_mask(true);
	timer_clear(gic.el);
	timer.period = 0;
	interrupts_mask(timer.masked);
	return timer.count;
}

u64 interrupt_timer_count(void)
{
	return timer.count;
}
