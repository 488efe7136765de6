// SPDX-License-Identifier: MIT
/*
 * Self tests: after a change of tables and the maintenance that is due, the CPU uses the new ones.
 * Each way to invalidate is tried on translations that have been used, and so are in the TLB.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/scratch.h>
#include <pagoda/mm/pt/change.h>
#include <pagoda/mm/pt/tlb.h>

SELFTEST_SUBJECT(80, tlb);

#define ASID 1
#define TTBR_ASID_SHIFT 48

/* Not a multiple of 64 KiB with pages of 4K or 16K, nor of a unit of any range operation. */
#define PAGES 45
#define START_PAGE 3

static bool faults(u64 va)
{
	struct fault fault;

	return touch(TOUCH_LOAD, vaddr(va), &fault);
}

/* @pages from @va on, each mapped to the page of data with @index. */
static void map_pages(struct scratch *scratch, u64 va, u64 pages, u64 index)
{
	for (u64 i = 0; i < pages; i++)
		scratch_map(scratch, va + i * scratch->page,
			    scratch->data.value + index * scratch->page, scratch->page,
			    (struct map_attr){ PROT_READ_ONLY, MEM_NORMAL });
}

static void unmap_pages(struct scratch *scratch, u64 va, u64 pages)
{
	for (u64 i = 0; i < pages; i++)
		slot_break(scratch_slot(scratch, va + i * scratch->page, LEVEL_PAGE));
}

static void use_pages(struct selftest *test, const struct scratch *scratch, u64 va, u64 pages,
		      u64 expected)
{
	for (u64 i = 0; i < pages; i++) {
		vaddr_t at = vaddr(va + i * scratch->page);

		test_works(test, TOUCH_LOAD, at);
		if (test->failures == 0)
			test_equal(test, memory_load(at, 8), expected, "what is read");
	}
}

/* Pages that are used, unmapped, invalidated as @cpu and @range say, gone, and then others. */
static void check_range(struct selftest *test, struct scratch *scratch, const struct tlb *cpu,
			const struct tlb_range *range)
{
	u64 va = range->start.value, pages = (range->end.value - va) / scratch->page;
	struct space forms;

	scratch_reset(scratch, scratch->space.regime.va_bits);
	map_pages(scratch, va, pages, 0);
	use_pages(test, scratch, va, pages, SCRATCH_MAGIC);
	unmap_pages(scratch, va, pages);
	forms = scratch->space;
	forms.tlb = *cpu;
	tlb_invalidate(&forms, range);
	for (u64 i = 0; i < pages; i++)
		test_check(test, faults(va + i * scratch->page), "still translated",
			   va + i * scratch->page);
	map_pages(scratch, va, pages, 1);
	use_pages(test, scratch, va, pages, ~SCRATCH_MAGIC);
}

/* The same with and without each of what an operation may say beyond the address. */
static void check_forms(struct selftest *test, struct scratch *scratch, u64 pages, bool by_range)
{
	u64 start = START_PAGE * scratch->page;
	struct tlb cpu = scratch->space.tlb;

	cpu.range = by_range;
	for (unsigned form = 0; form < 8; form++) {
		struct tlb_range range = { vaddr(start), vaddr(start + pages * scratch->page),
					   form & 1 ? LEVEL_PAGE : TLB_LEVEL_UNKNOWN, form & 2 };

		cpu.level_hint = form & 4;
		if (!cpu.level_hint || scratch->space.tlb.level_hint)
			check_range(test, scratch, &cpu, &range);
	}
}

static void check_operation(struct selftest *test, struct scratch *scratch, struct tlb_op op)
{
	struct slot *slot = scratch_slot(scratch, 0, LEVEL_PAGE);
	u64 leaf = slot_read(slot).bits;

	use_pages(test, scratch, 0, 1, SCRATCH_MAGIC);
	slot_break(slot);
	tlb_invalidate_by(op);
	test_check(test, faults(0), "still translated", 0);
	/* The next page of data: their addresses are in bits 47:12. */
	slot_edit(slot, (pte_t){ leaf + scratch->page });
	tables_publish();
	use_pages(test, scratch, 0, 1, ~SCRATCH_MAGIC);
}

SELFTEST_RULE(tlb, all, "D8.14 TLBI", "invalidation of everything");

static void tlb_all(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	check_operation(test, &scratch, (struct tlb_op){ .kind = TLB_ALL });
	scratch_end(&scratch);
}

SELFTEST_RULE(tlb, asid, "D8.14 TLBI", "invalidation by ASID");

/* What is not global goes with its ASID, in TTBR0 with TCR.A1 clear. */
static void tlb_asid(struct selftest *test)
{
	struct scratch scratch;
	u64 registers[SYSREG_COUNT];

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	scratch_edit(&scratch, 0, 0, LEAF_NG);
	control_read(registers);
	lower_half_set(registers[SYSREG_TTBR0_EL1] | (u64)ASID << TTBR_ASID_SHIFT,
		       registers[SYSREG_TCR_EL1] & ~TCR_EL1_A1_MASK);
	check_operation(test, &scratch, tlb_op_asid(ASID));
	scratch_end(&scratch);
}

SELFTEST_RULE(tlb, address, "D8.14 TLBI", "invalidation by address, with and without a level");

static void tlb_address(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	check_forms(test, &scratch, 1, false);
	check_forms(test, &scratch, PAGES, false);
	scratch_end(&scratch);
}

SELFTEST_RULE(tlb, range, "D8.14 TLBI range", "invalidation of ranges, with and without a level");

static void tlb_range(struct selftest *test)
{
	struct scratch scratch;

	if (!test_needs(test, test_feature(test, ID_AA64ISAR0_EL1, TLB) >= 2,
			"no FEAT_TLBIRANGE") ||
	    !scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	check_forms(test, &scratch, PAGES, true);
	scratch_end(&scratch);
}

SELFTEST_RULE(tlb, block, "D8.14 TLBI", "invalidation of blocks and of tables");

/* A block in the place of a table, and a table in the place of a block. */
static void tlb_block(struct selftest *test)
{
	struct map_attr attr = { PROT_READ_ONLY, MEM_DEVICE_NGNRE };
	struct scratch scratch;
	struct tlb_range range;
	u64 span, base;

	if (!scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	span = regime_span(&scratch.space.regime, 2);
	base = align_down(scratch.data.value, span);
	range = (struct tlb_range){ vaddr(span), vaddr(2 * span), 2, false };
	scratch_map(&scratch, span, base, span, attr);
	test_equal(test, memory_load(vaddr(span + scratch.data.value - base), 8), SCRATCH_MAGIC,
		   "through a block");
	slot_break(scratch_slot(&scratch, span, 2));
	tlb_invalidate(&scratch.space, &range);
	test_check(test, faults(span), "the block is still there", span);
	map_pages(&scratch, span, 1, 1);
	use_pages(test, &scratch, span, 1, ~SCRATCH_MAGIC);
	slot_break(scratch_slot(&scratch, span, 2));
	range.tables = true;
	tlb_invalidate(&scratch.space, &range);
	test_check(test, faults(span), "the table is still there", span);
	scratch_map(&scratch, span, base, span, attr);
	test_equal(test, memory_load(vaddr(span + scratch.data.value - base), 8), SCRATCH_MAGIC,
		   "through a block again");
	scratch_end(&scratch);
}

SELFTEST_RULE(tlb, upper, "D8.14 TLBI range",
	      "invalidation in the upper half: of a page, and of ranges");

/* Pages of the modules region, which holds nothing: all of them the data's page @index. */
static void upper_map(struct scratch *scratch, struct space *space, u64 va, u64 pages, u64 index)
{
	for (u64 i = 0; i < pages; i++) {
		vaddr_t at = vaddr(va + i * scratch->page);
		struct map_request request = { at,
					       vaddr_add(at, scratch->page),
					       paddr_add(scratch->data, index * scratch->page),
					       { PROT_READ_ONLY, MEM_NORMAL } };

		test_equal(scratch->test, pt_map(space, &request), MAP_OK, "mapping");
	}
	tables_publish();
	use_pages(scratch->test, scratch, va, pages, index ? ~SCRATCH_MAGIC : SCRATCH_MAGIC);
}

static void tlb_upper(struct selftest *test)
{
	static const u16 counts[] = { 1, 2, PAGES, 600 };
	struct space space = test->kernel->kernel_space;
	const struct layout *layout = &test->kernel->handoff->plan.layout;
	struct scratch scratch;
	u64 va;

	if (!scratch_begin(&scratch, test, 48))
		return;
	va = layout->region[LAYOUT_MODULES].start.value + GIB(1) + START_PAGE * scratch.page;
	for (unsigned i = 0; i < ARRAY_SIZE(counts); i++)
		for (u64 index = 0; index < 2; index++) {
			u64 end = va + counts[i] * scratch.page;

			upper_map(&scratch, &space, va, counts[i], index);
			test_equal(test, pt_unmap(&space, vaddr(va), vaddr(end)), MAP_OK,
				   "unmapping");
			for (u64 at = va; at < end; at += scratch.page)
				test_check(test, faults(at), "still translated", at);
		}
	scratch_end(&scratch);
}

/* TLBI's word for the page size (DDI 0487 C5.5): 4K is 1, 16K 2, 64K 3. */
static u64 granule_word(const struct regime *regime)
{
	return (u64)regime->granule_shift / 2 - 5;
}

/*
 * One operation, read as the CPU does: it begins at @at, and what it says about levels is true of
 * leaves at @hinted, or nothing where that is TLB_LEVEL_UNKNOWN. Returns how many pages it drops.
 */
static u64 check_operand(struct selftest *test, const struct regime *regime, struct tlb_op op,
			 u64 at, int hinted)
{
	bool range = op.kind == TLB_RANGE || op.kind == TLB_RANGE_LAST;
	bool known = hinted != TLB_LEVEL_UNKNOWN;
	u64 granule = op.operand >> 46 & 3, hint = op.operand >> (range ? 37 : 44) & 3;
	unsigned shift = regime->format == DESC_LPA2 ? 16 : regime->granule_shift;
	u64 first = range ? (op.operand & (BIT(37) - 1)) << shift :
			    (op.operand & (BIT(44) - 1)) << 12;

	test_equal(test, first, at & (BIT(range ? 37 + shift : 56) - 1), "address of a TLBI");
	if (range || (granule | hint) != 0)
		test_equal(test, granule, granule_word(regime), "page size of a TLBI");
	if (!known)
		test_equal(test, range ? hint : granule | hint, 0, "level of a TLBI");
	else if (hint != 0 || (granule != 0 && !range))
		test_equal(test, hint, (u64)hinted, "level of a TLBI");
	if (range)
		return ((op.operand >> 39 & 31) + 1) << (5 * (op.operand >> 44 & 3) + 1);
	return known ? BIT(regime_shift(regime, hinted) - regime->granule_shift) : 1;
}

/*
 * All operations for @pages pages from @page on, about which the kernel says @level, and may give
 * @hinted for a hint.
 */
static void check_operands(struct selftest *test, u64 page, u64 pages, int level, int hinted)
{
	const struct space *space = &test->kernel->kernel_space;
	const struct regime *regime = &space->regime;
	u64 at = page << regime->granule_shift, end = at + (pages << regime->granule_shift);
	struct tlb_range range = { vaddr(at), vaddr(end), level, false };
	struct tlb_ops ops = tlb_ops_begin(space, &range);
	struct tlb_op op = { .kind = TLB_ALL };

	while (tlb_ops_next(&ops, &op) && op.kind != TLB_ALL)
		at += check_operand(test, regime, op, at, hinted) << regime->granule_shift;
	if (op.kind != TLB_ALL)
		test_equal(test, at, end, "end of the last TLBI");
}

SELFTEST_RULE(tlb, operands, "D8.14 TLBI range",
	      "operands name what they should, and no wrong level");

static void tlb_operands(struct selftest *test)
{
	const struct regime *regime = &test->kernel->kernel_space.regime;
	const int unknown = TLB_LEVEL_UNKNOWN;

	for (int level = regime->root_level; level <= LEVEL_PAGE; level++) {
		u64 leaf = BIT(regime_shift(regime, level) - regime->granule_shift);
		bool legal = regime_leaf_level(regime, level);

		for (unsigned i = 0; i < 16; i++) {
			u64 page = leaf * test_random(test, 32);
			u64 pages = leaf * (1 + test_random(test, 40));

			check_operands(test, page, pages, level, legal ? level : unknown);
			/* Leaves of that level cannot begin or end there. */
			if (leaf > 1) {
				check_operands(test, page + 1, 33, level, unknown);
				check_operands(test, page, leaf + 1, level, unknown);
			}
		}
	}
	for (unsigned i = 0; i < 64; i++)
		check_operands(test, test_random(test, 100), 1 + test_random(test, 5000), unknown,
			       unknown);
}
