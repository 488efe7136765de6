// SPDX-License-Identifier: MIT
/*
 * Another root for the upper half, on this CPU.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/cpu/cpu.h>

/* The swap runs in the identity map: at the physical address of what is mapped here. */
void root_replace(const struct kernel *kernel, const struct space *space)
{
	ttbr1_replace(ttbr_encode(&space->regime, space->root),
		      kernel_physical(kernel, (void *)ttbr1_swap));
}
