// SPDX-License-Identifier: MIT
/*
 * Self tests: what EL0 may touch, and that the kernel keeps off it.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(70, user);

static void check_at(struct selftest *test, enum at_access access, bool allowed, const char *what)
{
	u64 par = at_translate_as(vaddr(0), access);

	test_equal(test, !SYSREG_GET(PAR_EL1_F, par), allowed, what);
	if (SYSREG_GET(PAR_EL1_F, par))
		test_equal(test, SYSREG_GET(PAR_EL1_FST, par),
			   fault_status(FAULT_PERMISSION, LEVEL_PAGE), "fault status");
}

/* At EL2 with HCR_EL2.TGE set these are EL0's rights in the same tables. */
static void check_touch(struct selftest *test, enum touch what, bool allowed)
{
	if (allowed)
		test_works(test, what, vaddr(0));
	else
		test_faults(test, what, vaddr(0), fault_status(FAULT_PERMISSION, LEVEL_PAGE));
}

static void check_user(struct selftest *test, bool read, bool write)
{
	if (test->kernel->handoff->plan.el == 1) {
		check_at(test, AT_USER_READ, read, "AT S1E0R");
		check_at(test, AT_USER_WRITE, write, "AT S1E0W");
	}
	check_touch(test, TOUCH_USER_LOAD, read);
	check_touch(test, TOUCH_USER_STORE, write);
}

SELFTEST(user, access, "EL0 has the access that AP gives it");

static void user_access(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	check_user(test, false, false);
	scratch_edit(&scratch, 0, 0, LEAF_READ_ONLY);
	check_user(test, false, false);
	scratch_edit(&scratch, 0, 0, LEAF_USER);
	check_user(test, true, false);
	scratch_edit(&scratch, 0, LEAF_READ_ONLY, 0);
	check_user(test, true, true);
	scratch_end(&scratch);
}

SELFTEST(user, kernel, "EL0 cannot touch the kernel's addresses");

/* FEAT_E0PD: the same fault, in the same time, whether or not anything is mapped. */
static void user_kernel(struct selftest *test)
{
	vaddr_t mapped = pointer_va(test), hole = vaddr(test->kernel->guard.start);
	bool e0pd = test->kernel->handoff->plan.e0pd;
	unsigned level_0 = fault_status(FAULT_TRANSLATION, 0);

	test_faults(test, TOUCH_USER_LOAD, mapped,
		    e0pd ? level_0 : fault_status(FAULT_PERMISSION, leaf_level(test, mapped)));
	test_faults(test, TOUCH_USER_LOAD, hole,
		    e0pd ? level_0 : fault_status(FAULT_TRANSLATION, leaf_level(test, hole)));
}

static void check_pan(struct selftest *test, bool pan)
{
	check_touch(test, TOUCH_LOAD, !pan);
	check_touch(test, TOUCH_STORE, !pan);
	check_touch(test, TOUCH_USER_LOAD, true);
	check_at(test, AT_READ, true, "AT S1E1R");
	if (test_feature(test, ID_AA64MMFR1_EL1, PAN) < ID_AA64MMFR1_EL1_PAN_PAN2)
		return;
	check_at(test, AT_PAN_READ, !pan, "AT S1E1RP");
	check_at(test, AT_PAN_WRITE, !pan, "AT S1E1WP");
}

SELFTEST(user, pan, "PAN keeps the kernel from EL0's pages");

static void user_pan(struct selftest *test)
{
	struct scratch scratch;
	struct fault fault = { 0 };

	if (!test_needs(test, test->kernel->handoff->plan.pan, "no FEAT_PAN, or turned off") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	scratch_edit(&scratch, 0, 0, LEAF_USER);
	check_pan(test, true);
	pan_set(false);
	check_pan(test, false);
	/* SCTLR.SPAN: an exception handler does not inherit that. */
	touch(TOUCH_LOAD, vaddr(scratch.page), &fault);
	test_check(test, fault.pan, "PAN was not set by a fault at", fault.far);
	pan_set(true);
	check_pan(test, true);
	scratch_end(&scratch);
}
