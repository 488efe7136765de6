/* SPDX-License-Identifier: MIT */
/*
 * Physical memory as the kernel takes it over: from the list that the early runtime collected to a
 * linear map of it. MMU on; memory_init() needs the identity map.
 */
#ifndef PAGODA_MEMORY_H
#define PAGODA_MEMORY_H

#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/kernel/kernel.h>

/*
 * boot_lists_of() - what the early runtime collects and the kernel reads the FDT to, in the image.
 * memory_list() - the list as the early runtime made it, in no order, which lies in the image: for
 * memory_init(), and whoever comes before it.
 */
static inline struct boot_lists *boot_lists_of(const struct kernel *kernel)
{
	return facts_lists(&kernel->handoff->facts, kernel->kernel_space.phys_offset);
}

static inline struct memory_map *memory_list(const struct kernel *kernel)
{
	return &boot_lists_of(kernel)->memory;
}

/*
 * memory_init() - normalise the memory map, choose the place of the linear map and build it. From
 * then on all tables are reached through it. Returns a stop with code STOP_NONE, or why the boot
 * cannot go on. The identity map is live; it is left as it was.
 */
struct stop memory_init(struct kernel *kernel, struct boot_handoff *handoff);

/*
 * memory_release_init() - what only the early runtime needed becomes RAM like any other: no longer
 * executable in any map, read-write in the linear map, free in kernel->memory. Before the allocator
 * takes memory over.
 */
enum map_result memory_release_init(struct kernel *kernel);

/*
 * memory_close_pool() - the Image's pool of tables goes out of the Image's own mapping and of the
 * identity map: from then on the linear map is the one way to write a table. After memory_init().
 */
enum map_result memory_close_pool(struct kernel *kernel);

#endif /* PAGODA_MEMORY_H */
