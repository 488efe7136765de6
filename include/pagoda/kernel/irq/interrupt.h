/* SPDX-License-Identifier: MIT */
/*
 * Interrupts: an Arm GIC, version 2 or 3, the CPU's own timer, and the console's UART. Nothing of
 * it is touched before somebody asks for it. MMU on, after alloc_init(). One CPU.
 */
#ifndef PAGODA_INTERRUPT_H
#define PAGODA_INTERRUPT_H

#include <pagoda/kernel/kernel.h>

/* Who may interrupt; interrupt_handle() has a case for each. */
enum interrupt_source {
	INTERRUPT_TIMER,
	INTERRUPT_CONSOLE,
	INTERRUPT_SOURCE_COUNT,
};

enum interrupt_result {
	INTERRUPT_OK,
	INTERRUPT_NOT_YET, /* nobody has asked for it */
	INTERRUPT_NO_CONTROLLER, /* the FDT has no GIC of version 2 or 3 */
	INTERRUPT_NO_TIMER,
	INTERRUPT_NO_CONSOLE, /* no UART on the root's bus with an interrupt of the GIC's */
	INTERRUPT_NOT_MAPPED, /* the GIC's registers */
	INTERRUPT_SILENT, /* nobody at their address */
	INTERRUPT_NOT_THIS_CPU, /* a GICv3 without registers for it, or that it may not use */
	INTERRUPT_NOT_DELIVERED, /* the GIC has not passed on the timer's */
	INTERRUPT_IN_VAIN, /* the UART's came over and over, and never for a byte */
	INTERRUPT_MISSED, /* there were bytes, and never an interrupt for them */
};

const char *interrupt_result_str(enum interrupt_result result);

/*
 * interrupt_console_start() - from now on the CPU takes interrupts, and the console is not polled
 * but receives by interrupt, where that can be.
 * interrupt_console() - true and the number of the interrupt where it does; else why not.
 */
void interrupt_console_start(const struct kernel *kernel);
bool interrupt_console(u32 *number, const char **why_not);

/*
 * interrupt_sleep() - with interrupts masked, once the console receives by them: sleep until there
 * is one, or for a moment. What the console has then although it did not interrupt is received.
 */
void interrupt_sleep(void);

/*
 * interrupt_handle() - called for each IRQ. False where nobody has asked for any: it is not
 * expected then.
 */
bool interrupt_handle(void);

/* interrupt_timer_init() - find the timer; more than once is as good as once. */
enum interrupt_result interrupt_timer_init(const struct kernel *kernel);

/*
 * interrupt_timer_start() - from now on an interrupt every @ticks of the counter, and the CPU takes
 * them. interrupt_timer_stop() ends that, and returns how many there were. After
 * interrupt_timer_init().
 */
void interrupt_timer_start(u64 ticks);
u64 interrupt_timer_stop(void);

/* Interrupts since interrupt_timer_start(). */
u64 interrupt_timer_count(void);

#endif /* PAGODA_INTERRUPT_H */
