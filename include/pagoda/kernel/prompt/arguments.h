/* SPDX-License-Identifier: MIT */
/*
 * What was typed, word by word, and what a command says where it cannot take that. MMU on, after
 * console_init(), and the host.
 */
#ifndef PAGODA_ARGUMENTS_H
#define PAGODA_ARGUMENTS_H

#include <pagoda/types.h>

#define ARGUMENTS_MAX 12

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
	struct words word[ARGUMENTS_MAX];
};

/* word_take() - take the first word off @line; an empty one where there is none. */
struct words word_take(struct words *line);

/* words_equal() - @words are exactly @text. */
bool words_equal(struct words words, const char *text);

/* arguments_take() - the words of @line; false, and a message, for more than any command takes. */
bool arguments_take(struct arguments *arguments, struct words line);

/* For commands. Each prints, in one line, what is wrong with an argument, and is false then. */
bool argument_count(const struct arguments *arguments, unsigned least, unsigned most);
bool argument_number(const struct arguments *arguments, unsigned index, u64 *number);
bool argument_refuse(const struct arguments *arguments, unsigned index, const char *reason);

/* The argument is exactly @word. */
bool argument_is(const struct arguments *arguments, unsigned index, const char *word);

/* What was typed, in quotation marks, cut, and without what a terminal might act on. */
void print_quoted(struct words words);

#endif /* PAGODA_ARGUMENTS_H */
