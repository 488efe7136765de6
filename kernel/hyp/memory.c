// SPDX-License-Identifier: MIT
/*
 * The hypervisor's memory: what it takes, what is in it, and EL2's own map of it.
 * Runs in the kernel at EL1, MMU on, before there is anybody at EL2.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/pt/tlb.h>

#include "parts.h"

#define SELF_TABLES 24 /* EL2's own map takes 12 at most, and a guest the rest */
#define HOST_TABLES 16 /* at least */
#define DATA_SIZE (sizeof(struct el2_state) + EL2_DATA_MORE)

u64 hyp_text_size(void)
{
	return (uintptr_t)el2_text_end - (uintptr_t)el2_text;
}

static u64 rodata_size(void)
{
	return (uintptr_t)el2_rodata_end - (uintptr_t)el2_rodata;
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
static bool blocks_take(struct hyp *hyp, struct buddy *buddy)
{
	if (buddy_alloc(buddy, hyp->order, &hyp->block) != BUDDY_OK)
		return false;
	if (buddy_alloc(buddy, hyp->order, &hyp->copy) == BUDDY_OK) {
		if (buddy_alloc(buddy, 0, &hyp->mailbox) == BUDDY_OK)
			return true;
		(void)buddy_free(buddy, hyp->copy, hyp->order);
	}
	(void)buddy_free(buddy, hyp->block, hyp->order);
	return false;
}

/*
 * The block, from its start:  roots and tables | text | rodata | data | stacks. Roots first: a
 * guest's may have to be aligned to 16 pages.
 */
bool hyp_memory_take(struct hyp *hyp, struct kernel *kernel)
{
	u64 granule = regime_granule(&hyp->decision.self), next;
	struct buddy *buddy = &kernel->alloc->buddy;
	u64 other = align_up(hyp_text_size(), granule) + align_up(rodata_size(), granule) +
		    align_up(DATA_SIZE, granule) + hyp->cpus * stack_size(granule);
	u64 tables = regime_root_tables(&hyp->decision.host) +
		     regime_root_tables(&hyp->decision.guest) + SELF_TABLES + HOST_TABLES;

	while ((granule << hyp->order) < other + tables * granule)
		hyp->order++;
	if (!blocks_take(hyp, buddy))
		return false;
	next = hyp->block.value;
	hyp->tables = range_take(&next, (granule << hyp->order) - other, granule);
	hyp->text = range_take(&next, hyp_text_size(), granule);
	hyp->rodata = range_take(&next, rodata_size(), granule);
	hyp->data = range_take(&next, DATA_SIZE, granule);
	hyp->stacks = range_take(&next, hyp->cpus * stack_size(granule), granule);
	return true;
}

void *hyp_linear_at(const struct kernel *kernel, u64 pa)
{
	return linear_pointer(&kernel->linear, paddr(pa));
}

void hyp_memory_fill(struct hyp *hyp, const struct kernel *kernel)
{
	u64 granule = regime_granule(&hyp->decision.self);

	memset(hyp_linear_at(kernel, hyp->block.value), 0, granule << hyp->order);
	memset(hyp_linear_at(kernel, hyp->copy.value), 0, granule << hyp->order);
	memcpy(hyp_linear_at(kernel, hyp->text.start), el2_text, hyp_text_size());
	memcpy(hyp_linear_at(kernel, hyp->rodata.start), el2_rodata, rodata_size());
	hyp->state = hyp_linear_at(kernel, hyp->data.start);
}

/* A space whose tables are in the block, as EL2 sees them. */
static struct space space_make(struct hyp *hyp, const struct kernel *kernel,
			       const struct regime *regime, struct table_pool *pool)
{
	u64 pool_at = (u64)(uintptr_t)pool - (u64)(uintptr_t)hyp->state;

	return (struct space){
		.regime = *regime,
		.tlb = tlb_make(kernel->handoff->id),
		.phys_offset = hyp->base.value + EL2_TABLES_AT - hyp->tables.start,
		.pool = (struct table_pool *)(uintptr_t)(hyp->base.value + EL2_DATA_AT + pool_at),
	};
}

/* Host's root | guest's root | EL2's own tables, and a guest's | the host's other tables. */
void hyp_spaces_make(struct hyp *hyp, const struct kernel *kernel)
{
	struct el2_state *state = hyp->state;
	u64 granule = regime_granule(&hyp->decision.self), next = hyp->tables.start;
	struct el2_range self;

	state->self = space_make(hyp, kernel, &hyp->decision.self, &state->self_pool);
	state->host = space_make(hyp, kernel, &hyp->decision.host, &state->host_pool);
	state->guest = space_make(hyp, kernel, &hyp->decision.guest, &state->self_pool);
	state->self.policy.guarded = kernel->handoff->plan.bti;
	state->host.policy.text_writable = true;
	state->guest.id = 1;
	state->host.root = paddr(next);
	next += regime_root_tables(&hyp->decision.host) * granule;
	state->guest.root = paddr(next);
	next += regime_root_tables(&hyp->decision.guest) * granule;
	self = range_take(&next, SELF_TABLES * granule, granule);
	state->self_pool = (struct table_pool){ .start = paddr(self.start),
						.next = paddr(self.start),
						.end = paddr(self.end) };
	state->host_pool = (struct table_pool){ .start = paddr(next),
						.next = paddr(next),
						.end = paddr(hyp->tables.end) };
}

/* RAM in whole pages, whatever lies in it: what the kernel has, and what it leaves alone. */
bool hyp_ram_list(struct hyp *hyp, const struct kernel *kernel)
{
	u64 granule = regime_granule(&hyp->decision.self);
	struct el2_state *state = hyp->state;
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

static enum map_result part_map(struct space *space, u64 va, struct el2_range part,
				enum mem_prot prot)
{
	struct map_request request = { vaddr(va),
				       vaddr(va + part.end - part.start),
				       paddr(part.start),
				       { prot, MEM_NORMAL } };

	return map_range(space, &request);
}

u64 hyp_stack_at(const struct hyp *hyp, unsigned cpu)
{
	return hyp->base.value + EL2_STACKS_AT + (u64)cpu * EL2_STACK_STEP + EL2_STACK_STEP / 2;
}

struct el2_range hyp_stack_of(const struct hyp *hyp, unsigned cpu)
{
	u64 size = stack_size(regime_granule(&hyp->decision.self));

	return (struct el2_range){ hyp->stacks.start + cpu * size,
				   hyp->stacks.start + (cpu + 1) * size };
}

static enum map_result stacks_map(struct hyp *hyp, struct space *space)
{
	enum map_result result = MAP_OK;

	for (unsigned cpu = 0; cpu < hyp->cpus && result == MAP_OK; cpu++)
		result = part_map(space, hyp_stack_at(hyp, cpu), hyp_stack_of(hyp, cpu),
				  PROT_READ_WRITE);
	return result;
}

/*
 * The host builds it, through the linear map. What turns the MMU on and off is in the first page of
 * text, which is also mapped at its physical address.
 */
enum map_result hyp_self_map(struct hyp *hyp, const struct kernel *kernel)
{
	u64 granule = regime_granule(&hyp->decision.self), base = hyp->base.value;
	struct space space = hyp->state->self;
	struct el2_range first = { hyp->text.start, hyp->text.start + align_up(KIB(8), granule) };
	enum map_result result;

	space.phys_offset = kernel->linear.offset;
	space.pool = &hyp->state->self_pool;
	result = pt_space_create(&space);
	if (result == MAP_OK)
		result = part_map(&space, first.start, first, PROT_READ_EXECUTE);
	if (result == MAP_OK)
		result = part_map(&space, base, hyp->text, PROT_READ_EXECUTE);
	if (result == MAP_OK)
		result = part_map(&space, base + EL2_RODATA_AT, hyp->rodata, PROT_READ_ONLY);
	if (result == MAP_OK)
		result = part_map(&space, base + EL2_DATA_AT, hyp->data, PROT_READ_WRITE);
	if (result == MAP_OK)
		result = part_map(&space, base + EL2_TABLES_AT, hyp->tables, PROT_READ_WRITE);
	if (result == MAP_OK)
		result = stacks_map(hyp, &space);
	hyp->state->self.root = space.root;
	return result;
}
