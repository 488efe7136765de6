/* SPDX-License-Identifier: MIT */
/*
 * The one thing the early runtime hands to the kernel. It lies outside .bss, since most of it is
 * text that need not be cleared; it holds physical addresses and offsets, so it means the same
 * before and after the flip. The one pointer is facts.fdt.tree.blob: where the early runtime had
 * the FDT, and of no use to the kernel, which has a window of its own.
 *
 * Facts, options and plan are constant once their step is over. What later steps choose or use up
 * stands beside them.
 */
#ifndef PAGODA_HANDOFF_H
#define PAGODA_HANDOFF_H

#include <pagoda/kernel/handoff/plan.h>

enum boot_stage {
	STAGE_ENTRY, /* the Image's first instructions */
	STAGE_FACTS, /* ID registers and /chosen read */
	STAGE_PLAN, /* command line read, everything decided */
	STAGE_TABLES, /* identity map and kernel map built */
	STAGE_RELOCATED,
	STAGE_PUBLISHED, /* caches, and the exception level entered; next comes the flip */
	STAGE_FLIP, /* MMU on */
	STAGE_KERNEL_MAIN,
	STAGE_TREE, /* the rest of the FDT read */
	STAGE_MEMORY, /* the kernel's own map and memory are ready; next comes the report */
	STAGE_PROMPT,
	STAGE_COUNT,
};

const char *boot_stage_str(enum boot_stage stage);

/* Functions whose return address is kept on a shadow call stack, and those where it is not. */
struct scs_counts {
	u32 patched, left;
};

/* What protects return addresses. */
enum return_addresses {
	RETURN_UNPROTECTED, /* the CPU cannot sign, and no function was patched */
	RETURN_SIGNED, /* FEAT_PAuth */
	RETURN_SHADOW,
};

/* "none", "signed", "shadow". */
const char *return_addresses_str(enum return_addresses what);

struct boot_handoff {
	struct boot_facts facts;
	u64 id[SYSREG_FACT_COUNT]; /* the ID registers after overrides */
	struct boot_plan plan;
	struct scs_counts scs; /* zeroes where return addresses are signed */
	struct table_pool pool; /* where the tables of both spaces come from */
	paddr_t kernel_root, idmap_root;
	u64 ttbr0, ttbr1; /* with these roots */
	struct {
		u64 kaslr; /* the FDT's; 0 without one, and once it was used */
		u64 linear; /* for linear_place(); 0 without KASLR, and once it was used */
	} seed;
	u8 searches; /* for consoles, by boot_fail(), and of what the last one found */
	u8 consoles_tried;
	u64 timeline[STAGE_COUNT]; /* CNTVCT_EL0 */
	struct stop stop; /* why the boot cannot go on, once it cannot */
	struct boot_options options;
};

/* What is zero at first. Behind it is text, of which as much counts as was written. */
#define HANDOFF_CLEARED __builtin_offsetof(struct boot_handoff, options.run[sizeof(u64)])

/* The command line's console, the FDT's, and those that are not named. */
#define CONSOLES_MAX (2 + CONSOLES_SEEN_MAX)

/* handoff_console_asked() - the command line's, if there is one. */
static inline struct console_choice handoff_console_asked(const struct boot_handoff *handoff)
{
	const struct boot_options *asked = &handoff->options;

	return (struct console_choice){ asked->earlycon, asked->earlycon_kind, CONSOLE_EARLYCON };
}

/*
 * handoff_console() - the console to try as number @nth, from 0 to CONSOLES_MAX - 1, if there is
 * one: console_exists(). @lists: the handoff's.
 */
static inline struct console_choice handoff_console(const struct boot_handoff *handoff,
						    const struct boot_lists *lists, unsigned nth)
{
	struct console_choice asked = handoff_console_asked(handoff);

	if (console_exists(&asked) && nth-- == 0)
		return asked;
	if (nth == 0)
		return handoff->facts.console;
	if (nth <= handoff->facts.consoles)
		return lists->console[nth - 1];
	return (struct console_choice){ .source = CONSOLE_NONE };
}

static inline enum return_addresses handoff_return_addresses(const struct boot_handoff *handoff)
{
	if (handoff->plan.pac)
		return RETURN_SIGNED;
	return handoff->scs.patched != 0 ? RETURN_SHADOW : RETURN_UNPROTECTED;
}

#endif /* PAGODA_HANDOFF_H */
