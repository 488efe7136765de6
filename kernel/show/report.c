// SPDX-License-Identifier: MIT
/*
 * The report: its parts in their order, as text and as JSON. docs/report.schema.json is the promise
 * that the second makes; every key added to a part is added there.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>

#include "parts.h"

void report_label(const char *name)
{
	print("  %-12s ", name);
}

static void report_time(const struct kernel *kernel)
{
	const u64 *timeline = kernel->handoff->timeline;

	report_label("boot time");
	print("%lu ticks of %lu Hz from entry to kernel_main\n",
	      timeline[STAGE_KERNEL_MAIN] - timeline[STAGE_ENTRY], counter_frequency());
}

/* Stages that the boot has not come to yet have no time, and are left out. */
static void json_time(struct json *json, const struct kernel *kernel)
{
	const u64 *timeline = kernel->handoff->timeline;

	json_number(json, "counter_hz", counter_frequency());
	json_array(json, "timeline");
	for (unsigned i = STAGE_ENTRY; i < STAGE_COUNT; i++) {
		if (i != STAGE_ENTRY && timeline[i] == 0)
			continue;
		json_row(json, NULL);
		json_string(json, "stage", boot_stage_str(i));
		json_number(json, "ticks", timeline[i] - timeline[STAGE_ENTRY]);
		json_close(json);
	}
	json_close(json);
}

/* In the order in which a boot decides. */
void report_text(const struct kernel *kernel)
{
	struct report_audit audit = report_audit(kernel);

	print("Pagoda %s\n", PAGODA_VERSION);
	report_cpu(kernel);
	report_entry(kernel);
	report_features(kernel);
	report_cpus(kernel);
	report_command_line(kernel);
	report_overrides(kernel);
	report_decision(kernel);
	report_image(kernel);
	report_layout(kernel);
	report_memory(kernel);
	report_devices(kernel);
	report_efi(kernel);
	report_hyp(kernel);
	report_tables(kernel, &audit);
	report_time(kernel);
	report_warnings(kernel, &audit);
}

static bool override_failed(const struct boot_options *options)
{
	bool failed = options->records_dropped != 0;

	for (u32 i = 0; i < options->record_count; i++)
		failed |= options->record[i].status != OVERRIDE_APPLIED;
	return failed;
}

void report_boot(const struct kernel *kernel)
{
	const struct boot_options *options = &kernel->handoff->options;
	struct report_audit audit;

	if (!options->quiet) {
		report_text(kernel);
		return;
	}
	print("Pagoda %s\n", PAGODA_VERSION);
	if (override_failed(options))
		report_overrides(kernel);
	audit = report_audit(kernel);
	report_warnings(kernel, &audit);
}

void report_json_members(const struct kernel *kernel, struct json *json, const char *document)
{
	struct report_audit audit = report_audit(kernel);

	json_string(json, "pagoda", PAGODA_VERSION);
	json_string(json, "document", document);
	report_json_cpu(kernel, json);
	report_json_cpus(kernel, json);
	report_json_image(kernel, json);
	report_json_decision(kernel, json);
	report_json_options(kernel, json);
	report_json_memory(kernel, json);
	report_json_devices(kernel, json);
	report_json_efi(kernel, json);
	report_json_hyp(kernel, json);
	report_json_tables(kernel, &audit, json);
	json_time(json, kernel);
	report_json_warnings(kernel, &audit, json);
}

void report_json(const struct kernel *kernel)
{
	struct json json;

	json_begin(&json, console_write);
	report_json_members(kernel, &json, "report");
	json_end(&json);
}
