/* SPDX-License-Identifier: MIT */
/*
 * Words every room shares: integer names, and one-member structs for addresses and descriptors, so
 * that the compiler refuses a physical address where a virtual one is meant. GCC passes them in a
 * register; they cost nothing. Valid everywhere, MMU on or off, and on the host.
 */
#ifndef PAGODA_TYPES_H
#define PAGODA_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int64_t s64;

/* A virtual address, as the translation regime takes it. */
typedef struct {
	u64 value;
} vaddr_t;

/* A physical address: what a translation yields, and what a loader or the FDT speaks of. */
typedef struct {
	u64 value;
} paddr_t;

/* One translation table descriptor, as it stands in memory. */
typedef struct {
	u64 bits;
} pte_t;

static inline vaddr_t vaddr(u64 value)
{
	return (vaddr_t){ value };
}

static inline paddr_t paddr(u64 value)
{
	return (paddr_t){ value };
}

#define KIB(n) ((u64)(n) << 10)
#define MIB(n) ((u64)(n) << 20)
#define GIB(n) ((u64)(n) << 30)
#define BIT(n) ((u64)1 << (n))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* @align is a power of two in both. align_up() wraps to 0 past the last multiple below 2^64. */
static inline u64 align_down(u64 value, u64 align)
{
	return value & ~(align - 1);
}

static inline u64 align_up(u64 value, u64 align)
{
	return (value + align - 1) & ~(align - 1);
}

static inline bool is_aligned(u64 value, u64 align)
{
	return (value & (align - 1)) == 0;
}

static inline u64 min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

#endif /* PAGODA_TYPES_H */
