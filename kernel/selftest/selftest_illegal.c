// SPDX-License-Identifier: MIT
/*
 * Self tests: what no table should hold, but for which the manual says what happens.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(50, illegal);

/* The lowest-numbered level that may hold a block (DDI 0487 D8.3.1, table D8-20 and following). */
static int first_block_level(const struct regime *regime)
{
	if (regime->granule_shift == GRANULE_SHIFT_4K)
		return regime->format == DESC_LPA2 ? 0 : 1;
	return regime->format == DESC_48 ? 2 : 1;
}

/* QEMU, which looks at nothing but the type where another emulator or a CPU counts levels. */
static bool takes_any_block(struct selftest *test, struct scratch *scratch)
{
	u64 par;

	if (!devices_are_qemus(&test->kernel->fdt))
		return false;
	scratch_page(scratch, 0);
	scratch_write(scratch, 0, scratch->space.regime.root_level, LEAF_TYPE, LEAF_AF);
	tlb_invalidate_all();
	par = at_translate(vaddr(0), false);
	return !SYSREG_GET(PAR_EL1_F, par);
}

SELFTEST(illegal, block, "a block at a level that has none faults");

/* A block where there can be none is a descriptor like any other that is not valid. */
static void illegal_block(struct selftest *test)
{
	struct scratch scratch;
	int end;

	if (!scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	end = first_block_level(&scratch.space.regime);
	if (!test_needs(test, scratch.space.regime.root_level < end,
			"blocks are legal at every level of this regime") ||
	    !test_needs(test, !takes_any_block(test, &scratch),
			"QEMU takes a block for one at any level")) {
		scratch_end(&scratch);
		return;
	}
	for (int level = scratch.space.regime.root_level; level < end; level++) {
		unsigned status = fault_status(FAULT_TRANSLATION, level);

		scratch_reset(&scratch, scratch_bits(test));
		scratch_page(&scratch, 0);
		test_translates(test, 0, scratch.data.value);
		scratch_write(&scratch, 0, level, LEAF_TYPE, LEAF_AF);
		tlb_invalidate_all();
		test_status(test, 0, status);
		test_faults(test, TOUCH_LOAD, vaddr(0), status);
	}
	scratch_end(&scratch);
}

SELFTEST(illegal, page, "the reserved type at level 3 faults");

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

SELFTEST(illegal, invalid, "what is not valid faults whatever else it holds");

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

SELFTEST(illegal, size_small, "T0SZ below its least value");

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

SELFTEST(illegal, size_large, "T0SZ above its greatest value");

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
