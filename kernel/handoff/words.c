// SPDX-License-Identifier: MIT
/*
 * What reports call the members of the handoff's closed sets. Lower-case names without blanks are
 * what `report json` promises (docs/report.schema.json); reasons are for people, begin in lower
 * case and have no full stop.
 * Runs in the kernel, MMU on, and on the host: a compiler may turn these into tables of pointers,
 * so nothing may call them before relocation.
 */
#include <pagoda/kernel/handoff/fallback.h>
#include <pagoda/kernel/handoff/follow.h>
#include <pagoda/kernel/handoff/handoff.h>
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>

const char *segment_str(enum segment segment)
{
	switch (segment) {
	case SEGMENT_RODATA:
		return "rodata";
	case SEGMENT_TEXT:
		return "text";
	case SEGMENT_INIT_TEXT:
		return "init_text";
	case SEGMENT_INIT_DATA:
		return "init_data";
	case SEGMENT_DATA:
		return "data";
	case SEGMENT_COUNT:
		break;
	}
	return "unknown segment";
}

const char *cpu_loss_str(enum cpu_loss loss)
{
	switch (loss) {
	case CPU_LOSS_NO_ROOM:
		return "is one more than there is room for";
	case CPU_LOSS_TWICE:
		return "has the MPIDR of an earlier one";
	case CPU_LOSS_BAD_REG:
		return "has a reg that is no MPIDR";
	case CPU_LOSS_FAILED:
		return "has failed, by its status";
	case CPU_LOSS_COUNT:
		break;
	}
	return "is left out";
}

const char *return_addresses_str(enum return_addresses what)
{
	switch (what) {
	case RETURN_UNPROTECTED:
		return "none";
	case RETURN_SIGNED:
		return "signed";
	case RETURN_SHADOW:
		return "shadow";
	}
	return "unknown protection";
}

const char *psci_conduit_str(enum psci_conduit conduit)
{
	switch (conduit) {
	case PSCI_NONE:
		return "none";
	case PSCI_HVC:
		return "hvc";
	case PSCI_SMC:
		return "smc";
	case PSCI_OLD:
		return "0.1";
	}
	return "unknown conduit";
}

const char *console_source_str(enum console_source source)
{
	switch (source) {
	case CONSOLE_NONE:
		return "none";
	case CONSOLE_STDOUT_PATH:
		return "stdout-path";
	case CONSOLE_FIRST_UART:
		return "first-uart";
	case CONSOLE_EARLYCON:
		return "earlycon";
	case CONSOLE_NO_UART:
		return "no-uart";
	}
	return "unknown source";
}

const char *override_status_str(enum override_status status)
{
	switch (status) {
	case OVERRIDE_APPLIED:
		return "applied";
	case OVERRIDE_REFUSED:
		return "refused";
	case OVERRIDE_MALFORMED:
		return "malformed";
	}
	return "unknown status";
}

static const char override_reasons[][72] = {
	[REASON_NONE] = "",
	[REASON_RAISES] = "above what the CPU has; overrides only lower",
	[REASON_NOT_A_DIGIT] = "the value is not one hex digit",
	[REASON_TOO_WIDE] = "the digit does not fit the field",
	[REASON_NO_VALUE] = "no value given",
	[REASON_UNKNOWN_OPTION] = "no such option",
	[REASON_UNKNOWN_FIELD] = "no such field in this register",
	[REASON_TOO_LONG] = "the word is too long, and was skipped",
	[REASON_BAD_CHOICE] = "not one of the values this option has",
	[REASON_BAD_NUMBER] = "not a number this option can take",
	[REASON_BAD_QUOTE] = "the quotation mark is not closed",
	[REASON_NO_SUCH_CONSOLE] = "no such console",
	[REASON_E2H_STUCK] = "HCR_EL2.E2H is stuck at 1: this CPU's EL2 has VHE always",
	[REASON_CUT] = "longer than there is room for, and ignored",
	[REASON_NO_CPU] = "no such CPU has been started",
	[REASON_ALL_CPUS] = "decided for all CPUs: say it without pagoda.cpu",
	[REASON_NO_ROOM] = "more of these than there is room for",
	[REASON_NOT_GLOBAL] = "this core cannot have mappings that are not global (erratum 27456)",
};

const char *override_reason_str(enum override_reason reason)
{
	return reason < ARRAY_SIZE(override_reasons) ? override_reasons[reason] : "unknown reason";
}

const char *panic_action_str(enum panic_action action)
{
	switch (action) {
	case PANIC_HALT:
		return "halt";
	case PANIC_REBOOT:
		return "reboot";
	case PANIC_POWEROFF:
		return "poweroff";
	}
	return "unknown action";
}

const char *kaslr_source_str(enum kaslr_source source)
{
	switch (source) {
	case KASLR_OFF_ASKED:
		return "off: nokaslr";
	case KASLR_OFF_NO_ENTROPY:
		return "off: no entropy";
	case KASLR_OFF_IN_SIGHT:
		return "off: this core cannot hide from EL0 where the kernel is (erratum 27456)";
	case KASLR_FDT:
		return "fdt";
	case KASLR_EFI:
		return "efi";
	case KASLR_RNDR:
		return "rndr";
	}
	return "unknown source";
}

const char *kpti_str(enum kpti kpti)
{
	switch (kpti) {
	case KPTI_AUTO:
		break;
	case KPTI_OFF:
		return "kpti=off";
	case KPTI_NO_NEED:
		return "not needed";
	case KPTI_NEVER:
		return "this core cannot have it (erratum 27456)";
	case KPTI_ON:
		return "kpti=on";
	case KPTI_LATE:
		return "kpti=late";
	case KPTI_HIDES_PLACE:
		return "KASLR, and no E0PD";
	case KPTI_HIDES_CONTENT:
		return "no CSV3";
	}
	return "undecided";
}

/* What stands in for words about the FDT; longer ones before those that they begin with. */
static const struct {
	const char *fdt, *acpi;
} sources[] = {
	{ "the FDT's", "ACPI's" },
	{ "the FDT", "ACPI" },
};

static bool starts_with(const char *words, const char *start)
{
	size_t length = strlen(start);

	return strnlen(words, length) == length && memcmp(words, start, length) == 0;
}

/* The row that @words begin with; past the last one for none. */
static unsigned source_find(const char *words)
{
	unsigned row = 0;

	while (row < ARRAY_SIZE(sources) && !starts_with(words, sources[row].fdt))
		row++;
	return row;
}

struct source_text source_text(bool acpi, const char *words)
{
	struct source_text out;
	size_t length = 0;

	while (*words != '\0' && length < sizeof(out.text) - 1) {
		unsigned row = acpi ? source_find(words) : ARRAY_SIZE(sources);

		if (row == ARRAY_SIZE(sources)) {
			out.text[length++] = *words++;
			continue;
		}
		text_copy(out.text + length, sizeof(out.text) - length, sources[row].acpi,
			  strlen(sources[row].acpi));
		length += strlen(out.text + length);
		words += strlen(sources[row].fdt);
	}
	out.text[length] = '\0';
	return out;
}

const char *fdt_seed_str(enum fdt_seed seed)
{
	switch (seed) {
	case FDT_SEED_NONE:
		return "the FDT has no kaslr-seed";
	case FDT_SEED_TAKEN:
		return "the FDT has a kaslr-seed";
	case FDT_SEED_ZERO:
		return "the FDT's kaslr-seed is zero";
	case FDT_SEED_SIZE:
		return "the FDT's kaslr-seed is not of 8 bytes";
	case FDT_SEED_DISABLED:
		return "the FDT's kaslr-seed is in a /chosen that is disabled";
	}
	return "unknown seed";
}

const char *va_reason_str(enum va_reason reason)
{
	switch (reason) {
	case VA_REASON_LPA2:
		return "the CPU has FEAT_LPA2 for this page size";
	case VA_REASON_LVA:
		return "the CPU has FEAT_LVA";
	case VA_REASON_NO_LPA2:
		return "the CPU lacks FEAT_LPA2 for this page size";
	case VA_REASON_NO_LVA:
		return "the CPU lacks FEAT_LVA";
	case VA_REASON_NOLVA:
		return "52-bit addressing was turned off (arm64.nolva)";
	case VA_REASON_ASKED:
		return "asked for with pagoda.va_bits=";
	}
	return "unknown reason";
}

const char *el_reason_str(enum el_reason reason)
{
	switch (reason) {
	case EL_REASON_VHE:
		return "the CPU has FEAT_VHE";
	case EL_REASON_NO_VHE:
		return "the CPU lacks FEAT_VHE";
	case EL_REASON_VHE_OFF:
		return "VHE was turned off (id_aa64mmfr1.vh=0)";
	case EL_REASON_ENTRY:
		return "entered there";
	}
	return "unknown reason";
}

const char *boot_stage_str(enum boot_stage stage)
{
	switch (stage) {
	case STAGE_ENTRY:
		return "entry";
	case STAGE_FACTS:
		return "facts";
	case STAGE_PLAN:
		return "plan";
	case STAGE_TABLES:
		return "tables";
	case STAGE_RELOCATED:
		return "relocated";
	case STAGE_PUBLISHED:
		return "published";
	case STAGE_FLIP:
		return "flip";
	case STAGE_KERNEL_MAIN:
		return "kernel_main";
	case STAGE_TREE:
		return "tree";
	case STAGE_MEMORY:
		return "memory";
	case STAGE_PROMPT:
		return "prompt";
	case STAGE_COUNT:
		break;
	}
	return "unknown stage";
}

const char *fallback_type_str(enum fallback_type type)
{
	switch (type) {
	case FALLBACK_NONE:
		return "none";
	case FALLBACK_VIRTIO:
		return "virtio console";
	case FALLBACK_SCREEN:
		return "frame buffer";
	}
	return "unknown type";
}

/* A row more than a function has lines for; the enum counts them. */
static const char follow_names[FOLLOW_FIELD_COUNT][24] = {
	[FOLLOW_OK] = "nothing",
	[FOLLOW_LEVEL] = "exception level",
	[FOLLOW_PAGE_SIZE] = "page size",
	[FOLLOW_VA_BITS] = "virtual address bits",
	[FOLLOW_WIDE_PA] = "descriptor address bits",
	[FOLLOW_PA_BITS] = "physical address bits",
	[FOLLOW_VHE] = "VHE",
	[FOLLOW_BTI] = "BTI",
	[FOLLOW_PAC] = "pointer authentication",
	[FOLLOW_PAN] = "PAN",
	[FOLLOW_E0PD] = "E0PD",
	[FOLLOW_KPTI] = "CSV3",
	[FOLLOW_NOT_GLOBAL] = "non-global mappings",
	[FOLLOW_ASID_BITS] = "ASID bits",
	[FOLLOW_VMID_BITS] = "VMID bits",
	[FOLLOW_MTE] = "MTE",
	[FOLLOW_BBM] = "BBM level",
	[FOLLOW_TLBI_RANGE] = "TLBI by range",
	[FOLLOW_TTL] = "TTL",
	[FOLLOW_DATA_LINE] = "data cache line",
	[FOLLOW_CODE_LINE] = "instruction cache line",
	[FOLLOW_CODE_SYNC] = "CTR_EL0.IDC and DIC",
	[FOLLOW_FREQUENCY] = "counter frequency",
};

const char *follow_field_str(enum follow_field field)
{
	return field < FOLLOW_FIELD_COUNT ? follow_names[field] : "unknown field";
}
