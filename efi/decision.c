// SPDX-License-Identifier: MIT
/*
 * What the kernel will decide, asked of its own planner while firmware still has a screen: how far
 * up it can reach, so that nothing is put above that; and, in two lines, what it comes to.
 * Runs under firmware, MMU on, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/efi/efi_stub.h>
#include <pagoda/kernel/handoff/chosen.h>
#include <pagoda/kernel/handoff/plan.h>
#include <pagoda/lib/features.h>
#include <pagoda/lib/format.h>
#include <pagoda/lib/string.h>

#define PA_BITS_MAX 52
#define GRANULES_MAX 80 /* characters */

/* The command line in the tree, where load options have none. */
static struct efi_line line_in_tree(const struct efi_stub *stub)
{
	struct fdt_cursor cursor;
	struct fdt_event event;
	bool chosen = false;
	struct fdt fdt;

	if (stub->fdt == NULL || fdt_open(&fdt, stub->fdt) != FDT_OK)
		return (struct efi_line){ "", 0 };
	cursor = fdt_begin(&fdt);
	while (fdt_next(&cursor, &event) == FDT_OK) {
		if (event.token == FDT_BEGIN_NODE)
			chosen = event.depth == 1 && fdt_name_is(event.name, "chosen");
		else if (event.token == FDT_PROP && chosen &&
			 strcmp(event.name, CHOSEN_BOOTARGS) == 0)
			return (struct efi_line){ (const char *)event.data,
						  (u32)strnlen((const char *)event.data,
							       event.size) };
	}
	return (struct efi_line){ "", 0 };
}

/* The plan for an Image at @place. Which level it runs at is nothing to go by here. */
static struct stop plan_at(const struct efi_stub *stub, u64 place, struct boot_plan *plan)
{
	struct boot_facts facts = { .entry = { .el = 1 } };
	struct boot_options options = { 0 };
	u64 id[SYSREG_FACT_COUNT];

	memcpy(facts.id, stub->id, sizeof(id));
	memcpy(id, stub->id, sizeof(id));
	facts.image.pa = paddr(place);
	facts.image.size = stub->image.size;
	options_parse(&options, id, stub->line.text, stub->line.length);
	memset(plan, 0, sizeof(*plan));
	return plan_make(plan, &facts, id, &options, KASLR_OFF_NO_ENTROPY);
}

/* One parser decides what the words mean: here it is asked about those that concern us. */
static void read_words(struct efi_stub *stub)
{
	struct boot_options options = { 0 };
	u64 id[SYSREG_FACT_COUNT] = { 0 };

	options_parse(&options, id, stub->line.text, stub->line.length);
	stub->nokaslr = SYSREG_GET(ARM64_SW_NOKASLR, id[SYSREG_ARM64_SW]) != 0;
	stub->has_earlycon = options.has_earlycon;
	stub->quiet = options.quiet;
}

/* Asked about the highest place of all, the plan says what is in its way. */
efi_status_t efi_decide(struct efi_stub *stub)
{
	struct boot_plan plan;
	char reason[STOP_TEXT_MAX];
	struct stop stop;

	stub->line = line_in_tree(stub);
	if (stub->command_line != NULL)
		stub->line = (struct efi_line){ stub->command_line, stub->command_line_length };
	read_words(stub);
	stop = plan_at(stub, BIT(PA_BITS_MAX) - stub->image.size, &plan);
	stub->reach = BIT(stop.code == STOP_IMAGE_UNREACHABLE ? stop.x2 : PA_BITS_MAX);
	if (stop.code == STOP_NONE || stop.code == STOP_IMAGE_UNREACHABLE)
		return EFI_SUCCESS;
	stop_describe(&stop, reason, sizeof(reason));
	efi_say(stub, "%s", reason);
	return EFI_UNSUPPORTED;
}

static void say_cpu(struct efi_stub *stub)
{
	char sizes[GRANULES_MAX];
	size_t used = 0;

	sizes[0] = '\0';
	for (unsigned shift = GRANULE_SHIFT_4K; shift <= GRANULE_SHIFT_64K; shift += 2) {
		struct cpu_granule has = cpu_granule(stub->id, shift);

		if (has.present)
			used += format(sizes + used, sizeof(sizes) - used, "%s%uK %u bits",
				       used != 0 ? ", " : "", 1u << (shift - 10), has.va_bits);
	}
	efi_say(stub, "CPU with MIDR_EL1 %#lx, page sizes %s", stub->id[SYSREG_MIDR_EL1], sizes);
}

/* The start of the report, for those whose next screen stays black. */
void efi_say_decision(struct efi_stub *stub)
{
	struct boot_plan plan;

	if (stub->quiet || plan_at(stub, stub->load, &plan).code != STOP_NONE)
		return;
	say_cpu(stub);
	efi_say(stub, "decision: %uK pages, %u-bit addresses, %u-bit physical addresses",
		1u << (plan.kernel.granule_shift - 10), plan.kernel.va_bits, plan.kernel.pa_bits);
}
