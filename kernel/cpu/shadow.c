// SPDX-License-Identifier: MIT
/*
 * Shadow call stacks: where x18 leads to on CPUs that cannot sign return addresses.
 * Runs in the kernel, MMU on. Other CPUs than the one that boots find theirs in struct cpu.
 */
#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/kernel/cpu/shadow.h>
#include <pagoda/lib/string.h>

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

/*
 * The callers' return addresses move, too: this function, and whoever called it, return by the new
 * stack.
 */
enum vmalloc_result shadow_init(struct vmalloc *vmalloc)
{
	struct cpu *cpu = cpu_this();
	u64 from = cpu->shadow.start, used = shadow_get() - from;
	struct stack shadow, exception_shadow;
	enum vmalloc_result result = shadow_create(vmalloc, &shadow);

	if (result != VMALLOC_OK)
		return result;
	result = shadow_create(vmalloc, &exception_shadow);
	if (result != VMALLOC_OK) {
		(void)vmalloc_free(vmalloc, vaddr(shadow.start));
		return result;
	}
	memcpy((void *)(uintptr_t)shadow.start, (const void *)(uintptr_t)from, used);
	shadow_set(shadow.start + used);
	cpu->shadow = shadow;
	cpu->exception_shadow = exception_shadow;
	memset(&boot_shadows, 0, sizeof(boot_shadows));
	return VMALLOC_OK;
}
