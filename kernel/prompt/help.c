// SPDX-License-Identifier: MIT
/*
 * The commands about commands and about what they printed: help, more, log.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/prompt/command.h>

COMMAND(10, help, "[CMD]", "what commands there are, or how one is used", "help ptdump", "*");

static void list_all(void)
{
	for (const struct command *row = commands_next(NULL); row; row = commands_next(row))
		print("  %-10s %s\n", row_text(&row->name), row_text(&row->help));
	print("help CMD shows usage and an example. Ctrl-C ends a long output.\n");
}

static void explain(const struct command *row)
{
	print("usage:   %s %s\n", row_text(&row->name), row_text(&row->usage));
	print("         %s\n", row_text(&row->help));
	print("example: %s\n", row_text(&row->example));
}

static void command_help(const struct kernel *kernel, const struct arguments *arguments)
{
	(void)kernel;
	if (arguments->count == 0)
		list_all();
	for (unsigned i = 0; i < arguments->count; i++) {
		const struct command *row = commands_find(arguments->word[i]);

		if (row)
			explain(row);
		else
			commands_unknown(arguments->word[i]);
	}
}

COMMAND(200, log, "", "what was printed before, as far as it is remembered", "more log", "");

static void command_log(const struct kernel *kernel, const struct arguments *arguments)
{
	(void)kernel;
	if (argument_count(arguments, 0, 0))
		console_show_log();
}

COMMAND(210, more, "CMD", "run a command, and wait for a key after each page", "more ptdump", "*");

/* command_execute() has taken it off the line. */
static void command_more(const struct kernel *kernel, const struct arguments *arguments)
{
	(void)kernel;
	(void)arguments;
}
