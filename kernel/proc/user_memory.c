// SPDX-License-Identifier: MIT
/*
 * What programs point at: copied with their own rights, in a call that a fault may end. No tables
 * are asked: between the answer and the access it could be wrong.
 * Runs in the kernel, MMU on, and on the host.
 */
#include "parts.h"

struct copy {
	void *here;
	vaddr_t va;
	size_t size;
};

static void read_now(void *context)
{
	const struct copy *copy = context;

	user_read(copy->here, copy->va, copy->size);
}

static void write_now(void *context)
{
	const struct copy *copy = context;

	user_write(copy->va, copy->here, copy->size);
}

/* TCR.TBI0 has the CPU ignore a tag in the top byte; calls do not take one (Linux's rule). */
static bool is_address(const struct process *process, u64 va, size_t size)
{
	u64 end = address_end(process);

	return va <= end && size <= end - va;
}

bool user_get(const struct process *process, void *to, u64 va, size_t size)
{
	struct copy copy = { to, vaddr(va), size };
	struct fault fault;

	return is_address(process, va, size) && !fault_catch(read_now, &copy, &fault);
}

bool user_put(const struct process *process, u64 va, const void *from, size_t size)
{
	struct copy copy = { (void *)(uintptr_t)from, vaddr(va), size };
	struct fault fault;

	return is_address(process, va, size) && !fault_catch(write_now, &copy, &fault);
}
