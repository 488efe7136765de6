/* SPDX-License-Identifier: MIT */
/*
 * How KASAN begins: docs/kasan.md. MMU on, the boot CPU alone.
 */
#ifndef PAGODA_START_KASAN_H
#define PAGODA_START_KASAN_H

#include <pagoda/kernel/kernel.h>

/*
 * kasan_place() - memory for the image's shadow, and for that at both ends of each piece of free
 * RAM: kernel->memory has it as reserved from then on. Before anybody else takes free RAM. Empty
 * where there is none; nothing is checked then.
 */
struct memory_range kasan_place(struct kernel *kernel);

/*
 * kasan_start() - from now on accesses are checked. @place: from kasan_place(). @taken: what has
 * been taken at the front of a piece of free RAM, and kernel->memory does not know. Before the page
 * allocator has memory.
 */
void kasan_start(struct kernel *kernel, const struct memory_range *place,
		 const struct memory_range *taken);

#endif /* PAGODA_START_KASAN_H */
