// SPDX-License-Identifier: MIT
/*
 * The console of a machine without a UART: what runs the CPU prints what it is given, by
 * semihosting. There are no registers. Nothing can be typed: to ask for a key would stop the CPU
 * until there is one.
 * Runs in the early runtime with the MMU off, in the kernel, in exception handlers, and on the
 * host. May not use: absolute addresses, .bss, state of its own.
 */
#include <pagoda/lib/semihost.h>
#include <pagoda/lib/uart.h>

/* A call stops the CPU, and behind a debugger's cable for milliseconds: so many at a time. */
#define PIECE 64

struct serial_register semihost_status(struct serial_kind kind)
{
	(void)kind;
	return (struct serial_register){ 0, sizeof(u32) };
}

/* An empty text: an exception where nobody takes it. */
void semihost_enable(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	(void)registers;
	semihost_call(SEMIHOST_WRITE0, "");
}

unsigned semihost_fifo_enable(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	(void)registers;
	return PIECE;
}

/* Lines end as they do on the host; a NUL would end the text. */
bool semihost_write(struct serial_kind kind, volatile void *registers, unsigned depth,
		    const char *text, size_t length)
{
	char piece[PIECE + 1];
	size_t used = 0;

	(void)kind;
	(void)registers;
	(void)depth;
	for (size_t i = 0; i < length; i++) {
		if (text[i] != '\0')
			piece[used++] = text[i];
		if (used < PIECE && i + 1 < length)
			continue;
		piece[used] = '\0';
		semihost_call(SEMIHOST_WRITE0, piece);
		used = 0;
	}
	return true;
}

int semihost_read(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	(void)registers;
	return -1;
}

void semihost_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on)
{
	(void)kind;
	(void)registers;
	(void)on;
}
