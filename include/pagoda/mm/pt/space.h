/* SPDX-License-Identifier: MIT */
/*
 * A space: one tree of tables, and all that is to be known of it by who reads, builds or changes
 * it. The kernel's upper half, an identity map, a process, a hypervisor, a guest are values of it.
 * Pure: any world, MMU on or off, and the host.
 */
#ifndef PAGODA_SPACE_H
#define PAGODA_SPACE_H

#include <pagoda/mm/pt/descriptor.h>

struct table_pool; /* pagoda/mm/pt/pool.h */

/* What of the CPU the operands of TLBI depend on: see pagoda/mm/pt/tlb.h. */
struct tlb {
	bool range; /* FEAT_TLBIRANGE */
	bool level_hint; /* FEAT_TTL */
	bool asid_pairs; /* what is under a user's ASID may be under the next one, too: KPTI */
};

struct space {
	struct regime regime;
	struct map_policy policy;
	u16 id; /* WHOSE_USER: its ASID. WHOSE_GUEST: its VMID */
	struct tlb tlb; /* how to invalidate it; all zero where no TLB can know of it yet */
	paddr_t root;
	u64 phys_offset; /* add it to a table's physical address, modulo 2^64, to get a pointer */
	struct table_pool *pool;
};

/* The first address of the space; pt_end() is one past its last, 0 for 2^64. */
static inline vaddr_t pt_start(const struct space *space)
{
	return vaddr(regime_upper(&space->regime) ? regime_upper_start(&space->regime) : 0);
}

static inline vaddr_t pt_end(const struct space *space)
{
	return vaddr(regime_upper(&space->regime) ? 0 : BIT(space->regime.va_bits));
}

/* @va is an address that @space translates: canonical, and in its half. */
static inline bool pt_contains(const struct space *space, vaddr_t va)
{
	u64 high = va.value >> space->regime.va_bits;

	return high == (regime_upper(&space->regime) ? ~(u64)0 >> space->regime.va_bits : 0);
}

#endif /* PAGODA_SPACE_H */
