// SPDX-License-Identifier: MIT
/*
 * The hypervisor, in the reports: absent where nobody asked for one.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/hyp/hyp.h>
#include <pagoda/lib/format.h>

#include "parts.h"

static const char *why_none(const struct kernel *kernel)
{
	return hyp_result_str(kernel->hyp ? kernel->hyp->result : HYP_NO_MEMORY);
}

static bool is_asked_for(const struct kernel *kernel)
{
	return kernel->handoff->options.hyp_mode != HYP_MODE_NONE;
}

void report_hyp(const struct kernel *kernel)
{
	const struct hyp *hyp = kernel->hyp;
	enum hyp_mode mode = (enum hyp_mode)kernel->handoff->options.hyp_mode;
	const struct hyp_decision *decision;

	if (!is_asked_for(kernel))
		return;
	report_label("hypervisor");
	if (!hyp_runs(kernel)) {
		print("%s: none: %s\n", hyp_mode_str(mode), why_none(kernel));
		return;
	}
	decision = &hyp->decision;
	print("%s, at 0x%016lx of EL2's %u bits from level %d, WXN on\n", hyp_mode_str(hyp->mode),
	      hyp->base.value, decision->self.va_bits, decision->self.root_level);
	report_label("stage 2");
	print("%u bits from level %d, root of %u tables; %s\n", decision->host.va_bits,
	      decision->host.root_level, regime_root_tables(&decision->host),
	      kernel->handoff->options.stage2_full && !hyp->all_failed ? "all RAM mapped at once" :
									 "mapped where it faults");
	report_label("");
	print("its %s at 0x%lx %s\n", size_text(regime_granule(&decision->self) << hyp->order).text,
	      hyp->block.value,
	      hyp->mode == HYP_MODE_PROTECTED ?
		      "are not the host's" :
		      "can be written by the host: kvm-arm.mode=protected forbids it");
}

void report_json_hyp(const struct kernel *kernel, struct json *json)
{
	const struct hyp *hyp = kernel->hyp;

	if (!is_asked_for(kernel))
		return;
	json_object(json, "hyp");
	json_string(json, "mode", hyp_mode_str((enum hyp_mode)kernel->handoff->options.hyp_mode));
	json_string(json, "state", hyp_runs(kernel) ? "running" : why_none(kernel));
	if (hyp_runs(kernel)) {
		json_hex(json, "va", hyp->base.value);
		json_number(json, "va_bits", hyp->self.regime.va_bits);
		json_number(json, "root_level", hyp->self.regime.root_level);
		json_hex(json, "tcr", hyp->decision.registers.tcr);
		json_hex(json, "sctlr", hyp->decision.registers.sctlr);
		json_hex(json, "vtcr", hyp->decision.registers.vtcr);
		json_hex(json, "memory_start", hyp->block.value);
		json_number(json, "memory_size", regime_granule(&hyp->self.regime) << hyp->order);
		json_number(json, "cpus", hyp->running);
		json_object(json, "stage2");
		json_number(json, "ipa_bits", hyp->host.regime.va_bits);
		json_number(json, "root_level", hyp->host.regime.root_level);
		json_number(json, "root_tables", regime_root_tables(&hyp->host.regime));
		json_bool(json, "lpa2", hyp->host.regime.format == DESC_LPA2);
		json_close(json);
	}
	json_close(json);
}
