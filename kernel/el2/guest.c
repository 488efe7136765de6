// SPDX-License-Identifier: MIT
/*
 * A guest of a few pages: its stage 2, and how it comes by a CPU and loses it again.
 * Runs at EL2, MMU on, and on the host. One at a time.
 *
 * Where memory is protected, a page of the guest's is not the host's as long as it is the guest's,
 * and comes back cleared.
 */
#include <pagoda/lib/string.h>
#include <pagoda/mm/pt/change.h>

#include "el2.h"

static struct el2_given *given_find(struct el2_state *state, u64 ipa)
{
	for (unsigned i = 0; i < EL2_GUEST_PAGES; i++)
		if (state->given[i].used && state->given[i].ipa == ipa)
			return &state->given[i];
	return NULL;
}

static struct el2_given *given_unused(struct el2_state *state)
{
	for (unsigned i = 0; i < EL2_GUEST_PAGES; i++)
		if (!state->given[i].used)
			return &state->given[i];
	return NULL;
}

static bool is_shared(const struct el2_state *state, u64 pa)
{
	for (unsigned i = 0; i < EL2_SLOTS; i++)
		if (state->slot[i] == pa)
			return true;
	return false;
}

/* Out of the host's stage 2; all of that, where the page is part of a larger leaf. */
static void host_take(struct el2_state *state, u64 pa)
{
	vaddr_t start = vaddr(pa), end = vaddr(pa + regime_granule(&state->host.regime));
	enum map_result result = pt_clear(&state->host, start, end);

	if (result != MAP_OK && result != MAP_NOT_MAPPED)
		host_forget(state);
}

enum el2_answer el2_guest_map(struct el2_state *state, u64 ipa, u64 pa, u64 prot)
{
	u64 granule = regime_granule(&state->guest.regime);
	struct map_request request = { .start = vaddr(ipa),
				       .end = vaddr(ipa + granule),
				       .pa = paddr(pa),
				       .attr = { .type = MEM_NORMAL } };
	struct el2_given *given = given_unused(state);

	if (prot > PROT_READ_WRITE)
		return EL2_BAD_ARGUMENT;
	if (!el2_is_ram(state, pa))
		return EL2_BAD_ADDRESS;
	if (!el2_is_host(state, pa) || is_shared(state, pa))
		return EL2_NOT_YOURS;
	if (!given)
		return EL2_NO_ROOM;
	request.attr.prot = (enum mem_prot)prot;
	switch (map_range(&state->guest, &request)) {
	case MAP_OK:
		break;
	case MAP_NO_TABLES:
		return EL2_NO_ROOM;
	default:
		return EL2_BAD_ADDRESS;
	}
	tables_publish();
	*given = (struct el2_given){ ipa, pa, true };
	if (state->protected)
		host_take(state, pa);
	return EL2_OK;
}

/* Nothing that the guest had written is for the host to read. False where there is no slot. */
static bool page_wipe(struct el2_state *state, u64 pa)
{
	u64 slot;

	if (share_page(state, pa, &slot) != EL2_OK)
		return false;
	memset(slot_pointer(state, slot), 0, regime_granule(&state->self.regime));
	return unshare_page(state, pa) == EL2_OK;
}

enum el2_answer el2_guest_unmap(struct el2_state *state, u64 ipa)
{
	struct el2_given *given = given_find(state, ipa);

	if (!given)
		return EL2_NOTHING_THERE;
	/* Not there any more where it was tried before, and there was no slot. */
	(void)pt_clear(&state->guest, vaddr(ipa),
		       vaddr(ipa + regime_granule(&state->guest.regime)));
	given->used = false;
	if (state->protected && !page_wipe(state, given->pa)) {
		given->used = true;
		return EL2_NO_ROOM;
	}
	return EL2_OK;
}

void el2_guest_end(struct el2_state *state)
{
	for (unsigned i = 0; i < EL2_GUEST_PAGES; i++)
		if (state->given[i].used)
			el2_guest_unmap(state, state->given[i].ipa);
}

void el2_guest_enter(struct el2_state *state, struct el2_cpu *cpu, struct el2_frame *frame,
		     u64 slot)
{
	const struct guest_run *run = slot_pointer(state, slot);
	const struct el1_registers fresh = { .sctlr_el1 = GUEST_SCTLR };
	struct el2_syndrome here = el2_syndrome_read();

	cpu->host = *frame;
	cpu->host_pc = here.pc;
	cpu->host_pstate = here.pstate;
	el1_save(&cpu->host_registers);
	cpu->in_guest = true;
	cpu->slot = slot;
	el1_load(&fresh);
	el2_stage2_set(el2_vttbr(&state->guest), state->vtcr_guest);
	el2_hcr_set(GUEST_HCR);
	el2_fp_trap(true);
	memcpy(frame->x, run->x, sizeof(run->x));
	el2_return_to(run->pc, guest_pstate(run->pstate));
}

static void run_fill(struct guest_run *run, const struct el2_frame *frame, unsigned kind,
		     const struct el2_syndrome *syndrome)
{
	memcpy(run->x, frame->x, sizeof(run->x));
	run->pc = syndrome->pc;
	run->pstate = syndrome->pstate;
	run->reason = guest_exit_reason(kind, syndrome->esr);
	run->esr = syndrome->esr;
	run->far = syndrome->far;
	run->ipa = el2_ipa(syndrome);
}

/* Another CPU of the host's may have taken the page back. */
void el2_guest_leave(struct el2_state *state, struct el2_cpu *cpu, struct el2_frame *frame,
		     unsigned kind, const struct el2_syndrome *syndrome)
{
	struct guest_run *run;

	el2_lock(&state->lock);
	run = slot_pointer(state, cpu->slot);
	if (run)
		run_fill(run, frame, kind, syndrome);
	el2_unlock(&state->lock);
	cpu->in_guest = false;
	el2_fp_trap(false);
	el2_hcr_set(cpu->hcr);
	el2_stage2_set(el2_vttbr(&state->host), state->vtcr_host);
	el1_load(&cpu->host_registers);
	*frame = cpu->host;
	el2_return_to(cpu->host_pc, cpu->host_pstate);
}
