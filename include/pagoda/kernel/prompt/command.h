/* SPDX-License-Identifier: MIT */
/*
 * The commands of the console. One is written in one file, which is all there is to it:
 * docs/extend.md has an example. Help, completion and the way from a line to the code that runs it
 * come from the table that the linker makes of all (pagoda/row.h). MMU on, after console_init(),
 * and the host.
 */
#ifndef PAGODA_COMMAND_H
#define PAGODA_COMMAND_H

#include <pagoda/kernel/kernel.h>
#include <pagoda/kernel/prompt/arguments.h>
#include <pagoda/row.h>

/* A row: COMMAND() writes it. Text is by offset. */
struct command {
	s32 place;
	s32 name, usage, help, example;
	s32 function;
};

typedef void command_function(const struct kernel *kernel, const struct arguments *arguments);

/*
 * COMMAND() - the function command_NAME(), which must follow, is the command @name.
 *   @place    in help, which is sorted by this number
 *   @name     as a word of C, without quotation marks
 *   @usage    its arguments, as docs/console.md has them, or ""
 *   @help     what it does, in a line
 *   @example  a line that works
 *   @words    the arguments that completion knows, between blanks; "*" for the names of commands
 */
#define COMMAND(place, name, usage, help, example, words)                                        \
	COMPLETION(#name, words);                                                                \
	static command_function command_##name __attribute__((used));                            \
	asm(ROW_BEGIN(commands) ROW_NUMBER(place) ROW_TEXT(#name) ROW_TEXT(usage) ROW_TEXT(help) \
		    ROW_TEXT(example) ROW_FUNCTION(command_##name) ROW_END)

/* What may follow a word, a command or an option of one, for completion. Text is by offset. */
struct completion {
	s32 after, words;
};

/* COMPLETION() - @words, between blanks, may follow @after; more of them may be said elsewhere. */
#define COMPLETION(after, words) asm(ROW_BEGIN(completions) ROW_TEXT(after) ROW_TEXT(words) ROW_END)

/* command_execute() - run the command in @line; an empty line is none, nor what begins with #. */
void command_execute(const struct kernel *kernel, struct words line);

/* commands_find() - the command of that name, or null. */
const struct command *commands_find(struct words name);

/* commands_next() - the command that comes after @last in help, the first after null; or null. */
const struct command *commands_next(const struct command *last);

/*
 * command_candidate() - what the last word of @line, perhaps empty, could become: candidate number
 * @index. False past the last one. @typed: how much of it is there already.
 */
bool command_candidate(struct words line, unsigned index, struct words *candidate, size_t *typed);

/* commands_unknown() - say that there is none of that name. */
void commands_unknown(struct words name);

#endif /* PAGODA_COMMAND_H */
