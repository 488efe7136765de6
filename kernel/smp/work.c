// SPDX-License-Identifier: MIT
/*
 * One CPU has another do something.
 * Runs in the kernel, MMU on; each function says on which CPU.
 */
#include <pagoda/arch/arch.h>

#include "parts.h"

/* On the CPU that works. */
void cpu_idle(struct cpu *cpu)
{
	for (;;) {
		struct cpu_work *work = __atomic_load_n(&cpu->work, __ATOMIC_ACQUIRE);

		if (work == NULL) {
			event_wait();
			continue;
		}
		work->function(work->context);
		__atomic_store_n(&cpu->work, NULL, __ATOMIC_RELEASE);
		event_send();
	}
}

/* The work stands until cpu_wait() has seen it done: so it may be the caller's. */
void cpu_call(struct cpu *cpu, struct cpu_work *work)
{
	__atomic_store_n(&cpu->work, work, __ATOMIC_RELEASE);
	event_send();
}

bool cpu_wait(const struct cpu *cpu, u64 ticks)
{
	u64 start = counter_read();

	while (__atomic_load_n(&cpu->work, __ATOMIC_ACQUIRE) != NULL)
		if (ticks != 0 && counter_read() - start >= ticks)
			return false;
	return true;
}
