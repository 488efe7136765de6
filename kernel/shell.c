// SPDX-License-Identifier: MIT
/*
 * The command prompt: a line editor over a polled console, and a table of commands.
 * Runs in the kernel, MMU on, after relocation (the table holds pointers), and on the host. It is
 * the boot CPU's last call; nothing else runs, so waiting for a key is a loop.
 */
#include <pagoda/alloc.h>
#include <pagoda/console.h>
#include <pagoda/dump.h>
#include <pagoda/memory.h>
#include <pagoda/psci.h>
#include <pagoda/report.h>
#include <pagoda/shell.h>
#include <pagoda/string.h>
#include <pagoda/text.h>
#include <pagoda/timeline.h>

#define PROMPT "pagoda> "

/* As much of a mistyped command as its error message repeats. */
#define QUOTE_MAX 40

/* A line as a command sees it: no NUL needed at its end. */
struct words {
	const char *text;
	size_t length;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct words words_trim(struct words words)
{
	while (words.length > 0 && is_blank(words.text[0])) {
		words.text++;
		words.length--;
	}
	while (words.length > 0 && is_blank(words.text[words.length - 1]))
		words.length--;
	return words;
}

/*
 * Whether @words begin with the words of @command, each followed by a blank or the end, with any
 * number of blanks between them; then @rest is what follows.
 */
static bool words_match(struct words words, const char *command, struct words *rest)
{
	while (*command) {
		if (words.length == 0 || words.text[0] != *command)
			return false;
		command++;
		words.text++;
		words.length--;
		if (*command == ' ' && words.length > 0 && is_blank(words.text[0])) {
			words = words_trim(words);
			command++;
		}
	}
	if (words.length > 0 && !is_blank(words.text[0]))
		return false;
	*rest = words_trim(words);
	return true;
}

static void command_poweroff(const struct kernel *kernel)
{
	enum psci_conduit conduit = kernel->handoff->facts.psci;

	psci_poweroff(conduit);
	print("poweroff: %s\n",
	      conduit == PSCI_NONE ? "the FDT names no PSCI" : "the firmware refused");
}

static void command_reboot(const struct kernel *kernel)
{
	enum psci_conduit conduit = kernel->handoff->facts.psci;

	psci_reboot(conduit);
	print("reboot: %s\n",
	      conduit == PSCI_NONE ? "the FDT names no PSCI" : "the firmware refused");
}

static void command_help(const struct kernel *kernel);

/*
 * In the order in which help lists them. walk has an argument, and is command_walk()'s. Text in
 * place and not by pointer: each pointer would cost the early runtime a relocation.
 */
static const struct {
	char name[16], help[72];
	void (*run)(const struct kernel *kernel);
} commands[] = {
	{ "help", "this list", command_help },
	{ "report", "what the CPU offers, what was decided, and why", report_text },
	{ "report json", "the same as one JSON document", report_json },
	{ "timeline", "what the boot spent its time on, stage by stage", timeline_text },
	{ "overrides", "what became of the overrides on the command line", report_overrides },
	{ "layout", "the virtual address space by region", report_layout },
	{ "memory", "physical memory: what is where, and where it is mapped", report_memory },
	{ "memory test", "write and read both ends of each piece of RAM", memory_test },
	{ "change test", "map, protect, split, merge, unmap; another root and back", change_test },
	{ "ptdump", "the kernel's page tables", dump_kernel },
	{ "ptdump idmap", "the identity map's page tables", dump_idmap },
	{ "ptdump json", "report and page tables as one JSON document", dump_json },
	{ "buddy", "the page allocator: what it has, and its free lists", alloc_show_buddy },
	{ "buddy test", "have it refuse what it must", alloc_test_buddy },
	{ "vmalloc", "what is mapped in the vmalloc region", alloc_show_vmalloc },
	{ "vmalloc test", "map, use and unmap some, in every way", alloc_test_vmalloc },
	{ "poweroff", "turn the machine off", command_poweroff },
	{ "reboot", "start the machine again", command_reboot },
};

static void command_help(const struct kernel *kernel)
{
	(void)kernel;
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		print("  %-14s %s\n", commands[i].name, commands[i].help);
	print("  %-14s %s\n", "walk ADDR", "how a virtual address translates, level by level");
}

/* What was typed, as an error message repeats it. */
static void print_quoted(struct words words)
{
	print("'");
	console_write_safe(words.text, min_u64(words.length, QUOTE_MAX));
	print(words.length > QUOTE_MAX ? "...'" : "'");
}

static void command_walk(const struct kernel *kernel, struct words address)
{
	u64 va;

	if (address.length == 0) {
		print("walk: needs an address, like walk 0x%016lx\n",
		      kernel->handoff->plan.image_va.value);
	} else if (!text_number(address.text, address.length, &va)) {
		print("walk: ");
		print_quoted(address);
		print(" is not an address: hexadecimal after 0x, or decimal, 64 bits at most\n");
	} else {
		dump_walk(kernel, vaddr(va));
	}
}

static void shell_execute(const struct kernel *kernel, struct words line)
{
	struct words rest;

	line = words_trim(line);
	if (line.length == 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		if (words_match(line, commands[i].name, &rest) && rest.length == 0) {
			commands[i].run(kernel);
			return;
		}
	}
	if (words_match(line, "walk", &rest)) {
		command_walk(kernel, rest);
		return;
	}
	print("unknown command ");
	print_quoted(line);
	print("; help lists those there are\n");
}

/* The commands of pagoda.run=, each echoed as if somebody had typed it. */
static void shell_run_commands(const struct kernel *kernel)
{
	struct words rest = { kernel->handoff->options.run, 0 };

	rest.length = strnlen(rest.text, RUN_COMMANDS_MAX);
	while (rest.length > 0) {
		struct words command = { rest.text, 0 };

		while (command.length < rest.length && rest.text[command.length] != ';')
			command.length++;
		rest.text += command.length;
		rest.length -= command.length;
		if (rest.length > 0) { /* the semicolon */
			rest.text++;
			rest.length--;
		}
		command = words_trim(command);
		if (command.length == 0)
			continue;
		print(PROMPT);
		console_write_safe(command.text, command.length);
		print("\n");
		shell_execute(kernel, command);
	}
}

/* A line as it is typed. */
struct editor {
	char text[SHELL_LINE_MAX];
	size_t length;
	bool overflow; /* more was typed than fits */
	bool after_cr; /* the next LF belongs to the CR before it */
};

static void editor_erase(struct editor *editor)
{
	if (editor->length == 0)
		return;
	editor->length--;
	print("\b \b");
}

static void editor_insert(struct editor *editor, char c)
{
	if (editor->length == SHELL_LINE_MAX) {
		editor->overflow = true;
		return;
	}
	editor->text[editor->length++] = c;
	console_write(&c, 1);
}

/* Take what was typed. True where @c ends the line. */
static bool editor_type(struct editor *editor, char c)
{
	bool after_cr = editor->after_cr;

	editor->after_cr = c == '\r';
	switch (c) {
	case '\n':
		return !after_cr;
	case '\r':
		return true;
	case '\b':
	case 0x7f: /* what most terminals send for the backspace key */
		editor_erase(editor);
		break;
	case 'U' - '@': /* Ctrl-U */
		while (editor->length > 0)
			editor_erase(editor);
		editor->overflow = false;
		break;
	case '\t':
		editor_insert(editor, ' ');
		break;
	default:
		if (c >= ' ' && c <= '~')
			editor_insert(editor, c);
		break;
	}
	return false;
}

static void editor_read_line(struct editor *editor)
{
	bool ended = false;

	editor->length = 0;
	editor->overflow = false;
	while (!ended) {
		int c = console_read();

		if (c >= 0)
			ended = editor_type(editor, (char)c);
	}
	print("\n");
}

void shell_run(const struct kernel *kernel)
{
	struct editor editor = { .length = 0 };

	shell_run_commands(kernel);
	for (;;) {
		print(PROMPT);
		editor_read_line(&editor);
		if (editor.overflow)
			print("line too long: %u characters at most; nothing was run\n",
			      SHELL_LINE_MAX);
		else
			shell_execute(kernel, (struct words){ editor.text, editor.length });
	}
}
