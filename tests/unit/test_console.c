// SPDX-License-Identifier: MIT
/*
 * kernel/console.c over a device of this test's own: what Ctrl-C, the pager and typing ahead do.
 * Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/console.h>
#include <pagoda/pl011.h>

#define ROWS 23
#define QUESTION "-- more: space, Enter, q --"
#define QUESTION_ERASED "\r                           \r"

static const char *typed;
static size_t typed_length;
static char sent[1 << 16];
static size_t sent_length;
static u32 registers[1024];

void pl011_enable(volatile u32 *device)
{
	assert_ptr_equal(device, registers);
}

void pl011_fifo_enable(volatile u32 *device)
{
	assert_ptr_equal(device, registers);
}

bool pl011_write(volatile u32 *device, const char *text, size_t length)
{
	assert_ptr_equal(device, registers);
	assert_true(length < sizeof(sent) - sent_length);
	memcpy(sent + sent_length, text, length);
	sent_length += length;
	sent[sent_length] = '\0';
	return true;
}

int pl011_read(volatile u32 *device)
{
	assert_ptr_equal(device, registers);
	if (typed_length == 0)
		return -1;
	typed_length--;
	return (u8)*typed++;
}

static void type(const char *keys)
{
	typed = keys;
	typed_length = strlen(keys);
}

static int set_up(void **state)
{
	(void)state;
	type("");
	sent_length = 0;
	sent[0] = '\0';
	console_init((struct serial_kind){ 0 }, registers);
	while (console_read() >= 0)
		;
	return 0;
}

static void ctrl_c_ends_the_output_and_what_was_typed_before_it(void **state)
{
	(void)state;
	console_watch_begin(0);
	print("one\n");
	type("abc\003d");
	print("two\n");
	print("three\n");
	assert_true(console_interrupted());
	assert_string_equal(sent, "one\n");
	assert_true(console_watch_end());
	assert_false(console_interrupted());
	print("four\n");
	assert_string_equal(sent, "one\nfour\n");
	assert_int_equal(console_read(), 'd');
	assert_int_equal(console_read(), -1);
}

static void outside_a_command_ctrl_c_is_a_key_like_any_other(void **state)
{
	(void)state;
	type("\003x");
	print("text");
	assert_string_equal(sent, "text");
	assert_int_equal(console_read(), 3);
	assert_int_equal(console_read(), 'x');
}

static void what_is_typed_during_an_output_is_read_after_it_in_order(void **state)
{
	static char keys[5000];

	(void)state;
	for (size_t i = 0; i < sizeof(keys); i++)
		keys[i] = (char)('a' + i % 26);
	typed = keys;
	typed_length = sizeof(keys);
	console_watch_begin(0);
	for (int i = 0; i < 100; i++)
		print("line\n");
	assert_false(console_watch_end());
	for (size_t i = 0; i < sizeof(keys); i++)
		assert_int_equal(console_read(), keys[i]);
	assert_int_equal(console_read(), -1);
}

static void a_page_waits_for_a_key(void **state)
{
	(void)state;
	console_watch_begin(ROWS);
	for (int i = 0; i < ROWS - 1; i++)
		print("\n");
	assert_null(strstr(sent, QUESTION));
	type("?\r");
	print("row\n");
	assert_non_null(strstr(sent, "row\n" QUESTION QUESTION_ERASED));
	sent_length = 0;
	type(" ");
	print("one more\nand no more");
	assert_string_equal(sent, "one more\n" QUESTION QUESTION_ERASED "and no more");
	for (int i = 0; i < ROWS - 1; i++)
		print("\n");
	type("q");
	print("last\nnever seen\n");
	assert_null(strstr(sent, "never seen"));
	assert_true(console_watch_end());
}

static void a_line_that_takes_two_rows_counts_as_two(void **state)
{
	static const char wide[] = "0123456789012345678901234567890123456789"
				   "01234567890123456789012345678901234567890\n";

	(void)state;
	console_watch_begin(ROWS);
	for (int i = 0; i < ROWS / 2 - 1; i++) {
		console_write(wide, 40); /* in pieces, too */
		print("%s", wide + 40);
	}
	assert_null(strstr(sent, QUESTION));
	type("q");
	print("%s", wide);
	assert_non_null(strstr(sent, QUESTION));
	assert_true(console_watch_end());
}

static void a_line_of_eighty_columns_is_one_row(void **state)
{
	(void)state;
	console_watch_begin(ROWS);
	for (int i = 0; i < ROWS - 1; i++)
		print("%016lx%016lx%016lx%016lx%016lx\n", (u64)0, (u64)0, (u64)0, (u64)0, (u64)0);
	assert_null(strstr(sent, QUESTION));
	assert_false(console_watch_end());
}

static void the_log_is_what_was_printed_last(void **state)
{
	(void)state;
	for (int i = 0; i < 4000; i++)
		print("line %d\n", i);
	sent_length = 0;
	console_show_log();
	assert_int_equal(sent_length, 16384);
	assert_non_null(strstr(sent, "\nline 3998\nline 3999\n"));
	assert_null(strstr(sent, "line 1999\n"));
	sent_length = 0;
	console_show_log();
	assert_int_equal(sent_length, 16384); /* showing it has not changed it */
}

static void without_a_device_everything_is_dropped(void **state)
{
	(void)state;
	console_init((struct serial_kind){ 0 }, NULL);
	print("text");
	assert_string_equal(sent, "");
	assert_int_equal(console_read(), -1);
}

static void bytes_from_outside_reach_the_terminal_as_characters_only(void **state)
{
	(void)state;
	console_write_safe("a\033[2J\177\200~", 8);
	assert_string_equal(sent, "a?[2J??~");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ctrl_c_ends_the_output_and_what_was_typed_before_it),
		TEST(outside_a_command_ctrl_c_is_a_key_like_any_other),
		TEST(what_is_typed_during_an_output_is_read_after_it_in_order),
		TEST(a_page_waits_for_a_key),
		TEST(a_line_that_takes_two_rows_counts_as_two),
		TEST(a_line_of_eighty_columns_is_one_row),
		TEST(the_log_is_what_was_printed_last),
		TEST(without_a_device_everything_is_dropped),
		TEST(bytes_from_outside_reach_the_terminal_as_characters_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
