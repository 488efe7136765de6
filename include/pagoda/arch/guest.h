/* SPDX-License-Identifier: MIT */
/*
 * What who runs a guest, and the assembly that enters and leaves it, agree on.
 */
#ifndef PAGODA_GUEST_H
#define PAGODA_GUEST_H

/* Offsets in struct guest_run, for assembly: pc and pstate, esr and far, ipa. */
#define GUEST_RUN_PC 248
#define GUEST_RUN_ESR 272
#define GUEST_RUN_IPA 288

/* What an exception was, by its vector. */
#define EL2_SYNC 0
#define EL2_IRQ 1
#define EL2_FIQ 2
#define EL2_SERROR 3

#endif /* PAGODA_GUEST_H */
