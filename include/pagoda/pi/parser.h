/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the command line's parser share: pi/options.c says whose word it is,
 * options_word.c cuts the line into words, options_override.c lowers ID registers,
 * options_console.c reads names of consoles. All run with the MMU off, .bss clear, and on the host.
 */
#ifndef PAGODA_PARSER_H
#define PAGODA_PARSER_H

#include <pagoda/kernel/handoff/cpu_list.h>
#include <pagoda/kernel/handoff/options.h>
#include <pagoda/lib/text.h>

/* What is left of the line. */
struct line {
	const char *at, *end;
};

/* NAME or NAME=VALUE, without the quotation marks around the whole or around VALUE. */
struct word {
	const char *name, *value;
	u32 name_length, value_length;
	u32 length; /* as it stands in the line, quotation marks included */
	bool has_value;
	bool unclosed; /* a quotation mark opens and the line ends */
};

struct parser {
	struct boot_options *options;
	u64 *id;
	const u64 *had; /* the same before the first word: what the CPU has */
	u64 mmfr0; /* ID_AA64MMFR0 as words about itself, and none about VARange, have left it */
	struct word word;
	struct override_record record; /* field stays empty where no register is behind the word */
};

/* word_next() - the next word; false at the line's end. */
bool word_next(struct line *line, struct word *word);

/*
 * name_match() - how many characters of a name as typed are the first ones of @name; `-` is as good
 * as `_`. name_equal() - all of them, and @name has no more. Inline: they are asked for each word
 * and each row of a table, and most rows differ in the first character.
 */
static inline u32 name_match(const char *typed, u32 length, const char *name)
{
	u32 i = 0;

	while (i < length && name[i] && (typed[i] == '-' ? '_' : typed[i]) == name[i])
		i++;
	return i;
}

static inline bool name_equal(const char *typed, u32 length, const char *name)
{
	u32 matched = name_match(typed, length, name);

	return matched == length && name[matched] == '\0';
}

static inline bool value_equal(const struct word *word, const char *text)
{
	return text_equal(word->value, word->value_length, text);
}

/*
 * Options with a file of their own. Each returns REASON_NONE and has done what @parser->word asks
 * for, or why not, and has changed nothing.
 */
enum override_reason alias_parse(struct parser *parser);
enum override_reason register_parse(struct parser *parser);
enum override_reason vhe_leave(struct parser *parser);
enum override_reason cpu_parse(struct parser *parser);
enum override_reason rodata_parse(struct parser *parser);
enum override_reason earlycon_parse(struct boot_options *options, const struct word *word);
enum override_reason console_parse(struct boot_options *options, const struct word *word);

#endif /* PAGODA_PARSER_H */
