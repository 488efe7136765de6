// SPDX-License-Identifier: MIT
/*
 * lib/screen.c on a frame buffer in memory. What it shows is read back dot by dot and compared with
 * lib/font.txt itself, not with what was made of it. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/lib/screen.h>

#define MARGIN 64 /* bytes around the frame buffer, which nobody may touch */
#define DIRT 0xa5
#define UNKNOWN '\x7f'

static char drawn[127][8][6]; /* by character: rows of dots, as the page has them */

static u8 *block;
static size_t block_size;
static struct screen screen;

static int read_font(void **state)
{
	FILE *file = fopen("lib/font.txt", "r");
	char names[200], rows[8][200];

	(void)state;
	assert_non_null(file);
	while (fgets(names, sizeof(names), file) != NULL) {
		if (names[0] != '\'')
			continue;
		for (int i = 0; i < 8; i++)
			assert_non_null(fgets(rows[i], sizeof(rows[i]), file));
		for (size_t at = 0; at + 2 < strlen(names); at += 6)
			for (int i = 0; i < 8; i++)
				memcpy(drawn[(u8)names[at + 1]][i], rows[i] + at, 5);
	}
	fclose(file);
	for (int c = ' '; c <= '~'; c++)
		assert_int_equal(strlen(drawn[c][0]), 5);
	return 0;
}

static struct screen_mode mode_of(const char *format, u32 width, u32 height, u32 stride)
{
	struct screen_mode mode = { .width = width, .height = height, .stride = stride };

	assert_true(screen_format_find(format, &mode.format));
	return mode;
}

static void begin(struct screen_mode mode)
{
	u64 size = screen_mode_size(&mode);

	assert_int_not_equal(size, 0);
	free(block);
	block_size = size + 2 * MARGIN;
	block = malloc(block_size);
	memset(block, DIRT, block_size);
	screen_begin(&screen, &mode, block + MARGIN);
}

/* A pixel, as the memory has it. */
static u32 pixel(u32 x, u32 y)
{
	u32 bytes = screen.mode.format.bytes, value = 0;

	memcpy(&value, block + MARGIN + y * screen.mode.stride + x * bytes, bytes);
	return value;
}

static u32 white(void)
{
	return 0xffffffff >> (32 - 8 * screen.mode.format.bytes);
}

/* Whether the dot of the screen at (@x, @y) is lit: all its pixels are, or none. */
static bool dot(u32 x, u32 y)
{
	u32 first = pixel(x * screen.scale, y * screen.scale);

	assert_true(first == white() || first == screen.mode.format.black);
	for (u32 i = 0; i < screen.scale * screen.scale; i++)
		assert_int_equal(pixel(x * screen.scale + i % screen.scale,
				       y * screen.scale + i / screen.scale),
				 first);
	return first == white();
}

static bool shows(u32 column, u32 row, char c)
{
	for (u32 y = 0; y < 10; y++)
		for (u32 x = 0; x < 6; x++) {
			bool lit = x < 5 && y < 8 && drawn[(u8)c][y][x] == '#';

			if (dot(column * 6 + x, row * 10 + y) != lit)
				return false;
		}
	return true;
}

static char read_cell(u32 column, u32 row)
{
	for (char c = ' '; c <= '~'; c++)
		if (shows(column, row, c))
			return c;
	return UNKNOWN;
}

/* The text of @row without the blanks at its end. */
static const char *read_row(u32 row)
{
	static char text[400];
	u32 length = 0;

	assert_true(screen.columns < sizeof(text));
	for (u32 column = 0; column < screen.columns; column++) {
		text[column] = read_cell(column, row);
		if (text[column] != ' ')
			length = column + 1;
	}
	text[length] = '\0';
	return text;
}

static void write_text(const char *text)
{
	screen_write(&screen, text, strlen(text));
}

/* Nothing around the frame buffer was touched, nor between its rows of pixels. */
static void assert_margins(void)
{
	u32 used = screen.mode.width * screen.mode.format.bytes;

	for (size_t i = 0; i < MARGIN; i++)
		assert_true(block[i] == DIRT && block[block_size - 1 - i] == DIRT);
	for (u32 y = 0; y < screen.mode.height; y++)
		for (u32 x = used; x < screen.mode.stride; x++)
			assert_int_equal(block[MARGIN + y * screen.mode.stride + x], DIRT);
}

static const struct {
	const char *name;
	unsigned bytes;
	u32 black;
} formats[] = {
	{ "r5g6b5", 2, 0 },
	{ "r5g5b5a1", 2, 1 },
	{ "x1r5g5b5", 2, 0 },
	{ "a1r5g5b5", 2, 0x8000 },
	{ "r8g8b8", 3, 0 },
	{ "x8r8g8b8", 4, 0 },
	{ "a8r8g8b8", 4, 0xff000000 },
	{ "x8b8g8r8", 4, 0 },
	{ "a8b8g8r8", 4, 0xff000000 },
	{ "r8g8b8a8", 4, 0xff },
	{ "x2r10g10b10", 4, 0 },
	{ "a2r10g10b10", 4, 0xc0000000 },
};

static void every_character_is_shown_as_drawn_in_every_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		begin(mode_of(formats[i].name, 640, 400, 640 * formats[i].bytes + 12));
		assert_int_equal(screen.mode.format.bytes, formats[i].bytes);
		assert_int_equal(screen.mode.format.black, formats[i].black);
		for (char c = ' '; c <= '~'; c++)
			screen_write(&screen, &c, 1);
		for (char c = ' '; c <= '~'; c++)
			assert_true(shows((u32)(c - ' '), 0, c));
		assert_margins();
	}
}

static void a_format_nobody_knows_is_not_found(void **state)
{
	struct screen_format format;

	(void)state;
	assert_false(screen_format_find("", &format));
	assert_false(screen_format_find("x8r8g8b", &format));
	assert_false(screen_format_find("x8r8g8b88", &format));
	assert_false(screen_format_find("y8", &format));
}

static void it_begins_black_to_its_last_pixel(void **state)
{
	(void)state;
	begin(mode_of("a8r8g8b8", 643, 407, 2592));
	for (u32 y = 0; y < 407; y++)
		for (u32 x = 0; x < 643; x++)
			assert_int_equal(pixel(x, y), 0xff000000);
	assert_margins();
}

static void large_screens_have_large_dots_and_at_least_80_by_40_characters(void **state)
{
	static const struct {
		u32 width, height, scale, columns, rows;
	} rows[] = {
		{ 320, 240, 1, 53, 24 },    { 640, 480, 1, 106, 48 },	{ 800, 600, 1, 133, 60 },
		{ 1280, 800, 2, 106, 40 },  { 1920, 1080, 2, 160, 54 }, { 1080, 2340, 2, 90, 117 },
		{ 3840, 2160, 5, 128, 43 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(mode_of("r5g6b5", rows[i].width, rows[i].height, rows[i].width * 2));
		assert_int_equal(screen.scale, rows[i].scale);
		assert_int_equal(screen.columns, rows[i].columns);
		assert_int_equal(screen.rows, rows[i].rows);
		write_text("Pagoda");
		assert_true(shows(0, 0, 'P') && shows(5, 0, 'a'));
	}
}

static void lines_end_where_they_say_or_where_the_row_does(void **state)
{
	(void)state;
	begin(mode_of("x8r8g8b8", 20 * 6, 8 * 10, 480));
	write_text("one\r\ntwo\n12345678901234567890\nfour\n1234567890123456789012");
	assert_string_equal(read_row(0), "one");
	assert_string_equal(read_row(1), "two");
	assert_string_equal(read_row(2), "12345678901234567890");
	assert_string_equal(read_row(3), "four");
	assert_string_equal(read_row(4), "12345678901234567890");
	assert_string_equal(read_row(5), "12");
	assert_margins();
}

static void after_the_last_row_comes_the_first_and_a_blank_one_after_it(void **state)
{
	(void)state;
	begin(mode_of("r8g8b8", 20 * 6 + 3, 5 * 10 + 7, 400));
	write_text("a\nb\nc\nd\nee");
	assert_string_equal(read_row(0), "a");
	write_text("\nf");
	assert_string_equal(read_row(0), "f");
	assert_string_equal(read_row(1), "");
	assert_string_equal(read_row(2), "c");
	write_text("\ng\nh\ni\nj");
	assert_string_equal(read_row(0), "f");
	assert_string_equal(read_row(3), "i");
	assert_string_equal(read_row(4), "j");
	write_text("\n");
	assert_string_equal(read_row(0), "");
	assert_string_equal(read_row(1), "");
	assert_string_equal(read_row(2), "h");
	assert_margins();
}

static void control_characters_move_and_show_nothing(void **state)
{
	(void)state;
	begin(mode_of("x8r8g8b8", 40 * 6, 8 * 10, 960));
	write_text("abc\b\bX\n\b\bY\rZ\na\tb\t\tc\n\033[1;31mred\033[0m \033Mend\n");
	write_text("1234567890123456789012345678901234567890\t|");
	assert_string_equal(read_row(0), "aXc");
	assert_string_equal(read_row(1), "Z");
	assert_string_equal(read_row(2), "a       b               c");
	assert_string_equal(read_row(3), "red end");
	assert_string_equal(read_row(5), "        |");
}

static void what_is_no_ascii_is_a_question_mark(void **state)
{
	(void)state;
	begin(mode_of("x8r8g8b8", 240, 80, 960));
	write_text("a\x01\x7f\x80\xff"
		   "b");
	assert_string_equal(read_row(0), "a????b");
}

static void a_mode_that_makes_no_sense_has_no_size(void **state)
{
	struct screen_mode good = mode_of("x8r8g8b8", 640, 480, 2560), mode;

	(void)state;
	assert_int_equal(screen_mode_size(&good), 2560 * 480);
#define REFUSED(member, value) \
	mode = good;           \
	mode.member = value;   \
	assert_int_equal(screen_mode_size(&mode), 0)
	REFUSED(width, 0);
	REFUSED(width, 119);
	REFUSED(width, 641); /* beyond the stride */
	REFUSED(width, 16385);
	REFUSED(width, 0x40000280);
	REFUSED(height, 39);
	REFUSED(height, 16385);
	REFUSED(height, 0xffffffff);
	REFUSED(stride, 2559);
	REFUSED(stride, 2562);
	REFUSED(stride, 0xfffffffc);
	REFUSED(format.bytes, 0);
	REFUSED(format.bytes, 1);
	REFUSED(format.bytes, 5);
#undef REFUSED
}

static int forget(void **state)
{
	(void)state;
	free(block);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character_is_shown_as_drawn_in_every_format),
		cmocka_unit_test(a_format_nobody_knows_is_not_found),
		cmocka_unit_test(it_begins_black_to_its_last_pixel),
		cmocka_unit_test(large_screens_have_large_dots_and_at_least_80_by_40_characters),
		cmocka_unit_test(lines_end_where_they_say_or_where_the_row_does),
		cmocka_unit_test(after_the_last_row_comes_the_first_and_a_blank_one_after_it),
		cmocka_unit_test(control_characters_move_and_show_nothing),
		cmocka_unit_test(what_is_no_ascii_is_a_question_mark),
		cmocka_unit_test(a_mode_that_makes_no_sense_has_no_size),
	};

	return cmocka_run_group_tests(tests, read_font, forget);
}
