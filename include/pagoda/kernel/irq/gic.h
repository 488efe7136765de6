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

#define GIC_SGIS 16 /* interrupts that one CPU sends to another: numbers below this */
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

/* A row of redistributors, mapped; and a redistributor's place in one of the rows. */
struct gic_row {
	volatile u32 *start;
	u64 size;
};

struct gic_place {
	u32 row;
	u64 at; /* bytes from the row's start */
};

/* What all CPUs share. */
struct gic {
	unsigned version; /* 2, 3 */
	u32 groups; /* of 32 interrupts each, less one */
	struct window window;
	volatile u32 *distributor;
	volatile u32 *interface; /* version 2: each CPU's own, all at the same address */
	/* Version 3, once further CPUs are looked for. */
	u32 rows;
	struct gic_row row[TREE_GIC_REGIONS_MAX];
	u64 stride; /* as in struct device_gic */
	struct gic_place next; /* behind the redistributor that was found last */
};

/* What timer.c knows of a CPU's timer. */
struct gic_timer {
	bool masked; /* interrupts were, before it was started */
	bool watching; /* it ends what runs too long */
	u64 period; /* 0: not started */
	volatile u64 count;
};

/* What each CPU has. */
struct gic_cpu {
	u32 affinity; /* version 3: Aff3 to Aff0, a byte each */
	u8 target; /* version 2: its bit where a distributor's registers list CPUs */
	struct window window; /* of the CPU that boots */
	volatile u32 *frame; /* version 2: the CPU interface; 3: the redistributor's first */
	volatile u32 *own; /* registers of its first 32 interrupts */
	struct gic_timer timer;
};

/*
 * gic_start() - map the controller that @description is of for @cpu, ask it what it is, turn off
 * and forget all that was left in it, and let interrupts through, of which none is enabled. Faults
 * where nobody is at its address: for fault_catch(). Until it is GIC_OK the rest must not be
 * called; gic_unmap() then.
 */
enum gic_result gic_start(struct gic *gic, struct gic_cpu *cpu, const struct kernel *kernel,
			  const struct device_gic *description);
void gic_unmap(struct gic *gic, struct gic_cpu *cpu, const struct kernel *kernel);

/*
 * For a CPU with @mpidr that does not run yet: gic_find_cpu() - find what it has, for @cpu, which
 * is zero. On a CPU that runs, one at a time; faults as gic_start() does. GIC_OK, GIC_NOT_MAPPED,
 * GIC_NOT_THIS_CPU.
 *
 * On that CPU: gic_start_cpu() - forget what was left in its part, and let interrupts through, of
 * which none is enabled. GIC_OK, GIC_SILENT, GIC_NOT_THIS_CPU. gic_stop_cpu() - none comes there
 * any more; before it is turned off. After it, gic_start_cpu() again.
 */
enum gic_result gic_find_cpu(struct gic *gic, struct gic_cpu *cpu, const struct kernel *kernel,
			     const struct device_gic *description, u64 mpidr);
enum gic_result gic_start_cpu(const struct gic *gic, struct gic_cpu *cpu);
void gic_stop_cpu(const struct gic *gic, const struct gic_cpu *cpu);

/*
 * gic_send() - interrupt @number, below GIC_SGIS, comes to the CPU @to, which may be the one this
 * runs on; what was written before is seen there. False where this controller cannot name that CPU.
 */
bool gic_send(const struct gic *gic, const struct gic_cpu *to, u32 number);

/* gic_route() - the shared interrupt @number comes to @cpu, which is the one this runs on. */
void gic_route(const struct gic *gic, const struct gic_cpu *cpu, u32 number);

/* gic_has() - there is such an interrupt: one of a CPU's, or of those that this controller has. */
bool gic_has(const struct gic *gic, u32 number);

/*
 * gic_enable() - let @number come, to @cpu, the one this runs on. @flags: of a shared one, as the
 * FDT has them. gic_disable() - no longer. Of numbers that gic_has().
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
