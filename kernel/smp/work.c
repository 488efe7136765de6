// SPDX-License-Identifier: MIT
/*
 * One CPU has another do something, and that one sleeps meanwhile until there is something to do.
 * Runs in the kernel, MMU on; each function says on which CPU.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/irq/interrupt.h>

#include "parts.h"

/* What is sent to wake a CPU. That it came is all it says: the CPU looks what it is for. */
#define NUDGE 1

static void nudged(void *context)
{
	(void)context;
}

bool nudge_init(const struct kernel *kernel)
{
	const struct interrupt row = { .number = NUDGE, .handle = nudged };

	return interrupt_start(kernel) == INTERRUPT_OK && interrupt_register(&row) == INTERRUPT_OK;
}

void nudge_listen(void)
{
	const struct interrupt row = { .number = NUDGE, .handle = nudged };

	if (cpu_this()->gic != NULL && interrupt_start_cpu() == INTERRUPT_OK &&
	    interrupt_register(&row) == INTERRUPT_OK)
		return;
	cpu_this()->gic = NULL;
}

/* From any CPU. One without an interrupt controller waits for an event. */
void cpu_nudge(struct cpu *cpu)
{
	if (interrupt_send(cpu, NUDGE) != INTERRUPT_OK)
		event_send();
}

/*
 * On a CPU that has nothing to do. What is sent between the look and the sleep ends the sleep: an
 * interrupt is pending, though masked, and an event is remembered.
 */
static void sleep(const struct cpu *cpu)
{
	if (cpu->gic == NULL) {
		event_wait();
		return;
	}
	interrupt_wait();
	interrupts_take();
}

/* On the CPU that works, with interrupts let through meanwhile: it may be told to stop. */
void cpu_idle(struct cpu *cpu)
{
	for (;;) {
		struct cpu_work *work = __atomic_load_n(&cpu->work, __ATOMIC_ACQUIRE);

		smp_heed_stop();
		if (work == NULL) {
			sleep(cpu);
			continue;
		}
		interrupts_mask(cpu->gic == NULL);
		work->function(work->context);
		interrupts_mask(true);
		__atomic_store_n(&cpu->work, NULL, __ATOMIC_RELEASE);
	}
}

void cpu_call(struct cpu *cpu, struct cpu_work *work)
{
	__atomic_store_n(&cpu->work, work, __ATOMIC_RELEASE);
	cpu_nudge(cpu);
}

/* On the CPU that called. It, too, may be told to stop. */
bool cpu_wait(const struct cpu *cpu, u64 ticks)
{
	u64 start = counter_read();

	while (__atomic_load_n(&cpu->work, __ATOMIC_ACQUIRE) != NULL) {
		smp_heed_stop();
		if (ticks != 0 && counter_read() - start >= ticks)
			return false;
		cpu_pause();
	}
	return true;
}
