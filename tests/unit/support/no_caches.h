/* SPDX-License-Identifier: MIT */
/*
 * For tests in which nobody looks at memory past the caches: their maintenance does nothing.
 * Included by the one source file of a test program, since fake_machine.c has caches. Host only.
 */
#ifndef NO_CACHES_H
#define NO_CACHES_H

#include <pagoda/arch/arch.h>

void dcache_clean(const void *start, u64 size, u64 line_size)
{
	(void)start;
	(void)size;
	(void)line_size;
}

void dcache_invalidate(const void *start, u64 size, u64 line_size)
{
	(void)start;
	(void)size;
	(void)line_size;
}

#endif /* NO_CACHES_H */
