/* SPDX-License-Identifier: MIT */
/*
 * All that an exception must keep: what arch/arm64/trap/vectors.S saves, and what a program at EL0
 * is while it does not run.
 */
#ifndef PAGODA_FRAME_H
#define PAGODA_FRAME_H

/* sizeof(struct exception_frame), for assembly; a multiple of 16. */
#define EXCEPTION_FRAME_SIZE 288

/* Offsets in it, for assembly: x0, and pairs. */
#define FRAME_LR_SP 240
#define FRAME_ELR_SPSR 256

#ifndef __ASSEMBLER__

#include <pagoda/types.h>

struct exception_frame {
	u64 x[31];
	u64 sp;
	u64 elr, spsr;
	u64 esr, far;
};

_Static_assert(sizeof(struct exception_frame) == EXCEPTION_FRAME_SIZE, "vectors.S saves this much");
_Static_assert(__builtin_offsetof(struct exception_frame, x[30]) == FRAME_LR_SP, "el0.S");
_Static_assert(__builtin_offsetof(struct exception_frame, elr) == FRAME_ELR_SPSR, "el0.S");

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_FRAME_H */
