// SPDX-License-Identifier: MIT
/*
 * The command prompt: a line editor over the console.
 * Runs in the kernel, MMU on, and on the host. It is the boot CPU's last call; nothing else runs.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/handoff/stop.h>
#include <pagoda/kernel/prompt/line.h>
#include <pagoda/kernel/prompt/shell.h>
#include <pagoda/lib/string.h>

#define PROMPT "pagoda> "

/* Too large for the stack, and not in .bss, which the boot clears word by word. */
static struct line line __attribute__((section(".noinit")));

/* What there is to do while nothing is typed. */
static bool (*work)(void);

void shell_work(bool (*function)(void))
{
	work = function;
}

/* The commands of pagoda.run=, each echoed as if somebody had typed it. */
static void shell_run_commands(const struct kernel *kernel)
{
	const char *at = kernel->handoff->options.run;
	const char *end = at + strnlen(at, RUN_COMMANDS_MAX);

	while (at < end) {
		struct words command;

		while (at < end && (*at == ' ' || *at == '\t' || *at == ';'))
			at++;
		command = (struct words){ at, 0 };
		while (at < end && *at != ';')
			at++;
		command.length = (size_t)(at - command.text);
		while (command.length > 0 && command.text[command.length - 1] == ' ')
			command.length--;
		if (command.length == 0)
			continue;
		print(PROMPT);
		console_write_safe(command.text, command.length);
		print("\n");
		command_execute(kernel, command);
	}
}

/* What the editor wants printed. */
static void flush(void)
{
	console_write(line.output, line.output_length);
	line.output_length = 0;
}

static struct words before_cursor(void)
{
	return (struct words){ line.text, line.cursor };
}

/* How much all candidates have in common. */
static size_t common_length(struct words *first, size_t *typed, unsigned *count)
{
	struct words candidate;
	size_t common = 0;

	for (*count = 0; command_candidate(before_cursor(), *count, &candidate, typed);
	     (*count)++) {
		size_t same = 0;

		if (*count == 0) {
			*first = candidate;
			common = candidate.length;
		}
		while (same < common && same < candidate.length &&
		       candidate.text[same] == first->text[same])
			same++;
		common = same;
	}
	return common;
}

static void list_candidates(void)
{
	struct words candidate;
	size_t typed, column = 0;

	print("\n");
	for (unsigned i = 0; command_candidate(before_cursor(), i, &candidate, &typed); i++) {
		if (column + candidate.length + 2 >= LINE_COLUMNS) {
			print("\n");
			column = 0;
		}
		console_write(candidate.text, candidate.length);
		print("  ");
		column += candidate.length + 2;
	}
	print("\n");
}

/* Insert what can only follow; where nothing can, show what there is to choose from. */
static void complete(void)
{
	struct words first;
	size_t typed = 0, common;
	unsigned count;

	common = common_length(&first, &typed, &count);
	if (count == 0)
		return;
	if (count > 1 && common == typed) {
		list_candidates();
		line_show_again(&line);
		return;
	}
	line_insert(&line, first.text + typed, (u32)(common - typed));
	if (count == 1)
		line_insert(&line, " ", 1);
	line_show(&line);
}

/* A byte takes a millisecond at 9600 baud, and a finger longer than two. */
#define PASTES_A_SECOND 500

/* The next byte, if it follows faster than anybody types. */
static int read_pasted(void)
{
	u64 start = counter_read(), patience = counter_frequency() / PASTES_A_SECOND;
	int c;

	do
		c = console_read();
	while (c < 0 && counter_read() - start < patience);
	return c;
}

/* A tab that more input follows at once was not typed but pasted, and is a blank. */
static enum line_event take_byte(u8 byte)
{
	enum line_event event = line_input(&line, byte);

	while (event == LINE_TAB) {
		int next = read_pasted();

		if (next < 0) {
			complete();
			return LINE_NOTHING;
		}
		line_input(&line, ' ');
		flush();
		event = line_input(&line, (u8)next);
	}
	return event;
}

static enum line_event read_line(void)
{
	enum line_event event;

	line_begin(&line);
	do {
		flush();
		event = take_byte((u8)(work ? console_wait_working(work) : console_wait()));
	} while (event != LINE_ENTERED && event != LINE_CANCELLED);
	flush();
	return event;
}

void shell_run(const struct kernel *kernel)
{
	shell_run_commands(kernel);
	/* All is up that can be, and nobody can tell: that is for a debugger to find. */
	if (kernel->console.source == CONSOLE_NONE)
		cpu_halt(STOP_NO_CONSOLE, kernel->console_lost.address.value, kernel->console_fault,
			 0);
	console_receive_start(kernel);
	line_init(&line, PROMPT);
	for (;;) {
		if (read_line() == LINE_CANCELLED)
			continue;
		if (line.dropped > 0) {
			print("line too long: %u characters at most; %lu were dropped and nothing "
			      "was run\n",
			      LINE_TEXT_MAX, line.dropped);
			continue;
		}
		line_remember(&line);
		command_execute(kernel, (struct words){ line.text, line.length });
	}
}
