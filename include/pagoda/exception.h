/* SPDX-License-Identifier: MIT */
/*
 * Exceptions in the kernel: the frame that arch/arm64/vectors.S saves, and the report on it. MMU
 * on.
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

/* Called by vectors.S. @vector: 0 to 15, in the order of the vector table. */
void exception_report(const struct exception_frame *frame, u64 vector) __attribute__((noreturn));

/* exception_fault_in_report() - fault, and fault again while that is being reported. */
void exception_fault_in_report(void);

/*
 * panic_stop() - do what panic= says: halt, reboot or power off. The message has been printed.
 */
void panic_stop(const struct kernel *kernel) __attribute__((noreturn));

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_EXCEPTION_H */
