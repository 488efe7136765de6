/* SPDX-License-Identifier: MIT */
/*
 * How KASAN begins: docs/kasan.md. MMU on, the boot CPU alone.
 */
#ifndef PAGODA_START_KASAN_H
#define PAGODA_START_KASAN_H

#include <pagoda/kernel/kernel.h>

/* Memory for the shadow that KASAN begins with: tables, up to where pages begin, and pages. */
struct kasan_place {
	paddr_t tables, pages, end;
};

/*
 * kasan_place() - memory for the image's shadow, and for that at both ends of each piece of free
 * RAM: kernel->memory has it from then on. Before anybody else takes free RAM. False where there
 * is none; nothing is checked then.
 */
bool kasan_place(struct kernel *kernel, struct kasan_place *place);

/*
 * kasan_start() - from now on accesses are checked. @place: from kasan_place(). @taken: what has
 * been taken at the front of a piece of free RAM, and kernel->memory does not know. Before the page
 * allocator has memory.
 */
void kasan_start(struct kernel *kernel, const struct kasan_place *place,
		 const struct memory_range *taken);

#endif /* PAGODA_START_KASAN_H */
