// SPDX-License-Identifier: MIT
/*
 * Exceptions in the kernel. Interrupts go to their handlers; a fault that is expected ends the call
 * that caused it; any other is reported, and is the end.
 * Runs with the MMU on, on the exceptions' own stack; also on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/irq/interrupt.h>
#include <pagoda/kernel/smp/smp.h>
#include <pagoda/kernel/trap/exception.h>
#include <pagoda/mm/check/kasan.h>

#include "kasan.h"

void exception_init(const struct kernel *kernel)
{
	cpu_this()->kernel = kernel;
}

/* Vectors of exceptions from the kernel itself, and from EL0. */
#define VECTOR_SYNC 0
#define VECTOR_IRQ 1
#define VECTOR_SERROR 3
#define VECTOR_SYNC_EL0 8
#define VECTOR_IRQ_EL0 9

/*
 * No kernel dies of what its loader did: a store to where nobody is, say, whose error was still on
 * its way. What comes later is the kernel's own, or RAM's.
 */
void serror_init(struct kernel *kernel)
{
	const struct boot_facts *facts = &kernel->handoff->facts;
	struct cpu *cpu = cpu_this();

	if (SYSREG_GET(ID_AA64PFR0_EL1_RAS, facts->id[SYSREG_ID_AA64PFR0_EL1]) != 0)
		kernel->inherited.disr = serror_deferred();
	if (facts->entry.serror)
		cpu->serror = &kernel->inherited.esr;
	serror_unmask();
	cpu->serror = NULL;
}

/* PSTATE in the kernel: its own level, on SP_EL0, everything masked. */
#define PSTATE_MASKED 0x3c0
#define PSTATE_EL_SHIFT 2
#define PSTATE_PAN BIT(22)

/* Back into catch_call(), as if the function it called had returned. */
static void catch_fault(struct cpu *cpu, struct exception_frame *frame)
{
	const struct boot_plan *plan = &cpu->kernel->handoff->plan;

	*cpu->expected.fault = (struct fault){ .esr = frame->esr,
					       .far = frame->far,
					       .elr = frame->elr,
					       .sp = frame->sp,
					       .pan = plan->pan && pan_get() != 0 };
	cpu->expected.fault = NULL;
	/* Who was called, and does not return, has left marks of his frames. */
	if (KASAN && cpu->expected.resume.sp > frame->sp)
		kasan_open(frame->sp, cpu->expected.resume.sp - frame->sp);
	frame->x[0] = true;
	frame->sp = cpu->expected.resume.sp;
	frame->x[18] = cpu->expected.resume.shadow;
	frame->elr = (u64)(uintptr_t)catch_resume;
	frame->spsr = PSTATE_MASKED | (u64)plan->el << PSTATE_EL_SHIFT | cpu->expected.pan;
}

/*
 * What runs for too long goes back to who waits for a fault first of all, with a syndrome that no
 * fault has. What others wait for inside of that is gone with their stack.
 */
static void give_up(struct cpu *cpu, struct exception_frame *frame)
{
	cpu->give_up = false;
	if (cpu->expected.fault == NULL)
		return;
	while (cpu->expected.outer != NULL)
		cpu->expected = *cpu->expected.outer;
	frame->esr = frame->far = 0;
	catch_fault(cpu, frame);
}

/* Whoever handles an interrupt is not who waits for a fault. */
static bool handle_interrupt(struct cpu *cpu)
{
	struct fault *waiting = cpu->expected.fault;
	bool handled;

	cpu->expected.fault = NULL;
	handled = interrupt_handle();
	cpu->expected.fault = waiting;
	return handled;
}

/*
 * What a program at EL0 does or needs is for whoever let it run: user_enter() returns to it. So is
 * an interrupt, which is taken there.
 */
static void leave_user(struct cpu *cpu, struct exception_frame *frame, u64 vector)
{
	const struct boot_plan *plan = &cpu->kernel->handoff->plan;

	*cpu->user.frame = *frame;
	cpu->user.frame = NULL;
	frame->x[0] = vector == VECTOR_IRQ_EL0;
	frame->sp = cpu->user.resume.sp;
	frame->x[18] = cpu->user.resume.shadow;
	frame->elr = (u64)(uintptr_t)user_resume;
	frame->spsr = PSTATE_MASKED | (u64)plan->el << PSTATE_EL_SHIFT |
		      (plan->pan ? PSTATE_PAN : 0);
}

/* An exception within one is for neither: the stack it came from is gone. */
void exception_handle(struct exception_frame *frame, u64 vector)
{
	struct cpu *cpu = cpu_this();

	if ((vector == VECTOR_SYNC_EL0 || vector == VECTOR_IRQ_EL0) && cpu->user.frame != NULL) {
		leave_user(cpu, frame, vector);
		return;
	}
	if ((vector == VECTOR_IRQ || vector == VECTOR_IRQ_EL0) && smp_stopping())
		smp_stop_here(cpu, frame);
	if ((vector == VECTOR_IRQ || vector == VECTOR_IRQ_EL0) && handle_interrupt(cpu)) {
		if (cpu->give_up)
			give_up(cpu, frame);
		return;
	}
	if (vector == VECTOR_SERROR && cpu->serror != NULL) {
		*cpu->serror = frame->esr;
		cpu->serror = NULL;
		return;
	}
	if ((vector == VECTOR_SYNC || vector == VECTOR_SYNC_EL0) && cpu->expected.fault != NULL &&
	    !(KASAN && kasan_found(frame)))
		catch_fault(cpu, frame);
	else
		exception_report(cpu, frame, vector);
}
