// SPDX-License-Identifier: MIT
/*
 * The table of commands: the way from a line to the code that runs it, and completion. Of them all
 * it knows only `more`, which says how another one prints.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/lib/string.h>

#define PAGE_ROWS 23 /* of 24, with the question below them */

/* The linker: pagoda/row.h. */
extern const struct command __start_commands[], __stop_commands[];
extern const struct completion __start_completions[], __stop_completions[];

const struct command *commands_find(struct words name)
{
	for (const struct command *row = __start_commands; row != __stop_commands; row++)
		if (words_equal(name, row_text(&row->name)))
			return row;
	return NULL;
}

/* In help, @row is behind @other: by its place, or else by where the linker put it. */
static bool is_behind(const struct command *row, const struct command *other)
{
	return !other || row->place > other->place || (row->place == other->place && row > other);
}

const struct command *commands_next(const struct command *last)
{
	const struct command *next = NULL;

	for (const struct command *row = __start_commands; row != __stop_commands; row++)
		if (is_behind(row, last) && (!next || is_behind(next, row)))
			next = row;
	return next;
}

void commands_unknown(struct words name)
{
	print("unknown command ");
	print_quoted(name);
	print("; help lists those there are\n");
}

static void command_run(const struct kernel *kernel, const struct command *command,
			const struct arguments *arguments)
{
	command_function *run = (command_function *)row_target(&command->function);

	run(kernel, arguments);
}

/*
 * What Ctrl-C cuts off is marked as terminals do. `more` only says how to print: it is taken off
 * here, however many of it there are.
 */
void command_execute(const struct kernel *kernel, struct words line)
{
	struct words name = word_take(&line);
	const struct command *command;
	struct arguments arguments;
	bool paged = false;

	while (words_equal(name, "more")) {
		paged = true;
		name = word_take(&line);
	}
	if (paged && name.length == 0)
		name = (struct words){ "help", 4 };
	if (name.length == 0 || name.text[0] == '#')
		return;
	command = commands_find(name);
	if (!command) {
		commands_unknown(name);
		return;
	}
	arguments.command = row_text(&command->name);
	arguments.usage = row_text(&command->usage);
	if (!arguments_take(&arguments, line))
		return;
	console_watch_begin(paged ? PAGE_ROWS : 0);
	command_run(kernel, command, &arguments);
	if (console_watch_end())
		print("^C\n");
}

/* What is looked for: a word that begins as @typed does, after @index others that do. */
struct search {
	struct words typed;
	unsigned index;
	struct words *found;
};

static bool search_word(struct search *search, struct words word)
{
	if (word.length < search->typed.length ||
	    memcmp(word.text, search->typed.text, search->typed.length) != 0 ||
	    search->index-- != 0)
		return false;
	*search->found = word;
	return true;
}

static bool search_list(struct search *search, const char *list)
{
	struct words rest = { list, strlen(list) }, word;

	while ((word = word_take(&rest)).length > 0)
		if (search_word(search, word))
			return true;
	return false;
}

static bool search_names(struct search *search)
{
	for (const struct command *row = commands_next(NULL); row; row = commands_next(row))
		if (search_list(search, row_text(&row->name)))
			return true;
	return false;
}

/* The next row from @row on that says what may follow @word, or null. */
static const struct completion *completion_of(const struct completion *row, struct words word)
{
	for (; row != __stop_completions; row++)
		if (words_equal(word, row_text(&row->after)))
			return row;
	return NULL;
}

/* After @word comes a command's name. */
static bool precedes_name(struct words word)
{
	const struct completion *row = completion_of(__start_completions, word);

	return row && row_text(&row->words)[0] == '*';
}

static bool search_after(struct search *search, struct words word)
{
	const struct completion *row = completion_of(__start_completions, word);

	if (precedes_name(word))
		return search_names(search);
	for (; row; row = completion_of(row + 1, word))
		if (search_list(search, row_text(&row->words)))
			return true;
	return false;
}

/*
 * Of the words before @typed, @after is the one that says what may follow: an option that has
 * values, or else the command. False where the name of a command may.
 */
static bool what_precedes(struct words line, struct words *typed, struct words *after)
{
	const char *end = line.text + line.length;
	struct words word, command = { end, 0 };
	bool named = false;

	*typed = *after = command;
	while ((word = word_take(&line)).length > 0) {
		if (word.text + word.length == end) {
			*typed = word;
			break;
		}
		if (!named) {
			command = word;
			named = !precedes_name(word);
		}
		*after = word.text[0] == '-' && completion_of(__start_completions, word) ? word :
											   command;
	}
	return named;
}

bool command_candidate(struct words line, unsigned index, struct words *candidate, size_t *typed)
{
	struct search search = { .index = index, .found = candidate };
	struct words after;
	bool named = what_precedes(line, &search.typed, &after);

	*typed = search.typed.length;
	return named ? search_after(&search, after) : search_names(&search);
}
