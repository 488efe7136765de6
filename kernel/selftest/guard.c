// SPDX-License-Identifier: MIT
/*
 * A self test that cannot take the others with it: a fault that it did not expect ends it, and so
 * does the timer.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/irq/timer.h>
#include <pagoda/kernel/selftest/selftest.h>

/* Of the counter; the longest test takes some tens of milliseconds on any core. */
#define SECONDS_MOST 10

struct guarded {
	struct selftest *test;
	selftest_function *run;
};

static void run_now(void *context)
{
	const struct guarded *guarded = context;

	guarded->run(guarded->test);
}

/* Who asks for a number of something, seconds say, knows how long that takes. */
static bool watch_begin(const struct selftest *test)
{
	if (test->request->has_count || interrupt_timer_init(test->kernel) != INTERRUPT_OK)
		return false;
	interrupt_timer_watch(SECONDS_MOST * counter_frequency());
	return true;
}

static void put_back(const struct kernel *kernel, const u64 registers[SYSREG_COUNT])
{
	lower_half_set(registers[SYSREG_TTBR0_EL1], registers[SYSREG_TCR_EL1]);
	memory_types_set(registers[SYSREG_MAIR_EL1]);
	system_control_set(registers[SYSREG_SCTLR_EL1]);
	if (kernel->handoff->plan.pan)
		pan_set(true);
}

void test_guarded(struct selftest *test, selftest_function *run)
{
	struct guarded guarded = { test, run };
	u64 registers[SYSREG_COUNT];
	struct fault fault = { 0 };
	bool watched, masked, caught;

	control_read(registers);
	watched = watch_begin(test);
	masked = watched && interrupts_mask(false);
	caught = fault_guard(run_now, &guarded, &fault);
	if (watched) {
		interrupts_mask(masked);
		interrupt_timer_watch(0);
	}
	if (!caught)
		return;
	put_back(test->kernel, registers);
	test->space = NULL;
	if (fault.esr == 0) {
		test_check(test, false, "stopped by the timer at", fault.elr);
		return;
	}
	test_check(test, false, "a fault that was not expected: ESR", fault.esr);
	test_check(test, false, "and ELR", fault.elr);
	test_check(test, false, "and FAR", fault.far);
}
