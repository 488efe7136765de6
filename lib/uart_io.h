/* SPDX-License-Identifier: MIT */
/*
 * For the UART drivers: registers whose width and byte order are the device's, and how long to wait
 * for one. Runs wherever they do.
 */
#ifndef PAGODA_UART_IO_H
#define PAGODA_UART_IO_H

#include <pagoda/lib/mmio.h>
#include <pagoda/lib/uart.h>

/*
 * At 300 baud a character takes 33 ms, and no bus reads a register a million times in less than
 * that. A device that is longer about it is stopped by flow control, or is none.
 */
#define UART_POLLS_MAX 1000000

/* The register at @at, as serial_kind's @io_width says. */
static inline u32 uart_get(const volatile void *at, unsigned io_width)
{
	switch (io_width) {
	case sizeof(u16):
		return mmio_read16(at);
	case sizeof(u32):
		return mmio_read32(at);
	case sizeof(u16) | SERIAL_BIG_ENDIAN:
		return __builtin_bswap16(mmio_read16(at));
	case sizeof(u32) | SERIAL_BIG_ENDIAN:
		return __builtin_bswap32(mmio_read32(at));
	}
	return mmio_read8(at);
}

static inline void uart_set(volatile void *at, unsigned io_width, u32 value)
{
	switch (io_width) {
	case sizeof(u16):
		mmio_write16(at, (u16)value);
		return;
	case sizeof(u32):
		mmio_write32(at, value);
		return;
	case sizeof(u16) | SERIAL_BIG_ENDIAN:
		mmio_write16(at, __builtin_bswap16((u16)value));
		return;
	case sizeof(u32) | SERIAL_BIG_ENDIAN:
		mmio_write32(at, __builtin_bswap32(value));
		return;
	}
	mmio_write8(at, (u8)value);
}

#endif /* PAGODA_UART_IO_H */
