// SPDX-License-Identifier: MIT
/*
 * Self tests: stage 2 by itself, with every start level, descriptors that nobody would make, and
 * what HCR_EL2 changes. For a kernel that is at EL2 and can set it up as it likes.
 * Runs in the kernel at EL2, MMU on.
 *
 * Numbers are the manual's: DDI 0487 D8.2 and D8.3.2 (stage 2), D19.2.48 (HCR_EL2), D19.2.162
 * (VTCR_EL2).
 */
#include <pagoda/kernel/hyp/guest.h>
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/pt/slot.h>

SELFTEST_SUBJECT(140, stage2);

/* Sixteen pages for a root, four for tables, and one that is mapped. */
#define MEMORY_ORDER 5
#define ROOT_PAGES 16
#define TABLE_PAGES 4

#define HCR_VM BIT(0)
#define HCR_DC BIT(12)
#define HCR_RW BIT(31)
#define HCR_E2H BIT(34)
#define HCR_FWB BIT(46)
#define HCR_GUEST (HCR_VM | HCR_RW | HCR_E2H)

#define S2_AF BIT(10)
#define S2_READ BIT(6)
#define S2_WRITE BIT(7)
#define S2_MEMATTR(attr) ((u64)(attr) << 2)

/* SCTLR_EL1 with all off: RES1 alone. */
#define SCTLR_OFF 0x30d00980

struct stage2 {
	struct selftest *test;
	struct space space;
	struct table_pool pool;
	paddr_t memory, page;
	u64 granule, vtcr, hcr;
	u64 ipa; /* what is mapped: the last page that there is */
};

static bool stage2_begin(struct stage2 *stage2, struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	struct alloc *alloc = test_alloc(test);

	*stage2 = (struct stage2){ .test = test, .hcr = HCR_GUEST };
	if (!alloc ||
	    !test_needs(test, kernel->handoff->plan.el == 2, "the kernel is not at EL2") ||
	    !test_needs(test, guest_none_str(kernel) == NULL, "no stage 2 with this page size") ||
	    !test_needs(test, buddy_alloc(&alloc->buddy, MEMORY_ORDER, &stage2->memory) == BUDDY_OK,
			"no memory"))
		return false;
	stage2->granule = regime_granule(&kernel->kernel_space.regime);
	stage2->page = paddr_add(stage2->memory, (ROOT_PAGES + TABLE_PAGES) * stage2->granule);
	guest_state_fresh(SCTLR_OFF);
	return true;
}

static void stage2_end(struct stage2 *stage2)
{
	stage2_set(0, BIT(31));
	(void)buddy_free(&stage2->test->kernel->alloc->buddy, stage2->memory, MEMORY_ORDER);
}

/* Empty, of @bits from @level on, whether that can be or not. */
static void stage2_make(struct stage2 *stage2, unsigned bits, int level)
{
	const struct kernel *kernel = stage2->test->kernel;
	const struct space *like = guest_space(kernel);
	struct regime regime = like->regime;
	u64 tcr = kernel->handoff->plan.registers.tcr;
	u64 root = ROOT_PAGES * stage2->granule;

	regime.va_bits = bits;
	regime.root_level = level;
	memset(linear_pointer(&kernel->linear, stage2->memory), 0,
	       (ROOT_PAGES + TABLE_PAGES) * stage2->granule);
	stage2->pool = (struct table_pool){ .start = paddr_add(stage2->memory, root),
					    .next = paddr_add(stage2->memory, root),
					    .end = stage2->page };
	stage2->space = (struct space){ .regime = regime,
					.id = 2,
					.tlb = like->tlb,
					.root = stage2->memory,
					.phys_offset = kernel->linear.offset,
					.pool = &stage2->pool };
	stage2->vtcr = hyp_vtcr(&regime, tcr);
	stage2->ipa = BIT(bits) - stage2->granule;
}

static u64 translate(const struct stage2 *stage2, u64 ipa, bool write)
{
	tables_publish();
	stage2_set(el2_vttbr(&stage2->space), stage2->vtcr);
	return stage2_translate(stage2->hcr, ipa, write);
}

static void map_page(struct stage2 *stage2)
{
	struct map_request request = { .start = vaddr(stage2->ipa),
				       .end = vaddr(stage2->ipa + stage2->granule),
				       .pa = stage2->page,
				       .attr = { PROT_READ_WRITE, MEM_NORMAL } };

	test_equal(stage2->test, map_range(&stage2->space, &request), MAP_OK, "map_range()");
}

/* A fault of stage 2 (PAR_EL1.S) with @status. */
static void expect_fault(struct stage2 *stage2, u64 ipa, bool write, unsigned status)
{
	u64 par = translate(stage2, ipa, write);

	test_check(stage2->test, par & 1, "no fault at", ipa);
	test_equal(stage2->test, par >> 1 & 0x3f, status, "status");
	test_equal(stage2->test, par >> 9 & 1, 1, "stage 2's");
}

static void expect_page(struct stage2 *stage2, u64 ipa, bool write, u64 pa)
{
	u64 par = translate(stage2, ipa, write);

	test_check(stage2->test, !(par & 1), "a fault at", ipa);
	test_equal(stage2->test, par & 0xffffffffff000, pa, "PA");
}

/* The page by itself, from level 2 or 1 on. */
static void stage2_usual(struct stage2 *stage2)
{
	const struct regime *like = &guest_space(stage2->test->kernel)->regime;

	stage2_make(stage2, like->va_bits, like->root_level);
	map_page(stage2);
}

static bool has_ttst(struct selftest *test)
{
	return test_feature(test, ID_AA64MMFR2_EL1, ST) != 0;
}

/* Level -1 with 4K pages, and 0 with 16K: there with DS only. */
static bool start_takes_ds(const struct regime *regime)
{
	return regime->root_level == (regime->granule_shift == GRANULE_SHIFT_16K ? 0 : -1);
}

/* With other page sizes, or without DS, SL2 is nothing. */
static bool start_has_minus_1(const struct stage2 *stage2)
{
	const struct regime *regime = &stage2->space.regime;

	return regime->granule_shift == GRANULE_SHIFT_4K && regime->format == DESC_LPA2;
}

/* A walk can begin where @regime's does (DDI 0487 D8.2.4, D19.2.162). */
static bool start_is_legal(struct selftest *test, const struct regime *regime)
{
	int level = regime->root_level;
	int resolved = (int)regime->va_bits - (int)regime_shift(regime, level);
	bool is_4k = regime->granule_shift == GRANULE_SHIFT_4K;

	if (resolved < 1 || resolved > regime->granule_shift + 1)
		return false;
	if (start_takes_ds(regime))
		return regime->format == DESC_LPA2;
	if (is_4k && level == LEVEL_PAGE)
		return has_ttst(test);
	/* The first without DS is for CPUs that have many output bits. */
	if (level == (is_4k ? 0 : 1))
		return regime->pa_bits > (regime->granule_shift == GRANULE_SHIFT_16K ? 40 : 42);
	return level > 0;
}

/* A walk that begins nonetheless finds the root in itself, at each level, and the page is that. */
static void expect_no_start(struct stage2 *stage2)
{
	const struct space *space = &stage2->space;

	slot_edit(slot_at(space, space->root),
		  (pte_t){ space->root.value | S2_AF | S2_READ | S2_MEMATTR(0xf) | 3 });
	expect_fault(stage2, 0, false, 0x04);
}

/* @ds: one that takes DS; or any other, and those that are illegal. */
static void check_start(struct stage2 *stage2, bool ds)
{
	const struct regime *regime = &stage2->space.regime;
	struct selftest *test = stage2->test;

	test_about(test, vaddr(regime->va_bits));
	if (!start_is_legal(test, regime)) {
		expect_no_start(stage2);
	} else if (start_takes_ds(regime) == ds) {
		map_page(stage2);
		expect_page(stage2, stage2->ipa, true, stage2->page.value);
		expect_fault(stage2, 0, false, fault_status(FAULT_TRANSLATION, regime->root_level));
	}
}

#define STARTS "D8.2 SL0"

SELFTEST_CASE(stage2, starts, STARTS,
	      "a walk begins at each level it can, tables side by side, and no other",
	      stage2_starts, false);
SELFTEST_CASE(stage2, starts_ds, STARTS,
	      "with DS it begins at one level more, of 4K and of 16K pages", stage2_starts, true);

/* SL2, which is of level -1 by itself, and an SL0 that is not 0. */
static void check_start_reserved(struct stage2 *stage2)
{
	for (u64 sl0 = 1; sl0 < 4; sl0++) {
		stage2_make(stage2, 52, -1);
		stage2->vtcr |= sl0 << 6;
		expect_no_start(stage2);
	}
}

/* The largest of T0SZ, of 24 bits and fewer, are FEAT_TTST's. */
static void stage2_starts(struct selftest *test)
{
	struct stage2 stage2;
	bool has_minus_1;
	unsigned bits = 25, most;

	if (!stage2_begin(&stage2, test))
		return;
	stage2_usual(&stage2);
	if (test->number &&
	    !test_needs(test, stage2.space.regime.format == DESC_LPA2, "descriptors have SH")) {
		stage2_end(&stage2);
		return;
	}
	has_minus_1 = start_has_minus_1(&stage2);
	most = stage2.space.regime.pa_bits;
	if (has_ttst(test))
		bits = stage2.granule == KIB(64) ? 17 : 16;
	for (; bits <= most; bits++)
		for (int level = has_minus_1 ? -1 : 0; level <= LEVEL_PAGE; level++) {
			stage2_make(&stage2, bits, level);
			check_start(&stage2, test->number);
		}
	if (has_minus_1)
		check_start_reserved(&stage2);
	stage2_end(&stage2);
}

static struct slot *slot_of(const struct stage2 *stage2, int level)
{
	struct pt_entry entry = pt_descend(&stage2->space, vaddr(stage2->ipa), level);

	return slot_at(&stage2->space, entry.slot);
}

static void word_set(const struct stage2 *stage2, int level, u64 clear, u64 set)
{
	struct slot *slot = slot_of(stage2, level);

	slot_edit(slot, (pte_t){ (slot_read(slot).bits & ~clear) | set });
}

SELFTEST(stage2, blocks, "a block where the format has one is a leaf, and elsewhere invalid");

static void stage2_blocks(struct selftest *test)
{
	const struct regime *regime;
	struct stage2 stage2;

	if (!stage2_begin(&stage2, test))
		return;
	stage2_usual(&stage2);
	regime = &stage2.space.regime;
	for (int level = regime->root_level; level < LEVEL_PAGE; level++) {
		u64 span = regime_span(regime, level);

		stage2_usual(&stage2);
		slot_edit(slot_of(&stage2, level),
			  (pte_t){ BIT(0) | S2_AF | S2_READ | S2_WRITE | S2_MEMATTR(0xf) });
		if (level >= regime->block_level)
			expect_page(&stage2, stage2.ipa, true, stage2.ipa & (span - 1));
		else
			expect_fault(&stage2, stage2.ipa, false,
				     fault_status(FAULT_TRANSLATION, level));
	}
	stage2_usual(&stage2);
	word_set(&stage2, LEVEL_PAGE, BIT(1), 0);
	expect_fault(&stage2, stage2.ipa, false, fault_status(FAULT_TRANSLATION, LEVEL_PAGE));
	stage2_end(&stage2);
}

SELFTEST(stage2, permissions, "S2AP and AF let through what they say");

static void stage2_permissions(struct selftest *test)
{
	unsigned refused = fault_status(FAULT_PERMISSION, LEVEL_PAGE);
	struct stage2 stage2;

	if (!stage2_begin(&stage2, test))
		return;
	for (u64 s2ap = 0; s2ap < 4; s2ap++) {
		stage2_usual(&stage2);
		word_set(&stage2, LEVEL_PAGE, S2_READ | S2_WRITE, s2ap * S2_READ);
		for (unsigned write = 0; write < 2; write++) {
			if (s2ap >> write & 1)
				expect_page(&stage2, stage2.ipa, write, stage2.page.value);
			else
				expect_fault(&stage2, stage2.ipa, write, refused);
		}
	}
	stage2_usual(&stage2);
	word_set(&stage2, LEVEL_PAGE, S2_AF, 0);
	/* QEMU's AT before 11 does not look at AF. */
	if (translate(&stage2, stage2.ipa, false) & 1)
		expect_fault(&stage2, stage2.ipa, false,
			     fault_status(FAULT_ACCESS_FLAG, LEVEL_PAGE));
	stage2_end(&stage2);
}

SELFTEST(stage2, sizes, "an address above VTCR_EL2.PS, or above what T0SZ has, is a fault");

static void stage2_sizes(struct selftest *test)
{
	struct stage2 stage2;

	if (!stage2_begin(&stage2, test))
		return;
	stage2_usual(&stage2);
	expect_fault(&stage2, BIT(stage2.space.regime.va_bits), false, 0x04);
	if (stage2.space.regime.pa_bits > 36) {
		word_set(&stage2, LEVEL_PAGE, 0, BIT(36));
		stage2.vtcr = (stage2.vtcr & ~((u64)7 << 16)) | 1 << 16;
		expect_fault(&stage2, stage2.ipa, false,
			     fault_status(FAULT_ADDRESS_SIZE, LEVEL_PAGE));
	}
	stage2_end(&stage2);
}

SELFTEST(stage2, off,
	 "without HCR_EL2.VM an address is itself; DC makes it cached, and turns VM on");

static void stage2_off(struct selftest *test)
{
	struct stage2 stage2;

	if (!stage2_begin(&stage2, test))
		return;
	stage2_usual(&stage2);
	stage2.hcr = HCR_GUEST & ~HCR_VM;
	expect_page(&stage2, stage2.page.value, true, stage2.page.value);
	test_equal(test, translate(&stage2, stage2.page.value, false) >> 56, 0, "Device-nGnRnE");
	stage2.hcr = HCR_GUEST | HCR_DC;
	expect_page(&stage2, stage2.ipa, true, stage2.page.value);
	test_equal(test, translate(&stage2, stage2.ipa, false) >> 56, 0xff, "Normal, write-back");
	stage2.hcr = HCR_GUEST;
	test_equal(test, translate(&stage2, stage2.ipa, false) >> 56, 0, "Device-nGnRnE");
	stage2_end(&stage2);
}

SELFTEST(stage2, types,
	 "of both stages' memory types the stricter counts; with FWB stage 2's word");

static void stage2_types(struct selftest *test)
{
	static const struct {
		u8 memattr,
			attr; /* in a descriptor, and in PAR_EL1 where stage 1 says write-back */
	} types[] = { { 0x0, 0x00 }, { 0x1, 0x04 }, { 0x5, 0x44 }, { 0xf, 0xff } };
	struct stage2 stage2;

	if (!stage2_begin(&stage2, test))
		return;
	stage2.hcr = HCR_GUEST | HCR_DC;
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		stage2_usual(&stage2);
		word_set(&stage2, LEVEL_PAGE, S2_MEMATTR(0xf), S2_MEMATTR(types[i].memattr));
		test_equal(test, translate(&stage2, stage2.ipa, false) >> 56, types[i].attr,
			   "type");
	}
	/* FEAT_S2FWB: 0b0110 is write-back whatever stage 1 says, which is Device here. */
	if (test_feature(test, ID_AA64MMFR2_EL1, FWB) != 0) {
		stage2.hcr = HCR_GUEST | HCR_FWB;
		stage2_usual(&stage2);
		word_set(&stage2, LEVEL_PAGE, S2_MEMATTR(0xf), S2_MEMATTR(0x6));
		test_equal(test, translate(&stage2, stage2.ipa, false) >> 56, 0xff, "forced");
	}
	stage2_end(&stage2);
}
