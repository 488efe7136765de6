/* SPDX-License-Identifier: MIT */
/*
 * What the GIC's two versions have in common, and what each does in its own way. For gic*.c only.
 */
#ifndef IRQ_VERSIONS_H
#define IRQ_VERSIONS_H

#include <pagoda/kernel/irq/gic.h>

/* Registers, as indices of 32-bit words. */
enum {
	GICD_CTLR = 0x0 / 4,
	GICD_TYPER = 0x4 / 4,
	/* In GICD, but for the first 32 interrupts of version 3: the second frame of GICR. */
	GIC_IGROUPR = 0x80 / 4,
	GIC_ISENABLER = 0x100 / 4,
	GIC_ICENABLER = 0x180 / 4,
	GIC_ICPENDR = 0x280 / 4,
	GIC_ICACTIVER = 0x380 / 4,
	GIC_IPRIORITYR = 0x400 / 4,
	GICD_ICFGR = 0xc00 / 4,
};

/* In a redistributor's first frame. */
enum {
	GICR_CTLR = 0x0 / 4,
	GICR_TYPER = 0x8 / 4,
	GICR_WAKER = 0x14 / 4,
};

#define GICR_TYPER_LAST BIT(4)
#define GICR_TYPER_VLPIS BIT(1) /* version 4: four frames a CPU */

/* More CPUs than anybody has: the FDT's word for their number is a size, which may be anything. */
#define REDISTRIBUTORS_MAX 4096

/* The architecture's version in the peripheral ID register 2, each version's in its own place. */
#define GICD_PIDR2_REVISION(value) ((value) >> 4 & 0xf)

#define GIC_FRAME KIB(64) /* of registers, in version 3 */
#define GIC_PRIORITY_MASK 0xff /* all are let through */

/* What gic_start() was asked for. */
struct gic_start {
	struct gic *gic;
	struct gic_cpu *cpu;
	const struct kernel *kernel;
	const struct device_gic *device;
};

/*
 * gic_map_distributor() - the first @size bytes of the device's first region.
 * gic_map_cpu() - @size bytes at @pa, in place of what was mapped there before.
 */
bool gic_map_distributor(const struct gic_start *start, u64 size);
bool gic_map_cpu(const struct gic_start *start, u64 pa, u64 size);

/*
 * gic_clear() - of interrupts of the first group, which are @cpu's own, and of @groups more: of
 * what whoever was here before left, nothing comes: an interrupt that nobody here knows would come
 * for ever, and one that is still active never again. False where the controller does not finish.
 */
bool gic_clear(const struct gic *gic, const struct gic_cpu *cpu, u32 groups);

enum gic_result gicv2_start(const struct gic_start *start);
enum gic_result gicv2_start_cpu(const struct gic *gic, struct gic_cpu *cpu);
void gicv2_stop_cpu(const struct gic_cpu *cpu);
bool gicv2_send(const struct gic *gic, const struct gic_cpu *to, u32 number);
void gicv2_route(const struct gic *gic, u32 number);
u32 gicv2_acknowledge(const struct gic_cpu *cpu);
void gicv2_end(const struct gic_cpu *cpu, u32 acknowledged);

enum gic_result gicv3_start(const struct gic_start *start);
enum gic_result gicv3_start_cpu(const struct gic *gic, struct gic_cpu *cpu);
void gicv3_stop_cpu(const struct gic_cpu *cpu);
bool gicv3_send(const struct gic *gic, const struct gic_cpu *to, u32 number);
void gicv3_route(const struct gic *gic, const struct gic_cpu *cpu, u32 number);

/* gicv3_settled() - what was written before has taken effect. False where it never does. */
bool gicv3_settled(const struct gic *gic, const struct gic_cpu *cpu);

/*
 * gicv3_step() - bytes from the redistributor whose GICR_TYPER is at @type to the next: @stride, or
 * what it says itself. gicv3_map_rows() - all redistributors, once; false where there is no row
 * that can be. gicv3_find() - that of the CPU with @cpu->affinity, in those rows.
 */
u64 gicv3_step(u64 stride, volatile u32 *type);
bool gicv3_map_rows(struct gic *gic, const struct kernel *kernel, const struct device_gic *device);
bool gicv3_find(struct gic *gic, struct gic_cpu *cpu);

/* gicv3_affinity() - the four levels of @mpidr side by side, as GICR_TYPER has them. */
static inline u32 gicv3_affinity(u64 mpidr)
{
	return (u32)(SYSREG_GET(MPIDR_EL1_AFF3, mpidr) << 24 | (mpidr & 0xffffff));
}

#endif /* IRQ_VERSIONS_H */
