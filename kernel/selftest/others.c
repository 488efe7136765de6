// SPDX-License-Identifier: MIT
/*
 * All CPUs in one self test.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/selftest/others.h>

#define PATIENCE_SECONDS 20

/* What all CPUs but this one do at once, each with @context. */
void others_start(const struct smp *smp, struct cpu_work *work)
{
	for (u32 i = 0; i < smp->count; i++)
		if (smp->cpu[i].state == CPU_STATE_RUNNING && smp->cpu[i].cpu != cpu_this())
			cpu_call(smp->cpu[i].cpu, work);
}

void others_wait(struct selftest *test)
{
	const struct smp *smp = test->kernel->smp;

	for (u32 i = 0; i < smp->count; i++)
		if (smp->cpu[i].state == CPU_STATE_RUNNING && smp->cpu[i].cpu != cpu_this())
			test_check(
				test,
				cpu_wait(smp->cpu[i].cpu, PATIENCE_SECONDS * counter_frequency()),
				"a CPU does not come back", i);
}

bool others_exist(struct selftest *test)
{
	return test_needs(test, test->kernel->smp->running > 1, "one CPU runs");
}

void verdict_add(struct verdict *verdict, bool holds, u64 value)
{
	__atomic_fetch_add(&verdict->asked, 1, __ATOMIC_RELAXED);
	if (!holds && __atomic_fetch_add(&verdict->wrong, 1, __ATOMIC_RELAXED) == 0)
		verdict->first = value;
}

void verdict_check(struct selftest *test, const struct verdict *verdict, const char *what)
{
	test_check(test, verdict->wrong == 0, what, verdict->first);
	test_check(test, verdict->asked != 0, "nothing was asked", 0);
}
