// SPDX-License-Identifier: MIT
/*
 * CPUs off and on again, and sleep, by PSCI.
 * Runs in the kernel, MMU on, on the boot CPU where nothing else is said.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/hyp/hyp.h>
#include <pagoda/kernel/dev/psci.h>
#include <pagoda/kernel/irq/interrupt.h>

#include "parts.h"

#define OFF_SECONDS 2 /* that a CPU has for it */

/* For one CPU at a time; not on a stack, since a CPU may still look at it that was given up. */
static struct farewell {
	struct device_psci psci;
	s64 answer;
	struct cpu_work work;
} farewell __attribute__((section(".noinit")));

/* On that CPU, whose caches firmware cleans. It returns where firmware did not do it. */
static void leave(void *context)
{
	struct cpu *cpu = cpu_this();

	(void)context;
	interrupts_mask(true);
	interrupt_stop_cpu();
	(void)hyp_stop_cpu(cpu->kernel);
	__atomic_store_n(&cpu->running, false, __ATOMIC_RELEASE);
	farewell.answer = psci_cpu_off(&farewell.psci);
	(void)hyp_start_cpu(cpu->kernel, cpu->number);
	__atomic_store_n(&cpu->running, true, __ATOMIC_RELEASE);
	nudge_listen();
}

bool smp_cpu_off(const struct kernel *kernel, u32 number, s64 *answer)
{
	struct smp_cpu *cpu = &kernel->smp->cpu[number];
	u64 start = counter_read();
	bool off = false, back = false;

	farewell = (struct farewell){ psci_cpus(kernel), 0, { leave, NULL } };
	interrupt_take_over();
	cpu_call(cpu->cpu, &farewell.work);
	while (!off && !back && counter_read() - start < OFF_SECONDS * counter_frequency()) {
		cpu_pause();
		back = __atomic_load_n(&cpu->cpu->work, __ATOMIC_ACQUIRE) == NULL;
		off = !__atomic_load_n(&cpu->cpu->running, __ATOMIC_ACQUIRE) &&
		      psci_cpu_is_off(kernel->handoff->facts.psci, cpu->entry->mpidr);
	}
	*answer = farewell.answer;
	if (back)
		return false;
	cpu->cpu->work = NULL;
	cpu->state = off ? CPU_STATE_OFF : CPU_STATE_SILENT;
	cpu->reason = off ? CPU_REASON_ASKED : CPU_REASON_LEFT;
	kernel->smp->running--;
	return true;
}
