// SPDX-License-Identifier: MIT
/*
 * The CPU as far as memory depends on it: registers as written, and as they are in effect for sure
 * (after a context synchronization event), and what an address reaches under either. Source: DDI
 * 0487 D19.1 ("Synchronization requirements for AArch64 System registers"), D8.2, D19.2.
 */
#include <string.h>

#include "judge.h"

enum reg {
	SCTLR,
	TCR,
	TTBR0,
	TTBR1,
	MAIR,
	TCR2,
	SCTLR2,
	CPTR, /* CPACR_EL1 at EL1 */
	VBAR,
	BANKED, /* of these each level has its own */
	HCR = 2 * BANKED,
	HCRX,
	MDCR,
	HSTR,
	VTTBR,
	VTCR,
	VPIDR,
	VMPIDR,
	CNTHCTL,
	CNTVOFF,
	HFGRTR,
	HFGWTR,
	HFGITR,
	HDFGRTR,
	HDFGWTR,
	REG_COUNT
};

struct value {
	u64 written, synced;
	bool pending, ever; /* not in effect yet; written by the stream */
	place_t by;
};

struct name {
	u32 sysreg;
	enum reg reg;
	const char *text;
};

/* As EL1's: EL2's differ in op1, and with HCR_EL2.E2H these reach EL2's. */
static const struct name banked[] = {
	{ SYSREG(3, 0, 1, 0, 0), SCTLR, "sctlr" },   { SYSREG(3, 0, 1, 0, 2), CPTR, "cptr" },
	{ SYSREG(3, 0, 1, 0, 3), SCTLR2, "sctlr2" }, { SYSREG(3, 0, 2, 0, 0), TTBR0, "ttbr0" },
	{ SYSREG(3, 0, 2, 0, 1), TTBR1, "ttbr1" },   { SYSREG(3, 0, 2, 0, 2), TCR, "tcr" },
	{ SYSREG(3, 0, 2, 0, 3), TCR2, "tcr2" },     { SYSREG(3, 0, 10, 2, 0), MAIR, "mair" },
	{ SYSREG(3, 0, 12, 0, 0), VBAR, "vbar" },
};

static const struct name alone[] = {
	{ SYSREG(3, 4, 1, 1, 0), HCR, "hcr_el2" },
	{ SYSREG(3, 4, 1, 2, 2), HCRX, "hcrx_el2" },
	{ SYSREG(3, 4, 1, 1, 1), MDCR, "mdcr_el2" },
	{ SYSREG(3, 4, 1, 1, 2), BANKED + CPTR, "cptr_el2" },
	{ SYSREG(3, 4, 1, 1, 3), HSTR, "hstr_el2" },
	{ SYSREG(3, 4, 2, 1, 0), VTTBR, "vttbr_el2" },
	{ SYSREG(3, 4, 2, 1, 2), VTCR, "vtcr_el2" },
	{ SYSREG(3, 4, 0, 0, 0), VPIDR, "vpidr_el2" },
	{ SYSREG(3, 4, 0, 0, 5), VMPIDR, "vmpidr_el2" },
	{ SYSREG(3, 4, 14, 1, 0), CNTHCTL, "cnthctl_el2" },
	{ SYSREG(3, 4, 14, 0, 3), CNTVOFF, "cntvoff_el2" },
	{ SYSREG(3, 4, 1, 1, 4), HFGRTR, "hfgrtr_el2" },
	{ SYSREG(3, 4, 1, 1, 5), HFGWTR, "hfgwtr_el2" },
	{ SYSREG(3, 4, 1, 1, 6), HFGITR, "hfgitr_el2" },
	{ SYSREG(3, 4, 3, 1, 4), HDFGRTR, "hdfgrtr_el2" },
	{ SYSREG(3, 4, 3, 1, 5), HDFGWTR, "hdfgwtr_el2" },
};

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define HCR_VM BIT(0)
#define HCR_DC BIT(12)
#define HCR_TGE BIT(27)
#define HCR_E2H BIT(34)
#define SCTLR_M BIT(0)
#define SCTLR_C BIT(2)
#define SCTLR_I BIT(12)
#define TCR_EPD0 BIT(7)
#define TCR_EPD1 BIT(23)
#define OP1_EL2 (4u << 11)
#define OP1_EL12 (5u << 11)
#define OP1_MASK (7u << 11)

#define HALVES_MOST 17 /* stage 2; of two levels two halves each, of registers in four states */

/* What one CPU has. */
struct state {
	struct value values[REG_COUNT];
	bool any_pending, probed; /* AT with no ISB since */
	bool dropped; /* to EL1, once */
	place_t probed_by;
	unsigned entry_level;
	struct half below[HALVES_MOST]; /* of EL1 and stage 2, when it was last there */
	unsigned below_count;
};

static struct state states[CPUS_MOST], *own = states; /* that at hand */
static u64 features_mmfr0, features_mmfr1, features_mmfr3;

/* Which of the two values of a register is asked for. */
enum view {
	VIEW_SYNCED,
	VIEW_WRITTEN
};

static u64 value_of(enum reg reg, enum view view)
{
	return view == VIEW_WRITTEN ? own->values[reg].written : own->values[reg].synced;
}

static enum reg bank(unsigned el, enum reg reg)
{
	return reg + (el == 2 ? BANKED : 0);
}

static bool is_host(enum view view)
{
	return value_of(HCR, view) & HCR_E2H;
}

/* Whose translation is in use. */
static unsigned regime_level(enum view view)
{
	if (now.level == 2 || (now.level == 0 && is_host(view) && (value_of(HCR, view) & HCR_TGE)))
		return 2;
	return 1;
}

void machine_init(unsigned level)
{
	own->entry_level = level;
}

void machine_select(unsigned cpu)
{
	now.cpu = cpu;
	own = &states[cpu];
}

bool machine_pending(void)
{
	for (unsigned i = 0; i < 2 * BANKED; i++)
		if (own->values[i].pending && i % BANKED != VBAR && i % BANKED != CPTR)
			return true;
	return own->values[HCR].pending;
}

/* ---- halves ---- */

static unsigned granule_lower(u64 tg)
{
	return tg == 0 ? 12 : tg == 2 ? 14 : 16;
}

static unsigned granule_upper(u64 tg)
{
	return tg == 2 ? 12 : tg == 1 ? 14 : 16;
}

/* TCR.IPS, or PS. */
static unsigned output_bits(u64 size)
{
	static const u8 known_bits[] = { 32, 36, 40, 42, 44, 48, 52, 56 };

	return known_bits[size & 7];
}

/* D8.2.1: the first level is the last at which one table is enough. */
static void half_root(struct half *half, u64 ttbr)
{
	unsigned stride = half->granule_shift - 3;

	half->root_level = 3;
	while (half_shift(half, half->root_level) + stride < half->va_bits)
		half->root_level--;
	half->asid = (unsigned)bits(ttbr, 63, 48);
	half->root = ttbr & (BIT(48) - 2);
	/* D8.2: bits 51:48 are in the root's address where the output size has them. */
	if ((half->ds || half->lpa) && half->pa_bits == 52)
		half->root = (ttbr & (BIT(48) - 1) & ~(u64)0x3f) | bits(ttbr, 5, 2) << 48;
}

static struct half half_host(unsigned el, bool upper, u64 tcr, u64 ttbr)
{
	u64 part = upper ? tcr >> 16 : tcr;
	struct half half = { .el = el, .upper = upper };

	half.granule_shift = upper ? granule_upper(bits(part, 15, 14)) :
				     granule_lower(bits(part, 15, 14));
	half.va_bits = 64 - (unsigned)bits(part, 5, 0);
	half.walk_cached = bits(part, 9, 8) != 0 && bits(part, 11, 10) != 0;
	half.share = (u8)bits(part, 13, 12);
	half.on = !(tcr & (upper ? TCR_EPD1 : TCR_EPD0));
	half.ds = bits(tcr, 59, 59) && half.granule_shift != 16;
	half.pa_bits = output_bits(bits(tcr, 34, 32));
	half.lpa = bits(tcr, 34, 32) == 6 && half.granule_shift == 16;
	half.sets_flag = bits(tcr, 39, 39);
	half.byte_ignored = bits(tcr, upper ? 38 : 37, upper ? 38 : 37);
	half_root(&half, ttbr);
	/* D8.2.4: a root beyond the output size is not walked. */
	half.on = half.on && half_fits(&half, half.root);
	return half;
}

/* TCR of EL2 alone, and VTCR: one half, PS and DS further down. */
static struct half half_alone(unsigned el, u64 tcr, u64 ttbr)
{
	struct half half = { .el = el, .on = true };

	half.granule_shift = granule_lower(bits(tcr, 15, 14));
	half.va_bits = 64 - (unsigned)bits(tcr, 5, 0);
	half.walk_cached = bits(tcr, 9, 8) != 0 && bits(tcr, 11, 10) != 0;
	half.share = (u8)bits(tcr, 13, 12);
	half.ds = bits(tcr, 32, 32) && half.granule_shift != 16;
	half.pa_bits = output_bits(bits(tcr, 18, 16));
	half.lpa = bits(tcr, 18, 16) == 6 && half.granule_shift == 16;
	half.sets_flag = bits(tcr, 21, 21);
	half_root(&half, ttbr);
	return half;
}

static struct half half_el2(u64 tcr, u64 ttbr)
{
	struct half half = half_alone(2, tcr, ttbr);

	half.byte_ignored = bits(tcr, 20, 20);
	half.asid = 0;
	return half;
}

/* D8.2.4: where a walk of stage 2 begins, SL0 and SL2 say. */
static int first_level(const struct half *half, u64 vtcr)
{
	int sl0 = (int)bits(vtcr, 7, 6);

	if (half->granule_shift != 12)
		return 3 - sl0;
	if (half->ds && bits(vtcr, 33, 33))
		return -1;
	return sl0 == 3 ? 3 : 2 - sl0;
}

static struct half half_stage2(u64 vtcr, u64 vttbr)
{
	struct half half = half_alone(STAGE2, vtcr, vttbr);

	half.root_level = first_level(&half, vtcr);
	return half;
}

static bool has_size(u64 tcr, bool upper)
{
	u64 size = 64 - bits(tcr, upper ? 21 : 5, upper ? 16 : 0);

	return size >= 16 && size <= 52;
}

static struct half half_make(unsigned el, bool upper, u64 tcr, u64 ttbr, u64 mair)
{
	struct half half = { .el = el, .upper = upper };

	if (!has_size(tcr, upper))
		return half;
	if (el == 1 || is_host(VIEW_WRITTEN))
		half = half_host(el, upper, tcr, ttbr);
	else if (!upper)
		half = half_el2(tcr, ttbr);
	half.mair = mair;
	return half;
}

/* D8.16: of EL1 and EL0, the ASID of both halves is in one of the two registers: TCR.A1. */
static void half_asid(struct half *half, u64 tcr)
{
	bool upper = bits(tcr, 22, 22);

	if (upper != half->upper && (half->el == 1 || is_host(VIEW_WRITTEN)))
		half->asid = (unsigned)bits(
			value_of(bank(half->el, upper ? TTBR1 : TTBR0), VIEW_WRITTEN), 63, 48);
}

/* Whatever may be in use at @el, of the registers as written and as they are in effect. */
static unsigned level_halves(unsigned el, struct half *halves)
{
	u64 sctlr = own->values[bank(el, SCTLR)].written | own->values[bank(el, SCTLR)].synced;
	u64 mair = own->values[bank(el, MAIR)].written;
	unsigned count = 0;

	for (unsigned i = 0; i < 8; i++) {
		bool upper = i & 4;
		enum reg base = bank(el, upper ? TTBR1 : TTBR0), tcr = bank(el, TCR);
		struct half half;

		if (((i & 1) == 0 && !own->values[base].pending) ||
		    ((i & 2) == 0 && !own->values[tcr].pending))
			continue;
		half = half_make(el, upper, value_of(tcr, i & 2 ? VIEW_WRITTEN : VIEW_SYNCED),
				 value_of(base, i & 1 ? VIEW_WRITTEN : VIEW_SYNCED), mair);
		half_asid(&half, value_of(tcr, VIEW_WRITTEN));
		half.on = half.on && (sctlr & SCTLR_M);
		halves[count++] = half;
	}
	return count;
}

/*
 * EL1 and stage 2 are out of context at EL2, which may have one guest's registers half in place of
 * another's: what is written there counts when they are entered, and the TLB has what it had.
 */
static void below_update(void)
{
	own->below_count = 0;
	if (own->values[HCR].synced & HCR_VM)
		own->below[own->below_count++] =
			half_stage2(own->values[VTCR].synced, own->values[VTTBR].synced);
	own->below_count += level_halves(1, own->below + own->below_count);
}

static void roots_update(void)
{
	struct half halves[HALVES_MOST];
	unsigned count;

	if (regime_level(VIEW_SYNCED) == 1)
		below_update();
	count = own->below_count;
	memcpy(halves, own->below, count * sizeof(*halves));
	count += level_halves(2, halves + count);
	tlb_roots(halves, count);
	machine_flush();
}

/* ---- what an address reaches ---- */

static void reach_flat(u64 va, bool fetch, u64 sctlr, struct reach *reach)
{
	*reach = (struct reach){ .ok = true, .pa = va & (BIT(52) - 1) };
	reach->way.cached = fetch && (sctlr & SCTLR_I);
}

static bool stage2_walk(u64 ipa, enum view view, struct half *half, struct walk *walk)
{
	*half = half_stage2(value_of(VTCR, view), value_of(VTTBR, view));
	walk_address(half, ipa, walk);
	if (walk->result == WALK_UNKNOWN)
		cannot_judge("a walk of stage 2 for 0x%lx meets a table entry that is not known",
			     (unsigned long)ipa);
	if (walk->result == WALK_OK && tlb_has_news())
		tlb_use(walk, ipa);
	return walk->result == WALK_OK;
}

/*
 * EL1's table walks and accesses go through stage 2. Where EL1 has tables that must mean every
 * address as it is, as under a kernel: a guest's own tables are not followed.
 */
static bool stage2_reach(u64 ipa, enum view view, u8 *type)
{
	struct half half;
	struct walk walk;

	if (!stage2_walk(ipa, view, &half, &walk))
		return false;
	if (walk.pa != ipa)
		cannot_judge("stage 2 maps 0x%lx elsewhere: a guest's", (unsigned long)ipa);
	*type = half_attributes(&half, walk.leaf);
	return true;
}

/* MemAttr: Device below 4; Normal with both halves cached, or not. */
static bool stage2_cached(u8 type)
{
	return type > 4 && (type & 3) > 1 && (type >> 2) > 1;
}

static bool stages_reach(const struct walk *walk, enum view view, bool *cached)
{
	u8 type;

	for (unsigned i = 0; i < walk->count; i++)
		if (!stage2_reach(walk->slots[i], view, &type))
			return false;
	if (!stage2_reach(walk->pa, view, &type))
		return false;
	*cached = stage2_cached(type);
	return true;
}

/*
 * A guest with its MMU off: its addresses are stage 2's, of Device memory, or fetched as SCTLR.I
 * says; with HCR_EL2.DC all is write-back, whatever SCTLR says (D8.2.12, D19.2.48).
 */
static void reach_guest(u64 ipa, bool fetch, enum view view, struct reach *reach)
{
	bool cached = (value_of(HCR, view) & HCR_DC) ||
		      (fetch && (value_of(SCTLR, view) & SCTLR_I));
	struct half half;
	struct walk walk;

	if (!stage2_walk(ipa, view, &half, &walk))
		return;
	*reach = (struct reach){ .ok = true, .pa = walk.pa };
	reach->way.mapped = true;
	reach->way.cached = cached && stage2_cached(half_attributes(&half, walk.leaf));
	reach->way.share = half.ds ? half.share : (u8)bits(walk.leaf, 9, 8);
}

static void reach_view(u64 va, bool fetch, enum view view, struct reach *reach)
{
	unsigned el = regime_level(view);
	bool cached = true, stages = el == 1 && (value_of(HCR, view) & HCR_VM);
	u64 sctlr = value_of(bank(el, SCTLR), view);
	bool upper = va >> 55 & 1;
	struct half half;
	struct walk walk;
	u8 type;

	reach->ok = false;
	if (!(sctlr & SCTLR_M)) {
		if (stages)
			reach_guest(va, fetch, view, reach);
		else
			reach_flat(va, fetch, sctlr, reach);
		return;
	}
	half = half_make(el, upper, value_of(bank(el, TCR), view),
			 value_of(bank(el, upper ? TTBR1 : TTBR0), view),
			 value_of(bank(el, MAIR), view));
	walk_address(&half, va, &walk);
	if (walk.result == WALK_UNKNOWN)
		cannot_judge("a walk for 0x%lx meets a table entry that is not known, at 0x%lx",
			     (unsigned long)va, (unsigned long)walk.slots[walk.count]);
	if (walk.result != WALK_OK && !tlb_remembers(&half, va, &walk))
		return;
	if (stages && !stages_reach(&walk, view, &cached))
		return;
	if (tlb_has_news())
		tlb_use(&walk, va);
	type = half_attributes(&half, walk.leaf);
	*reach = (struct reach){ .ok = true, .pa = walk.pa };
	reach->way.mapped = true;
	reach->way.cached = cached && attributes_cached(type) &&
			    (sctlr & (fetch ? SCTLR_I : SCTLR_C));
	reach->way.share = half.ds ? half.share : (u8)bits(walk.leaf, 9, 8);
}

/* Translations of pages, as long as nothing changes. */
#define SOFT 4096
static struct {
	u64 key;
	u32 generation;
	struct reach reach;
} soft[SOFT];
static u32 generation = 1;

void machine_flush(void)
{
	generation++;
}

static void reach_pending(u64 va, bool fetch, struct reach *reach)
{
	struct reach old;

	reach_view(va, fetch, VIEW_WRITTEN, reach);
	reach_view(va, fetch, VIEW_SYNCED, &old);
	looked_at(RULE_S1);
	if (old.ok == reach->ok && old.pa == reach->pa &&
	    (fetch || old.way.cached == reach->way.cached))
		return;
	for (unsigned i = 0; i < REG_COUNT; i++)
		if (own->values[i].pending && own->values[i].written != own->values[i].synced) {
			violation(
				RULE_S1, va, own->values[i].by,
				"%s depends on a register of translation that was written with no "
				"ISB since",
				fetch ? "a fetch" : "an access");
			return;
		}
}

void machine_reach(u64 va, bool fetch, struct reach *reach)
{
	u64 key = (va & ~(PAGE - 1)) | now.cpu << 4 | now.level << 1 | fetch;
	unsigned index = (unsigned)((va / PAGE * 2 + fetch + now.cpu * 977) % SOFT);

	if (own->any_pending) {
		reach_pending(va, fetch, reach);
		return;
	}
	if (soft[index].generation != generation || soft[index].key != key || tlb_has_news()) {
		reach_view(va & ~(PAGE - 1), fetch, VIEW_SYNCED, &soft[index].reach);
		soft[index].key = key;
		soft[index].generation = generation;
	}
	*reach = soft[index].reach;
	reach->pa |= va & (PAGE - 1);
}

/* ---- registers ---- */

/* The register that @sysreg reaches from here, or REG_COUNT. */
static enum reg reg_find(u32 sysreg)
{
	u32 op1 = sysreg & OP1_MASK;

	for (size_t i = 0; i < ARRAY_SIZE(alone); i++)
		if (alone[i].sysreg == sysreg)
			return alone[i].reg;
	for (size_t i = 0; i < ARRAY_SIZE(banked); i++) {
		if (banked[i].sysreg != (sysreg & ~OP1_MASK))
			continue;
		if (op1 == OP1_EL2)
			return bank(2, banked[i].reg);
		if (op1 == OP1_EL12)
			return banked[i].reg;
		if (op1 == 0)
			return bank(now.level == 2 && is_host(VIEW_WRITTEN) ? 2 : 1, banked[i].reg);
	}
	return REG_COUNT;
}

static const char *reg_text(enum reg reg)
{
	static char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(alone); i++)
		if (alone[i].reg == reg)
			return alone[i].text;
	for (size_t i = 0; i < ARRAY_SIZE(banked); i++)
		if (banked[i].reg == reg % BANKED) {
			size_t length = strlen(banked[i].text);

			memcpy(text, banked[i].text, length);
			memcpy(text + length, reg < BANKED ? "_el1" : "_el2", 5);
			return text;
		}
	return "?";
}

/*
 * From the ISB after E2H was written on, EL1's names at EL2 mean other registers, and what some of
 * EL2's hold is laid out otherwise.
 */
static void judge_name(u32 sysreg)
{
	bool concerned = sysreg == SYSREG(3, 4, 1, 1, 2) || sysreg == SYSREG(3, 4, 14, 1, 0) ||
			 sysreg == SYSREG(3, 4, 2, 0, 2);

	if (now.level != 2 || !own->values[HCR].pending ||
	    !((own->values[HCR].written ^ own->values[HCR].synced) & HCR_E2H))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(banked); i++)
		concerned |= banked[i].sysreg == sysreg;
	if (concerned)
		violation(RULE_S1, 0, own->values[HCR].by,
			  "a register that HCR_EL2.E2H gives another meaning is used with E2H "
			  "written "
			  "and no ISB since");
}

#define TCR_LOWER 0x000000000000ff3full /* sizes, granule and walks' attributes */
#define TCR_UPPER 0x00000000ff3f0000ull
#define TCR_IPS (7ull << 32)
#define TCR_DS (1ull << 59)

/* A smaller output size is no matter to tables that have nothing beyond it. */
static bool ips_matters(unsigned el, u64 old, u64 value)
{
	unsigned a = output_bits(bits(old, 34, 32)), b = output_bits(bits(value, 34, 32));

	return tlb_reaches(el, a < b ? a : b);
}

static void judge_tcr(unsigned el, u64 old, u64 value, u64 sctlr)
{
	u64 differs = old ^ value, in_use = 0;

	if (!(sctlr & SCTLR_M))
		return;
	looked_at(RULE_S3);
	if (!((old | value) & TCR_EPD0))
		in_use |= TCR_LOWER | TCR_IPS | TCR_DS;
	if (!((old | value) & TCR_EPD1))
		in_use |= TCR_UPPER | TCR_IPS | TCR_DS;
	if ((differs & in_use & TCR_IPS) && !ips_matters(el, old, value))
		in_use &= ~TCR_IPS;
	if (differs & in_use)
		violation(RULE_S3, 0, 0,
			  "TCR changes from 0x%016lx to 0x%016lx in what walks of a half in use go "
			  "by: "
			  "not stopped by EPD between",
			  (unsigned long)old, (unsigned long)value);
}

/* A type that no leaf in use is of may change. */
static void judge_mair(unsigned el, u64 old, u64 value, place_t by)
{
	unsigned types = tlb_types(el);

	for (unsigned i = 0; i < 8; i++)
		if ((types & 1u << i) && bits(old ^ value, 8 * i + 7, 8 * i) != 0) {
			violation(RULE_S3, 0, by, "MAIR changes under mappings in use");
			return;
		}
}

static void require(enum reg reg, const char *why)
{
	looked_at(RULE_S5);
	if (!own->values[reg].ever)
		violation(RULE_S5, 0, 0, "%s is relied on and was never written: %s", reg_text(reg),
			  why);
}

static void judge_mmu_on(unsigned el)
{
	u64 tcr = own->values[bank(el, TCR)].written;

	tlb_mmu_on(el);
	require(bank(el, TCR), "the MMU goes on");
	require(bank(el, MAIR), "the MMU goes on");
	require(bank(el, VBAR), "the MMU goes on");
	if (!(tcr & TCR_EPD0))
		require(bank(el, TTBR0), "the MMU goes on");
	if (!(tcr & TCR_EPD1))
		require(bank(el, TTBR1), "the MMU goes on");
	if (bits(features_mmfr3, 3, 0) != 0)
		require(bank(el, TCR2), "the MMU goes on");
	if (bits(features_mmfr3, 7, 4) != 0)
		require(bank(el, SCTLR2), "the MMU goes on");
	if (el == 2 && is_host(VIEW_WRITTEN)) {
		require(HCR, "the kernel is at EL2");
		require(bank(2, CPTR), "the kernel is at EL2");
		require(MDCR, "the kernel is at EL2");
		require(CNTHCTL, "the kernel is at EL2");
		require(CNTVOFF, "the kernel is at EL2");
	}
}

/* What EL2 leaves to EL1. */
void machine_return(unsigned from, unsigned to)
{
	static const enum reg always[] = { SCTLR, HCR,	 BANKED + CPTR, MDCR,	 HSTR,
					   VTTBR, VPIDR, VMPIDR,	CNTHCTL, CNTVOFF };
	static const enum reg traps[] = { HFGRTR, HFGWTR, HFGITR, HDFGRTR, HDFGWTR };

	if (from != 2 || to >= 2)
		return;
	if (own->values[HCR].written & HCR_VM)
		tlb_promise_el2();
	now.level = to;
	roots_update();
	now.level = from;
	if (to != 1 || own->dropped || own->entry_level != 2)
		return;
	own->dropped = true;
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		require(always[i], "EL1 is entered");
	for (size_t i = 0; i < ARRAY_SIZE(traps); i++)
		if (bits(features_mmfr0, 59, 56) != 0)
			require(traps[i], "EL1 is entered");
	if (bits(features_mmfr1, 43, 40) != 0)
		require(HCRX, "EL1 is entered");
}

static void value_write(enum reg reg, u64 value)
{
	own->values[reg].written = value;
	own->values[reg].pending = own->values[reg].ever = true;
	own->values[reg].by = now.place;
	own->any_pending = true;
}

static void banked_write(unsigned el, enum reg reg, u64 value)
{
	struct value *field = &own->values[bank(el, reg)];
	u64 sctlr = own->values[bank(el, SCTLR)].written, old = field->written;
	bool in_context = el == 2 || regime_level(VIEW_WRITTEN) == 1;

	if (reg == TCR && in_context && (el == 1 || is_host(VIEW_WRITTEN)))
		judge_tcr(el, old, value, sctlr);
	if (reg == MAIR && in_context && (sctlr & SCTLR_M) && old != value)
		judge_mair(el, old, value, field->by);
	value_write(bank(el, reg), value);
	if (reg == TCR || reg == TTBR0 || reg == TTBR1 || reg == MAIR)
		if (!(sctlr & SCTLR_M))
			tlb_registers_changed(el);
	if (reg == SCTLR && (value & SCTLR_I))
		cache_instructions_on();
	if (reg == SCTLR && (value & ~old & SCTLR_M))
		judge_mmu_on(el);
	if (reg != VBAR && reg != CPTR)
		roots_update();
}

static bool has_trace(enum reg reg)
{
	return reg == SCTLR || reg == TCR || reg == MAIR;
}

/* ICC_SGI1R_EL1, ICC_ASGI1R_EL1 and ICC_SGI0R_EL1: an interrupt for others. */
static bool is_send(u32 sysreg)
{
	return sysreg >= SYSREG(3, 0, 12, 11, 5) && sysreg <= SYSREG(3, 0, 12, 11, 7);
}

void machine_write(u32 sysreg, u64 value)
{
	enum reg reg = reg_find(sysreg);

	judge_name(sysreg);
	if (is_send(sysreg))
		cache_event();
	if (reg == REG_COUNT)
		return;
	/* A root is written when it is in use, with what is below it. */
	if (reg == HCR || reg == VTCR || reg == VTTBR ||
	    (reg < 2 * BANKED && has_trace(reg % BANKED)))
		casemate_register(reg_text(reg), value);
	if (reg < 2 * BANKED)
		banked_write(reg < BANKED ? 1 : 2, reg % BANKED, value);
	else
		value_write(reg, value);
	if (reg == HCR || reg == VTCR || reg == VTTBR)
		roots_update();
}

/* What was not written by the stream is learnt where it is read. */
void machine_read(u32 sysreg, u64 value)
{
	enum reg reg = reg_find(sysreg);

	judge_name(sysreg);
	if (sysreg == SYSREG(3, 3, 0, 0, 1))
		cache_ctr(value);
	else if (sysreg == SYSREG(3, 0, 0, 7, 0))
		features_mmfr0 = value;
	else if (sysreg == SYSREG(3, 0, 0, 7, 1))
		features_mmfr1 = value;
	else if (sysreg == SYSREG(3, 0, 0, 7, 3))
		features_mmfr3 = value;
	if (sysreg == SYSREG(3, 0, 7, 4, 0) && own->probed)
		violation(RULE_S1, 0, own->probed_by, "PAR_EL1 is read with no ISB since AT");
	if (reg != REG_COUNT && !own->values[reg].ever)
		own->values[reg].written = own->values[reg].synced = value;
}

void machine_preset(const char *name, u64 value)
{
	for (unsigned i = 0; i < REG_COUNT; i++)
		if (strcmp(reg_text(i), name) == 0) {
			own->values[i] = (struct value){ value, value, false, true, 0 };
			if (i % BANKED == SCTLR && i < 2 * BANKED && (value & SCTLR_M))
				tlb_before(i < BANKED ? 1 : 2);
			return;
		}
	cannot_judge("no register %s", name);
}

void machine_begin(void)
{
	roots_update();
}

void machine_fresh(unsigned level)
{
	*own = (struct state){ .entry_level = level };
	tlb_cpu();
	cache_cpu();
	roots_update();
}

void machine_sync(void)
{
	if (own->any_pending) {
		for (unsigned i = 0; i < REG_COUNT; i++) {
			own->values[i].synced = own->values[i].written;
			own->values[i].pending = false;
		}
		own->any_pending = false;
		roots_update();
	}
	own->probed = false;
	order()->isb = now.time;
	cache_sync();
	tlb_sync();
	machine_flush();
}

/* ---- system instructions ---- */

#define CRN(operation) ((operation) >> 7 & 15)

static void system_dc(enum dc dc, u64 va)
{
	struct reach reach;

	machine_reach(va, false, &reach);
	if (reach.ok && memory_has(reach.pa))
		cache_dc(dc, reach.pa);
}

static void system_ic(u64 va)
{
	struct reach reach;

	machine_reach(va, false, &reach);
	if (reach.ok && memory_has(reach.pa))
		cache_ic(reach.pa);
}

static void system_at(u64 va)
{
	struct reach reach;

	machine_reach(va, false, &reach);
	own->probed = true;
	own->probed_by = now.place;
}

void machine_system(u32 operation, u64 operand)
{
	switch (operation) {
	case SYSREG(1, 0, 7, 1, 0): /* IC IALLUIS */
		cache_ic_all(true);
		return;
	case SYSREG(1, 0, 7, 5, 0): /* IC IALLU */
		cache_ic_all(false);
		return;
	case SYSREG(1, 3, 7, 5, 1): /* IC IVAU */
		system_ic(operand);
		return;
	case SYSREG(1, 0, 7, 6, 1):
		system_dc(DC_IVAC, operand);
		return;
	case SYSREG(1, 3, 7, 10, 1): /* CVAC, and to points of persistence */
	case SYSREG(1, 3, 7, 12, 1):
	case SYSREG(1, 3, 7, 13, 1):
		system_dc(DC_CVAC, operand);
		return;
	case SYSREG(1, 3, 7, 11, 1):
		system_dc(DC_CVAU, operand);
		return;
	case SYSREG(1, 3, 7, 14, 1):
		system_dc(DC_CIVAC, operand);
		return;
	}
	if (CRN(operation) == 8 || CRN(operation) == 9) {
		casemate_tlbi(operation, operand);
		tlb_invalidate(operation, operand, now.level == 2 && is_host(VIEW_SYNCED),
			       (unsigned)bits(own->values[VTTBR].synced, 63, 48));
		machine_flush();
	} else if (CRN(operation) == 7 &&
		   ((operation >> 3 & 15) == 8 || (operation >> 3 & 15) == 9)) {
		system_at(operand);
	} else if (CRN(operation) != 7 || (operation >> 3 & 15) != 3) {
		/* CFP, DVP and CPP concern predictions only. */
		cannot_judge(
			"a system instruction that is not known: op1 %u, CRn %u, CRm %u, op2 %u",
			operation >> 11 & 7, CRN(operation), operation >> 3 & 15, operation & 7);
	}
}
