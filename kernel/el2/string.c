// SPDX-License-Identifier: MIT
/*
 * What GCC may call by itself, short: the hypervisor moves a page now and then.
 * Runs at EL2, MMU on.
 */
#include <pagoda/lib/string.h>

typedef u64 __attribute__((may_alias)) word_t;

void *memset(void *to, int byte, size_t size)
{
	u8 *at = to;

	for (; size >= sizeof(word_t) && byte == 0; size -= sizeof(word_t), at += sizeof(word_t))
		*(word_t *)at = 0;
	while (size-- > 0)
		*at++ = (u8)byte;
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	const u8 *in = from;
	u8 *out = to;

	for (; size >= sizeof(word_t); size -= sizeof(word_t)) {
		*(word_t *)out = *(const word_t *)in;
		out += sizeof(word_t);
		in += sizeof(word_t);
	}
	while (size-- > 0)
		*out++ = *in++;
	return to;
}
