// SPDX-License-Identifier: MIT
/*
 * A further CPU after its flip: it waits for work, and does it.
 * Runs in the kernel, MMU on, on that CPU.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/hyp/hyp.h>

#include "parts.h"

/* Once somebody else sees it running, its mailbox is no longer its own. */
static void running_set(struct cpu *cpu)
{
	__atomic_store_n(&cpu->running, true, __ATOMIC_RELEASE);
}

/* The flip leads here. */
LANDING_PAD(secondary_main);

void secondary_main(struct cpu *cpu, u64 published, u64 flipped, u64 forbidden)
{
	(void)published;
	(void)flipped;
	(void)forbidden;
	if (cpu->kernel->handoff->plan.pan)
		pan_set(true);
	idmap_disable();
	serror_unmask();
	(void)hyp_start_cpu(cpu->kernel, cpu->number);
	nudge_listen();
	running_set(cpu);
	cpu_idle(cpu);
}
