// SPDX-License-Identifier: MIT
/*
 * Console and firmware calls, in the reports.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>

#include "parts.h"

static void print_input(const struct boot_facts *facts)
{
	const char *why_not;
	u32 number;

	report_label("input");
	if (console_receives(&number, &why_not))
		print("by interrupt %u\n", number);
	else
		print("polled: %s\n", source_text(facts->efi.acpi, why_not).text);
}

void report_devices(const struct kernel *kernel)
{
	const struct boot_facts *facts = &kernel->handoff->facts;

	report_label("console");
	if (kernel->console.source == CONSOLE_NONE) {
		print("none\n");
	} else {
		print("%s at 0x%016lx (%s)\n",
		      serial_type_str((enum serial_type)kernel->console.kind.type),
		      kernel->console.address.value, console_source_str(kernel->console.source));
		print_input(facts);
	}
	report_label("PSCI");
	print("%s\n", psci_conduit_str(facts->psci));
}

void report_json_devices(const struct kernel *kernel, struct json *json)
{
	const struct boot_facts *facts = &kernel->handoff->facts;
	const char *why_not;
	u32 number;

	json_row(json, "console");
	json_string(json, "source", console_source_str(kernel->console.source));
	json_string(json, "type",
		    kernel->console.source == CONSOLE_NONE ?
			    "none" :
			    serial_type_str((enum serial_type)kernel->console.kind.type));
	json_hex(json, "pa", kernel->console.address.value);
	json_string(json, "input", console_receives(&number, &why_not) ? "interrupt" : "polled");
	json_close(json);
	json_string(json, "psci", psci_conduit_str(facts->psci));
}
