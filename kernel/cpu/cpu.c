// SPDX-License-Identifier: MIT
/*
 * What the boot CPU has, and its stack.
 * Runs in the kernel, MMU on, first thing.
 */
#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/kernel/cpu/shadow.h>
#include <pagoda/mm/pt/change.h>

struct cpu boot_cpu;
struct boot_shadows boot_shadows __attribute__((section(".noinit")));

/* linker/pagoda.lds.S: only their addresses mean anything. */
extern u8 _guard_start[], _guard_end[], _stack_end[], _exception_stack_end[];

/* A contiguous run of 4K pages, and a page of 64K: no smaller piece can always be unmapped. */
#define GUARD_ALIGN KIB(64)

static struct stack stack_of(const u64 shadow[BOOT_SHADOW_CALLS])
{
	return (struct stack){ (uintptr_t)shadow, (uintptr_t)(shadow + BOOT_SHADOW_CALLS) };
}

void cpu_init(const struct boot_handoff *handoff)
{
	struct cpu *cpu = &boot_cpu;

	cpu->guard = (struct stack){ align_up((uintptr_t)_guard_start, GUARD_ALIGN),
				     align_down((uintptr_t)_guard_end, GUARD_ALIGN) };
	cpu->stack = (struct stack){ cpu->guard.end, (uintptr_t)_stack_end };
	cpu->exception_stack = (struct stack){ cpu->stack.end, (uintptr_t)_exception_stack_end };
	cpu->shadow = stack_of(boot_shadows.stack);
	cpu->exception_shadow = stack_of(boot_shadows.exception_stack);
	cpu->vectors = vectors_get();
	cpu->mpidr = cpu_mpidr();
	cpu->had = handoff->facts.id;
	cpu->id = handoff->id;
}

/* The early runtime has no use for the gap, and no instructions to spare for it. */
enum map_result cpu_guard_stack(struct space *space)
{
	const struct stack *guard = &cpu_this()->guard;

	return pt_clear(space, vaddr(guard->start), vaddr(guard->end));
}
