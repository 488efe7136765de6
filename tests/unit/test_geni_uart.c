// SPDX-License-Identifier: MIT
/*
 * lib/geni_uart.c on a fake engine: it is included here, over register accesses of this test's own.
 * Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/fake_mmio.h"

#define geni_uart_status tested_status
#define geni_uart_enable tested_enable
#define geni_uart_fifo_enable tested_fifo_enable
#define geni_uart_write tested_write
#define geni_uart_read tested_read
#define geni_uart_receive_interrupt tested_receive_interrupt
#include "../../lib/geni_uart.c"

/* From Linux's and U-Boot's headers of the engine, not from the driver. */
#define OFFSET_STATUS 0x40
#define OFFSET_DMA_MODE 0x258
#define OFFSET_TX_LENGTH 0x270
#define OFFSET_RX_PACKING 0x284
#define OFFSET_RX_PACKING_2 0x288
#define OFFSET_M_COMMAND 0x600
#define OFFSET_M_CONTROL 0x604
#define OFFSET_M_IRQ_ENABLE 0x614
#define OFFSET_M_IRQ_CLEAR 0x618
#define OFFSET_S_COMMAND 0x630
#define OFFSET_S_CONTROL 0x634
#define OFFSET_S_IRQ_ENABLE 0x644
#define OFFSET_S_IRQ_CLEAR 0x648
#define OFFSET_TX_FIFO 0x700
#define OFFSET_RX_FIFO 0x780
#define OFFSET_RX_FIFO_STATUS 0x804
#define STATUS_MAIN 0x0001
#define STATUS_SECONDARY 0x1000
#define START 0x08000000
#define ABORT 0x2
#define PACKING_ONE_BYTE 0xf
#define PACKING_FOUR_BYTES 0x4380e
#define WORDS_WITH_LAST 0x90000000 /* flags beside the number of words */

static const struct serial_kind kind = { SERIAL_GENI, 0, 0 };

static struct {
	u8 registers[0x1000];
	u32 values[0x1000]; /* by offset */
	char sent[64];
	unsigned sent_count;
	bool main_active, secondary_active;
	unsigned wanted; /* characters that the main sequencer's command still waits for */
	unsigned busy_polls, polls; /* looks until a command whose characters came is done */
	bool stuck; /* no command ends, whatever is done */
	bool absent;
	const char *typed;
	unsigned looks, aborts, starts;
} device;

static u32 status_read(void)
{
	device.looks++;
	if (device.main_active && device.wanted == 0 && !device.stuck && device.polls-- == 0)
		device.main_active = false;
	return (device.main_active ? STATUS_MAIN : 0) |
	       (device.secondary_active ? STATUS_SECONDARY : 0);
}

static u32 device_read(const volatile void *address, unsigned width)
{
	size_t offset = (size_t)((const volatile u8 *)address - device.registers);

	assert_int_equal(width, 4);
	if (device.absent)
		return ~0u;
	switch (offset) {
	case OFFSET_STATUS:
		return status_read();
	case OFFSET_RX_FIFO_STATUS:
		return WORDS_WITH_LAST | (u32)strlen(device.typed);
	case OFFSET_RX_FIFO:
		assert_true(*device.typed != '\0');
		assert_int_equal(device.values[OFFSET_RX_PACKING], PACKING_ONE_BYTE);
		return (u8)*device.typed++;
	case OFFSET_RX_PACKING:
	case OFFSET_DMA_MODE:
		return device.values[offset];
	}
	fail_msg("read at %#zx", offset);
	return 0;
}

static void main_command(u32 value)
{
	assert_int_equal(value, START);
	assert_false(device.main_active);
	device.main_active = true;
	device.wanted = device.values[OFFSET_TX_LENGTH];
	device.polls = device.busy_polls;
	assert_in_range(device.wanted, 1, 4);
}

static void device_write(volatile void *address, unsigned width, u32 value)
{
	size_t offset = (size_t)((volatile u8 *)address - device.registers);

	assert_int_equal(width, 4);
	switch (offset) {
	case OFFSET_M_COMMAND:
		main_command(value);
		return;
	case OFFSET_TX_FIFO:
		assert_true(device.main_active && device.wanted > 0);
		assert_in_range(value, 0, 0xff);
		device.sent[device.sent_count++] = (char)value;
		device.wanted--;
		return;
	case OFFSET_M_CONTROL:
	case OFFSET_S_CONTROL:
		assert_int_equal(value, ABORT);
		device.aborts++;
		if (!device.stuck)
			*(offset == OFFSET_M_CONTROL ? &device.main_active :
						       &device.secondary_active) = false;
		return;
	case OFFSET_S_COMMAND:
		assert_int_equal(value, START);
		assert_false(device.secondary_active);
		device.secondary_active = true;
		device.starts++;
		return;
	case OFFSET_RX_PACKING:
	case OFFSET_RX_PACKING_2:
		assert_false(device.secondary_active);
		break;
	case OFFSET_DMA_MODE:
		assert_false(device.main_active);
		break;
	case OFFSET_TX_LENGTH:
		assert_false(device.main_active);
		break;
	case OFFSET_M_IRQ_ENABLE:
	case OFFSET_M_IRQ_CLEAR:
	case OFFSET_S_IRQ_ENABLE:
	case OFFSET_S_IRQ_CLEAR:
		break;
	default:
		fail_msg("write at %#zx", offset);
	}
	device.values[offset] = value;
}

static int device_reset(void **state)
{
	(void)state;
	memset(&device, 0, sizeof(device));
	device.typed = "";
	device.values[OFFSET_M_IRQ_ENABLE] = 0x40000001; /* as firmware left it */
	device.values[OFFSET_S_IRQ_ENABLE] = 0x0c000000;
	return 0;
}

static void assert_sent(const char *text, size_t length)
{
	assert_int_equal(device.sent_count, length);
	assert_memory_equal(device.sent, text, length);
}

static void the_status_is_the_engines(void **state)
{
	(void)state;
	assert_int_equal(tested_status(kind).offset, OFFSET_STATUS);
	assert_int_equal(tested_status(kind).width, 4);
}

static void each_character_is_a_command_of_its_own(void **state)
{
	(void)state;
	device.busy_polls = 1000;
	tested_enable(kind, device.registers);
	assert_true(tested_write(kind, device.registers, 1, "a\n\n\xff", 4));
	assert_sent("a\r\n\r\n\xff", 6);
}

static void what_firmware_still_sends_is_waited_for(void **state)
{
	(void)state;
	device.main_active = true;
	device.polls = 1000;
	assert_true(tested_write(kind, device.registers, 1, "x", 1));
	assert_sent("x", 1);
	assert_int_equal(device.aborts, 0);
}

/* An exception came between the command and its character, and its report is to be seen. */
static void a_command_whose_character_never_comes_is_aborted(void **state)
{
	(void)state;
	device.main_active = true;
	device.wanted = 1;
	assert_true(tested_write(kind, device.registers, 1, "report", 6));
	assert_sent("report", 6);
	assert_int_equal(device.aborts, 1);
}

static void an_engine_that_is_stuck_ends_the_wait_and_the_text(void **state)
{
	(void)state;
	device.stuck = device.main_active = true;
	assert_false(tested_write(kind, device.registers, 1, "lost text", 9));
	assert_sent("", 0);
	/* Bounded waits for each call, not for each character. */
	assert_in_range(device.looks, 2, 4 * 1000 * 1000);
}

static void where_there_is_no_engine_nothing_is_sent_or_received(void **state)
{
	(void)state;
	device.absent = true;
	assert_int_equal(tested_read(kind, device.registers), -1);
	assert_false(tested_write(kind, device.registers, 1, "x", 1));
	assert_sent("", 0);
}

static void interrupts_and_dma_are_turned_off(void **state)
{
	(void)state;
	device.values[OFFSET_DMA_MODE] = 1;
	device.main_active = true;
	device.polls = 10;
	tested_enable(kind, device.registers);
	assert_int_equal(device.values[OFFSET_M_IRQ_ENABLE], 0);
	assert_int_equal(device.values[OFFSET_S_IRQ_ENABLE], 0);
	assert_int_equal(device.values[OFFSET_DMA_MODE], 0);
	tested_receive_interrupt(kind, device.registers, true);
	assert_int_equal(device.values[OFFSET_S_IRQ_ENABLE], 0);
}

static void the_receiver_is_started_with_a_byte_in_each_word(void **state)
{
	(void)state;
	assert_int_equal(tested_fifo_enable(kind, device.registers), 1);
	assert_int_equal(device.values[OFFSET_RX_PACKING], PACKING_ONE_BYTE);
	assert_true(device.secondary_active);
	assert_int_equal(device.aborts, 0);
	assert_int_equal(tested_read(kind, device.registers), -1);
	device.typed = "a\xfe";
	assert_int_equal(tested_read(kind, device.registers), 'a');
	assert_int_equal(tested_read(kind, device.registers), 0xfe);
	assert_int_equal(tested_read(kind, device.registers), -1);
}

static void a_receiver_that_firmware_left_on_is_started_anew(void **state)
{
	(void)state;
	device.secondary_active = true;
	device.values[OFFSET_RX_PACKING] = PACKING_FOUR_BYTES;
	device.values[OFFSET_RX_PACKING_2] = 0xc3e0e;
	assert_int_equal(tested_fifo_enable(kind, device.registers), 1);
	assert_int_equal(device.aborts, 1);
	assert_int_equal(device.starts, 1);
	assert_int_equal(device.values[OFFSET_RX_PACKING], PACKING_ONE_BYTE);
	assert_int_equal(device.values[OFFSET_RX_PACKING_2], 0);
	assert_int_equal(tested_fifo_enable(kind, device.registers), 1); /* it is as it must be */
	assert_int_equal(device.aborts, 1);
	assert_int_equal(device.starts, 1);
}

static void a_receiver_that_does_not_stop_costs_the_input_only(void **state)
{
	(void)state;
	device.secondary_active = device.stuck = true;
	device.values[OFFSET_RX_PACKING] = PACKING_FOUR_BYTES;
	assert_int_equal(tested_fifo_enable(kind, device.registers), 1);
	assert_int_equal(device.starts, 0);
	device.stuck = false;
	assert_true(tested_write(kind, device.registers, 1, "x", 1));
	assert_sent("x", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_status_is_the_engines, device_reset),
		cmocka_unit_test_setup(each_character_is_a_command_of_its_own, device_reset),
		cmocka_unit_test_setup(what_firmware_still_sends_is_waited_for, device_reset),
		cmocka_unit_test_setup(a_command_whose_character_never_comes_is_aborted,
				       device_reset),
		cmocka_unit_test_setup(an_engine_that_is_stuck_ends_the_wait_and_the_text,
				       device_reset),
		cmocka_unit_test_setup(where_there_is_no_engine_nothing_is_sent_or_received,
				       device_reset),
		cmocka_unit_test_setup(interrupts_and_dma_are_turned_off, device_reset),
		cmocka_unit_test_setup(the_receiver_is_started_with_a_byte_in_each_word,
				       device_reset),
		cmocka_unit_test_setup(a_receiver_that_firmware_left_on_is_started_anew,
				       device_reset),
		cmocka_unit_test_setup(a_receiver_that_does_not_stop_costs_the_input_only,
				       device_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
