/* SPDX-License-Identifier: MIT */
/*
 * A serial port of any kind that Pagoda knows: uart.h lists them. @registers is the device wherever
 * the caller reaches it: at its physical address with the MMU off, through the fixmap in the
 * kernel, in plain memory in a host test. Every wait is bounded.
 */
#ifndef PAGODA_SERIAL_H
#define PAGODA_SERIAL_H

#include <pagoda/lib/uart.h>

/*
 * serial_find() - what a device tree's `compatible`, @size bytes of strings, says that a device is:
 * the first name that is known counts, since they go from the particular to the general. False
 * where it is no UART that Pagoda drives. *@kind is without what the node's properties say, and the
 * registers begin *@offset bytes after the node's address. Quick about devices that are none.
 */
bool serial_find(const char *compatible, u32 size, struct serial_kind *kind, u32 *offset);

/* What a node may say of its registers. */
struct serial_properties {
	bool has_reg_shift, has_io_width;
	u32 reg_shift, io_width; /* reg-shift and reg-io-width, where it has them */
	u32 reg_offset; /* of the registers from the node's address */
	bool big_endian; /* native-endian is little-endian here */
};

/* serial_property() - take one of a node's properties into @properties, all zero at first. */
void serial_property(struct serial_properties *properties, const char *name, const u8 *data,
		     u32 size);

/*
 * serial_describe() - *@kind with what @properties say; false where nobody could reach registers
 * like that. The address is the caller's to change.
 */
bool serial_describe(struct serial_kind *kind, const struct serial_properties *properties);

/* serial_has_properties() - its node may have some that count. */
static inline bool serial_has_properties(struct serial_kind kind)
{
	return kind.type != SERIAL_PL011 && kind.type != SERIAL_SBSA;
}

/* serial_named() - what Linux's earlycon= means by the word @name of @length characters. */
bool serial_named(const char *name, size_t length, struct serial_kind *kind);

/*
 * serial_access() - *@kind with what a word of Linux's for the width of registers says, mmio32 and
 * so on; false where @word, of @length characters, is none that goes with this kind.
 */
bool serial_access(const char *word, size_t length, struct serial_kind *kind);

/* serial_is_polled() - its driver cannot make it interrupt. */
static inline bool serial_is_polled(struct serial_kind kind)
{
	return kind.type >= SERIAL_GENI;
}

/*
 * serial_has_registers() - it is a device at an address, or memory. SERIAL_NO_REGISTERS: what
 * stands for @registers where it is not. serial_is_for_output() - nothing can be typed there.
 */
#define SERIAL_NO_REGISTERS ((void *)1)

static inline bool serial_has_registers(struct serial_kind kind)
{
	return kind.type != SERIAL_SEMIHOST;
}

static inline bool serial_is_for_output(struct serial_kind kind)
{
	return kind.type == SERIAL_SEMIHOST || kind.type == SERIAL_BUFFER;
}

/* serial_size() - how many bytes from its address on are its own, at least. */
static inline u64 serial_size(struct serial_kind kind)
{
	return kind.type == SERIAL_BUFFER ? (u64)1 << kind.reg_shift : 1;
}

/* "PL011" and so on. */
const char *serial_type_str(enum serial_type type);

/*
 * serial_may_be_at() - registers of this @kind can stand at the physical @address, which will be
 * written to as it is, long before a fault could be reported.
 */
static inline bool serial_may_be_at(struct serial_kind kind, u64 address)
{
	unsigned bytes = kind.io_width & ~SERIAL_BIG_ENDIAN;
	u64 align = kind.type == SERIAL_8250   ? bytes :
		    kind.type == SERIAL_BUFFER ? serial_size(kind) :
						 sizeof(u32);

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
 * than this. What was received before may not: read until there is nothing, then turn it on. Has no
 * effect where serial_is_polled().
 */
void serial_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on);

#endif /* PAGODA_SERIAL_H */
