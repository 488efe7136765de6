// SPDX-License-Identifier: MIT
/*
 * The Image, in the reports: how it was entered, where it is, and who chose that place.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/lib/format.h>

#include "parts.h"

void report_entry(const struct kernel *kernel)
{
	const struct entry_state *entry = &kernel->handoff->facts.entry;

	report_label("entered at");
	print("EL%u, MMU %s, data cache %s, instruction cache %s%s\n", (unsigned)entry->el,
	      on_off(entry->sctlr & SCTLR_EL1_M_MASK), on_off(entry->sctlr & SCTLR_EL1_C_MASK),
	      on_off(entry->sctlr & SCTLR_EL1_I_MASK),
	      entry->hcr & HCR_EL2_E2H_MASK ? ", HCR_EL2.E2H stuck at 1" : "");
}

void report_image(const struct kernel *kernel)
{
	const struct image *image = &kernel->handoff->facts.image;
	const struct boot_plan *plan = &kernel->handoff->plan;

	report_label("image");
	print("PA 0x%016lx, VA 0x%016lx, %s\n", image->pa.value, plan->image_va.value,
	      size_text(image->size).text);
	report_label("KASLR");
	if (kaslr_has_seed(plan->kaslr_source))
		print("offset 0x%016lx, seed from %s\n", plan->kaslr_offset,
		      kaslr_source_str(plan->kaslr_source));
	else
		print("%s\n", kaslr_source_str(plan->kaslr_source));
}

static void json_segments(struct json *json, const struct kernel *kernel)
{
	const struct image *image = &kernel->handoff->facts.image;
	u64 base = kernel->handoff->plan.image_va.value;

	json_array(json, "segments");
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		json_row(json, NULL);
		json_string(json, "name", segment_str(i));
		json_hex(json, "start", base + image->segment[i].start);
		json_hex(json, "end", base + image->segment[i].end);
		json_close(json);
	}
	json_close(json);
}

static void json_entry(struct json *json, const struct entry_state *entry)
{
	json_row(json, "entry");
	json_bool(json, "mmu", entry->sctlr & SCTLR_EL1_M_MASK);
	json_bool(json, "data_cache", entry->sctlr & SCTLR_EL1_C_MASK);
	json_bool(json, "instruction_cache", entry->sctlr & SCTLR_EL1_I_MASK);
	json_bool(json, "e2h_stuck", entry->hcr & HCR_EL2_E2H_MASK);
	json_close(json);
}

void report_json_image(const struct kernel *kernel, struct json *json)
{
	const struct boot_handoff *handoff = kernel->handoff;

	json_object(json, "image");
	json_hex(json, "pa", handoff->facts.image.pa.value);
	json_hex(json, "va", handoff->plan.image_va.value);
	json_number(json, "size", handoff->facts.image.size);
	json_number(json, "entry_el", handoff->facts.entry.el);
	json_entry(json, &handoff->facts.entry);
	json_row(json, "kaslr");
	json_hex(json, "offset", handoff->plan.kaslr_offset);
	json_string(json, "source", kaslr_source_str(handoff->plan.kaslr_source));
	json_close(json);
	json_segments(json, kernel);
	json_close(json);
}
