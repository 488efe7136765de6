/* SPDX-License-Identifier: MIT */
/*
 * The one thing the early runtime hands to the kernel. It lies in .bss; it holds physical addresses
 * and offsets, no pointers, so it means the same before and after the flip.
 */
#ifndef PAGODA_HANDOFF_H
#define PAGODA_HANDOFF_H

#include <pagoda/kernel/handoff/plan.h>

#define HANDOFF_MAGIC 0x61646f676150 /* "Pagoda" */
#define HANDOFF_VERSION 1

enum boot_stage {
	STAGE_ENTRY, /* the Image's first instructions */
	STAGE_FACTS, /* FDT and ID registers read */
	STAGE_PLAN, /* command line read, everything decided */
	STAGE_TABLES, /* identity map and kernel map built */
	STAGE_RELOCATED,
	STAGE_PUBLISHED, /* caches, and the exception level entered; next comes the flip */
	STAGE_FLIP, /* MMU on */
	STAGE_KERNEL_MAIN,
	STAGE_MEMORY, /* the kernel's own map and memory are ready; next comes the report */
	STAGE_PROMPT,
	STAGE_COUNT,
};

const char *boot_stage_str(enum boot_stage stage);

struct boot_handoff {
	u64 magic;
	u32 version;
	struct boot_facts facts;
	struct boot_options options;
	u64 id[SYSREG_FACT_COUNT]; /* the ID registers after overrides */
	struct boot_plan plan;
	struct table_pool pool; /* where the tables of both spaces come from */
	paddr_t kernel_root, idmap_root;
	u64 timeline[STAGE_COUNT]; /* CNTVCT_EL0 */
	struct stop stop; /* why the boot cannot go on, once it cannot */
};

#endif /* PAGODA_HANDOFF_H */
