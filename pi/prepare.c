// SPDX-License-Identifier: MIT
/*
 * The early runtime from facts to tables: collect, decide, build. Everything between the entry stub
 * and the flip that a host can run, and does, in tests.
 * Runs with the MMU off, .bss clear, image not relocated. May not use: absolute addresses, pointers
 * in static data, .bss.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/pi/early.h>
#include <pagoda/lib/string.h>

/* More than the functions that decide() calls take of the stack. */
#define SECRET_STACK 512

static void mark(struct boot_handoff *handoff, enum boot_stage stage)
{
	handoff->timeline[stage] = counter_read();
}

/* What the command line asks for, and the ID registers that the plan will go by. */
static void read_options(struct boot_handoff *handoff, u64 phys_offset)
{
	const struct boot_facts *facts = &handoff->facts;

	memcpy(handoff->id, facts->id, sizeof(handoff->id));
	/* Some CPUs without FEAT_E2H0 are older than the field that says so. */
	if (SYSREG_GET(HCR_EL2_E2H, facts->entry.hcr) != 0)
		handoff->id[SYSREG_ID_AA64MMFR4_EL1] |=
			SYSREG_PUT(ID_AA64MMFR4_EL1_E2H0, ID_AA64MMFR4_EL1_E2H0_NI);
	options_parse(&handoff->options, handoff->id, facts_command_line(facts, phys_offset),
		      facts->command_line_length);
}

/* All that handles a seed or a key, but for the reader of /chosen, which only moves one. */
static struct stop decide(struct boot_handoff *handoff)
{
	struct boot_plan *plan = &handoff->plan;
	struct stop stop;
	struct seed seed;

	seed_take(&seed, handoff);
	stop = plan_make(plan, &handoff->facts, handoff->id, &handoff->options, seed.source);
	if (stop.code == STOP_NONE && plan->pac && !secret_pac_key(&seed))
		stop.code = STOP_PAC_KEY;
	if (stop.code == STOP_NONE && kaslr_has_seed(plan->kaslr_source)) {
		plan_move_image(plan, &handoff->facts.image, secret_place(&seed, SECRET_IMAGE));
		handoff->seed.linear = secret_place(&seed, SECRET_LINEAR);
		if (handoff->options.hyp_mode != HYP_MODE_NONE)
			handoff->hyp_random = secret_place(&seed, SECRET_HYP);
	}
	secret_wipe(&seed, sizeof(seed));
	return stop;
}

struct stop boot_prepare(struct boot_handoff *handoff, u64 phys_offset)
{
	struct memory_range relocated;
	struct stop stop;

	handoff->timeline[STAGE_ENTRY] = handoff->facts.entry.counter;
	stop = facts_read_chosen(&handoff->facts, &handoff->seed.kaslr, phys_offset);
	if (stop.code != STOP_NONE)
		return stop;
	mark(handoff, STAGE_FACTS);
	read_options(handoff, phys_offset);
	stop = decide(handoff);
	stack_wipe(SECRET_STACK);
	if (stop.code != STOP_NONE)
		return stop;
	mark(handoff, STAGE_PLAN);
	stop = map_kernel(handoff, phys_offset);
	if (stop.code != STOP_NONE)
		return stop;
	mark(handoff, STAGE_TABLES);
	stop = relocate_image(&handoff->facts.image, handoff->plan.image_va, phys_offset,
			      &relocated);
	if (stop.code != STOP_NONE)
		return stop;
	if (!handoff->plan.pac)
		scs_apply(handoff, phys_offset);
	mark(handoff, STAGE_RELOCATED);
	/* Nothing is written past this line: what was is what the kernel will read. */
	caches_publish(handoff, &relocated, phys_offset);
	return stop_none();
}
