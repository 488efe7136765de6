// SPDX-License-Identifier: MIT
/*
 * Descriptor encoding and decoding; with its header, the one place that knows the bits.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, instructions a host compiler cannot build.
 */
#include <pagoda/mm/pt/descriptor.h>

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
	return (root.value & PTE_BITS(47, 0)) | (root.value >> 48) << 2;
}
