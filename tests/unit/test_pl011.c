// SPDX-License-Identifier: MIT
/*
 * lib/pl011.c on a fake device: it is included here, over register accesses of this test's own.
 * Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/types.h>

#define PAGODA_MMIO_H /* these two take the place of <pagoda/mmio.h> */
static u32 mmio_read32(const volatile u32 *address);
static void mmio_write32(volatile u32 *address, u32 value);

#define pl011_status tested_status
#define pl011_enable tested_enable
#define pl011_fifo_enable tested_fifo_enable
#define pl011_write tested_write
#define pl011_read tested_read
#define pl011_receive_interrupt tested_receive_interrupt
#include "../../lib/pl011.c"

/* From DDI 0183, chapter 3, not from the driver. */
#define OFFSET_DATA 0x00
#define OFFSET_FLAGS 0x18
#define OFFSET_LINE 0x2c
#define OFFSET_CONTROL 0x30
#define OFFSET_MASK 0x38
#define INTERRUPTS_RECEIVE 0x50 /* the FIFO is full enough; a byte waits in it */
#define FLAG_BUSY 0x08
#define FLAG_RECEIVE_EMPTY 0x10
#define FLAG_TRANSMIT_FULL 0x20
#define FLAG_TRANSMIT_EMPTY 0x80
#define LINE_FIFOS 0x10

static const struct serial_kind kind = { SERIAL_PL011, 0, 0 };

static struct {
	u32 registers[1024];
	char sent[64];
	unsigned sent_count;
	unsigned busy_polls; /* for so many looks the FIFO stays full after each character */
	unsigned full_polls; /* looks left until there is room */
	bool dead; /* always full */
	const char *typed; /* what is still to be received */
	bool quick; /* sends all it has between two looks */
	unsigned room; /* since the last look */
	unsigned flag_reads, control_writes;
} device;

static size_t offset_of(const volatile u32 *address)
{
	return (size_t)((const volatile u8 *)address - (u8 *)device.registers);
}

static u32 flags_read(void)
{
	u32 flags = *device.typed == '\0' ? FLAG_RECEIVE_EMPTY : 0;

	device.flag_reads++;
	if (device.dead || device.full_polls > 0)
		flags |= FLAG_TRANSMIT_FULL | FLAG_BUSY;
	if (device.full_polls > 0)
		device.full_polls--;
	device.room = flags & FLAG_TRANSMIT_FULL ? 0 : 1;
	if (device.quick) {
		flags |= FLAG_TRANSMIT_EMPTY;
		device.room = device.registers[OFFSET_LINE / 4] & LINE_FIFOS ? 16 : 1;
	}
	return flags;
}

static u32 mmio_read32(const volatile u32 *address)
{
	switch (offset_of(address)) {
	case OFFSET_DATA:
		assert_true(*device.typed != '\0');
		return 0xf00 | (u8)*device.typed++; /* as if all receive errors were there */
	case OFFSET_FLAGS:
		return flags_read();
	case OFFSET_CONTROL:
	case OFFSET_LINE:
		return *address;
	}
	fail_msg("read at %#zx", offset_of(address));
	return 0;
}

static void mmio_write32(volatile u32 *address, u32 value)
{
	switch (offset_of(address)) {
	case OFFSET_DATA:
		assert_false(device.dead);
		assert_int_equal(device.full_polls, 0);
		assert_true(device.room-- > 0);
		assert_in_range(device.sent_count, 0, sizeof(device.sent) - 1);
		assert_in_range(value, 0, 0xff);
		device.sent[device.sent_count++] = (char)value;
		device.full_polls = device.busy_polls;
		return;
	case OFFSET_LINE:
		assert_int_equal(device.registers[OFFSET_CONTROL / 4] & 1, 0); /* it is off */
		*address = value;
		return;
	case OFFSET_MASK:
		*address = value;
		return;
	case OFFSET_CONTROL:
		assert_int_equal(device.full_polls, 0);
		device.control_writes++;
		*address = value;
		return;
	}
	fail_msg("write at %#zx", offset_of(address));
}

static int device_reset(void **state)
{
	(void)state;
	memset(&device, 0, sizeof(device));
	device.typed = "";
	return 0;
}

static void assert_sent(const char *text, size_t length)
{
	assert_int_equal(device.sent_count, length);
	assert_memory_equal(device.sent, text, length);
}

static void text_is_sent_in_order(void **state)
{
	(void)state;
	assert_true(tested_write(kind, device.registers, 16, "pagoda", 6));
	assert_sent("pagoda", 6);
	assert_true(tested_write(kind, device.registers, 16, "", 0));
	assert_sent("pagoda", 6);
}

static void a_new_line_is_sent_as_carriage_return_and_new_line(void **state)
{
	(void)state;
	assert_true(tested_write(kind, device.registers, 16, "a\n\nb\r\n", 6));
	assert_sent("a\r\n\r\nb\r\r\n", 9);
}

static void every_byte_goes_through_unchanged(void **state)
{
	(void)state;
	assert_true(tested_write(kind, device.registers, 16, "\0\x7f\x80\xff", 4));
	assert_sent("\0\x7f\x80\xff", 4);
}

static void an_empty_fifo_is_filled_with_one_look_where_it_is_on(void **state)
{
	char text[41];

	(void)state;
	memset(text, '\n', 20);
	device.quick = true;
	assert_true(tested_write(kind, device.registers, 1, text, 10));
	assert_sent("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", 20);
	assert_int_equal(device.flag_reads, 20);

	device_reset(state);
	device.quick = true;
	device.registers[OFFSET_LINE / 4] = 0x70;
	memset(text, 'x', sizeof(text));
	assert_true(tested_write(kind, device.registers, 16, text, sizeof(text)));
	assert_sent(text, sizeof(text));
	assert_int_equal(device.flag_reads, 3);
}

static void a_full_fifo_is_waited_for(void **state)
{
	(void)state;
	device.busy_polls = 1000;
	device.full_polls = 1000;
	assert_true(tested_write(kind, device.registers, 16, "ok\n", 3));
	assert_sent("ok\r\n", 4);
}

static void a_fifo_that_stays_full_ends_the_wait_and_the_text(void **state)
{
	(void)state;
	device.dead = true;
	assert_false(tested_write(kind, device.registers, 16, "lost text", 9));
	assert_false(tested_write(kind, device.registers, 16, "\n", 1));
	assert_sent("", 0);
	/* One bounded wait for each call, not for each character. */
	assert_in_range(device.flag_reads, 2, 4 * 1000 * 1000);
}

static void a_device_that_is_off_is_turned_on_with_its_settings_kept(void **state)
{
	(void)state;
	device.registers[OFFSET_CONTROL / 4] = 0xc000; /* flow control by CTS and RTS */
	tested_enable(kind, device.registers);
	assert_int_equal(device.registers[OFFSET_CONTROL / 4], 0xc301);
}

static void a_device_that_is_on_is_left_alone(void **state)
{
	(void)state;
	device.registers[OFFSET_CONTROL / 4] = 0xc301;
	tested_enable(kind, device.registers);
	assert_int_equal(device.control_writes, 0);
}

static void fifos_are_turned_on_with_the_uart_off_and_nothing_left_to_send(void **state)
{
	(void)state;
	device.registers[OFFSET_CONTROL / 4] = 0xc301;
	device.registers[OFFSET_LINE / 4] = 0x60;
	device.full_polls = 1000;
	assert_int_equal(tested_fifo_enable(kind, device.registers), 16);
	assert_int_equal(device.registers[OFFSET_LINE / 4], 0x70);
	assert_int_equal(device.registers[OFFSET_CONTROL / 4], 0xc301);
	assert_int_equal(device.control_writes, 2);
	assert_int_equal(tested_fifo_enable(kind, device.registers), 16);
	assert_int_equal(device.control_writes, 2);
}

static void a_device_that_is_never_idle_keeps_its_settings(void **state)
{
	(void)state;
	device.registers[OFFSET_CONTROL / 4] = 0x301;
	device.dead = true;
	assert_int_equal(tested_fifo_enable(kind, device.registers), 1);
	assert_int_equal(device.control_writes, 0);
	assert_int_equal(device.registers[OFFSET_LINE / 4], 0);
}

static void bytes_received_come_without_their_error_bits(void **state)
{
	(void)state;
	assert_int_equal(tested_read(kind, device.registers), -1);
	device.typed = "a\xff";
	assert_int_equal(tested_read(kind, device.registers), 'a');
	assert_int_equal(tested_read(kind, device.registers), 0xff);
	assert_int_equal(tested_read(kind, device.registers), -1);
}

static void received_bytes_interrupt_and_nothing_else_does(void **state)
{
	(void)state;
	device.registers[OFFSET_MASK / 4] = 0x7ff; /* as firmware left it */
	tested_receive_interrupt(kind, device.registers, true);
	assert_int_equal(device.registers[OFFSET_MASK / 4], INTERRUPTS_RECEIVE);
	tested_receive_interrupt(kind, device.registers, false);
	assert_int_equal(device.registers[OFFSET_MASK / 4], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(text_is_sent_in_order, device_reset),
		cmocka_unit_test_setup(a_new_line_is_sent_as_carriage_return_and_new_line,
				       device_reset),
		cmocka_unit_test_setup(every_byte_goes_through_unchanged, device_reset),
		cmocka_unit_test_setup(an_empty_fifo_is_filled_with_one_look_where_it_is_on,
				       device_reset),
		cmocka_unit_test_setup(a_full_fifo_is_waited_for, device_reset),
		cmocka_unit_test_setup(a_fifo_that_stays_full_ends_the_wait_and_the_text,
				       device_reset),
		cmocka_unit_test_setup(a_device_that_is_off_is_turned_on_with_its_settings_kept,
				       device_reset),
		cmocka_unit_test_setup(a_device_that_is_on_is_left_alone, device_reset),
		cmocka_unit_test_setup(
			fifos_are_turned_on_with_the_uart_off_and_nothing_left_to_send,
			device_reset),
		cmocka_unit_test_setup(a_device_that_is_never_idle_keeps_its_settings,
				       device_reset),
		cmocka_unit_test_setup(bytes_received_come_without_their_error_bits, device_reset),
		cmocka_unit_test_setup(received_bytes_interrupt_and_nothing_else_does,
				       device_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
