// SPDX-License-Identifier: MIT
/*
 * Descriptors by the dozen. A large map is made here: sixteen are taken at a time, which GCC loads
 * and stores in pairs. Each half of a pair is one single-copy atomic access (DDI 0487 B2.2.1).
 * Runs in the early runtime with the MMU off, in the kernel with the MMU on, and on the host. May
 * not use: absolute addresses, .bss, instructions a host compiler cannot build.
 */
#include <pagoda/lib/string.h>
#include <pagoda/mm/pt/slot.h>

#define SLOTS_AT_ONCE 16

bool slots_used(const struct slot *slot, unsigned count)
{
	return slots_follow(slot, count, (pte_t){ 0 }, 0) != count;
}

#define ZEROES_AT_ONCE 32

/* Most of most tables is zero: that is asked with half as many instructions for each. */
static unsigned slots_zero(const struct slot *slot, unsigned count)
{
	unsigned zero = 0;

	for (; count - zero >= ZEROES_AT_ONCE; zero += ZEROES_AT_ONCE) {
		u64 any = 0;

#pragma GCC unroll 32
		for (unsigned i = 0; i < ZEROES_AT_ONCE; i++)
			any |= slot[zero + i].word;
		if (any != 0)
			break;
	}
	while (zero < count && slot[zero].word == 0)
		zero++;
	return zero;
}

unsigned slots_follow(const struct slot *slot, unsigned count, pte_t pte, u64 span)
{
	u64 bits = pte.bits;
	unsigned same = 0;

	if (bits == 0 && span == 0)
		return slots_zero(slot, count);
	for (; count - same >= SLOTS_AT_ONCE; same += SLOTS_AT_ONCE) {
		u64 next = bits, differ = 0;

#pragma GCC unroll 16
		for (unsigned i = 0; i < SLOTS_AT_ONCE; i++) {
			next += span;
			differ |= slot[same + i].word ^ next;
		}
		if (differ != 0)
			break;
		bits = next;
	}
	for (; same < count; same++) {
		bits += span;
		if (slot[same].word != bits)
			break;
	}
	return same;
}

void slots_fill(struct slot *slot, unsigned count, pte_t pte, u64 span)
{
	u64 *word = (u64 *)&slot->word;

	for (; count >= SLOTS_AT_ONCE; count -= SLOTS_AT_ONCE, word += SLOTS_AT_ONCE) {
#pragma GCC unroll 16
		for (unsigned i = 0; i < SLOTS_AT_ONCE; i++, pte.bits += span)
			word[i] = pte.bits;
	}
	for (; count > 0; count--, word++, pte.bits += span)
		__atomic_store_n(word, pte.bits, __ATOMIC_RELAXED);
}

void slots_clear(struct slot *slot, unsigned count)
{
	memset((u64 *)&slot->word, 0, count * sizeof(*slot));
}
