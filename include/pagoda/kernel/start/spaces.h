/* SPDX-License-Identifier: MIT */
/*
 * The maps that the kernel starts in. MMU on.
 */
#ifndef PAGODA_SPACES_H
#define PAGODA_SPACES_H

#include <pagoda/kernel/kernel.h>

/* spaces_init() - kernel_space and idmap_space, as they were when the MMU went on. */
void spaces_init(struct kernel *kernel, struct boot_handoff *handoff);

#endif /* PAGODA_SPACES_H */
