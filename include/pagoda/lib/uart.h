/* SPDX-License-Identifier: MIT */
/*
 * The UARTs that Pagoda drives. A driver is lib/DRIVER.c, with the functions below, and a row here:
 * enum serial_type, what device trees and command lines call it, and the way from serial.h to the
 * driver are made of the rows.
 */
#ifndef PAGODA_UART_H
#define PAGODA_UART_H

#include <pagoda/types.h>

/*
 * row(TYPE, DRIVER, NAME, EARLYCON, COMPATIBLE...)
 *   TYPE         in enum serial_type. Of a node that is compatible with several, the first row's
 *   DRIVER       the name of its file, and what its functions begin with
 *   NAME         in reports; at most 11 characters
 *   EARLYCON     words that mean it after earlycon=, with a blank between two; 19 characters
 *   COMPATIBLE   what device trees call it: up to 6, of 31 characters each. The first row's first
 *                is looked for in every node, the others in nodes called serial or uart
 */
/* clang-format off */
#define UARTS(row) \
	row(SERIAL_PL011, pl011, "PL011", "pl011", "arm,pl011") \
	row(SERIAL_SBSA, sbsa_uart, "SBSA UART", "", "arm,sbsa-uart") \
	row(SERIAL_8250, uart8250, "16550", "uart8250 uart", "ns16550a", "ns16550", "ns8250", \
	    "snps,dw-apb-uart", "brcm,bcm2835-aux-uart")
/* clang-format on */

#define UART_TYPE(type, ...) type,

enum serial_type {
	UARTS(UART_TYPE)
};

/* All zero is a PL011. */
struct serial_kind {
	u8 type; /* enum serial_type */
	u8 reg_shift; /* 8250: registers are 2^this bytes apart */
	u8 io_width; /* 8250: bytes in an access: 1, 2 or 4 */
};

/* A register: how far it is from the first, and how wide an access of it must be, in bytes. */
struct serial_register {
	u32 offset, width;
};

/*
 * What serial.h says of serial_status(), serial_enable() and so on, for one driver. It runs in the
 * early runtime with the MMU off, in the kernel, and in exception handlers: no state of its own, no
 * wait without a bound, registers through mmio.h.
 */
#define UART_FUNCTIONS(type, driver, ...)                                                      \
	struct serial_register driver##_status(struct serial_kind kind);                       \
	void driver##_enable(struct serial_kind kind, volatile void *registers);               \
	unsigned driver##_fifo_enable(struct serial_kind kind, volatile void *registers);      \
	bool driver##_write(struct serial_kind kind, volatile void *registers, unsigned depth, \
			    const char *text, size_t length);                                  \
	int driver##_read(struct serial_kind kind, volatile void *registers);                  \
	void driver##_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on);

UARTS(UART_FUNCTIONS)

#endif /* PAGODA_UART_H */
