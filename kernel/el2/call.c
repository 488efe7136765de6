// SPDX-License-Identifier: MIT
/*
 * What the host asks for. Nothing it says is trusted: addresses are looked up, numbers compared.
 * Runs at EL2, MMU on, and on the host. One at a time.
 */
#include <pagoda/lib/string.h>
#include <pagoda/mm/pt/change.h>

#include "el2.h"

static vaddr_t slot_va(const struct el2_state *state, unsigned slot)
{
	return vaddr(state->base + EL2_SHARED_AT + slot * (u64)EL2_PART_SIZE);
}

void *slot_pointer(const struct el2_state *state, u64 slot)
{
	if (slot >= EL2_SLOTS || state->slot[slot] == 0)
		return NULL;
	return vaddr_pointer(vaddr_add(slot_va(state, (unsigned)slot), state->pointer_offset));
}

static unsigned slot_of(const struct el2_state *state, u64 pa)
{
	unsigned slot = 0;

	while (slot < EL2_SLOTS && state->slot[slot] != pa)
		slot++;
	return slot;
}

enum el2_answer share_page(struct el2_state *state, u64 pa, u64 *slot)
{
	u64 granule = regime_granule(&state->self.regime);
	struct map_request request = { .pa = paddr(pa), .attr = { PROT_READ_WRITE, MEM_NORMAL } };
	unsigned place = slot_of(state, 0);

	if (pa == 0 || !el2_is_ram(state, pa))
		return EL2_BAD_ADDRESS;
	if (!el2_is_host(state, pa) || slot_of(state, pa) != EL2_SLOTS)
		return EL2_NOT_YOURS;
	if (place == EL2_SLOTS)
		return EL2_NO_ROOM;
	request.start = slot_va(state, place);
	request.end = vaddr_add(request.start, granule);
	if (map_range(&state->self, &request) != MAP_OK)
		return EL2_NO_ROOM;
	tables_publish();
	state->slot[place] = pa;
	*slot = place;
	return EL2_OK;
}

enum el2_answer unshare_page(struct el2_state *state, u64 pa)
{
	unsigned slot = slot_of(state, pa);
	vaddr_t va;

	if (pa == 0 || slot == EL2_SLOTS)
		return EL2_NOTHING_THERE;
	va = slot_va(state, slot);
	/* The tables stay, for the next one. */
	(void)pt_clear(&state->self, va, vaddr_add(va, regime_granule(&state->self.regime)));
	state->slot[slot] = 0;
	return EL2_OK;
}

/* All of the tables, page by page: the host reads them as it reads its own. */
static enum el2_answer dump_page(const struct el2_state *state, u64 page, u64 slot)
{
	u64 granule = regime_granule(&state->self.regime);
	void *to = slot_pointer(state, slot);

	if (!to || page >= (state->tables.end - state->tables.start) / granule)
		return EL2_BAD_ARGUMENT;
	memcpy(to,
	       (const void *)(uintptr_t)(state->tables.start + page * granule +
					 state->self.phys_offset),
	       granule);
	return EL2_OK;
}

static enum el2_answer translate(u64 what, u64 va, u64 *par)
{
	if (what > EL2_TRANSLATE_SELF)
		return EL2_BAD_ARGUMENT;
	*par = el2_at((enum el2_translate)what, va);
	return EL2_OK;
}

static void guest_run(struct el2_state *state, struct el2_cpu *cpu, struct el2_frame *frame)
{
	u64 slot = frame->x[1];
	bool there = slot_pointer(state, slot);

	frame->x[0] = there ? EL2_OK : EL2_BAD_ARGUMENT;
	if (there)
		el2_guest_enter(state, cpu, frame, slot);
}

static u64 answer(struct el2_state *state, struct el2_frame *frame)
{
	u64 *x = frame->x;

	switch ((enum el2_call)x[0]) {
	case EL2_VERSION:
		x[1] = EL2_MAGIC;
		x[2] = state->protected ? HYP_MODE_PROTECTED : HYP_MODE_NVHE;
		return EL2_OK;
	case EL2_SHARE:
		return share_page(state, x[1], &x[1]);
	case EL2_UNSHARE:
		return unshare_page(state, x[1]);
	case EL2_DUMP:
		return dump_page(state, x[1], x[2]);
	case EL2_TRANSLATE:
		return translate(x[1], x[2], &x[1]);
	case EL2_FAULT:
		x[1] = state->fault.count;
		x[2] = state->fault.far;
		x[3] = state->fault.ipa;
		return EL2_OK;
	case EL2_MAP_ALL:
		return host_map_all(state) == MAP_OK ? EL2_OK : EL2_NO_ROOM;
	case EL2_GUEST_MAP:
		return el2_guest_map(state, x[1], x[2], x[3]);
	case EL2_GUEST_UNMAP:
		return el2_guest_unmap(state, x[1]);
	case EL2_GUEST_END:
		el2_guest_end(state);
		return EL2_OK;
	case EL2_GUEST_RUN:
	case EL2_CALL_END:
		break;
	}
	return EL2_BAD_ARGUMENT;
}

bool call_handle(struct el2_state *state, struct el2_cpu *cpu, struct el2_frame *frame)
{
	if (frame->x[0] < EL2_VERSION || frame->x[0] >= EL2_CALL_END)
		return false;
	el2_lock(&state->lock);
	/* Where a guest runs now, the frame is its. */
	if (frame->x[0] == EL2_GUEST_RUN)
		guest_run(state, cpu, frame);
	else
		frame->x[0] = answer(state, frame);
	el2_unlock(&state->lock);
	return true;
}
