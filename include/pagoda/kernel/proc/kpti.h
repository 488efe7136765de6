/* SPDX-License-Identifier: MIT */
/*
 * Kernel page-table isolation: while a program runs, TTBR1 leads to a root that has one page of the
 * kernel's, the trampoline, and nothing else of it. Whether is the plan's decision. MMU on.
 */
#ifndef PAGODA_KPTI_H
#define PAGODA_KPTI_H

#include <pagoda/arch/trampoline.h>
#include <pagoda/kernel/kernel.h>

/*
 * kpti_start() - do what the plan says about KPTI: nothing where it is off. Once, on the boot CPU,
 * after smp_start(). Where this fails there can be no programs: kernel->el0_space has no root.
 */
enum kpti_result kpti_start(struct kernel *kernel);

/*
 * kpti_convert() - all leaves of the kernel's map, global so far, are of one ASID each from now on,
 * and those that are made later. Every CPU waits meanwhile with the walks of its upper half off.
 * Levels, sizes and all other attributes stay. On the boot CPU.
 */
enum kpti_result kpti_convert(struct kernel *kernel);

/* kpti_exit() - for user_enter(). */
static inline u64 kpti_exit(const struct kernel *kernel)
{
	const struct layout *layout = &kernel->handoff->plan.layout;

	if (kernel->el0_space.root.value == 0)
		return 0;
	return layout_fixmap(layout, FIXMAP_TRAMPOLINE).value + TRAMPOLINE_EXIT;
}

/* kpti_missing() - programs must not run: the kernel would be in their sight. */
static inline bool kpti_missing(const struct kernel *kernel)
{
	return kpti_is_on(kernel->handoff->plan.kpti) && kernel->el0_space.root.value == 0;
}

#endif /* PAGODA_KPTI_H */
