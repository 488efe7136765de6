// SPDX-License-Identifier: MIT
/*
 * Calls that a fault may end: who waits for one, and how to go on after it. The exception's handler
 * does the rest.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/cpu/cpu.h>

static void expect(struct fault *fault, struct expected *outer)
{
	struct cpu *cpu = cpu_this();

	*outer = cpu->expected;
	cpu->expected = (struct expected){ .fault = fault,
					   .pan = cpu->kernel->handoff->plan.pan ? pan_get() : 0,
					   .outer = outer->fault ? outer : NULL };
}

bool fault_catch(void (*function)(void *context), void *context, struct fault *fault)
{
	struct cpu *cpu = cpu_this();
	struct expected outer;
	bool caught;

	expect(fault, &outer);
	caught = catch_call(function, context, &cpu->expected.resume);
	cpu->expected = outer;
	return caught;
}

bool fault_guard(void (*function)(void *context), void *context, struct fault *fault)
{
	struct cpu *cpu = cpu_this();
	struct expected outer;
	bool caught;

	expect(fault, &outer);
	caught = guard_call(function, context, &cpu->expected.resume);
	cpu->expected = outer;
	return caught;
}
