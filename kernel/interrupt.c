// SPDX-License-Identifier: MIT
/*
 * The interrupt controller, and who is behind each interrupt.
 * Runs in the kernel, MMU on; interrupt_handle() with interrupts masked, on the exception stack.
 * Sources: Arm IHI 0048B (GICv2), IHI 0069 (GICv3), DDI 0487 D11 (generic timer).
 */
#include <pagoda/alloc.h>
#include <pagoda/arch.h>
#include <pagoda/interrupt.h>
#include <pagoda/mmio.h>
#include <pagoda/tree.h>

/* Registers, as indices of 32-bit words. */
enum {
	GICD_CTLR = 0x0 / 4,
	GICC_CTLR = 0x0 / 4,
	GICC_PMR = 0x4 / 4,
	GICC_IAR = 0xc / 4,
	GICC_EOIR = 0x10 / 4,
	/* The first 32 interrupts, in GICD of version 2 and in the second frame of GICR. */
	GIC_IGROUPR = 0x80 / 4,
	GIC_ISENABLER = 0x100 / 4,
	GIC_IPRIORITYR = 0x400 / 4,
	/* Version 3. */
	GICR_TYPER = 0x8 / 4,
	GICR_WAKER = 0x14 / 4,
};

#define GICD_CTLR_V2_ENABLE 1
#define GICD_CTLR_V3_ENABLE (BIT(4) | BIT(1)) /* affinity routing, group 1 of this world */
#define GICC_CTLR_ENABLE 1
#define PRIORITY_MASK 0xff /* all are let through */
#define PRIORITIES 0xa0a0a0a0 /* of four interrupts */
#define GICR_TYPER_LAST BIT(4)
#define GICR_TYPER_VLPIS BIT(1) /* version 4: four frames a CPU */
#define GICR_WAKER_SLEEP BIT(1)
#define GICR_WAKER_ASLEEP BIT(2)
#define GICR_FRAME KIB(64)
#define WAKE_TRIES 100000

#define GIC_PPI_FIRST 16 /* interrupts of each CPU, by their own number */
#define GIC_SPI_FIRST 32
#define GIC_SPURIOUS_FIRST 1020

/* Which of the timers in the FDT, in the order of its binding. */
#define TIMER_VIRTUAL 2
#define TIMER_HYPERVISOR 3

static struct {
	bool started, v3;
	volatile u32 *distributor;
	volatile u32 *cpu; /* version 2: GICC; version 3: the second frame of this CPU's GICR */
	u32 number[INTERRUPT_SOURCE_COUNT];
	unsigned el;
} gic;

static struct {
	u64 period;
	volatile u64 count;
} timer;

const char *interrupt_result_str(enum interrupt_result result)
{
	switch (result) {
	case INTERRUPT_OK:
		return "ok";
	case INTERRUPT_NO_CONTROLLER:
		return "the FDT has no GICv2 or GICv3";
	case INTERRUPT_NO_TIMER:
		return "the FDT has no timer for this exception level";
	case INTERRUPT_NOT_MAPPED:
		return "the GIC's registers cannot be mapped";
	case INTERRUPT_NOT_THIS_CPU:
		return "the GICv3 is not for this CPU to use";
	}
	return "unknown result";
}

static bool map_region(const struct kernel *kernel, const struct tree_device *device,
		       unsigned index, volatile u32 **registers)
{
	vaddr_t va;

	if (!kernel->alloc || index >= device->regions ||
	    vmalloc_ioremap(&kernel->alloc->vmalloc, paddr(device->region[index].start),
			    device->region[index].size, &va) != VMALLOC_OK)
		return false;
	*registers = (volatile u32 *)(uintptr_t)va.value;
	return true;
}

/*
 * The frames of the CPU with @affinity in the row of @size bytes at @frames: moved to there. Each
 * CPU has two, or four where there are virtual LPIs too; the last says so.
 */
static bool find_redistributor(volatile u32 **frames, u64 size, u32 affinity)
{
	u64 step;

	for (u64 at = 0; at + 2 * GICR_FRAME <= size; at += step) {
		volatile u32 *frame = *frames + at / sizeof(u32);
		u32 type = mmio_read32(frame + GICR_TYPER);

		if (mmio_read32(frame + GICR_TYPER + 1) == affinity) {
			*frames = frame;
			return true;
		}
		if (type & GICR_TYPER_LAST)
			return false;
		step = (type & GICR_TYPER_VLPIS ? 4 : 2) * GICR_FRAME;
	}
	return false;
}

static bool wake(volatile u32 *frame)
{
	mmio_write32(frame + GICR_WAKER, mmio_read32(frame + GICR_WAKER) & ~GICR_WAKER_SLEEP);
	for (unsigned i = 0; i < WAKE_TRIES; i++)
		if (!(mmio_read32(frame + GICR_WAKER) & GICR_WAKER_ASLEEP))
			return true;
	return false;
}

static enum interrupt_result start_v3(const struct kernel *kernel, const struct tree_device *device)
{
	u64 mpidr = kernel->handoff->id[SYSREG_MPIDR_EL1];
	u32 affinity = (u32)(SYSREG_GET(MPIDR_EL1_AFF3, mpidr) << 24 | (mpidr & 0xffffff));

	if (!map_region(kernel, device, 0, &gic.distributor) ||
	    !map_region(kernel, device, 1, &gic.cpu))
		return INTERRUPT_NOT_MAPPED;
	if (!find_redistributor(&gic.cpu, device->region[1].size, affinity) || !wake(gic.cpu) ||
	    !gic_cpu_enable(PRIORITY_MASK))
		return INTERRUPT_NOT_THIS_CPU;
	gic.cpu += GICR_FRAME / sizeof(u32);
	mmio_write32(gic.distributor + GICD_CTLR, GICD_CTLR_V3_ENABLE);
	return INTERRUPT_OK;
}

static enum interrupt_result start_v2(const struct kernel *kernel, const struct tree_device *device)
{
	if (!map_region(kernel, device, 0, &gic.distributor) ||
	    !map_region(kernel, device, 1, &gic.cpu))
		return INTERRUPT_NOT_MAPPED;
	mmio_write32(gic.distributor + GICD_CTLR, GICD_CTLR_V2_ENABLE);
	mmio_write32(gic.cpu + GICC_PMR, PRIORITY_MASK);
	mmio_write32(gic.cpu + GICC_CTLR, GICC_CTLR_ENABLE);
	return INTERRUPT_OK;
}

/* At EL2 with HCR_EL2.E2H set the timer that CNTP_* names is EL2's own. */
static bool find_timer(const struct kernel *kernel)
{
	unsigned which = kernel->handoff->plan.el == 2 ? TIMER_HYPERVISOR : TIMER_VIRTUAL;
	struct tree_device device;

	if (!tree_find(kernel, "arm,armv8-timer", &device) || which >= device.interrupts ||
	    device.interrupt[which].type != 1 ||
	    device.interrupt[which].number >= GIC_SPI_FIRST - GIC_PPI_FIRST)
		return false;
	gic.number[INTERRUPT_TIMER] = device.interrupt[which].number + GIC_PPI_FIRST;
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

enum interrupt_result interrupt_start(const struct kernel *kernel)
{
	enum interrupt_result result;
	struct tree_device device;

	if (gic.started)
		return INTERRUPT_OK;
	gic.el = kernel->handoff->plan.el;
	if (!find_timer(kernel))
		return INTERRUPT_NO_TIMER;
	if (tree_find(kernel, "arm,gic-v3", &device)) {
		gic.v3 = true;
		result = start_v3(kernel, &device);
	} else if (tree_find(kernel, "arm,cortex-a15-gic", &device) ||
		   tree_find(kernel, "arm,gic-400", &device)) {
		result = start_v2(kernel, &device);
	} else {
		result = INTERRUPT_NO_CONTROLLER;
	}
	if (result != INTERRUPT_OK)
		return result;
	enable_ppi(gic.number[INTERRUPT_TIMER]);
	gic.started = true;
	return INTERRUPT_OK;
}

static u32 acknowledge(void)
{
	return gic.v3 ? gic_cpu_acknowledge() : mmio_read32(gic.cpu + GICC_IAR);
}

static void end(u32 number)
{
	if (gic.v3)
		gic_cpu_end(number);
	else
		mmio_write32(gic.cpu + GICC_EOIR, number);
}

bool interrupt_handle(void)
{
	u32 number;

	if (!gic.started)
		return false;
	number = acknowledge();
	if (number == gic.number[INTERRUPT_TIMER]) {
		timer.count++;
		timer_set(gic.el, timer.period);
	}
	if (number < GIC_SPURIOUS_FIRST)
		end(number);
	return true;
}

void interrupt_timer_start(u64 ticks)
{
	timer.period = ticks;
	timer.count = 0;
	timer_set(gic.el, ticks);
	interrupts_mask(false);
}

u64 interrupt_timer_stop(void)
{
	interrupts_mask(true);
	timer_clear(gic.el);
	return timer.count;
}

u64 interrupt_timer_count(void)
{
	return timer.count;
}
