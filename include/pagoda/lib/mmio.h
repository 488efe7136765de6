/* SPDX-License-Identifier: MIT */
/*
 * Device registers: one access of exactly so many bits each, which the compiler neither drops,
 * merges nor repeats. A host test that wants to be the device supplies its own functions of these
 * names. Valid everywhere; @address is mapped as Device memory, or the MMU is off.
 *
 * Loads are LDAR, stores STLR: on NVIDIA's Olympus (T410-OLY-1027) a load from a device may pass an
 * older store to it, and the two in this form do not pass each other (DDI 0487, "Load-Acquire,
 * Load-AcquirePC, and Store-Release"). Device memory takes both, aligned, as single accesses.
 */
#ifndef PAGODA_MMIO_H
#define PAGODA_MMIO_H

#include <pagoda/types.h>

static inline u32 mmio_read32(const volatile u32 *address)
{
	return __atomic_load_n(address, __ATOMIC_ACQUIRE);
}

static inline void mmio_write32(volatile u32 *address, u32 value)
{
	__atomic_store_n(address, value, __ATOMIC_RELEASE);
}

static inline u16 mmio_read16(const volatile u16 *address)
{
	return __atomic_load_n(address, __ATOMIC_ACQUIRE);
}

static inline void mmio_write16(volatile u16 *address, u16 value)
{
	__atomic_store_n(address, value, __ATOMIC_RELEASE);
}

static inline u8 mmio_read8(const volatile u8 *address)
{
	return __atomic_load_n(address, __ATOMIC_ACQUIRE);
}

static inline void mmio_write8(volatile u8 *address, u8 value)
{
	__atomic_store_n(address, value, __ATOMIC_RELEASE);
}

#endif /* PAGODA_MMIO_H */
