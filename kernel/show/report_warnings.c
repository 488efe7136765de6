// SPDX-License-Identifier: MIT
/*
 * What a user should know without asking, in the reports. A warning is one row of a warn_about_
 * function: whether it applies, and its words. Without words it does not compile.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/lib/features.h>
#include <pagoda/lib/format.h>

#include "parts.h"

#define WARNING_TEXT_MAX 160

/* One warning, as a line of the report, or with @json as a member of its document. */
static void warn(struct json *json, bool applies, const char *words, ...)
	__attribute__((format(printf, 3, 4)));

static void warn(struct json *json, bool applies, const char *words, ...)
{
	char text[WARNING_TEXT_MAX];
	va_list arguments;

	if (!applies)
		return;
	va_start(arguments, words);
	format_list(text, sizeof(text), words, arguments);
	va_end(arguments);
	if (json) {
		json_string(json, NULL, text);
		return;
	}
	report_label("WARNING");
	print("%s\n", text);
}

static const char *console_fault_str(enum console_fault fault)
{
	switch (fault) {
	case CONSOLE_WORKS:
		return "works";
	case CONSOLE_IN_RAM:
		return "is memory";
	case CONSOLE_OUT_OF_REACH:
		return "is beyond what the page tables reach";
	case CONSOLE_NOT_MAPPED:
		return "could not be mapped";
	case CONSOLE_SILENT:
		return "does not answer";
	}
	return "unknown fault";
}

/* Why RNDR was no source; the second half of a sentence about the FDT. */
static const char *no_random_str(const struct boot_handoff *handoff)
{
	if (cpu_feature_level(handoff->facts.id, CPU_RNDR) == 0)
		return "the CPU no RNDR";
	if (cpu_feature_level(handoff->id, CPU_RNDR) == 0)
		return "and RNDR is turned off";
	return "and RNDR gave nothing";
}

static void warn_about_entropy(const struct boot_handoff *handoff, struct json *json)
{
	const struct boot_plan *plan = &handoff->plan;
	struct source_text seed =
		source_text(handoff->facts.efi.acpi, fdt_seed_str(handoff->facts.fdt.seed));
	bool open = plan->pac && !plan->pac_secret;

	warn(json, plan->kaslr_source == KASLR_OFF_NO_ENTROPY, "KASLR off: no entropy: %s, %s%s",
	     seed.text, no_random_str(handoff), open ? "; nor is PAC's key a secret" : "");
	warn(json, open && plan->kaslr_source != KASLR_OFF_NO_ENTROPY,
	     "PAC's key is no secret: no entropy: %s, %s", seed.text, no_random_str(handoff));
}

static void warn_about_protection(const struct kernel *kernel, const struct report_audit *audit,
				  struct json *json)
{
	u64 broken = audit->kernel.writable_executable + audit->idmap.writable_executable;
	bool rodata_off = report_rodata_off(kernel);

	warn(json, rodata_off,
	     "W^X is NOT enforced: rodata=off makes text writable, which needs WXN off");
	warn(json, !rodata_off && !report_wxn(kernel),
	     "W^X is NOT enforced by the CPU: WXN is off (%s)", report_wxn_off(kernel));
	warn(json, !rodata_off && broken != 0,
	     "W^X is BROKEN: memory is mapped writable and executable; see ptdump");
	warn_about_entropy(kernel->handoff, json);
}

static void warn_about_memory(const struct kernel *kernel, struct json *json)
{
	const struct memory_fate *fate = &kernel->memory_fate;
	const struct linear *linear = &kernel->linear;

	warn(json, fate->unreachable != 0, "%s of RAM left out: beyond %u-bit physical addresses",
	     size_text(fate->unreachable).text, kernel->handoff->plan.kernel.pa_bits);
	warn(json, fate->outside != 0,
	     "%s of RAM left out: beyond the %s from 0x%lx on that the linear map reaches",
	     size_text(fate->outside).text, size_text(linear->end.value - linear->start.value).text,
	     linear->start.value);
	warn(json, fate->limited != 0, "%s of RAM left out: mem=", size_text(fate->limited).text);
	warn(json, fate->others != 0,
	     "%s of RAM left to others, as /chosen/linux,usable-memory-range has it",
	     size_text(fate->others).text);
	warn(json, fate->overlaps != 0,
	     "%u ranges of RAM overlap others in the FDT, and were joined", fate->overlaps);
	warn(json, fate->image_reserved,
	     "the FDT reserves memory that the Image is in; the Image stays there");
	warn(json, kernel->memory->dropped != 0,
	     "%u memory ranges of the FDT were not taken in, or not whole",
	     kernel->memory->dropped);
}

static void warn_about_command_line(const struct kernel *kernel, struct json *json)
{
	const struct boot_facts *facts = &kernel->handoff->facts;
	u32 dropped = kernel->handoff->options.records_dropped;

	warn(json, !facts->fdt.has_chosen,
	     "the FDT has no /chosen: no command line, defaults throughout");
	warn(json, facts->command_line_cut, "the command line was cut after %u characters",
	     facts->command_line_length);
	warn(json, dropped != 0, "%u more overrides than can be listed", dropped);
}

static void warn_about_devices(const struct kernel *kernel, struct json *json)
{
	const struct boot_facts *facts = &kernel->handoff->facts;
	const struct console_choice *lost = &kernel->console_lost;
	bool first = kernel->console.source == CONSOLE_FIRST_UART;
	const char *instead = "the FDT's is used";

	if (kernel->console.source == CONSOLE_NONE)
		instead = "there is none";
	else if (kernel->fallback != FALLBACK_NONE)
		instead = "there is no other UART";

	warn(json, facts->psci == PSCI_NONE, "%s: poweroff and reboot will not work",
	     source_text(facts->efi.acpi, "the FDT names no PSCI that can be called").text);
	warn(json, facts->psci == PSCI_OLD,
	     "PSCI is of version 0.1, without calls for it: poweroff and reboot will not work");
	warn(json, kernel->console_fault != CONSOLE_WORKS && !serial_has_registers(lost->kind),
	     "nobody serves semihosting (%s): %s", console_source_str(lost->source),
	     source_text(facts->efi.acpi, instead).text);
	warn(json, kernel->console_fault != CONSOLE_WORKS && serial_has_registers(lost->kind),
	     "the console at 0x%lx (%s) %s: %s", lost->address.value,
	     console_source_str(lost->source), console_fault_str(kernel->console_fault),
	     source_text(facts->efi.acpi, instead).text);
	warn(json, first && facts->fdt.has_stdout_path,
	     "stdout-path names no UART that can be used: this is the FDT's first one");
	warn(json, first && facts->fdt.has_chosen && !facts->fdt.has_stdout_path,
	     "/chosen has no stdout-path: the console is the FDT's first UART");
}

static void warn_about_firmware(const struct kernel *kernel, struct json *json)
{
	unsigned el = kernel->handoff->plan.el;
	u64 esr = kernel->inherited.esr, disr = kernel->inherited.disr;

	warn(json, esr != 0, "an SError was pending at entry, from before: ESR 0x%lx, %s", esr,
	     serror_str(esr));
	warn(json, disr != 0, "firmware has left an SError deferred: DISR 0x%lx, %s", disr,
	     serror_str(disr));
	warn(json, SYSREG_GET(ID_AA64MMFR3_EL1_TCRX, kernel->forbidden) != 0,
	     "TCR2_EL%u was not cleared: a higher exception level forbids it", el);
	warn(json, SYSREG_GET(ID_AA64MMFR3_EL1_SCTLRX, kernel->forbidden) != 0,
	     "SCTLR2_EL%u was not cleared: a higher exception level forbids it", el);
}

static void warn_about_boot(const struct kernel *kernel, struct json *json)
{
	warn(json, kernel->handoff->facts.entry.sctlr & SCTLR_EL1_M_MASK,
	     "entered with the MMU on: what the loader left in the caches may be lost");
	warn(json, kernel->init_result != MAP_OK,
	     "early-only text and data could not be given back: %s",
	     map_result_str(kernel->init_result));
	warn(json, kernel->pool_result != MAP_OK,
	     "page tables can be written through the image's mapping: unmapping them there: %s",
	     map_result_str(kernel->pool_result));
	warn(json, kernel->guard_result != MAP_OK,
	     "the stack has no gap below it: unmapping it: %s",
	     map_result_str(kernel->guard_result));
	warn(json, kernel->shadow_result != VMALLOC_OK,
	     "the shadow call stacks have no gaps around them: mapping others: %s",
	     vmalloc_result_str(kernel->shadow_result));
}

static void warn_all(const struct kernel *kernel, const struct report_audit *audit,
		     struct json *json)
{
	warn_about_protection(kernel, audit, json);
	warn_about_memory(kernel, json);
	warn_about_command_line(kernel, json);
	warn_about_devices(kernel, json);
	warn_about_firmware(kernel, json);
	warn_about_boot(kernel, json);
}

void report_warnings(const struct kernel *kernel, const struct report_audit *audit)
{
	warn_all(kernel, audit, NULL);
}

void report_json_warnings(const struct kernel *kernel, const struct report_audit *audit,
			  struct json *json)
{
	json_array(json, "warnings");
	warn_all(kernel, audit, json);
	json_close(json);
}
