// SPDX-License-Identifier: MIT
/*
 * The commands that only a machine can run, for the table of commands on the host: they do nothing.
 * Weak: a test that wants to see that one is called has its own.
 */
#include <pagoda/kernel/start/alloc.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/start/memory.h>

#define STUB(name)                                                   \
	void __attribute__((weak)) name(const struct kernel *kernel) \
	{                                                            \
		(void)kernel;                                        \
	}

STUB(change_test)
STUB(alloc_show_buddy)
STUB(alloc_test_buddy)
STUB(alloc_show_vmalloc)
STUB(alloc_test_vmalloc)

void __attribute__((weak)) alloc_test_areas(const struct kernel *kernel, u64 count)
{
	(void)kernel;
	(void)count;
}

void __attribute__((weak)) change_test_random(const struct kernel *kernel, u64 steps, u64 seed)
{
	(void)kernel;
	(void)steps;
	(void)seed;
}

void __attribute__((weak))
command_fault(const struct kernel *kernel, const struct arguments *arguments)
{
	(void)kernel;
	(void)arguments;
}

void __attribute__((weak))
command_selftest(const struct kernel *kernel, const struct arguments *arguments)
{
	(void)kernel;
	(void)arguments;
}
