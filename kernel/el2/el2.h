/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's parts, for each other.
 */
#ifndef EL2_PARTS_H
#define EL2_PARTS_H

#include "machine.h"

extern struct el2_state el2_state;

/* el2_is_ram() - the page at @pa is RAM, in one piece, whoever's. */
bool el2_is_ram(const struct el2_state *state, u64 pa);

/* el2_is_host() - and the host may have it. */
bool el2_is_host(const struct el2_state *state, u64 pa);

/*
 * host_map() - stage 2 of what is around @ipa, as much as one leaf can hold: MAP_OK, also where it
 * is there already; MAP_BAD_RANGE where it is not the host's.
 * host_map_all() - of all RAM that is the host's; what is left over where there is no table for it
 * comes by host_map().
 * host_forget() - of nothing: all of it comes back by host_map().
 */
enum map_result host_map(struct el2_state *state, u64 ipa);
enum map_result host_map_all(struct el2_state *state);
void host_forget(struct el2_state *state);

/* call_handle() - a call of the host's, in @frame; answers there. False: there is no such call. */
bool call_handle(struct el2_state *state, struct el2_cpu *cpu, struct el2_frame *frame);

enum el2_answer share_page(struct el2_state *state, u64 pa, u64 *slot);
enum el2_answer unshare_page(struct el2_state *state, u64 pa);

/* slot_pointer() - where EL2 has the page in @slot; null for none. */
void *slot_pointer(const struct el2_state *state, u64 slot);

enum el2_answer el2_guest_map(struct el2_state *state, u64 ipa, u64 pa, u64 prot);
enum el2_answer el2_guest_unmap(struct el2_state *state, u64 ipa);
void el2_guest_end(struct el2_state *state);

/*
 * el2_guest_enter() - from now on the guest has this CPU, with registers from the page in @slot:
 * @frame and all registers are its. el2_guest_leave() - they are the host's again, and the page
 * says what the guest's were, and why.
 */
void el2_guest_enter(struct el2_state *state, struct el2_cpu *cpu, struct el2_frame *frame,
		     u64 slot);
void el2_guest_leave(struct el2_state *state, struct el2_cpu *cpu, struct el2_frame *frame,
		     unsigned kind, const struct el2_syndrome *syndrome);

/* el2_ipa() - the address that stage 2 refused, from HPFAR_EL2 and FAR_EL2. */
static inline u64 el2_ipa(const struct el2_syndrome *syndrome)
{
	return (syndrome->hpfar & HPFAR_EL2_FIPA_MASK) << 8 | (syndrome->far & (KIB(4) - 1));
}

#endif /* EL2_PARTS_H */
