/* SPDX-License-Identifier: MIT */
/*
 * Translation table descriptors: from what a caller wants to bits, and back. The only code that
 * knows where a descriptor keeps what. Pure: any world, MMU on or off, and the host.
 * Source: DDI 0487 D8.3 (VMSAv8-64 descriptor formats), FEAT_LPA2, FEAT_BTI.
 */
#ifndef PAGODA_DESCRIPTOR_H
#define PAGODA_DESCRIPTOR_H

#include <pagoda/mm/pt/regime.h>

/* What its owner may do with a mapping. There is no word for writable and executable. */
enum mem_prot {
	PROT_READ_ONLY,
	PROT_READ_EXECUTE,
	PROT_READ_WRITE,
};

/* Memory types; the value is the index of the type's attributes in MAIR_EL1. */
enum mem_type {
	MEM_NORMAL,
	MEM_NORMAL_TAGGED,
	MEM_NORMAL_NC,
	MEM_DEVICE_NGNRE,
	MEM_DEVICE_NGNRNE,
};

#define MEM_TYPE_COUNT 5

/* "NORMAL", "DEVICE/nGnRE" and so on, in the words of Linux's dump. */
const char *mem_type_str(enum mem_type type);

/* mem_type_mair() - the value of MAIR_EL1 that gives each mem_type its attributes. */
u64 mem_type_mair(void);

struct map_attr {
	enum mem_prot prot;
	enum mem_type type;
};

/*
 * What holds for every mapping of one set of tables. Set in the plan and nowhere else.
 * text_writable is what rodata=off asks for: the one way to a descriptor that is writable and
 * executable, and not in any caller's hands.
 */
struct map_policy {
	bool guarded; /* FEAT_BTI: GP on executable pages; stage 1 */
	bool text_writable; /* rodata=off: READ_ONLY and READ_EXECUTE may be written */
	bool not_global; /* the kernel's leaves are of one ASID each; a user's always are */
};

enum pte_kind {
	PTE_INVALID, /* bit 0 clear */
	PTE_TABLE,
	PTE_BLOCK,
	PTE_PAGE,
	PTE_RESERVED, /* valid, but no such descriptor exists at this level in this regime */
};

/* Shareability, as SH and TCR.SHx encode it. */
enum shareability {
	SHARE_NON = 0,
	SHARE_RESERVED = 1,
	SHARE_OUTER = 2,
	SHARE_INNER = 3,
};

/*
 * A leaf descriptor decoded. Permissions are those of the most privileged that it is for, which in
 * tables for EL0 is EL1 (in a guest's, its EL1); hierarchical ones included.
 */
struct pte_info {
	paddr_t pa; /* of the first byte that the descriptor maps */
	bool read, write, execute;
	bool user; /* EL0 may access it; never where there is no EL0 to speak of */
	bool contiguous, guarded, accessed, global;
	bool uxn; /* EL0 may not execute */
	enum mem_type type; /* MEM_TYPE_COUNT: none that Pagoda has a word for */
	enum shareability share; /* the effective one: from TCR.SHx (inner) under DESC_LPA2 */
};

/* Somebody may execute it: of those it is for, EL1 or EL0. */
static inline bool pte_executes(const struct pte_info *info)
{
	return info->execute || (info->user && !info->uxn);
}

/*
 * pte_leaf() - a block (levels below 3) or page (level 3) descriptor for @pa.
 * @pa: aligned to the span of @level, below 2^pa_bits.
 * @level: one where regime_leaf_level() holds. AF is always set. Nobody else's: the kernel's leaves
 * are never executable at EL0, a user's never at EL1.
 */
pte_t pte_leaf(const struct regime *regime, const struct map_policy *policy, struct map_attr attr,
	       paddr_t pa, int level);

/* @pte, marked as one of a contiguous run (bit 52). */
pte_t pte_contiguous(pte_t pte);

/*
 * pte_table() - a table descriptor for the next-level table at @table, which is granule-aligned and
 * below 2^pa_bits. Says for all below it what holds for each leaf: UXNTable in the kernel's,
 * PXNTable in a user's; where there is one privilege, and at stage 2, there are no such bits.
 */
pte_t pte_table(const struct regime *regime, paddr_t table);

/*
 * Where a descriptor keeps what: for mm/pt/descriptor.c and for what follows; all others ask those.
 *
 *            63 62 61 60 59   54  53  52   51  50 49:48 47 . 12 11 10 9:8 7:6  5  4:2  1    0
 *   EL1, EL0 table attributes UXN PXN CONT DBM GP [output addr.] nG AF SH  AP   NS Attr type valid
 *   EL2      table attributes XN  -   CONT DBM GP [output addr.] -  AF SH  AP   NS Attr type valid
 *   stage 2  -                XN[1:0] CONT DBM -  [output addr.] -  AF SH  S2AP MemAttr type valid
 *
 * Where OA[51:48] stand depends on the format: see oa_encode().
 */
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
#define PTE_XN BIT(54) /* where there is one privilege: AP[1], PTE_AP_USER, is RES1 there */

#define PTE_PXN_TABLE BIT(59)
#define PTE_UXN_TABLE BIT(60)
#define PTE_XN_TABLE BIT(60)
#define PTE_AP_TABLE_NO_USER BIT(61)
#define PTE_AP_TABLE_READ_ONLY BIT(62)

#define PTE_S2_ATTR_MASK (u64)0xf /* MemAttr, from PTE_ATTR_SHIFT on; HCR_EL2.FWB = 0 */
#define PTE_S2_READ BIT(6)
#define PTE_S2_WRITE BIT(7)
#define PTE_S2_XN_EL1 BIT(53) /* XN[0]: EL1 is treated otherwise than EL0 (FEAT_XNX) */
#define PTE_S2_XN BIT(54) /* XN[1] */

/* Bits [high:low] set. */
#define PTE_BITS(high, low) ((~(u64)0 >> (63 - (high))) & (~(u64)0 << (low)))

/* The output address in its place: OA[51:48] move to 15:12 (64K), OA[51:50] to 9:8 (LPA2). */
static inline u64 oa_encode(enum descriptor_format format, u64 pa)
{
	switch (format) {
	case DESC_48:
		return pa;
	case DESC_64K_LPA:
		return (pa & PTE_BITS(47, 16)) | (pa >> 48) << 12;
	case DESC_LPA2:
		return (pa & PTE_BITS(49, 12)) | (pa >> 50) << PTE_SH_SHIFT;
	}
	return 0;
}

/* The inverse. @low: the lowest address bit, which depends on the level. */
static inline u64 oa_decode(enum descriptor_format format, u64 bits, unsigned low)
{
	switch (format) {
	case DESC_48:
		return bits & PTE_BITS(47, low);
	case DESC_64K_LPA:
		return (bits & PTE_BITS(47, low)) | (bits & PTE_BITS(15, 12)) << (48 - 12);
	case DESC_LPA2:
		return (bits & PTE_BITS(49, low)) | (bits & PTE_BITS(9, 8)) << (50 - PTE_SH_SHIFT);
	}
	return 0;
}

/* pte_kind() - what @pte is at @level of @regime. Inline: walks are made of this and the next. */
static inline enum pte_kind pte_kind(const struct regime *regime, pte_t pte, int level)
{
	if (!(pte.bits & PTE_VALID))
		return PTE_INVALID;
	if (level == LEVEL_PAGE)
		return pte.bits & PTE_TYPE ? PTE_PAGE : PTE_RESERVED;
	if (pte.bits & PTE_TYPE)
		return PTE_TABLE;
	return regime_leaf_level(regime, level) ? PTE_BLOCK : PTE_RESERVED;
}

/* pte_is_leaf() - a descriptor of @kind maps something. */
static inline bool pte_is_leaf(enum pte_kind kind)
{
	return kind == PTE_PAGE || kind == PTE_BLOCK;
}

/* pte_next() - the next table's address, of a @pte whose kind is PTE_TABLE. */
static inline paddr_t pte_next(const struct regime *regime, pte_t pte)
{
	return paddr(oa_decode(regime->format, pte.bits, regime->granule_shift));
}

/* pte_next_bits() - the bits of a table descriptor in which that address is. */
static inline u64 pte_next_bits(const struct regime *regime)
{
	u64 all = oa_decode(regime->format, ~(u64)0, regime->granule_shift);

	return oa_encode(regime->format, all);
}

/* pte_address() - the output address of a leaf, or the next table's address; @pte is valid. */
static inline paddr_t pte_address(const struct regime *regime, pte_t pte, int level)
{
	bool leaf = pte_kind(regime, pte, level) != PTE_TABLE;
	unsigned low = leaf ? regime_shift(regime, level) : regime->granule_shift;

	return paddr(oa_decode(regime->format, pte.bits, low));
}

/* pte_attributes() - @pte without its output address: equal for neighbours of one run. */
static inline u64 pte_attributes(const struct regime *regime, pte_t pte, int level)
{
	u64 oa = oa_encode(regime->format, pte_address(regime, pte, level).value);

	return pte.bits & ~oa;
}

/*
 * pte_decode() - a leaf @pte at @level in words. @table_bits: the OR of the table descriptors above
 * it, for APTable, PXNTable and UXNTable.
 */
struct pte_info pte_decode(const struct regime *regime, pte_t pte, int level, u64 table_bits);

/*
 * ttbr_encode() - BADDR for a root table at @root: PA[51:48] go to bits 5:2 with 52-bit addresses.
 */
u64 ttbr_encode(const struct regime *regime, paddr_t root);

#endif /* PAGODA_DESCRIPTOR_H */
