// SPDX-License-Identifier: MIT
/*
 * A guest, by whoever is at EL2.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/lib/string.h>

#include "guest_vhe.h"

static bool at_el2(const struct kernel *kernel)
{
	return kernel->handoff->plan.el == 2;
}

const char *guest_none_str(const struct kernel *kernel)
{
	if (hyp_runs(kernel))
		return NULL;
	if (!at_el2(kernel))
		return "no hypervisor runs";
	return vhe_space(kernel) ? NULL : "no memory for stage 2, or none with this page size";
}

enum el2_answer guest_page(const struct kernel *kernel, u64 ipa, paddr_t pa, enum mem_prot prot)
{
	if (at_el2(kernel))
		return vhe_map(kernel, ipa, pa, prot);
	return hyp_call(EL2_GUEST_MAP, ipa, pa.value, prot, NULL);
}

enum el2_answer guest_page_back(const struct kernel *kernel, u64 ipa)
{
	if (at_el2(kernel))
		return vhe_unmap(kernel, ipa);
	return hyp_call(EL2_GUEST_UNMAP, ipa, 0, 0, NULL);
}

enum el2_answer guest_run(const struct kernel *kernel, struct guest_run *run)
{
	struct guest_run *shared;
	enum el2_answer answer;

	if (at_el2(kernel))
		return vhe_run(kernel, run);
	shared = linear_pointer(&kernel->linear, kernel->hyp->mailbox);
	*shared = *run;
	answer = hyp_call(EL2_GUEST_RUN, kernel->hyp->mailbox_slot, 0, 0, NULL);
	*run = *shared;
	return answer;
}

void guest_end(const struct kernel *kernel)
{
	if (at_el2(kernel))
		vhe_end(kernel);
	else if (hyp_runs(kernel))
		(void)hyp_call(EL2_GUEST_END, 0, 0, 0, NULL);
}

const struct space *guest_space(const struct kernel *kernel)
{
	return at_el2(kernel) ? vhe_space(kernel) : hyp_space(kernel, HYP_MAP_GUEST);
}

unsigned guest_ipa_bits(const struct kernel *kernel)
{
	if (at_el2(kernel))
		return vhe_space(kernel)->regime.va_bits;
	return kernel->hyp->guest.regime.va_bits;
}
