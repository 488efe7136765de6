/* SPDX-License-Identifier: MIT */
/*
 * Translation table descriptors: from what a caller wants to bits, and back. The only code that
 * knows where a descriptor keeps what. Pure: any world, MMU on or off, and the host.
 * Source: DDI 0487 D8.3 (VMSAv8-64 descriptor formats), FEAT_LPA2, FEAT_BTI.
 */
#ifndef PAGODA_DESCRIPTOR_H
#define PAGODA_DESCRIPTOR_H

#include <pagoda/regime.h>

/* What the kernel may do with a mapping. There is no word for writable and executable. */
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
	bool guarded; /* FEAT_BTI: GP on executable pages */
	bool text_writable; /* rodata=off: READ_ONLY and READ_EXECUTE lose AP[2] */
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

/* A leaf descriptor decoded; permissions are EL1's, hierarchical ones included. */
struct pte_info {
	paddr_t pa; /* of the first byte that the descriptor maps */
	bool read, write, execute, user;
	bool contiguous, guarded, accessed, global;
	bool uxn; /* EL0 may not execute */
	enum mem_type type;
	enum shareability share; /* the effective one: from TCR.SHx (inner) under DESC_LPA2 */
};

/*
 * pte_leaf() - a block (levels below 3) or page (level 3) descriptor for @pa.
 * @pa: aligned to the span of @level, below 2^pa_bits.
 * @level: one where regime_leaf_level() holds. Always UXN, AF set, global.
 */
pte_t pte_leaf(const struct regime *regime, const struct map_policy *policy, struct map_attr attr,
	       paddr_t pa, int level);

/* @pte, marked as one of a contiguous run (bit 52). */
pte_t pte_contiguous(pte_t pte);

/*
 * pte_table() - a table descriptor for the next-level table at @table, which is granule-aligned and
 * below 2^pa_bits. UXNTable is set: nothing below it is executable at EL0.
 */
pte_t pte_table(const struct regime *regime, paddr_t table);

/* pte_kind() - what @pte is at @level of @regime. */
enum pte_kind pte_kind(const struct regime *regime, pte_t pte, int level);

/* pte_address() - the output address of a leaf, or the next table's address; @pte is valid. */
paddr_t pte_address(const struct regime *regime, pte_t pte, int level);

/* pte_attributes() - @pte without its output address: equal for neighbours of one run. */
u64 pte_attributes(const struct regime *regime, pte_t pte, int level);

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
