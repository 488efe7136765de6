/* SPDX-License-Identifier: MIT */
/*
 * The 8250 and its successors (16550, DesignWare APB): as serial.h has it. Line settings
 * stay as firmware made them. Source: National Semiconductor PC16550D; Synopsys DW_apb_uart.
 */
#ifndef PAGODA_UART8250_H
#define PAGODA_UART8250_H

#include <pagoda/lib/serial.h>

#define UART8250_STATUS 5 /* number of the line status register, LSR */

void uart8250_fifo_enable(struct serial_kind kind, volatile void *registers);
bool uart8250_write(struct serial_kind kind, volatile void *registers, const char *text,
		    size_t length);
int uart8250_read(struct serial_kind kind, volatile void *registers);
void uart8250_receive_interrupt(struct serial_kind kind, volatile void *registers, bool on);

#endif /* PAGODA_UART8250_H */
