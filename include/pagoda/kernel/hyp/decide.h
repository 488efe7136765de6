/* SPDX-License-Identifier: MIT */
/*
 * What EL2 and stage 2 follow from: the plan, so that hypervisor and host never decide apart.
 * Pure: the kernel with the MMU on, and the host.
 */
#ifndef PAGODA_HYP_DECIDE_H
#define PAGODA_HYP_DECIDE_H

#include <pagoda/kernel/handoff/plan.h>

/* Why there is no hypervisor, or no stage 2. */
enum hyp_result {
	HYP_OK,
	HYP_NO_EL2, /* entered at EL1 */
	HYP_VHE_STUCK, /* the kernel is at EL2, and cannot leave: E2H is stuck */
	HYP_VHE, /* the kernel is at EL2, and needs nobody there */
	HYP_NO_GRANULE, /* the CPU has no stage 2 with this page size */
	HYP_NARROW, /* RAM ends above what stage 2 reaches */
	HYP_NO_MEMORY, /* for code, stacks and tables */
	HYP_NO_TABLES, /* the memory there is did not suffice */
	HYP_TOO_MANY_BANKS, /* of RAM */
	HYP_STUB_SILENT, /* EL2's stub does not take other vectors */
};

/* A clause, without the values. */
const char *hyp_result_str(enum hyp_result result);

/* What EL2's registers hold. */
struct hyp_registers {
	u64 mair, tcr, sctlr;
	u64 vtcr; /* for the host's stage 2 */
};

struct hyp_decision {
	struct regime self; /* EL2's own map, HCR_EL2.E2H = 0 */
	struct regime host, guest; /* stage 2 */
	bool va_bits_refused; /* 52 were asked for, and the kernel has 48 */
	struct hyp_registers registers;
};

/*
 * hyp_decide() - all of it. HYP_OK, HYP_NO_GRANULE, or HYP_NARROW where stage 2 does not reach
 * @ram_end. @id: the ID registers after overrides. @asked_va_bits: pagoda.hyp_va_bits=, or 0.
 */
enum hyp_result hyp_decide(struct hyp_decision *decision, const struct boot_plan *plan,
			   const u64 id[SYSREG_FACT_COUNT], unsigned asked_va_bits,
			   paddr_t ram_end);

/* hyp_vtcr() - VTCR_EL2 for @regime, whose format and sizes are those of @tcr (TCR_EL1). */
u64 hyp_vtcr(const struct regime *regime, u64 tcr);

/*
 * hyp_base() - where EL2's code, data, stacks and tables go: HYP_WINDOW bytes of @regime, in the
 * half of it that @idmap, what is mapped at its physical address, is not in. By @number of 64
 * random bits; 0 for the lowest.
 */
#define HYP_WINDOW MIB(128)
vaddr_t hyp_base(const struct regime *regime, paddr_t idmap, u64 number);

#endif /* PAGODA_HYP_DECIDE_H */
