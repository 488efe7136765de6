// SPDX-License-Identifier: MIT
/*
 * Host tests of lib/serial.c: the rows of lib/uart.h, and the way from a type to its driver. What
 * drivers do is tested in their own programs.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pagoda/lib/serial.h>

static bool is_terminated(const char *text, size_t size)
{
	return strnlen(text, size) < size;
}

static void every_row_fits_and_is_of_its_type(void **state)
{
	const struct serial_words *words;
	unsigned count = 0;

	(void)state;
	for (; (words = serial_words(count)); count++) {
		assert_true(words->name[0] != '\0');
		assert_true(is_terminated(words->name, sizeof(words->name)));
		assert_true(is_terminated(words->earlycon, sizeof(words->earlycon)));
		assert_true(words->compatible[0][0] != '\0');
		for (unsigned i = 0; i < SERIAL_COMPATIBLES; i++)
			assert_true(
				is_terminated(words->compatible[i], sizeof(*words->compatible)));
		assert_string_equal(serial_type_str(count), words->name);
	}
	assert_true(count > SERIAL_8250);
	assert_null(serial_words(~0u));
	assert_string_equal(serial_type_str(count), "unknown UART");
}

static void no_two_rows_have_a_name_in_common(void **state)
{
	const struct serial_words *a, *b;

	(void)state;
	for (unsigned i = 0; (a = serial_words(i)); i++) {
		for (unsigned j = 0; j < i && (b = serial_words(j)); j++) {
			assert_string_not_equal(a->name, b->name);
			for (unsigned k = 0; k < SERIAL_COMPATIBLES * SERIAL_COMPATIBLES; k++) {
				const char *of_a = a->compatible[k / SERIAL_COMPATIBLES];
				const char *of_b = b->compatible[k % SERIAL_COMPATIBLES];

				assert_true(*of_a == '\0' || strcmp(of_a, of_b) != 0);
			}
		}
	}
}

/* DDI 0183: FR is at 0x18; PC16550D: LSR is number 5. */
static void each_type_has_its_own_status_register(void **state)
{
	static const struct {
		struct serial_kind kind;
		u32 offset, width;
	} rows[] = {
		{ { SERIAL_PL011, 0, 0 }, 0x18, 4 }, { { SERIAL_SBSA, 0, 0 }, 0x18, 4 },
		{ { SERIAL_8250, 0, 1 }, 5, 1 },     { { SERIAL_8250, 2, 4 }, 20, 4 },
		{ { SERIAL_8250, 1, 2 }, 10, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(serial_status(rows[i].kind).offset, rows[i].offset);
		assert_int_equal(serial_status(rows[i].kind).width, rows[i].width);
	}
}

/* Neither CR (0x30) nor LCR_H (0x2c) is the SBSA UART's; its FIFO of 32 is on. */
static void an_sbsa_uart_is_left_as_it_is(void **state)
{
	struct serial_kind kind = { SERIAL_SBSA, 0, 0 };
	u32 device[1024] = { [0x18 / 4] = 0x90 }; /* all sent, nothing received */

	(void)state;
	serial_enable(kind, device);
	assert_int_equal(serial_fifo_enable(kind, device), 32);
	assert_int_equal(device[0x30 / 4], 0);
	assert_int_equal(device[0x2c / 4], 0);
	assert_true(serial_write(kind, device, 32, "ab", 2));
	assert_int_equal(device[0], 'b');
	assert_int_equal(serial_read(kind, device), -1);
	serial_receive_interrupt(kind, device, true);
	assert_int_equal(device[0x38 / 4], 0x50);
}

static void of_a_type_that_nobody_knows_nothing_comes(void **state)
{
	struct serial_kind kind = { 0xff, 0, 1 };
	u32 device[1024] = { 0 }, untouched[1024] = { 0 };

	(void)state;
	serial_enable(kind, device);
	serial_receive_interrupt(kind, device, true);
	assert_int_equal(serial_fifo_enable(kind, device), 1);
	assert_false(serial_write(kind, device, 1, "x", 1));
	assert_int_equal(serial_read(kind, device), -1);
	assert_memory_equal(device, untouched, sizeof(device));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_fits_and_is_of_its_type),
		cmocka_unit_test(no_two_rows_have_a_name_in_common),
		cmocka_unit_test(each_type_has_its_own_status_register),
		cmocka_unit_test(an_sbsa_uart_is_left_as_it_is),
		cmocka_unit_test(of_a_type_that_nobody_knows_nothing_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
