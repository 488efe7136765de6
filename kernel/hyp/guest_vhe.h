/* SPDX-License-Identifier: MIT */
/*
 * A guest of a kernel at EL2: what kernel/hyp/guest.c asks of guest_vhe.c.
 */
#ifndef GUEST_VHE_H
#define GUEST_VHE_H

#include <pagoda/kernel/hyp/guest.h>

/* vhe_space() - its stage 2, made when first asked for; null where there is no memory for it. */
struct space *vhe_space(const struct kernel *kernel);

enum el2_answer vhe_map(const struct kernel *kernel, u64 ipa, paddr_t pa, enum mem_prot prot);
enum el2_answer vhe_unmap(const struct kernel *kernel, u64 ipa);
enum el2_answer vhe_run(const struct kernel *kernel, struct guest_run *run);
void vhe_end(const struct kernel *kernel);

#endif /* GUEST_VHE_H */
