// SPDX-License-Identifier: MIT
/*
 * lib/virtio_console.c against a device of this test's own, which reads memory as the specification
 * says and objects to a driver that does not keep to its order. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/fake_mmio.h"

#include "../../lib/virtio_console.c"

#define MEMORY_PA 0x123456000
#define RECEIVED_MAX 8192

/* What the device is, and what was made of it. */
static struct {
	u32 magic, version, id, queue_max;
	u32 features_high; /* bits 63:32 of what it offers */
	u32 busy; /* what it says of a queue that nobody has given it */
	bool restless; /* a reset has no effect */
	bool picky; /* it wants a feature that the driver does not take */
	bool lazy; /* it gives nothing back */
	u32 gives_up; /* status bits that come up when it is notified */
	u16 give_back; /* of the index in the used ring, for each buffer */

	u32 status, driver_features[2], select, feature_select, queue, page_size;
	u32 num, align, page, ready;
	u64 address[3]; /* descriptors, available, used */
	u16 seen; /* of the available ring */
	unsigned reads, notified;
} device;

static u8 memory[VIRTIO_MEMORY_SIZE] __attribute__((aligned(VIRTIO_MEMORY_ALIGN)));
static char received[RECEIVED_MAX];
static size_t received_length;
static u32 registers[VIRTIO_REGISTERS_SIZE / sizeof(u32)];

/* Little-endian numbers at a physical address, as the device sees them. */
static u64 peek(u64 address, unsigned size)
{
	u64 value = 0;

	assert_in_range(address, MEMORY_PA, MEMORY_PA + sizeof(memory) - size);
	while (size-- > 0)
		value = value << 8 | memory[address - MEMORY_PA + size];
	return value;
}

static void poke16(u64 address, u16 value)
{
	assert_in_range(address, MEMORY_PA, MEMORY_PA + sizeof(memory) - sizeof(value));
	memory[address - MEMORY_PA] = (u8)value;
	memory[address - MEMORY_PA + 1] = (u8)(value >> 8);
}

static u64 up(u64 value, u64 align)
{
	return (value + align - 1) / align * align;
}

/* Virtio 1.2, 2.7.2: where a legacy queue has its parts; 4.2.4: by its page. */
static void place_legacy(void)
{
	device.address[0] = (u64)device.page * device.page_size;
	device.address[1] = device.address[0] + 16 * device.num;
	device.address[2] = up(device.address[1] + 2 * (3 + device.num), device.align);
}

static void take_buffer(u16 slot)
{
	u16 head = (u16)peek(device.address[1] + 4 + 2 * (slot % device.num), 2);
	u64 descriptor = device.address[0] + 16 * head;
	u32 length = (u32)peek(descriptor + 8, 4);

	assert_in_range(head, 0, device.num - 1);
	assert_int_equal(peek(descriptor + 12, 2), 0); /* one buffer, for the device to read */
	assert_true(length > 0 && length < sizeof(received) - received_length);
	for (u32 i = 0; i < length; i++)
		received[received_length++] = (char)peek(peek(descriptor, 8) + i, 1);
}

static void notify(u32 queue)
{
	u16 used = (u16)peek(device.address[2] + 2, 2);

	assert_int_equal(queue, 1);
	assert_int_equal(device.status & 4, 4);
	device.notified++;
	device.status |= device.gives_up;
	while (!device.lazy && device.gives_up == 0 &&
	       device.seen != (u16)peek(device.address[1] + 2, 2)) {
		take_buffer(device.seen++);
		poke16(device.address[2] + 2, used += device.give_back);
	}
}

static u32 device_read(const volatile void *address, unsigned width)
{
	u32 offset = (u32)((const volatile u8 *)address - (const volatile u8 *)registers);

	assert_int_equal(width, 4);
	device.reads++;
	switch (offset) {
	case 0x00:
		return device.magic;
	case 0x04:
		return device.version;
	case 0x08:
		return device.id;
	case 0x10:
		return device.feature_select == 1 ? device.features_high : 0xffffffff;
	case 0x34:
		return device.queue == 1 ? device.queue_max : 0;
	case 0x40:
		assert_int_equal(device.version, 1);
		return device.page | device.busy;
	case 0x44:
		assert_int_equal(device.version, 2);
		return device.ready | device.busy;
	case 0x70:
		return device.status;
	}
	fail_msg("register 0x%x is read", offset);
	return 0;
}

/* Virtio 1.2, 3.1.1: each bit of the status in its turn, none taken back. */
static void set_status(u32 value)
{
	if (value == 0) {
		device.status = device.restless ? device.status : 0;
		device.page = device.ready = device.num = device.seen = 0;
		return;
	}
	if (value == 128) {
		device.status |= value;
		return;
	}
	assert_int_equal(value & device.status, device.status);
	if (value & 8) {
		assert_int_equal(device.version, 2);
		if (device.picky)
			value &= ~8u;
	}
	if (value & 4) {
		assert_int_equal(value & 3, 3);
		assert_int_equal(value & 8, device.version == 2 ? 8 : 0);
		assert_true(device.version == 1 ? device.page != 0 : device.ready == 1);
	}
	device.status = value;
}

static void set_part(u32 offset, u32 value)
{
	u64 *part = &device.address[(offset - 0x80) / 0x10];

	assert_int_equal(device.version, 2);
	assert_int_equal(device.ready, 0);
	if (offset % 0x10 == 0)
		*part = (*part & ~(u64)0xffffffff) | value;
	else
		*part = (*part & 0xffffffff) | (u64)value << 32;
}

static void device_write(volatile void *address, unsigned width, u32 value)
{
	u32 offset = (u32)((volatile u8 *)address - (volatile u8 *)registers);

	assert_int_equal(width, 4);
	switch (offset) {
	case 0x14:
		device.feature_select = value;
		return;
	case 0x20:
		assert_int_equal(device.status & 10, 2);
		device.driver_features[device.select] = value;
		return;
	case 0x24:
		assert_in_range(value, 0, 1);
		device.select = value;
		return;
	case 0x28:
		assert_int_equal(device.version, 1);
		device.page_size = value;
		return;
	case 0x30:
		device.queue = value;
		return;
	case 0x38:
		assert_true(value <= device.queue_max && (value & (value - 1)) == 0);
		device.num = value;
		return;
	case 0x3c:
		device.align = value;
		return;
	case 0x40:
		assert_int_equal(device.version, 1);
		assert_true(device.page_size != 0 && device.num != 0 && device.align != 0);
		device.page = value;
		place_legacy();
		return;
	case 0x44:
		assert_int_equal(device.version, 2);
		device.ready = value;
		return;
	case 0x50:
		notify(value);
		return;
	case 0x70:
		set_status(value);
		return;
	case 0x80:
	case 0x84:
	case 0x90:
	case 0x94:
	case 0xa0:
	case 0xa4:
		set_part(offset, value);
		return;
	}
	fail_msg("register 0x%x is written", offset);
}

static void plug(u32 version)
{
	memset(&device, 0, sizeof(device));
	memset(memory, 0, sizeof(memory));
	device.magic = 0x74726976;
	device.version = version;
	device.id = 3;
	device.queue_max = 64;
	device.features_high = 1;
	device.give_back = 1;
	device.status = 7; /* firmware used it */
	received_length = 0;
}

static struct virtio_console console;

static enum virtio_fault start(void)
{
	enum virtio_fault fault = virtio_console_find(registers);

	return fault == VIRTIO_OK ? virtio_console_begin(&console, registers, memory, MEMORY_PA) :
				    fault;
}

static void assert_received(const char *text)
{
	assert_int_equal(received_length, strlen(text));
	assert_memory_equal(received, text, received_length);
}

static void text_arrives_through_either_version_with_carriage_returns(void **state)
{
	(void)state;
	for (u32 version = 1; version <= 2; version++) {
		plug(version);
		assert_int_equal(start(), VIRTIO_OK);
		assert_int_equal(device.driver_features[0], 0);
		assert_int_equal(device.driver_features[1], version == 2);
		assert_true(virtio_console_write(&console, "one\ntwo", 7));
		assert_true(virtio_console_write(&console, "", 0));
		assert_true(virtio_console_write(&console, "\n", 1));
		assert_received("one\r\ntwo\r\n");
		assert_int_equal(device.notified, 2);
	}
}

static void finding_it_writes_nothing(void **state)
{
	(void)state;
	plug(2);
	assert_int_equal(virtio_console_find(registers), VIRTIO_OK);
	assert_int_equal(device.status, 7);
}

static void a_text_longer_than_the_buffer_arrives_whole(void **state)
{
	static char text[3000];
	size_t lines = 0;

	(void)state;
	plug(2);
	assert_int_equal(start(), VIRTIO_OK);
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] = i % 3 == 0 ? '\n' : (char)('a' + i % 26);
		lines += text[i] == '\n';
	}
	assert_true(virtio_console_write(&console, text, sizeof(text)));
	assert_int_equal(received_length, sizeof(text) + lines);
	for (size_t i = 0, at = 0; i < sizeof(text); i++, at++) {
		if (text[i] == '\n')
			assert_int_equal(received[at++], '\r');
		assert_int_equal(received[at], text[i]);
	}
}

static void the_index_wraps_after_65536_buffers(void **state)
{
	(void)state;
	plug(1);
	assert_int_equal(start(), VIRTIO_OK);
	for (int i = 0; i < 70000; i++) {
		received_length = 0;
		assert_true(virtio_console_write(&console, "x", 1));
		assert_received("x");
	}
}

static void what_is_no_console_is_told_from_what_is(void **state)
{
	(void)state;
	plug(2);
	device.magic++;
	assert_int_equal(start(), VIRTIO_ABSENT);
	plug(2);
	device.id = 0;
	assert_int_equal(start(), VIRTIO_ABSENT);
	plug(2);
	device.id = 2;
	assert_int_equal(start(), VIRTIO_OTHER);
	plug(0);
	assert_int_equal(start(), VIRTIO_BAD_VERSION);
	plug(3);
	assert_int_equal(start(), VIRTIO_BAD_VERSION);
}

static void a_device_that_cannot_be_used_is_given_up_and_told(void **state)
{
	(void)state;
	for (u32 version = 1; version <= 2; version++) {
		plug(version);
		device.queue_max = 7;
		assert_int_equal(start(), VIRTIO_QUEUE_SMALL);
		assert_int_equal(device.status & 128, 128);
		plug(version);
		device.queue_max = 8;
		assert_int_equal(start(), VIRTIO_OK);
		plug(version);
		device.busy = 1;
		assert_int_equal(start(), VIRTIO_QUEUE_BUSY);
		plug(version);
		device.restless = true;
		assert_int_equal(start(), VIRTIO_NO_RESET);
		assert_in_range(device.reads, 1000, 2000000);
	}
	plug(2);
	device.features_high = 0xfffffffe;
	assert_int_equal(start(), VIRTIO_BAD_FEATURES);
	assert_int_equal(device.status & 128, 128);
	plug(2);
	device.picky = true;
	assert_int_equal(start(), VIRTIO_BAD_FEATURES);
}

static void version_1_is_not_given_memory_that_it_cannot_reach(void **state)
{
	(void)state;
	plug(1);
	assert_int_equal(virtio_console_begin(&console, registers, memory, BIT(44)),
			 VIRTIO_MEMORY_FAR);
	assert_int_equal(device.page, 0);
	assert_int_equal(device.status & 128, 128);
}

static void a_ring_that_never_moves_is_waited_for_once(void **state)
{
	(void)state;
	plug(2);
	assert_int_equal(start(), VIRTIO_OK);
	device.lazy = true;
	device.reads = 0;
	assert_false(virtio_console_write(&console, "lost", 4));
	assert_in_range(device.reads, 1000, 1100000);
	device.reads = 0;
	for (int i = 0; i < 100; i++)
		assert_false(virtio_console_write(&console, "lost", 4));
	assert_in_range(device.reads, 0, 200);
	assert_int_equal(device.notified, 1);
}

static void a_device_that_goes_on_gets_what_comes_then(void **state)
{
	(void)state;
	plug(2);
	assert_int_equal(start(), VIRTIO_OK);
	device.lazy = true;
	assert_false(virtio_console_write(&console, "late,", 5));
	assert_false(virtio_console_write(&console, "lost", 4));
	device.lazy = false;
	notify(1);
	assert_true(virtio_console_write(&console, "then", 4));
	assert_received("late,then");
}

static void a_device_that_gives_up_is_not_waited_for(void **state)
{
	(void)state;
	plug(2);
	assert_int_equal(start(), VIRTIO_OK);
	device.gives_up = 64;
	device.reads = 0;
	assert_false(virtio_console_write(&console, "x", 1));
	assert_in_range(device.reads, 1, 10);
}

static void an_index_that_jumps_is_not_taken_for_an_answer(void **state)
{
	(void)state;
	plug(2);
	assert_int_equal(start(), VIRTIO_OK);
	device.give_back = 2;
	assert_false(virtio_console_write(&console, "x", 1));
}

static void every_fault_has_words(void **state)
{
	(void)state;
	for (enum virtio_fault fault = VIRTIO_OK; fault <= VIRTIO_MEMORY_FAR; fault++)
		assert_string_not_equal(virtio_fault_str(fault), "unknown fault");
	assert_string_equal(virtio_fault_str((enum virtio_fault)99), "unknown fault");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_arrives_through_either_version_with_carriage_returns),
		cmocka_unit_test(finding_it_writes_nothing),
		cmocka_unit_test(a_text_longer_than_the_buffer_arrives_whole),
		cmocka_unit_test(the_index_wraps_after_65536_buffers),
		cmocka_unit_test(what_is_no_console_is_told_from_what_is),
		cmocka_unit_test(a_device_that_cannot_be_used_is_given_up_and_told),
		cmocka_unit_test(version_1_is_not_given_memory_that_it_cannot_reach),
		cmocka_unit_test(a_ring_that_never_moves_is_waited_for_once),
		cmocka_unit_test(a_device_that_goes_on_gets_what_comes_then),
		cmocka_unit_test(a_device_that_gives_up_is_not_waited_for),
		cmocka_unit_test(an_index_that_jumps_is_not_taken_for_an_answer),
		cmocka_unit_test(every_fault_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
