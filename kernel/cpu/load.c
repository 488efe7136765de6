// SPDX-License-Identifier: MIT
/*
 * A load that a fault may end: whether anybody is at an address.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/cpu/cpu.h>

struct load {
	vaddr_t va;
	unsigned size;
	u64 value;
};

static void load_now(void *context)
{
	struct load *load = context;

	load->value = memory_load(load->va, load->size);
}

bool load_catch(vaddr_t va, unsigned size, u64 *value)
{
	struct load load = { va, size, 0 };
	struct fault fault;

	if (fault_catch(load_now, &load, &fault))
		return false;
	*value = load.value;
	return true;
}
