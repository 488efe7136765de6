/* SPDX-License-Identifier: MIT */
/*
 * The way between EL0 and a kernel that is out of its sight (KPTI): code for a page of its own,
 * mapped at one address in both roots of the upper half. It changes the root, and the ASID with it:
 * an even one is the kernel's, the next odd one that of the same program at EL0.
 * For C and assembly. Source: DDI 0487 D1.3 (vectors), D8.16 (ASIDs).
 */
#ifndef PAGODA_TRAMPOLINE_H
#define PAGODA_TRAMPOLINE_H

/*
 * A table of vectors, as VBAR has it; behind it, where user_enter() leaves the kernel. In each, at
 * an offset, three MOVKs in whose place the BADDR of the root belongs that they lead to, 16 bits
 * each: the kernel's in a vector, the other one at the exit.
 */
#define TRAMPOLINE_VECTORS 16
#define TRAMPOLINE_VECTOR_SIZE 0x80
#define TRAMPOLINE_VECTOR_ROOT 0x10
#define TRAMPOLINE_EXIT 0x800
#define TRAMPOLINE_EXIT_ROOT 0x08
#define TRAMPOLINE_SIZE 0x824

#define TRAMPOLINE_ASID_SHIFT 48 /* the bit of TTBR1 that is set at EL0 */

/* In what TPIDR leads to, where VBAR for the kernel stands: struct cpu. */
#define TRAMPOLINE_CPU_VECTORS 96

/* In the kernel's vectors, behind the table: where each of the trampoline's goes on. */
#define TRAMPOLINE_LANDINGS 0x800
#define TRAMPOLINE_LANDING_SIZE 0x40

#ifndef __ASSEMBLER__

#include <pagoda/types.h>

/* The code to copy: TRAMPOLINE_SIZE bytes. It is not executed where it stands. */
extern const u8 trampoline_code[];

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_TRAMPOLINE_H */
