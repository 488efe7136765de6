/* SPDX-License-Identifier: MIT */
/*
 * What the self tests of TLBI and of ASIDs share. MMU on; the lower half is a scratch regime.
 */
#ifndef PAGODA_TLBI_CHECKS_H
#define PAGODA_TLBI_CHECKS_H

#include <pagoda/kernel/selftest/scratch.h>

#define ASID ((u64)0x5a)
#define OTHER_ASID ((u64)0x5b)
#define ASID_SHIFT 48
#define PAGES_AT KIB(192) /* a multiple of 64 KiB, and of no range's length */

/* tlbi_issue() - tlbi_form() with the barriers before and after. */
void tlbi_issue(unsigned number, u64 operand);

/* tlbi_put() - a page of the data at @va, read-only; the second where @second; LEAF_NG in @bits. */
void tlbi_put(struct scratch *scratch, u64 va, bool second, u64 bits);

/* tlbi_check_reads() - a load at @va finds it. tlbi_check_gone() - a load faults. */
void tlbi_check_reads(struct selftest *test, u64 va, bool second);
void tlbi_check_gone(struct selftest *test, u64 va);

/* tlbi_use_asid() - @asid in TTBR0 with the scratch root, and counting there. */
void tlbi_use_asid(struct scratch *scratch, u64 asid);

#endif /* PAGODA_TLBI_CHECKS_H */
