// SPDX-License-Identifier: MIT
/*
 * The console of a machine without a UART whose memory can be looked at: text in memory that
 * nothing else uses, its last as much as there is room for. Nothing can be typed.
 * Runs in the early runtime with the MMU off, in the kernel, in exception handlers, and on the
 * host. May not use: absolute addresses, .bss, state of its own: what is needed stands in the
 * buffer, as docs/cmdline.md has it.
 */
#include <pagoda/lib/mmio.h>
#include <pagoda/lib/uart.h>

enum text_buffer_word {
	BUFFER_MAGIC,
	BUFFER_MAGIC_2,
	BUFFER_NEXT, /* where in the text the next character goes */
	BUFFER_LAPS, /* how often the text has begun anew at its start */
	BUFFER_HEADER,
};

#define MAGIC_2 0x2d78742d /* "-tx-" */

struct serial_register text_buffer_status(struct serial_kind kind)
{
	(void)kind;
	return (struct serial_register){ BUFFER_MAGIC * sizeof(u32), sizeof(u32) };
}

void text_buffer_enable(struct serial_kind kind, volatile void *registers)
{
	volatile u32 *words = registers;

	(void)kind;
	mmio_write32(&words[BUFFER_NEXT], 0);
	mmio_write32(&words[BUFFER_LAPS], 0);
	mmio_write32(&words[BUFFER_MAGIC], TEXT_BUFFER_MAGIC);
	mmio_write32(&words[BUFFER_MAGIC_2], MAGIC_2);
}

unsigned text_buffer_fifo_enable(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	(void)registers;
	return 1;
}

/* Whoever looks finds text before it finds that it is there. */
bool text_buffer_write(struct serial_kind kind, volatile void *registers, unsigned depth,
		       const char *text, size_t length)
{
	volatile u32 *words = registers;
	volatile u8 *to = (volatile u8 *)&words[BUFFER_HEADER];
	u32 room = (1u << kind.reg_shift) - BUFFER_HEADER * sizeof(u32);
	u32 next = mmio_read32(&words[BUFFER_NEXT]) % room;

	(void)depth;
	for (size_t i = 0; i < length; i++) {
		mmio_write8(&to[next++], (u8)text[i]);
		if (next < room)
			continue;
		next = 0;
		mmio_write32(&words[BUFFER_LAPS], mmio_read32(&words[BUFFER_LAPS]) + 1);
	}
	mmio_write32(&words[BUFFER_NEXT], next);
	return true;
}

int text_buffer_read(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	(void)registers;
	return -1;
}

void text_buffer_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on)
{
	(void)kind;
	(void)registers;
	(void)on;
}
