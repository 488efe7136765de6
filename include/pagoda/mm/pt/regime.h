/* SPDX-License-Identifier: MIT */
/*
 * The translation regime as a value: whose addresses, page size, address sizes, levels, descriptor
 * format. Chosen once, in the plan, and passed down; nothing below it asks what the page size is.
 * Pure: any world, MMU on or off, and the host. Source: DDI 0487 D8.2, FEAT_LPA, FEAT_LPA2,
 * FEAT_LVA.
 *
 * Levels are the manual's: -1 (only with 52-bit addresses and 4K pages) to 3 (pages).
 */
#ifndef PAGODA_REGIME_H
#define PAGODA_REGIME_H

#include <pagoda/types.h>

#define LEVEL_MIN (-1)
#define LEVEL_PAGE 3

#define GRANULE_SIZE_MAX KIB(64)

/* Where a descriptor keeps the high bits of its output address, and what bits 9:8 mean. */
enum descriptor_format {
	DESC_48, /* OA[47:12]; bits 9:8 are SH */
	DESC_64K_LPA, /* OA[51:48] in bits 15:12; bits 9:8 are SH. 64K pages with FEAT_LPA */
	DESC_LPA2, /* OA[49:12] in place, OA[51:50] in bits 9:8; SH from TCR. 4K, 16K with TCR.DS */
};

/*
 * Whose addresses are translated: from this follow the stage, the exception level, the half, and
 * what permissions look like in a descriptor.
 */
enum regime_whose {
	WHOSE_KERNEL, /* stage 1 of EL1 and EL0, or EL2 and EL0 with VHE: the upper half */
	WHOSE_KERNEL_LOW, /* the same in the lower half: the identity map */
	WHOSE_USER, /* the lower half for EL0 */
	WHOSE_HYPERVISOR, /* stage 1 of EL2 alone (HCR_EL2.E2H = 0): one half, one privilege */
	WHOSE_GUEST, /* stage 2: what a guest takes for physical addresses */
};

struct regime {
	u8 granule_shift; /* 12, 14 or 16 */
	u8 va_bits; /* input address bits */
	u8 pa_bits; /* output address bits: 32, 36, 40, 42, 44, 48 or 52 */
	s8 root_level;
	s8 block_level; /* the lowest-numbered level at which a block descriptor is legal */
	enum descriptor_format format;
	enum regime_whose whose;
};

/*
 * regime_make() - the regime for a page size of 2^@granule_shift and @va_bits of input address.
 * @wide_descriptors: the 52-bit format of the page size (TCR.DS for 4K and 16K, FEAT_LPA for 64K).
 * Every input the plan can choose is valid: va_bits from 25 up to 52 where wide, 48 otherwise (64K:
 * 52 in either, since FEAT_LVA does not change its descriptors); pa_bits up to 52 where wide.
 * It is the kernel's; the geometry of others is the same, so they set .whose.
 */
struct regime regime_make(unsigned granule_shift, unsigned va_bits, unsigned pa_bits,
			  bool wide_descriptors);

/*
 * regime_make_stage2() - the same for a guest: @ipa_bits of what it takes for physical addresses,
 * one of the sizes that @pa_bits can be, and not above that. Up to 16 tables side by side make one
 * root, which saves a level: always, where that can be.
 */
struct regime regime_make_stage2(unsigned granule_shift, unsigned ipa_bits, unsigned pa_bits,
				 bool wide_descriptors);

/*
 * regime_root_tables() - granules that the root takes: 1, or at stage 2 up to 16, aligned to their
 * size. regime_start_code() - SL0 of VTCR_EL2; or SL2, and SL0 is 0.
 */
#define START_LEVEL_MINUS_1 4
unsigned regime_root_tables(const struct regime *regime);
unsigned regime_start_code(const struct regime *regime);

static inline u64 regime_granule(const struct regime *regime)
{
	return BIT(regime->granule_shift);
}

/* Levels of the walk, root included: 1 to 5. */
static inline int regime_levels(const struct regime *regime)
{
	return LEVEL_PAGE + 1 - regime->root_level;
}

/*
 * The address bit at which the index of @level starts; a descriptor there spans 2^this bytes.
 * Each level resolves granule_shift - 3 bits, since a table of 8-byte descriptors fills a granule.
 */
static inline unsigned regime_shift(const struct regime *regime, int level)
{
	return regime->granule_shift + (LEVEL_PAGE - level) * (regime->granule_shift - 3);
}

/* Bytes that one descriptor at @level spans. */
static inline u64 regime_span(const struct regime *regime, int level)
{
	return BIT(regime_shift(regime, level));
}

/*
 * Descriptors in a table at @level: a granule of them, fewer in the root where va_bits end early,
 * and more in that of a guest.
 */
static inline unsigned regime_entries(const struct regime *regime, int level)
{
	unsigned bits = regime->granule_shift - 3;

	if (level == regime->root_level)
		bits = regime->va_bits - regime_shift(regime, level);
	return 1u << bits;
}

/* The index that a walk of @va takes in its table at @level. Upper and lower half alike. */
static inline unsigned regime_index(const struct regime *regime, int level, vaddr_t va)
{
	return (va.value >> regime_shift(regime, level)) & (regime_entries(regime, level) - 1);
}

/* A leaf may stand at @level: a page at 3, a block from block_level to 2. */
static inline bool regime_leaf_level(const struct regime *regime, int level)
{
	return level >= regime->block_level;
}

/*
 * regime_contiguous() - descriptors in one contiguous run at @level, or 0 where Pagoda sets no
 * hint: 16 (4K, levels 2 and 3), 128 and 32 (16K, levels 3 and 2), 32 (64K, levels 2 and 3).
 */
unsigned regime_contiguous(const struct regime *regime, int level);

/*
 * regime_tables() - as many tables below the root as mapping [@start, @end), end exclusive, can
 * take. @top: the lowest-numbered level at which leaves will stand wherever they fit, because
 * physical addresses are aligned as virtual ones are; LEVEL_PAGE for pages from anywhere.
 */
u64 regime_tables(const struct regime *regime, vaddr_t start, vaddr_t end, int top);

/* The first output address that the regime cannot reach: 2^pa_bits. */
static inline u64 regime_pa_end(const struct regime *regime)
{
	return BIT(regime->pa_bits);
}

/* Addresses begin with ones, and are walked from TTBR1. */
static inline bool regime_upper(const struct regime *regime)
{
	return regime->whose == WHOSE_KERNEL;
}

/* EL0 uses the same tables: a descriptor says for each of two privileges what it may. */
static inline bool regime_has_el0(const struct regime *regime)
{
	return regime->whose <= WHOSE_USER;
}

/* The lowest address of the upper half: -2^va_bits. The lower half ends at 2^va_bits. */
static inline u64 regime_upper_start(const struct regime *regime)
{
	return -BIT(regime->va_bits);
}

#endif /* PAGODA_REGIME_H */
