/* SPDX-License-Identifier: MIT */
/*
 * Device registers: one access of exactly 32 bits each, which the compiler neither drops, merges
 * nor repeats. A host test that wants to be the device supplies its own functions of these names.
 * Valid everywhere; @address is mapped as Device memory, or the MMU is off.
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

#endif /* PAGODA_MMIO_H */
