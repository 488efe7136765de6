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
	u64 any = 0;

	for (; count >= SLOTS_AT_ONCE && any == 0; count -= SLOTS_AT_ONCE, slot += SLOTS_AT_ONCE) {
#pragma GCC unroll 16
		for (unsigned i = 0; i < SLOTS_AT_ONCE; i++)
			any |= slot[i].word;
	}
	if (any != 0)
		return true;
	for (; count > 0; count--, slot++)
		any |= slot->word;
	return any != 0;
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
