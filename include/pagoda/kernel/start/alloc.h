/* SPDX-License-Identifier: MIT */
/*
 * The kernel's allocators as one value, and the commands that show them. MMU on, after the linear
 * map. One caller at a time.
 */
#ifndef PAGODA_ALLOC_H
#define PAGODA_ALLOC_H

#include <pagoda/kernel/kernel.h>
#include <pagoda/kernel/dev/pci.h>
#include <pagoda/mm/alloc/vmalloc.h>

/* Pieces of free RAM: at most one before each memory range, and one in it. */
#define ALLOC_RANGES_MAX (2 * MEMORY_RANGES_MAX)

struct alloc {
	struct buddy buddy;
	struct heap heap;
	struct vmalloc vmalloc;
	enum pci_result pci_result;
	u32 ranges_refused; /* pieces of RAM that the page allocator would not take */
	struct buddy_range ranges[ALLOC_RANGES_MAX];
};

/*
 * alloc_init() - give the free RAM in kernel->memory to the page allocator, put heap and vmalloc on
 * top, and map the FDT and the PCI I/O window. Sets kernel->alloc and kernel->fdt, which stay null
 * where there is no RAM for it.
 */
void alloc_init(struct kernel *kernel);

/* `buddy`: who has how much memory, and the lists. `buddy test`: frees that must be refused. */
void alloc_show_buddy(const struct kernel *kernel);
void alloc_test_buddy(const struct kernel *kernel);

/*
 * `vmalloc`: the areas. `vmalloc test`: take, use and give back some, and look for what is left.
 * `vmalloc test N`: take @count areas of a page, all at once, and give them back.
 */
void alloc_show_vmalloc(const struct kernel *kernel);
void alloc_test_vmalloc(const struct kernel *kernel);
void alloc_test_areas(const struct kernel *kernel, u64 count);

#endif /* PAGODA_ALLOC_H */
