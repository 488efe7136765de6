/* SPDX-License-Identifier: MIT */
/*
 * The Arm PL011 UART, in 32-bit accesses. @registers is the device wherever the caller
 * reaches it: at its physical address with the MMU off, through the fixmap in the kernel, in plain
 * memory in a host test. Every wait is bounded. Source: Arm DDI 0183.
 */
#ifndef PAGODA_PL011_H
#define PAGODA_PL011_H

#include <pagoda/types.h>

#define PL011_STATUS 0x18 /* offset of the flag register, FR: reading it changes nothing */

/*
 * pl011_enable() - turn transmitter and receiver on where firmware left them off; rate unchanged.
 */
void pl011_enable(volatile u32 *registers);

/*
 * pl011_fifo_enable() - turn the FIFOs on where firmware left them off: what is typed or pasted is
 * lost sooner without. Returns for how many characters there is room when nothing is left to send.
 * After pl011_enable().
 */
unsigned pl011_fifo_enable(volatile u32 *registers);

#define PL011_FIFO 16 /* characters; later ones hold more */
#define PL011_FIFO_SBSA 32 /* always on (BSA, on the generic UART) */

/*
 * pl011_write() - send @length bytes, "\n" as "\r\n". @depth: of the FIFO, at least; one that is
 * empty is filled without another look. Nobody else sends meanwhile. False where the device stopped
 * taking them.
 */
bool pl011_write(volatile u32 *registers, unsigned depth, const char *text, size_t length);

/* pl011_read() - the next byte received, or -1. Does not wait. */
int pl011_read(volatile u32 *registers);

/* pl011_receive_interrupt() - whether what is received interrupts. */
void pl011_receive_interrupt(volatile u32 *registers, bool on);

#endif /* PAGODA_PL011_H */
