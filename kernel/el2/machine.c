// SPDX-License-Identifier: MIT
/*
 * Registers and instructions of EL2, for the hypervisor's C.
 * Runs at EL2, MMU on.
 */
#include <pagoda/arch/lock.h>
#include <pagoda/arch/mrs.h>
#include <pagoda/mm/pt/tlb.h>

#include "el2.h"

#define ISB() asm volatile("isb" ::: "memory")

/* SPSR */
#define PSTATE_EL1H 0x5
#define PSTATE_DAIF 0x3c0
#define PSTATE_MODE 0xf
#define PSTATE_FLAGS 0xf0000000
#define PSTATE_PAN BIT(22)
#define PSTATE_DIT BIT(24)
#define PSTATE_SSBS BIT(12)
#define SCTLR_DSSBS BIT(44)
#define CPTR_TFP BIT(10)

struct el2_syndrome el2_syndrome_read(void)
{
	return (struct el2_syndrome){ READ("esr_el2"), READ("far_el2"), READ("hpfar_el2"),
				      READ("elr_el2"), READ("spsr_el2") };
}

void el2_return_to(u64 pc, u64 pstate)
{
	WRITE("elr_el2", pc);
	WRITE("spsr_el2", pstate);
}

struct el2_cpu *el2_cpu_this(void)
{
	return (struct el2_cpu *)(uintptr_t)READ("tpidr_el2");
}

void el1_save(struct el1_registers *registers)
{
#define SAVE(name) registers->name = READ(#name);
	EL1_REGISTERS_EACH(SAVE)
#undef SAVE
}

void el1_load(const struct el1_registers *registers)
{
#define LOAD(name) WRITE(#name, registers->name);
	EL1_REGISTERS_EACH(LOAD)
#undef LOAD
}

/*
 * Both must fit each other: EL1's translations are out of context here, and none is made before
 * the ISB.
 */
void el2_stage2_set(u64 vttbr, u64 vtcr)
{
	WRITE("vtcr_el2", vtcr);
	WRITE("vttbr_el2", vttbr);
	ISB();
}

void el2_hcr_set(u64 hcr)
{
	asm volatile("dsb nsh\n\tmsr hcr_el2, %0\n\tisb" ::"r"(hcr) : "memory");
}

void el2_fp_trap(bool on)
{
	u64 cptr = READ("cptr_el2") & ~CPTR_TFP;

	WRITE("cptr_el2", cptr | (on ? CPTR_TFP : 0));
	ISB();
}

/* PAR_EL1 is EL1's: it finds there what it had. */
u64 el2_at(enum el2_translate what, u64 va)
{
	u64 before = READ("par_el1"), par;

	switch (what) {
	case EL2_TRANSLATE_READ:
		asm volatile("at s12e1r, %0" ::"r"(va) : "memory");
		break;
	case EL2_TRANSLATE_WRITE:
		asm volatile("at s12e1w, %0" ::"r"(va) : "memory");
		break;
	case EL2_TRANSLATE_SELF:
		asm volatile("at s1e2r, %0" ::"r"(va) : "memory");
		break;
	}
	asm volatile("isb\n\tdmb sy" ::: "memory");
	par = READ("par_el1");
	asm volatile("dmb sy" ::: "memory");
	WRITE("par_el1", before);
	return par;
}

/* As the CPU takes an exception to EL1 (DDI 0487 D1.3.3). */
void el2_inject(u64 esr, u64 far, const struct el2_syndrome *from)
{
	u64 vector = 0x400, pstate = from->pstate & (PSTATE_FLAGS | PSTATE_DIT | PSTATE_PAN);
	u64 sctlr = READ("sctlr_el1");

	if ((from->pstate & PSTATE_MODE) != 0)
		vector = (from->pstate & PSTATE_MODE) == PSTATE_EL1H ? 0x200 : 0;
	if (!(sctlr & SCTLR_EL1_SPAN_MASK))
		pstate |= PSTATE_PAN;
	if (sctlr & SCTLR_DSSBS)
		pstate |= PSTATE_SSBS;
	WRITE("esr_el1", esr);
	WRITE("far_el1", far);
	WRITE("elr_el1", from->pc);
	WRITE("spsr_el1", from->pstate);
	el2_return_to(READ("vbar_el1") + vector, pstate | PSTATE_DAIF | PSTATE_EL1H);
}

/* As for the kernel: the walker sees what was written, and this CPU what follows from it. */
void tables_publish(void)
{
	asm volatile("dsb ishst\n\tisb" ::: "memory");
}

void el2_lock(struct lock *lock)
{
	lock_take(lock);
}

void el2_unlock(struct lock *lock)
{
	lock_drop(lock);
}

static u64 vtcr_of(const struct space *space)
{
	return space->id != 0 ? el2_state.vtcr_guest : el2_state.vtcr_host;
}

/*
 * Stage 2 is invalidated under the VMID that VTTBR_EL2 has, and takes two steps: what is cached of
 * it by itself, and when that is done, what combines it with stage 1 (DDI 0487 D8.14.5).
 */
void tlb_invalidate(const struct space *space, const struct tlb_range *range)
{
	u64 vttbr = READ("vttbr_el2"), vtcr = READ("vtcr_el2");
	struct tlb_ops ops = tlb_ops_begin(space, range);
	bool stage2 = space->regime.whose == WHOSE_GUEST;
	struct tlb_op op;

	/* On cores that need it, and no others know better: it costs a second operation. */
	if (el2_state.many_cpus)
		tlb_repeat();
	/* The stores first: a root is in use with its tables complete. */
	tlb_begin();
	if (stage2)
		el2_stage2_set(el2_vttbr(space), vtcr_of(space));
	while (tlb_ops_next(&ops, &op))
		tlb_issue(op);
	tlb_end();
	if (stage2) {
		tlb_issue((struct tlb_op){ .kind = TLB_ALL });
		tlb_end();
		el2_stage2_set(vttbr, vtcr);
	}
}
