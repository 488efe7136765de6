// SPDX-License-Identifier: MIT
/*
 * Host tests of the consoles without a UART: lib/text_buffer.c on memory, and lib/semihost.c before
 * somebody who serves its calls. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <pagoda/types.h>

#define PAGODA_SEMIHOST_H /* what follows takes the place of <pagoda/lib/semihost.h> */
#define SEMIHOST_WRITE0 0x04

static void semihost_call(u64 operation, const void *argument);

#define semihost_status tested_status
#define semihost_enable tested_enable
#define semihost_fifo_enable tested_fifo_enable
#define semihost_write tested_write
#define semihost_read tested_read
#define semihost_receive_interrupt tested_receive_interrupt
#include "../../lib/semihost.c"
#include <pagoda/lib/serial.h>

#define HEADER 16

static char *buffer;
static struct serial_kind kind = { SERIAL_BUFFER, 12, 0 };

static int setup(void **state)
{
	(void)state;
	buffer = aligned_alloc(4096, 2 * 4096);
	if (!buffer)
		return -1;
	memset(buffer, 0xee, 2 * 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(buffer);
	return 0;
}

static u32 word(unsigned index)
{
	u32 value;

	memcpy(&value, buffer + 4 * index, sizeof(value));
	return value;
}

static void write_text(const char *text)
{
	assert_true(serial_write(kind, buffer, 1, text, strlen(text)));
}

static void text_stands_behind_a_header_that_says_how_much(void **state)
{
	(void)state;
	serial_enable(kind, buffer);
	assert_memory_equal(buffer, "-pag-tx-\0\0\0\0\0\0\0\0", HEADER);
	write_text("one\n");
	write_text("two");
	assert_memory_equal(buffer + HEADER, "one\ntwo\xee", 8);
	assert_int_equal(word(2), 7);
	assert_int_equal(word(3), 0);
	assert_int_equal(serial_read(kind, buffer), -1);
	/* Turned on again, it is empty. */
	serial_enable(kind, buffer);
	assert_int_equal(word(2), 0);
}

static void the_last_of_the_text_is_there_and_nothing_behind_it_is_written(void **state)
{
	const u32 room = 4096 - HEADER;
	char text[10];

	(void)state;
	serial_enable(kind, buffer);
	for (unsigned i = 0; i < 1000; i++) {
		memset(text, 'a' + (char)(i % 26), sizeof(text) - 1);
		text[9] = '\0';
		write_text(text);
	}
	assert_int_equal(word(2), 9000 % room);
	assert_int_equal(word(3), 9000 / room);
	for (u32 i = 0; i < room; i++) {
		u32 number = 9000 - 1 - i; /* of the character, backwards */

		assert_int_equal(buffer[HEADER + number % room], 'a' + number / 9 % 26);
	}
	for (unsigned i = 4096; i < 2 * 4096; i++)
		assert_int_equal((u8)buffer[i], 0xee);
}

/* What somebody has written over it leads nowhere else. */
static void a_place_beyond_the_buffer_is_none(void **state)
{
	u32 wrong = 0xfffffff0;

	(void)state;
	serial_enable(kind, buffer);
	memcpy(buffer + 8, &wrong, sizeof(wrong));
	write_text("x");
	assert_true(word(2) <= 4096 - HEADER);
	for (unsigned i = 4096; i < 2 * 4096; i++)
		assert_int_equal((u8)buffer[i], 0xee);
}

static char printed[512];
static unsigned calls;

static void semihost_call(u64 operation, const void *argument)
{
	assert_int_equal(operation, 4); /* SYS_WRITE0 */
	assert_in_range(strlen(argument), 0, PIECE);
	strcat(printed, argument);
	calls++;
}

static void what_is_written_by_semihosting_comes_whole_and_in_few_calls(void **state)
{
	struct serial_kind none = { SERIAL_SEMIHOST, 0, 0 };
	char text[300];

	(void)state;
	for (size_t length = 0; length < sizeof(text); length++) {
		printed[0] = '\0';
		calls = 0;
		memset(text, 'x', sizeof(text));
		for (size_t i = 0; i < length; i++)
			text[i] = (char)('a' + i % 25);
		assert_true(tested_write(none, SERIAL_NO_REGISTERS, 1, text, length));
		assert_int_equal(strlen(printed), length);
		assert_memory_equal(printed, text, length);
		assert_int_equal(calls, (length + 63) / 64);
	}
	printed[0] = '\0';
	tested_write(none, SERIAL_NO_REGISTERS, 1, "a\0b\n", 4);
	assert_string_equal(printed, "ab\n");
	calls = 0;
	tested_enable(none, SERIAL_NO_REGISTERS);
	assert_string_equal(printed, "ab\n");
	assert_int_equal(calls, 1);
	assert_int_equal(tested_read(none, SERIAL_NO_REGISTERS), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(text_stands_behind_a_header_that_says_how_much,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_last_of_the_text_is_there_and_nothing_behind_it_is_written, setup,
			teardown),
		cmocka_unit_test_setup_teardown(a_place_beyond_the_buffer_is_none, setup, teardown),
		cmocka_unit_test(what_is_written_by_semihosting_comes_whole_and_in_few_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
