// SPDX-License-Identifier: MIT
/*
 * What comes to EL2: calls and aborts of the host, and all that a guest does.
 * Runs at EL2, MMU on.
 */
#include "el2.h"

/* The first of its data: who installs the hypervisor fills it in. */
struct el2_state el2_state __attribute__((section(".bss.state")));

/* DFSC and IFSC: translation faults of levels 0 to 3, and of -1; an external abort. */
#define FSC_TRANSLATION_FIRST 0x04
#define FSC_TRANSLATION_LAST 0x07
#define FSC_TRANSLATION_MINUS_1 0x2b
#define FSC_EXTERNAL 0x10

#define STUCK_AFTER 1000

static bool is_translation_fault(u64 esr)
{
	u64 fsc = SYSREG_GET(ESR_EL1_FSC, esr);

	return (fsc >= FSC_TRANSLATION_FIRST && fsc <= FSC_TRANSLATION_LAST) ||
	       fsc == FSC_TRANSLATION_MINUS_1;
}

/*
 * The host is told as if a bus had refused: an external abort, data or instruction, at its own
 * level where it was there.
 */
static void host_refuse(struct el2_state *state, const struct el2_syndrome *at)
{
	u64 class = SYSREG_GET(ESR_EL1_EC, at->esr);
	u64 esr = at->esr & (ESR_EL1_IL_MASK | ESR_EL1_WNR_MASK);
	bool from_el0 = (at->pstate & 0xf) == 0;

	state->fault.count++;
	state->fault.esr = at->esr;
	state->fault.far = at->far;
	state->fault.ipa = el2_ipa(at);
	state->fault.elr = at->pc;
	el2_inject(esr | SYSREG_PUT(ESR_EL1_EC, class + !from_el0) | FSC_EXTERNAL, at->far, at);
}

/* An instruction that is not the host's is none there is: who tried it says so. */
static void host_undefined(const struct el2_syndrome *at)
{
	el2_inject(at->esr & ESR_EL1_IL_MASK, 0, at);
}

/*
 * What is mapped faults once more where CPUs race. But where it goes on, the walk is not ours: then
 * to say so in registers is better than to go on for ever.
 */
static void stuck_check(struct el2_cpu *cpu, u64 ipa)
{
	cpu->again = cpu->last == ipa ? cpu->again + 1 : 0;
	cpu->last = ipa;
	if (cpu->again > STUCK_AFTER)
		el2_halt();
}

static void host_abort(struct el2_state *state, struct el2_cpu *cpu, const struct el2_syndrome *at)
{
	enum map_result result = MAP_BAD_RANGE;

	el2_lock(&state->lock);
	stuck_check(cpu, el2_ipa(at));
	if (is_translation_fault(at->esr))
		result = host_map(state, el2_ipa(at));
	if (result != MAP_OK)
		host_refuse(state, at);
	el2_unlock(&state->lock);
}

/* The stub's calls, which give up the hypervisor on this CPU; ours; nobody's. */
static void host_call(struct el2_state *state, struct el2_cpu *cpu, struct el2_frame *frame)
{
	u64 hcr = cpu->hcr & ~HCR_EL2_VM_MASK;

	if (frame->x[0] == STUB_SET_VECTORS)
		el2_leave(frame, frame->x[1], hcr, state->leave_pa);
	if (frame->x[0] == STUB_RESET_VECTORS)
		el2_leave(frame, state->stub_pa, hcr, state->leave_pa);
	if (!call_handle(state, cpu, frame))
		frame->x[0] = STUB_REFUSED;
}

void el2_trap(struct el2_frame *frame, unsigned kind);

void el2_trap(struct el2_frame *frame, unsigned kind)
{
	struct el2_syndrome at = el2_syndrome_read();
	struct el2_cpu *cpu = el2_cpu_this();

	if (cpu->in_guest) {
		el2_guest_leave(&el2_state, cpu, frame, kind, &at);
		return;
	}
	if (kind != EL2_SYNC)
		return; /* not routed here */
	switch (SYSREG_GET(ESR_EL1_EC, at.esr)) {
	case ESR_EL1_EC_HVC64:
		host_call(&el2_state, cpu, frame);
		break;
	case ESR_EL1_EC_IABT_LOW:
	case ESR_EL1_EC_DABT_LOW:
		host_abort(&el2_state, cpu, &at);
		break;
	default: /* a trap that nobody has asked for: on a CPU with more than we know */
		host_undefined(&at);
	}
}
