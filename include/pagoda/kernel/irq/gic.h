/* SPDX-License-Identifier: MIT */
/*
 * Arm's Generic Interrupt Controller, version 2 or 3: registers, and no opinion on whose interrupt
 * is which. MMU on, and the host over registers of its own.
 * Sources: Arm IHI 0048B (GICv2), IHI 0069 (GICv3).
 */
#ifndef PAGODA_GIC_H
#define PAGODA_GIC_H

#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/dev/window.h>

#define GIC_PPI_FIRST 16 /* interrupts of each CPU: from here on the timer's and so on */
#define GIC_SPI_FIRST 32 /* those that CPUs share */
#define GIC_SPURIOUS_FIRST 1020 /* no interrupts, but what else there is to say */
#define GIC_SPURIOUS_LAST 1023

#define GIC_FLAGS_EDGE 3 /* of an interrupt's flags in the FDT */

enum gic_result {
	GIC_OK,
	GIC_NOT_MAPPED,
	GIC_OTHER, /* what answers there says that it is something else */
	GIC_SILENT, /* nobody at its address, or one who never finishes */
	GIC_NOT_THIS_CPU, /* version 3: no registers for it, or none that it may use */
};

/* What all CPUs share. */
struct gic {
	unsigned version; /* 2, 3 */
	u32 groups; /* of 32 interrupts each, less one */
	struct window window;
	volatile u32 *distributor;
};

/* What each CPU has. */
struct gic_cpu {
	u32 affinity; /* version 3: Aff3 to Aff0, a byte each */
	struct window window;
	volatile u32 *frame; /* version 2: the CPU interface; 3: the redistributor's first */
	volatile u32 *own; /* registers of its first 32 interrupts */
};

/*
 * gic_start() - map the controller that @description is of for @cpu, ask it what it is, turn off
 * and forget all that was left in it, and let interrupts through, of which none is enabled. Faults where nobody is at its
 * address: for fault_catch(). Until it is GIC_OK the rest must not be called; gic_unmap() then.
 */
enum gic_result gic_start(struct gic *gic, struct gic_cpu *cpu, const struct kernel *kernel,
			  const struct device_gic *description);
void gic_unmap(struct gic *gic, struct gic_cpu *cpu, const struct kernel *kernel);

/* gic_has() - there is such an interrupt: one of a CPU's, or of those that this controller has. */
bool gic_has(const struct gic *gic, u32 number);

/*
 * gic_enable() - let @number come, to @cpu. @flags: of a shared one, as the FDT has them.
 * gic_disable() - no longer. Of numbers that gic_has().
 */
void gic_enable(const struct gic *gic, const struct gic_cpu *cpu, u32 number, u32 flags);
void gic_disable(const struct gic *gic, const struct gic_cpu *cpu, u32 number);

/*
 * gic_acknowledge() - take what waits. gic_number(): which interrupt it is, or one of the spurious
 * numbers, which must not be ended. gic_end() - it has been handled.
 */
u32 gic_acknowledge(const struct gic *gic, const struct gic_cpu *cpu);
u32 gic_number(const struct gic *gic, u32 acknowledged);
void gic_end(const struct gic *gic, const struct gic_cpu *cpu, u32 acknowledged);

#endif /* PAGODA_GIC_H */
