/* SPDX-License-Identifier: MIT */
/*
 * For a test that is a device: include this, then the driver's source, and define device_read() and
 * device_write(): accesses of @width bytes at @address, as the bus sees them. Host only.
 */
#ifndef FAKE_MMIO_H
#define FAKE_MMIO_H

#define PAGODA_MMIO_H /* these take the place of <pagoda/lib/mmio.h> */

#include <pagoda/types.h>

static u32 device_read(const volatile void *address, unsigned width);
static void device_write(volatile void *address, unsigned width, u32 value);

static inline u32 mmio_read32(const volatile u32 *address)
{
	return device_read(address, 4);
}

static inline void mmio_write32(volatile u32 *address, u32 value)
{
	device_write(address, 4, value);
}

static inline u16 mmio_read16(const volatile u16 *address)
{
	return (u16)device_read(address, 2);
}

static inline void mmio_write16(volatile u16 *address, u16 value)
{
	device_write(address, 2, value);
}

static inline u8 mmio_read8(const volatile u8 *address)
{
	return (u8)device_read(address, 1);
}

static inline void mmio_write8(volatile u8 *address, u8 value)
{
	device_write(address, 1, value);
}

#endif /* FAKE_MMIO_H */
