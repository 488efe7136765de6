// SPDX-License-Identifier: MIT
/*
 * The command line, cut into words.
 * Runs in the early runtime with the MMU off, .bss clear, before relocation, and on the host. May
 * not use: absolute addresses, static data that changes.
 */
#include <pagoda/pi/parser.h>

/* White space, and with it every other control character, NUL included: no word is made of them. */
static bool is_space(char c)
{
	return (u8)c <= ' ';
}

/*
 * The word in [@start, @end), with the sign between its name and its value at @equals; a null
 * pointer where it has none. The marks stand around the value, or, as GRUB writes it, around all.
 */
static struct word word_make(const char *start, const char *end, const char *equals)
{
	struct word word = { .length = end - start, .has_value = equals };
	bool marked = *start == '"';
	const char *last;

	word.name = start + marked;
	last = equals ? equals + 1 : word.name;
	if (equals && last < end && *last == '"') {
		marked = true;
		last++;
	}
	if (marked && last < end && end[-1] == '"')
		end--;
	word.name_length = (equals ? equals : end) - word.name;
	word.value = equals ? last : end;
	word.value_length = end - word.value;
	return word;
}

/* White space between quotation marks does not end a word. */
bool word_next(struct line *line, struct word *word)
{
	const char *start, *equals = NULL;
	bool quoted = false;

	while (line->at < line->end && is_space(*line->at))
		line->at++;
	start = line->at;
	for (; line->at < line->end && (quoted || !is_space(*line->at)); line->at++) {
		if (*line->at == '"')
			quoted = !quoted;
		else if (*line->at == '=' && !equals)
			equals = line->at;
	}
	if (line->at == start)
		return false;
	*word = word_make(start, line->at, equals);
	word->unclosed = quoted;
	return true;
}
