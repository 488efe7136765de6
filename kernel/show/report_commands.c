// SPDX-License-Identifier: MIT
/*
 * The commands that show the report, or a part of it.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/show/report.h>

COMMAND(20, report, "[json]", "what the CPU offers, what was decided, and why", "report json",
	"json");

static void command_report(const struct kernel *kernel, const struct arguments *arguments)
{
	if (argument_is(arguments, 0, "json"))
		report_json(kernel);
	else if (arguments->count == 0)
		report_text(kernel);
	else
		argument_refuse(arguments, 0, "is no form of the report; there is: json");
}

COMMAND(30, layout, "", "the regions of the kernel's address space", "layout", "");

static void command_layout(const struct kernel *kernel, const struct arguments *arguments)
{
	if (argument_count(arguments, 0, 0))
		report_layout(kernel);
}

COMMAND(50, overrides, "", "what became of the overrides on the command line", "overrides", "");

static void command_overrides(const struct kernel *kernel, const struct arguments *arguments)
{
	if (argument_count(arguments, 0, 0))
		report_overrides(kernel);
}
