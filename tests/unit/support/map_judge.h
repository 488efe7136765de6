/* SPDX-License-Identifier: MIT */
/*
 * Judges what boot_prepare() left on a fake machine as the CPU would: from the values of TCR_EL1,
 * TTBR0_EL1 and TTBR1_EL1 alone, with the reference walker, down to every leaf. Host only. Bit
 * numbers and permissions are written down here again; Pagoda's macros and formulas are what is
 * under test.
 */
#ifndef MAP_JUDGE_H
#define MAP_JUDGE_H

#include "fake_machine.h"
#include "ref_walker.h"

/* One half of the address space as the registers describe it. */
struct judge_half {
	struct ref_tcr tcr;
	u64 ttbr;
	struct ref_memory memory;
};

struct judge_half judge_half(const struct fake_machine *machine, bool upper);

struct judge_leaf {
	u64 va;
	struct ref_result result;
};

#define JUDGE_LEAVES_MAX 8192

/*
 * judge_leaves() - every leaf of @half in ascending order into @leaves, which has JUDGE_LEAVES_MAX
 * elements. Returns how many, or -1 where a walk ended other than in a leaf or a hole.
 */
int judge_leaves(const struct judge_half *half, struct judge_leaf *leaves);

/*
 * judge_maps() - both maps are what was promised: the image at its virtual address and its entry
 * code at the physical one, with the exact permissions, the largest leaves, contiguous runs
 * wherever whole groups fit, and nothing else.
 * Returns a null pointer, or what is wrong. @all: look at all of both address spaces, not only
 * where the image should be.
 */
const char *judge_maps(const struct fake_machine *machine, bool all);

/*
 * judge_memory() - RAM holds what it should: relocated words, a wiped seed, nothing else changed,
 * and the kernel will read all of it. @machine was built from its setup and booted, no more.
 */
const char *judge_memory(const struct fake_machine *machine);

/* judge_published() - of that, only: caches hold nothing that memory does not. */
const char *judge_published(const struct fake_machine *machine);

#endif /* MAP_JUDGE_H */
