// SPDX-License-Identifier: MIT
/*
 * The commands that end it all: poweroff, reboot.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/dev/psci.h>
#include <pagoda/kernel/prompt/command.h>

/* Why the machine is still there. */
static void say_why(const struct boot_facts *facts, const char *command)
{
	const char *why = "the firmware refused";

	if (facts->psci == PSCI_NONE)
		why = "the FDT names no PSCI";
	else if (facts->psci == PSCI_OLD)
		why = "PSCI 0.1 has no call for it";
	print("%s: %s\n", command, source_text(facts->efi.acpi, why).text);
}

COMMAND(220, poweroff, "", "turn the machine off", "poweroff", "");

static void command_poweroff(const struct kernel *kernel, const struct arguments *arguments)
{
	if (!argument_count(arguments, 0, 0))
		return;
	psci_poweroff(kernel->handoff->facts.psci);
	say_why(&kernel->handoff->facts, arguments->command);
}

COMMAND(230, reboot, "", "start the machine again", "reboot", "");

static void command_reboot(const struct kernel *kernel, const struct arguments *arguments)
{
	if (!argument_count(arguments, 0, 0))
		return;
	psci_reboot(kernel->handoff->facts.psci);
	say_why(&kernel->handoff->facts, arguments->command);
}
