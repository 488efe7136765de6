// SPDX-License-Identifier: MIT
/*
 * A range out of the TLB, operation by operation.
 * Runs in the kernel with the MMU on.
 */
#include <pagoda/mm/pt/tlb.h>

void tlb_invalidate(const struct space *space, const struct tlb_range *range)
{
	struct tlb_ops ops = tlb_ops_begin(space, range);
	struct tlb_op op;

	tlb_begin();
	while (tlb_ops_next(&ops, &op))
		tlb_issue(op);
	tlb_end();
}
