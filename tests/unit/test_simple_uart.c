// SPDX-License-Identifier: MIT
/*
 * lib/simple_uart.c on fake devices, one of each kind: it is included here, over register accesses
 * of this test's own. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/fake_mmio.h"

#define simple_uart_status tested_status
#define simple_uart_enable tested_enable
#define simple_uart_fifo_enable tested_fifo_enable
#define simple_uart_write tested_write
#define simple_uart_read tested_read
#define simple_uart_receive_interrupt tested_receive_interrupt
#include "../../lib/simple_uart.c"

#define WRITES_MAX 4

/* A register that turning it on changes: as firmware may have left it, and as it must be then. */
struct setting {
	u32 offset, before, after;
};

/* How it is told that characters were lost, and what is written where to go on. */
struct loss {
	u32 offset, told;
	u32 clear_offset, clear;
};

/* From the manuals and bindings named with each, not from the driver. */
struct description {
	const char *name;
	struct serial_kind kind;
	u32 status, send, receive;
	unsigned width, data_width;
	u32 idle; /* the status: nothing to send, nothing received */
	u32 full; /* no more can be sent */
	u32 received; /* one character waits, and idle otherwise */
	u32 data_noise; /* what a character read comes with, errors and the like */
	struct setting settings[WRITES_MAX];
	struct setting orders[2]; /* writes before each character, in .after */
	struct loss loss;
};

static const struct description descriptions[] = {
	{
		/* IMX8MMRM: UTS is 0xb4, with TXEMPTY 6, RXEMPTY 5, TXFULL 4, RXFULL 3. */
		.name = "i.MX",
		.kind = { SERIAL_IMX, 0, 0 },
		.status = 0xb4,
		.send = 0x40,
		.receive = 0x00,
		.width = 4,
		.data_width = 4,
		.idle = 0x60,
		.full = 0x30,
		.received = 0x40,
		.data_noise = 0xf400,
		.settings = {
			{ 0x80, 0x2200, 0x0001 }, /* interrupts for each direction */
			{ 0x84, 0x4020, 0x4027 }, /* 8 bits, CTS ignored */
			{ 0x8c, 0x8041, 0x8000 },
		},
	},
	{
		/* IMX8ULPRM after VERID to PINCFG: STAT, CTRL, DATA are 4, 8, 0xc. */
		.name = "LPUART",
		.kind = { SERIAL_LPUART, 0, 0 },
		.status = 0x04,
		.send = 0x0c,
		.receive = 0x0c,
		.width = 4,
		.data_width = 4,
		.idle = 0x00c00000, /* TDRE, TC */
		.full = 0,
		.received = 0x00e00000,
		.data_noise = 0x2000,
		.settings = { { 0x08, 0x00a00002, 0x000c0002 } },
		.loss = { 0x04, 0x40280000, 0x04, 0x00280000 },
	},
	{
		.name = "LPUART of an LS1021A",
		.kind = { SERIAL_LPUART, 0, SERIAL_BIG_ENDIAN },
		.status = 0x04,
		.send = 0x0c,
		.receive = 0x0c,
		.width = 4,
		.data_width = 4,
		.idle = 0x00c00000,
		.full = 0,
		.received = 0x00e00000,
		.settings = { { 0x08, 0x00000002, 0x000c0002 } },
		/* A setting of the same register (RXINV) stays, other flags stay as they are. */
		.loss = { 0x04, 0x102a0000, 0x04, 0x10280000 },
	},
	{
		/* S905 data sheet: STATUS has 25 busy, 22 empty, 21 full; 20 receive empty. */
		.name = "Meson",
		.kind = { SERIAL_MESON, 0, 0 },
		.status = 0x0c,
		.send = 0x00,
		.receive = 0x04,
		.width = 4,
		.data_width = 4,
		.idle = 0x00500000,
		.full = 0x02300000,
		.received = 0x00400001,
		.settings = { { 0x08, 0x18400007, 0x00003007 } },
	},
	{
		/* UG1087: Channel_sts_reg0 has TFUL 4, TEMPTY 3, RFUL 2, REMPTY 1, RTRIG 0. */
		.name = "Cadence",
		.kind = { SERIAL_CADENCE, 0, 0 },
		.status = 0x2c,
		.send = 0x30,
		.receive = 0x30,
		.width = 4,
		.data_width = 4,
		.idle = 0x0a,
		.full = 0x812,
		.received = 0x08,
		.settings = {
			{ 0x0c, 0, 0x1fff },
			{ 0x00, 0x128, 0x114 }, /* as reset leaves it */
		},
	},
	{
		/* APQ8016E manual: SR has TXEMT 3, TXRDY 2, RXRDY 0. */
		.name = "UARTDM",
		.kind = { SERIAL_UARTDM, 0, 0 },
		.status = 0xa4,
		.send = 0x100,
		.receive = 0x140,
		.width = 4,
		.data_width = 4,
		.idle = 0x0c,
		.full = 0x04, /* room in the FIFO, but a transfer is not over */
		.received = 0x0d,
		.data_noise = 0xabcd00,
		.settings = {
			{ 0xb0, 0x11, 0 },
			{ 0x3c, 0x0a, 0x20 },
			{ 0xa8, 0, 0x05 },
		},
		.orders = { { 0xa8, 0, 0x300 }, { 0x40, 0, 1 } },
		.loss = { 0xa4, 0x1d, 0xa8, 0x30 },
	},
	{
		/* R-Car Gen3: SCSCR 8, SCFTDR 0xc, SCFRDR 0x14, SCFDR 0x1c, SCLSR 0x24. */
		.name = "SCIF",
		.kind = { SERIAL_SCIF, 2, 0 },
		.status = 0x1c,
		.send = 0x0c,
		.receive = 0x14,
		.width = 2,
		.data_width = 1,
		.idle = 0x0000,
		.full = 0x1000, /* 16 of 16 */
		.received = 0x0f10, /* 15 to be sent, 16 to be read */
		.settings = { { 0x08, 0x00fa, 0x0032 } }, /* the clock's choice stays */
		.loss = { 0x24, 0x0001, 0x24, 0 },
	},
	{
		/* RZ/G2L: all of them side by side. */
		.name = "SCIF of an RZ/G2L",
		.kind = { SERIAL_SCIF, 1, 0 },
		.status = 0x0e,
		.send = 0x06,
		.receive = 0x0a,
		.width = 2,
		.data_width = 1,
		.idle = 0x0000,
		.full = 0x1000,
		.received = 0x0001,
		.settings = { { 0x04, 0x0004, 0x0030 } },
		.loss = { 0x12, 0x0001, 0x12, 0 },
	},
	{
		.name = "HSCIF",
		.kind = { SERIAL_HSCIF, 2, 0 },
		.status = 0x1c,
		.send = 0x0c,
		.receive = 0x14,
		.width = 2,
		.data_width = 1,
		.idle = 0x0000,
		.full = 0x8000, /* 128 of 128 */
		.received = 0x7f80,
		.settings = { { 0x08, 0x0000, 0x0030 } },
		.loss = { 0x24, 0x0001, 0x24, 0 },
	},
	{
		/* Exynos 5: UFSTAT has Tx FIFO full 24, count 23:16, Rx FIFO full 8, count 7:0. */
		.name = "Exynos",
		.kind = { SERIAL_EXYNOS, 0, 1 },
		.status = 0x18,
		.send = 0x20,
		.receive = 0x24,
		.width = 4,
		.data_width = 1,
		.idle = 0,
		.full = 0x01000000,
		.received = 0x00ff0001,
		.settings = {
			{ 0x38, 0x0, 0xf },
			{ 0x08, 0x110, 0x111 },
			{ 0x04, 0x3ca, 0x3c5 }, /* both directions were by DMA */
		},
	},
	{
		.name = "Exynos with 32-bit registers only",
		.kind = { SERIAL_EXYNOS, 0, 4 },
		.status = 0x18,
		.send = 0x20,
		.receive = 0x24,
		.width = 4,
		.data_width = 4,
		.idle = 0,
		.full = 0x01000000,
		.received = 0x00000100, /* so full that the count is 0 */
		.settings = {
			{ 0x38, 0x0, 0xf },
			{ 0x08, 0x1, 0x1 },
			{ 0x04, 0x0, 0x5 },
		},
	},
	{
		.name = "Apple",
		.kind = { SERIAL_APPLE, 0, 4 },
		.status = 0x18,
		.send = 0x20,
		.receive = 0x24,
		.width = 4,
		.data_width = 4,
		.idle = 0,
		.full = 0x200,
		.received = 0x0f1,
		.settings = {
			{ 0x08, 0x0, 0x1 },
			{ 0x04, 0x3785, 0x585 }, /* interrupts are bits of this one */
		},
	},
	{
		/* STAT: TX_FIFO_EMP 13, RX_FIFO_EMP 12, TX_FIFO_FUL 11, TX_EMP 6, RX_RDY 4. */
		.name = "Armada 3700",
		.kind = { SERIAL_A3700, 0, 0 },
		.status = 0x0c,
		.send = 0x04,
		.receive = 0x00,
		.width = 4,
		.data_width = 4,
		.idle = 0x3060,
		.full = 0x1800,
		.received = 0x2070,
		.data_noise = 0xf000,
		.settings = { { 0x08, 0x0633, 0x0600 } },
	},
};

static struct {
	const struct description *is;
	u8 registers[0x1000];
	u32 values[0x1000]; /* by offset */
	char sent[64];
	unsigned sent_count;
	unsigned busy_polls; /* for so many looks it is full after each character */
	unsigned full_polls; /* looks left until there is room */
	bool dead; /* always full */
	bool absent; /* nobody there: ones */
	const char *typed; /* what is still to be received */
	bool lost; /* characters were, and none comes before this is cleared */
	unsigned looks, writes, orders;
} device;

static bool is_setting(const struct setting *setting)
{
	return setting->before != 0 || setting->after != 0;
}

static void device_be(const struct description *is)
{
	memset(&device, 0, sizeof(device));
	device.is = is;
	device.typed = "";
	for (unsigned i = 0; i < WRITES_MAX && is_setting(&is->settings[i]); i++)
		device.values[is->settings[i].offset] = is->settings[i].before;
}

static u32 in_order(u32 value, unsigned width)
{
	if (!(device.is->kind.io_width & SERIAL_BIG_ENDIAN) || width != 4)
		return value;
	return value >> 24 | (value >> 8 & 0xff00) | (value << 8 & 0xff0000) | value << 24;
}

static u32 status_read(void)
{
	u32 status = device.is->idle;

	device.looks++;
	if (device.dead || device.full_polls > 0)
		status = device.is->full;
	else if (*device.typed != '\0')
		status = device.is->received;
	device.full_polls -= device.full_polls > 0;
	if (device.lost && device.is->loss.offset == device.is->status)
		status = device.is->loss.told;
	return status;
}

static u32 value_read(u32 offset, unsigned width)
{
	if (offset == device.is->status) {
		assert_int_equal(width, device.is->width);
		return status_read();
	}
	if (offset == device.is->receive) {
		assert_int_equal(width, device.is->data_width);
		assert_true(*device.typed != '\0');
		return (u8)*device.typed++ | device.is->data_noise;
	}
	assert_int_equal(width, device.is->width);
	if (device.lost && offset == device.is->loss.offset)
		return device.is->loss.told;
	return device.values[offset];
}

static u32 device_read(const volatile void *address, unsigned width)
{
	size_t offset = (size_t)((const volatile u8 *)address - device.registers);

	assert_in_range(offset, 0, sizeof(device.registers) - 1);
	assert_int_equal(offset % width, 0);
	if (device.absent)
		return ~0u;
	return in_order(value_read((u32)offset, width), width);
}

static void character_sent(u32 value)
{
	assert_false(device.dead);
	assert_int_equal(device.full_polls, 0);
	assert_in_range(device.sent_count, 0, sizeof(device.sent) - 1);
	for (unsigned i = 0; i < 2 && device.is->orders[i].offset != 0; i++)
		assert_true(device.orders & 1u << i);
	device.orders = 0;
	device.sent[device.sent_count++] = (char)value;
	device.full_polls = device.busy_polls;
}

/* A write in the middle of a text: an order before a character, or nothing at all. */
static bool is_order(u32 offset, u32 value)
{
	for (unsigned i = 0; i < 2; i++) {
		if (device.is->orders[i].offset != offset || device.is->orders[i].after != value)
			continue;
		device.orders |= 1u << i;
		return true;
	}
	return false;
}

static void device_write(volatile void *address, unsigned width, u32 value)
{
	size_t offset = (size_t)((volatile u8 *)address - device.registers);

	assert_in_range(offset, 0, sizeof(device.registers) - 1);
	assert_int_equal(offset % width, 0);
	value = in_order(value, width);
	if (offset == device.is->send) {
		assert_int_equal(width, device.is->data_width);
		assert_in_range(value, 0, 0xff);
		character_sent(value);
		return;
	}
	assert_int_equal(width, device.is->width);
	if (device.lost && offset == device.is->loss.clear_offset) {
		assert_int_equal(value, device.is->loss.clear);
		device.lost = false;
		return;
	}
	device.writes++;
	if (!is_order((u32)offset, value))
		device.values[offset] = value;
}

/* From one device to the next, fresh from reset; from none to the first, from the last to none. */
static const struct description *next(const struct description *is)
{
	is = is ? is + 1 : descriptions;
	if (is == descriptions + ARRAY_SIZE(descriptions))
		return NULL;
	device_be(is);
	return is;
}

static void each_kind_has_a_fake_here(void **state)
{
	(void)state;
	for (unsigned type = SERIAL_IMX; type <= SERIAL_A3700; type++) {
		bool found = false;

		for (const struct description *is = next(NULL); is; is = next(is))
			found |= is->kind.type == type;
		assert_true(found);
	}
}

static void the_status_is_where_the_manual_has_it(void **state)
{
	(void)state;
	for (const struct description *is = next(NULL); is; is = next(is)) {
		assert_int_equal(tested_status(is->kind).offset, is->status);
		assert_int_equal(tested_status(is->kind).width, is->width);
	}
}

static void text_is_sent_when_there_is_room(void **state)
{
	(void)state;
	for (const struct description *is = next(NULL); is; is = next(is)) {
		device.busy_polls = 1000;
		device.full_polls = 1000;
		assert_true(tested_write(is->kind, device.registers, 1, "a\n\n\xff", 4));
		assert_int_equal(device.sent_count, 6);
		assert_memory_equal(device.sent, "a\r\n\r\n\xff", 6);
		assert_true(tested_write(is->kind, device.registers, 1, "", 0));
		assert_int_equal(device.sent_count, 6);
	}
}

/* There is room whether or not something has been received. */
static void what_is_received_does_not_keep_text_from_being_sent(void **state)
{
	(void)state;
	for (const struct description *is = next(NULL); is; is = next(is)) {
		device.typed = "typed";
		assert_true(tested_write(is->kind, device.registers, 1, "a", 1));
		assert_int_equal(device.looks, 1);
	}
}

static void bytes_are_received_in_order_and_without_what_comes_with_them(void **state)
{
	(void)state;
	for (const struct description *is = next(NULL); is; is = next(is)) {
		assert_int_equal(tested_read(is->kind, device.registers), -1);
		device.typed = "a\xfe";
		assert_int_equal(tested_read(is->kind, device.registers), 'a');
		assert_int_equal(tested_read(is->kind, device.registers), 0xfe);
		assert_int_equal(tested_read(is->kind, device.registers), -1);
		assert_int_equal(device.writes, 0);
	}
}

static void after_a_loss_reception_goes_on(void **state)
{
	(void)state;
	for (const struct description *is = next(NULL); is; is = next(is)) {
		if (is->loss.told == 0)
			continue;
		device.lost = true;
		device.typed = "ab";
		for (unsigned i = 0; device.lost && i < 2; i++)
			assert_int_equal(tested_read(is->kind, device.registers), 'a' + (int)i);
		assert_false(device.lost);
	}
}

static void a_device_that_takes_nothing_ends_the_wait_and_the_text(void **state)
{
	(void)state;
	for (const struct description *is = next(NULL); is; is = next(is)) {
		device.dead = true;
		assert_false(tested_write(is->kind, device.registers, 1, "lost text", 9));
		assert_false(tested_write(is->kind, device.registers, 1, "\n", 1));
		assert_int_equal(device.sent_count, 0);
		/* One bounded wait for each call, not for each character. */
		assert_in_range(device.looks, 2, 4 * 1000 * 1000);
	}
}

static void where_there_is_no_device_nothing_is_sent_or_received(void **state)
{
	(void)state;
	for (const struct description *is = next(NULL); is; is = next(is)) {
		device.absent = true;
		assert_int_equal(tested_read(is->kind, device.registers), -1);
		assert_false(tested_write(is->kind, device.registers, 1, "x", 1));
		assert_int_equal(device.sent_count, 0);
	}
}

static void assert_settings(const struct description *is)
{
	for (unsigned i = 0; i < WRITES_MAX && is_setting(&is->settings[i]); i++)
		assert_int_equal(device.values[is->settings[i].offset], is->settings[i].after);
}

static void both_directions_are_turned_on_and_interrupts_off_all_else_kept(void **state)
{
	(void)state;
	for (const struct description *is = next(NULL); is; is = next(is)) {
		tested_enable(is->kind, device.registers);
		assert_int_equal(tested_fifo_enable(is->kind, device.registers), 1);
		assert_settings(is);
	}
}

/* Registers that can only be written are written again. */
static void a_device_that_is_on_is_left_alone(void **state)
{
	(void)state;
	for (const struct description *is = next(NULL); is; is = next(is)) {
		unsigned commands = 0;

		tested_enable(is->kind, device.registers);
		device.writes = 0;
		tested_enable(is->kind, device.registers);
		if (is->kind.type == SERIAL_CADENCE)
			commands = 1;
		if (is->kind.type == SERIAL_UARTDM)
			commands = 2;
		assert_int_equal(device.writes, commands);
		assert_settings(is);
	}
}

static void it_never_interrupts(void **state)
{
	(void)state;
	for (const struct description *is = next(NULL); is; is = next(is)) {
		tested_enable(is->kind, device.registers);
		device.writes = 0;
		tested_receive_interrupt(is->kind, device.registers, true);
		tested_receive_interrupt(is->kind, device.registers, false);
		assert_int_equal(device.writes, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_a_fake_here),
		cmocka_unit_test(the_status_is_where_the_manual_has_it),
		cmocka_unit_test(text_is_sent_when_there_is_room),
		cmocka_unit_test(what_is_received_does_not_keep_text_from_being_sent),
		cmocka_unit_test(bytes_are_received_in_order_and_without_what_comes_with_them),
		cmocka_unit_test(after_a_loss_reception_goes_on),
		cmocka_unit_test(a_device_that_takes_nothing_ends_the_wait_and_the_text),
		cmocka_unit_test(where_there_is_no_device_nothing_is_sent_or_received),
		cmocka_unit_test(both_directions_are_turned_on_and_interrupts_off_all_else_kept),
		cmocka_unit_test(a_device_that_is_on_is_left_alone),
		cmocka_unit_test(it_never_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
