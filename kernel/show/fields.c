// SPDX-License-Identifier: MIT
/*
 * A translation table descriptor field by field: the manual's names (DDI 0487 D8.3.1, D8.3.2), and
 * the format in use.
 * Runs in the kernel, MMU on, and on the host. Also in exception handlers: asserts nothing.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/dump.h>

#include "parts.h"

const char *share_str(enum shareability share)
{
	switch (share) {
	case SHARE_NON:
		return "non";
	case SHARE_RESERVED:
		return "reserved";
	case SHARE_OUTER:
		return "outer";
	case SHARE_INNER:
		return "inner";
	}
	return "unknown";
}

static void show_bits(const char *name, u64 bits, unsigned high, unsigned low)
{
	print(" %s=%lu", name, bits >> low & (BIT(high - low + 1) - 1));
}

static void show_table(u64 bits)
{
	print("   ");
	show_bits("NSTable", bits, 63, 63);
	show_bits("APTable", bits, 62, 61);
	show_bits("UXNTable", bits, 60, 60);
	show_bits("PXNTable", bits, 59, 59);
	print("\n");
}

/* Where a format keeps what does not fit into bits 47:12. */
static void show_format(enum descriptor_format format, u64 bits)
{
	switch (format) {
	case DESC_48:
		show_bits("SH", bits, 9, 8);
		break;
	case DESC_64K_LPA:
		show_bits("OA[51:48]", bits, 15, 12);
		show_bits("SH", bits, 9, 8);
		break;
	case DESC_LPA2:
		show_bits("OA[51:50]", bits, 9, 8);
		break;
	}
}

static void show_leaf(const struct regime *regime, u64 bits, bool block)
{
	print("   ");
	show_bits("PBHA", bits, 62, 59);
	show_bits("software", bits, 58, 55);
	show_bits("UXN", bits, 54, 54);
	show_bits("PXN", bits, 53, 53);
	show_bits("Contiguous", bits, 52, 52);
	show_bits("DBM", bits, 51, 51);
	show_bits("GP", bits, 50, 50);
	print("\n   ");
	if (block)
		show_bits("nT", bits, 16, 16);
	show_bits("nG", bits, 11, 11);
	show_bits("AF", bits, 10, 10);
	show_format(regime->format, bits);
	show_bits("AP[2:1]", bits, 7, 6);
	show_bits("NS", bits, 5, 5);
	show_bits("AttrIndx", bits, 4, 2);
	print("\n");
}

/* Stage 2: DDI 0487 D8.3.2, where bits 63:51 and 11 are other things, or nothing. */
static void show_stage2(const struct regime *regime, u64 bits)
{
	print("   ");
	show_bits("XN[1:0]", bits, 54, 53);
	show_bits("Contiguous", bits, 52, 52);
	show_bits("DBM", bits, 51, 51);
	show_bits("AF", bits, 10, 10);
	show_format(regime->format, bits);
	show_bits("S2AP", bits, 7, 6);
	show_bits("MemAttr", bits, 5, 2);
	print("\n");
}

/* Of what is not valid, hardware looks at no bit but the lowest. */
void dump_fields(const struct regime *regime, pte_t pte, enum pte_kind kind)
{
	bool stage2 = regime->whose == WHOSE_GUEST;

	switch (kind) {
	case PTE_TABLE:
		if (!stage2)
			show_table(pte.bits);
		break;
	case PTE_BLOCK:
	case PTE_PAGE:
		if (stage2)
			show_stage2(regime, pte.bits);
		else
			show_leaf(regime, pte.bits, kind == PTE_BLOCK);
		break;
	case PTE_INVALID:
	case PTE_RESERVED:
		break;
	}
}
