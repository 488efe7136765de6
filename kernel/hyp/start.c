// SPDX-License-Identifier: MIT
/*
 * How the hypervisor comes to be: its state, and the calls that put it in the stub's place. After
 * that it is nobody's but its own, where it is protected.
 * Runs in the kernel at EL1, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/entry.h>
#include <pagoda/lib/features.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/alloc/alloc.h>

#include "parts.h"

/* As the stub leaves EL1, and stage 2. */
#define HOST_HCR \
	(HCR_EL2_RW_MASK | HCR_EL2_API_MASK | HCR_EL2_APK_MASK | HCR_EL2_ATA_MASK | HCR_EL2_VM_MASK)

static u64 ram_end(const struct kernel *kernel)
{
	struct memory_range piece;
	u64 end = 0;
	u32 bank = 0;

	for (; memory_step(kernel->memory, &bank, end, &piece); end = piece.end.value)
		;
	return end;
}

static void state_fill(struct hyp *hyp, const struct kernel *kernel)
{
	const struct el2_header *header = (const struct el2_header *)(const void *)el2_rodata;
	const struct boot_handoff *handoff = kernel->handoff;
	u64 granule = regime_granule(&hyp->decision.self);
	u64 stub = (u64)(uintptr_t)el2_vectors - handoff->plan.image_va.value;
	u64 tcr = handoff->plan.registers.tcr;
	struct el2_state *state = hyp->state;

	state->many_cpus = hyp->cpus > 1;
	state->protected = hyp->mode == HYP_MODE_PROTECTED;
	state->vtcr_host = hyp->decision.registers.vtcr;
	state->vtcr_guest = hyp_vtcr(&hyp->decision.guest, tcr);
	state->base = hyp->base.value;
	state->leave_pa = hyp->text.start + header->off;
	state->stub_pa = handoff->facts.image.pa.value + stub;
	state->memory =
		(struct el2_range){ hyp->block.value, hyp->block.value + (granule << hyp->order) };
	state->tables = hyp->tables;
}

static struct el2_cpu *cpu_fill(struct hyp *hyp, const struct kernel *kernel, unsigned cpu)
{
	const struct el2_header *header = (const struct el2_header *)(const void *)el2_rodata;
	const struct hyp_registers *registers = &hyp->decision.registers;
	u64 end = hyp_stack_of(hyp, cpu).end - align_up(sizeof(struct el2_cpu), 64);
	struct el2_cpu *el2 = hyp_linear_at(kernel, end);

	*el2 = (struct el2_cpu){
		.mair = registers->mair,
		.tcr = registers->tcr,
		.ttbr = ttbr_encode(&hyp->decision.self, hyp->self.root),
		.sctlr = registers->sctlr,
		.vtcr = registers->vtcr,
		.vttbr = el2_vttbr(&hyp->host),
		.hcr = HOST_HCR,
		.vectors = hyp->base.value + header->main_vectors,
		.self = hyp_stack_at(hyp, cpu) + end - hyp_stack_of(hyp, cpu).start,
		.clear = kernel->handoff->id[SYSREG_ID_AA64MMFR3_EL1] & ~kernel->forbidden,
	};
	return el2;
}

/* What EL2 reads with its MMU off goes to memory; what it fetches, too. */
static void publish(struct hyp *hyp, const struct kernel *kernel)
{
	u64 line = dcache_line_size(kernel->handoff->facts.id[SYSREG_CTR_EL0]);
	u64 size = regime_granule(&hyp->decision.self) << hyp->order;

	for (unsigned cpu = 0; cpu < hyp->cpus; cpu++)
		(void)cpu_fill(hyp, kernel, cpu);
	dcache_clean(hyp_linear_at(kernel, hyp->block.value), size, line);
	code_publish(vaddr_of(hyp_linear_at(kernel, hyp->text.start)), hyp_text_size());
}

/* The stub takes other vectors, and they start the hypervisor with what is at @cpu_pa. */
static enum hyp_result install(struct hyp *hyp, u64 cpu_pa)
{
	u64 vectors[4] = { STUB_SET_VECTORS, hyp->text.start, 0, 0 };
	u64 begin[4] = { EL2_START, cpu_pa, 0, 0 };

	hvc_call(vectors);
	if (vectors[0] == 0)
		hvc_call(begin);
	if (vectors[0] != 0 || begin[0] != 0)
		return HYP_STUB_SILENT;
	(void)__atomic_add_fetch(&hyp->running, 1, __ATOMIC_RELAXED);
	return HYP_OK;
}

enum hyp_result hyp_start_cpu(const struct kernel *kernel, unsigned cpu)
{
	struct hyp *hyp = kernel->hyp;
	u64 cpu_pa;

	if (!hyp || hyp->result != HYP_OK || cpu >= hyp->cpus)
		return HYP_NO_MEMORY;
	cpu_pa = hyp_stack_of(hyp, cpu).end - align_up(sizeof(struct el2_cpu), 64);
	/* EL2 has written beside what it reads now with its MMU off. */
	if (hyp->running == 0)
		dcache_clean(hyp_linear_at(kernel, cpu_pa), sizeof(struct el2_cpu),
			     dcache_line_size(kernel->handoff->facts.id[SYSREG_CTR_EL0]));
	return install(hyp, cpu_pa);
}

bool hyp_stop_cpu(const struct kernel *kernel)
{
	u64 reset[4] = { STUB_RESET_VECTORS, 0, 0, 0 };
	struct hyp *hyp = kernel->hyp;

	if (!hyp_runs(kernel))
		return false;
	hvc_call(reset);
	if (reset[0] != 0)
		return false;
	(void)__atomic_sub_fetch(&hyp->running, 1, __ATOMIC_RELAXED);
	return true;
}

static enum hyp_result prepare(struct hyp *hyp, struct kernel *kernel, struct boot_handoff *handoff)
{
	enum hyp_result result = hyp_decide(&hyp->decision, &handoff->plan, handoff->id,
					    handoff->options.hyp_va_bits, paddr(ram_end(kernel)));

	if (result != HYP_OK)
		return result;
	if (!kernel->alloc || !hyp_memory_take(hyp, kernel))
		return HYP_NO_MEMORY;
	hyp_memory_fill(hyp, kernel);
	hyp->base = hyp_base(&hyp->decision.self, paddr(hyp->text.start), handoff->hyp_random);
	hyp_spaces_make(hyp, kernel);
	if (!hyp_ram_list(hyp, kernel))
		return HYP_TOO_MANY_BANKS;
	if (hyp_self_map(hyp, kernel) != MAP_OK)
		return HYP_NO_TABLES;
	state_fill(hyp, kernel);
	return HYP_OK;
}

/* The host's way to read the tables: in its copy of them. */
static void readers_make(struct hyp *hyp, const struct kernel *kernel)
{
	u64 offset = hyp->copy.value + kernel->linear.offset - hyp->tables.start;

	hyp->self = hyp->state->self;
	hyp->host = hyp->state->host;
	hyp->guest = hyp->state->guest;
	hyp->self.phys_offset = hyp->host.phys_offset = hyp->guest.phys_offset = offset;
	hyp->self.pool = hyp->host.pool = hyp->guest.pool = NULL;
}

static enum hyp_result start(struct hyp *hyp, struct kernel *kernel, struct boot_handoff *handoff)
{
	enum hyp_result result;
	u64 x[3];

	if (handoff->facts.entry.el != 2)
		return HYP_NO_EL2;
	if (handoff->plan.el == 2)
		return cpu_e2h_is_stuck(handoff->id) ? HYP_VHE_STUCK : HYP_VHE;
	result = prepare(hyp, kernel, handoff);
	if (result != HYP_OK)
		return result;
	readers_make(hyp, kernel);
	publish(hyp, kernel);
	result = hyp_start_cpu(kernel, 0);
	if (result != HYP_OK)
		return result;
	if (hyp_call(EL2_SHARE, hyp->mailbox.value, 0, 0, x) != EL2_OK)
		return HYP_STUB_SILENT;
	hyp->mailbox_slot = x[0];
	if (handoff->options.stage2_full)
		hyp->all_failed = hyp_call(EL2_MAP_ALL, 0, 0, 0, NULL) != EL2_OK;
	return HYP_OK;
}

/* Where nobody asks, nothing is taken. */
void hyp_start(struct kernel *kernel, struct boot_handoff *handoff, u32 cpus)
{
	struct alloc *alloc = kernel->alloc;
	void *memory;

	if (handoff->options.hyp_mode == HYP_MODE_NONE || !alloc ||
	    heap_alloc(&alloc->heap, sizeof(*kernel->hyp), &memory) != HEAP_OK)
		return;
	kernel->hyp = memory;
	kernel->hyp->mode = (enum hyp_mode)handoff->options.hyp_mode;
	kernel->hyp->cpus = cpus < EL2_CPUS_MAX ? cpus : EL2_CPUS_MAX;
	kernel->hyp->result = start(kernel->hyp, kernel, handoff);
	secret_wipe(&handoff->hyp_random, sizeof(handoff->hyp_random));
}
