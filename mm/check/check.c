// SPDX-License-Identifier: MIT
/*
 * The shadow: what may be accessed, and what may not. Not checked itself: it reads and writes the
 * shadow, and nothing else.
 * Runs in the kernel, MMU on, from the flip on, and on the host.
 */
#include <pagoda/mm/check/kasan.h>

u64 kasan_offset;

/* The lowest address that has a shadow; 0 as long as nothing is checked. */
static u64 checked_from;

static u64 from_get(void)
{
	return __atomic_load_n(&checked_from, __ATOMIC_RELAXED);
}

void kasan_begin(u64 lowest)
{
	__atomic_store_n(&checked_from, lowest, __ATOMIC_RELEASE);
}

bool kasan_end(void)
{
	return __atomic_exchange_n(&checked_from, 0, __ATOMIC_RELAXED) != 0;
}

bool kasan_active(void)
{
	return from_get() != 0;
}

/* @address has a shadow, and it counts. */
static bool is_checked(u64 address)
{
	u64 from = from_get();

	return from != 0 && address >= from;
}

static void shadow_set(s8 *shadow, u64 count, u8 value)
{
	for (; count > 0 && !is_aligned((uintptr_t)shadow, sizeof(u64)); count--)
		*shadow++ = (s8)value;
	for (; count >= sizeof(u64); count -= sizeof(u64), shadow += sizeof(u64))
		*(u64 __attribute__((may_alias)) *)shadow = value * 0x0101010101010101u;
	while (count-- > 0)
		*shadow++ = (s8)value;
}

void kasan_set_poison(u64 start, u64 size, enum kasan_shadow shadow)
{
	if (is_checked(start))
		shadow_set(kasan_shadow(start), size / KASAN_GRAIN, (u8)shadow);
}

void kasan_set_open(u64 start, u64 size)
{
	if (!is_checked(start))
		return;
	shadow_set(kasan_shadow(start), size / KASAN_GRAIN, 0);
	if (size % KASAN_GRAIN != 0)
		*kasan_shadow(start + size) = (s8)(size % KASAN_GRAIN);
}

/* Of a grain from @address on, up to @end, the first byte that may not be accessed, or @end. */
static u64 grain_find(u64 address, u64 end)
{
	s8 shadow = *kasan_shadow(address);
	u64 last = align_down(address, KASAN_GRAIN) + KASAN_GRAIN - 1;
	u64 first = address;

	if (shadow == 0)
		return end;
	if (shadow > 0)
		first = align_down(address, KASAN_GRAIN) + (u64)shadow;
	if (first < address)
		first = address;
	return first <= last && first < end ? first : end;
}

/* Most of what is asked for at once is large and clean: eight grains at a time. */
static u64 clean_until(u64 at, u64 end)
{
	while (end - at >= KASAN_GRAIN * sizeof(u64) &&
	       is_aligned((uintptr_t)kasan_shadow(at), sizeof(u64)) &&
	       *(const u64 __attribute__((may_alias)) *)kasan_shadow(at) == 0)
		at = align_down(at, KASAN_GRAIN) + KASAN_GRAIN * sizeof(u64);
	return at;
}

u64 kasan_find(u64 start, u64 size)
{
	u64 end = start + size;

	for (u64 at = start; at < end;) {
		u64 next, found;

		at = clean_until(at, end);
		if (at >= end)
			break;
		next = min_u64(end, align_down(at, KASAN_GRAIN) + KASAN_GRAIN);
		found = grain_find(at, next);
		if (found != next)
			return found;
		at = next;
	}
	return 0;
}

/* Below the shadow's reach the MMU decides: programs, and nothing. */
void kasan_check(u64 address, u64 size, enum kasan_wrong access, u64 caller)
{
	u64 found;

	if (!is_checked(address) || size == 0)
		return;
	found = address + size - 1 < address ? address : kasan_find(address, size);
	if (found != 0)
		kasan_report(found, size, caller, access);
}
