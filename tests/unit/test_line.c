// SPDX-License-Identifier: MIT
/*
 * The line editor in front of a model terminal: whatever is typed, what stands on the screen is the
 * line as the editor has it, and the cursor is where it says. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/kernel/prompt/line.h>

#include "support/random.h"

#define PROMPT "pagoda> "
#define PROMPT_LENGTH 8
#define TERMINAL_COLUMNS 80

static struct line line;

/* The row that the cursor is in, of a terminal that wraps. */
static struct {
	char row[TERMINAL_COLUMNS + 1];
	unsigned column;
	unsigned long rows; /* begun */
	unsigned long cleared;
} terminal;

static void terminal_new_row(void)
{
	memset(terminal.row, ' ', TERMINAL_COLUMNS);
	terminal.column = 0;
	terminal.rows++;
}

static void terminal_character(char c)
{
	if (terminal.column == TERMINAL_COLUMNS)
		terminal_new_row();
	terminal.row[terminal.column++] = c;
}

static void terminal_write(const char *text, unsigned length)
{
	for (unsigned i = 0; i < length; i++) {
		if (text[i] == '\n') {
			terminal_new_row();
		} else if (text[i] == '\b') {
			assert_true(terminal.column > 0);
			terminal.column--;
		} else if (text[i] == '\033') {
			assert_memory_equal(text + i, "\033[H\033[2J", 7);
			terminal.cleared++;
			terminal_new_row();
			i += 6;
		} else {
			assert_true(text[i] >= ' ' && text[i] <= '~');
			terminal_character(text[i]);
		}
	}
}

static void flush(void)
{
	assert_true(line.output_length <= LINE_OUTPUT_MAX);
	terminal_write(line.output, line.output_length);
	line.output_length = 0;
}

static enum line_event type(const char *keys, size_t length)
{
	enum line_event event = LINE_NOTHING;

	for (size_t i = 0; i < length; i++) {
		event = line_input(&line, (u8)keys[i]);
		flush();
	}
	return event;
}

static enum line_event keys(const char *text)
{
	return type(text, strlen(text));
}

static void begin(void)
{
	line_begin(&line);
	flush();
}

static int set_up(void **state)
{
	(void)state;
	terminal_new_row();
	line_init(&line, PROMPT);
	begin();
	return 0;
}

static void assert_line(const char *text, u32 cursor)
{
	char expected[TERMINAL_COLUMNS + 1];

	assert_int_equal(line.length, strlen(text));
	assert_memory_equal(line.text, text, line.length);
	assert_int_equal(line.cursor, cursor);
	snprintf(expected, sizeof(expected), PROMPT "%-72s", text);
	assert_string_equal(terminal.row, expected);
	assert_int_equal(terminal.column, PROMPT_LENGTH + cursor);
}

/* What is on the screen is a part of the line around the cursor. */
static bool screen_is_right(void)
{
	const char *shown = terminal.row + PROMPT_LENGTH;
	u32 width = TERMINAL_COLUMNS - PROMPT_LENGTH, start, length;

	if (line.unbounded)
		return line.cursor == line.length;
	if (memcmp(terminal.row, PROMPT, PROMPT_LENGTH) != 0 || terminal.column < PROMPT_LENGTH)
		return false;
	if (line.cursor < terminal.column - PROMPT_LENGTH)
		return false;
	start = line.cursor - (terminal.column - PROMPT_LENGTH);
	length = line.length - start < width - 1 ? line.length - start : width - 1;
	if (memcmp(shown, line.text + start, length) != 0)
		return false;
	for (u32 i = length; i < width; i++)
		if (shown[i] != ' ')
			return false;
	return line.length >= width - 1 || start == 0;
}

static void letters_are_inserted_where_the_cursor_is(void **state)
{
	(void)state;
	keys("walk");
	assert_line("walk", 4);
	keys("\033[D\033[DXY");
	assert_line("waXYlk", 4);
	keys("\001>\005<");
	assert_line(">waXYlk<", 8);
	keys("\033[H\033[C\033[C-\033OF+");
	assert_line(">w-aXYlk<+", 10);
}

static void keys_that_erase_take_what_they_should(void **state)
{
	(void)state;
	keys("one two  three");
	keys("\027");
	assert_line("one two  ", 9);
	keys("\b\177");
	assert_line("one two", 7);
	keys("\001\004\033[3~");
	assert_line("e two", 0);
	keys("\033f\013");
	assert_line("e", 1);
	keys(" x y\033b\025");
	assert_line("y", 0);
	keys("\033d");
	assert_line("", 0);
	keys("\b\177\004\013\025\027\033[D\033[C\033[3~");
	assert_line("", 0);
}

static void words_are_gone_over_with_ctrl_and_with_alt(void **state)
{
	(void)state;
	keys("aa bb cc\033[1;5D\033[1;5D|");
	assert_line("aa |bb cc", 4);
	keys("\033b\033b|\033[1;5C\033f!");
	assert_line("|aa |bb! cc", 8);
}

static void the_history_goes_back_and_comes_forward_to_what_was_begun(void **state)
{
	(void)state;
	assert_int_equal(keys("first\r"), LINE_ENTERED);
	line_remember(&line);
	begin();
	assert_int_equal(keys("second\n"), LINE_ENTERED);
	line_remember(&line);
	line_remember(&line); /* the same again is not kept twice */
	begin();
	keys("dra\033[A");
	assert_line("second", 6);
	keys("\020");
	assert_line("first", 5);
	keys("\033[A\033[A");
	assert_line("first", 5);
	keys("\016");
	assert_line("second", 6);
	keys("\033[B");
	assert_line("dra", 3);
	keys("\033[B");
	assert_line("dra", 3);
}

static void the_history_forgets_its_oldest_lines(void **state)
{
	char text[32];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		int length = snprintf(text, sizeof(text), "line %d\r", i);

		type(text, (size_t)length);
		line_remember(&line);
		begin();
	}
	for (int i = 1999; i > 1500; i--) {
		keys("\033[A");
		snprintf(text, sizeof(text), "line %d", i);
		assert_line(text, (u32)strlen(text));
	}
	assert_true(line.history_used <= LINE_HISTORY_SIZE);
}

static void ctrl_l_clears_the_screen_and_shows_the_line_again(void **state)
{
	unsigned long cleared = terminal.cleared;

	(void)state;
	keys("walk 0\033[D\014");
	assert_line("walk 0", 5);
	assert_int_equal(terminal.cleared, cleared + 1);
}

static void control_characters_and_unknown_sequences_change_nothing(void **state)
{
	(void)state;
	keys("ab\033[200~\033[201~\033[?25l\033[99;99R\033OZ\033x\033[Zcd");
	assert_line("abcd", 4);
	type("\000\034\200\377", 4);
	assert_line("abcd", 4);
}

static void garbage_cannot_swallow_the_end_of_a_line(void **state)
{
	(void)state;
	assert_int_equal(keys("a\033\r"), LINE_ENTERED);
	begin();
	assert_int_equal(keys("a\033[12\r"), LINE_ENTERED);
	begin();
	assert_int_equal(keys("a\033O\n"), LINE_ENTERED);
	begin();
	keys("a\033[11111111111111111b");
	assert_int_equal(line.text[line.length - 1], 'b');
}

static void ctrl_c_cancels_and_tab_asks_for_completion(void **state)
{
	(void)state;
	assert_int_equal(keys("abc\t"), LINE_TAB);
	assert_line("abc", 3);
	assert_int_equal(keys("\003"), LINE_CANCELLED);
}

static void what_is_typed_at_the_end_is_echoed_and_nothing_else(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LINE_TEXT_MAX; i++) {
		line_input(&line, 'a' + i % 26);
		assert_int_equal(line.output_length, 1);
		assert_int_equal(line.output[0], 'a' + i % 26);
		line.output_length = 0;
	}
	line_input(&line, 'x');
	assert_int_equal(line.output_length, 0);
	assert_int_equal(line.dropped, 1);
}

static void a_line_that_was_cut_stays_so_until_all_of_it_is_taken_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LINE_TEXT_MAX + 10; i++)
		keys("z");
	assert_int_equal(line.dropped, 10);
	keys("\b\b");
	assert_true(line.dropped > 0);
	keys("y");
	assert_int_equal(line.length, LINE_TEXT_MAX - 2);
	keys("\025");
	assert_int_equal(line.dropped, 0);
	assert_line("", 0);
}

static void a_long_line_is_edited_through_a_window(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300; i++)
		type(&"0123456789"[i % 10], 1);
	keys("\033[D");
	assert_true(screen_is_right());
	for (unsigned i = 0; i < 300; i++) {
		keys("\033[D");
		assert_true(screen_is_right());
	}
	assert_int_equal(line.cursor, 0);
	keys("X");
	assert_int_equal(line.length, 301);
	assert_true(screen_is_right());
}

/* A megabyte at once: every character is in a line, or counted as dropped. */
static void nothing_of_a_pasted_megabyte_goes_missing(void **state)
{
	u64 taken = 0, dropped = 0, pasted = 0;
	struct random random = random_start();

	(void)state;
	while (pasted < 1 << 20) {
		u64 length = random_below(&random, 2 * LINE_TEXT_MAX);

		for (u64 i = 0; i < length; i++)
			type(&"abcdefghijklmnopqrstuvwxyz"[(pasted + i) % 26], 1);
		for (u32 i = 0; i < line.length; i++)
			assert_int_equal(line.text[i], 'a' + (pasted + i) % 26);
		pasted += length;
		assert_int_equal(keys("\r"), LINE_ENTERED);
		taken += line.length;
		dropped += line.dropped;
		line_remember(&line);
		begin();
	}
	assert_int_equal(taken + dropped, pasted);
}

/* Bytes that a keyboard sends more often than chance does. */
static u8 random_key(struct random *random)
{
	static const char likely[] = "\033[ABCD~;O13456789HF\001\002\004\005\006\b\013\016\020\025"
				     "\027\177\f   abc";

	switch (random_below(random, 4)) {
	case 0:
		return (u8)random_below(random, 256);
	case 1:
		return (u8)(' ' + random_below(random, '~' - ' ' + 1));
	}
	return (u8)likely[random_below(random, sizeof(likely) - 1)];
}

static void whatever_is_typed_the_screen_shows_the_line(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		u8 key = random_key(&random);
		enum line_event event = line_input(&line, key);

		flush();
		assert_true(line.cursor <= line.length && line.length <= LINE_TEXT_MAX);
		if (event == LINE_ENTERED)
			line_remember(&line);
		if (event == LINE_ENTERED || event == LINE_CANCELLED)
			begin();
		if (!screen_is_right())
			fail_msg("PAGODA_SEED=%lu: byte %u, 0x%02x: '%s' for '%.*s', cursor %u",
				 random.seed, i, key, terminal.row, (int)line.length, line.text,
				 line.cursor);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(letters_are_inserted_where_the_cursor_is),
		TEST(keys_that_erase_take_what_they_should),
		TEST(words_are_gone_over_with_ctrl_and_with_alt),
		TEST(the_history_goes_back_and_comes_forward_to_what_was_begun),
		TEST(the_history_forgets_its_oldest_lines),
		TEST(ctrl_l_clears_the_screen_and_shows_the_line_again),
		TEST(control_characters_and_unknown_sequences_change_nothing),
		TEST(garbage_cannot_swallow_the_end_of_a_line),
		TEST(ctrl_c_cancels_and_tab_asks_for_completion),
		TEST(what_is_typed_at_the_end_is_echoed_and_nothing_else),
		TEST(a_line_that_was_cut_stays_so_until_all_of_it_is_taken_back),
		TEST(a_long_line_is_edited_through_a_window),
		TEST(nothing_of_a_pasted_megabyte_goes_missing),
		TEST(whatever_is_typed_the_screen_shows_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
