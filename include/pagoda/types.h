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
typedef int32_t s32;
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

/*
 * Whether this is the build that checks its own memory accesses (docs/kasan.md): 1 or 0, from
 * `make KASAN=1`. What only one of the two has is behind an `if` as far as C allows.
 */
#ifndef KASAN
#define KASAN 0
#endif

#define KIB(n) ((u64)(n) << 10)
#define MIB(n) ((u64)(n) << 20)
#define GIB(n) ((u64)(n) << 30)
#define BIT(n) ((u64)1 << (n))

/* The page sizes of the architecture, which it calls translation granules. */
#define GRANULE_SHIFT_4K 12
#define GRANULE_SHIFT_16K 14
#define GRANULE_SHIFT_64K 16

/*
 * Beside a function that another file takes the address of: its landing pad is to be there whatever
 * becomes of its return address. A word to scripts/add-landing-pads, and none to the assembler.
 */
#define LANDING_PAD(function) __asm__("/* landing pad: " #function " */")

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

/*
 * What is done with addresses, so that nobody has to open them: @bytes further on, modulo 2^64; the
 * bytes from @start to @end; the multiple of @align, a power of two, at or below one, and at or
 * above it (0 past the last one below 2^64).
 */
static inline vaddr_t vaddr_add(vaddr_t va, u64 bytes)
{
	return vaddr(va.value + bytes);
}

static inline paddr_t paddr_add(paddr_t pa, u64 bytes)
{
	return paddr(pa.value + bytes);
}

static inline u64 vaddr_diff(vaddr_t end, vaddr_t start)
{
	return end.value - start.value;
}

static inline u64 paddr_diff(paddr_t end, paddr_t start)
{
	return end.value - start.value;
}

static inline vaddr_t vaddr_align_down(vaddr_t va, u64 align)
{
	return vaddr(align_down(va.value, align));
}

static inline vaddr_t vaddr_align_up(vaddr_t va, u64 align)
{
	return vaddr(align_up(va.value, align));
}

static inline paddr_t paddr_align_down(paddr_t pa, u64 align)
{
	return paddr(align_down(pa.value, align));
}

static inline paddr_t paddr_align_up(paddr_t pa, u64 align)
{
	return paddr(align_up(pa.value, align));
}

/* What is mapped at @va, for those who may touch it. vaddr_of(): where @pointer points. */
static inline void *vaddr_pointer(vaddr_t va)
{
	return (void *)(uintptr_t)va.value;
}

static inline vaddr_t vaddr_of(const volatile void *pointer)
{
	return vaddr((u64)(uintptr_t)pointer);
}

#endif /* PAGODA_TYPES_H */
