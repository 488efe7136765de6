// SPDX-License-Identifier: MIT
/*
 * The CPU, in the reports: which it is, and what it offers.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/cpu.h>
#include <pagoda/lib/format.h>

#include "parts.h"

void report_cpu(const struct kernel *kernel)
{
	u64 midr = kernel->handoff->facts.id[SYSREG_MIDR_EL1];

	report_label("CPU");
	print("%s %s r%up%u (MIDR_EL1 0x%016lx)\n", cpu_implementer_str(midr), cpu_part_str(midr),
	      (unsigned)SYSREG_GET(MIDR_EL1_VARIANT, midr),
	      (unsigned)SYSREG_GET(MIDR_EL1_REVISION, midr), midr);
}

/* Every page size with the address bits it can have, as the CPU says and as overrides leave it. */
static void print_granules(const struct kernel *kernel)
{
	bool overridden = false;

	report_label("page sizes");
	for (unsigned shift = GRANULE_SHIFT_4K; shift <= GRANULE_SHIFT_64K; shift += 2) {
		struct cpu_granule has = cpu_granule(kernel->handoff->facts.id, shift);
		struct cpu_granule left = cpu_granule(kernel->handoff->id, shift);

		print("%s%s ", shift == GRANULE_SHIFT_4K ? "" : ", ", size_text(BIT(shift)).text);
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

static void print_ranges(const struct kernel *kernel)
{
	const u64 *has = kernel->handoff->facts.id, *left = kernel->handoff->id;
	u64 mmfr0 = has[SYSREG_ID_AA64MMFR0_EL1], mmfr0_left = left[SYSREG_ID_AA64MMFR0_EL1];
	bool lva = cpu_has_lva(has), lva_left = cpu_has_lva(left);

	report_label("ranges");
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

static void print_features(const struct kernel *kernel, const char *name, enum feature_fate fate)
{
	const char *comma = "";

	for (unsigned i = 0; i < CPU_FEATURE_COUNT; i++) {
		if (feature_fate(kernel, i) != fate)
			continue;
		if (!*comma)
			report_label(name);
		print("%s", comma);
		print_feature(i, cpu_feature_level(kernel->handoff->facts.id, i));
		comma = ", ";
	}
	if (*comma)
		print("\n");
}

void report_features(const struct kernel *kernel)
{
	print_granules(kernel);
	print_ranges(kernel);
	print_features(kernel, "features", FEATURE_THERE);
	print_features(kernel, "overridden", FEATURE_OVERRIDDEN);
	print_features(kernel, "absent", FEATURE_ABSENT);
}

void report_json_cpu(const struct kernel *kernel, struct json *json)
{
	u64 midr = kernel->handoff->facts.id[SYSREG_MIDR_EL1];

	json_row(json, "cpu");
	json_string(json, "implementer", cpu_implementer_str(midr));
	json_string(json, "part", cpu_part_str(midr));
	json_number(json, "variant", SYSREG_GET(MIDR_EL1_VARIANT, midr));
	json_number(json, "revision", SYSREG_GET(MIDR_EL1_REVISION, midr));
	json_close(json);
}
