// SPDX-License-Identifier: MIT
/*
 * Self tests: what no table should hold, but for which the manual says what happens.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(50, illegal);

#define PARANGE_52 6 /* of ID_AA64MMFR0_EL1; wider ones are larger */

/*
 * The lowest-numbered level that may hold a block (DDI 0487, BlockDescSupported). With 64K pages
 * that is for the CPU's own output size to say, whatever TCR.IPS and the command line make of it.
 */
static int first_block_level(const struct scratch *scratch)
{
	const struct regime *regime = &scratch->space.regime;
	u64 mmfr0 = scratch->test->kernel->handoff->facts.id[SYSREG_ID_AA64MMFR0_EL1];

	switch (regime->granule_shift) {
	case GRANULE_SHIFT_4K:
		return regime->format == DESC_LPA2 ? 0 : 1;
	case GRANULE_SHIFT_16K:
		return regime->format == DESC_LPA2 ? 1 : 2;
	}
	return SYSREG_GET(ID_AA64MMFR0_EL1_PARANGE, mmfr0) >= PARANGE_52 ? 1 : 2;
}

/* A block in place of what translates address 0 at @level. */
static void block_put(struct scratch *scratch, int level)
{
	scratch_reset(scratch, scratch_bits(scratch->test));
	scratch_page(scratch, 0);
	test_translates(scratch->test, 0, scratch->data.value);
	scratch_write(scratch, 0, level, LEAF_TYPE, LEAF_AF);
	tlb_invalidate_all();
}

/* Whether the CPU takes a block at each of the levels before @end, none of which may have any. */
static bool takes_every_block(struct scratch *scratch, int end)
{
	for (int level = scratch->space.regime.root_level; level < end; level++) {
		block_put(scratch, level);
		if (SYSREG_GET(PAR_EL1_F, at_translate(vaddr(0), false)))
			return false;
	}
	return true;
}

/*
 * An emulator that leaves out what no correct program asks for: levels of blocks, alignment of
 * Device memory, and that this is outer shareable. One of them alone, or some levels but not
 * others, is a machine that is wrong.
 */
bool scratch_careless(struct scratch *scratch)
{
	struct map_attr attr = { PROT_READ_ONLY, MEM_DEVICE_NGNRE };
	bool aligned, outer;
	struct fault fault;

	scratch_reset(scratch, scratch_bits(scratch->test));
	scratch_map(scratch, 0, scratch->data.value, scratch->page, attr);
	aligned = touch(TOUCH_LOAD, vaddr(1), &fault);
	outer = SYSREG_GET(PAR_EL1_SH, at_translate(vaddr(0), false)) == SHARE_OUTER;
	return !aligned && !outer && takes_every_block(scratch, first_block_level(scratch));
}

SELFTEST_RULE(illegal, block, "D8.3 block", "a block at a level that has none faults");

/* A block where there can be none is a descriptor like any other that is not valid. */
static void illegal_block(struct selftest *test)
{
	struct scratch scratch;
	int end, root;

	if (!scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	root = scratch.space.regime.root_level;
	end = first_block_level(&scratch);
	if (!test_needs(test, root < end, "blocks are legal at every level of this regime") ||
	    !test_needs(test, !scratch_careless(&scratch), SCRATCH_CARELESS)) {
		scratch_end(&scratch);
		return;
	}
	for (int level = root; level < end; level++) {
		block_put(&scratch, level);
		test_status(test, 0, fault_status(FAULT_TRANSLATION, level));
		test_faults(test, TOUCH_LOAD, vaddr(0), fault_status(FAULT_TRANSLATION, level));
	}
	scratch_end(&scratch);
}

SELFTEST_RULE(illegal, page, "D8.3 reserved type", "the reserved type at level 3 faults");

static void illegal_page(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	scratch_edit(&scratch, 0, LEAF_TYPE, 0);
	test_status(test, 0, fault_status(FAULT_TRANSLATION, LEVEL_PAGE));
	test_faults(test, TOUCH_LOAD, vaddr(0), fault_status(FAULT_TRANSLATION, LEVEL_PAGE));
	scratch_end(&scratch);
}

SELFTEST_RULE(illegal, invalid, "D8.3 Valid", "what is not valid faults whatever else it holds");

/* Nothing in a descriptor whose lowest bit is clear means anything. */
static void illegal_invalid(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	for (int level = scratch.space.regime.root_level; level <= LEVEL_PAGE; level++) {
		scratch_reset(&scratch, scratch_bits(test));
		scratch_page(&scratch, 0);
		scratch_write(&scratch, 0, level, LEAF_VALID, ~LEAF_VALID);
		tlb_invalidate_all();
		test_status(test, 0, fault_status(FAULT_TRANSLATION, level));
		test_faults(test, TOUCH_LOAD, vaddr(0), fault_status(FAULT_TRANSLATION, level));
	}
	scratch_end(&scratch);
}

/*
 * TCR.T0SZ out of bounds: a level 0 translation fault, or as if it were at the bound. Below the
 * least, FEAT_LVA leaves the fault only (DDI 0487 D8.2.5).
 */
static void check_size(struct selftest *test, struct scratch *scratch, unsigned bad, bool clamps)
{
	u64 par;

	scratch_control(scratch, TCR_EL1_T0SZ_MASK, SYSREG_PUT(TCR_EL1_T0SZ, bad));
	par = at_translate(vaddr(0), false);
	if (clamps && !SYSREG_GET(PAR_EL1_F, par)) {
		test_translates(test, 0, scratch->data.value);
		return;
	}
	test_status(test, 0, fault_status(FAULT_TRANSLATION, 0));
	test_faults(test, TOUCH_LOAD, vaddr(0), fault_status(FAULT_TRANSLATION, 0));
}

SELFTEST_RULE(illegal, size_small, "D8.2 TxSZ", "T0SZ below its least value");

static void illegal_size_small(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	scratch_page(&scratch, 0);
	test_translates(test, 0, scratch.data.value);
	check_size(test, &scratch, 64 - scratch_bits(test) - 1, !test_has_lva(test));
	scratch_end(&scratch);
}

SELFTEST_RULE(illegal, size_large, "D8.2 TxSZ", "T0SZ above its greatest value");

static void illegal_size_large(struct selftest *test)
{
	bool small = test_feature(test, ID_AA64MMFR2_EL1, ST) != 0;
	struct scratch scratch;
	unsigned most;

	if (!scratch_begin(&scratch, test, 25))
		return;
	most = !small ? 39 : scratch.space.regime.granule_shift == GRANULE_SHIFT_64K ? 47 : 48;
	scratch_page(&scratch, 0);
	test_translates(test, 0, scratch.data.value);
	scratch_reset(&scratch, 64 - most);
	scratch_page(&scratch, 0);
	test_translates(test, 0, scratch.data.value);
	check_size(test, &scratch, most + 1, true);
	scratch_end(&scratch);
}
