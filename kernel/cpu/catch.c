// SPDX-License-Identifier: MIT
/*
 * Calls that a fault may end: who waits for one, and how to go on after it. The exception's handler
 * does the rest.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/cpu/cpu.h>

bool fault_catch(void (*function)(void *context), void *context, struct fault *fault)
{
	struct cpu *cpu = cpu_this();
	bool caught;

	cpu->expected.pan = cpu->kernel->handoff->plan.pan ? pan_get() : 0;
	cpu->expected.fault = fault;
	caught = catch_call(function, context, &cpu->expected.resume);
	cpu->expected.fault = NULL;
	return caught;
}
