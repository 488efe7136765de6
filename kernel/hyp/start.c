// SPDX-License-Identifier: MIT
/*
 * How the hypervisor comes to be: its memory, its map, its state, and the calls that put it in the
 * stub's place. After that it is nobody's but its own, where it is protected.
 * Runs in the kernel at EL1, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/entry.h>
#include <pagoda/kernel/hyp/hyp.h>
#include <pagoda/lib/features.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/pt/slot.h>
#include <pagoda/mm/pt/tlb.h>

#define SELF_TABLES 24 /* EL2's own map takes 12 at most, and a guest the rest */
#define HOST_TABLES 16 /* at least */

/* As the stub leaves EL1, and stage 2. */
#define HOST_HCR \
	(HCR_EL2_RW_MASK | HCR_EL2_API_MASK | HCR_EL2_APK_MASK | HCR_EL2_ATA_MASK | HCR_EL2_VM_MASK)

/* kernel/hyp/image.S: the hypervisor, and where in its text these are. */
extern const u8 el2_text[], el2_text_end[], el2_rodata[], el2_rodata_end[];

struct el2_header {
	u64 main_vectors, off;
};

static struct hyp hyp;

static u64 text_size(void)
{
	return (u64)(el2_text_end - el2_text);
}

static u64 rodata_size(void)
{
	return (u64)(el2_rodata_end - el2_rodata);
}

static u64 stack_size(u64 granule)
{
	return align_up(EL2_STACK_SIZE, granule);
}

static struct el2_range range_take(u64 *next, u64 size, u64 granule)
{
	struct el2_range range = { *next, *next + align_up(size, granule) };

	*next = range.end;
	return range;
}

/* Its own, a copy of the tables in it for the host to read, and a page between the two; or none. */
static bool blocks_take(struct buddy *buddy)
{
	if (buddy_alloc(buddy, hyp.order, &hyp.block) != BUDDY_OK)
		return false;
	if (buddy_alloc(buddy, hyp.order, &hyp.copy) == BUDDY_OK) {
		if (buddy_alloc(buddy, 0, &hyp.mailbox) == BUDDY_OK)
			return true;
		(void)buddy_free(buddy, hyp.copy, hyp.order);
	}
	(void)buddy_free(buddy, hyp.block, hyp.order);
	return false;
}

/*
 * The block, from its start:  roots and tables | text | rodata | data | stacks. Roots first: a
 * guest's may have to be aligned to 16 pages.
 */
static bool memory_take(struct kernel *kernel)
{
	u64 granule = regime_granule(&hyp.decision.self), next;
	struct buddy *buddy = &kernel->alloc->buddy;
	u64 other = align_up(text_size(), granule) + align_up(rodata_size(), granule) +
		    align_up(sizeof(struct el2_state), granule) + hyp.cpus * stack_size(granule);
	u64 tables = regime_root_tables(&hyp.decision.host) +
		     regime_root_tables(&hyp.decision.guest) + SELF_TABLES + HOST_TABLES;

	while ((granule << hyp.order) < other + tables * granule)
		hyp.order++;
	if (!blocks_take(buddy))
		return false;
	next = hyp.block.value;
	hyp.tables = range_take(&next, (granule << hyp.order) - other, granule);
	hyp.text = range_take(&next, text_size(), granule);
	hyp.rodata = range_take(&next, rodata_size(), granule);
	hyp.data = range_take(&next, sizeof(struct el2_state), granule);
	hyp.stacks = range_take(&next, hyp.cpus * stack_size(granule), granule);
	return true;
}

static void *linear_at(const struct kernel *kernel, u64 pa)
{
	return linear_pointer(&kernel->linear, paddr(pa));
}

static void memory_fill(const struct kernel *kernel)
{
	u64 granule = regime_granule(&hyp.decision.self);

	memset(linear_at(kernel, hyp.block.value), 0, granule << hyp.order);
	memset(linear_at(kernel, hyp.copy.value), 0, granule << hyp.order);
	memcpy(linear_at(kernel, hyp.text.start), el2_text, text_size());
	memcpy(linear_at(kernel, hyp.rodata.start), el2_rodata, rodata_size());
	hyp.state = linear_at(kernel, hyp.data.start);
}

/* A space whose tables are in the block, as EL2 sees them. */
static struct space space_make(const struct kernel *kernel, const struct regime *regime,
			       struct table_pool *pool)
{
	u64 pool_at = (u64)(uintptr_t)pool - (u64)(uintptr_t)hyp.state;

	return (struct space){
		.regime = *regime,
		.tlb = tlb_make(kernel->handoff->id),
		.phys_offset = hyp.base.value + EL2_TABLES_AT - hyp.tables.start,
		.pool = (struct table_pool *)(uintptr_t)(hyp.base.value + EL2_DATA_AT + pool_at),
	};
}

/* Host's root | guest's root | EL2's own tables, and a guest's | the host's other tables. */
static void spaces_make(const struct kernel *kernel)
{
	struct el2_state *state = hyp.state;
	u64 granule = regime_granule(&hyp.decision.self), next = hyp.tables.start;
	struct el2_range self;

	state->self = space_make(kernel, &hyp.decision.self, &state->self_pool);
	state->host = space_make(kernel, &hyp.decision.host, &state->host_pool);
	state->guest = space_make(kernel, &hyp.decision.guest, &state->self_pool);
	state->self.policy.guarded = kernel->handoff->plan.bti;
	state->host.policy.text_writable = true;
	state->guest.id = 1;
	state->host.root = paddr(next);
	next += regime_root_tables(&hyp.decision.host) * granule;
	state->guest.root = paddr(next);
	next += regime_root_tables(&hyp.decision.guest) * granule;
	self = range_take(&next, SELF_TABLES * granule, granule);
	state->self_pool = (struct table_pool){ .start = paddr(self.start),
						.next = paddr(self.start),
						.end = paddr(self.end) };
	state->host_pool = (struct table_pool){ .start = paddr(next),
						.next = paddr(next),
						.end = paddr(hyp.tables.end) };
}

/* RAM in whole pages, whatever lies in it: what the kernel has, and what it leaves alone. */
static bool ram_list(const struct kernel *kernel)
{
	u64 granule = regime_granule(&hyp.decision.self);
	struct el2_state *state = hyp.state;
	struct memory_range piece;
	u32 bank = 0;

	for (u64 from = 0; memory_step(kernel->memory, &bank, from, &piece);
	     from = piece.end.value) {
		struct el2_range *last = &state->ram[state->ram_count];

		if (state->ram_count != 0 && last[-1].end == piece.start.value) {
			last[-1].end = piece.end.value;
			continue;
		}
		if (state->ram_count == MEMORY_BANKS_MAX)
			return false;
		*last = (struct el2_range){ piece.start.value, piece.end.value };
		state->ram_count++;
	}
	for (u32 i = 0; i < state->ram_count; i++) {
		state->ram[i].start = align_up(state->ram[i].start, granule);
		state->ram[i].end = align_down(state->ram[i].end, granule);
	}
	return true;
}

static u64 ram_end(const struct kernel *kernel)
{
	struct memory_range piece;
	u64 end = 0;
	u32 bank = 0;

	for (; memory_step(kernel->memory, &bank, end, &piece); end = piece.end.value)
		;
	return end;
}

static enum map_result part_map(struct space *space, u64 va, struct el2_range part,
				enum mem_prot prot)
{
	struct map_request request = { vaddr(va),
				       vaddr(va + part.end - part.start),
				       paddr(part.start),
				       { prot, MEM_NORMAL } };

	return map_range(space, &request);
}

static u64 stack_at(unsigned cpu)
{
	return hyp.base.value + EL2_STACKS_AT + (u64)cpu * EL2_STACK_STEP + EL2_STACK_STEP / 2;
}

static struct el2_range stack_of(unsigned cpu)
{
	u64 size = stack_size(regime_granule(&hyp.decision.self));

	return (struct el2_range){ hyp.stacks.start + cpu * size,
				   hyp.stacks.start + (cpu + 1) * size };
}

static enum map_result stacks_map(struct space *space)
{
	enum map_result result = MAP_OK;

	for (unsigned cpu = 0; cpu < hyp.cpus && result == MAP_OK; cpu++)
		result = part_map(space, stack_at(cpu), stack_of(cpu), PROT_READ_WRITE);
	return result;
}

/*
 * The host builds it, through the linear map. What turns the MMU on and off is in the first page of
 * text, which is also mapped at its physical address.
 */
static enum map_result self_map(const struct kernel *kernel)
{
	u64 granule = regime_granule(&hyp.decision.self), base = hyp.base.value;
	struct space space = hyp.state->self;
	struct el2_range first = { hyp.text.start, hyp.text.start + align_up(KIB(8), granule) };
	enum map_result result;

	space.phys_offset = kernel->linear.offset;
	space.pool = &hyp.state->self_pool;
	result = pt_space_create(&space);
	if (result == MAP_OK)
		result = part_map(&space, first.start, first, PROT_READ_EXECUTE);
	if (result == MAP_OK)
		result = part_map(&space, base, hyp.text, PROT_READ_EXECUTE);
	if (result == MAP_OK)
		result = part_map(&space, base + EL2_RODATA_AT, hyp.rodata, PROT_READ_ONLY);
	if (result == MAP_OK)
		result = part_map(&space, base + EL2_DATA_AT, hyp.data, PROT_READ_WRITE);
	if (result == MAP_OK)
		result = part_map(&space, base + EL2_TABLES_AT, hyp.tables, PROT_READ_WRITE);
	if (result == MAP_OK)
		result = stacks_map(&space);
	hyp.state->self.root = space.root;
	return result;
}

static void state_fill(const struct kernel *kernel)
{
	const struct el2_header *header = (const struct el2_header *)(const void *)el2_rodata;
	const struct boot_handoff *handoff = kernel->handoff;
	u64 granule = regime_granule(&hyp.decision.self);
	u64 stub = (u64)(uintptr_t)el2_vectors - handoff->plan.image_va.value;
	u64 tcr = handoff->plan.registers.tcr;
	struct el2_state *state = hyp.state;

	state->protected = hyp.mode == HYP_MODE_PROTECTED;
	state->vtcr_host = hyp.decision.registers.vtcr;
	state->vtcr_guest = hyp_vtcr(&hyp.decision.guest, tcr);
	state->base = hyp.base.value;
	state->leave_pa = hyp.text.start + header->off;
	state->stub_pa = handoff->facts.image.pa.value + stub;
	state->memory =
		(struct el2_range){ hyp.block.value, hyp.block.value + (granule << hyp.order) };
	state->tables = hyp.tables;
}

static struct el2_cpu *cpu_fill(const struct kernel *kernel, unsigned cpu)
{
	const struct el2_header *header = (const struct el2_header *)(const void *)el2_rodata;
	const struct hyp_registers *registers = &hyp.decision.registers;
	u64 end = stack_of(cpu).end - align_up(sizeof(struct el2_cpu), 64);
	struct el2_cpu *el2 = linear_at(kernel, end);

	*el2 = (struct el2_cpu){
		.mair = registers->mair,
		.tcr = registers->tcr,
		.ttbr = ttbr_encode(&hyp.decision.self, hyp.self.root),
		.sctlr = registers->sctlr,
		.vtcr = registers->vtcr,
		.vttbr = el2_vttbr(&hyp.host),
		.hcr = HOST_HCR,
		.vectors = hyp.base.value + header->main_vectors,
		.self = stack_at(cpu) + end - stack_of(cpu).start,
		.clear = kernel->handoff->id[SYSREG_ID_AA64MMFR3_EL1] & ~kernel->forbidden,
	};
	return el2;
}

/* What EL2 reads with its MMU off goes to memory; what it fetches, too. */
static void publish(const struct kernel *kernel)
{
	u64 line = dcache_line_size(kernel->handoff->facts.id[SYSREG_CTR_EL0]);
	u64 size = regime_granule(&hyp.decision.self) << hyp.order;

	for (unsigned cpu = 0; cpu < hyp.cpus; cpu++)
		(void)cpu_fill(kernel, cpu);
	dcache_clean(linear_at(kernel, hyp.block.value), size, line);
	code_publish(vaddr_of(linear_at(kernel, hyp.text.start)), text_size());
}

enum hyp_result hyp_start_cpu(const struct kernel *kernel, unsigned cpu)
{
	u64 end = stack_of(cpu).end - align_up(sizeof(struct el2_cpu), 64);
	u64 vectors[4] = { STUB_SET_VECTORS, hyp.text.start, 0, 0 };
	u64 start[4] = { EL2_START, end, 0, 0 };

	if (cpu >= hyp.cpus)
		return HYP_NO_MEMORY;
	/* EL2 has written beside what it reads now with its MMU off. */
	if (hyp.running == 0)
		dcache_clean(linear_at(kernel, end), sizeof(struct el2_cpu),
			     dcache_line_size(kernel->handoff->facts.id[SYSREG_CTR_EL0]));
	hvc_call(vectors);
	if (vectors[0] == 0)
		hvc_call(start);
	if (vectors[0] != 0 || start[0] != 0)
		return HYP_STUB_SILENT;
	(void)__atomic_add_fetch(&hyp.running, 1, __ATOMIC_RELAXED);
	return HYP_OK;
}

bool hyp_stop_cpu(const struct kernel *kernel)
{
	u64 reset[4] = { STUB_RESET_VECTORS, 0, 0, 0 };

	if (!hyp_runs(kernel))
		return false;
	hvc_call(reset);
	if (reset[0] != 0)
		return false;
	(void)__atomic_sub_fetch(&hyp.running, 1, __ATOMIC_RELAXED);
	return true;
}

static enum hyp_result prepare(struct kernel *kernel, struct boot_handoff *handoff)
{
	enum hyp_result result = hyp_decide(&hyp.decision, &handoff->plan, handoff->id,
					    handoff->options.hyp_va_bits, paddr(ram_end(kernel)));

	if (result != HYP_OK)
		return result;
	if (!kernel->alloc || !memory_take(kernel))
		return HYP_NO_MEMORY;
	memory_fill(kernel);
	hyp.base = hyp_base(&hyp.decision.self, paddr(hyp.text.start), handoff->hyp_random);
	spaces_make(kernel);
	if (!ram_list(kernel))
		return HYP_TOO_MANY_BANKS;
	if (self_map(kernel) != MAP_OK)
		return HYP_NO_TABLES;
	state_fill(kernel);
	return HYP_OK;
}

/* The host's way to read the tables: in its copy of them. */
static void readers_make(const struct kernel *kernel)
{
	u64 offset = hyp.copy.value + kernel->linear.offset - hyp.tables.start;

	hyp.self = hyp.state->self;
	hyp.host = hyp.state->host;
	hyp.guest = hyp.state->guest;
	hyp.self.phys_offset = hyp.host.phys_offset = hyp.guest.phys_offset = offset;
	hyp.self.pool = hyp.host.pool = hyp.guest.pool = NULL;
}

static enum hyp_result start(struct kernel *kernel, struct boot_handoff *handoff)
{
	enum hyp_result result;
	u64 x[3];

	if (hyp.mode == HYP_MODE_NONE)
		return HYP_NOT_ASKED;
	if (handoff->facts.entry.el != 2)
		return HYP_NO_EL2;
	if (handoff->plan.el == 2)
		return cpu_e2h_is_stuck(handoff->id) ? HYP_VHE_STUCK : HYP_VHE;
	result = prepare(kernel, handoff);
	if (result != HYP_OK)
		return result;
	readers_make(kernel);
	publish(kernel);
	result = hyp_start_cpu(kernel, 0);
	if (result != HYP_OK)
		return result;
	if (hyp_call(EL2_SHARE, hyp.mailbox.value, 0, 0, x) != EL2_OK)
		return HYP_STUB_SILENT;
	hyp.mailbox_slot = x[0];
	if (handoff->options.stage2_full)
		hyp.all_failed = hyp_call(EL2_MAP_ALL, 0, 0, 0, NULL) != EL2_OK;
	return HYP_OK;
}

void hyp_start(struct kernel *kernel, struct boot_handoff *handoff, u32 cpus)
{
	hyp.mode = (enum hyp_mode)handoff->options.hyp_mode;
	hyp.cpus = cpus < EL2_CPUS_MAX ? cpus : EL2_CPUS_MAX;
	kernel->hyp = &hyp;
	hyp.result = start(kernel, handoff);
	secret_wipe(&handoff->hyp_random, sizeof(handoff->hyp_random));
}
