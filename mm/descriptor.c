// SPDX-License-Identifier: MIT
/*
 * Descriptor encoding and decoding, the one place that knows the bits.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, instructions a host compiler cannot build.
 *
 *   63 62 61 60 59    54  53  52   51  50 49:48 47 ... 12 11 10 9:8 7:6 5 4:2   1 0
 *   table attributes  UXN PXN CONT DBM GP [ output address ] nG AF SH  AP NS Attr type valid
 *
 * Where OA[51:48] stand depends on the format: see oa_encode().
 */
#include <pagoda/descriptor.h>

#define PTE_VALID BIT(0)
#define PTE_TYPE BIT(1) /* table above level 3, page at level 3; clear: block, reserved at 3 */
#define PTE_ATTR_SHIFT 2
#define PTE_ATTR_MASK (u64)0x7
#define PTE_AP_USER BIT(6)
#define PTE_AP_READ_ONLY BIT(7)
#define PTE_SH_SHIFT 8
#define PTE_SH_MASK (u64)0x3
#define PTE_AF BIT(10)
#define PTE_NG BIT(11)
#define PTE_GP BIT(50)
#define PTE_CONT BIT(52)
#define PTE_PXN BIT(53)
#define PTE_UXN BIT(54)

#define PTE_PXN_TABLE BIT(59)
#define PTE_UXN_TABLE BIT(60)
#define PTE_AP_TABLE_NO_USER BIT(61)
#define PTE_AP_TABLE_READ_ONLY BIT(62)

/* Bits [high:low] set. */
#define MASK(high, low) ((~(u64)0 >> (63 - (high))) & (~(u64)0 << (low)))

/* MAIR_EL1 attribute bytes in the order of enum mem_type (DDI 0487 D19.2.100). */
#define MAIR_NORMAL_WB (u64)0xff
#define MAIR_NORMAL_TAGGED (u64)0xff /* 0xf0 once FEAT_MTE2 is used; reserved without it */
#define MAIR_NORMAL_NC (u64)0x44
#define MAIR_DEVICE_NGNRE (u64)0x04
#define MAIR_DEVICE_NGNRNE (u64)0x00

u64 mem_type_mair(void)
{
	return MAIR_NORMAL_WB << (8 * MEM_NORMAL) | MAIR_NORMAL_TAGGED << (8 * MEM_NORMAL_TAGGED) |
	       MAIR_NORMAL_NC << (8 * MEM_NORMAL_NC) | MAIR_DEVICE_NGNRE << (8 * MEM_DEVICE_NGNRE) |
	       MAIR_DEVICE_NGNRNE << (8 * MEM_DEVICE_NGNRNE);
}

const char *mem_type_str(enum mem_type type)
{
	switch (type) {
	case MEM_NORMAL:
		return "MEM/NORMAL";
	case MEM_NORMAL_TAGGED:
		return "MEM/NORMAL-TAGGED";
	case MEM_NORMAL_NC:
		return "MEM/NORMAL-NC";
	case MEM_DEVICE_NGNRE:
		return "DEVICE/nGnRE";
	case MEM_DEVICE_NGNRNE:
		return "DEVICE/nGnRnE";
	}
	return "unknown type"; /* an index that Pagoda's MAIR_EL1 leaves to Device-nGnRnE */
}

/* The output address in its place: OA[51:48] move to 15:12 (64K), OA[51:50] to 9:8 (LPA2). */
static u64 oa_encode(enum descriptor_format format, u64 pa)
{
	switch (format) {
	case DESC_48:
		return pa;
	case DESC_64K_LPA:
		return (pa & MASK(47, 16)) | (pa >> 48) << 12;
	case DESC_LPA2:
		return (pa & MASK(49, 12)) | (pa >> 50) << PTE_SH_SHIFT;
	}
	return 0;
}

/* The inverse. @low: the lowest address bit, which depends on the level. */
static u64 oa_decode(enum descriptor_format format, u64 bits, unsigned low)
{
	switch (format) {
	case DESC_48:
		return bits & MASK(47, low);
	case DESC_64K_LPA:
		return (bits & MASK(47, low)) | (bits & MASK(15, 12)) << (48 - 12);
	case DESC_LPA2:
		return (bits & MASK(49, low)) | (bits & MASK(9, 8)) << (50 - PTE_SH_SHIFT);
	}
	return 0;
}

static u64 prot_bits(const struct map_policy *policy, enum mem_prot prot)
{
	u64 read_only = policy->text_writable ? 0 : PTE_AP_READ_ONLY;

	switch (prot) {
	case PROT_READ_ONLY:
		return PTE_PXN | read_only;
	case PROT_READ_EXECUTE:
		return (policy->guarded ? PTE_GP : 0) | read_only;
	case PROT_READ_WRITE:
		return PTE_PXN;
	}
	return PTE_PXN | PTE_AP_READ_ONLY;
}

/*
 * With DS = 0 shareability stands in the descriptor. With DS = 1 those bits are OA[51:50] and
 * TCR.SHx speaks for Normal memory; Device memory is outer shareable in either.
 */
static u64 share_bits(enum descriptor_format format)
{
	return format == DESC_LPA2 ? 0 : (u64)SHARE_INNER << PTE_SH_SHIFT;
}

pte_t pte_leaf(const struct regime *regime, const struct map_policy *policy, struct map_attr attr,
	       paddr_t pa, int level)
{
	u64 bits = PTE_VALID | PTE_AF | PTE_UXN | (u64)attr.type << PTE_ATTR_SHIFT;

	if (level == LEVEL_PAGE)
		bits |= PTE_TYPE;
	bits |= prot_bits(policy, attr.prot) | share_bits(regime->format);
	return (pte_t){ bits | oa_encode(regime->format, pa.value) };
}

pte_t pte_contiguous(pte_t pte)
{
	return (pte_t){ pte.bits | PTE_CONT };
}

pte_t pte_table(const struct regime *regime, paddr_t table)
{
	return (pte_t){ PTE_VALID | PTE_TYPE | PTE_UXN_TABLE |
			oa_encode(regime->format, table.value) };
}

enum pte_kind pte_kind(const struct regime *regime, pte_t pte, int level)
{
	if (!(pte.bits & PTE_VALID))
		return PTE_INVALID;
	if (level == LEVEL_PAGE)
		return pte.bits & PTE_TYPE ? PTE_PAGE : PTE_RESERVED;
	if (pte.bits & PTE_TYPE)
		return PTE_TABLE;
	return regime_leaf_level(regime, level) ? PTE_BLOCK : PTE_RESERVED;
}

paddr_t pte_address(const struct regime *regime, pte_t pte, int level)
{
	bool leaf = pte_kind(regime, pte, level) != PTE_TABLE;
	unsigned low = leaf ? regime_shift(regime, level) : regime->granule_shift;

	return paddr(oa_decode(regime->format, pte.bits, low));
}

u64 pte_attributes(const struct regime *regime, pte_t pte, int level)
{
	u64 oa = oa_encode(regime->format, pte_address(regime, pte, level).value);

	return pte.bits & ~oa;
}

struct pte_info pte_decode(const struct regime *regime, pte_t pte, int level, u64 table_bits)
{
	struct pte_info info = {
		.pa = pte_address(regime, pte, level),
		.read = true,
		.write = !(pte.bits & PTE_AP_READ_ONLY) && !(table_bits & PTE_AP_TABLE_READ_ONLY),
		.execute = !(pte.bits & PTE_PXN) && !(table_bits & PTE_PXN_TABLE),
		.user = (pte.bits & PTE_AP_USER) && !(table_bits & PTE_AP_TABLE_NO_USER),
		.contiguous = pte.bits & PTE_CONT,
		.guarded = pte.bits & PTE_GP,
		.accessed = pte.bits & PTE_AF,
		.global = !(pte.bits & PTE_NG),
		.uxn = (pte.bits & PTE_UXN) || (table_bits & PTE_UXN_TABLE),
		.type = (enum mem_type)(pte.bits >> PTE_ATTR_SHIFT & PTE_ATTR_MASK),
		.share = SHARE_INNER,
	};

	/* What EL0 can write, EL1 never executes: DDI 0487 D8.4, whatever PXN says. */
	if (info.user && info.write)
		info.execute = false;
	if (regime->format != DESC_LPA2)
		info.share = (enum shareability)(pte.bits >> PTE_SH_SHIFT & PTE_SH_MASK);
	return info;
}

u64 ttbr_encode(const struct regime *regime, paddr_t root)
{
	if (regime->format == DESC_48)
		return root.value;
	return (root.value & MASK(47, 0)) | (root.value >> 48) << 2;
}
