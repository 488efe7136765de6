// SPDX-License-Identifier: MIT
/*
 * The Arm PL011, as much of it as a console needs: no DMA, no line settings. 32-bit accesses.
 * Runs in the early runtime with the MMU off, in the kernel, in exception handlers, and on the
 * host. May not use: absolute addresses, .bss, state of its own. Source: Arm DDI 0183.
 */
#include <pagoda/lib/mmio.h>
#include <pagoda/lib/uart.h>

/* Registers by word (table 3-1). */
enum pl011_register {
	PL011_DR = 0x00 / 4,
	PL011_FR = 0x18 / 4,
	PL011_LCR_H = 0x2c / 4,
	PL011_CR = 0x30 / 4,
	PL011_IMSC = 0x38 / 4,
};

#define DR_DATA 0xff /* above it stand the receive errors */

#define FR_BUSY BIT(3) /* a character is being sent, or waits for it */
#define FR_RXFE BIT(4) /* receive FIFO empty */
#define FR_TXFF BIT(5) /* transmit FIFO full */
#define FR_TXFE BIT(7) /* transmit FIFO empty */

#define LCR_H_FEN BIT(4) /* FIFOs: without, there is room for one character */

#define CR_UARTEN BIT(0)
#define CR_TXE BIT(8)
#define CR_RXE BIT(9)

#define INTERRUPT_RECEIVE BIT(4) /* the FIFO is as full as it may get */
#define INTERRUPT_TIMEOUT BIT(6) /* or there is something in it, and nothing follows */

/*
 * At 300 baud a character takes 33 ms, and no bus reads a register a million times in less than
 * that. A device that is longer about it is stopped by flow control, or is none.
 */
#define POLLS_MAX 1000000

#define FIFO_SIZE 16 /* characters; later ones hold more */

/* Reading FR changes nothing. */
struct serial_register pl011_status(struct serial_kind kind)
{
	(void)kind;
	return (struct serial_register){ PL011_FR * sizeof(u32), sizeof(u32) };
}

void pl011_enable(struct serial_kind kind, volatile void *device)
{
	volatile u32 *registers = device;
	u32 wanted = CR_UARTEN | CR_TXE | CR_RXE;
	u32 control = mmio_read32(&registers[PL011_CR]);

	(void)kind;
	/* Where nothing is missing, leave it alone: CR is for changing while the UART is off. */
	if ((control & wanted) != wanted)
		mmio_write32(&registers[PL011_CR], control | wanted);
}

/* LCR_H may only be written while the UART is off, and that only after its last character. */
unsigned pl011_fifo_enable(struct serial_kind kind, volatile void *device)
{
	volatile u32 *registers = device;
	u32 line = mmio_read32(&registers[PL011_LCR_H]);
	u32 control = mmio_read32(&registers[PL011_CR]);

	(void)kind;
	if (line & LCR_H_FEN)
		return FIFO_SIZE;
	for (unsigned polls = 0; polls < POLLS_MAX; polls++) {
		if (mmio_read32(&registers[PL011_FR]) & FR_BUSY)
			continue;
		mmio_write32(&registers[PL011_CR], 0);
		mmio_write32(&registers[PL011_LCR_H], line | LCR_H_FEN);
		mmio_write32(&registers[PL011_CR], control);
		return FIFO_SIZE;
	}
	return 1;
}

/* For how many characters there is room, at least; 0 where it takes too long. */
static unsigned wait_room(volatile u32 *registers, unsigned depth)
{
	for (unsigned polls = 0; polls < POLLS_MAX; polls++) {
		u32 flags = mmio_read32(&registers[PL011_FR]);

		if (flags & FR_TXFE)
			return depth;
		if (!(flags & FR_TXFF))
			return 1;
	}
	return 0;
}

bool pl011_write(struct serial_kind kind, volatile void *device, unsigned depth, const char *text,
		 size_t length)
{
	volatile u32 *registers = device;
	const char *end = text + length;
	bool returned = false; /* the "\r" before *text is sent */

	(void)kind;
	while (text != end) {
		unsigned room = wait_room(registers, depth);
		const char *stop = text + min_u64(room, (u64)(end - text));

		if (room == 0)
			return false;
		for (; text != stop && (*text != '\n' || returned); text++) {
			mmio_write32(&registers[PL011_DR], (u8)*text);
			returned = false;
		}
		if (text != stop) {
			mmio_write32(&registers[PL011_DR], '\r'); /* it takes a character's room */
			returned = true;
		}
	}
	return true;
}

int pl011_read(struct serial_kind kind, volatile void *device)
{
	volatile u32 *registers = device;

	(void)kind;
	if (mmio_read32(&registers[PL011_FR]) & FR_RXFE)
		return -1;
	return (int)(mmio_read32(&registers[PL011_DR]) & DR_DATA);
}

/* Both end by themselves when the FIFO has been read. */
void pl011_receive_interrupt(struct serial_kind kind, volatile void *device, bool on)
{
	volatile u32 *registers = device;

	(void)kind;
	mmio_write32(&registers[PL011_IMSC], on ? INTERRUPT_RECEIVE | INTERRUPT_TIMEOUT : 0);
}
