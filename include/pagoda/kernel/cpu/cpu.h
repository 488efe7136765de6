/* SPDX-License-Identifier: MIT */
/*
 * What one CPU has for itself: its stacks, the exception it is in, the fault it waits for. Nothing
 * of that is a global. MMU on; the CPU's TPIDR leads to it from the flip on.
 */
#ifndef PAGODA_CPU_H
#define PAGODA_CPU_H

/* Offsets in struct cpu, for assembly. */
#define CPU_NESTED_SP 8
#define CPU_EXCEPTION_STACK_END 40
#define CPU_EXCEPTION_SHADOW 80

#ifndef __ASSEMBLER__

#include <pagoda/arch/arch.h>
#include <pagoda/arch/frame.h>
#include <pagoda/arch/trampoline.h>
#include <pagoda/kernel/kernel.h>

/* What an exception said: ESR, FAR and ELR. FAR means something for aborts only. */
struct fault {
	u64 esr, far, elr;
	u64 sp; /* the stack pointer where it happened: from EL0, that of EL0 */
	bool pan; /* PSTATE.PAN was set on the way in */
};

/* A fault that is waited for. */
struct expected {
	struct fault *fault; /* where to say what it was; null where none is waited for */
	struct resume resume; /* to go on with after it, */
	u64 pan; /* and with this */
	const struct expected *outer; /* of the call that this one is in; null for the first */
};

struct gic_cpu;
struct cpu_work;
struct process;

struct cpu {
	const struct kernel *kernel; /* null until exception_init(): there is no panic= to go by */
	u64 nested_sp; /* the stack pointer at an exception within one */
	struct stack stack; /* what it boots on; */
	struct stack exception_stack; /* in exceptions, and in nothing else */
	struct stack guard; /* the gap below the first */
	struct stack shadow, exception_shadow; /* of both: kernel/cpu/shadow.h */
	u64 vectors; /* VBAR while it is in the kernel */
	unsigned number; /* 0 for the one that boots */
	u64 mpidr;
	const u64 *had, *id; /* its ID registers, by enum sysreg; and after overrides */
	struct gic_cpu *gic; /* its part of the interrupt controller, once that is on */
	bool running; /* out of its flip, and not off since */
	struct cpu_work *work; /* what it is to do; null: nothing */
	bool stopped; /* for good, since another CPU reports its end; */
	const struct exception_frame *stopped_frame; /* and where; null where it was not asked */
	unsigned reports; /* exceptions being reported: above one, the report itself has failed */
	bool fault_in_report; /* asked for: the report is to fault */
	struct expected expected;
	u64 *serror; /* where to note the syndrome of one SError; null for a report */
	bool give_up; /* a handler of an interrupt wants all that waits for faults to end */
	struct {
		struct exception_frame *frame; /* of what is at EL0; null while nothing is */
		struct resume resume; /* to go on with in the kernel when that ends */
		struct process
			*process; /* whose registers and lower half are in the CPU, or null */
	} user;
};

_Static_assert(__builtin_offsetof(struct cpu, nested_sp) == CPU_NESTED_SP, "vectors.S");
_Static_assert(__builtin_offsetof(struct cpu, exception_stack.end) == CPU_EXCEPTION_STACK_END,
	       "vectors.S");
_Static_assert(__builtin_offsetof(struct cpu, exception_shadow.start) == CPU_EXCEPTION_SHADOW,
	       "vectors.S");
_Static_assert(__builtin_offsetof(struct cpu, vectors) == TRAMPOLINE_CPU_VECTORS, "trampoline.S");

/* The CPU that boots. */
extern struct cpu boot_cpu;

/* cpu_this() - the one this runs on. */
static inline struct cpu *cpu_this(void)
{
	return cpu_pointer();
}

/* cpu_init() - the boot CPU's stacks, its number and its registers, on that CPU. Once. */
void cpu_init(const struct boot_handoff *handoff);

/*
 * cpu_guard_stack() - unmap the gap that the boot CPU's stack ends in: what overflows it faults
 * from then on, and is reported on the exceptions' stack.
 */
enum map_result cpu_guard_stack(struct space *space);

/*
 * fault_catch() - call @function with @context. True where a synchronous exception ended that, and
 * what it said in @fault; then @function's callers go on as if it had returned, with the masks of
 * interrupts and PSTATE.PAN as they were. One within another is for that one's faults. After
 * exception_init(), and not in the handler of an interrupt, whose stack an exception there starts
 * afresh. A handler that sets give_up in struct cpu ends the outermost: ESR is 0 then.
 * fault_guard() - the same, for calls in which others are made by fault_catch().
 */
bool fault_guard(void (*function)(void *context), void *context, struct fault *fault);
bool fault_catch(void (*function)(void *context), void *context, struct fault *fault);

/*
 * load_catch() - memory_load() where perhaps nobody is: false where that is an exception, as on a
 * bus that answers with an error. When fault_catch() may be called.
 */
bool load_catch(vaddr_t va, unsigned size, u64 *value);

/*
 * root_replace() - from now on TTBR1 leads to the root of @space, in which the kernel is mapped
 * where it runs.
 */
void root_replace(const struct kernel *kernel, const struct space *space);

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_CPU_H */
