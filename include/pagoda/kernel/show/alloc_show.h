/* SPDX-License-Identifier: MIT */
/*
 * What the allocators have. MMU on, after console_init(), and the host.
 */
#ifndef PAGODA_ALLOC_SHOW_H
#define PAGODA_ALLOC_SHOW_H

#include <pagoda/kernel/kernel.h>

/* alloc_show_buddy() - who has how much memory, and the lists; alloc_show_vmalloc() - the areas. */
void alloc_show_buddy(const struct kernel *kernel);
void alloc_show_vmalloc(const struct kernel *kernel);

#endif /* PAGODA_ALLOC_SHOW_H */
