// SPDX-License-Identifier: MIT
/*
 * Version 3 of the interrupt controller: a distributor, a redistributor for each CPU, and registers
 * in the CPU (arch/arm64/cpu/interrupt.c).
 * Runs in the kernel, MMU on, and on the host. Source: Arm IHI 0069.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/lib/mmio.h>
#include "versions.h"

enum {
	GICD_IROUTER = 0x6000 / 4,
	GICD_PIDR2 = 0xffe8 / 4,
};

#define GICD_CTLR_ARE BIT(4) /* affinity routing */
#define GICD_CTLR_GROUP1 BIT(1) /* of this world */
#define GICD_CTLR_RWP BIT(31)
#define GICD_TYPER_RSS BIT(26)
#define GICR_CTLR_RWP BIT(3)
#define GICR_WAKER_SLEEP BIT(1)
#define GICR_WAKER_ASLEEP BIT(2)
#define FRAMES 2 /* of a redistributor, that matter here: its own, and its interrupts' */
#define WAIT_TRIES 100000

/* ICC_SGI1R_EL1: a bit for each of 16 CPUs, which of the sixteens, and where those are. */
#define SGI_TARGETS 16
#define SGI_RANGE_SHIFT 44
#define SGI_AFF3_SHIFT 48
#define SGI_AFF2_SHIFT 32
#define SGI_AFF1_SHIFT 16
#define SGI_NUMBER_SHIFT 24

/* Wait until @bit of a register is clear. */
static bool wait_clear(volatile u32 *at, u64 bit)
{
	for (unsigned i = 0; i < WAIT_TRIES; i++)
		if (!(mmio_read32(at) & bit))
			return true;
	return false;
}

static bool distributor_settled(const struct gic *gic)
{
	return wait_clear(gic->distributor + GICD_CTLR, GICD_CTLR_RWP);
}

bool gicv3_settled(const struct gic *gic, const struct gic_cpu *cpu)
{
	return distributor_settled(gic) && wait_clear(cpu->frame + GICR_CTLR, GICR_CTLR_RWP);
}

/* Bytes to the next redistributor: two frames, or four where there are virtual LPIs too. */
u64 gicv3_step(u64 stride, volatile u32 *type)
{
	if (stride != 0)
		return stride;
	return (mmio_read32(type) & GICR_TYPER_VLPIS ? 4 : 2) * GIC_FRAME;
}

/* The frames of this CPU in the @row of some CPUs'; the last in it says so. */
static bool find_in_row(const struct gic_start *start, const struct tree_region *row)
{
	u64 pa = row->start, left = row->size;

	for (unsigned i = 0; i < REDISTRIBUTORS_MAX; i++) {
		volatile u32 *type;
		u64 step;

		if (left < FRAMES * GIC_FRAME || !gic_map_cpu(start, pa, FRAMES * GIC_FRAME))
			return false;
		type = start->cpu->frame + GICR_TYPER;
		if (mmio_read32(type + 1) == start->cpu->affinity)
			return true;
		step = gicv3_step(start->device->stride, type);
		if (mmio_read32(type) & GICR_TYPER_LAST || left < step)
			return false;
		pa += step;
		left -= step;
	}
	return false;
}

/* Or of all CPUs', where there is one row. */
static bool find_redistributor(const struct gic_start *start)
{
	for (unsigned i = 1; i <= start->device->rows; i++)
		if (find_in_row(start, &start->device->region[i]))
			return true;
	return false;
}

/* Version 4 has more for guests, and the rest as it was. */
static bool is_version_3(const struct gic *gic)
{
	u32 revision = GICD_PIDR2_REVISION(mmio_read32(gic->distributor + GICD_PIDR2));

	return revision == 3 || revision == 4;
}

static bool wake(const struct gic_cpu *cpu)
{
	volatile u32 *waker = cpu->frame + GICR_WAKER;

	mmio_write32(waker, mmio_read32(waker) & ~GICR_WAKER_SLEEP);
	return wait_clear(waker, GICR_WAKER_ASLEEP);
}

/*
 * For firmware to turn the CPU off: asleep, its redistributor hands nothing to it. Where the
 * register is the secure world's, it reads as zero, and firmware does that itself.
 */
static void put_to_sleep(const struct gic_cpu *cpu)
{
	volatile u32 *waker = cpu->frame + GICR_WAKER;
	u32 state;

	mmio_write32(waker, mmio_read32(waker) | GICR_WAKER_SLEEP);
	for (unsigned i = 0; i < WAIT_TRIES; i++) {
		state = mmio_read32(waker);
		if (!(state & GICR_WAKER_SLEEP) || state & GICR_WAKER_ASLEEP)
			return;
	}
}

/*
 * Affinity routing (ARE) may be turned on only while the groups are off, and never off again; the
 * registers of the first 32 interrupts are GICR's only when it is on: each step waits for the one
 * before. Nothing is let through before all that was left is gone.
 */
static bool enable(const struct gic *gic, const struct gic_cpu *cpu)
{
	volatile u32 *control = gic->distributor + GICD_CTLR;

	mmio_write32(control, mmio_read32(control) & GICD_CTLR_ARE);
	if (!distributor_settled(gic))
		return false;
	mmio_write32(control, GICD_CTLR_ARE);
	if (!distributor_settled(gic) || !gic_clear(gic, cpu, gic->groups))
		return false;
	mmio_write32(control, GICD_CTLR_ARE | GICD_CTLR_GROUP1);
	return distributor_settled(gic);
}

enum gic_result gicv3_start(const struct gic_start *start)
{
	u64 mpidr = start->kernel->handoff->id[SYSREG_MPIDR_EL1];
	struct gic_cpu *cpu = start->cpu;

	cpu->affinity = gicv3_affinity(mpidr);
	if (!gic_map_distributor(start, GIC_FRAME))
		return GIC_NOT_MAPPED;
	if (!is_version_3(start->gic))
		return GIC_OTHER;
	if (!find_redistributor(start) || !wake(cpu) || !gic_cpu_enable(GIC_PRIORITY_MASK))
		return GIC_NOT_THIS_CPU;
	cpu->own = cpu->frame + GIC_FRAME / sizeof(u32);
	return enable(start->gic, cpu) ? GIC_OK : GIC_SILENT;
}

enum gic_result gicv3_start_cpu(const struct gic *gic, struct gic_cpu *cpu)
{
	if (!wake(cpu) || !gic_cpu_enable(GIC_PRIORITY_MASK))
		return GIC_NOT_THIS_CPU;
	return gic_clear(gic, cpu, 0) ? GIC_OK : GIC_SILENT;
}

void gicv3_stop_cpu(const struct gic_cpu *cpu)
{
	mmio_write32(cpu->own + GIC_ICENABLER, ~0u);
	(void)wait_clear(cpu->frame + GICR_CTLR, GICR_CTLR_RWP);
	gic_cpu_disable();
	put_to_sleep(cpu);
}

/* Without ranges, which both the sender and the distributor must know, Aff0 goes up to 15. */
bool gicv3_send(const struct gic *gic, const struct gic_cpu *to, u32 number)
{
	u64 affinity = to->affinity, low = affinity & 0xff;

	if (low >= SGI_TARGETS &&
	    !(mmio_read32(gic->distributor + GICD_TYPER) & GICD_TYPER_RSS && gic_cpu_has_ranges()))
		return false;
	gic_cpu_send((affinity >> 24 & 0xff) << SGI_AFF3_SHIFT |
		     (affinity >> 16 & 0xff) << SGI_AFF2_SHIFT |
		     (affinity >> 8 & 0xff) << SGI_AFF1_SHIFT |
		     (low / SGI_TARGETS) << SGI_RANGE_SHIFT | (u64)number << SGI_NUMBER_SHIFT |
		     BIT(low % SGI_TARGETS));
	return true;
}

void gicv3_route(const struct gic *gic, const struct gic_cpu *cpu, u32 number)
{
	volatile u32 *router = gic->distributor + GICD_IROUTER + (size_t)number * 2;

	mmio_write32(router, cpu->affinity & 0xffffff);
	mmio_write32(router + 1, cpu->affinity >> 24);
}
