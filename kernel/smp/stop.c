// SPDX-License-Identifier: MIT
/*
 * The end: one CPU reports, and the others stop where they are.
 * Runs in the kernel, MMU on, in exception handlers too, on any CPU.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/irq/interrupt.h>
#include <pagoda/kernel/smp/smp.h>

#define INTERRUPTS_A_SECOND 4 /* for longer than that none is waited for */
#define STOP_SECONDS 2 /* that the others have for it */

/* MPIDR of the CPU that reports, and bit 31, which is set in none; 0: none does. */
static u64 reporter;

bool smp_stopping(void)
{
	return __atomic_load_n(&reporter, __ATOMIC_ACQUIRE) != 0;
}

void smp_stop_here(struct cpu *cpu, const struct exception_frame *frame)
{
	cpu->stopped_frame = frame;
	__atomic_store_n(&cpu->stopped, true, __ATOMIC_RELEASE);
	cpu_halt(STOP_NONE, 0, 0, 0);
}

/* The interrupt, which says where this was, may still be on its way. */
void smp_heed_stop(void)
{
	u64 start = counter_read();

	if (!smp_stopping())
		return;
	while (cpu_this()->gic != NULL &&
	       counter_read() - start < counter_frequency() / INTERRUPTS_A_SECOND) {
		interrupts_take();
		cpu_pause();
	}
	smp_stop_here(cpu_this(), NULL);
}

static void wait_stopped(const struct cpu *cpu, u64 start)
{
	while (!__atomic_load_n(&cpu->stopped, __ATOMIC_ACQUIRE) &&
	       counter_read() - start < STOP_SECONDS * counter_frequency())
		cpu_pause();
}

void smp_stop_others(struct cpu *cpu)
{
	const struct smp *smp = cpu->kernel->smp;
	u64 none = 0, start = counter_read();

	if (smp == NULL || smp->running == 1)
		return;
	if (!__atomic_compare_exchange_n(&reporter, &none, cpu->mpidr | BIT(31), false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		if (none != (cpu->mpidr | BIT(31)))
			smp_stop_here(cpu, NULL);
		return;
	}
	for (u32 i = 0; i < smp->count; i++)
		if (smp->cpu[i].state == CPU_STATE_RUNNING && smp->cpu[i].cpu != cpu)
			cpu_nudge(smp->cpu[i].cpu);
	for (u32 i = 0; i < smp->count; i++)
		if (smp->cpu[i].state == CPU_STATE_RUNNING && smp->cpu[i].cpu != cpu)
			wait_stopped(smp->cpu[i].cpu, start);
}
