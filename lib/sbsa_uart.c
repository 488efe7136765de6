// SPDX-License-Identifier: MIT
/*
 * The "SBSA generic UART": a PL011 whose settings are firmware's business. It has neither CR nor
 * LCR_H to write.
 * Runs in the early runtime with the MMU off, in the kernel, in exception handlers, and on the
 * host. May not use: absolute addresses, .bss, state of its own. Source: Arm DEN 0094 (BSA).
 */
#include <pagoda/lib/uart.h>

#define FIFO_SIZE 32 /* characters; always on */

struct serial_register sbsa_uart_status(struct serial_kind kind)
{
	return pl011_status(kind);
}

/* Firmware has turned it on. */
void sbsa_uart_enable(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	(void)registers;
}

unsigned sbsa_uart_fifo_enable(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	(void)registers;
	return FIFO_SIZE;
}

bool sbsa_uart_write(struct serial_kind kind, volatile void *registers, unsigned depth,
		     const char *text, size_t length)
{
	return pl011_write(kind, registers, depth, text, length);
}

int sbsa_uart_read(struct serial_kind kind, volatile void *registers)
{
	return pl011_read(kind, registers);
}

void sbsa_uart_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on)
{
	pl011_receive_interrupt(kind, registers, on);
}
