// SPDX-License-Identifier: MIT
/*
 * Self tests: who may execute what, and what stops code that runs where it may.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(60, execute);

/* BTYPE after a BLR, and after a BR in guarded code. */
#define BTYPE_CALL 2
#define BTYPE_JUMP 3

static unsigned permission_fault(void)
{
	return fault_status(FAULT_PERMISSION, LEVEL_PAGE);
}

SELFTEST_RULE(execute, wxn, "D8.4 WXN", "what is writable cannot be executed, by WXN alone");

/* The kernel's own descriptors set PXN in whatever is writable: here it is WXN that decides. */
static void execute_wxn(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_code(&scratch, 0, CODE_BTI, LEAF_PXN, LEAF_READ_ONLY);
	test_works(test, TOUCH_RUN, vaddr(0));
	scratch_code(&scratch, 0, CODE_BTI, LEAF_PXN, 0);
	if (test->kernel->handoff->plan.wxn)
		test_faults(test, TOUCH_RUN, vaddr(0), permission_fault());
	else
		test_works(test, TOUCH_RUN, vaddr(0));
	scratch_end(&scratch);
}

SELFTEST_RULE(execute, pxn, "D8.4 PXN", "PXN stops the kernel, UXN does not");

static void execute_pxn(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_code(&scratch, 0, CODE_BTI, LEAF_PXN, LEAF_READ_ONLY | LEAF_UXN);
	test_works(test, TOUCH_RUN, vaddr(0));
	scratch_code(&scratch, 0, CODE_BTI, LEAF_UXN, LEAF_READ_ONLY | LEAF_PXN);
	test_faults(test, TOUCH_RUN, vaddr(0), permission_fault());
	/* What EL0 can write is never the kernel's to execute, whatever PXN says. */
	scratch_code(&scratch, 0, CODE_BTI, LEAF_PXN, LEAF_USER);
	test_faults(test, TOUCH_RUN, vaddr(0), permission_fault());
	scratch_end(&scratch);
}

SELFTEST_RULE(execute, uxn, "D8.4 UXN", "UXN stops EL0, in leaves and in tables");

/* EL0 gets as far as an SVC, or not. */
static void execute_uxn(struct selftest *test)
{
	struct scratch scratch;
	struct fault fault = { 0 };

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_code(&scratch, 0, CODE_SVC, LEAF_UXN, LEAF_USER | LEAF_READ_ONLY | LEAF_PXN);
	test_check(test, touch(TOUCH_USER_RUN, vaddr(0), &fault), "no exception", 0);
	test_class(test, &fault, ESR_EL1_EC_SVC64, sizeof(u32));
	scratch_code(&scratch, 0, CODE_SVC, 0, LEAF_USER | LEAF_READ_ONLY | LEAF_UXN);
	test_faults(test, TOUCH_USER_RUN, vaddr(0), permission_fault());
	scratch_code(&scratch, 0, CODE_SVC, LEAF_UXN, LEAF_USER | LEAF_READ_ONLY | LEAF_PXN);
	scratch_write(&scratch, 0, LEVEL_PAGE - 1, 0, TABLE_UXN);
	tlb_invalidate_all();
	test_faults(test, TOUCH_USER_RUN, vaddr(0), permission_fault());
	/* A page of the kernel's is none of EL0's, executable or not. */
	scratch_code(&scratch, 0, CODE_SVC, LEAF_PXN | LEAF_UXN, LEAF_READ_ONLY);
	touch(TOUCH_USER_RUN, vaddr(0), &fault);
	test_class(test, &fault, ESR_EL1_EC_SVC64, sizeof(u32));
	scratch_end(&scratch);
}

static void check_bti(struct selftest *test, enum touch how, u64 at, u64 btype)
{
	struct fault fault = { 0 };

	test_check(test, touch(how, vaddr(at), &fault), "no trap at", at);
	test_class(test, &fault, ESR_EL1_EC_BTI, at);
	test_equal(test, SYSREG_GET(ESR_EL1_ISS, fault.esr), btype, "BTYPE");
}

SELFTEST_RULE(execute, bti, "D8.4 GP", "a branch to what is no landing pad traps");

/* PACIASP is a landing pad for calls only: SCTLR_EL1.BT1. */
static void execute_bti(struct selftest *test)
{
	struct scratch scratch;

	if (!test_needs(test, test->kernel->handoff->plan.bti, "no FEAT_BTI, or turned off") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	scratch_code(&scratch, 0, CODE_BTI, LEAF_PXN, LEAF_READ_ONLY | LEAF_GP);
	test_works(test, TOUCH_RUN, vaddr(0));
	check_bti(test, TOUCH_RUN, sizeof(u32), BTYPE_CALL);
	check_bti(test, TOUCH_JUMP, 0, BTYPE_JUMP);
	scratch_code(&scratch, 0, CODE_BTI_JUMP, LEAF_PXN, LEAF_READ_ONLY | LEAF_GP);
	test_works(test, TOUCH_JUMP, vaddr(0));
	check_bti(test, TOUCH_RUN, 0, BTYPE_CALL);
	scratch_code(&scratch, 0, CODE_PACIASP, LEAF_PXN, LEAF_READ_ONLY | LEAF_GP);
	check_bti(test, TOUCH_JUMP, 0, BTYPE_JUMP);
	/* Written anew, since emulators remember with the code that it was guarded. */
	scratch_code(&scratch, 0, CODE_BTI, LEAF_PXN | LEAF_GP, LEAF_READ_ONLY);
	test_works(test, TOUCH_RUN, vaddr(sizeof(u32)));
	scratch_end(&scratch);
}

struct signing {
	u64 pointer, modifier;
};

static void use_signed(void *context)
{
	const struct signing *signing = context;

	memory_load(vaddr(pac_check(signing->pointer, signing->modifier)), 8);
}

SELFTEST(execute, pac, "a pointer signed wrongly cannot be used");

/*
 * Checked against another modifier, a signature fails at once (FEAT_FPAC) or leaves an address that
 * is not canonical. One modifier in thousands has the same signature: hence several.
 */
static void execute_pac(struct selftest *test)
{
	u64 pointer = pointer_va(&test->kernel->symbols).value;
	struct fault fault = { 0 };
	unsigned failed = 0;

	if (!test_needs(test, test->kernel->handoff->plan.pac, "no FEAT_PAuth, or turned off"))
		return;
	pointer = align_down(pointer, 8);
	for (u64 i = 1; i <= 8; i++) {
		struct signing right = { pac_sign(pointer, i), i }, wrong = { right.pointer, ~i };
		u64 class;

		test_equal(test, pac_check(right.pointer, i), pointer, "the pointer, checked");
		test_check(test, !fault_catch(use_signed, &right, &fault), "fault", fault.esr);
		if (!fault_catch(use_signed, &wrong, &fault))
			continue;
		failed++;
		class = SYSREG_GET(ESR_EL1_EC, fault.esr);
		test_check(test,
			   class == ESR_EL1_EC_FPAC ||
				   (class == ESR_EL1_EC_DABT_CUR && fault.far != pointer &&
				    SYSREG_GET(ESR_EL1_FSC, fault.esr) ==
					    fault_status(FAULT_TRANSLATION, 0)),
			   "not what a bad signature should do", fault.esr);
	}
	test_check(test, failed >= 6, "bad signatures found, of 8", failed);
}

/*
 * In place of the return address in its own frame, @context: a function's prologue has put it there
 * after the frame pointer.
 */
static void __attribute__((noinline)) return_overwrite(void *context)
{
	volatile u64 *frame = __builtin_frame_address(0);

	frame[1] = *(const u64 *)context;
}

static void shadow_use_up(void *context)
{
	(void)context;
	shadow_fill();
}

SELFTEST(execute, scs, "a return address overwritten on the stack is not taken");

/* Nobody is at 0: a return to there would fault. */
static void execute_scs(struct selftest *test)
{
	enum return_addresses what = handoff_return_addresses(test->kernel->handoff);
	struct fault fault = { 0 };
	u64 nowhere = 0;

	if (!test_needs(test, what == RETURN_SHADOW, "no shadow call stack"))
		return;
	test_check(test, !fault_catch(return_overwrite, &nowhere, &fault), "taken", fault.elr);
	test_check(test, fault_catch(shadow_use_up, NULL, &fault), "no gap",
		   cpu_this()->shadow.end);
	test_equal(test, fault.far, cpu_this()->shadow.end, "where the shadow call stack ended");
	test_check(test, !fault_catch(return_overwrite, &nowhere, &fault), "taken", fault.elr);
}

SELFTEST_RULE(execute, alignment, "R_XCHFJ priority", "unaligned data and code fault");

static void execute_alignment(struct selftest *test)
{
	struct fault fault = { 0 };
	static u64 words[2];
	u64 va = pointer_va(words).value + 1;

	test_works(test, TOUCH_LOAD, vaddr(va));
	alignment_check_set(true);
	test_faults(test, TOUCH_LOAD, vaddr(va), FAULT_ALIGNMENT);
	test_faults(test, TOUCH_STORE, vaddr(va), FAULT_ALIGNMENT);
	alignment_check_set(false);
	test_works(test, TOUCH_STORE, vaddr(va));
	va = (uintptr_t)memory_load + 2;
	test_check(test, touch(TOUCH_RUN, vaddr(va), &fault), "no fault", va);
	test_class(test, &fault, ESR_EL1_EC_PC_ALIGN, va);
	test_equal(test, fault.far, va, "FAR");
}
