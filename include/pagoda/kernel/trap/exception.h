/* SPDX-License-Identifier: MIT */
/*
 * Exceptions in the kernel, what arch/arm64/trap/vectors.S saves of them, and the report.
 * MMU on, on the exceptions' own stack.
 */
#ifndef PAGODA_EXCEPTION_H
#define PAGODA_EXCEPTION_H

#include <pagoda/kernel/cpu/frame.h>

#ifndef __ASSEMBLER__

#include <pagoda/kernel/cpu/cpu.h>

/*
 * exception_init() - what reports and panic= need, on this CPU; before this, an exception only
 * halts.
 */
void exception_init(const struct kernel *kernel);

/*
 * serror_init() - from now on an SError is an exception like others, with a report. One that was
 * pending at entry is whoever's was here before: it is taken, and noted in @kernel with what
 * firmware has deferred, for the report. Once, when there is a console.
 */
void serror_init(struct kernel *kernel);

/*
 * Called by vectors.S. @vector: 0 to 15, in the order of the vector table. Returns where what was
 * interrupted is to go on, as @frame then has it.
 */
void exception_handle(struct exception_frame *frame, u64 vector);

/* exception_fault_in_report() - fault, and fault again while that is being reported. */
void exception_fault_in_report(void);

/*
 * use_stack() - call itself until the stack ends, which faults; else how often it did, and @depth.
 */
u64 use_stack(u64 depth);

/*
 * exception_report() - who was where and what happened, in words, on the console; then panic=. Of
 * an exception in the middle of that, less. @vector: as for exception_handle().
 */
void exception_report(struct cpu *cpu, const struct exception_frame *frame, u64 vector)
	__attribute__((noreturn));

/*
 * syndrome_print() - ESR, and its fields in words. syndrome_is_abort() - FAR has an address, unless
 * FnV says otherwise.
 */
void syndrome_print(u64 esr);
bool syndrome_is_abort(u64 esr);

/*
 * panic_stop() - do what panic= says: halt, reboot or power off. The message has been printed.
 */
void panic_stop(const struct kernel *kernel) __attribute__((noreturn));

/*
 * panic_print() - what panic_print= on the command line adds to a report, Linux's bits; of these
 * Pagoda knows PANIC_PRINT_CPUS: the registers of the other CPUs and who called whom there. Read
 * when it is asked for, since no boot needs it.
 */
#define PANIC_PRINT_CPUS BIT(6)
u64 panic_print(const struct kernel *kernel);

/* cannot_boot() - say why, and halt with @stop in registers. The console is as it is. */
void cannot_boot(const struct stop *stop) __attribute__((noreturn));

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_EXCEPTION_H */
