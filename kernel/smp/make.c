// SPDX-License-Identifier: MIT
/*
 * What a further CPU needs before it may run: memory of its own, and its ID registers as the
 * command line leaves them.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/cpu/shadow.h>
#include <pagoda/kernel/handoff/override.h>
#include <pagoda/kernel/irq/gic.h>
#include <pagoda/kernel/irq/interrupt.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/alloc/alloc.h>

#include "parts.h"

/* A struct cpu and what its pointers lead to. */
struct cpu_memory {
	struct cpu cpu;
	struct gic_cpu gic;
	u64 had[SYSREG_FACT_COUNT], id[SYSREG_FACT_COUNT];
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

static bool make_stacks(const struct kernel *kernel, struct cpu *cpu)
{
	struct vmalloc *vmalloc = &kernel->alloc->vmalloc;

	if (!make_stack(vmalloc, &cpu->stack) || !make_stack(vmalloc, &cpu->exception_stack))
		return false;
	return handoff_return_addresses(kernel->handoff) != RETURN_SHADOW ||
	       (shadow_create(vmalloc, &cpu->shadow) == VMALLOC_OK &&
		shadow_create(vmalloc, &cpu->exception_shadow) == VMALLOC_OK);
}

/* Those that were made. */
static void free_stacks(struct vmalloc *vmalloc, const struct cpu *cpu)
{
	const struct stack *stacks[] = { &cpu->stack, &cpu->exception_stack, &cpu->shadow,
					 &cpu->exception_shadow };

	for (unsigned i = 0; i < ARRAY_SIZE(stacks); i++)
		if (stacks[i]->end != 0)
			(void)vmalloc_free(vmalloc, vaddr(stacks[i]->start));
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
	memory->cpu.vectors = vectors_get();
	memory->cpu.number = number;
	memory->cpu.mpidr = mpidr;
	memory->cpu.had = memory->had;
	memory->cpu.id = memory->id;
	if (!make_stacks(kernel, &memory->cpu)) {
		free_stacks(&alloc->vmalloc, &memory->cpu);
		heap_free(&alloc->heap, object);
		return NULL;
	}
	memory->cpu.guard =
		(struct stack){ memory->cpu.stack.start - granule, memory->cpu.stack.start };
	(void)interrupt_find_cpu(kernel, &memory->cpu, &memory->gic);
	return &memory->cpu;
}

void cpu_facts_take(struct cpu *cpu, const u64 *id, struct boot_handoff *handoff)
{
	struct cpu_memory *memory = (struct cpu_memory *)cpu;

	memcpy(memory->had, id, sizeof(memory->had));
	memcpy(memory->id, id, sizeof(memory->id));
	override_apply_for_cpu(handoff, cpu->number, memory->id);
}
