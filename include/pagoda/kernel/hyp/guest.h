/* SPDX-License-Identifier: MIT */
/*
 * A guest of a few pages, at EL1 below a stage 2 of its own: through the hypervisor, or where the
 * kernel is at EL2 itself, by its own hand. Kernel, MMU on. One at a time.
 */
#ifndef PAGODA_HYP_GUEST_H
#define PAGODA_HYP_GUEST_H

#include <pagoda/kernel/hyp/hyp.h>

/* guest_none_str() - why there can be no guest; null where there can. */
const char *guest_none_str(const struct kernel *kernel);

/*
 * guest_page() - the guest has the kernel's page at @pa from now on, at @ipa, for @prot. Where the
 * hypervisor is protected, the kernel has it no longer. guest_page_back() - the other way round;
 * then it comes back cleared.
 */
enum el2_answer guest_page(const struct kernel *kernel, u64 ipa, paddr_t pa, enum mem_prot prot);
enum el2_answer guest_page_back(const struct kernel *kernel, u64 ipa);

/* guest_run() - it goes on with the registers in @run, until something ends that. */
enum el2_answer guest_run(const struct kernel *kernel, struct guest_run *run);

/* guest_end() - all of its pages are back, and no TLB knows of it. */
void guest_end(const struct kernel *kernel);

/* guest_space() - its tables, to read; null where there are none. */
const struct space *guest_space(const struct kernel *kernel);

/* Its address bits. */
unsigned guest_ipa_bits(const struct kernel *kernel);

#endif /* PAGODA_HYP_GUEST_H */
