// SPDX-License-Identifier: MIT
/*
 * What a further CPU needs before it may run: memory of its own, and its ID registers as the
 * command line leaves them.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/lib/string.h>
#include <pagoda/mm/alloc/alloc.h>

#include "parts.h"

/* A struct cpu and what its pointers lead to. */
struct cpu_memory {
	struct cpu cpu;
	u64 id[SYSREG_FACT_COUNT];
};

/* Below every area of vmalloc's is a page that nothing is mapped in: the last one's guard. */
static bool make_stack(struct vmalloc *vmalloc, struct stack *stack)
{
	vaddr_t address;

	if (vmalloc_alloc(vmalloc, SECONDARY_STACK_SIZE, &address) != VMALLOC_OK)
		return false;
	*stack = (struct stack){ address.value, address.value + SECONDARY_STACK_SIZE };
	return true;
}

struct cpu *cpu_make(const struct kernel *kernel, u32 number, u64 mpidr)
{
	struct alloc *alloc = kernel->alloc;
	u64 granule = regime_granule(&kernel->kernel_space.regime);
	struct cpu_memory *memory;
	void *object;

	if (alloc == NULL || heap_alloc(&alloc->heap, sizeof(*memory), &object) != HEAP_OK)
		return NULL;
	memory = object;
	memory->cpu.kernel = kernel;
	memory->cpu.number = number;
	memory->cpu.mpidr = mpidr;
	memory->cpu.id = memory->id;
	if (!make_stack(&alloc->vmalloc, &memory->cpu.stack)) {
		heap_free(&alloc->heap, object);
		return NULL;
	}
	if (!make_stack(&alloc->vmalloc, &memory->cpu.exception_stack)) {
		vmalloc_free(&alloc->vmalloc, vaddr(memory->cpu.stack.start));
		heap_free(&alloc->heap, object);
		return NULL;
	}
	memory->cpu.guard = (struct stack){ memory->cpu.stack.start - granule,
					    memory->cpu.stack.start };
	return &memory->cpu;
}

void cpu_facts_take(struct cpu *cpu, const u64 *id)
{
	const struct boot_handoff *handoff = cpu->kernel->handoff;
	u64 *own = ((struct cpu_memory *)cpu)->id;

	memcpy(own, id, sizeof(((struct cpu_memory *)cpu)->id));
	cpu_lower(own, handoff->facts.id, handoff->id);
}
