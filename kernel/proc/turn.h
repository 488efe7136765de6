/* SPDX-License-Identifier: MIT */
/*
 * A CPU's lower half while it lets programs run. For kernel/proc. MMU on.
 */
#ifndef PROC_TURN_H
#define PROC_TURN_H

#include <pagoda/kernel/proc/sched.h>

/* A CPU while it lets programs run. */
struct turn {
	struct cpu *cpu;
	u64 ttbr0, tcr; /* as they were */
	u64 sctlr; /* at EL0 */
	u64 exit; /* for user_enter() */
	bool timer; /* it ends slices: there is none that would not */
};

/*
 * turns_init() - what all CPUs share; false where there is no memory. Once. turn_asid_bits() - of
 * the numbers that programs get: one less where each has two ASIDs (KPTI).
 */
bool turns_init(const struct kernel *kernel);
unsigned turn_asid_bits(const struct kernel *kernel);

/*
 * turn_begin() - programs may run on this CPU, and it takes interrupts. turn_end() - they may not,
 * and all is as it was.
 */
void turn_begin(struct turn *turn);
void turn_end(struct turn *turn);

/*
 * turn_load() - registers and lower half of @process are in this CPU. turn_unload() - of none are:
 * those of who had them are in its struct again, and no CPU's TLB learns more about it.
 */
void turn_load(struct cpu *cpu, struct process *process);
void turn_unload(struct cpu *cpu);

#endif /* PROC_TURN_H */
