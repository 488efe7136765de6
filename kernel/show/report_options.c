// SPDX-License-Identifier: MIT
/*
 * The command line, in the reports, and what became of each override on it.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/lib/string.h>

#include "parts.h"

static const char *command_line(const struct kernel *kernel)
{
	return facts_command_line(&kernel->handoff->facts, kernel->kernel_space.phys_offset);
}

void report_command_line(const struct kernel *kernel)
{
	const struct boot_facts *facts = &kernel->handoff->facts;

	report_label("command line");
	if (facts->command_line_length == 0)
		print("empty");
	console_write_safe(command_line(kernel), facts->command_line_length);
	print("\n");
}

static void report_override(const struct override_record *record)
{
	const char *reason = override_reason_str(record->reason);

	print("%-9s  ", override_status_str(record->status));
	console_write_safe(record->option, strlen(record->option));
	if (strcmp(record->option, record->field) != 0) {
		print(" -> ");
		console_write_safe(record->field, strlen(record->field));
	}
	if (record->value[0]) {
		print("=");
		console_write_safe(record->value, strlen(record->value));
	}
	print("%s%s\n", *reason ? ": " : "", reason);
}

void report_overrides(const struct kernel *kernel)
{
	const struct boot_options *options = &kernel->handoff->options;

	report_label("overrides");
	if (options->record_count == 0)
		print("none\n");
	for (u32 i = 0; i < options->record_count; i++) {
		if (i != 0)
			report_label("");
		report_override(&options->record[i]);
	}
	if (options->records_dropped != 0) {
		report_label("");
		print("and %u more, for which there was no room\n", options->records_dropped);
	}
}

void report_json_options(const struct kernel *kernel, struct json *json)
{
	const struct boot_options *options = &kernel->handoff->options;

	json_string(json, "command_line", command_line(kernel));
	json_array(json, "overrides");
	for (u32 i = 0; i < options->record_count; i++) {
		const struct override_record *record = &options->record[i];

		json_row(json, NULL);
		json_string(json, "option", record->option);
		json_string(json, "field", record->field);
		json_string(json, "value", record->value);
		json_string(json, "status", override_status_str(record->status));
		json_string(json, "reason", override_reason_str(record->reason));
		json_close(json);
	}
	json_close(json);
}
