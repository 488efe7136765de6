// SPDX-License-Identifier: MIT
/*
 * Self tests: each kind of fault at each level, for each kind of access, and which of two it is
 * where a descriptor has cause for both.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(51, fault);

/* Of a test's number: the level and 1 in bits 2:0, the kind above. */
#define NUMBER_KIND_SHIFT 4

#define FAULTS(kind, name, rule, what)                                                            \
	SELFTEST_CASE(fault, name##_0, rule, what " at level 0", fault_level, ((kind) << 4) + 1); \
	SELFTEST_CASE(fault, name##_1, rule, what " at level 1", fault_level, ((kind) << 4) + 2); \
	SELFTEST_CASE(fault, name##_2, rule, what " at level 2", fault_level, ((kind) << 4) + 3); \
	SELFTEST_CASE(fault, name##_3, rule, what " at level 3", fault_level, ((kind) << 4) + 4)

SELFTEST_CASE(fault, size_root, "D8.2 address size", "address size faults at level -1", fault_level,
	      0);
FAULTS(0, size, "D8.2 address size", "address size faults");
SELFTEST_CASE(fault, translation_root, "D8.3 Valid", "translation faults at level -1", fault_level,
	      0x10);
FAULTS(1, translation, "D8.3 Valid", "translation faults");
FAULTS(2, access, "D8.4 AF", "access flag faults");
FAULTS(3, permission, "D8.4 AP", "permission faults");

/* The address that is touched: not the first of its page. */
#define OFFSET 0x128

struct spot {
	struct selftest *test;
	struct scratch *scratch;
	enum fault_kind kind;
	int level;
	u64 va; /* what translates to the data, if nothing is in the way */
	unsigned ips; /* TCR.IPS, small */
};

/* A leaf at the level; for faults that any descriptor may have, one that translates on. */
static void spot_build(struct spot *spot)
{
	struct scratch *scratch = spot->scratch;
	u64 span = regime_span(&scratch->space.regime, spot->level);
	u64 base = align_down(scratch->data.value, span);
	struct map_attr attr = { PROT_READ_ONLY, MEM_DEVICE_NGNRE };

	if (spot->kind == FAULT_ADDRESS_SIZE || spot->kind == FAULT_TRANSLATION) {
		scratch_page(scratch, 0);
		spot->va = OFFSET;
	} else {
		scratch_map(scratch, 0, base, span, attr);
		spot->va = scratch->data.value - base + OFFSET;
	}
}

static void spot_spoil(struct spot *spot)
{
	struct scratch *scratch = spot->scratch;

	scratch_off(scratch);
	switch (spot->kind) {
	case FAULT_ADDRESS_SIZE:
		scratch_write(scratch, spot->va, spot->level, 0, BIT(scratch_ips_bits[spot->ips]));
		break;
	case FAULT_TRANSLATION:
		scratch_write(scratch, spot->va, spot->level, LEAF_VALID, 0);
		break;
	case FAULT_ACCESS_FLAG:
		scratch_write(scratch, spot->va, spot->level, LEAF_AF, 0);
		break;
	case FAULT_PERMISSION:
		break; /* read-only, and for neither to execute */
	}
	tables_publish();
	if (spot->kind == FAULT_ADDRESS_SIZE)
		scratch_control(scratch, TCR_EL1_IPS_MASK, SYSREG_PUT(TCR_EL1_IPS, spot->ips));
	else
		scratch_control(scratch, 0, 0);
}

static void check_syndrome(struct spot *spot, enum touch what)
{
	struct fault fault = { 0 };

	if (!touch(what, vaddr(spot->va), &fault))
		return;
	test_equal(spot->test, SYSREG_GET(ESR_EL1_S1PTW, fault.esr), 0, "S1PTW");
	test_equal(spot->test, SYSREG_GET(ESR_EL1_FNV, fault.esr), 0, "FnV");
	test_equal(spot->test, SYSREG_GET(ESR_EL1_IL, fault.esr), 1, "IL");
}

static void spot_check(struct spot *spot)
{
	static const u8 touches[] = { TOUCH_LOAD,	TOUCH_STORE,   TOUCH_LOAD_BYTE,
				      TOUCH_STORE_BYTE, TOUCH_RUN,     TOUCH_USER_LOAD,
				      TOUCH_USER_STORE, TOUCH_USER_RUN };
	unsigned status = fault_status(spot->kind, spot->level);

	for (unsigned i = 0; i < ARRAY_SIZE(touches); i++) {
		enum touch what = (enum touch)touches[i];

		/* What is read-only, and the kernel's, can be read by that. */
		if (spot->kind == FAULT_PERMISSION &&
		    (what == TOUCH_LOAD || what == TOUCH_LOAD_BYTE))
			continue;
		test_faults(spot->test, what, vaddr(spot->va), status);
		check_syndrome(spot, what);
	}
	if (spot->kind != FAULT_PERMISSION)
		test_status(spot->test, spot->va, status);
	test_equal(spot->test, SYSREG_GET(PAR_EL1_FST, at_translate(vaddr(spot->va), true)), status,
		   "fault status of AT S1E1W");
}

static bool spot_exists(struct spot *spot)
{
	const struct regime *regime = &spot->scratch->space.regime;
	struct selftest *test = spot->test;

	if (!test_needs(test, spot->level >= regime->root_level, "no such level in this regime"))
		return false;
	if (spot->kind == FAULT_ADDRESS_SIZE)
		return scratch_small_size(test, &spot->ips);
	return spot->kind == FAULT_TRANSLATION ||
	       test_needs(test,
			  regime_leaf_level(regime, spot->level) &&
				  regime_span(regime, spot->level) <= BIT(regime->pa_bits),
			  "no leaves at this level");
}

static void fault_level(struct selftest *test)
{
	struct scratch scratch;
	struct spot spot = { .test = test,
			     .scratch = &scratch,
			     .kind = (enum fault_kind)(test->number >> NUMBER_KIND_SHIFT),
			     .level = (int)(test->number & 7) - 1 };

	if (!scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	if (spot_exists(&spot)) {
		spot_build(&spot);
		spot_spoil(&spot);
		spot_check(&spot);
	}
	scratch_end(&scratch);
}

/* Two causes in the descriptor of a page, and perhaps one in a table, and what comes first. */
#define TOO_LARGE 1 /* its address is */
#define NOT_VALID 2
#define NOT_ACCESSED 4
#define NOT_ALLOWED 8

SELFTEST_CASE(fault, first_valid_or_size, "R_XCHFJ priority", "not valid before its address",
	      fault_first, 0x13);
SELFTEST_CASE(fault, first_valid_or_flag, "R_XCHFJ priority", "not valid before the access flag",
	      fault_first, 0x16);
SELFTEST_CASE(fault, first_size_or_flag, "R_XCHFJ priority", "its address before the access flag",
	      fault_first, 0x05);
SELFTEST_CASE(fault, first_size_or_permission, "R_XCHFJ priority", "its address before permissions",
	      fault_first, 0x09);
SELFTEST_CASE(fault, first_flag_or_permission, "R_XCHFJ priority",
	      "the access flag before permissions", fault_first, 0x2c);

static void fault_first(struct selftest *test)
{
	enum fault_kind first = (enum fault_kind)(test->number >> NUMBER_KIND_SHIFT);
	unsigned ips, causes = test->number & 15;
	struct scratch scratch;

	if (!scratch_small_size(test, &ips) || !scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	scratch_off(&scratch);
	scratch_write(&scratch, 0, LEVEL_PAGE,
		      (causes & NOT_VALID ? LEAF_VALID : 0) | (causes & NOT_ACCESSED ? LEAF_AF : 0),
		      (causes & TOO_LARGE ? BIT(scratch_ips_bits[ips]) : 0) |
			      (causes & NOT_ALLOWED ? LEAF_READ_ONLY : 0));
	tables_publish();
	scratch_control(&scratch, TCR_EL1_IPS_MASK, SYSREG_PUT(TCR_EL1_IPS, ips));
	test_faults(test, TOUCH_STORE, vaddr(0), fault_status(first, LEVEL_PAGE));
	test_equal(test, SYSREG_GET(PAR_EL1_FST, at_translate(vaddr(0), true)),
		   fault_status(first, LEVEL_PAGE), "fault status of AT S1E1W");
	scratch_end(&scratch);
}

SELFTEST_CASE(fault, first_table, "R_XCHFJ priority", "a fault on the way before any of the leaf",
	      fault_first_table, 0);

/* Permissions are looked at when the walk is over, also those that a table takes. */
static void fault_first_table(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	scratch_off(&scratch);
	scratch_write(&scratch, 0, LEVEL_PAGE - 1, 0, (u64)2 << TABLE_AP_SHIFT);
	scratch_write(&scratch, 0, LEVEL_PAGE, LEAF_VALID, 0);
	tables_publish();
	scratch_control(&scratch, 0, 0);
	test_faults(test, TOUCH_STORE, vaddr(0), fault_status(FAULT_TRANSLATION, LEVEL_PAGE));
	scratch_off(&scratch);
	scratch_write(&scratch, 0, LEVEL_PAGE, LEAF_AF, LEAF_VALID);
	tables_publish();
	scratch_control(&scratch, 0, 0);
	test_faults(test, TOUCH_STORE, vaddr(0), fault_status(FAULT_ACCESS_FLAG, LEVEL_PAGE));
	scratch_off(&scratch);
	scratch_write(&scratch, 0, LEVEL_PAGE, 0, LEAF_AF);
	tables_publish();
	scratch_control(&scratch, 0, 0);
	test_faults(test, TOUCH_STORE, vaddr(0), fault_status(FAULT_PERMISSION, LEVEL_PAGE));
	test_works(test, TOUCH_LOAD, vaddr(0));
	scratch_end(&scratch);
}

SELFTEST_CASE(fault, first_alignment, "R_XCHFJ priority",
	      "alignment by SCTLR.A before what the walk finds", fault_first_alignment, 0);

static void fault_first_alignment(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	alignment_check_set(true);
	test_faults(test, TOUCH_LOAD, vaddr(1), FAULT_ALIGNMENT);
	test_faults(test, TOUCH_STORE, vaddr(1), FAULT_ALIGNMENT);
	alignment_check_set(false);
	test_faults(test, TOUCH_LOAD, vaddr(1),
		    fault_status(FAULT_TRANSLATION, scratch.space.regime.root_level));
	scratch_end(&scratch);
}

SELFTEST_CASE(fault, maintenance, "D19.2 ESR.CM", "cache maintenance that faults says so",
	      fault_maintenance, 0);

static void clean_now(void *context)
{
	(void)context;
	dcache_clean((const void *)OFFSET, 8, 8);
}

#define CLIDR_LOC_SHIFT 24

/*
 * By address, at EL1: needs a translation and no permission; WnR is set. Where no cache is before
 * the point of coherency, a CPU need not look at the address (DCInstNeedsTranslation()).
 */
static void fault_maintenance(struct selftest *test)
{
	struct fault fault = { 0 };
	struct scratch scratch;

	if (!test_needs(test, (cache_levels() >> CLIDR_LOC_SHIFT & 7) != 0,
			"no cache before the point of coherency") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	test_about(test, vaddr(OFFSET));
	test_check(test, fault_catch(clean_now, NULL, &fault), "no fault", OFFSET);
	test_equal(test, SYSREG_GET(ESR_EL1_EC, fault.esr), ESR_EL1_EC_DABT_CUR, "class");
	test_equal(test, SYSREG_GET(ESR_EL1_CM, fault.esr), 1, "CM");
	test_equal(test, SYSREG_GET(ESR_EL1_WNR, fault.esr), 1, "WnR");
	test_equal(test, SYSREG_GET(ESR_EL1_FSC, fault.esr),
		   fault_status(FAULT_TRANSLATION, scratch.space.regime.root_level), "status");
	scratch_page(&scratch, 0);
	scratch_edit(&scratch, 0, 0, LEAF_READ_ONLY);
	test_check(test, !fault_catch(clean_now, NULL, &fault), "a fault, mapped", fault.esr);
	scratch_end(&scratch);
}

SELFTEST_CASE(fault, isv, "D19.2 ISV", "no fault of stage 1 describes the instruction", fault_isv,
	      0);

#define ISV BIT(24)

static void fault_isv(struct selftest *test)
{
	static const u8 touches[] = { TOUCH_LOAD, TOUCH_STORE, TOUCH_LOAD_BYTE, TOUCH_USER_STORE };
	struct fault fault = { 0 };
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	test_about(test, vaddr(OFFSET));
	for (unsigned i = 0; i < ARRAY_SIZE(touches); i++) {
		test_check(test, touch((enum touch)touches[i], vaddr(OFFSET), &fault), "no fault",
			   OFFSET);
		test_equal(test, fault.esr & ISV, 0, "ESR.ISV");
	}
	scratch_end(&scratch);
}
