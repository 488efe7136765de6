// SPDX-License-Identifier: MIT
/*
 * Self tests: the access flag and the dirty state, with hardware's help and without, by every kind
 * of access, and what AT makes of them.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(42, flag);

/*
 * Of a test's number: what is done in bits 3:0, TCR.HA and HD, what the leaf has, what must come of
 * it, and what must stand in the leaf then.
 */
#define DO_AT_READ 9
#define DO_AT_WRITE 10
#define HA 0x10
#define HD 0x20
#define AF 0x40 /* in the leaf, as the next two */
#define DBM 0x80
#define RO 0x100
#define FAULT_AF 0x200 /* must come */
#define FAULT_RO 0x400
#define SETS_AF 0x800
#define MAY_SET_AF 0x1000
#define CLEARS_RO 0x2000

/* Of enum touch: LOAD 0, STORE 1, LOAD_BYTE 2, STORE_BYTE 3, RUN 4, USER_LOAD 6, USER_STORE 7. */
#define FLAG(name, rule, what, number) SELFTEST_CASE(flag, name, rule, what, flag_check, number)

FLAG(clear_load, "D8.4 AF", "a load where the flag is clear", 0 + FAULT_AF);
FLAG(clear_store, "D8.4 AF", "a store where the flag is clear", 1 + FAULT_AF);
FLAG(clear_fetch, "D8.4 AF", "a fetch where the flag is clear", 4 + RO + FAULT_AF);
FLAG(clear_ldtr, "D8.4 AF", "LDTR where the flag is clear", 6 + FAULT_AF);
FLAG(clear_sttr, "D8.4 AF", "STTR where the flag is clear", 7 + FAULT_AF);
FLAG(clear_at_read, "D8.4 AF, AT", "AT for a read where the flag is clear", DO_AT_READ + FAULT_AF);
FLAG(clear_at_write, "D8.4 AF, AT", "AT for a write where the flag is clear",
     DO_AT_WRITE + FAULT_AF);
FLAG(ha_load, "D8.4 HA", "HA: a load sets the flag", 0 + HA + SETS_AF);
FLAG(ha_load_byte, "D8.4 HA", "HA: a load of a byte sets the flag", 2 + HA + SETS_AF);
FLAG(ha_store, "D8.4 HA", "HA: a store sets the flag", 1 + HA + SETS_AF);
FLAG(ha_fetch, "D8.4 HA", "HA: a fetch sets the flag", 4 + RO + HA + SETS_AF);
FLAG(ha_ldtr, "D8.4 HA", "HA: LDTR sets the flag", 6 + HA + SETS_AF);
FLAG(ha_sttr, "D8.4 HA", "HA: STTR sets the flag", 7 + HA + SETS_AF);
FLAG(ha_refused, "D8.4 HA", "HA: a store that is refused stores nothing",
     1 + RO + HA + FAULT_RO + MAY_SET_AF);
FLAG(ha_at_read, "D8.4 HA, AT", "HA: AT for a read finds an address", DO_AT_READ + HA + MAY_SET_AF);
FLAG(ha_at_write, "D8.4 HA, AT", "HA: AT for a write finds an address",
     DO_AT_WRITE + HA + MAY_SET_AF);
FLAG(hd_alone, "D8.4 HD", "HD without HA does nothing", 1 + HD + AF + DBM + RO + FAULT_RO);
FLAG(hd_alone_flag, "D8.4 HD", "HD without HA sets no flag", 0 + HD + FAULT_AF);
FLAG(hd_store, "D8.4 HD", "HD: a store makes a page dirty",
     1 + HA + HD + AF + DBM + RO + CLEARS_RO);
FLAG(hd_store_byte, "D8.4 HD", "HD: a store of a byte makes a page dirty",
     3 + HA + HD + AF + DBM + RO + CLEARS_RO);
FLAG(hd_sttr, "D8.4 HD", "HD: STTR makes a page dirty", 7 + HA + HD + AF + DBM + RO + CLEARS_RO);
FLAG(hd_both, "D8.4 HD", "HD: one store sets the flag and makes dirty",
     1 + HA + HD + DBM + RO + SETS_AF + CLEARS_RO);
FLAG(hd_load, "D8.4 HD", "HD: a load leaves a page clean", 0 + HA + HD + AF + DBM + RO);
FLAG(hd_ldtr, "D8.4 HD", "HD: LDTR leaves a page clean", 6 + HA + HD + AF + DBM + RO);
FLAG(hd_no_dbm, "D8.4 DBM", "HD: without DBM read-only is read-only",
     1 + HA + HD + AF + RO + FAULT_RO);
FLAG(hd_off, "D8.4 DBM", "without HD DBM means nothing", 1 + HA + AF + DBM + RO + FAULT_RO);
FLAG(dbm_ignored, "D8.4 DBM", "without HA and HD DBM means nothing", 1 + AF + DBM + RO + FAULT_RO);
FLAG(dbm_writable, "D8.4 DBM", "DBM in a page that is dirty changes nothing",
     1 + HA + HD + AF + DBM);
FLAG(hd_at_write, "D8.4 HD, AT", "HD: AT finds a clean page writable, and leaves it clean",
     DO_AT_WRITE + HA + HD + AF + DBM + RO);
FLAG(hd_at_read, "D8.4 HD, AT", "HD: AT for a read leaves a page clean",
     DO_AT_READ + HA + HD + AF + DBM + RO);
FLAG(dbm_at_write, "D8.4 HD, AT", "without HD AT finds a clean page read-only",
     DO_AT_WRITE + HA + AF + DBM + RO + FAULT_RO);

static bool has_help(struct selftest *test)
{
	u64 has = test_feature(test, ID_AA64MMFR1_EL1, HAFDBS);

	if (test->number & HD)
		return test_needs(test, has >= 2, "no hardware dirty state (FEAT_HAFDBS)");
	return !(test->number & HA) || test_needs(test, has >= 1, "no FEAT_HAFDBS");
}

static void check_at(struct selftest *test, bool write, unsigned status)
{
	u64 par = at_translate(vaddr(0), write);

	test_equal(test, SYSREG_GET(PAR_EL1_F, par), status != 0, "PAR_EL1.F");
	if (status != 0)
		test_equal(test, SYSREG_GET(PAR_EL1_FST, par), status, "fault status");
}

static void act(struct selftest *test)
{
	unsigned what = test->number & 15, status = 0;

	if (test->number & FAULT_AF)
		status = fault_status(FAULT_ACCESS_FLAG, LEVEL_PAGE);
	else if (test->number & FAULT_RO)
		status = fault_status(FAULT_PERMISSION, LEVEL_PAGE);
	if (what == DO_AT_READ || what == DO_AT_WRITE)
		check_at(test, what == DO_AT_WRITE, status);
	else if (status != 0)
		test_faults(test, (enum touch)what, vaddr(0), status);
	else
		test_works(test, (enum touch)what, vaddr(0));
}

/* What must stand in the leaf: as before, but for what hardware had to do, or may do. */
static void check_leaf(struct selftest *test, u64 before, u64 after)
{
	u64 expected = before;

	if (test->number & SETS_AF)
		expected |= LEAF_AF;
	if (test->number & CLEARS_RO)
		expected &= ~LEAF_READ_ONLY;
	if (test->number & MAY_SET_AF)
		expected |= after & LEAF_AF;
	test_equal(test, after, expected, "the descriptor");
}

static void flag_check(struct selftest *test)
{
	unsigned what = test->number & 15;
	bool user = what == TOUCH_USER_LOAD || what == TOUCH_USER_STORE;
	struct scratch scratch;
	u64 leaf;

	if (!has_help(test) || !scratch_begin(&scratch, test, 48))
		return;
	*scratch_word(&scratch, 0) = (u64)CODE_RET << 32 | CODE_BTI;
	scratch_publish(&scratch);
	scratch_page(&scratch, 0);
	scratch_off(&scratch);
	scratch_write(&scratch, 0, LEVEL_PAGE, LEAF_AF | LEAF_PXN,
		      (test->number & AF ? LEAF_AF : 0) | (test->number & DBM ? LEAF_DBM : 0) |
			      (test->number & RO ? LEAF_READ_ONLY : 0) | (user ? LEAF_USER : 0) |
			      (what != TOUCH_RUN ? LEAF_PXN : 0));
	tables_publish();
	leaf = slot_read(scratch_slot(&scratch, 0, LEVEL_PAGE)).bits;
	scratch_control(&scratch, TCR_EL1_HA_MASK | TCR_EL1_HD_MASK,
			(test->number & HA ? TCR_EL1_HA_MASK : 0) |
				(test->number & HD ? TCR_EL1_HD_MASK : 0));
	act(test);
	check_leaf(test, leaf, slot_read(scratch_slot(&scratch, 0, LEVEL_PAGE)).bits);
	scratch_end(&scratch);
}

SELFTEST_CASE(flag, block, "D8.4 HD", "HD: a store makes a block dirty", flag_block, 0);

static void flag_block(struct selftest *test)
{
	struct scratch scratch;
	u64 span, base, va;

	if (!test_needs(test, test_feature(test, ID_AA64MMFR1_EL1, HAFDBS) >= 2,
			"no hardware dirty state (FEAT_HAFDBS)") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	span = regime_span(&scratch.space.regime, 2);
	base = align_down(scratch.data.value, span);
	va = span + scratch.data.value - base;
	scratch_map(&scratch, span, base, span,
		    (struct map_attr){ PROT_READ_ONLY, MEM_DEVICE_NGNRE });
	scratch_off(&scratch);
	scratch_write(&scratch, span, 2, LEAF_AF, LEAF_DBM);
	tables_publish();
	scratch_control(&scratch, 0, TCR_EL1_HA_MASK | TCR_EL1_HD_MASK);
	test_works(test, TOUCH_STORE, vaddr(va));
	test_equal(test,
		   slot_read(scratch_slot(&scratch, span, 2)).bits & (LEAF_AF | LEAF_READ_ONLY),
		   LEAF_AF, "AF and AP[2] of the block");
	scratch_end(&scratch);
}

SELFTEST_CASE(flag, wxn_clean, "D8.4 HD, WXN", "HD: what a store may make writable is so for WXN",
	      flag_wxn_clean, 0);

static void flag_wxn_clean(struct selftest *test)
{
	struct scratch scratch;

	if (!test_needs(test, test->kernel->handoff->plan.wxn, "WXN is off") ||
	    !test_needs(test, test_feature(test, ID_AA64MMFR1_EL1, HAFDBS) >= 2,
			"no hardware dirty state (FEAT_HAFDBS)") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	scratch_code(&scratch, 0, CODE_BTI, LEAF_PXN, LEAF_READ_ONLY | LEAF_DBM);
	test_works(test, TOUCH_RUN, vaddr(0));
	scratch_control(&scratch, 0, TCR_EL1_HA_MASK | TCR_EL1_HD_MASK);
	test_faults(test, TOUCH_RUN, vaddr(0), fault_status(FAULT_PERMISSION, LEVEL_PAGE));
	scratch_end(&scratch);
}
