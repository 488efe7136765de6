// SPDX-License-Identifier: MIT
/*
 * From a kind of serial port to its driver.
 * Runs in the early runtime with the MMU off, in the kernel, in exception handlers, and on the
 * host. May not use: absolute addresses, .bss, function pointers.
 */
#include <pagoda/lib/pl011.h>
#include <pagoda/lib/serial.h>
#include <pagoda/lib/uart8250.h>

const char *serial_type_str(enum serial_type type)
{
	switch (type) {
	case SERIAL_PL011:
		return "PL011";
	case SERIAL_SBSA:
		return "SBSA UART";
	case SERIAL_8250:
		return "16550";
	}
	return "unknown UART";
}

struct serial_register serial_status(struct serial_kind kind)
{
	if (kind.type == SERIAL_8250)
		return (struct serial_register){ UART8250_STATUS << kind.reg_shift, kind.io_width };
	return (struct serial_register){ PL011_STATUS, sizeof(u32) };
}

/* The SBSA's UART has neither CR nor LCR_H to write: firmware has turned it on. */
void serial_enable(struct serial_kind kind, volatile void *registers)
{
	if (kind.type == SERIAL_PL011)
		pl011_enable((volatile u32 *)registers);
}

unsigned serial_fifo_enable(struct serial_kind kind, volatile void *registers)
{
	switch ((enum serial_type)kind.type) {
	case SERIAL_PL011:
		return pl011_fifo_enable((volatile u32 *)registers);
	case SERIAL_SBSA:
		return PL011_FIFO_SBSA;
	case SERIAL_8250:
		uart8250_fifo_enable(kind, registers);
		break;
	}
	return 1;
}

bool serial_write(struct serial_kind kind, volatile void *registers, unsigned depth,
		  const char *text, size_t length)
{
	if (kind.type == SERIAL_8250)
		return uart8250_write(kind, registers, text, length);
	return pl011_write((volatile u32 *)registers, depth, text, length);
}

int serial_read(struct serial_kind kind, volatile void *registers)
{
	if (kind.type == SERIAL_8250)
		return uart8250_read(kind, registers);
	return pl011_read((volatile u32 *)registers);
}

void serial_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on)
{
	if (kind.type == SERIAL_8250)
		uart8250_receive_interrupt(kind, registers, on);
	else
		pl011_receive_interrupt((volatile u32 *)registers, on);
}
