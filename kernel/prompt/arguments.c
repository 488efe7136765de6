// SPDX-License-Identifier: MIT
/*
 * The words of a line, and what commands say about those that they cannot take.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/prompt/arguments.h>
#include <pagoda/lib/text.h>

/* As much of a mistyped word as its error message repeats. */
#define QUOTE_MAX 40

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct words word_take(struct words *line)
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

bool words_equal(struct words words, const char *text)
{
	return text_equal(words.text, words.length, text);
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

bool arguments_take(struct arguments *arguments, struct words line)
{
	struct words word;

	arguments->count = 0;
	while ((word = word_take(&line)).length > 0) {
		if (arguments->count == ARGUMENTS_MAX) {
			print("%s: more than %u arguments", arguments->command, ARGUMENTS_MAX);
			print_usage(arguments);
			return false;
		}
		arguments->word[arguments->count++] = word;
	}
	return true;
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
			       "is not a number: hexadecimal after 0x, octal after 0, or "
			       "decimal, 64 bits at most");
}

bool argument_is(const struct arguments *arguments, unsigned index, const char *word)
{
	return index < arguments->count && words_equal(arguments->word[index], word);
}
