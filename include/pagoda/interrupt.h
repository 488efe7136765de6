/* SPDX-License-Identifier: MIT */
/*
 * Interrupts: an Arm GIC, version 2 or 3, and the CPU's own timer. Nothing of it is touched before
 * somebody asks for it. MMU on, after alloc_init(). One CPU.
 */
#ifndef PAGODA_INTERRUPT_H
#define PAGODA_INTERRUPT_H

#include <pagoda/kernel.h>

/* Who may interrupt; interrupt_handle() has a case for each. */
enum interrupt_source {
	INTERRUPT_TIMER,
	INTERRUPT_SOURCE_COUNT,
};

enum interrupt_result {
	INTERRUPT_OK,
	INTERRUPT_NO_CONTROLLER, /* the FDT has no GIC of version 2 or 3 */
	INTERRUPT_NO_TIMER,
	INTERRUPT_NOT_MAPPED, /* its registers */
	INTERRUPT_NOT_THIS_CPU, /* a GICv3 without registers for it, or that it may not use */
};

const char *interrupt_result_str(enum interrupt_result result);

/*
 * interrupt_start() - find, map and enable the GIC; more than once is as good as once. Interrupts
 * stay masked in the CPU.
 */
enum interrupt_result interrupt_start(const struct kernel *kernel);

/*
 * interrupt_handle() - called for each IRQ. False where nobody has asked for any: it is not
 * expected then.
 */
bool interrupt_handle(void);

/*
 * interrupt_timer_start() - from now on an interrupt every @ticks of the counter, and the CPU takes
 * them. interrupt_timer_stop() ends that, and returns how many there were.
 */
void interrupt_timer_start(u64 ticks);
u64 interrupt_timer_stop(void);

/* Interrupts since interrupt_timer_start(). */
u64 interrupt_timer_count(void);

#endif /* PAGODA_INTERRUPT_H */
