// SPDX-License-Identifier: MIT
/*
 * Names for CPUs and their features, as a report has them.
 * Runs in the kernel, MMU on, and on the host. The tables hold characters, not pointers: each of
 * those would be a relocation, and cost the boot.
 */
#include <pagoda/kernel/show/cpu.h>

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

static const char feature_names[CPU_FEATURE_COUNT][12] = {
	[CPU_BTI] = "BTI",
	[CPU_PAC] = "PAC",
	[CPU_PAN] = "PAN",
	[CPU_MTE] = "MTE",
	[CPU_RNDR] = "RNDR",
	[CPU_E0PD] = "E0PD",
	[CPU_TLBI_RANGE] = "TLBI range",
	[CPU_TTL] = "TTL",
	[CPU_BBM] = "BBM",
	[CPU_SVE] = "SVE",
	[CPU_SME] = "SME",
	[CPU_S1PIE] = "S1PIE",
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

const char *cpu_feature_str(enum cpu_feature feature)
{
	return feature_names[feature];
}
