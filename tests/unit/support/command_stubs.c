// SPDX-License-Identifier: MIT
/*
 * What the prompt needs of the interrupt controller, on the host: nothing comes of it. Weak: a test
 * that wants to see that one is called has its own.
 */
#include <pagoda/kernel/irq/interrupt.h>

bool __attribute__((weak)) interrupt_console(u32 *number, const char **why_not)
{
	*number = 33;
	*why_not = "ok";
	return true;
}

void __attribute__((weak)) interrupt_console_start(const struct kernel *kernel)
{
	(void)kernel;
}

void __attribute__((weak)) interrupt_sleep(void)
{
}
