// SPDX-License-Identifier: MIT
/*
 * The end of a kernel that cannot go on, as panic= says; and of a boot that cannot, MMU on or not.
 * Runs in the kernel, MMU on, in exception handlers too.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/dev/psci.h>
#include <pagoda/kernel/handoff/stop.h>
#include <pagoda/kernel/prompt/arguments.h>
#include <pagoda/kernel/trap/exception.h>
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>

void panic_stop(const struct kernel *kernel)
{
	switch (kernel->handoff->options.panic) {
	case PANIC_REBOOT:
		psci_reboot(kernel->handoff->facts.psci);
		break;
	case PANIC_POWEROFF:
		psci_poweroff(kernel->handoff->facts.psci);
		break;
	case PANIC_HALT:
		break;
	}
	print("pagoda: stopped\n");
	console_receive_by_interrupt(false); /* or a key would wake the CPU for ever */
	cpu_halt(STOP_NONE, 0, 0, 0);
}

/* The last word counts, as with all others. */
u64 panic_print(const struct kernel *kernel)
{
	static const char name[] = "panic_print=";
	const size_t length = sizeof(name) - 1;
	const char *text =
		facts_command_line(&kernel->handoff->facts, kernel->kernel_space.phys_offset);
	struct words line = { text, strlen(text) }, word;
	u64 bits = 0, number;

	while ((word = word_take(&line)).length > 0)
		if (word.length > length && memcmp(word.text, name, length) == 0 &&
		    text_number(word.text + length, word.length - length, &number))
			bits = number;
	return bits;
}

void cannot_boot(const struct stop *stop)
{
	char reason[STOP_TEXT_MAX];

	stop_describe(stop, reason, sizeof(reason));
	print("pagoda: cannot boot: %s\n", reason);
	cpu_halt(stop->code, stop->x1, stop->x2, stop->x3);
}
