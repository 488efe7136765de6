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
	GICR_CTLR = 0x0 / 4,
	GICR_TYPER = 0x8 / 4,
	GICR_WAKER = 0x14 / 4,
};

#define GICD_CTLR_ARE BIT(4) /* affinity routing */
#define GICD_CTLR_GROUP1 BIT(1) /* of this world */
#define GICD_CTLR_RWP BIT(31)
#define GICR_CTLR_RWP BIT(3)
#define GICR_TYPER_LAST BIT(4)
#define GICR_TYPER_VLPIS BIT(1) /* version 4: four frames a CPU */
#define GICR_WAKER_SLEEP BIT(1)
#define GICR_WAKER_ASLEEP BIT(2)
#define FRAMES 2 /* of a redistributor, that matter here: its own, and its interrupts' */
#define WAIT_TRIES 100000

/* More CPUs than anybody has: the FDT's word for their number is a size, which may be anything. */
#define REDISTRIBUTORS_MAX 4096

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
static u64 step_of(const struct gic_start *start, volatile u32 *type)
{
	if (start->device->stride != 0)
		return start->device->stride;
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
		step = step_of(start, type);
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
	if (!distributor_settled(gic) || !gic_clear(gic, cpu))
		return false;
	mmio_write32(control, GICD_CTLR_ARE | GICD_CTLR_GROUP1);
	return distributor_settled(gic);
}

enum gic_result gicv3_start(const struct gic_start *start)
{
	u64 mpidr = start->kernel->handoff->id[SYSREG_MPIDR_EL1];
	struct gic_cpu *cpu = start->cpu;

	cpu->affinity = (u32)(SYSREG_GET(MPIDR_EL1_AFF3, mpidr) << 24 | (mpidr & 0xffffff));
	if (!gic_map_distributor(start, GIC_FRAME))
		return GIC_NOT_MAPPED;
	if (!is_version_3(start->gic))
		return GIC_OTHER;
	if (!find_redistributor(start) || !wake(cpu) || !gic_cpu_enable(GIC_PRIORITY_MASK))
		return GIC_NOT_THIS_CPU;
	cpu->own = cpu->frame + GIC_FRAME / sizeof(u32);
	return enable(start->gic, cpu) ? GIC_OK : GIC_SILENT;
}

void gicv3_route(const struct gic *gic, const struct gic_cpu *cpu, u32 number)
{
	volatile u32 *router = gic->distributor + GICD_IROUTER + (size_t)number * 2;

	mmio_write32(router, cpu->affinity & 0xffffff);
	mmio_write32(router + 1, cpu->affinity >> 24);
}
