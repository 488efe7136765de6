/* SPDX-License-Identifier: MIT */
/*
 * KASAN's part of the command fault, for kernel/selftest only; not in the ordinary build. MMU on.
 */
#ifndef SELFTEST_KASAN_H
#define SELFTEST_KASAN_H

#include <pagoda/kernel/kernel.h>
#include <pagoda/kernel/prompt/arguments.h>

/*
 * fault_kasan() - do what argument @index says is to be found: heap, page, vmalloc, global, stack,
 * uaf or double-free. Returns only where it was not found; false where there is no such kind.
 */
bool fault_kasan(const struct kernel *kernel, const struct arguments *arguments, unsigned index);

#endif /* SELFTEST_KASAN_H */
