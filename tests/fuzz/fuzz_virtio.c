// SPDX-License-Identifier: MIT
/*
 * A virtio console that answers as it pleases: its registers say anything at any time, and it
 * writes anything to the memory that it was given whenever it is told of a buffer. The driver ends,
 * touches nothing but that memory, and gives the device none that is not its own. Host only.
 *
 *   input   version; then for each read of a register, and each buffer: a byte that says whether
 *           the device behaves, and what it does where it does not
 */
#include "../unit/support/fake_mmio.h"

#include "../../lib/virtio_console.c"

#include "fuzz.h"

#define MEMORY_PA 0x123456000
#define BEHAVES 0xc0 /* below this byte */
#define WRITES 8

static struct fuzz_input input;
static u32 registers[VIRTIO_REGISTERS_SIZE / sizeof(u32)];
static u8 *memory;
static u32 version;
static unsigned reads;

static u32 good_answer(u32 offset)
{
	switch (offset) {
	case MAGIC_VALUE:
		return MAGIC;
	case VERSION:
		return version;
	case DEVICE_ID:
		return DEVICE_CONSOLE;
	case DEVICE_FEATURES:
		return 1;
	case QUEUE_SIZE_MAX:
		return 64;
	case STATUS:
		return registers[STATUS / sizeof(u32)];
	}
	return 0;
}

static u32 device_read(const volatile void *address, unsigned width)
{
	u32 offset = (u32)((const volatile u8 *)address - (const volatile u8 *)registers);
	u32 answer;

	FUZZ_CHECK(width == 4 && offset % 4 == 0 && offset < sizeof(registers), "read of %#x",
		   offset);
	reads++;
	if (fuzz_byte(&input) < BEHAVES)
		return good_answer(offset);
	fuzz_take(&input, &answer, sizeof(answer));
	return answer;
}

static void check_buffer(void)
{
	const struct descriptor *descriptor = (const struct descriptor *)memory;

	FUZZ_CHECK(descriptor->length > 0 && descriptor->length <= TEXT_MAX, "%u bytes",
		   descriptor->length);
}

static void notify(void)
{
	const struct available *available = (const struct available *)(memory + AVAILABLE_AT);
	u16 piece;

	check_buffer();
	if (fuzz_byte(&input) < BEHAVES) {
		*(u16 *)(memory + USED_INDEX_AT) = available->index;
		return;
	}
	fuzz_take(&input, &piece, sizeof(piece));
	piece %= VIRTIO_MEMORY_SIZE - 64;
	fuzz_take(&input, memory + piece, 64);
}

static void device_write(volatile void *address, unsigned width, u32 value)
{
	u32 offset = (u32)((volatile u8 *)address - (volatile u8 *)registers);

	FUZZ_CHECK(width == 4 && offset % 4 == 0 && offset < sizeof(registers), "write of %#x",
		   offset);
	registers[offset / sizeof(u32)] = value;
	if (offset == QUEUE_NOTIFY)
		notify();
	if (offset == QUEUE_PAGE)
		FUZZ_CHECK(value == MEMORY_PA >> 12, "page %#x", value);
	if (offset == QUEUE_DESCRIPTORS || offset == QUEUE_AVAILABLE || offset == QUEUE_USED)
		FUZZ_CHECK(value - (u32)MEMORY_PA < VIRTIO_MEMORY_SIZE, "memory at %#x", value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[3000];
	struct virtio_console console;

	input = (struct fuzz_input){ data, size };
	version = fuzz_byte(&input) % 4;
	memset(registers, 0, sizeof(registers));
	memset(text, '\n', sizeof(text));
	memory = aligned_alloc(VIRTIO_MEMORY_ALIGN, VIRTIO_MEMORY_SIZE);
	memset(memory, 0, VIRTIO_MEMORY_SIZE);
	reads = 0;
	if (virtio_console_find(registers) == VIRTIO_OK &&
	    virtio_console_begin(&console, registers, memory, MEMORY_PA) == VIRTIO_OK)
		for (unsigned i = 0; i < WRITES; i++)
			virtio_console_write(&console, text, sizeof(text) / (i + 1));
	FUZZ_CHECK(reads <= 4 * POLLS_MAX, "%u reads", reads);
	free(memory);
	return 0;
}
