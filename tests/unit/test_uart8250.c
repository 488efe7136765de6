// SPDX-License-Identifier: MIT
/*
 * lib/uart8250.c on a fake device: it is included here, over register accesses of this test's own.
 * Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/types.h>

#define PAGODA_MMIO_H /* these take the place of <pagoda/mmio.h> */
static u32 mmio_read32(const volatile u32 *address);
static void mmio_write32(volatile u32 *address, u32 value);
static u16 mmio_read16(const volatile u16 *address);
static void mmio_write16(volatile u16 *address, u16 value);
static u8 mmio_read8(const volatile u8 *address);
static void mmio_write8(volatile u8 *address, u8 value);

#define uart8250_status tested_status
#define uart8250_enable tested_enable
#define uart8250_fifo_enable tested_fifo_enable
#define uart8250_write tested_write
#define uart8250_read tested_read
#define uart8250_receive_interrupt tested_receive_interrupt
#include "../../lib/uart8250.c"

/* From the PC16550D's data sheet, not from the driver. */
#define NUMBER_DATA 0
#define NUMBER_INTERRUPT_ENABLE 1
#define NUMBER_FIFO_CONTROL 2
#define NUMBER_MODEM_CONTROL 4
#define NUMBER_LINE_STATUS 5
#define STATUS_DATA_READY 0x01
#define STATUS_EMPTY 0x60 /* holding and shift register */

static const struct serial_kind kinds[] = {
	{ SERIAL_8250, 0, 1 },	  { SERIAL_8250, 2, 1 },    { SERIAL_8250, 1, 2 },
	{ SERIAL_8250, 2, 2 },	  { SERIAL_8250, 2, 4 },    { SERIAL_8250, 3, 4 },
	{ SERIAL_8250, 2, 0x84 }, { SERIAL_8250, 1, 0x82 },
};

static struct {
	struct serial_kind kind;
	u8 registers[64];
	char sent[64];
	unsigned sent_count, busy_polls, full_polls;
	bool dead, absent;
	const char *typed;
	u8 fifo_control, interrupt_enable, modem_control;
} device;

/* The register at @address, which must be where this kind of device has one, and @width wide. */
static unsigned number_of(const volatile void *address, unsigned width)
{
	size_t offset = (size_t)((const volatile u8 *)address - device.registers);

	assert_int_equal(width, device.kind.io_width & 7);
	assert_int_equal(offset % (1u << device.kind.reg_shift), 0);
	return (unsigned)(offset >> device.kind.reg_shift);
}

/* The bytes of a register turned around where this kind of device has them so. */
static u32 turned(u32 value)
{
	if (device.kind.io_width == 0x84)
		return value >> 24 | (value >> 8 & 0xff00) | (value << 8 & 0xff0000) | value << 24;
	if (device.kind.io_width == 0x82)
		return (value >> 8 & 0xff) | (value << 8 & 0xff00);
	return value;
}

static u32 device_value(const volatile void *address, unsigned width)
{
	unsigned number = number_of(address, width);
	u32 status = *device.typed != '\0' ? STATUS_DATA_READY : 0;

	if (device.absent)
		return ~0u;
	if (number == NUMBER_DATA) {
		assert_true(*device.typed != '\0');
		return (u8)*device.typed++;
	}
	if (number == NUMBER_MODEM_CONTROL)
		return device.modem_control;
	if (number == NUMBER_INTERRUPT_ENABLE)
		return device.interrupt_enable;
	assert_int_equal(number, NUMBER_LINE_STATUS);
	if (!device.dead && device.full_polls == 0)
		return status | STATUS_EMPTY;
	device.full_polls -= device.full_polls > 0;
	return status;
}

static u32 device_read(const volatile void *address, unsigned width)
{
	return turned(device_value(address, width));
}

static void device_write(const volatile void *address, unsigned width, u32 value)
{
	unsigned number = number_of(address, width);

	value = turned(value);
	assert_in_range(value, 0, 0xff);
	if (number == NUMBER_FIFO_CONTROL) {
		device.fifo_control = (u8)value;
		return;
	}
	if (number == NUMBER_INTERRUPT_ENABLE || number == NUMBER_MODEM_CONTROL) {
		*(number == NUMBER_MODEM_CONTROL ? &device.modem_control :
						   &device.interrupt_enable) = (u8)value;
		return;
	}
	assert_int_equal(number, NUMBER_DATA);
	assert_false(device.dead);
	assert_int_equal(device.full_polls, 0);
	device.sent[device.sent_count++] = (char)value;
	device.full_polls = device.busy_polls;
}

static u32 mmio_read32(const volatile u32 *address)
{
	return device_read(address, 4);
}

static void mmio_write32(volatile u32 *address, u32 value)
{
	device_write(address, 4, value);
}

static u16 mmio_read16(const volatile u16 *address)
{
	return (u16)device_read(address, 2);
}

static void mmio_write16(volatile u16 *address, u16 value)
{
	device_write(address, 2, value);
}

static u8 mmio_read8(const volatile u8 *address)
{
	return (u8)device_read(address, 1);
}

static void mmio_write8(volatile u8 *address, u8 value)
{
	device_write(address, 1, value);
}

static void device_reset(struct serial_kind kind)
{
	memset(&device, 0, sizeof(device));
	device.kind = kind;
	device.typed = "";
}

static void text_is_sent_whatever_the_distance_and_width_of_registers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		device_reset(kinds[i]);
		device.busy_polls = 100;
		assert_true(tested_write(kinds[i], device.registers, 1, "a\n\xff", 3));
		assert_int_equal(device.sent_count, 4);
		assert_memory_equal(device.sent, "a\r\n\xff", 4);
	}
}

static void bytes_are_received_in_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		device_reset(kinds[i]);
		assert_int_equal(tested_read(kinds[i], device.registers), -1);
		device.typed = "a\xfe";
		assert_int_equal(tested_read(kinds[i], device.registers), 'a');
		assert_int_equal(tested_read(kinds[i], device.registers), 0xfe);
		assert_int_equal(tested_read(kinds[i], device.registers), -1);
	}
}

static void a_device_that_takes_nothing_ends_the_wait(void **state)
{
	(void)state;
	device_reset(kinds[0]);
	device.dead = true;
	assert_false(tested_write(kinds[0], device.registers, 1, "x", 1));
	assert_false(tested_write(kinds[0], device.registers, 1, "\n", 1));
}

static void where_there_is_no_device_nothing_is_sent_or_received(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		device_reset(kinds[i]);
		device.absent = true;
		assert_int_equal(tested_read(kinds[i], device.registers), -1);
		assert_false(tested_write(kinds[i], device.registers, 1, "x", 1));
		assert_int_equal(device.sent_count, 0);
	}
}

static void fifos_are_turned_on(void **state)
{
	(void)state;
	device_reset(kinds[4]);
	assert_int_equal(tested_fifo_enable(kinds[4], device.registers), 1);
	assert_int_equal(device.fifo_control, 1);
}

static void received_bytes_interrupt_through_the_gate_that_boards_have(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		device_reset(kinds[i]);
		device.modem_control = 0x03; /* ready to send, as firmware left it */
		device.interrupt_enable = 0x0f;
		tested_receive_interrupt(kinds[i], device.registers, true);
		assert_int_equal(device.interrupt_enable, 0x01);
		assert_int_equal(device.modem_control, 0x0b);
		tested_receive_interrupt(kinds[i], device.registers, false);
		assert_int_equal(device.interrupt_enable, 0);
		assert_int_equal(device.modem_control, 0x0b);
	}
}

/* Intel's XScale has the switch of the UART among the interrupts. */
static void a_uart_that_is_on_stays_on(void **state)
{
	(void)state;
	device_reset(kinds[4]);
	device.interrupt_enable = 0x57;
	tested_receive_interrupt(kinds[4], device.registers, true);
	assert_int_equal(device.interrupt_enable, 0x41);
	tested_receive_interrupt(kinds[4], device.registers, false);
	assert_int_equal(device.interrupt_enable, 0x40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_sent_whatever_the_distance_and_width_of_registers),
		cmocka_unit_test(bytes_are_received_in_order),
		cmocka_unit_test(a_device_that_takes_nothing_ends_the_wait),
		cmocka_unit_test(where_there_is_no_device_nothing_is_sent_or_received),
		cmocka_unit_test(fifos_are_turned_on),
		cmocka_unit_test(a_uart_that_is_on_stays_on),
		cmocka_unit_test(received_bytes_interrupt_through_the_gate_that_boards_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
