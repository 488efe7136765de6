/* SPDX-License-Identifier: MIT */
/*
 * KASAN's shadow, a byte for every eight: what it says of memory, and who may say so. In the KASAN
 * build (docs/kasan.md); in the ordinary one all of it is nothing. Kernel, MMU on; and the host.
 * Any CPU at any time.
 */
#ifndef PAGODA_KASAN_H
#define PAGODA_KASAN_H

#include <pagoda/types.h>

#define KASAN_GRAIN 8 /* bytes that one of the shadow stands for */

/*
 * What the shadow says: 0, all eight bytes may be accessed; 1 to 7, the first so many; negative,
 * none, and why. Those of stacks and globals are GCC's.
 */
enum kasan_shadow {
	KASAN_STACK_LEFT = 0xf1,
	KASAN_STACK_MID = 0xf2,
	KASAN_STACK_RIGHT = 0xf3,
	KASAN_VMALLOC = 0xf8, /* of the vmalloc region, no area */
	KASAN_GLOBAL = 0xf9,
	KASAN_HEAP_FREE = 0xfb,
	KASAN_HEAP_REDZONE = 0xfc,
	KASAN_PAGE_FREE = 0xff,
};

/*
 * What is wrong with an access, or with what was to be freed: the immediate of the BRK by which it
 * becomes an exception, from KASAN_BRK on. x0 has the address, x1 the size, x2 who did it.
 */
enum kasan_wrong {
	KASAN_READ,
	KASAN_WRITE,
	KASAN_DOUBLE_FREE,
	KASAN_INVALID_FREE,
	KASAN_WRONG_COUNT,
};

#define KASAN_BRK 0x4b00

/* Functions that are not checked, in files that are. */
#if KASAN
#define KASAN_UNCHECKED __attribute__((no_sanitize_address))
#else
#define KASAN_UNCHECKED
#endif

/*
 * kasan_offset - see layout_kasan_offset(): set before the flip, since code that is checked keeps
 * its own stack's shadow from then on.
 */
extern u64 kasan_offset;

static inline s8 *kasan_shadow(u64 address)
{
	return (s8 *)(uintptr_t)((address >> 3) + kasan_offset);
}

/*
 * kasan_begin() - from now on accesses to @lowest, the lowest address with a shadow, and above are
 * checked; kasan_end(): and now no more. Returns whether they were.
 */
void kasan_begin(u64 lowest);
bool kasan_end(void);

/* kasan_active() - accesses are checked. */
bool kasan_active(void);

/*
 * kasan_set_poison() - @shadow for all of [@start, @start + @size), multiples of KASAN_GRAIN, but
 * nothing where nothing is checked yet. kasan_set_open(): @size bytes may be accessed from @start
 * on, a multiple of KASAN_GRAIN; what is left of the last grain may not.
 * kasan_find() - the first byte of [@start, @start + @size) that may not be accessed, or 0.
 */
void kasan_set_poison(u64 start, u64 size, enum kasan_shadow shadow);
void kasan_set_open(u64 start, u64 size);
u64 kasan_find(u64 start, u64 size);

/*
 * Who called whom, the latest first: addresses as their distance from kasan_offset, 0 from the
 * first that is not known. kasan_trace_take() - those who call now, without the first @skip.
 */
#define KASAN_TRACE 8

struct kasan_trace {
	s32 caller[KASAN_TRACE];
};

void kasan_trace_take(struct kasan_trace *trace, unsigned skip);

#define KASAN_TRACE_SHORT 3 /* as much as a struct page has room for */

u64 kasan_caller(s32 caller);

/* kasan_check() - @size bytes at @address, and the exception where they may not be accessed. */
void kasan_check(u64 address, u64 size, enum kasan_wrong access, u64 caller);

/* A global as GCC has it: @name can be "*.LC1", which is a text's. */
struct kasan_global {
	const char *name, *file;
	u64 start, size;
};

/* kasan_global_at() - whether @address is in one, or in the gap behind it. */
bool kasan_global_at(u64 address, struct kasan_global *found);

/* kasan_stop() - the exception: mm/check/stop.S. It does not return. */
void kasan_stop(u64 address, u64 size, u64 caller, enum kasan_wrong wrong);

/* kasan_report() - the same, unless there was a report already. */
static inline void kasan_report(u64 address, u64 size, u64 caller, enum kasan_wrong wrong)
{
	if (kasan_end())
		kasan_stop(address, size, caller, wrong);
}

static inline void kasan_poison(u64 start, u64 size, enum kasan_shadow shadow)
{
	if (KASAN)
		kasan_set_poison(start, size, shadow);
}

static inline void kasan_open(u64 start, u64 size)
{
	if (KASAN)
		kasan_set_open(start, size);
}

#endif /* PAGODA_KASAN_H */
