// SPDX-License-Identifier: MIT
/*
 * Self tests: memory types and shareability, as PAR_EL1 tells them, and the one thing about Device
 * memory that a program sees at once: that it is touched where it is aligned.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(43, type);

#define FREE_INDEX 7 /* of MAIR: none of the kernel's types */
#define ATTR_INDEX_SHIFT 2
#define ATTR_INDEX_MASK ((u64)7 << ATTR_INDEX_SHIFT)
#define LEAF_SH_SHIFT 8
#define LEAF_SH_MASK ((u64)3 << LEAF_SH_SHIFT)
#define NORMAL_TAGGED 0xf0
#define NORMAL_NC 0x44

/* The data at address 0, of memory type @attr, by the index that is free. */
static void type_map(struct scratch *scratch, u64 mair, u64 attr)
{
	scratch_page(scratch, 0);
	scratch_off(scratch);
	scratch_write(scratch, 0, LEVEL_PAGE, ATTR_INDEX_MASK, FREE_INDEX << ATTR_INDEX_SHIFT);
	tables_publish();
	memory_types_set((mair & ~((u64)0xff << 8 * FREE_INDEX)) | attr << 8 * FREE_INDEX);
	scratch_control(scratch, 0, 0);
}

static u64 mair_now(void)
{
	u64 registers[SYSREG_COUNT];

	control_read(registers);
	return registers[SYSREG_MAIR_EL1];
}

#define ENCODING(hex, what) \
	SELFTEST_CASE(type, mair_##hex, "D8.5 MAIR", what ": PAR_EL1.ATTR", type_encoding, 0x##hex)

ENCODING(00, "Device-nGnRnE");
ENCODING(04, "Device-nGnRE");
ENCODING(08, "Device-nGRE");
ENCODING(0c, "Device-GRE");
ENCODING(44, "Normal, non-cacheable");
ENCODING(4f, "outer non-cacheable, inner write-back");
ENCODING(f4, "outer write-back, inner non-cacheable");
ENCODING(aa, "write-through, read-allocate");
ENCODING(bb, "write-through");
ENCODING(dd, "write-back, write-allocate");
ENCODING(ee, "write-back, read-allocate");
ENCODING(ff, "write-back");
ENCODING(f0, "tagged write-back");

static void type_encoding(struct selftest *test)
{
	u64 mair = mair_now();
	struct scratch scratch;

	if (!test_needs(test,
			test->number != NORMAL_TAGGED ||
				test_feature(test, ID_AA64PFR1_EL1, MTE) >= 2,
			"no FEAT_MTE2") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	type_map(&scratch, mair, test->number);
	test_about(test, vaddr(0));
	test_equal(test, SYSREG_GET(PAR_EL1_ATTR, at_translate(vaddr(0), false)), test->number,
		   "PAR_EL1.ATTR");
	test_translates(test, 0, scratch.data.value);
	scratch_off(&scratch);
	memory_types_set(mair);
	scratch_end(&scratch);
}

SELFTEST_CASE(type, index, "D8.5 AttrIndx", "each of eight indices is its own", type_index, 0);

static void type_index(struct selftest *test)
{
	u64 mair = mair_now();
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	/* The kernel's own, which stay, differ from these. */
	memory_types_set((mair & ((u64)-1 >> 24)) | (u64)0x4fbbee << 40);
	for (u64 index = 0; index < 8; index++) {
		u64 expected = (mair_now() >> 8 * index) & 0xff;

		scratch_off(&scratch);
		scratch_write(&scratch, 0, LEVEL_PAGE, ATTR_INDEX_MASK, index << ATTR_INDEX_SHIFT);
		tables_publish();
		scratch_control(&scratch, 0, 0);
		test_about(test, vaddr(0));
		test_equal(test, SYSREG_GET(PAR_EL1_ATTR, at_translate(vaddr(0), false)), expected,
			   "PAR_EL1.ATTR");
	}
	scratch_off(&scratch);
	memory_types_set(mair);
	scratch_end(&scratch);
}

/* A test's number: SH. Of memory that is cacheable. */
#define SHARED(name, what, sh)                                                                  \
	SELFTEST_CASE(type, leaf_##name, "D8.5 SH", what " by SH, with 48-bit descriptors",     \
		      type_sh_leaf, sh);                                                        \
	SELFTEST_CASE(type, tcr_##name, "D8.5 TCR.SH", what " by TCR, with 52-bit descriptors", \
		      type_sh_tcr, sh)

SHARED(non, "non-shareable", 0);
SHARED(outer, "outer shareable", 2);
SHARED(inner, "inner shareable", 3);

static void check_sh(struct selftest *test, u64 expected)
{
	test_about(test, vaddr(0));
	test_equal(test, SYSREG_GET(PAR_EL1_SH, at_translate(vaddr(0), false)), expected,
		   "PAR_EL1.SH");
}

static void type_sh_leaf(struct selftest *test)
{
	struct scratch scratch;

	if (!test_needs(test, test->kernel->kernel_space.regime.format != DESC_LPA2,
			"descriptors have no SH") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	scratch_off(&scratch);
	scratch_write(&scratch, 0, LEVEL_PAGE, LEAF_SH_MASK, (u64)test->number << LEAF_SH_SHIFT);
	tables_publish();
	scratch_control(&scratch, 0, 0);
	check_sh(test, test->number);
	scratch_end(&scratch);
}

static void type_sh_tcr(struct selftest *test)
{
	struct scratch scratch;

	if (!test_needs(test, test->kernel->kernel_space.regime.format == DESC_LPA2,
			"descriptors have SH") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	scratch_control(&scratch, TCR_EL1_SH0_MASK, SYSREG_PUT(TCR_EL1_SH0, test->number));
	check_sh(test, test->number);
	scratch_end(&scratch);
}

#define OUTER(hex, what)                                                \
	SELFTEST_CASE(type, outer_##hex, "D8.5 effective shareability", \
		      what " is outer shareable", type_outer, 0x##hex)

OUTER(00, "Device-nGnRnE");
OUTER(04, "Device-nGnRE");
OUTER(08, "Device-nGRE");
OUTER(0c, "Device-GRE");
OUTER(44, "Normal non-cacheable");

/* Whatever SH or TCR say, and so does PAR_EL1. */
static void type_outer(struct selftest *test)
{
	u64 mair = mair_now();
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	if (test_needs(test, !scratch_careless(&scratch), SCRATCH_CARELESS)) {
		scratch_reset(&scratch, 48);
		type_map(&scratch, mair, test->number);
		check_sh(test, SHARE_OUTER);
		scratch_off(&scratch);
		memory_types_set(mair);
	}
	scratch_end(&scratch);
}

#define ALIGNED(hex, what)                                                                 \
	SELFTEST_CASE(type, aligned_##hex, "B2.5 alignment", "unaligned, " what " faults", \
		      type_aligned, 0x##hex)

ALIGNED(00, "Device-nGnRnE");
ALIGNED(04, "Device-nGnRE");
ALIGNED(08, "Device-nGRE");
ALIGNED(0c, "Device-GRE");

static void type_aligned(struct selftest *test)
{
	u64 mair = mair_now();
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	if (test_needs(test, !scratch_careless(&scratch), SCRATCH_CARELESS)) {
		scratch_reset(&scratch, 48);
		type_map(&scratch, mair, test->number);
		for (u64 va = 1; va < 8; va++) {
			test_faults(test, TOUCH_LOAD, vaddr(va), FAULT_ALIGNMENT);
			test_faults(test, TOUCH_STORE, vaddr(va), FAULT_ALIGNMENT);
		}
		test_works(test, TOUCH_LOAD_BYTE, vaddr(1));
		test_works(test, TOUCH_LOAD, vaddr(8));
		scratch_off(&scratch);
		memory_types_set(mair);
	}
	scratch_end(&scratch);
}

#define UNALIGNED(hex, what)                                                                \
	SELFTEST_CASE(type, unaligned_##hex, "B2.5 alignment", "unaligned, " what " works", \
		      type_unaligned, 0x##hex)

UNALIGNED(44, "Normal non-cacheable");
UNALIGNED(ff, "Normal write-back");

static void type_unaligned(struct selftest *test)
{
	u64 mair = mair_now();
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	type_map(&scratch, mair, test->number);
	for (u64 va = 1; va < 8; va++)
		test_works(test, TOUCH_LOAD, vaddr(va));
	scratch_off(&scratch);
	memory_types_set(mair);
	scratch_end(&scratch);
}

/* DDI 0487 R_XCHFJ: after all that the walk can find, and before permissions. */
SELFTEST_CASE(type, aligned_first, "R_XCHFJ alignment",
	      "alignment by memory type before permissions", type_aligned_first, 0);

static void type_aligned_first(struct selftest *test)
{
	struct map_attr attr = { PROT_READ_ONLY, MEM_DEVICE_NGNRE };
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	if (test_needs(test, !scratch_careless(&scratch), SCRATCH_CARELESS)) {
		scratch_reset(&scratch, 48);
		scratch_map(&scratch, 0, scratch.data.value, scratch.page, attr);
		test_faults(test, TOUCH_STORE, vaddr(0),
			    fault_status(FAULT_PERMISSION, LEVEL_PAGE));
		test_faults(test, TOUCH_STORE, vaddr(1), FAULT_ALIGNMENT);
		test_faults(test, TOUCH_USER_LOAD, vaddr(1), FAULT_ALIGNMENT);
	}
	scratch_end(&scratch);
}
