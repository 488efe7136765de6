// SPDX-License-Identifier: MIT
/*
 * Tables of cores by MIDR_EL1.
 * Runs anywhere, MMU on or off, and on the host. The tables hold characters, not pointers: each of
 * those would be a relocation, and cost the boot.
 */
#include <pagoda/lib/errata.h>
#include <pagoda/lib/sysreg.h>

#define ARM 0x41
#define BROADCOM 0x42
#define CAVIUM 0x43
#define HISILICON 0x48
#define NVIDIA 0x4e
#define QUALCOMM 0x51
#define MICROSOFT 0x6d

/* Variant and revision in one number: r1p2. */
#define RP(variant, revision) ((variant) << 4 | (revision))
#define ALL RP(0, 0), RP(15, 15)

/* Of @part those bits count that @parts has: of Qualcomm's first Kryos the first digit says all. */
struct cores {
	u8 implementer;
	u16 part, parts;
	u8 first, last; /* by variant and revision */
};

static const struct {
	struct cores cores;
	char erratum[14];
} repeat_tlbi[] = {
	{ { ARM, 0xd05, 0xfff, ALL }, "2441007" }, /* Cortex-A55 */
	{ { ARM, 0xd0b, 0xfff, ALL }, "4193800" }, /* Cortex-A76; to r3p0 1286807 too */
	{ { ARM, 0xd0c, 0xfff, ALL }, "4193800" }, /* Neoverse N1 */
	{ { ARM, 0xd0d, 0xfff, ALL }, "4193798" }, /* Cortex-A77 */
	{ { ARM, 0xd0e, 0xfff, ALL }, "4193801" }, /* Cortex-A76AE */
	{ { ARM, 0xd40, 0xfff, ALL }, "4193790" }, /* Neoverse V1 */
	{ { ARM, 0xd41, 0xfff, ALL }, "4193791" }, /* Cortex-A78 */
	{ { ARM, 0xd42, 0xfff, ALL }, "4193793" }, /* Cortex-A78AE */
	{ { ARM, 0xd44, 0xfff, ALL }, "4193791" }, /* Cortex-X1 */
	{ { ARM, 0xd46, 0xfff, RP(0, 0), RP(1, 1) }, "2441009" }, /* Cortex-A510 */
	{ { ARM, 0xd47, 0xfff, ALL }, "4193788" }, /* Cortex-A710 */
	{ { ARM, 0xd48, 0xfff, ALL }, "4193788" }, /* Cortex-X2 */
	{ { ARM, 0xd49, 0xfff, ALL }, "4193789" }, /* Neoverse N2 */
	{ { ARM, 0xd4b, 0xfff, ALL }, "4193794" }, /* Cortex-A78C */
	{ { ARM, 0xd4c, 0xfff, ALL }, "4193792" }, /* Cortex-X1C */
	{ { ARM, 0xd4e, 0xfff, ALL }, "4193786" }, /* Cortex-X3 */
	{ { ARM, 0xd4f, 0xfff, ALL }, "4193787" }, /* Neoverse V2 */
	{ { ARM, 0xd82, 0xfff, ALL }, "4118414" }, /* Cortex-X4 */
	{ { ARM, 0xd83, 0xfff, ALL }, "4193784" }, /* Neoverse V3AE */
	{ { ARM, 0xd84, 0xfff, ALL }, "4193784" }, /* Neoverse V3 */
	{ { ARM, 0xd85, 0xfff, ALL }, "4193781" }, /* Cortex-X925 */
	{ { ARM, 0xd8c, 0xfff, ALL }, "4193780" }, /* C1-Ultra */
	{ { ARM, 0xd90, 0xfff, ALL }, "4193780" }, /* C1-Premium */
	{ { NVIDIA, 0x010, 0xfff, ALL }, "T410-OLY-1029" }, /* Olympus */
	{ { QUALCOMM, 0x200, 0xf00, ALL }, "E1009" }, /* Kryo */
	{ { QUALCOMM, 0x800, 0xfff, RP(0, 0), RP(0, 0) }, "E1009" }, /* Falkor */
	{ { QUALCOMM, 0x804, 0xfff, RP(12, 14), RP(15, 14) }, "1286807" }, /* Kryo 4xx Gold */
	{ { MICROSOFT, 0xd49, 0xfff, ALL }, "4193789" }, /* Azure Cobalt 100 */
};

/* Erratum 27456: ThunderX up to pass 2.1, and the first CN81xx. */
static const struct cores not_global[] = {
	{ CAVIUM, 0x0a1, 0xfff, RP(0, 0), RP(1, 1) },
	{ CAVIUM, 0x0a2, 0xfff, RP(0, 0), RP(0, 0) },
};

static const struct cores keeps_el0_out[] = {
	{ ARM, 0xd03, 0xfff, ALL }, /* Cortex-A53 */
	{ ARM, 0xd04, 0xfff, ALL }, /* Cortex-A35 */
	{ ARM, 0xd05, 0xfff, ALL }, /* Cortex-A55 */
	{ ARM, 0xd07, 0xfff, ALL }, /* Cortex-A57 */
	{ ARM, 0xd08, 0xfff, ALL }, /* Cortex-A72 */
	{ ARM, 0xd09, 0xfff, ALL }, /* Cortex-A73 */
	{ BROADCOM, 0x100, 0xfff, ALL }, /* Brahma-B53 */
	{ BROADCOM, 0x516, 0xfff, ALL }, /* Vulcan */
	{ CAVIUM, 0x0af, 0xfff, ALL }, /* ThunderX2 */
	{ HISILICON, 0xd01, 0xfff, ALL }, /* TSV110 */
	{ NVIDIA, 0x004, 0xfff, ALL }, /* Carmel */
	{ QUALCOMM, 0x800, 0xfff, ALL }, /* Kryo 2xx Gold */
	{ QUALCOMM, 0x801, 0xfff, ALL }, /* Kryo 2xx Silver */
	{ QUALCOMM, 0x803, 0xfff, ALL }, /* Kryo 3xx Silver */
	{ QUALCOMM, 0x805, 0xfff, ALL }, /* Kryo 4xx Silver */
};

static bool is_one_of(const struct cores *cores, u64 midr)
{
	unsigned rp = RP((unsigned)SYSREG_GET(MIDR_EL1_VARIANT, midr),
			 (unsigned)SYSREG_GET(MIDR_EL1_REVISION, midr));

	return cores->implementer == SYSREG_GET(MIDR_EL1_IMPLEMENTER, midr) &&
	       cores->part == (SYSREG_GET(MIDR_EL1_PARTNUM, midr) & cores->parts) &&
	       rp >= cores->first && rp <= cores->last;
}

const char *errata_repeat_tlbi(u64 midr)
{
	for (unsigned i = 0; i < ARRAY_SIZE(repeat_tlbi); i++)
		if (is_one_of(&repeat_tlbi[i].cores, midr))
			return repeat_tlbi[i].erratum;
	return NULL;
}

static bool is_among(const struct cores *cores, unsigned count, u64 midr)
{
	for (unsigned i = 0; i < count; i++)
		if (is_one_of(&cores[i], midr))
			return true;
	return false;
}

bool errata_not_global(u64 midr)
{
	return is_among(not_global, ARRAY_SIZE(not_global), midr);
}

bool errata_keeps_el0_out(u64 midr)
{
	return is_among(keeps_el0_out, ARRAY_SIZE(keeps_el0_out), midr);
}
