// SPDX-License-Identifier: MIT
/*
 * The UART that Qualcomm's GENI, a programmable serial engine, is once firmware has loaded it with
 * one: commands to two sequencers, the main one for what is sent, the secondary one for what is
 * received. Rate and line settings stay as firmware made them; input is polled.
 * Runs in the early runtime with the MMU off, in the kernel, in exception handlers, and on the
 * host. May not use: absolute addresses, .bss, state of its own.
 * Sources: binding qcom,serial-geni-qcom; registers as in the drivers of Linux and U-Boot, which
 * Qualcomm's engineers wrote: there is no public manual.
 */
#include "uart_io.h"

enum geni_register {
	GENI_STATUS = 0x40,
	GENI_DMA_MODE = 0x258,
	GENI_TX_LENGTH = 0x270, /* characters of a command */
	GENI_RX_PACKING0 = 0x284,
	GENI_RX_PACKING1 = 0x288,
	GENI_M_COMMAND = 0x600,
	GENI_M_CONTROL = 0x604,
	GENI_M_IRQ_ENABLE = 0x614,
	GENI_M_IRQ_CLEAR = 0x618,
	GENI_S_COMMAND = 0x630,
	GENI_S_CONTROL = 0x634,
	GENI_S_IRQ_ENABLE = 0x644,
	GENI_S_IRQ_CLEAR = 0x648,
	GENI_TX_FIFO = 0x700,
	GENI_RX_FIFO = 0x780,
	GENI_RX_FIFO_STATUS = 0x804,
};

#define STATUS_M_ACTIVE BIT(0)
#define STATUS_S_ACTIVE BIT(12)
#define STATUS_NOBODY ~0u /* a bus without the device reads as ones */

#define COMMAND_START (1u << 27) /* to send, to receive */
#define CONTROL_ABORT BIT(1)
#define IRQ_ALL ~0u

/* One character of 8 bits in each word of the FIFO, its lowest bit first, and no other follows. */
#define PACKING_ONE 0xf

#define RX_WORDS 0x01ffffff

static u32 get(volatile void *registers, enum geni_register offset)
{
	return uart_get((volatile u8 *)registers + offset, sizeof(u32));
}

static void set(volatile void *registers, enum geni_register offset, u32 value)
{
	uart_set((volatile u8 *)registers + offset, sizeof(u32), value);
}

struct serial_register geni_uart_status(struct serial_kind kind)
{
	(void)kind;
	return (struct serial_register){ GENI_STATUS, sizeof(u32) };
}

/* Neither sequencer works at one of @commands any more. */
static bool wait_idle(volatile void *registers, u32 commands)
{
	for (unsigned polls = 0; polls < UART_POLLS_MAX; polls++) {
		u32 status = get(registers, GENI_STATUS);

		if (status == STATUS_NOBODY)
			return false;
		if (!(status & commands))
			return true;
	}
	return false;
}

/* It sends whenever it is told to. */
void geni_uart_enable(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	set(registers, GENI_M_IRQ_ENABLE, 0);
	set(registers, GENI_S_IRQ_ENABLE, 0);
	if (get(registers, GENI_DMA_MODE) != 0 && wait_idle(registers, STATUS_M_ACTIVE))
		set(registers, GENI_DMA_MODE, 0);
}

/*
 * Here the receiver is started as geni_uart_read() needs it: what it puts into a word cannot be
 * changed while it runs. Where it does not stop, there is no input, and output all the same.
 */
unsigned geni_uart_fifo_enable(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	if (get(registers, GENI_STATUS) & STATUS_S_ACTIVE) {
		if (get(registers, GENI_RX_PACKING0) == PACKING_ONE)
			return 1;
		set(registers, GENI_S_CONTROL, CONTROL_ABORT);
		if (!wait_idle(registers, STATUS_S_ACTIVE))
			return 1;
		set(registers, GENI_S_IRQ_CLEAR, IRQ_ALL);
	}
	set(registers, GENI_RX_PACKING0, PACKING_ONE);
	set(registers, GENI_RX_PACKING1, 0);
	set(registers, GENI_S_COMMAND, COMMAND_START);
	return 1;
}

/*
 * A command that waits for a character which never came, since an exception took its writer away,
 * must not end all output: it is aborted.
 */
static bool wait_room(volatile void *registers)
{
	if (wait_idle(registers, STATUS_M_ACTIVE))
		return true;
	if (get(registers, GENI_STATUS) == STATUS_NOBODY)
		return false;
	set(registers, GENI_M_CONTROL, CONTROL_ABORT);
	return wait_idle(registers, STATUS_M_ACTIVE);
}

static bool put(volatile void *registers, char c)
{
	if (!wait_room(registers))
		return false;
	set(registers, GENI_M_IRQ_CLEAR, IRQ_ALL);
	set(registers, GENI_TX_LENGTH, 1);
	set(registers, GENI_M_COMMAND, COMMAND_START);
	set(registers, GENI_TX_FIFO, (u8)c);
	return true;
}

bool geni_uart_write(struct serial_kind kind, volatile void *registers, unsigned depth,
		     const char *text, size_t length)
{
	(void)kind;
	(void)depth;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n' && !put(registers, '\r'))
			return false;
		if (!put(registers, text[i]))
			return false;
	}
	return true;
}

int geni_uart_read(struct serial_kind kind, volatile void *registers)
{
	(void)kind;
	if (get(registers, GENI_STATUS) == STATUS_NOBODY ||
	    !(get(registers, GENI_RX_FIFO_STATUS) & RX_WORDS))
		return -1;
	return (u8)get(registers, GENI_RX_FIFO);
}

/* Input is polled. */
void geni_uart_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on)
{
	(void)kind;
	(void)registers;
	(void)on;
}
