/* SPDX-License-Identifier: MIT */
/*
 * Windows: physical memory that is not the kernel's own, registers or what firmware left, mapped in
 * the fixmap, which has tables already. MMU on.
 */
#ifndef PAGODA_WINDOW_H
#define PAGODA_WINDOW_H

#include <pagoda/kernel/kernel.h>

struct window {
	paddr_t pa; /* what is to be seen, */
	u64 size; /* in bytes, not 0, */
	struct map_attr attr; /* and how */
	vaddr_t va; /* where it is; 0: nowhere */
};

/*
 * window_open() - map what @window asks for, in whole granules, from the granule of @slot on, and
 * set its va. window_close() - unmap it, if it is mapped.
 */
enum map_result window_open(const struct kernel *kernel, vaddr_t slot, struct window *window);
void window_close(const struct kernel *kernel, struct window *window);

#endif /* PAGODA_WINDOW_H */
