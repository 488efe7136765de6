/* SPDX-License-Identifier: MIT */
/*
 * Interrupts: a table of who handles which. It is empty, and the controller not touched, until
 * somebody asks. What nobody handles is turned off when it comes. MMU on, after alloc_init().
 *
 * Numbers below 16 one CPU sends to another, those below 32 each CPU has for itself, the others are
 * shared: those come to the CPU that has registered them. A row counts on all CPUs; its handler
 * runs on the one that the interrupt came to.
 */
#ifndef PAGODA_INTERRUPT_H
#define PAGODA_INTERRUPT_H

#include <pagoda/kernel/kernel.h>

enum interrupt_result {
	INTERRUPT_OK,
	INTERRUPT_NO_CONTROLLER, /* the FDT has no GIC of version 2 or 3 */
	INTERRUPT_NOT_MAPPED, /* the GIC's registers */
	INTERRUPT_OTHER, /* what is there is no GIC of the version that the FDT has */
	INTERRUPT_SILENT, /* nobody at their address */
	INTERRUPT_NOT_THIS_CPU, /* a GICv3 without registers for it, or that it may not use */
	INTERRUPT_NO_TIMER,
	INTERRUPT_NOT_DELIVERED, /* the GIC has not passed on the timer's */
	INTERRUPT_NO_LINE, /* the GIC has no interrupt of this number */
	INTERRUPT_TAKEN, /* it is another's, or there is no room in the table */
};

const char *interrupt_result_str(enum interrupt_result result);

/* A row of the table. */
struct interrupt {
	u32 number; /* as the GIC counts */
	u32 flags; /* of a shared one, as the FDT has them: 1, 2: an edge; 4, 8: a level */
	void (*handle)(void *context); /* with interrupts masked, on the exception stack */
	void *context;
};

/*
 * interrupt_start() - find, map and turn on the controller; more than once is as good as once.
 * interrupts_mask(false) is the caller's.
 */
enum interrupt_result interrupt_start(const struct kernel *kernel);

/*
 * interrupt_register() - from now on @interrupt comes, to its handler; the same once more is as
 * good as once. After interrupt_start(). Of those that each CPU has, it is the one of the CPU this
 * runs on: another CPU asks for its own with the same row.
 * interrupt_unregister() - @number, if it is registered, no longer comes. A handler may say so of
 * itself.
 */
enum interrupt_result interrupt_register(const struct interrupt *interrupt);
void interrupt_unregister(u32 number);

struct cpu;
struct gic_cpu;

/*
 * interrupt_find_cpu() - on a CPU that runs, for @cpu, which does not yet and whose mpidr is set:
 * find its part of the controller; @gic is its memory for that from then on, and cpu->gic leads
 * there; null where that is no INTERRUPT_OK. After interrupt_start(). One caller at a time.
 * interrupt_start_cpu() - on that CPU: from now on interrupts come that were sent to it and that
 * are registered; what else it wants, it registers. interrupts_mask(false) is the caller's.
 * interrupt_stop_cpu() - on that CPU, with interrupts masked: none comes any more. Before it is
 * turned off, after another one's interrupt_take_over().
 */
enum interrupt_result interrupt_find_cpu(const struct kernel *kernel, struct cpu *cpu,
					 struct gic_cpu *gic);
enum interrupt_result interrupt_start_cpu(void);
void interrupt_stop_cpu(void);

/*
 * interrupt_send() - interrupt @number, below 16, comes to the CPU @to: what was written before
 * this is seen there. INTERRUPT_NO_CONTROLLER: that CPU has none yet; INTERRUPT_NOT_THIS_CPU: the
 * controller cannot name it.
 */
enum interrupt_result interrupt_send(const struct cpu *to, u32 number);

/* interrupt_take_over() - all shared interrupts that are registered come to this CPU. */
void interrupt_take_over(void);

/*
 * interrupt_handle() - called for each IRQ. False where nobody has asked for any: it is not
 * expected then.
 */
bool interrupt_handle(void);

#endif /* PAGODA_INTERRUPT_H */
