// SPDX-License-Identifier: MIT
/*
 * Each CPU's own timer: what ticks, and what ends a sleep.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/irq/gic.h>
#include <pagoda/kernel/irq/timer.h>

#define SLEEPS_A_SECOND 10
#define DELIVERIES_A_SECOND 100 /* for longer than that none is waited for */

/* The exception level on which the kernel runs: it says which of a CPU's timers is meant. */
static unsigned timer_el;

/* One that was cleared may still come. */
static void timer_tick(void *context)
{
	struct gic_timer *timer = &cpu_this()->gic->timer;

	(void)context;
	if (timer->period == 0) {
		timer_clear(timer_el);
		cpu_this()->give_up = timer->watching;
		timer->watching = false;
		return;
	}
	timer->count++;
	timer_set(timer_el, timer->period);
}

/* At EL2 with HCR_EL2.E2H set the timer that CNTP_* names is EL2's own. */
static bool find_timer(const struct kernel *kernel, u32 *number)
{
	enum device_timer which = kernel->handoff->plan.el == 2 ? DEVICE_TIMER_HYPERVISOR :
								  DEVICE_TIMER_VIRTUAL;

	*number = kernel_devices(kernel)->timer[which].number;
	return *number >= GIC_PPI_FIRST && *number < GIC_SPI_FIRST;
}

enum interrupt_result interrupt_timer_init(const struct kernel *kernel)
{
	struct interrupt interrupt = { .handle = timer_tick };
	enum interrupt_result result = interrupt_start(kernel);

	if (result != INTERRUPT_OK)
		return result;
	if (!find_timer(kernel, &interrupt.number))
		return INTERRUPT_NO_TIMER;
	timer_el = kernel->handoff->plan.el;
	return interrupt_register(&interrupt);
}

/*
 * Whoever sleeps until a device interrupts must be woken also if that never comes; the timer can,
 * if its own interrupt does. It is enough that there would be one.
 */
enum interrupt_result interrupt_timer_try(const struct kernel *kernel)
{
	enum interrupt_result result = interrupt_timer_init(kernel);
	u64 asked = counter_read(), patience = counter_frequency() / DELIVERIES_A_SECOND;
	bool masked, came;

	if (result != INTERRUPT_OK)
		return result;
	masked = interrupts_mask(true);
	cpu_this()->gic->timer.watching = false;
	timer_set(timer_el, 0);
	do
		came = interrupt_pending();
	while (!came && counter_read() - asked < patience);
	timer_clear(timer_el);
	interrupts_mask(masked);
	return came ? INTERRUPT_OK : INTERRUPT_NOT_DELIVERED;
}

void interrupt_timer_start(u64 ticks)
{
	struct gic_timer *timer = &cpu_this()->gic->timer;

	timer->period = ticks;
	timer->count = 0;
	timer->watching = false;
	timer_set(timer_el, ticks);
	timer->masked = interrupts_mask(false);
}

u64 interrupt_timer_stop(void)
{
	struct gic_timer *timer = &cpu_this()->gic->timer;

	interrupts_mask(true);
	timer_clear(timer_el);
	timer->period = 0;
	interrupts_mask(timer->masked);
	return timer->count;
}

void interrupt_timer_watch(u64 ticks)
{
	cpu_this()->gic->timer.watching = ticks != 0;
	if (ticks != 0)
		timer_set(timer_el, ticks);
	else
		timer_clear(timer_el);
}

u64 interrupt_timer_count(void)
{
	return cpu_this()->gic->timer.count;
}

void interrupt_sleep(void)
{
	const struct gic_timer *timer = &cpu_this()->gic->timer;

	if (timer->period == 0)
		timer_set(timer_el, counter_frequency() / SLEEPS_A_SECOND);
	interrupt_wait();
	if (timer->period == 0)
		timer_clear(timer_el);
	interrupts_take();
}
