// SPDX-License-Identifier: MIT
/*
 * The boot CPU's shadow call stacks: from those that it starts with to those that it keeps.
 * Runs in the kernel, MMU on, once there is memory.
 */
#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/kernel/cpu/shadow.h>
#include <pagoda/lib/string.h>

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
