// SPDX-License-Identifier: MIT
/*
 * Names for CPUs, and their features as a report lists them. Nothing is decided from these:
 * decisions are the plan's.
 * Runs in the kernel, MMU on, and on the host. The tables hold characters, not pointers: each of
 * those would be a relocation, and cost the boot.
 */
#include <pagoda/kernel/show/cpu.h>
#include <pagoda/mm/pt/regime.h>

#define IMPLEMENTER_QEMU 0x00 /* reserved for software use; QEMU's -cpu max */

static const struct {
	u8 implementer;
	char name[12];
} implementers[] = {
	{ IMPLEMENTER_QEMU, "QEMU" }, { 0x41, "Arm" },	   { 0x42, "Broadcom" },
	{ 0x43, "Cavium" },	      { 0x46, "Fujitsu" }, { 0x48, "HiSilicon" },
	{ 0x4e, "NVIDIA" },	      { 0x50, "APM" },	   { 0x51, "Qualcomm" },
	{ 0x53, "Samsung" },	      { 0x56, "Marvell" }, { 0x61, "Apple" },
	{ 0x6d, "Microsoft" },	      { 0xc0, "Ampere" },
};

static const struct {
	u8 implementer;
	u16 part;
	char name[12];
} parts[] = {
	{ IMPLEMENTER_QEMU, 0x051, "max" }, { 0x41, 0xd03, "Cortex-A53" },
	{ 0x41, 0xd04, "Cortex-A35" },	    { 0x41, 0xd05, "Cortex-A55" },
	{ 0x41, 0xd07, "Cortex-A57" },	    { 0x41, 0xd08, "Cortex-A72" },
	{ 0x41, 0xd09, "Cortex-A73" },	    { 0x41, 0xd0a, "Cortex-A75" },
	{ 0x41, 0xd0b, "Cortex-A76" },	    { 0x41, 0xd0c, "Neoverse-N1" },
	{ 0x41, 0xd0d, "Cortex-A77" },	    { 0x41, 0xd40, "Neoverse-V1" },
	{ 0x41, 0xd41, "Cortex-A78" },	    { 0x41, 0xd44, "Cortex-X1" },
	{ 0x41, 0xd46, "Cortex-A510" },	    { 0x41, 0xd47, "Cortex-A710" },
	{ 0x41, 0xd48, "Cortex-X2" },	    { 0x41, 0xd49, "Neoverse-N2" },
	{ 0x41, 0xd4d, "Cortex-A715" },	    { 0x41, 0xd4e, "Cortex-X3" },
	{ 0x41, 0xd4f, "Neoverse-V2" },	    { 0x41, 0xd80, "Cortex-A520" },
	{ 0x41, 0xd81, "Cortex-A720" },	    { 0x41, 0xd82, "Cortex-X4" },
	{ 0x43, 0x0a1, "ThunderX" },	    { 0x43, 0x0af, "ThunderX2" },
	{ 0x46, 0x001, "A64FX" },	    { 0xc0, 0xac3, "AmpereOne" },
};

/*
 * Where each feature stands, and the least content that means "there". PAC is in one of three
 * fields, by the algorithm the CPU signs with.
 */
static const struct {
	char name[12];
	struct {
		enum sysreg reg;
		char field[8]; /* an empty name ends the list */
	} in[3];
	int least;
} features[CPU_FEATURE_COUNT] = {
	[CPU_BTI] = { "BTI", { { SYSREG_ID_AA64PFR1_EL1, "bt" } }, 1 },
	[CPU_PAC] = { "PAC",
		      { { SYSREG_ID_AA64ISAR1_EL1, "apa" },
			{ SYSREG_ID_AA64ISAR1_EL1, "api" },
			{ SYSREG_ID_AA64ISAR2_EL1, "apa3" } },
		      1 },
	[CPU_PAN] = { "PAN", { { SYSREG_ID_AA64MMFR1_EL1, "pan" } }, 1 },
	[CPU_MTE] = { "MTE", { { SYSREG_ID_AA64PFR1_EL1, "mte" } }, 1 },
	[CPU_RNDR] = { "RNDR", { { SYSREG_ID_AA64ISAR0_EL1, "rndr" } }, 1 },
	[CPU_E0PD] = { "E0PD", { { SYSREG_ID_AA64MMFR2_EL1, "e0pd" } }, 1 },
	[CPU_TLBI_RANGE] = { "TLBI range",
			     { { SYSREG_ID_AA64ISAR0_EL1, "tlb" } },
			     ID_AA64ISAR0_EL1_TLB_RANGE },
	[CPU_TTL] = { "TTL", { { SYSREG_ID_AA64MMFR2_EL1, "ttl" } }, 1 },
	[CPU_BBM] = { "BBM", { { SYSREG_ID_AA64MMFR2_EL1, "bbm" } }, 1 },
	[CPU_SVE] = { "SVE", { { SYSREG_ID_AA64PFR0_EL1, "sve" } }, 1 },
	[CPU_SME] = { "SME", { { SYSREG_ID_AA64PFR1_EL1, "sme" } }, 1 },
	[CPU_S1PIE] = { "S1PIE", { { SYSREG_ID_AA64MMFR3_EL1, "s1pie" } }, 1 },
};

const char *cpu_implementer_str(u64 midr)
{
	for (size_t i = 0; i < ARRAY_SIZE(implementers); i++)
		if (implementers[i].implementer == SYSREG_GET(MIDR_EL1_IMPLEMENTER, midr))
			return implementers[i].name;
	return "unknown";
}

const char *cpu_part_str(u64 midr)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i].implementer == SYSREG_GET(MIDR_EL1_IMPLEMENTER, midr) &&
		    parts[i].part == SYSREG_GET(MIDR_EL1_PARTNUM, midr))
			return parts[i].name;
	return "unknown";
}

unsigned cpu_pa_bits(u64 mmfr0)
{
	static const u8 bits[] = { 32, 36, 40, 42, 44, 48, 52 };
	unsigned range = SYSREG_GET(ID_AA64MMFR0_EL1_PARANGE, mmfr0);

	return bits[min_u64(range, ARRAY_SIZE(bits) - 1)];
}

const char *cpu_feature_str(enum cpu_feature feature)
{
	return features[feature].name;
}

static int field_get(const u64 id[SYSREG_FACT_COUNT], enum sysreg reg, const char *name)
{
	return sysreg_field_get(sysreg_find_field(reg, name), id[reg]);
}

unsigned cpu_feature_level(const u64 id[SYSREG_FACT_COUNT], enum cpu_feature feature)
{
	int level = 0;

	for (size_t i = 0; i < ARRAY_SIZE(features[feature].in); i++) {
		const char *field = features[feature].in[i].field;
		int content = field[0] != '\0' ? field_get(id, features[feature].in[i].reg, field) :
						 0;

		if (content >= features[feature].least && content > level)
			level = content;
	}
	return level;
}

struct cpu_granule cpu_granule(const u64 id[SYSREG_FACT_COUNT], unsigned granule_shift)
{
	enum sysreg mmfr0 = SYSREG_ID_AA64MMFR0_EL1;
	int content, least = 0;
	bool wide;

	switch (granule_shift) {
	case GRANULE_SHIFT_4K:
		content = field_get(id, mmfr0, "tgran4");
		wide = content >= ID_AA64MMFR0_EL1_TGRAN4_52BIT;
		break;
	case GRANULE_SHIFT_16K:
		content = field_get(id, mmfr0, "tgran16");
		least = ID_AA64MMFR0_EL1_TGRAN16_IMP;
		wide = content >= ID_AA64MMFR0_EL1_TGRAN16_52BIT;
		break;
	default:
		content = field_get(id, mmfr0, "tgran64");
		wide = field_get(id, SYSREG_ID_AA64MMFR2_EL1, "varange") > 0;
		break;
	}
	/* 8 and above are negative, and reserved where the field is not signed (TGran16). */
	return (struct cpu_granule){ content >= least && content < 8, wide ? 52 : 48 };
}
