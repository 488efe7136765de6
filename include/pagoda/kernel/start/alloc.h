/* SPDX-License-Identifier: MIT */
/*
 * How the kernel comes by its allocators. MMU on, after the linear map.
 */
#ifndef PAGODA_ALLOC_H
#define PAGODA_ALLOC_H

#include <pagoda/kernel/kernel.h>
#include <pagoda/mm/alloc/alloc.h>

/*
 * alloc_init() - give the free RAM in kernel->memory to the page allocator, put heap and vmalloc on
 * top, and map the PCI I/O window. Sets kernel->alloc, which stays null where there is no RAM for
 * it, and kernel->pci_result.
 */
void alloc_init(struct kernel *kernel);

#endif /* PAGODA_ALLOC_H */
