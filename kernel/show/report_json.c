// SPDX-License-Identifier: MIT
/*
 * The report as JSON: the same facts as the text, for programs. docs/report.schema.json is the
 * promise; every key added here is added there.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/cpu.h>
#include <pagoda/kernel/irq/interrupt.h>
#include <pagoda/kernel/show/report.h>

static void json_cpu(struct json *json, const struct kernel *kernel)
{
	u64 midr = kernel->handoff->facts.id[SYSREG_MIDR_EL1];

	json_row(json, "cpu");
	json_string(json, "implementer", cpu_implementer_str(midr));
	json_string(json, "part", cpu_part_str(midr));
	json_number(json, "variant", SYSREG_GET(MIDR_EL1_VARIANT, midr));
	json_number(json, "revision", SYSREG_GET(MIDR_EL1_REVISION, midr));
	json_close(json);
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

static void json_image(struct json *json, const struct kernel *kernel)
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

static void json_regimes(struct json *json, const struct kernel *kernel)
{
	const struct regime *regime = &kernel->handoff->plan.kernel;
	const struct regime *idmap = &kernel->handoff->plan.idmap;

	json_row(json, "regime");
	json_number(json, "granule", regime_granule(regime));
	json_number(json, "va_bits", regime->va_bits);
	json_number(json, "pa_bits", regime->pa_bits);
	json_number(json, "levels", regime_levels(regime));
	json_number(json, "root_level", regime->root_level);
	json_bool(json, "lpa2", regime->format == DESC_LPA2);
	json_bool(json, "wxn", report_wxn(kernel));
	json_close(json);
	json_row(json, "idmap");
	json_number(json, "va_bits", idmap->va_bits);
	json_number(json, "root_level", idmap->root_level);
	json_close(json);
}

static void json_decision(struct json *json, const struct kernel *kernel)
{
	const struct boot_plan *plan = &kernel->handoff->plan;

	json_object(json, "decision");
	json_string(json, "page_size", plan->page_size_asked ? "asked for" : "smallest");
	json_string(json, "va_bits", va_reason_str(plan->va_reason));
	json_number(json, "el", plan->el);
	json_string(json, "el_reason", el_reason_str(plan->el_reason));
	json_bool(json, "bti", plan->bti);
	json_bool(json, "pac", plan->pac);
	json_bool(json, "pan", plan->pan);
	json_bool(json, "e0pd", plan->e0pd);
	json_string(json, "panic", panic_action_str(kernel->handoff->options.panic));
	json_close(json);
}

/* ID registers as the CPU has them; what overrides took away is in `overrides`. */
static void json_registers(struct json *json, const struct kernel *kernel)
{
	struct report_register reg;

	json_object(json, "registers");
	for (unsigned i = 0; i < SYSREG_FACT_COUNT; i++)
		if (i != SYSREG_ARM64_SW)
			json_hex(json, sysreg_table[i].name, kernel->handoff->facts.id[i]);
	for (unsigned i = 0; report_register(kernel, i, &reg); i++)
		json_hex(json, reg.name, reg.value);
	json_close(json);
}

static void json_overrides(struct json *json, const struct kernel *kernel)
{
	const struct boot_options *options = &kernel->handoff->options;

	json_array(json, "overrides");
	for (u32 i = 0; i < options->record_count; i++) {
		const struct override_record *record = &options->record[i];

		json_row(json, NULL);
		json_string(json, "option", record->option);
		json_string(json, "field", record->field);
		json_string(json, "value", record->value);
		json_string(json, "status", override_status_str(record->status));
		json_string(json, "reason", override_reason_str(record->reason));
		json_close(json);
	}
	json_close(json);
}

static void json_region(struct json *json, const char *name, u64 start, u64 end)
{
	json_row(json, NULL);
	json_string(json, "name", name);
	json_hex(json, "start", start);
	json_hex(json, "end", end);
	json_close(json);
}

static void json_layout(struct json *json, const struct kernel *kernel)
{
	const struct boot_handoff *handoff = kernel->handoff;
	u64 image = handoff->plan.image_va.value;

	json_array(json, "layout");
	for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
		const struct layout_region *region = &handoff->plan.layout.region[i];

		json_region(json, layout_region_str(i), region->start.value, region->end.value);
	}
	json_region(json, "image", image, image + handoff->facts.image.size);
	json_close(json);
}

static void json_memory(struct json *json, const struct kernel *kernel)
{
	const struct memory_map *memory = kernel->memory;

	json_array(json, "memory");
	for (u32 i = 0; i < memory->count; i++) {
		const struct memory_range *range = &memory->range[i];

		json_row(json, NULL);
		json_hex(json, "start", range->start.value);
		json_hex(json, "end", range->end.value);
		json_string(json, "kind", memory_kind_str(range->kind));
		json_close(json);
	}
	json_close(json);
}

static void json_linear(struct json *json, const struct kernel *kernel)
{
	json_row(json, "linear");
	json_hex(json, "offset", kernel->linear.offset);
	json_hex(json, "random", kernel->linear.random);
	json_hex(json, "start", kernel->linear.start.value);
	json_hex(json, "end", kernel->linear.end.value);
	json_close(json);
}

static void json_devices(struct json *json, const struct kernel *kernel)
{
	const struct console_choice *console = &kernel->console;
	const char *why_not;
	u32 number;

	json_row(json, "console");
	json_string(json, "source", console_source_str(console->source));
	json_string(json, "type",
		    console->source == CONSOLE_NONE ?
			    "none" :
			    serial_type_str((enum serial_type)console->kind.type));
	json_hex(json, "pa", console->address.value);
	json_string(json, "input", interrupt_console(&number, &why_not) ? "interrupt" : "polled");
	json_close(json);
	json_string(json, "psci", psci_conduit_str(kernel->handoff->facts.psci));
}

static void json_pool(struct json *json, const struct kernel *kernel)
{
	const struct table_pool *pool = kernel->kernel_space.pool;
	u64 granule = regime_granule(&kernel->kernel_space.regime);

	json_array(json, "pool");
	json_row(json, NULL);
	json_string(json, "name", "early");
	json_number(json, "used", pool_used(pool, granule));
	json_number(json, "total", pool_total(pool, granule));
	json_close(json);
	json_close(json);
}

static void json_audit_space(struct json *json, const char *root, const struct pt_space *space)
{
	struct pt_audit audit = pt_audit_space(space);

	json_row(json, NULL);
	json_string(json, "root", root);
	json_number(json, "runs", audit.runs);
	json_number(json, "mapped", audit.mapped);
	json_number(json, "writable_executable", audit.writable_executable);
	json_close(json);
}

static void json_audit(struct json *json, const struct kernel *kernel)
{
	json_array(json, "audit");
	json_audit_space(json, "kernel", &kernel->kernel_space);
	json_audit_space(json, "idmap", &kernel->idmap_space);
	json_close(json);
}

/* Stages that the boot has not come to yet have no time, and are left out. */
static void json_timeline(struct json *json, const struct kernel *kernel)
{
	const u64 *timeline = kernel->handoff->timeline;

	json_number(json, "counter_hz", counter_frequency());
	json_array(json, "timeline");
	for (unsigned i = STAGE_ENTRY; i < STAGE_COUNT; i++) {
		if (i != STAGE_ENTRY && timeline[i] == 0)
			continue;
		json_row(json, NULL);
		json_string(json, "stage", boot_stage_str(i));
		json_number(json, "ticks", timeline[i] - timeline[STAGE_ENTRY]);
		json_close(json);
	}
	json_close(json);
}

static void json_warnings(struct json *json, const struct kernel *kernel)
{
	char text[WARNING_TEXT_MAX];

	json_array(json, "warnings");
	for (unsigned i = 0; i < WARNING_COUNT; i++)
		if (report_warning(kernel, i, text))
			json_string(json, NULL, text);
	json_close(json);
}

void report_json_members(const struct kernel *kernel, struct json *json, const char *document)
{
	json_string(json, "pagoda", PAGODA_VERSION);
	json_string(json, "document", document);
	json_cpu(json, kernel);
	json_image(json, kernel);
	json_regimes(json, kernel);
	json_decision(json, kernel);
	json_registers(json, kernel);
	json_string(json, "command_line", kernel->handoff->facts.command_line);
	json_overrides(json, kernel);
	json_layout(json, kernel);
	json_memory(json, kernel);
	json_linear(json, kernel);
	json_devices(json, kernel);
	report_json_efi(kernel, json);
	json_pool(json, kernel);
	json_audit(json, kernel);
	json_timeline(json, kernel);
	json_warnings(json, kernel);
}

void report_json(const struct kernel *kernel)
{
	struct json json;

	json_begin(&json);
	report_json_members(kernel, &json, "report");
	json_end(&json);
}
