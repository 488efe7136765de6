// SPDX-License-Identifier: MIT
/*
 * Version 2 of the interrupt controller: a distributor, and an interface that each CPU finds at the
 * same address.
 * Runs in the kernel, MMU on, and on the host. Source: Arm IHI 0048B.
 */
#include <pagoda/lib/mmio.h>
#include "versions.h"

enum {
	GICC_CTLR = 0x0 / 4,
	GICC_PMR = 0x4 / 4,
	GICC_IAR = 0xc / 4,
	GICC_EOIR = 0x10 / 4,
	GICC_APR = 0xd0 / 4,
	GICC_IIDR = 0xfc / 4,
	GICD_ITARGETSR = 0x800 / 4,
	GICD_SGIR = 0xf00 / 4,
	GICD_ICPIDR2 = 0xfe8 / 4,
};

#define GICD_CTLR_ENABLE 1
#define GICC_CTLR_ENABLE 1 /* and no EOImode: writing EOIR is all that ends an interrupt */
#define GICC_APRS 4
#define GICD_SGIR_TARGETS 16 /* a bit for each CPU, from here up */
#define GICC_IIDR_VERSION(value) ((value) >> 16 & 0xf)
#define SIZE KIB(4)

/*
 * Version 1 is enough like it. A hypervisor that makes a distributor of its own may leave the ID
 * registers out, or as Xen does answer them with an abort; the CPU interface that goes with it is
 * the real one. So that is asked first.
 */
static bool is_version_2(const struct gic *gic, const struct gic_cpu *cpu)
{
	u32 version = GICC_IIDR_VERSION(mmio_read32(cpu->frame + GICC_IIDR));

	if (version != 1 && version != 2)
		version = GICD_PIDR2_REVISION(mmio_read32(gic->distributor + GICD_ICPIDR2));
	return version == 1 || version == 2;
}

/*
 * Whoever was here before may have left in the middle of an interrupt: as long as its priority
 * counts as running (APR), none of the same is let through.
 */
static void enable_interface(const struct gic *gic, struct gic_cpu *cpu)
{
	cpu->target = (u8)mmio_read32(gic->distributor + GICD_ITARGETSR);
	for (unsigned i = 0; i < GICC_APRS; i++)
		mmio_write32(cpu->frame + GICC_APR + i, 0);
	mmio_write32(cpu->frame + GICC_PMR, GIC_PRIORITY_MASK);
	mmio_write32(cpu->frame + GICC_CTLR, GICC_CTLR_ENABLE);
}

enum gic_result gicv2_start(const struct gic_start *start)
{
	const struct device_gic *device = start->device;
	struct gic *gic = start->gic;
	struct gic_cpu *cpu = start->cpu;

	if (!gic_map_distributor(start, SIZE) || device->regions < 2 ||
	    device->region[1].size < SIZE || !gic_map_cpu(start, device->region[1].start, SIZE))
		return GIC_NOT_MAPPED;
	if (!is_version_2(gic, cpu))
		return GIC_OTHER;
	cpu->own = gic->distributor;
	mmio_write32(gic->distributor + GICD_CTLR, 0);
	mmio_write32(cpu->frame + GICC_CTLR, 0);
	if (!gic_clear(gic, cpu, gic->groups))
		return GIC_SILENT;
	gic->interface = cpu->frame;
	mmio_write32(gic->distributor + GICD_CTLR, GICD_CTLR_ENABLE);
	enable_interface(gic, cpu);
	return GIC_OK;
}

/* What the distributor has of a CPU's own interrupts, each CPU sees at the same address. */
enum gic_result gicv2_start_cpu(const struct gic *gic, struct gic_cpu *cpu)
{
	mmio_write32(cpu->frame + GICC_CTLR, 0);
	if (!gic_clear(gic, cpu, 0))
		return GIC_SILENT;
	enable_interface(gic, cpu);
	return GIC_OK;
}

void gicv2_stop_cpu(const struct gic_cpu *cpu)
{
	mmio_write32(cpu->own + GIC_ICENABLER, ~0u);
	mmio_write32(cpu->frame + GICC_CTLR, 0);
}

/* The store is a release: what was written before it is seen by whoever it interrupts. */
bool gicv2_send(const struct gic *gic, const struct gic_cpu *to, u32 number)
{
	if (to->target == 0)
		return false;
	mmio_write32(gic->distributor + GICD_SGIR, (u32)to->target << GICD_SGIR_TARGETS | number);
	return true;
}

/*
 * A bit for each CPU, which ITARGETSR of its own interrupts shows; on a GIC for one CPU that is
 * zero, and there is nothing to route.
 */
void gicv2_route(const struct gic *gic, u32 number)
{
	volatile u32 *targets = gic->distributor + GICD_ITARGETSR;

	mmio_write8((volatile u8 *)targets + number, (u8)mmio_read32(targets));
}

u32 gicv2_acknowledge(const struct gic_cpu *cpu)
{
	return mmio_read32(cpu->frame + GICC_IAR);
}

void gicv2_end(const struct gic_cpu *cpu, u32 acknowledged)
{
	mmio_write32(cpu->frame + GICC_EOIR, acknowledged);
}
