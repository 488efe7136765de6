// SPDX-License-Identifier: MIT
/*
 * A CPU that lets programs run has their lower half in TTBR0 instead of the identity map, for as
 * long: before, and after, all is as the boot has left it. So nobody else need know.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/lock.h>
#include <pagoda/kernel/irq/timer.h>
#include <pagoda/kernel/proc/kpti.h>
#include <pagoda/lib/errata.h>
#include <pagoda/lib/features.h>

#include "parts.h"
#include "turn.h"

#define ASID_SHIFT 48 /* in TTBR0 */

/* What EL0 may: cache maintenance, WFI and WFE; and its stack pointer is checked. */
#define SCTLR_USER                                                                            \
	(SCTLR_EL1_UCI_MASK | SCTLR_EL1_UCT_MASK | SCTLR_EL1_DZE_MASK | SCTLR_EL1_NTWI_MASK | \
	 SCTLR_EL1_NTWE_MASK | SCTLR_EL1_SA0_MASK)

/* What the lower halves of all CPUs share. In the heap, since each boot clears .bss. */
static struct halves {
	struct lock lock; /* asids, and what is counted */
	const struct kernel *kernel;
	struct space empty; /* of a CPU that has no program */
	u64 switches, elsewhere;
	bool forgets_code; /* an instruction cache goes by ASID, and breaks: errata_not_global() */
	struct asids asids;
} * halves; /* null before turns_init() */

unsigned turn_asid_bits(const struct kernel *kernel)
{
	return cpu_asid_bits(kernel->handoff->id) - kernel->kernel_space.policy.not_global;
}

bool turns_init(const struct kernel *kernel)
{
	struct heap *heap = &kernel->alloc->heap;
	struct halves *new;
	void *object;

	if (kpti_missing(kernel) || heap_alloc(heap, sizeof(*halves), &object) != HEAP_OK)
		return false;
	new = object;
	new->kernel = kernel;
	asids_init(&new->asids, turn_asid_bits(kernel));
	if (!space_create(kernel, &new->empty)) {
		(void)heap_free(heap, object);
		return false;
	}
	halves = new;
	return true;
}

struct sched_counts sched_counts(void)
{
	if (!halves)
		return (struct sched_counts){ 0 };
	return (struct sched_counts){ halves->asids.bits, halves->asids.generation,
				      halves->switches, halves->elsewhere };
}

void sched_limit_asids(unsigned bits)
{
	asids_limit(&halves->asids, bits);
	tlb_invalidate_all();
}

const struct space *sched_empty(void)
{
	return halves ? &halves->empty : NULL;
}

static u64 root_of(const struct space *space)
{
	return ttbr_encode(&space->regime, space->root) | (u64)space->id << ASID_SHIFT;
}

/* Once the CPU is said to have no ASID, it can find nothing more under the one it had. */
void turn_unload(struct cpu *cpu)
{
	struct process *process = cpu->user.process;

	if (!process)
		return;
	process->thread_pointer = user_registers_get().tpidr;
	user_registers_set((struct user_registers){ 0, 0 });
	if (process->has_fp) {
		fp_save(&process->fp);
		fp_access(false);
	}
	lower_root_set(root_of(&halves->empty));
	lock_take(&halves->lock);
	asid_leave(&halves->asids, cpu->number);
	lock_drop(&halves->lock);
	cpu->user.process = NULL;
}

/* Nobody uses a number of a new generation before all TLBs have forgotten the old one's. */
static void take_asid(const struct cpu *cpu, struct process *process)
{
	lock_take(&halves->lock);
	if (asid_take(&halves->asids, cpu->number, process->asid, &process->asid))
		tlb_invalidate_all();
	halves->switches++;
	halves->elsewhere += cpu->number != 0;
	lock_drop(&halves->lock);
	process->space.id = asid_number(process->asid) << process->space.tlb.asid_pairs;
}

void turn_load(struct cpu *cpu, struct process *process)
{
	if (cpu->user.process == process)
		return;
	turn_unload(cpu);
	take_asid(cpu, process);
	lower_root_set(root_of(&process->space));
	if (halves->forgets_code)
		code_publish(vaddr(0), 0);
	user_registers_set((struct user_registers){ process->thread_pointer, 0 });
	if (process->has_fp) {
		fp_access(true);
		fp_load(&process->fp);
	}
	process->switches++;
	cpu->user.process = process;
}

/* TCR while programs run: of the lower half alone. */
static u64 user_tcr(u64 tcr)
{
	tcr &= ~(u64)(TCR_EL1_EPD0_MASK | TCR_EL1_T0SZ_MASK);
	tcr |= SYSREG_PUT(TCR_EL1_T0SZ, 64 - halves->empty.regime.va_bits);
	tcr |= SYSREG_PUT(TCR_EL1_AS, cpu_asid_bits(halves->kernel->handoff->id) == 16);
	return tcr | TCR_EL1_TBI0_MASK;
}

void turn_begin(struct turn *turn)
{
	u64 registers[SYSREG_COUNT];

	control_read(registers);
	*turn = (struct turn){ .cpu = cpu_this(),
			       .ttbr0 = registers[SYSREG_TTBR0_EL1],
			       .tcr = registers[SYSREG_TCR_EL1] };
	/* Programs must not sign with the kernel's key: what they sign is not signed. */
	turn->sctlr = (registers[SYSREG_SCTLR_EL1] & ~(u64)SCTLR_EL1_ENIA_MASK) | SCTLR_USER;
	turn->exit = kpti_exit(halves->kernel);
	if (errata_not_global(turn->cpu->id[SYSREG_MIDR_EL1]))
		halves->forgets_code = true;
	fp_access(false);
	lower_half_set(root_of(&halves->empty), user_tcr(turn->tcr));
	turn->timer = interrupt_timer_init(halves->kernel) == INTERRUPT_OK;
	if (turn->timer)
		interrupt_timer_start(counter_frequency() / SLICES_A_SECOND);
}

void turn_end(struct turn *turn)
{
	if (turn->timer)
		interrupt_timer_stop();
	turn_unload(turn->cpu);
	lower_half_set(turn->ttbr0, turn->tcr);
}
