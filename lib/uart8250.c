// SPDX-License-Identifier: MIT
/*
 * The 8250 and its successors (16550, DesignWare APB), as much of them as a console needs: line
 * settings stay as firmware made them.
 * Runs in the early runtime with the MMU off, in the kernel, in exception handlers, and on the
 * host. May not use: absolute addresses, .bss, state of its own.
 * Sources: National Semiconductor PC16550D; Synopsys DW_apb_uart; Intel PXA27x (XScale).
 */
#include "uart_io.h"

/* Registers by number (PC16550D, table II). */
enum uart8250_register {
	UART_DATA = 0, /* RBR, THR; LCR.DLAB is clear once firmware is done */
	UART_IER = 1,
	UART_FCR = 2,
	UART_MCR = 4,
	UART_LSR = 5,
};

#define FCR_ENABLE 0x01 /* FIFOs, cleared by being turned on; an interrupt for each byte */

#define IER_RECEIVED 0x01 /* also when a byte has waited in the FIFO for a time */
#define IER_UNIT_ENABLE 0x40 /* XScale: the UART is on; 0 in others */
#define MCR_OUT2 0x08 /* on most boards the gate between the device and the interrupt line */

#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY 0x20
#define LSR_NOBODY 0xff /* a bus without the device reads as ones; no LSR of a live one does */

static volatile void *place(struct serial_kind kind, volatile void *registers,
			    enum uart8250_register number)
{
	return (volatile u8 *)registers + ((u32)number << kind.reg_shift);
}

static u8 get(struct serial_kind kind, volatile void *registers, enum uart8250_register number)
{
	return (u8)uart_get(place(kind, registers, number), kind.io_width);
}

static void set(struct serial_kind kind, volatile void *registers, enum uart8250_register number,
		u8 value)
{
	uart_set(place(kind, registers, number), kind.io_width, value);
}

struct serial_register uart8250_status(struct serial_kind kind)
{
	return (struct serial_register){ UART_LSR << kind.reg_shift,
					 kind.io_width & ~SERIAL_BIG_ENDIAN };
}

/* It has no switch. */
void uart8250_enable(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	(void)registers;
}

/* On an 8250, which has none, the write has no effect. */
unsigned uart8250_fifo_enable(struct serial_kind kind, volatile void *registers)
{
	set(kind, registers, UART_FCR, FCR_ENABLE);
	return 1;
}

static bool put(struct serial_kind kind, volatile void *registers, char c)
{
	for (unsigned polls = 0; polls < UART_POLLS_MAX; polls++) {
		u8 status = get(kind, registers, UART_LSR);

		if (status == LSR_NOBODY)
			return false;
		if (!(status & LSR_THR_EMPTY))
			continue;
		set(kind, registers, UART_DATA, (u8)c);
		return true;
	}
	return false;
}

bool uart8250_write(struct serial_kind kind, volatile void *registers, unsigned depth,
		    const char *text, size_t length)
{
	(void)depth;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n' && !put(kind, registers, '\r'))
			return false;
		if (!put(kind, registers, text[i]))
			return false;
	}
	return true;
}

int uart8250_read(struct serial_kind kind, volatile void *registers)
{
	u8 status = get(kind, registers, UART_LSR);

	if (!(status & LSR_DATA_READY) || status == LSR_NOBODY)
		return -1;
	return get(kind, registers, UART_DATA);
}

void uart8250_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on)
{
	u8 unit = get(kind, registers, UART_IER) & IER_UNIT_ENABLE;

	if (on)
		set(kind, registers, UART_MCR, get(kind, registers, UART_MCR) | MCR_OUT2);
	set(kind, registers, UART_IER, unit | (on ? IER_RECEIVED : 0));
}
