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

/* MemAttr[3:0], by enum mem_type (DDI 0487 D8.6.5): stage 1 may ask for less, not for more. */
#define S2_NORMAL_WB (u64)0xf
#define S2_NORMAL_NC (u64)0x5
#define S2_DEVICE_NGNRE (u64)0x1
#define S2_DEVICE_NGNRNE (u64)0x0

static u64 stage2_type(enum mem_type type)
{
	switch (type) {
	case MEM_NORMAL:
	case MEM_NORMAL_TAGGED:
		return S2_NORMAL_WB;
	case MEM_NORMAL_NC:
		return S2_NORMAL_NC;
	case MEM_DEVICE_NGNRE:
		return S2_DEVICE_NGNRE;
	case MEM_DEVICE_NGNRNE:
		break;
	}
	return S2_DEVICE_NGNRNE;
}

static enum mem_type stage2_type_decode(u64 bits)
{
	switch (bits >> PTE_ATTR_SHIFT & PTE_S2_ATTR_MASK) {
	case S2_NORMAL_WB:
		return MEM_NORMAL;
	case S2_NORMAL_NC:
		return MEM_NORMAL_NC;
	case S2_DEVICE_NGNRE:
		return MEM_DEVICE_NGNRE;
	case S2_DEVICE_NGNRNE:
		return MEM_DEVICE_NGNRNE;
	}
	return (enum mem_type)MEM_TYPE_COUNT;
}

static u64 stage2_bits(struct map_attr attr, bool write, bool execute)
{
	return PTE_S2_READ | (write ? PTE_S2_WRITE : 0) | (execute ? 0 : PTE_S2_XN) |
	       stage2_type(attr.type) << PTE_ATTR_SHIFT;
}

/* Permissions and memory type. */
static u64 attr_bits(const struct regime *regime, const struct map_policy *policy,
		     struct map_attr attr)
{
	bool execute = attr.prot == PROT_READ_EXECUTE;
	bool write = attr.prot == PROT_READ_WRITE || policy->text_writable;
	u64 bits = 0, execute_never = 0;

	switch (regime->whose) {
	case WHOSE_KERNEL:
	case WHOSE_KERNEL_LOW:
		bits = PTE_UXN | (policy->not_global ? PTE_NG : 0);
		execute_never = PTE_PXN;
		break;
	case WHOSE_USER:
		bits = PTE_AP_USER | PTE_PXN | PTE_NG;
		execute_never = PTE_UXN;
		break;
	case WHOSE_HYPERVISOR:
		bits = PTE_AP_USER;
		execute_never = PTE_XN;
		break;
	case WHOSE_GUEST:
		return stage2_bits(attr, write, execute);
	}
	if (execute)
		execute_never = policy->guarded ? PTE_GP : 0;
	return bits | execute_never | (write ? 0 : PTE_AP_READ_ONLY) |
	       (u64)attr.type << PTE_ATTR_SHIFT;
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
	u64 bits = PTE_VALID | PTE_AF | (level == LEVEL_PAGE ? PTE_TYPE : 0);

	bits |= attr_bits(regime, policy, attr) | share_bits(regime->format);
	return (pte_t){ bits | oa_encode(regime->format, pa.value) };
}

pte_t pte_contiguous(pte_t pte)
{
	return (pte_t){ pte.bits | PTE_CONT };
}

static u64 table_bits_of(enum regime_whose whose)
{
	switch (whose) {
	case WHOSE_KERNEL:
	case WHOSE_KERNEL_LOW:
		return PTE_UXN_TABLE;
	case WHOSE_USER:
		return PTE_PXN_TABLE;
	case WHOSE_HYPERVISOR:
	case WHOSE_GUEST:
		break;
	}
	return 0;
}

pte_t pte_table(const struct regime *regime, paddr_t table)
{
	return (pte_t){ PTE_VALID | PTE_TYPE | table_bits_of(regime->whose) |
			oa_encode(regime->format, table.value) };
}

/* Of a leaf that EL1 and EL0 share. */
static void decode_two(struct pte_info *info, u64 bits, u64 table_bits)
{
	info->execute = !(bits & PTE_PXN) && !(table_bits & PTE_PXN_TABLE);
	info->user = (bits & PTE_AP_USER) && !(table_bits & PTE_AP_TABLE_NO_USER);
	info->global = !(bits & PTE_NG);
	info->uxn = (bits & PTE_UXN) || (table_bits & PTE_UXN_TABLE);
	/* What EL0 can write, EL1 never executes: DDI 0487 D8.4, whatever PXN says. */
	if (info->user && info->write)
		info->execute = false;
}

static void decode_stage1(struct pte_info *info, const struct regime *regime, u64 bits,
			  u64 table_bits)
{
	info->read = true;
	info->write = !(bits & PTE_AP_READ_ONLY) && !(table_bits & PTE_AP_TABLE_READ_ONLY);
	info->guarded = bits & PTE_GP;
	info->type = (enum mem_type)(bits >> PTE_ATTR_SHIFT & PTE_ATTR_MASK);
	if (regime_has_el0(regime))
		decode_two(info, bits, table_bits);
	else
		info->execute = !(bits & PTE_XN) && !(table_bits & PTE_XN_TABLE);
}

/* XN[1:0]: 00 all may execute, 01 EL0 alone, 10 nobody, 11 EL1 alone. */
static void decode_stage2(struct pte_info *info, u64 bits)
{
	info->read = bits & PTE_S2_READ;
	info->write = bits & PTE_S2_WRITE;
	info->execute = !(bits & PTE_S2_XN) == !(bits & PTE_S2_XN_EL1);
	info->uxn = bits & PTE_S2_XN;
	info->type = stage2_type_decode(bits);
}

struct pte_info pte_decode(const struct regime *regime, pte_t pte, int level, u64 table_bits)
{
	struct pte_info info = {
		.pa = pte_address(regime, pte, level),
		.contiguous = pte.bits & PTE_CONT,
		.accessed = pte.bits & PTE_AF,
		.global = true,
		.share = SHARE_INNER,
	};

	if (regime->whose == WHOSE_GUEST)
		decode_stage2(&info, pte.bits);
	else
		decode_stage1(&info, regime, pte.bits, table_bits);
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
