// SPDX-License-Identifier: MIT
/*
 * Console and firmware calls, in the reports.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>

#include "parts.h"

static const char *type_str(const struct kernel *kernel)
{
	if (kernel->console.source == CONSOLE_NONE || kernel->fallback != FALLBACK_NONE)
		return fallback_type_str(kernel->fallback);
	return serial_type_str((enum serial_type)kernel->console.kind.type);
}

static bool is_for_output(const struct kernel *kernel)
{
	return kernel->fallback != FALLBACK_NONE || serial_is_for_output(kernel->console.kind);
}

static void print_input(const struct kernel *kernel)
{
	const char *why_not;
	u32 number;

	report_label("input");
	if (is_for_output(kernel))
		print("none: this console is for output only\n");
	else if (console_receives(&number, &why_not))
		print("by interrupt %u\n", number);
	else
		print("polled: %s\n", source_text(kernel->handoff->facts.efi.acpi, why_not).text);
}

void report_devices(const struct kernel *kernel)
{
	const struct boot_facts *facts = &kernel->handoff->facts;

	report_label("console");
	if (kernel->console.source == CONSOLE_NONE) {
		print("none\n");
	} else if (kernel->console.address.value == 0) {
		print("%s (%s)\n", type_str(kernel), console_source_str(kernel->console.source));
		print_input(kernel);
	} else {
		print("%s at 0x%016lx (%s)\n", type_str(kernel), kernel->console.address.value,
		      console_source_str(kernel->console.source));
		print_input(kernel);
	}
	report_label("PSCI");
	print("%s\n", psci_conduit_str(facts->psci));
}

static const char *input_str(const struct kernel *kernel)
{
	const char *why_not;
	u32 number;

	if (is_for_output(kernel))
		return "none";
	return console_receives(&number, &why_not) ? "interrupt" : "polled";
}

void report_json_devices(const struct kernel *kernel, struct json *json)
{
	const struct boot_facts *facts = &kernel->handoff->facts;

	json_row(json, "console");
	json_string(json, "source", console_source_str(kernel->console.source));
	json_string(json, "type", type_str(kernel));
	json_hex(json, "pa", kernel->console.address.value);
	json_string(json, "input", input_str(kernel));
	json_close(json);
	json_string(json, "psci", psci_conduit_str(facts->psci));
}
