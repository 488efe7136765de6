/* SPDX-License-Identifier: MIT */
/*
 * Shadow call stacks of the kernel's. Each grows up from its start, and each CPU has two: for what
 * runs on its stack, and for its exceptions, which begin theirs anew. Only where the return
 * addresses are not signed: handoff_return_addresses(). MMU on.
 *
 * Whoever gives a CPU or a process a stack gives it a shadow of that, and x18 its start: mmu_flip()
 * does from struct flip, arch/arm64/trap from struct cpu. Who leaves a call by another way than
 * its return restores x18 with SP.
 */
#ifndef PAGODA_SHADOW_H
#define PAGODA_SHADOW_H

#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/mm/alloc/vmalloc.h>

/*
 * Those of the boot CPU until there are pages for others, without gaps: room for more calls than
 * any path has until then.
 */
#define BOOT_SHADOW_CALLS 128

struct boot_shadows {
	u64 stack[BOOT_SHADOW_CALLS], exception_stack[BOOT_SHADOW_CALLS];
};

extern struct boot_shadows boot_shadows;

/* shadow_create() - one of a page, with a page that is not mapped at either end. */
enum vmalloc_result shadow_create(struct vmalloc *vmalloc, struct stack *shadow);

/*
 * shadow_init() - move the boot CPU from its first ones to two of pages, which have gaps. Once, not
 * in an exception. Where there is no memory for them, nothing changes.
 */
enum vmalloc_result shadow_init(struct vmalloc *vmalloc);

#endif /* PAGODA_SHADOW_H */
