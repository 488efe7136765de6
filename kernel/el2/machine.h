/* SPDX-License-Identifier: MIT */
/*
 * The machine at EL2, as far as the hypervisor's C asks for it. Host tests put another behind the
 * same names.
 */
#ifndef EL2_MACHINE_H
#define EL2_MACHINE_H

#include <pagoda/arch/arch.h>
#include <pagoda/kernel/hyp/el2.h>

/* The syndrome of the exception that this CPU is in. */
struct el2_syndrome {
	u64 esr, far, hpfar;
	u64 pc, pstate; /* where to go on */
};

struct el2_syndrome el2_syndrome_read(void);
void el2_return_to(u64 pc, u64 pstate);

struct el2_cpu *el2_cpu_this(void);

/* EL1's registers, of who is there now. */
void el1_save(struct el1_registers *registers);
void el1_load(const struct el1_registers *registers);

/* Whose stage 2 EL1 has, and what it may. */
void el2_stage2_set(u64 vttbr, u64 vtcr);
void el2_hcr_set(u64 hcr);

/* CPTR_EL2.TFP: floating point traps. */
void el2_fp_trap(bool on);

u64 el2_at(enum el2_translate what, u64 va);

/* el2_inject() - EL1 takes a synchronous exception with @esr and @far; @pstate is its own. */
void el2_inject(u64 esr, u64 far, const struct el2_syndrome *from);

void el2_leave(struct el2_frame *frame, u64 vectors, u64 hcr, u64 off) __attribute__((noreturn));

/* el2_halt() - stop this CPU, as in any stop for an exception. */
void el2_halt(void) __attribute__((noreturn));

/* One at a time: el2_lock() until el2_unlock(). */
void el2_lock(struct lock *lock);
void el2_unlock(struct lock *lock);

#endif /* EL2_MACHINE_H */
