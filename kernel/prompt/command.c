// SPDX-License-Identifier: MIT
/*
 * The commands of the console: the table, help and completion from it, and the way from a line to
 * the code that runs it.
 * Runs in the kernel, MMU on, after relocation, and on the host. The table holds characters, not
 * pointers: each of those would be a relocation, and cost the boot.
 */
#include <pagoda/kernel/start/alloc.h>
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/dump.h>
#include <pagoda/kernel/start/memory.h>
#include <pagoda/kernel/dev/psci.h>
#include <pagoda/kernel/show/report.h>
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>
#include <pagoda/kernel/show/timeline.h>

/* As much of a mistyped command as its error message repeats. */
#define QUOTE_MAX 40
#define CHANGE_STEPS 3000 /* unless a number is given */
#define PAGE_ROWS 23 /* of 24, with the question below them */

enum command {
	COMMAND_HELP,
	COMMAND_REPORT,
	COMMAND_LAYOUT,
	COMMAND_FEATURES,
	COMMAND_OVERRIDES,
	COMMAND_REGISTERS,
	COMMAND_MEMORY,
	COMMAND_BUDDY,
	COMMAND_VMALLOC,
	COMMAND_CHANGE,
	COMMAND_PTDUMP,
	COMMAND_WALK,
	COMMAND_AT,
	COMMAND_FIND,
	COMMAND_TIMELINE,
	COMMAND_READ,
	COMMAND_WRITE,
	COMMAND_FAULT,
	COMMAND_SELFTEST,
	COMMAND_LOG,
	COMMAND_MORE,
	COMMAND_POWEROFF,
	COMMAND_REBOOT,
	COMMAND_COUNT,
};

/* @words: the arguments that completion knows, between blanks; "*" for the names of commands. */
static const struct {
	char name[12];
	char arguments[80];
	char help[88];
	char example[48];
	char words[104];
} commands[COMMAND_COUNT] = {
	[COMMAND_HELP] = { "help", "[CMD]", "what commands there are, or how one is used",
			   "help ptdump", "*" },
	[COMMAND_REPORT] = { "report", "[json]", "what the CPU offers, what was decided, and why",
			     "report json", "json" },
	[COMMAND_LAYOUT] = { "layout", "", "the regions of the kernel's address space", "layout",
			     "" },
	[COMMAND_FEATURES] = { "features", "",
			       "every field of the ID registers, before and after overrides",
			       "more features", "" },
	[COMMAND_OVERRIDES] = { "overrides", "", "what became of the overrides on the command line",
				"overrides", "" },
	[COMMAND_REGISTERS] = { "registers", "", "the control registers, field by field",
				"registers", "" },
	[COMMAND_MEMORY] = { "memory", "[test]",
			     "physical memory: what is where; or write and read its ends",
			     "memory test", "test" },
	[COMMAND_BUDDY] = { "buddy", "[test]",
			    "the page allocator's free lists; or have it refuse what it must",
			    "buddy test", "test" },
	[COMMAND_VMALLOC] = { "vmalloc", "[test [AREAS]]",
			      "what is mapped in the vmalloc region; or map, use and unmap some",
			      "vmalloc test", "test" },
	[COMMAND_CHANGE] = { "change", "test [STEPS [SEED]]",
			     "live mappings: protect, split, merge, unmap; random steps; another "
			     "root",
			     "change test 100000 0x1234", "test" },
	[COMMAND_PTDUMP] = { "ptdump",
			     "[kernel|idmap] [REGION|START-END] [--level N] [--wx] [--perm rwx] "
			     "[--json]",
			     "the page tables", "ptdump kernel vmalloc --perm rx",
			     "kernel idmap linear modules vmalloc vmemmap pci_io fixmap image json "
			     "--level --wx --perm --json" },
	[COMMAND_WALK] = { "walk", "ADDR",
			   "how a virtual address translates, level by level, and the CPU's word",
			   "walk 0xffff800080000000", "" },
	[COMMAND_AT] = { "at", "ADDR", "what the CPU itself translates an address to (AT, PAR_EL1)",
			 "at 0xffff800080000000", "" },
	[COMMAND_FIND] = { "find", "PA", "every virtual address that maps a physical one",
			   "find 0x9000000", "" },
	[COMMAND_TIMELINE] = { "timeline", "", "how long each stage of the boot took", "timeline",
			       "" },
	[COMMAND_READ] = { "read", "ADDR [BYTES]", "memory, if it is mapped",
			   "read 0xffff800080000000 64", "" },
	[COMMAND_WRITE] = { "write", "ADDR VALUE [BYTES]",
			    "store a value of 1, 2, 4 or 8 bytes, if the address is writable",
			    "write 0xffff800080050000 0x1234 8", "" },
	[COMMAND_FAULT] = { "fault", "read|write|exec ADDR | exec data | stack | recursion",
			    "make the kernel fault, and end as panic= says",
			    "fault read 0xfff0000000000000",
			    "read write exec data stack recursion" },
	[COMMAND_SELFTEST] = { "selftest", "NAME|SUBJECT|all [SEED] | list",
			       "check the map against the CPU, and report as KTAP", "selftest walk",
			       "all list walk audit permission descriptor illegal execute user tlb "
			       "change" },
	[COMMAND_LOG] = { "log", "", "what was printed before, as far as it is remembered",
			  "more log", "" },
	[COMMAND_MORE] = { "more", "CMD", "run a command, and wait for a key after each page",
			   "more ptdump", "*" },
	[COMMAND_POWEROFF] = { "poweroff", "", "turn the machine off", "poweroff", "" },
	[COMMAND_REBOOT] = { "reboot", "", "start the machine again", "reboot", "" },
};

/* What may follow an option, for completion. */
static const struct {
	char name[8];
	char values[16];
} options[] = { { "--level", "-1 0 1 2 3" }, { "--perm", "r rw rx rwx" } };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Take the first word off @line; an empty one where there is none. */
static struct words word_take(struct words *line)
{
	struct words word;

	while (line->length > 0 && is_blank(line->text[0])) {
		line->text++;
		line->length--;
	}
	word = (struct words){ line->text, 0 };
	while (line->length > 0 && !is_blank(line->text[0])) {
		line->text++;
		line->length--;
		word.length++;
	}
	return word;
}

static bool words_equal(struct words words, const char *text)
{
	return text_equal(words.text, words.length, text);
}

/* COMMAND_COUNT where there is none of that name. */
static enum command command_find_name(struct words name)
{
	for (unsigned i = 0; i < COMMAND_COUNT; i++)
		if (words_equal(name, commands[i].name))
			return (enum command)i;
	return COMMAND_COUNT;
}

void print_quoted(struct words words)
{
	print("'");
	console_write_safe(words.text, min_u64(words.length, QUOTE_MAX));
	print(words.length > QUOTE_MAX ? "...'" : "'");
}

static void print_usage(const struct arguments *arguments)
{
	print("; usage: %s %s\n", arguments->command, arguments->usage);
}

bool argument_refuse(const struct arguments *arguments, unsigned index, const char *reason)
{
	print("%s: ", arguments->command);
	print_quoted(arguments->word[index]);
	print(" %s\n", reason);
	return false;
}

bool argument_count(const struct arguments *arguments, unsigned least, unsigned most)
{
	if (arguments->count >= least && arguments->count <= most)
		return true;
	print("%s: ", arguments->command);
	if (arguments->count < least) {
		print("an argument is missing");
	} else {
		print_quoted(arguments->word[most]);
		print(most == 0 ? ": it takes no argument" : " is one argument too many");
	}
	print_usage(arguments);
	return false;
}

bool argument_number(const struct arguments *arguments, unsigned index, u64 *number)
{
	struct words word = arguments->word[index];

	if (text_number(word.text, word.length, number))
		return true;
	return argument_refuse(arguments, index,
			       "is not a number: hexadecimal after 0x, or decimal, 64 bits at "
			       "most");
}

bool argument_is(const struct arguments *arguments, unsigned index, const char *word)
{
	return index < arguments->count && words_equal(arguments->word[index], word);
}

static void unknown_command(struct words name)
{
	print("unknown command ");
	print_quoted(name);
	print("; help lists those there are\n");
}

static void help_of(enum command command)
{
	print("usage:   %s %s\n", commands[command].name, commands[command].arguments);
	print("         %s\n", commands[command].help);
	print("example: %s\n", commands[command].example);
}

static void command_help(const struct arguments *arguments)
{
	if (arguments->count == 0) {
		for (unsigned i = 0; i < COMMAND_COUNT; i++)
			print("  %-10s %s\n", commands[i].name, commands[i].help);
		print("help CMD shows usage and an example. Ctrl-C ends a long output.\n");
		return;
	}
	for (unsigned i = 0; i < arguments->count; i++) {
		enum command command = command_find_name(arguments->word[i]);

		if (command == COMMAND_COUNT)
			unknown_command(arguments->word[i]);
		else
			help_of(command);
	}
}

static void command_report(const struct kernel *kernel, const struct arguments *arguments)
{
	if (argument_is(arguments, 0, "json"))
		report_json(kernel);
	else if (arguments->count == 0)
		report_text(kernel);
	else
		argument_refuse(arguments, 0, "is no form of the report; there is: json");
}

/* Those that show something, or test it. */
static void command_memory(const struct kernel *kernel, enum command command,
			   const struct arguments *arguments)
{
	bool test = argument_is(arguments, 0, "test");

	if (!test && arguments->count > 0)
		argument_refuse(arguments, 0, "is unknown here; there is: test");
	else if (!argument_count(arguments, 0, 1))
		return;
	else if (command == COMMAND_MEMORY)
		test ? memory_test(kernel) : report_memory(kernel);
	else if (command == COMMAND_BUDDY)
		test ? alloc_test_buddy(kernel) : alloc_show_buddy(kernel);
	else
		test ? alloc_test_vmalloc(kernel) : alloc_show_vmalloc(kernel);
}

static void command_vmalloc(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 count;

	if (arguments->count < 2 || !argument_is(arguments, 0, "test"))
		command_memory(kernel, COMMAND_VMALLOC, arguments);
	else if (argument_count(arguments, 2, 2) && argument_number(arguments, 1, &count))
		alloc_test_areas(kernel, count);
}

static void command_change(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 steps = CHANGE_STEPS, seed = counter_read();

	if (!argument_count(arguments, 1, 3) ||
	    (arguments->count > 1 && !argument_number(arguments, 1, &steps)) ||
	    (arguments->count > 2 && !argument_number(arguments, 2, &seed)))
		return;
	if (argument_is(arguments, 0, "test")) {
		change_test(kernel);
		change_test_random(kernel, steps, seed);
	} else {
		argument_refuse(arguments, 0, "is unknown here; there is: test");
	}
}

static void power_refused(const struct kernel *kernel, const char *name)
{
	print("%s: %s\n", name,
	      kernel->handoff->facts.psci == PSCI_NONE ? "the FDT names no PSCI" :
							 "the firmware refused");
}

static void command_power(const struct kernel *kernel, enum command command)
{
	if (command == COMMAND_POWEROFF)
		psci_poweroff(kernel->handoff->facts.psci);
	else
		psci_reboot(kernel->handoff->facts.psci);
	power_refused(kernel, commands[command].name);
}

/* Those that take no argument. */
static void command_run_plain(const struct kernel *kernel, enum command command)
{
	switch (command) {
	case COMMAND_LAYOUT:
		report_layout(kernel);
		break;
	case COMMAND_FEATURES:
		command_features(kernel);
		break;
	case COMMAND_OVERRIDES:
		report_overrides(kernel);
		break;
	case COMMAND_REGISTERS:
		command_registers(kernel);
		break;
	case COMMAND_TIMELINE:
		timeline_text(kernel);
		break;
	case COMMAND_LOG:
		console_show_log();
		break;
	case COMMAND_POWEROFF:
	case COMMAND_REBOOT:
		command_power(kernel, command);
		break;
	case COMMAND_HELP:
	case COMMAND_REPORT:
	case COMMAND_MEMORY:
	case COMMAND_BUDDY:
	case COMMAND_VMALLOC:
	case COMMAND_CHANGE:
	case COMMAND_PTDUMP:
	case COMMAND_WALK:
	case COMMAND_AT:
	case COMMAND_FIND:
	case COMMAND_READ:
	case COMMAND_WRITE:
	case COMMAND_FAULT:
	case COMMAND_SELFTEST:
	case COMMAND_MORE:
	case COMMAND_COUNT:
		break;
	}
}

static void command_run(const struct kernel *kernel, enum command command,
			const struct arguments *arguments)
{
	switch (command) {
	case COMMAND_HELP:
		command_help(arguments);
		break;
	case COMMAND_REPORT:
		command_report(kernel, arguments);
		break;
	case COMMAND_MEMORY:
	case COMMAND_BUDDY:
		command_memory(kernel, command, arguments);
		break;
	case COMMAND_VMALLOC:
		command_vmalloc(kernel, arguments);
		break;
	case COMMAND_CHANGE:
		command_change(kernel, arguments);
		break;
	case COMMAND_PTDUMP:
		command_ptdump(kernel, arguments);
		break;
	case COMMAND_WALK:
		command_walk(kernel, arguments);
		break;
	case COMMAND_AT:
		command_at(kernel, arguments);
		break;
	case COMMAND_FIND:
		command_find(kernel, arguments);
		break;
	case COMMAND_READ:
		command_read(kernel, arguments);
		break;
	case COMMAND_WRITE:
		command_write(kernel, arguments);
		break;
	case COMMAND_FAULT:
		command_fault(kernel, arguments);
		break;
	case COMMAND_SELFTEST:
		command_selftest(kernel, arguments);
		break;
	case COMMAND_LAYOUT:
	case COMMAND_FEATURES:
	case COMMAND_OVERRIDES:
	case COMMAND_REGISTERS:
	case COMMAND_TIMELINE:
	case COMMAND_LOG:
	case COMMAND_POWEROFF:
	case COMMAND_REBOOT:
		if (argument_count(arguments, 0, 0))
			command_run_plain(kernel, command);
		break;
	case COMMAND_MORE: /* command_execute() has taken it off */
	case COMMAND_COUNT:
		break;
	}
}

/* False, and a message, where there are more words than any command takes. */
static bool arguments_take(struct arguments *arguments, struct words rest)
{
	struct words word;

	arguments->count = 0;
	while ((word = word_take(&rest)).length > 0) {
		if (arguments->count == COMMAND_ARGUMENTS_MAX) {
			print("%s: more than %u arguments", arguments->command,
			      COMMAND_ARGUMENTS_MAX);
			print_usage(arguments);
			return false;
		}
		arguments->word[arguments->count++] = word;
	}
	return true;
}

/*
 * What Ctrl-C cuts off is marked as terminals do. `more` only says how to print: it is taken off
 * here, however many of it there are.
 */
void command_execute(const struct kernel *kernel, struct words line)
{
	struct words name = word_take(&line);
	bool paged = false;
	struct arguments arguments;
	enum command command;

	while (words_equal(name, commands[COMMAND_MORE].name)) {
		paged = true;
		name = word_take(&line);
	}
	if (paged && name.length == 0)
		name = (struct words){ commands[COMMAND_HELP].name, 4 };
	if (name.length == 0 || name.text[0] == '#')
		return;
	command = command_find_name(name);
	if (command == COMMAND_COUNT) {
		unknown_command(name);
		return;
	}
	arguments.command = commands[command].name;
	arguments.usage = commands[command].arguments;
	if (!arguments_take(&arguments, line))
		return;
	console_watch_begin(paged ? PAGE_ROWS : 0);
	command_run(kernel, command, &arguments);
	if (console_watch_end())
		print("^C\n");
}

/* Word number @index of those in @list that begin as @typed does. */
static bool list_candidate(const char *list, unsigned index, struct words typed,
			   struct words *candidate)
{
	struct words rest = { list, strlen(list) };

	while ((*candidate = word_take(&rest)).length > 0)
		if (candidate->length >= typed.length &&
		    memcmp(candidate->text, typed.text, typed.length) == 0 && index-- == 0)
			return true;
	return false;
}

static bool name_candidate(unsigned index, struct words typed, struct words *candidate)
{
	for (unsigned i = 0; i < COMMAND_COUNT; i++) {
		if (!list_candidate(commands[i].name, 0, typed, candidate))
			continue;
		if (index-- == 0)
			return true;
	}
	return false;
}

/* The values of the option that @word is; @list where it is none. */
static const char *option_values(struct words word, const char *list)
{
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
		if (words_equal(word, options[i].name))
			return options[i].values;
	return list;
}

bool command_candidate(struct words line, unsigned index, struct words *candidate, size_t *typed)
{
	const char *arguments = "*", *list = arguments;
	struct words last = { line.text, 0 }, word;
	bool open = line.length > 0 && !is_blank(line.text[line.length - 1]);

	/* Each word but the last says what may follow it: its arguments, or those of before. */
	while ((word = word_take(&line)).length > 0) {
		enum command command = command_find_name(word);

		if (open && line.length == 0) {
			last = word;
			break;
		}
		if (arguments[0] == '*')
			arguments = command == COMMAND_COUNT ? "" : commands[command].words;
		list = option_values(word, arguments);
	}
	*typed = last.length;
	return list[0] == '*' ? name_candidate(index, last, candidate) :
				list_candidate(list, index, last, candidate);
}
