/* SPDX-License-Identifier: MIT */
/*
 * Device registers: one access of exactly so many bits each, which the compiler neither drops,
 * merges nor repeats. A host test that wants to be the device supplies its own functions of these
 * names. Valid everywhere; @address is mapped as Device memory, or the MMU is off.
 */
#ifndef PAGODA_MMIO_H
#define PAGODA_MMIO_H

#include <pagoda/types.h>

static inline u32 mmio_read32(const volatile u32 *address)
{
	return *address;
}

static inline void mmio_write32(volatile u32 *address, u32 value)
{
	*address = value;
}

static inline u16 mmio_read16(const volatile u16 *address)
{
	return *address;
}

static inline void mmio_write16(volatile u16 *address, u16 value)
{
	*address = value;
}

static inline u8 mmio_read8(const volatile u8 *address)
{
	return *address;
}

static inline void mmio_write8(volatile u8 *address, u8 value)
{
	*address = value;
}

#endif /* PAGODA_MMIO_H */
