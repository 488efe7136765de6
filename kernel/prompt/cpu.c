// SPDX-License-Identifier: MIT
/*
 * The commands that turn CPUs off and on, and put this one to sleep.
 * Runs in the kernel, MMU on, on the boot CPU, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/dev/psci.h>
#include <pagoda/kernel/irq/timer.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/smp/smp.h>

#define SUSPEND_SECONDS_MAX 3600

static void turn_off(const struct kernel *kernel, u32 number)
{
	s64 answer;

	if (smp_cpu_off(kernel, number, &answer))
		print("CPU %u is off\n", number);
	else
		print("CPU %u is not off: firmware's answer to CPU_OFF is %ld\n", number, answer);
}

static void turn_on(const struct kernel *kernel, u32 number)
{
	char reason[SMP_REASON_MAX];

	smp_cpu_on(kernel, number);
	if (kernel->smp->cpu[number].state == CPU_STATE_RUNNING) {
		print("CPU %u is running\n", number);
		return;
	}
	smp_reason(&kernel->smp->cpu[number], reason, sizeof(reason));
	print("CPU %u is %s: %s\n", number, cpu_state_str(kernel->smp->cpu[number].state), reason);
}

/* The timer ends it, and so does a key; whichever interrupt it is stays pending, and is taken. */
static s64 sleep_for(const struct kernel *kernel, u64 ticks)
{
	s64 answer;

	interrupt_timer_start(ticks);
	interrupts_mask(true);
	answer = psci_cpu_suspend(kernel->handoff->facts.psci);
	interrupts_take();
	interrupt_timer_stop();
	return answer;
}

COMMAND(48, suspend, "[SECONDS]", "sleep, by PSCI, until a key or the time comes", "suspend 2", "");

static void command_suspend(const struct kernel *kernel, const struct arguments *arguments)
{
	enum interrupt_result result = interrupt_timer_init(kernel);
	u64 seconds = 1, start = counter_read();
	s64 answer;

	if (!argument_count(arguments, 0, 1) ||
	    (arguments->count == 1 && !argument_number(arguments, 0, &seconds)))
		return;
	if (seconds == 0 || seconds > SUSPEND_SECONDS_MAX) {
		argument_refuse(arguments, 0, "is not 1 to 3600 seconds");
		return;
	}
	if (result != INTERRUPT_OK) {
		print("suspend: nothing would end it: %s\n", interrupt_result_str(result));
		return;
	}
	answer = sleep_for(kernel, seconds * counter_frequency());
	if (answer != 0)
		print("suspend: firmware's answer to CPU_SUSPEND is %ld\n", answer);
	else
		print("slept for %lu ms\n", (counter_read() - start) * 1000 / counter_frequency());
}

COMMAND(47, cpu, "off|on CPU", "turn another CPU off, or on again", "cpu off 1", "off on");

static void command_cpu(const struct kernel *kernel, const struct arguments *arguments)
{
	const struct smp *smp = kernel->smp;
	bool off = argument_is(arguments, 0, "off");
	u64 number;

	if (!argument_count(arguments, 2, 2))
		return;
	if (!off && !argument_is(arguments, 0, "on")) {
		argument_refuse(arguments, 0, "is neither off nor on");
		return;
	}
	if (!argument_number(arguments, 1, &number))
		return;
	if (number >= smp->count)
		argument_refuse(arguments, 1, "is no CPU; cpus lists them");
	else if (number == 0)
		argument_refuse(arguments, 1, "boots, and has the console");
	else if (off != (smp->cpu[number].state == CPU_STATE_RUNNING))
		argument_refuse(arguments, 1, off ? "does not run" : "runs");
	else if (off)
		turn_off(kernel, (u32)number);
	else
		turn_on(kernel, (u32)number);
}
