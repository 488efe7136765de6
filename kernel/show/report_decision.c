// SPDX-License-Identifier: MIT
/*
 * What was decided, in the reports, and why: page size, address bits, exception level, protection;
 * and the registers that came of it.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/proc/kpti.h>
#include <pagoda/kernel/show/cpu.h>
#include <pagoda/lib/features.h>
#include <pagoda/lib/format.h>
#include <pagoda/lib/string.h>

#include "parts.h"

#define VA_REASON_MAX 80

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

bool report_rodata_off(const struct kernel *kernel)
{
	return software_feature(kernel, ARM64_SW_RODATAOFF_MASK);
}

const char *report_wxn_off(const struct kernel *kernel)
{
	if (report_rodata_off(kernel))
		return "rodata=off";
	return software_feature(kernel, ARM64_SW_NOWXN_MASK) ? "arm64.nowxn" : "not asked for";
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

	if (cpu_pa_bits(kernel->handoff->id[SYSREG_ID_AA64MMFR0_EL1]) < cpu_pa_bits(mmfr0))
		return "PARange was lowered by override";
	if (kernel->handoff->plan.kernel.pa_bits < cpu_pa_bits(mmfr0))
		return "all that these descriptors hold, though PARange is wider";
	return "as PARange says";
}

/* A smaller one may have been overridden away. */
static const char *page_size_reason(const struct kernel *kernel)
{
	const struct boot_plan *plan = &kernel->handoff->plan;
	unsigned shift = GRANULE_SHIFT_4K;

	if (plan->page_size_asked)
		return "asked for with arm64.pagesize=";
	while (shift < plan->kernel.granule_shift &&
	       !cpu_granule(kernel->handoff->facts.id, shift).present)
		shift += 2;
	return shift < plan->kernel.granule_shift ? "the smallest the CPU has (by override)" :
						    "the smallest the CPU has";
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

static void print_decision(const struct kernel *kernel)
{
	const struct boot_plan *plan = &kernel->handoff->plan;
	const struct regime *regime = &plan->kernel;

	report_label("decision");
	print("%s pages: %s\n", size_text(regime_granule(regime)).text, page_size_reason(kernel));
	report_label("");
	print("%u-bit addresses: %s%s\n", regime->va_bits, va_reason_str(plan->va_reason),
	      va_reason_note(kernel));
	report_label("");
	print("%d levels from level %d, %s descriptors\n", regime_levels(regime),
	      regime->root_level, format_name(regime->format));
	report_label("");
	print("%u-bit physical addresses: %s\n", regime->pa_bits, pa_reason(kernel));
	report_label("");
	print("identity map: %u-bit addresses from level %d\n", plan->idmap.va_bits,
	      plan->idmap.root_level);
	report_label("");
	print("EL%u%s: %s\n", plan->el, plan->el == 2 ? " (VHE)" : "",
	      el_reason_str(plan->el_reason));
}

static void print_return_addresses(const struct boot_handoff *handoff)
{
	report_label("");
	switch (handoff_return_addresses(handoff)) {
	case RETURN_SIGNED:
		print("return addresses: signed (FEAT_PAuth)\n");
		break;
	case RETURN_SHADOW:
		print("return addresses: shadow call stack, %u functions patched, %u left\n",
		      handoff->scs.patched, handoff->scs.left);
		break;
	case RETURN_UNPROTECTED:
		print("return addresses: NOT PROTECTED: not signed, and no function patched\n");
		break;
	}
}

/* What kernel/proc/policy.c answers. */
static const char *policy_str(const struct boot_plan *plan)
{
	return plan->wxn ? "refused" : "granted";
}

static const char *kpti_result_str(enum kpti_result result)
{
	switch (result) {
	case KPTI_OK:
		return "it is there";
	case KPTI_NO_MEMORY:
		return "there is no memory for it";
	case KPTI_CPU_SILENT:
		return "a CPU does not answer";
	}
	return "unknown result";
}

/* Why it is on, or off though that is not for want of need; and that it is missing. */
static void print_kpti(const struct kernel *kernel)
{
	enum kpti kpti = kernel->handoff->plan.kpti;

	if (kpti == KPTI_NO_NEED)
		return;
	report_label("");
	print("KPTI %s: %s", on_off(kpti_is_on(kpti)), kpti_str(kpti));
	if (kernel->kpti_result != KPTI_OK)
		print("; NOT DONE, so there are no programs: %s",
		      kpti_result_str(kernel->kpti_result));
	print("\n");
}

static void print_protection(const struct kernel *kernel)
{
	const struct boot_plan *plan = &kernel->handoff->plan;

	report_label("W^X");
	if (report_wxn(kernel))
		print("enforced: WXN is on, nothing writable can be executed\n");
	else
		print("NOT ENFORCED: WXN is off (%s)\n", report_wxn_off(kernel));
	report_label("in use");
	print("BTI %s, PAC %s%s, PAN %s, E0PD %s, KPTI %s\n", on_off(plan->bti), on_off(plan->pac),
	      plan->pac && !plan->pac_secret ? " with a key that is no secret: no entropy" : "",
	      on_off(plan->pan), on_off(plan->e0pd), on_off(kpti_is_on(plan->kpti)));
	print_kpti(kernel);
	print_return_addresses(kernel->handoff);
	report_label("programs");
	print("%u-bit ASIDs; writable and executable memory %s\n",
	      cpu_asid_bits(kernel->handoff->id), policy_str(plan));
}

static void print_registers(const struct kernel *kernel)
{
	struct report_register reg;

	for (unsigned i = 0; report_register(kernel, i, &reg); i++) {
		print("%s", i % 2 == 0 && i != 0 ? "\n" : "");
		if (i % 2 == 0)
			report_label(i == 0 ? "registers" : "");
		print("%s%-9s 0x%016lx", i % 2 == 0 ? "" : "  ", reg.name, reg.value);
	}
	print("\n");
}

void report_decision(const struct kernel *kernel)
{
	print_decision(kernel);
	print_protection(kernel);
	print_registers(kernel);
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

static void json_return_addresses(struct json *json, const struct boot_handoff *handoff)
{
	enum return_addresses what = handoff_return_addresses(handoff);

	json_string(json, "return_addresses", return_addresses_str(what));
	if (what != RETURN_SHADOW)
		return;
	json_row(json, "scs");
	json_number(json, "patched", handoff->scs.patched);
	json_number(json, "left", handoff->scs.left);
	json_close(json);
}

static void json_decision(struct json *json, const struct kernel *kernel)
{
	const struct boot_plan *plan = &kernel->handoff->plan;
	char va_reason[VA_REASON_MAX];

	format(va_reason, sizeof(va_reason), "%s%s", va_reason_str(plan->va_reason),
	       va_reason_note(kernel));
	json_object(json, "decision");
	json_string(json, "page_size", plan->page_size_asked ? "asked for" : "smallest");
	json_string(json, "va_bits", va_reason);
	json_number(json, "el", plan->el);
	json_string(json, "el_reason", el_reason_str(plan->el_reason));
	json_bool(json, "bti", plan->bti);
	json_bool(json, "pac", plan->pac);
	json_bool(json, "pac_secret", plan->pac_secret);
	json_bool(json, "pan", plan->pan);
	json_bool(json, "e0pd", plan->e0pd);
	json_string(json, "panic", panic_action_str(kernel->handoff->options.panic));
	json_close(json);
	json_number(json, "asid_bits", cpu_asid_bits(kernel->handoff->id));
	json_row(json, "kpti");
	json_bool(json, "on", kpti_is_on(plan->kpti) && !kpti_missing(kernel));
	json_string(json, "reason", kpti_str(plan->kpti));
	json_close(json);
	json_object(json, "policy");
	json_string(json, "write_execute", policy_str(plan));
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

void report_json_decision(const struct kernel *kernel, struct json *json)
{
	json_regimes(json, kernel);
	json_decision(json, kernel);
	json_return_addresses(json, kernel->handoff);
	json_registers(json, kernel);
}
