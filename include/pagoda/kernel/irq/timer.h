/* SPDX-License-Identifier: MIT */
/*
 * Each CPU's own timer, by interrupt: all of this is about the CPU that it runs on. MMU on, after
 * alloc_init().
 * Sources: DDI 0487 D11; the binding of Arm's timer.
 */
#ifndef PAGODA_TIMER_H
#define PAGODA_TIMER_H

#include <pagoda/kernel/irq/interrupt.h>

/*
 * interrupt_timer_init() - find the timer; more than once is as good as once. On each CPU that
 * wants its own.
 */
enum interrupt_result interrupt_timer_init(const struct kernel *kernel);

/*
 * interrupt_timer_try() - the same, and see to it that its interrupt gets as far as the CPU, which
 * does not take it.
 */
enum interrupt_result interrupt_timer_try(const struct kernel *kernel);

/*
 * interrupt_timer_start() - from now on an interrupt every @ticks of the counter, and the CPU takes
 * them. interrupt_timer_stop() ends that, and returns how many there were. After
 * interrupt_timer_init().
 */
void interrupt_timer_start(u64 ticks);
u64 interrupt_timer_stop(void);

/*
 * interrupt_timer_watch() - in @ticks of the counter an interrupt that gives up what runs then
 * (fault_catch()); 0: not any more. Does not outlive interrupt_timer_start(). The CPU takes
 * interrupts only if the caller lets it.
 */
void interrupt_timer_watch(u64 ticks);

/* Interrupts since interrupt_timer_start(). */
u64 interrupt_timer_count(void);

/*
 * interrupt_sleep() - with interrupts masked: sleep until there is one, or for a moment, and take
 * it. After interrupt_timer_init().
 */
void interrupt_sleep(void);

#endif /* PAGODA_TIMER_H */
