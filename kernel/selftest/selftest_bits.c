// SPDX-License-Identifier: MIT
/*
 * Self tests: bits of descriptors that must not matter, contiguous groups, and what AT answers.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(44, bits);

/* Of a test's number: the level in bits 3:0, and which bits in 7:4. */
#define SOFTWARE 0 /* 58:55 */
#define PBHA 1 /* 62:59 of a leaf */
#define TOP 2 /* 63 of a leaf */
#define TABLE_HIGH 3 /* 58:51 of a table */
#define TABLE_LOW 4 /* 11:10 and 7:2 */

#define BITS(name, rule, what, level, which) \
	SELFTEST_CASE(bits, name, rule, what " are ignored", bits_ignored, ((which) << 4) + level)

BITS(page_software, "D8.3 ignored, leaf", "bits 58:55 of a page", 3, 0);
BITS(page_pbha, "D8.3 ignored, leaf", "bits 62:59 of a page", 3, 1);
BITS(page_top, "D8.3 ignored, leaf", "bit 63 of a page", 3, 2);
BITS(block_2_software, "D8.3 ignored, leaf", "bits 58:55 of a block at level 2", 2, 0);
BITS(block_2_pbha, "D8.3 ignored, leaf", "bits 62:59 of a block at level 2", 2, 1);
BITS(block_2_top, "D8.3 ignored, leaf", "bit 63 of a block at level 2", 2, 2);
BITS(block_1_software, "D8.3 ignored, leaf", "bits 58:55 of a block at level 1", 1, 0);
BITS(block_1_pbha, "D8.3 ignored, leaf", "bits 62:59 of a block at level 1", 1, 1);
BITS(table_2_high, "D8.3 ignored, table", "bits 58:51 of a table at level 2", 2, 3);
BITS(table_2_low, "D8.3 ignored, table", "bits 11:10 and 7:2 of a table at level 2", 2, 4);
BITS(table_1_high, "D8.3 ignored, table", "bits 58:51 of a table at level 1", 1, 3);
BITS(table_1_low, "D8.3 ignored, table", "bits 11:10 and 7:2 of a table at level 1", 1, 4);

static const u64 ignored[] = {
	[SOFTWARE] = (u64)0xf << 55,	[PBHA] = (u64)0xf << 59,	   [TOP] = BIT(63),
	[TABLE_HIGH] = (u64)0xff << 51, [TABLE_LOW] = 3 << 10 | 0x3f << 2,
};

static void bits_ignored(struct selftest *test)
{
	int level = (int)(test->number & 15);
	unsigned which = test->number >> 4;
	u64 span, base, va;
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	span = which >= TABLE_HIGH ? scratch.page : regime_span(&scratch.space.regime, level);
	base = align_down(scratch.data.value, span);
	va = scratch.data.value - base;
	if (!test_needs(test,
			which >= TABLE_HIGH || regime_leaf_level(&scratch.space.regime, level),
			"no leaves at this level") ||
	    !test_needs(test, level >= scratch.space.regime.root_level, "no such level")) {
		scratch_end(&scratch);
		return;
	}
	scratch_map(&scratch, 0, base, span, (struct map_attr){ PROT_READ_ONLY, MEM_DEVICE_NGNRE });
	scratch_off(&scratch);
	scratch_write(&scratch, 0, level, 0, ignored[which]);
	tables_publish();
	scratch_control(&scratch, 0, 0);
	test_translates(test, va, scratch.data.value);
	test_works(test, TOUCH_LOAD, vaddr(va));
	test_faults(test, TOUCH_STORE, vaddr(va),
		    fault_status(FAULT_PERMISSION, which >= TABLE_HIGH ? LEVEL_PAGE : level));
	scratch_end(&scratch);
}

#define CONTIGUOUS(level)                                                              \
	SELFTEST_CASE(bits, contiguous_##level, "D8.6 Contiguous",                     \
		      "a contiguous group at level " #level ", each member by itself", \
		      bits_contiguous, level)

CONTIGUOUS(2);
CONTIGUOUS(3);

/* The length of a group, from the manual's table. */
static unsigned group_length(unsigned granule_shift, int level)
{
	switch (granule_shift) {
	case GRANULE_SHIFT_4K:
		return 16;
	case GRANULE_SHIFT_16K:
		return level == LEVEL_PAGE ? 128 : 32;
	}
	return 32;
}

/* Members translate in turn, whichever was used first. */
static void bits_contiguous(struct selftest *test)
{
	int level = (int)test->number;
	u64 span, base;
	unsigned length;
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	length = group_length(scratch.space.regime.granule_shift, level);
	span = regime_span(&scratch.space.regime, level);
	base = align_down(scratch.data.value, span * length);
	scratch_map(&scratch, 0, base, span * length,
		    (struct map_attr){ PROT_READ_ONLY, MEM_DEVICE_NGNRE });
	scratch_off(&scratch);
	for (unsigned i = 0; i < length; i++)
		scratch_write(&scratch, i * span, level, 0, LEAF_CONTIGUOUS);
	tables_publish();
	scratch_control(&scratch, 0, 0);
	test_works(test, TOUCH_LOAD, vaddr(scratch.data.value - base));
	for (unsigned i = length; i-- > 0;) {
		test_translates(test, i * span, base + i * span);
		test_faults(test, TOUCH_STORE, vaddr(i * span),
			    fault_status(FAULT_PERMISSION, level));
	}
	scratch_end(&scratch);
}

SELFTEST_CASE(bits, contiguous_flag, "D8.6 Contiguous, AF",
	      "HA: a group of which one member has the flag", bits_contiguous_flag, 0);

/* Any of a group's members with AF is enough for the group, and none of them need be set. */
static void bits_contiguous_flag(struct selftest *test)
{
	unsigned length;
	struct scratch scratch;

	if (!test_needs(test, test_feature(test, ID_AA64MMFR1_EL1, HAFDBS) >= 1,
			"no FEAT_HAFDBS") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	length = group_length(scratch.space.regime.granule_shift, LEVEL_PAGE);
	for (unsigned i = 0; i < 2; i++)
		scratch_map(&scratch, i * scratch.page, scratch.data.value + i * scratch.page,
			    scratch.page, (struct map_attr){ PROT_READ_ONLY, MEM_NORMAL });
	scratch_off(&scratch);
	scratch_write(&scratch, 0, LEVEL_PAGE, LEAF_AF, 0);
	tables_publish();
	scratch_control(&scratch, 0, TCR_EL1_HA_MASK);
	test_works(test, TOUCH_LOAD, vaddr(0));
	test_works(test, TOUCH_LOAD, vaddr(scratch.page));
	test_check(test, length > 1, "a group of one", length);
	scratch_end(&scratch);
}

/* ---- what AT answers --------------------------------------------------------------------------- */

#define PAR_PTW BIT(8)
#define PAR_S BIT(9)
#define PAR_RES1 BIT(11)

#define AT(name, what, access)                                                                  \
	SELFTEST_CASE(bits, par_##name, "D19.2 PAR", what ": every field of PAR_EL1", bits_par, \
		      access)

AT(s1e1r, "AT S1E1R", 0);
AT(s1e1w, "AT S1E1W", 1);
AT(s1e0r, "AT S1E0R", 2);
AT(s1e0w, "AT S1E0W", 3);
AT(s1e1rp, "AT S1E1RP", 4);
AT(s1e1wp, "AT S1E1WP", 5);

static bool has_at(struct selftest *test, enum at_access access)
{
	const struct boot_plan *plan = &test->kernel->handoff->plan;

	if (access == AT_PAN_READ || access == AT_PAN_WRITE)
		return test_needs(test,
				  plan->pan && test_feature(test, ID_AA64MMFR1_EL1, PAN) >=
						       ID_AA64MMFR1_EL1_PAN_PAN2,
				  "no FEAT_PAN2, or turned off");
	return (access != AT_USER_READ && access != AT_USER_WRITE) ||
	       test_needs(test, plan->el == 1, "EL0 of EL2 is not what AT asks about");
}

static void check_par_fault(struct selftest *test, u64 par, unsigned status)
{
	test_equal(test, par & (PAR_EL1_F_MASK | PAR_EL1_FST_MASK | PAR_PTW | PAR_S | PAR_RES1),
		   PAR_EL1_F_MASK | SYSREG_PUT(PAR_EL1_FST, status) | PAR_RES1, "PAR_EL1");
}

static void bits_par(struct selftest *test)
{
	enum at_access access = (enum at_access)test->number;
	bool user = access == AT_USER_READ || access == AT_USER_WRITE;
	struct scratch scratch;
	u64 par, va;

	if (!has_at(test, access) || !scratch_begin(&scratch, test, 48))
		return;
	va = scratch.page - 0x23;
	test_about(test, vaddr(va));
	par = at_translate_as(vaddr(va), access);
	check_par_fault(test, par,
			fault_status(FAULT_TRANSLATION, scratch.space.regime.root_level));
	scratch_page(&scratch, 0);
	if (user) {
		check_par_fault(test, at_translate_as(vaddr(va), access),
				fault_status(FAULT_PERMISSION, LEVEL_PAGE));
		scratch_edit(&scratch, 0, 0, LEAF_USER);
	}
	par = at_translate_as(vaddr(va), access);
	test_equal(test, par & (PAR_EL1_F_MASK | PAR_EL1_PA_MASK),
		   align_down(scratch.data.value + va, KIB(4)), "PAR_EL1.F and .PA");
	test_equal(test, par & (PAR_EL1_FST_MASK | PAR_RES1), PAR_RES1, "reserved bits of PAR_EL1");
	test_equal(test, SYSREG_GET(PAR_EL1_ATTR, par), 0xff, "PAR_EL1.ATTR");
	test_equal(test, SYSREG_GET(PAR_EL1_SH, par), SHARE_INNER, "PAR_EL1.SH");
	scratch_end(&scratch);
}
