// SPDX-License-Identifier: MIT
/*
 * Stage 2 under the host: every address means itself. What is not mapped yet faults, and is mapped
 * then, with the largest leaf in which all is of one kind; what is not the host's stays unmapped.
 * Runs at EL2, MMU on, and on the host. One at a time.
 */
#include <pagoda/mm/pt/tlb.h>

#include "el2.h"

/* Everything around an address that is of its kind. */
struct around {
	u64 start, end;
	bool ram;
};

static void around_cut(struct around *around, u64 ipa, u64 start, u64 end)
{
	if (end <= ipa && end > around->start)
		around->start = end;
	if (start > ipa && start < around->end)
		around->end = start;
}

/* False where it is not the host's. */
static bool around_not(struct around *around, u64 ipa, u64 start, u64 end)
{
	around_cut(around, ipa, start, end);
	return ipa < start || ipa >= end;
}

static void around_ram(const struct el2_state *state, struct around *around, u64 ipa)
{
	for (u32 i = 0; i < state->ram_count; i++) {
		const struct el2_range *ram = &state->ram[i];

		if (ipa >= ram->start && ipa < ram->end)
			*around = (struct around){ ram->start, ram->end, true };
		else if (!around->ram)
			around_cut(around, ipa, ram->start, ram->end);
	}
}

/* What the host may have around @ipa; false where that is nothing. */
static bool around_find(const struct el2_state *state, u64 ipa, struct around *around)
{
	u64 granule = regime_granule(&state->host.regime);
	bool allowed = true;

	*around = (struct around){ 0, BIT(state->host.regime.va_bits), false };
	if (ipa >= around->end)
		return false;
	around_ram(state, around, ipa);
	if (!state->protected)
		return true;
	allowed = around_not(around, ipa, state->memory.start, state->memory.end);
	for (unsigned i = 0; i < EL2_GUEST_PAGES; i++)
		if (state->given[i].used)
			allowed &= around_not(around, ipa, state->given[i].pa,
					      state->given[i].pa + granule);
	return allowed;
}

bool el2_is_ram(const struct el2_state *state, u64 pa)
{
	struct around around = { 0, ~(u64)0, false };

	around_ram(state, &around, pa);
	return around.ram && is_aligned(pa, regime_granule(&state->host.regime));
}

bool el2_is_host(const struct el2_state *state, u64 pa)
{
	if (!el2_is_ram(state, pa) || (pa >= state->memory.start && pa < state->memory.end))
		return false;
	for (unsigned i = 0; i < EL2_GUEST_PAGES; i++)
		if (state->given[i].used && state->given[i].pa == pa)
			return false;
	return true;
}

/*
 * What may be written and executed in RAM, the host's own tables say: in its space's policy
 * READ_EXECUTE takes nothing away. Of a device, nothing is executed.
 */
static enum map_result leaf_map(struct el2_state *state, u64 start, u64 end, bool ram)
{
	struct map_request request = {
		.start = vaddr(start),
		.end = vaddr(end),
		.pa = paddr(start),
		.attr = { ram ? PROT_READ_EXECUTE : PROT_READ_WRITE,
			  ram ? MEM_NORMAL : MEM_DEVICE_NGNRE },
	};
	enum map_result result = map_range(&state->host, &request);

	tables_publish();
	return result;
}

/* The largest leaf around @ipa in @around that finds nothing in its place. */
static enum map_result largest_map(struct el2_state *state, u64 ipa, const struct around *around)
{
	const struct regime *regime = &state->host.regime;
	int level = regime->root_level > regime->block_level ? regime->root_level :
							       regime->block_level;

	for (; level <= LEVEL_PAGE; level++) {
		u64 span = regime_span(regime, level), start = align_down(ipa, span);
		struct pt_entry entry = pt_descend(&state->host, vaddr(ipa), level);

		if (pte_is_leaf(entry.kind))
			return MAP_OK; /* another CPU came first */
		if (start >= around->start && around->end - start >= span &&
		    entry.kind == PTE_INVALID)
			return leaf_map(state, start, start + span, around->ram);
	}
	return MAP_BAD_RANGE;
}

/*
 * Where the tables are used up, all of it is forgotten: what is in use comes back by itself, and
 * that is never as much as all that ever was.
 */
enum map_result host_map(struct el2_state *state, u64 ipa)
{
	struct around around;
	enum map_result result;

	if (!around_find(state, ipa, &around))
		return MAP_BAD_RANGE;
	result = largest_map(state, ipa, &around);
	if (result != MAP_NO_TABLES)
		return result;
	host_forget(state);
	return largest_map(state, ipa, &around);
}

void host_forget(struct el2_state *state)
{
	struct space *host = &state->host;
	struct tlb_range all = { pt_start(host), pt_end(host), TLB_LEVEL_UNKNOWN, true };

	pt_forget(host);
	tlb_invalidate(host, &all);
	state->host_pool.next = state->host_pool.start;
	state->host_pool.free_count = 0;
}

enum map_result host_map_all(struct el2_state *state)
{
	enum map_result result = MAP_OK;
	struct around around;

	host_forget(state);
	for (u32 i = 0; i < state->ram_count && result == MAP_OK; i++) {
		u64 end = state->ram[i].end, ipa = state->ram[i].start;

		while (ipa < end && result == MAP_OK) {
			if (around_find(state, ipa, &around)) {
				result = leaf_map(state, ipa, around.end, true);
				ipa = around.end;
			} else {
				ipa += regime_granule(&state->host.regime);
			}
		}
	}
	return result;
}
