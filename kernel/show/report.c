// SPDX-License-Identifier: MIT
/*
 * The report as text. One function a line or table, in the order in which a boot decides.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/irq/interrupt.h>
#include <pagoda/kernel/show/cpu.h>
#include <pagoda/lib/format.h>
#include <pagoda/kernel/show/report.h>
#include <pagoda/lib/string.h>

#define SIZE_TEXT_MAX 24

bool report_wxn(const struct kernel *kernel)
{
	return SYSREG_GET(SCTLR_EL1_WXN, kernel->registers[SYSREG_SCTLR_EL1]);
}

bool report_register(const struct kernel *kernel, unsigned index, struct report_register *reg)
{
	/* Those above HCR_EL2 have one at each level, and the same number there. */
	static const enum sysreg live[] = { SYSREG_SCTLR_EL1, SYSREG_TCR_EL1,  SYSREG_TTBR0_EL1,
					    SYSREG_TTBR1_EL1, SYSREG_MAIR_EL1, SYSREG_HCR_EL2 };
	unsigned el = kernel->handoff->plan.el;
	const char *name;

	if (index == ARRAY_SIZE(live) || (live[index] == SYSREG_HCR_EL2 && el != 2))
		return false;
	reg->reg = live[index];
	name = sysreg_table[reg->reg].name;
	format(reg->name, sizeof(reg->name), "%s", name);
	reg->name[strlen(name) - 1] = '0' + el;
	reg->value = kernel->registers[reg->reg];
	return true;
}

static bool software_feature(const struct kernel *kernel, u64 mask)
{
	return kernel->handoff->id[SYSREG_ARM64_SW] & mask;
}

static bool rodata_off(const struct kernel *kernel)
{
	return software_feature(kernel, ARM64_SW_RODATAOFF_MASK);
}

static u64 count_writable_executable(const struct kernel *kernel)
{
	return pt_audit_space(&kernel->kernel_space).writable_executable +
	       pt_audit_space(&kernel->idmap_space).writable_executable;
}

static bool warning_applies(const struct kernel *kernel, enum report_warning warning)
{
	const struct boot_handoff *handoff = kernel->handoff;

	switch (warning) {
	case WARNING_RODATA_OFF:
		return rodata_off(kernel);
	case WARNING_NOWXN:
		return !report_wxn(kernel) && !rodata_off(kernel);
	case WARNING_WRITABLE_EXECUTABLE:
		return !rodata_off(kernel) && count_writable_executable(kernel) != 0;
	case WARNING_NO_ENTROPY:
		return handoff->plan.kaslr_source == KASLR_OFF_NO_ENTROPY;
	case WARNING_RAM_UNREACHABLE:
		return kernel->memory_fate.unreachable != 0;
	case WARNING_RAM_OUTSIDE:
		return kernel->memory_fate.outside != 0;
	case WARNING_RAM_LIMITED:
		return kernel->memory_fate.limited != 0;
	case WARNING_RAM_OVERLAPS:
		return kernel->memory_fate.overlaps != 0;
	case WARNING_IMAGE_RESERVED:
		return kernel->memory_fate.image_reserved;
	case WARNING_MEMORY_DROPPED:
		return kernel->memory->dropped != 0;
	case WARNING_NO_CHOSEN:
		return !handoff->facts.fdt.has_chosen;
	case WARNING_COMMAND_LINE_CUT:
		return handoff->facts.command_line_cut;
	case WARNING_OVERRIDES_DROPPED:
		return handoff->options.records_dropped != 0;
	case WARNING_NO_PSCI:
		return handoff->facts.psci == PSCI_NONE;
	case WARNING_CONSOLE_LOST:
		return kernel->console_fault != CONSOLE_WORKS;
	case WARNING_CONSOLE_UNNAMED:
		return handoff->facts.fdt.has_chosen &&
		       kernel->console.source == CONSOLE_FIRST_UART;
	case WARNING_ENTRY_MMU:
		return handoff->facts.entry.sctlr & SCTLR_EL1_M_MASK;
	case WARNING_INIT_MAPPED:
		return kernel->init_result != MAP_OK;
	case WARNING_NO_GUARD:
		return kernel->guard_result != MAP_OK;
	case WARNING_COUNT:
		break;
	}
	return false;
}

/* Whose wish it was that WXN is off. */
static const char *wxn_off_reason(const struct kernel *kernel)
{
	if (rodata_off(kernel))
		return "rodata=off";
	return software_feature(kernel, ARM64_SW_NOWXN_MASK) ? "arm64.nowxn" : "not asked for";
}

/* The warnings without numbers; null for the others. */
static const char *warning_words(enum report_warning warning)
{
	switch (warning) {
	case WARNING_RODATA_OFF:
		return "W^X is NOT enforced: rodata=off makes text writable, which needs WXN off";
	case WARNING_WRITABLE_EXECUTABLE:
		return "W^X is BROKEN: memory is mapped writable and executable; see ptdump";
	case WARNING_NO_ENTROPY:
		return "KASLR off: no entropy: the FDT has no kaslr-seed, the CPU no RNDR";
	case WARNING_NO_CHOSEN:
		return "the FDT has no /chosen: no command line, defaults throughout";
	case WARNING_NO_PSCI:
		return "the FDT names no PSCI: poweroff and reboot will not work";
	case WARNING_CONSOLE_UNNAMED:
		return "stdout-path names no UART that can be used: this is the FDT's first one";
	case WARNING_IMAGE_RESERVED:
		return "the FDT reserves memory that the Image is in; the Image stays there";
	case WARNING_ENTRY_MMU:
		return "entered with the MMU on: what the loader left in the caches may be lost";
	case WARNING_NOWXN:
	case WARNING_CONSOLE_LOST:
	case WARNING_RAM_UNREACHABLE:
	case WARNING_RAM_OUTSIDE:
	case WARNING_RAM_LIMITED:
	case WARNING_RAM_OVERLAPS:
	case WARNING_MEMORY_DROPPED:
	case WARNING_COMMAND_LINE_CUT:
	case WARNING_OVERRIDES_DROPPED:
	case WARNING_INIT_MAPPED:
	case WARNING_NO_GUARD:
	case WARNING_COUNT:
		break;
	}
	return NULL;
}

/* What became of RAM: false where that is not what @warning is about. */
static bool warning_write_memory(const struct kernel *kernel, enum report_warning warning,
				 char *text)
{
	const struct memory_fate *fate = &kernel->memory_fate;
	char bytes[SIZE_TEXT_MAX], window[SIZE_TEXT_MAX];

	if (warning == WARNING_RAM_UNREACHABLE) {
		format_size(bytes, sizeof(bytes), fate->unreachable);
		format(text, WARNING_TEXT_MAX,
		       "%s of RAM left out: beyond %u-bit physical addresses", bytes,
		       kernel->handoff->plan.kernel.pa_bits);
	} else if (warning == WARNING_RAM_OUTSIDE) {
		format_size(bytes, sizeof(bytes), fate->outside);
		format_size(window, sizeof(window),
			    kernel->linear.end.value - kernel->linear.start.value);
		format(text, WARNING_TEXT_MAX,
		       "%s of RAM left out: beyond the %s from 0x%lx on that the linear map "
		       "reaches",
		       bytes, window, kernel->linear.start.value);
	} else if (warning == WARNING_RAM_LIMITED) {
		format_size(bytes, sizeof(bytes), fate->limited);
		format(text, WARNING_TEXT_MAX, "%s of RAM left out: mem=", bytes);
	} else if (warning == WARNING_RAM_OVERLAPS) {
		format(text, WARNING_TEXT_MAX,
		       "%u ranges of RAM overlap others in the FDT, and were joined",
		       fate->overlaps);
	} else {
		return false;
	}
	return true;
}

static void warning_write_console(const struct kernel *kernel, char *text)
{
	bool other = kernel->console.source != CONSOLE_NONE;

	format(text, WARNING_TEXT_MAX, "the console at 0x%lx (%s) %s: %s",
	       kernel->console_lost.address.value, console_source_str(kernel->console_lost.source),
	       console_fault_str(kernel->console_fault),
	       other ? "the FDT's is used" : "there is none");
}

static void warning_write(const struct kernel *kernel, enum report_warning warning, char *text)
{
	const struct boot_handoff *handoff = kernel->handoff;
	const char *words = warning_words(warning);

	if (words) {
		format(text, WARNING_TEXT_MAX, "%s", words);
	} else if (warning_write_memory(kernel, warning, text)) {
		return;
	} else if (warning == WARNING_CONSOLE_LOST) {
		warning_write_console(kernel, text);
	} else if (warning == WARNING_NOWXN) {
		format(text, WARNING_TEXT_MAX, "W^X is NOT enforced by the CPU: WXN is off (%s)",
		       wxn_off_reason(kernel));
	} else if (warning == WARNING_MEMORY_DROPPED) {
		format(text, WARNING_TEXT_MAX, "%u memory ranges of the FDT were not taken in",
		       kernel->memory->dropped);
	} else if (warning == WARNING_COMMAND_LINE_CUT) {
		format(text, WARNING_TEXT_MAX, "the command line was cut after %u characters",
		       handoff->facts.command_line_length);
	} else if (warning == WARNING_INIT_MAPPED) {
		format(text, WARNING_TEXT_MAX, "early-only text and data could not be unmapped: %s",
		       map_result_str(kernel->init_result));
	} else if (warning == WARNING_NO_GUARD) {
		format(text, WARNING_TEXT_MAX, "the stack has no gap below it: unmapping it: %s",
		       map_result_str(kernel->guard_result));
	} else {
		format(text, WARNING_TEXT_MAX, "%u more overrides than can be listed",
		       handoff->options.records_dropped);
	}
}

bool report_warning(const struct kernel *kernel, enum report_warning warning,
		    char text[WARNING_TEXT_MAX])
{
	if (!warning_applies(kernel, warning))
		return false;
	warning_write(kernel, warning, text);
	return true;
}

/* What every line of the report begins with; blank for the lines that go on. */
static void label(const char *name)
{
	print("  %-12s ", name);
}

static void report_cpu(const struct kernel *kernel)
{
	u64 midr = kernel->handoff->facts.id[SYSREG_MIDR_EL1];

	label("CPU");
	print("%s %s r%up%u (MIDR_EL1 0x%016lx)\n", cpu_implementer_str(midr), cpu_part_str(midr),
	      (unsigned)SYSREG_GET(MIDR_EL1_VARIANT, midr),
	      (unsigned)SYSREG_GET(MIDR_EL1_REVISION, midr), midr);
}

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

static void report_entry(const struct kernel *kernel)
{
	const struct entry_state *entry = &kernel->handoff->facts.entry;

	label("entered at");
	print("EL%u, MMU %s, data cache %s, instruction cache %s%s\n", (unsigned)entry->el,
	      on_off(entry->sctlr & SCTLR_EL1_M_MASK), on_off(entry->sctlr & SCTLR_EL1_C_MASK),
	      on_off(entry->sctlr & SCTLR_EL1_I_MASK),
	      entry->hcr & HCR_EL2_E2H_MASK ? ", HCR_EL2.E2H stuck at 1" : "");
}

/* Every page size with the address bits it can have, as the CPU says and as overrides leave it. */
static void report_granules(const struct kernel *kernel)
{
	bool overridden = false;

	label("page sizes");
	for (unsigned shift = GRANULE_SHIFT_4K; shift <= GRANULE_SHIFT_64K; shift += 2) {
		struct cpu_granule has = cpu_granule(kernel->handoff->facts.id, shift);
		struct cpu_granule left = cpu_granule(kernel->handoff->id, shift);

		print("%s%uK ", shift == GRANULE_SHIFT_4K ? "" : ", ", 1u << (shift - 10));
		if (!has.present)
			print("no");
		else if (!left.present)
			print("no more");
		else if (left.va_bits < has.va_bits)
			print("%u of %u bits", left.va_bits, has.va_bits);
		else
			print("%u bits", has.va_bits);
		overridden |= left.present != has.present || left.va_bits != has.va_bits;
	}
	print("%s\n", overridden ? " (overridden)" : "");
}

static void report_ranges(const struct kernel *kernel)
{
	const u64 *has = kernel->handoff->facts.id, *left = kernel->handoff->id;
	u64 mmfr0 = has[SYSREG_ID_AA64MMFR0_EL1], mmfr0_left = left[SYSREG_ID_AA64MMFR0_EL1];
	bool lva = SYSREG_GET(ID_AA64MMFR2_EL1_VARANGE, has[SYSREG_ID_AA64MMFR2_EL1]);
	bool lva_left = SYSREG_GET(ID_AA64MMFR2_EL1_VARANGE, left[SYSREG_ID_AA64MMFR2_EL1]);

	label("ranges");
	print("PARange %u bits", cpu_pa_bits(mmfr0));
	if (cpu_pa_bits(mmfr0_left) != cpu_pa_bits(mmfr0))
		print(" (overridden to %u)", cpu_pa_bits(mmfr0_left));
	print(", VARange %u bits%s\n", lva ? 52 : 48, lva != lva_left ? " (overridden to 48)" : "");
}

/* "PAN3": features that come in grades are known by their number. */
static void print_feature(enum cpu_feature feature, unsigned level)
{
	bool graded = feature == CPU_PAN || feature == CPU_MTE || feature == CPU_BBM;

	print("%s", cpu_feature_str(feature));
	if (graded && level > 1)
		print("%u", level);
}

enum feature_fate {
	FEATURE_ABSENT,
	FEATURE_OVERRIDDEN,
	FEATURE_THERE,
};

static enum feature_fate feature_fate(const struct kernel *kernel, enum cpu_feature feature)
{
	unsigned has = cpu_feature_level(kernel->handoff->facts.id, feature);

	if (has == 0)
		return FEATURE_ABSENT;
	return cpu_feature_level(kernel->handoff->id, feature) < has ? FEATURE_OVERRIDDEN :
								       FEATURE_THERE;
}

static void report_features(const struct kernel *kernel, const char *name, enum feature_fate fate)
{
	const char *comma = "";

	for (unsigned i = 0; i < CPU_FEATURE_COUNT; i++) {
		if (feature_fate(kernel, i) != fate)
			continue;
		if (!*comma)
			label(name);
		print("%s", comma);
		print_feature(i, cpu_feature_level(kernel->handoff->facts.id, i));
		comma = ", ";
	}
	if (*comma)
		print("\n");
}

static void report_command_line(const struct kernel *kernel)
{
	const struct boot_facts *facts = &kernel->handoff->facts;

	label("command line");
	if (facts->command_line_length == 0)
		print("empty");
	console_write_safe(facts->command_line, facts->command_line_length);
	print("\n");
}

static void report_override(const struct override_record *record)
{
	const char *reason = override_reason_str(record->reason);

	print("%-9s  ", override_status_str(record->status));
	console_write_safe(record->option, strlen(record->option));
	if (strcmp(record->option, record->field) != 0) {
		print(" -> ");
		console_write_safe(record->field, strlen(record->field));
	}
	if (record->value[0]) {
		print("=");
		console_write_safe(record->value, strlen(record->value));
	}
	print("%s%s\n", *reason ? ": " : "", reason);
}

void report_overrides(const struct kernel *kernel)
{
	const struct boot_options *options = &kernel->handoff->options;

	label("overrides");
	if (options->record_count == 0)
		print("none\n");
	for (u32 i = 0; i < options->record_count; i++) {
		if (i != 0)
			label("");
		report_override(&options->record[i]);
	}
	if (options->records_dropped != 0) {
		label("");
		print("and %u more, for which there was no room\n", options->records_dropped);
	}
}

/* That the CPU lacks a feature is one thing; that it was overridden, another. */
static const char *va_reason_note(const struct kernel *kernel)
{
	const struct boot_plan *plan = &kernel->handoff->plan;
	bool lacks = plan->va_reason == VA_REASON_NO_LPA2 || plan->va_reason == VA_REASON_NO_LVA;

	if (lacks &&
	    cpu_granule(kernel->handoff->facts.id, plan->kernel.granule_shift).va_bits > 48)
		return " (by override)";
	return "";
}

/* PARange alone does not decide: 4K and 16K pages reach 52 bits only with TCR.DS. */
static const char *pa_reason(const struct kernel *kernel)
{
	u64 mmfr0 = kernel->handoff->facts.id[SYSREG_ID_AA64MMFR0_EL1];

	if (kernel->handoff->plan.kernel.pa_bits < cpu_pa_bits(mmfr0))
		return "all that these descriptors hold, though PARange is wider";
	return "as PARange says";
}

static const char *format_name(enum descriptor_format format)
{
	switch (format) {
	case DESC_48:
		return "48-bit";
	case DESC_64K_LPA:
		return "LPA";
	case DESC_LPA2:
		return "LPA2";
	}
	return "unknown";
}

static void report_decision(const struct kernel *kernel)
{
	const struct boot_plan *plan = &kernel->handoff->plan;
	const struct regime *regime = &plan->kernel;

	label("decision");
	print("%uK pages: %s\n", 1u << (regime->granule_shift - 10),
	      plan->page_size_asked ? "asked for with arm64.pagesize=" :
				      "the smallest the CPU has");
	label("");
	print("%u-bit addresses: %s%s\n", regime->va_bits, va_reason_str(plan->va_reason),
	      va_reason_note(kernel));
	label("");
	print("%d levels from level %d, %s descriptors\n", regime_levels(regime),
	      regime->root_level, format_name(regime->format));
	label("");
	print("%u-bit physical addresses: %s\n", regime->pa_bits, pa_reason(kernel));
	label("");
	print("identity map: %u-bit addresses from level %d\n", plan->idmap.va_bits,
	      plan->idmap.root_level);
	label("");
	print("EL%u%s: %s\n", plan->el, plan->el == 2 ? " (VHE)" : "",
	      el_reason_str(plan->el_reason));
}

static void report_protection(const struct kernel *kernel)
{
	const struct boot_plan *plan = &kernel->handoff->plan;

	label("W^X");
	if (report_wxn(kernel))
		print("enforced: WXN is on, nothing writable can be executed\n");
	else
		print("NOT ENFORCED: WXN is off (%s)\n", wxn_off_reason(kernel));
	label("in use");
	print("BTI %s, PAC %s, PAN %s, E0PD %s\n", on_off(plan->bti), on_off(plan->pac),
	      on_off(plan->pan), on_off(plan->e0pd));
}

static void report_registers(const struct kernel *kernel)
{
	struct report_register reg;

	for (unsigned i = 0; report_register(kernel, i, &reg); i++) {
		print("%s", i % 2 == 0 && i != 0 ? "\n" : "");
		if (i % 2 == 0)
			label(i == 0 ? "registers" : "");
		print("%s%-9s 0x%016lx", i % 2 == 0 ? "" : "  ", reg.name, reg.value);
	}
	print("\n");
}

static void report_image(const struct kernel *kernel)
{
	const struct image *image = &kernel->handoff->facts.image;
	const struct boot_plan *plan = &kernel->handoff->plan;
	char size[SIZE_TEXT_MAX];

	format_size(size, sizeof(size), image->size);
	label("image");
	print("PA 0x%016lx, VA 0x%016lx, %s\n", image->pa.value, plan->image_va.value, size);
	label("KASLR");
	switch (plan->kaslr_source) {
	case KASLR_OFF_ASKED:
	case KASLR_OFF_NO_ENTROPY:
		print("%s\n", kaslr_source_str(plan->kaslr_source));
		break;
	case KASLR_FDT:
	case KASLR_EFI:
	case KASLR_RNDR:
		print("offset 0x%016lx, seed from %s\n", plan->kaslr_offset,
		      kaslr_source_str(plan->kaslr_source));
		break;
	}
}

/* At most four digits of @bytes, with '~' where that is rounded. */
static void print_size(u64 bytes)
{
	const char *units = "BKMGTPE";
	bool exact = true;

	while (bytes >= 10000 || (bytes >= 1024 && bytes % 1024 == 0)) {
		exact = exact && bytes % 1024 == 0;
		bytes = (bytes + 512) / 1024;
		units++;
	}
	print(" %s%4lu%c", exact ? " " : "~", bytes, *units);
}

static void print_range(u64 start, u64 end, const char *name)
{
	print("0x%016lx-0x%016lx", start, end);
	print_size(end - start);
	print("  %s\n", name);
}

void report_layout(const struct kernel *kernel)
{
	const struct boot_handoff *handoff = kernel->handoff;
	u64 image = handoff->plan.image_va.value;

	for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
		const struct layout_region *region = &handoff->plan.layout.region[i];

		label(i == 0 ? "layout" : "");
		print_range(region->start.value, region->end.value, layout_region_str(i));
		if (i != LAYOUT_VMALLOC)
			continue;
		label("");
		print_range(image, image + handoff->facts.image.size, "  image");
	}
}

static void report_linear(const struct kernel *kernel)
{
	const struct linear *linear = &kernel->linear;
	char size[SIZE_TEXT_MAX];

	format_size(size, sizeof(size), memory_total(kernel->memory));
	label("linear map");
	print("%s of RAM at PA + 0x%016lx", size, linear->offset);
	if (linear->random != 0)
		print(", 0x%lx of that random", linear->random);
	print("\n");
}

void report_memory(const struct kernel *kernel)
{
	const struct memory_map *memory = kernel->memory;

	for (u32 i = 0; i < memory->count; i++) {
		const struct memory_range *range = &memory->range[i];

		label(i == 0 ? "memory" : "");
		print_range(range->start.value, range->end.value, memory_kind_str(range->kind));
	}
	report_linear(kernel);
}

static void report_input(void)
{
	const char *why_not;
	u32 number;

	label("input");
	if (interrupt_console(&number, &why_not))
		print("by interrupt %u\n", number);
	else
		print("polled: %s\n", why_not);
}

static void report_firmware(const struct kernel *kernel)
{
	label("console");
	if (kernel->console.source == CONSOLE_NONE) {
		print("none\n");
	} else {
		print("%s at 0x%016lx (%s)\n",
		      serial_type_str((enum serial_type)kernel->console.kind.type),
		      kernel->console.address.value, console_source_str(kernel->console.source));
		report_input();
	}
	label("PSCI");
	print("%s\n", psci_conduit_str(kernel->handoff->facts.psci));
}

static void report_audit(const char *name, const struct pt_space *space)
{
	struct pt_audit audit = pt_audit_space(space);
	char size[SIZE_TEXT_MAX];

	format_size(size, sizeof(size), audit.mapped);
	label(name);
	print("%s in %lu runs, %lu of them writable and executable\n", size, audit.runs,
	      audit.writable_executable);
}

static void report_tables(const struct kernel *kernel)
{
	const struct table_pool *pool = kernel->kernel_space.pool;
	u64 granule = regime_granule(&kernel->kernel_space.regime);

	label("page tables");
	print("%lu of %lu pages used\n", pool_used(pool, granule), pool_total(pool, granule));
	report_audit("kernel map", &kernel->kernel_space);
	report_audit("identity map", &kernel->idmap_space);
}

static void report_time(const struct kernel *kernel)
{
	const u64 *timeline = kernel->handoff->timeline;

	label("boot time");
	print("%lu ticks of %lu Hz from entry to kernel_main\n",
	      timeline[STAGE_KERNEL_MAIN] - timeline[STAGE_ENTRY], counter_frequency());
}

static void report_warnings(const struct kernel *kernel)
{
	char text[WARNING_TEXT_MAX];

	for (unsigned i = 0; i < WARNING_COUNT; i++) {
		if (!report_warning(kernel, i, text))
			continue;
		label("WARNING");
		print("%s\n", text);
	}
}

void report_text(const struct kernel *kernel)
{
	print("Pagoda %s\n", PAGODA_VERSION);
	report_cpu(kernel);
	report_entry(kernel);
	report_granules(kernel);
	report_ranges(kernel);
	report_features(kernel, "features", FEATURE_THERE);
	report_features(kernel, "overridden", FEATURE_OVERRIDDEN);
	report_features(kernel, "absent", FEATURE_ABSENT);
	report_command_line(kernel);
	report_overrides(kernel);
	report_decision(kernel);
	report_protection(kernel);
	report_registers(kernel);
	report_image(kernel);
	report_layout(kernel);
	report_memory(kernel);
	report_firmware(kernel);
	report_efi(kernel);
	report_tables(kernel);
	report_time(kernel);
	report_warnings(kernel);
}

static bool override_failed(const struct boot_options *options)
{
	bool failed = options->records_dropped != 0;

	for (u32 i = 0; i < options->record_count; i++)
		failed |= options->record[i].status != OVERRIDE_APPLIED;
	return failed;
}

void report_boot(const struct kernel *kernel)
{
	const struct boot_options *options = &kernel->handoff->options;

	if (!options->quiet) {
		report_text(kernel);
		return;
	}
	print("Pagoda %s\n", PAGODA_VERSION);
	if (override_failed(options))
		report_overrides(kernel);
	report_warnings(kernel);
}
