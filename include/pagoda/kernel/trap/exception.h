/* SPDX-License-Identifier: MIT */
/*
 * Exceptions in the kernel: the frame that arch/arm64/trap/vectors.S saves, the report on it, and
 * faults that are expected. MMU on.
 */
#ifndef PAGODA_EXCEPTION_H
#define PAGODA_EXCEPTION_H

/* sizeof(struct exception_frame), for assembly; a multiple of 16. */
#define EXCEPTION_FRAME_SIZE 288

#ifndef __ASSEMBLER__

#include <pagoda/types.h>

struct kernel;

struct exception_frame {
	u64 x[31];
	u64 sp;
	u64 elr, spsr;
	u64 esr, far;
};

_Static_assert(sizeof(struct exception_frame) == EXCEPTION_FRAME_SIZE, "vectors.S saves this much");

/* exception_init() - what reports and panic= need; before this, an exception only halts. */
void exception_init(const struct kernel *kernel);

/*
 * Called by vectors.S. @vector: 0 to 15, in the order of the vector table. Returns where what was
 * interrupted is to go on, as @frame then has it.
 */
void exception_handle(struct exception_frame *frame, u64 vector);

/* What an exception said: ESR, FAR and ELR. FAR means something for aborts only. */
struct fault {
	u64 esr, far, elr;
	bool pan; /* PSTATE.PAN was set on the way in */
};

/*
 * fault_catch() - call @function with @context. True where a synchronous exception ended that, and
 * what it said in @fault; then @function's callers go on as if it had returned, with the masks of
 * interrupts and PSTATE.PAN as they were. One at a time.
 */
bool fault_catch(void (*function)(void *context), void *context, struct fault *fault);

/* catch.S. catch_call() notes in @resume_sp what SP must be at catch_resume. */
bool catch_call(void (*function)(void *context), void *context, u64 *resume_sp);
void catch_resume(void);

/* exception_fault_in_report() - fault, and fault again while that is being reported. */
void exception_fault_in_report(void);

/*
 * use_stack() - call itself until the stack ends, which faults; else how often it did, and @depth.
 */
u64 use_stack(u64 depth);

/*
 * panic_stop() - do what panic= says: halt, reboot or power off. The message has been printed.
 */
void panic_stop(const struct kernel *kernel) __attribute__((noreturn));

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_EXCEPTION_H */
