// SPDX-License-Identifier: MIT
/*
 * A guest of a kernel that is at EL2 itself: the same stage 2, without anybody in between.
 * Runs in the kernel at EL2, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/pt/change.h>
#include <pagoda/mm/pt/tlb.h>

#include "guest_vhe.h"

#define TABLES_ORDER 3
#define VMID 1

struct vhe {
	struct space space;
	struct table_pool pool;
	paddr_t tables;
	u64 vtcr;
	u64 page[EL2_GUEST_PAGES]; /* IPA + 1 of each; 0 for none */
};

static struct vhe *vhe; /* from the heap, once it is asked for */

static bool space_make(const struct kernel *kernel, struct hyp_decision *decision)
{
	const struct boot_plan *plan = &kernel->handoff->plan;
	u64 granule = regime_granule(&plan->kernel);

	if (buddy_alloc(&kernel->alloc->buddy, TABLES_ORDER, &vhe->tables) != BUDDY_OK)
		return false;
	vhe->pool = (struct table_pool){ .start = vhe->tables,
					 .next = vhe->tables,
					 .end = paddr_add(vhe->tables, granule << TABLES_ORDER) };
	vhe->space = (struct space){ .regime = decision->guest,
				     .id = VMID,
				     .tlb = tlb_make(kernel->handoff->id),
				     .phys_offset = kernel->linear.offset,
				     .pool = &vhe->pool };
	vhe->vtcr = hyp_vtcr(&decision->guest, plan->registers.tcr);
	return pt_space_create(&vhe->space) == MAP_OK;
}

struct space *vhe_space(const struct kernel *kernel)
{
	const struct boot_handoff *handoff = kernel->handoff;
	struct hyp_decision decision;
	void *memory;

	if (hyp_own_guest)
		return &vhe->space;
	if (!kernel->alloc ||
	    hyp_decide(&decision, &handoff->plan, handoff->id, 0, paddr(0)) != HYP_OK ||
	    heap_alloc(&kernel->alloc->heap, sizeof(*vhe), &memory) != HEAP_OK)
		return NULL;
	vhe = memory;
	if (!space_make(kernel, &decision)) {
		(void)heap_free(&kernel->alloc->heap, memory);
		return NULL;
	}
	hyp_own_guest = &vhe->space;
	return &vhe->space;
}

/* TLBI takes the VMID from VTTBR_EL2. */
static struct space *begin(const struct kernel *kernel)
{
	struct space *space = vhe_space(kernel);

	if (space)
		stage2_set(el2_vttbr(space), vhe->vtcr);
	return space;
}

static unsigned page_find(u64 mark)
{
	unsigned page = 0;

	while (page < EL2_GUEST_PAGES && vhe->page[page] != mark)
		page++;
	return page;
}

enum el2_answer vhe_map(const struct kernel *kernel, u64 ipa, paddr_t pa, enum mem_prot prot)
{
	struct space *space = begin(kernel);
	unsigned page = page_find(0);
	struct map_request request = { .start = vaddr(ipa),
				       .pa = pa,
				       .attr = { prot, MEM_NORMAL } };

	if (!space || page == EL2_GUEST_PAGES)
		return EL2_NO_ROOM;
	request.end = vaddr(ipa + regime_granule(&space->regime));
	if (pt_map(space, &request) != MAP_OK)
		return EL2_BAD_ADDRESS;
	tables_publish();
	vhe->page[page] = ipa + 1;
	return EL2_OK;
}

enum el2_answer vhe_unmap(const struct kernel *kernel, u64 ipa)
{
	struct space *space = begin(kernel);
	unsigned page = page_find(ipa + 1);

	if (!space || page == EL2_GUEST_PAGES)
		return EL2_NOTHING_THERE;
	vhe->page[page] = 0;
	(void)pt_unmap(space, vaddr(ipa), vaddr(ipa + regime_granule(&space->regime)));
	/*
	 * What combines both stages goes after what is stage 2's alone, before anything is reused.
	 * A kernel at EL2 has TGE set, which makes VMALLE1IS its own: so with all of the VMID.
	 */
	tlb_invalidate_by((struct tlb_op){ .kind = TLB_STAGE2_ALL });
	return EL2_OK;
}

void vhe_end(const struct kernel *kernel)
{
	for (unsigned page = 0; page < EL2_GUEST_PAGES; page++)
		if (vhe->page[page] != 0)
			(void)vhe_unmap(kernel, vhe->page[page] - 1);
}

enum el2_answer vhe_run(const struct kernel *kernel, struct guest_run *run)
{
	unsigned vector;

	if (!begin(kernel))
		return EL2_NO_ROOM;
	guest_state_fresh(GUEST_SCTLR);
	run->pstate = guest_pstate(run->pstate);
	vector = (unsigned)guest_switch(run, GUEST_HCR | HCR_EL2_E2H_MASK);
	run->ipa = (run->ipa & HPFAR_EL2_FIPA_MASK) << 8 | (run->far & (KIB(4) - 1));
	run->reason = guest_exit_reason(vector, run->esr);
	return EL2_OK;
}
