// SPDX-License-Identifier: MIT
/*
 * Shadow call stacks: where x18 leads to on CPUs that cannot sign return addresses.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/cpu/shadow.h>

/* Between two areas there is a page that nobody may have, and the region begins with another. */
enum vmalloc_result shadow_create(struct vmalloc *vmalloc, struct stack *shadow)
{
	u64 size = regime_granule(&vmalloc->space->regime);
	enum vmalloc_result result;
	vaddr_t start;

	result = vmalloc_alloc(vmalloc, size, &start);
	if (result == VMALLOC_OK)
		*shadow = (struct stack){ start.value, start.value + size };
	return result;
}
