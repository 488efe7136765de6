// SPDX-License-Identifier: MIT
/*
 * Self tests: every TLBI there is on stage 1 of EL1 and EL0. What it names must be gone: a page that
 * was used is another one afterwards, and so is a table. What it does not name may stay or go, and
 * nothing is said of that.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(81, tlbi);

#define ASID ((u64)0x5a)
#define OTHER_ASID ((u64)0x5b)
#define ASID_SHIFT 48
#define TG_SHIFT 46
#define TTL_SHIFT 44 /* of operations by address: with the page size above it */
#define SCALE_SHIFT 44 /* of operations by range, as those below */
#define NUM_SHIFT 39
#define RANGE_TTL_SHIFT 37
#define PAGES_AT KIB(192) /* a multiple of 64 KiB, and of no range's length */

/* A test's number: that of tlbi_form(). */
#define FORM(name, what, number) \
	SELFTEST_CASE(tlbi, name, "D8.14 TLBI", what, tlbi_operation, number)
#define FORMS(name, what, number)                                      \
	FORM(name, what, number);                                      \
	FORM(name##is, what ", inner shareable", number + 10);         \
	FORM(name##os, what ", outer shareable", number + 20);         \
	FORM(name##nxs, what ", nXS", number + 30);                    \
	FORM(name##isnxs, what ", inner shareable, nXS", number + 40); \
	FORM(name##osnxs, what ", outer shareable, nXS", number + 50)

FORMS(vmalle1, "all", 0);
FORMS(vae1, "by address", 1);
FORMS(aside1, "by ASID", 2);
FORMS(vaae1, "by address, all ASIDs", 3);
FORMS(vale1, "by address, last level", 4);
FORMS(vaale1, "by address, all ASIDs, last level", 5);
FORMS(rvae1, "by range", 6);
FORMS(rvaae1, "by range, all ASIDs", 7);
FORMS(rvale1, "by range, last level", 8);
FORMS(rvaale1, "by range, all ASIDs, last level", 9);

static bool by_range(enum tlbi_what what)
{
	return what >= TLBI_RVAE1;
}

static bool by_asid_only(enum tlbi_what what)
{
	return what == TLBI_ASIDE1;
}

static bool last_level_only(enum tlbi_what what)
{
	return what == TLBI_VALE1 || what == TLBI_VAALE1 || what == TLBI_RVALE1 ||
	       what == TLBI_RVAALE1;
}

static bool has_form(struct selftest *test, unsigned number)
{
	u64 tlb = test_feature(test, ID_AA64ISAR0_EL1, TLB);

	if (by_range((enum tlbi_what)(number % TLBI_WHATS)) &&
	    !test_needs(test, tlb >= 2, "no FEAT_TLBIRANGE"))
		return false;
	if (number / TLBI_WHATS % TLBI_DOMAINS == 2 &&
	    !test_needs(test, tlb >= 1, "no FEAT_TLBIOS"))
		return false;
	return number < TLBI_WHATS * TLBI_DOMAINS ||
	       test_needs(test, test_feature(test, ID_AA64ISAR1_EL1, XS) != 0, "no FEAT_XS");
}

static u64 granule_word(const struct scratch *scratch)
{
	return (u64)scratch->space.regime.granule_shift / 2 - 5;
}

/* Of a range: the page size, and its base in pages, or under DS in units of 64 KiB. */
static u64 range_operand(const struct scratch *scratch, u64 va, u64 scale, u64 num)
{
	const struct regime *regime = &scratch->space.regime;
	unsigned shift = regime->format == DESC_LPA2 ? 16 : regime->granule_shift;

	return granule_word(scratch) << TG_SHIFT | scale << SCALE_SHIFT | num << NUM_SHIFT |
	       va >> shift;
}

static void issue(unsigned number, u64 operand)
{
	tlb_begin();
	tlbi_form(number, operand);
	tlb_end();
}

/* A page of the data at @va, read-only; the second one where @second. */
static void put(struct scratch *scratch, u64 va, bool second, u64 bits)
{
	scratch->space.policy.not_global = bits & LEAF_NG;
	scratch_map(scratch, va, scratch->data.value + (second ? scratch->page : 0), scratch->page,
		    (struct map_attr){ PROT_READ_ONLY, MEM_NORMAL });
	scratch->space.policy.not_global = false;
}

static void check_reads(struct selftest *test, u64 va, bool second)
{
	test_works(test, TOUCH_LOAD, vaddr(va));
	if (test->failures == 0)
		test_equal(test, memory_load(vaddr(va), 8), second ? ~SCRATCH_MAGIC : SCRATCH_MAGIC,
			   "what is read");
}

static void check_gone(struct selftest *test, u64 va)
{
	struct fault fault;

	test_about(test, vaddr(va));
	test_check(test, touch(TOUCH_LOAD, vaddr(va), &fault), "still translated", va);
}

#define CROWD_AT GIB(1)
#define CROWD 8192 /* pages */

/*
 * Very many translations are used first, all of one page. A TLB that has room for few drops all of
 * them rather than search for those of a range, as QEMU's does where its own is small: it grows
 * with what is used.
 */
static void crowd(struct scratch *scratch)
{
	u64 each = regime_span(&scratch->space.regime, LEVEL_PAGE - 1) / scratch->page;

	if (scratch->granule_shift != GRANULE_SHIFT_4K)
		return;
	for (u64 i = 0; i < CROWD; i += each) {
		struct slot *slot;

		put(scratch, CROWD_AT + i * scratch->page, false, 0);
		slot = scratch_slot(scratch, CROWD_AT + i * scratch->page, LEVEL_PAGE);
		slots_fill(slot + 1, (unsigned)each - 1, slot_read(slot), 0);
	}
	tables_publish();
	for (u64 pages = 256; pages <= CROWD; pages *= 2) {
		for (u64 i = 0; i < pages; i++)
			memory_load(vaddr(CROWD_AT + i * scratch->page), 8);
		tlb_invalidate_all();
	}
}

/* The scratch root, with @asid in TTBR0, which is where it counts. */
static void use_asid(struct scratch *scratch, u64 asid)
{
	scratch_control(scratch, TCR_EL1_A1_MASK, 0);
	lower_root_set(ttbr_encode(&scratch->space.regime, scratch->space.root) |
		       asid << ASID_SHIFT);
}

static u64 operand_of(const struct scratch *scratch, unsigned number, u64 va)
{
	enum tlbi_what what = (enum tlbi_what)(number % TLBI_WHATS);
	u64 asid = ASID << ASID_SHIFT;

	if (what == TLBI_VMALLE1)
		return 0;
	if (by_asid_only(what))
		return asid;
	if (by_range(what))
		return asid | range_operand(scratch, va, 0, 31);
	return asid | va >> 12;
}

/* A page in place of another, by break-before-make with the operation. */
static void check_leaf(struct selftest *test, struct scratch *scratch, u64 bits)
{
	u64 va = PAGES_AT;

	put(scratch, va, false, bits);
	check_reads(test, va, false);
	slot_break(scratch_slot(scratch, va, LEVEL_PAGE));
	issue(test->number, operand_of(scratch, test->number, va));
	check_gone(test, va);
	put(scratch, va, true, bits);
	check_reads(test, va, true);
}

/* Another table in the place of one whose pages have been used. */
static void check_table(struct selftest *test, struct scratch *scratch, u64 bits)
{
	u64 va = PAGES_AT, span = regime_span(&scratch->space.regime, LEVEL_PAGE - 1);
	struct slot *slot;
	u64 other;

	scratch_reset(scratch, scratch->space.regime.va_bits);
	put(scratch, va, false, bits);
	put(scratch, va + span, true, bits);
	use_asid(scratch, ASID);
	check_reads(test, va, false);
	slot = scratch_slot(scratch, va, LEVEL_PAGE - 1);
	other = slot_read(scratch_slot(scratch, va + span, LEVEL_PAGE - 1)).bits;
	slot_break(slot);
	issue(test->number, operand_of(scratch, test->number, va));
	check_gone(test, va);
	/* One table at two places: the other one goes before. */
	slot_break(scratch_slot(scratch, va + span, LEVEL_PAGE - 1));
	tlb_invalidate_all();
	slot_edit(slot, (pte_t){ other });
	tables_publish();
	check_reads(test, va, true);
}

static void tlbi_operation(struct selftest *test)
{
	enum tlbi_what what = (enum tlbi_what)(test->number % TLBI_WHATS);
	struct scratch scratch;

	if (!has_form(test, test->number) || !scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	use_asid(&scratch, ASID);
	if (by_range(what))
		crowd(&scratch);
	check_leaf(test, &scratch, LEAF_NG);
	if (!by_asid_only(what)) {
		scratch_reset(&scratch, scratch.space.regime.va_bits);
		use_asid(&scratch, ASID);
		check_leaf(test, &scratch, 0);
	}
	if (!last_level_only(what))
		check_table(test, &scratch, by_asid_only(what) ? LEAF_NG : 0);
	scratch_end(&scratch);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

/* A test's number: SCALE in bits 1:0, NUM in 6:2, the level's hint in 9:8, last level only in 12. */
#define RANGE(name, what, scale, num)                                             \
	SELFTEST_CASE(tlbi, range_##name, "D8.14 TLBI range", "a range of " what, \
		      tlbi_range_edges, (num << 2) + scale);                      \
	SELFTEST_CASE(tlbi, range_##name##_level, "D8.14 TTL",                    \
		      "a range of " what ", of level 3 by TTL", tlbi_range_edges, \
		      0x1300 + (num << 2) + scale)

RANGE(0_0, "2 pages", 0, 0);
RANGE(0_7, "16 pages", 0, 7);
RANGE(0_31, "64 pages", 0, 31);
RANGE(1_0, "64 pages, SCALE 1", 1, 0);
RANGE(1_31, "2048 pages", 1, 31);
RANGE(2_0, "2048 pages, SCALE 2", 2, 0);
RANGE(2_16, "34816 pages", 2, 16);
RANGE(2_31, "65536 pages", 2, 31);
RANGE(3_0, "65536 pages, SCALE 3", 3, 0);
RANGE(3_31, "2097152 pages", 3, 31);

/* The first page of a range, one in its middle, and its last two. */
static void tlbi_range_edges(struct selftest *test)
{
	u64 scale = test->number & 3, num = test->number >> 2 & 31, pages, operand;
	unsigned form = test->number >> 12 ? TLBI_RVAALE1 : TLBI_RVAAE1;
	struct scratch scratch;

	if (!has_form(test, TLBI_RVAAE1) || !scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	crowd(&scratch);
	pages = (num + 1) << (5 * scale + 1);
	u64 va[] = { PAGES_AT, PAGES_AT + (pages - 1) * scratch.page,
		     PAGES_AT + pages / 2 * scratch.page, PAGES_AT + (pages - 2) * scratch.page };
	unsigned count = pages == 2 ? 2 : ARRAY_SIZE(va);

	for (unsigned i = 0; i < count; i++) {
		scratch_map(&scratch, va[i], scratch.data.value, scratch.page,
			    (struct map_attr){ PROT_READ_ONLY, MEM_NORMAL });
		check_reads(test, va[i], false);
	}
	for (unsigned i = 0; i < count; i++)
		slot_break(scratch_slot(&scratch, va[i], LEVEL_PAGE));
	operand = range_operand(&scratch, PAGES_AT, scale, num);
	issue(TLBI_WHATS + form, operand | (u64)(test->number >> 8 & 3) << RANGE_TTL_SHIFT);
	for (unsigned i = 0; i < count; i++)
		check_gone(test, va[i]);
	for (unsigned i = 0; i < count; i++) {
		scratch_write(&scratch, va[i], LEVEL_PAGE, 0,
			      scratch.data.value + scratch.page + LEAF_VALID + LEAF_TYPE + LEAF_AF);
		tables_publish();
		check_reads(test, va[i], true);
	}
	scratch_end(&scratch);
}

/* ---- levels ---------------------------------------------------------------------------------- */

#define LEVEL(level)                                                                              \
	SELFTEST_CASE(tlbi, level_##level, "D8.14 TTL", "by address, of level " #level " by TTL", \
		      tlbi_level, level);                                                         \
	SELFTEST_CASE(tlbi, level_##level##_range, "D8.14 TTL",                                   \
		      "by range, of level " #level " by TTL", tlbi_level, 0x10 + level)

LEVEL(1);
LEVEL(2);
LEVEL(3);

/* A leaf at a level, dropped by an operation that names it, by an address in its middle. */
static void tlbi_level(struct selftest *test)
{
	int level = (int)(test->number & 3);
	bool range = test->number >> 4;
	u64 span, base, va, at, operand;
	struct scratch scratch;

	if (!has_form(test, range ? TLBI_RVAAE1 : TLBI_VAAE1) ||
	    !test_needs(test, test_feature(test, ID_AA64MMFR2_EL1, TTL) != 0 || range,
			"no FEAT_TTL") ||
	    !scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	span = regime_span(&scratch.space.regime, level);
	base = align_down(scratch.data.value, span);
	va = span;
	at = va + scratch.data.value - base;
	if (!test_needs(test, regime_leaf_level(&scratch.space.regime, level),
			"no leaves at this level")) {
		scratch_end(&scratch);
		return;
	}
	scratch_map(&scratch, va, base, span,
		    (struct map_attr){ PROT_READ_ONLY, MEM_DEVICE_NGNRE });
	test_works(test, TOUCH_LOAD, vaddr(at));
	slot_break(scratch_slot(&scratch, va, level));
	operand = range ? range_operand(&scratch, align_down(at, KIB(64)), 0, 0) |
				  (u64)level << RANGE_TTL_SHIFT :
			  at >> 12 | (granule_word(&scratch) << 2 | (u64)level) << TTL_SHIFT;
	/* The page of the data need not be among the first of its 64 KiB. */
	if (range)
		operand |= (u64)31 << NUM_SHIFT;
	issue(TLBI_WHATS + (range ? TLBI_RVAALE1 : TLBI_VAALE1), operand);
	check_gone(test, at);
	scratch_end(&scratch);
}

/* ---- ASIDs ----------------------------------------------------------------------------------- */

/* Two roots for the same address: the space's own, and a copy of it in the last table. */
static paddr_t second_root(struct scratch *scratch)
{
	paddr_t root = paddr(scratch->tables.value + SCRATCH_TABLES_SIZE - scratch->page);
	struct scratch other = *scratch;

	slots_clear(slot_at(&scratch->space, root), (unsigned)(scratch->page / sizeof(u64)));
	other.space.root = root;
	put(&other, PAGES_AT, true, LEAF_NG);
	scratch->pool = other.pool;
	return root;
}

struct roots {
	struct selftest *test;
	struct scratch *scratch;
	u64 ttbr[2];
};

static void switch_to(struct roots *roots, unsigned which)
{
	lower_root_set(roots->ttbr[which]);
	check_reads(roots->test, PAGES_AT, which);
}

/* Each has its own page at one address, used. */
static void roots_begin(struct roots *roots, u64 first, u64 second, u64 as)
{
	struct scratch *scratch = roots->scratch;
	const struct regime *regime = &scratch->space.regime;

	put(scratch, PAGES_AT, false, LEAF_NG);
	roots->ttbr[0] = ttbr_encode(regime, scratch->space.root) | first << ASID_SHIFT;
	roots->ttbr[1] = ttbr_encode(regime, second_root(scratch)) | second << ASID_SHIFT;
	scratch_control(scratch, TCR_EL1_A1_MASK | TCR_EL1_AS_MASK, as);
	switch_to(roots, 0);
	switch_to(roots, 1);
}

/* A test's number: AS in bit 0, and the two ASIDs. */
#define ASIDS(name, rule, what, number) SELFTEST_CASE(tlbi, name, rule, what, tlbi_asids, number)

ASIDS(asids_switch, "D8.13 ASID", "what is of one ASID is not used for another", 0x5b5a0);
ASIDS(asids_zero, "D8.13 ASID", "ASID 0 is one like others", 0x01000);
ASIDS(asids_16_bits, "D8.13 AS", "with AS all 16 bits of an ASID count", 0x15a5a1);

static void tlbi_asids(struct selftest *test)
{
	struct scratch scratch;
	struct roots roots = { .test = test, .scratch = &scratch };
	u64 first = test->number >> 4 & 0xff, second = test->number >> 12;

	if (!test_needs(test,
			!(test->number & 1) || test_feature(test, ID_AA64MMFR0_EL1, ASIDBITS) == 2,
			"ASIDs of 8 bits") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	roots_begin(&roots, first, second, test->number & 1 ? TCR_EL1_AS_MASK : 0);
	for (unsigned i = 0; i < 4; i++)
		switch_to(&roots, i % 2);
	scratch_end(&scratch);
}

SELFTEST_CASE(tlbi, asid_one_of_two, "D8.13 ASID", "one of two ASIDs invalidated, both right",
	      tlbi_one_of_two, 0);

static void tlbi_one_of_two(struct selftest *test)
{
	struct scratch scratch;
	struct roots roots = { .test = test, .scratch = &scratch };
	struct slot *slot;

	if (!scratch_begin(&scratch, test, 48))
		return;
	roots_begin(&roots, ASID, OTHER_ASID, 0);
	lower_root_set(roots.ttbr[0]);
	slot = scratch_slot(&scratch, PAGES_AT, LEVEL_PAGE);
	slot_break(slot);
	issue(TLBI_WHATS + TLBI_ASIDE1, ASID << ASID_SHIFT);
	check_gone(test, PAGES_AT);
	switch_to(&roots, 1);
	lower_root_set(roots.ttbr[0]);
	check_gone(test, PAGES_AT);
	scratch_end(&scratch);
}

SELFTEST_CASE(tlbi, asid_8_bits, "D8.13 AS", "without AS bits 15:8 of an ASID do not count",
	      tlbi_asid_8_bits, 0);

static void tlbi_asid_8_bits(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_control(&scratch, TCR_EL1_A1_MASK | TCR_EL1_AS_MASK, 0);
	put(&scratch, PAGES_AT, false, LEAF_NG);
	lower_root_set(ttbr_encode(&scratch.space.regime, scratch.space.root) |
		       (ASID | 0x100) << ASID_SHIFT);
	check_reads(test, PAGES_AT, false);
	slot_break(scratch_slot(&scratch, PAGES_AT, LEVEL_PAGE));
	issue(TLBI_WHATS + TLBI_ASIDE1, ASID << ASID_SHIFT);
	check_gone(test, PAGES_AT);
	scratch_end(&scratch);
}

SELFTEST_CASE(tlbi, asid_of_ttbr1, "D8.13 A1", "with A1 the ASID is TTBR1's", tlbi_a1, 0);

/* The kernel's own is 0. */
static void tlbi_a1(struct selftest *test)
{
	struct scratch scratch;
	u64 registers[SYSREG_COUNT];

	if (!scratch_begin(&scratch, test, 48))
		return;
	control_read(registers);
	put(&scratch, PAGES_AT, false, LEAF_NG);
	scratch_control(&scratch, 0, TCR_EL1_A1_MASK);
	lower_root_set(ttbr_encode(&scratch.space.regime, scratch.space.root) |
		       OTHER_ASID << ASID_SHIFT);
	check_reads(test, PAGES_AT, false);
	slot_break(scratch_slot(&scratch, PAGES_AT, LEVEL_PAGE));
	issue(TLBI_WHATS + TLBI_ASIDE1, registers[SYSREG_TTBR1_EL1] & TTBR1_EL1_ASID_MASK);
	check_gone(test, PAGES_AT);
	scratch_end(&scratch);
}

SELFTEST_CASE(tlbi, global, "D8.13 nG", "by address and another ASID: what is global goes",
	      tlbi_global, 0);

static void tlbi_global(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	use_asid(&scratch, ASID);
	put(&scratch, PAGES_AT, false, 0);
	check_reads(test, PAGES_AT, false);
	slot_break(scratch_slot(&scratch, PAGES_AT, LEVEL_PAGE));
	issue(TLBI_WHATS + TLBI_VAE1, OTHER_ASID << ASID_SHIFT | PAGES_AT >> 12);
	check_gone(test, PAGES_AT);
	scratch_end(&scratch);
}
