/* SPDX-License-Identifier: MIT */
/*
 * A serial port of any kind that Pagoda knows: uart.h lists them. @registers is the device wherever
 * the caller reaches it: at its physical address with the MMU off, through the fixmap in the
 * kernel, in plain memory in a host test. Every wait is bounded.
 */
#ifndef PAGODA_SERIAL_H
#define PAGODA_SERIAL_H

#include <pagoda/lib/uart.h>

#define SERIAL_COMPATIBLES 6

/* What others call a type. Characters, not pointers: the early runtime reads it unrelocated. */
struct serial_words {
	char name[12];
	char earlycon[20]; /* words, with a blank between two */
	char compatible[SERIAL_COMPATIBLES][32]; /* up to the first that is empty */
};

/* serial_words() - those of @type; a null pointer past the last type. */
const struct serial_words *serial_words(unsigned type);

/* "PL011" and so on. */
const char *serial_type_str(enum serial_type type);

/*
 * serial_may_be_at() - registers of this @kind can stand at the physical @address, which will be
 * written to as it is, long before a fault could be reported.
 */
static inline bool serial_may_be_at(struct serial_kind kind, u64 address)
{
	u64 align = kind.type == SERIAL_8250 ? kind.io_width : sizeof(u32);

	return address != 0 && address >> 52 == 0 && is_aligned(address, align);
}

/* serial_status() - one that can be read without effect, of a live device never all ones. */
struct serial_register serial_status(struct serial_kind kind);

/* serial_enable() - turn it on where firmware left it off; rate unchanged. */
void serial_enable(struct serial_kind kind, volatile void *registers);

/*
 * serial_fifo_enable() - turn its FIFOs on, so that what is pasted has somewhere to wait. Returns
 * how many characters it surely takes at once when nothing is left to send. After serial_enable().
 */
unsigned serial_fifo_enable(struct serial_kind kind, volatile void *registers);

/*
 * serial_write() - send @length bytes, "\n" as "\r\n". @depth: what serial_fifo_enable() returned,
 * or 1. Nobody else sends meanwhile. False where the device stopped taking them.
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
