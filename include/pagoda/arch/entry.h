/* SPDX-License-Identifier: MIT */
/*
 * arch/arm64/entry: what any CPU needs from its first instruction to the MMU on. MMU off. None of
 * it is given back after boot.
 */
#ifndef PAGODA_ENTRY_H
#define PAGODA_ENTRY_H

/* Offsets in struct flip, for assembly: pairs. */
#define FLIP_MAIR_TCR 0
#define FLIP_TTBRS 16
#define FLIP_SCTLR_ENTRY 32
#define FLIP_ARGUMENT_CPU 48
#define FLIP_STACKS 64
#define FLIP_VECTORS_MMFR3 80
#define FLIP_SHADOW 96

#ifndef __ASSEMBLER__

#include <pagoda/types.h>

/* What mmu_flip() loads. All but the registers are virtual addresses of the upper half. */
struct flip {
	u64 mair, tcr, ttbr0, ttbr1, sctlr;
	u64 entry; /* where to go on, */
	u64 argument; /* with this in x0 */
	u64 cpu; /* struct cpu, for TPIDR */
	u64 stack; /* the end of the stack to go on with, and */
	u64 exception_stack; /* of the one for exceptions */
	u64 vectors;
	u64 mmfr3; /* ID_AA64MMFR3_EL1: whether TCR2 and SCTLR2 are there, overrides applied */
	u64 shadow; /* for x18: the start of the shadow call stack */
};

#define FLIP_HAS(offset, first, second)                                                 \
	_Static_assert(__builtin_offsetof(struct flip, first) == (offset) &&            \
			       __builtin_offsetof(struct flip, second) == (offset) + 8, \
		       "flip.S loads " #first " and " #second)
FLIP_HAS(FLIP_MAIR_TCR, mair, tcr);
FLIP_HAS(FLIP_TTBRS, ttbr0, ttbr1);
FLIP_HAS(FLIP_SCTLR_ENTRY, sctlr, entry);
FLIP_HAS(FLIP_ARGUMENT_CPU, argument, cpu);
FLIP_HAS(FLIP_STACKS, stack, exception_stack);
FLIP_HAS(FLIP_VECTORS_MMFR3, vectors, mmfr3);
#undef FLIP_HAS
_Static_assert(__builtin_offsetof(struct flip, shadow) == FLIP_SHADOW, "flip.S loads shadow");

/*
 * el2_enter_vhe() - from the state at entry to that of a kernel at EL2, HCR_EL2.E2H and TGE set:
 * from then on what is named EL1 reaches EL2's registers.
 * el2_drop() - return at EL1, leaving a stub behind. Only with HCR_EL2.E2H clear.
 * At EL2, MMU off; neither uses memory.
 */
void el2_enter_vhe(void);
void el2_drop(void);

/* The vectors of the stub that el2_drop() leaves: only their address means anything. */
extern const u8 el2_vectors[];

/*
 * mmu_flip() - load the registers in @flip, turn the MMU and the caches on, and go on as it says,
 * with 0 in the registers that EL0 will see. Runs from the identity map; everything the MMU will
 * read has been published. In x1 and x2: the counter before the flip and after it, when memory can
 * be written again; in x3 the fields TCRX and SCTLRX of ID_AA64MMFR3_EL1 where a higher level
 * forbids the register.
 */
void mmu_flip(const struct flip *flip) __attribute__((noreturn));

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_ENTRY_H */
