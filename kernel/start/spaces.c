// SPDX-License-Identifier: MIT
/*
 * The two maps that the early runtime built, as values.
 * Runs in the kernel, MMU on, first thing.
 */
#include <pagoda/kernel/start/spaces.h>
#include <pagoda/mm/pt/tlb.h>

/* The tables lie in the image, so the image's own mapping is the first way to them. */
void spaces_init(struct kernel *kernel, struct boot_handoff *handoff)
{
	const struct boot_plan *plan = &handoff->plan;
	u64 phys_offset = plan->image_va.value - handoff->facts.image.pa.value;

	kernel->kernel_space = (struct space){ .regime = plan->kernel,
					       .policy = plan->policy,
					       .tlb = tlb_make(handoff->id),
					       .root = handoff->kernel_root,
					       .phys_offset = phys_offset,
					       .pool = &handoff->pool };
	kernel->idmap_space = (struct space){ .regime = plan->idmap,
					      .tlb = tlb_make(handoff->id),
					      .root = handoff->idmap_root,
					      .phys_offset = phys_offset,
					      .pool = &handoff->pool };
}
