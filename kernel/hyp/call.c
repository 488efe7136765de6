// SPDX-License-Identifier: MIT
/*
 * Calls to the hypervisor, and the copy of its tables.
 * Runs in the kernel at EL1, MMU on; in exception handlers, too.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/hyp/hyp.h>
#include <pagoda/lib/string.h>

const struct space *hyp_own_guest;

enum el2_answer hyp_call(enum el2_call what, u64 a, u64 b, u64 c, u64 x[3])
{
	u64 registers[4] = { what, a, b, c };

	hvc_call(registers);
	if (x)
		memcpy(x, registers + 1, 3 * sizeof(*x));
	return registers[0] <= EL2_BAD_ARGUMENT ? (enum el2_answer)registers[0] : EL2_BAD_ARGUMENT;
}

bool hyp_refresh(const struct kernel *kernel)
{
	const struct hyp *hyp = kernel->hyp;
	u64 granule, pages;

	if (!hyp_runs(kernel))
		return false;
	granule = regime_granule(&hyp->self.regime);
	pages = (hyp->tables.end - hyp->tables.start) / granule;
	for (u64 page = 0; page < pages; page++) {
		if (hyp_call(EL2_DUMP, page, hyp->mailbox_slot, 0, NULL) != EL2_OK)
			return false;
		memcpy(linear_pointer(&kernel->linear, paddr_add(hyp->copy, page * granule)),
		       linear_pointer(&kernel->linear, hyp->mailbox), granule);
	}
	return true;
}

const struct space *hyp_space(const struct kernel *kernel, enum hyp_map map)
{
	const struct hyp *hyp = kernel->hyp;

	if (map == HYP_MAP_GUEST && hyp_own_guest)
		return hyp_own_guest;
	if (!hyp_refresh(kernel))
		return NULL;
	switch (map) {
	case HYP_MAP_SELF:
		return &hyp->self;
	case HYP_MAP_HOST:
		return &hyp->host;
	case HYP_MAP_GUEST:
		break;
	}
	return &hyp->guest;
}

bool hyp_is_table(const struct kernel *kernel, paddr_t pa)
{
	const struct hyp *hyp = kernel->hyp;

	return hyp && pa.value >= hyp->tables.start && pa.value < hyp->tables.end;
}

const char *hyp_map_str(enum hyp_map map)
{
	switch (map) {
	case HYP_MAP_SELF:
		return "hyp";
	case HYP_MAP_HOST:
		return "host2";
	case HYP_MAP_GUEST:
		break;
	}
	return "guest2";
}

const char *hyp_map_title(enum hyp_map map)
{
	switch (map) {
	case HYP_MAP_SELF:
		return "hypervisor's map";
	case HYP_MAP_HOST:
		return "stage 2 under the kernel";
	case HYP_MAP_GUEST:
		break;
	}
	return "stage 2 of the guest";
}

const char *el2_answer_str(enum el2_answer answer)
{
	switch (answer) {
	case EL2_OK:
		return "ok";
	case EL2_BAD_ADDRESS:
		return "no page of RAM";
	case EL2_NOT_YOURS:
		return "not the host's to give";
	case EL2_NO_ROOM:
		return "no room left";
	case EL2_NOTHING_THERE:
		return "nothing there";
	case EL2_BAD_ARGUMENT:
		return "bad argument";
	}
	return "unknown answer";
}

const char *guest_exit_str(enum guest_exit reason)
{
	switch (reason) {
	case GUEST_HVC:
		return "call";
	case GUEST_ABORT:
		return "abort in stage 2";
	case GUEST_INTERRUPT:
		return "interrupt";
	case GUEST_TRAP:
		return "trap";
	}
	return "unknown exit";
}
