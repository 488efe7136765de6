/* SPDX-License-Identifier: MIT */
/*
 * The commands of the console: one table, from which help, completion and dispatch come. To add
 * one: a name in enum command, a row in commands[], a case in command_run(), all in
 * kernel/prompt/command.c. MMU on, after console_init().
 */
#ifndef PAGODA_COMMAND_H
#define PAGODA_COMMAND_H

#include <pagoda/kernel/kernel.h>

#define COMMAND_ARGUMENTS_MAX 12

/* Text that need not end with a NUL. */
struct words {
	const char *text;
	size_t length;
};

/* What was typed after a command's name. */
struct arguments {
	const char *command; /* for messages */
	const char *usage;
	unsigned count;
	struct words word[COMMAND_ARGUMENTS_MAX];
};

/* command_execute() - run the command in @line; an empty line is none, nor what begins with #. */
void command_execute(const struct kernel *kernel, struct words line);

/*
 * command_candidate() - what the last word of @line, perhaps empty, could become: candidate number
 * @index. False past the last one. @typed: how much of it is there already.
 */
bool command_candidate(struct words line, unsigned index, struct words *candidate, size_t *typed);

/* For commands. Each prints, in one line, what is wrong with an argument, and is false then. */
bool argument_count(const struct arguments *arguments, unsigned least, unsigned most);
bool argument_number(const struct arguments *arguments, unsigned index, u64 *number);
bool argument_refuse(const struct arguments *arguments, unsigned index, const char *reason);

/* The argument is exactly @word. */
bool argument_is(const struct arguments *arguments, unsigned index, const char *word);

/* What was typed, in quotation marks, cut, and without what a terminal might act on. */
void print_quoted(struct words words);

/* The commands that are more than one call: see help for what they do. */
void command_ptdump(const struct kernel *kernel, const struct arguments *arguments);
void command_walk(const struct kernel *kernel, const struct arguments *arguments);
void command_at(const struct kernel *kernel, const struct arguments *arguments);
void command_find(const struct kernel *kernel, const struct arguments *arguments);
void command_read(const struct kernel *kernel, const struct arguments *arguments);
void command_write(const struct kernel *kernel, const struct arguments *arguments);
void command_fault(const struct kernel *kernel, const struct arguments *arguments);
void command_selftest(const struct kernel *kernel, const struct arguments *arguments);
void command_features(const struct kernel *kernel);
void command_registers(const struct kernel *kernel);

#endif /* PAGODA_COMMAND_H */
