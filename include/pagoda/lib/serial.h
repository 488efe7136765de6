/* SPDX-License-Identifier: MIT */
/*
 * A serial port of any kind that Pagoda knows. @registers is the device wherever the caller
 * reaches it: at its physical address with the MMU off, through the fixmap in the kernel, in plain
 * memory in a host test. Every wait is bounded.
 */
#ifndef PAGODA_SERIAL_H
#define PAGODA_SERIAL_H

#include <pagoda/types.h>

enum serial_type {
	SERIAL_PL011,
	SERIAL_SBSA, /* "SBSA generic UART": a PL011 whose settings are firmware's business */
	SERIAL_8250, /* and 16550, and the DesignWare APB UART */
};

/* All zero is a PL011. */
struct serial_kind {
	u8 type; /* enum serial_type */
	u8 reg_shift; /* 8250: registers are 2^this bytes apart */
	u8 io_width; /* 8250: bytes in an access: 1, 2 or 4 */
};

/* "PL011" and so on. */
const char *serial_type_str(enum serial_type type);

/* A register: how far it is from the first, and how wide an access of it must be, in bytes. */
struct serial_register {
	u32 offset, width;
};

/* serial_status() - one that can be read without effect, of a live device never all ones. */
struct serial_register serial_status(struct serial_kind kind);

/* serial_enable() - turn it on where firmware left it off; rate unchanged. */
void serial_enable(struct serial_kind kind, volatile void *registers);

/*
 * serial_fifo_enable() - turn its FIFOs on, so that what is pasted has somewhere to wait. Returns
 * how many characters it surely takes at once when nothing is left to send.
 */
unsigned serial_fifo_enable(struct serial_kind kind, volatile void *registers);

/*
 * serial_write() - send @length bytes, "\n" as "\r\n". @depth: what serial_fifo_enable() returned,
 * or 1. False where the device stopped taking them.
 */
bool serial_write(struct serial_kind kind, volatile void *registers, unsigned depth,
		  const char *text, size_t length);

/* serial_read() - the next byte received, or -1. Does not wait. */
int serial_read(struct serial_kind kind, volatile void *registers);

/*
 * serial_receive_interrupt() - whether it interrupts when it has received something, and no others
 * than this. What was received before may not: read until there is nothing, then turn it on.
 */
void serial_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on);

#endif /* PAGODA_SERIAL_H */
