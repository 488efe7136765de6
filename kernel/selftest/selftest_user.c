// SPDX-License-Identifier: MIT
/*
 * Self tests: what EL0 may touch, and that the kernel keeps off it.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/irq/timer.h>
#include <pagoda/kernel/selftest/scratch.h>

#define TICKS_PER_SECOND 20000 /* as often as that is the CPU interrupted */
#define INTERRUPTS_WANTED 3
#define PATIENCE_SECONDS 5 /* for them: an emulator may wait for its host */

/* EL0 counts down from a million, and asks to come back. */
#define CODE_MOVZ_X0_1M 0xd2a00200
#define CODE_SUB_X0_1 0xd1000400
#define CODE_CBNZ_X0_BACK 0xb5ffffe0
#define USER_SP 0x00005e1f5e1f5e10

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

SELFTEST_RULE(user, access, "D8.4 AP", "EL0 has the access that AP gives it");

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

SELFTEST_RULE(user, kernel, "D8.2 E0PD", "EL0 cannot touch the kernel's addresses");

/* FEAT_E0PD: the same fault, in the same time, whether or not anything is mapped. */
static void user_kernel(struct selftest *test)
{
	vaddr_t mapped = pointer_va(test), hole = vaddr(cpu_this()->guard.start);
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

SELFTEST_RULE(user, pan, "D8.4 PAN", "PAN keeps the kernel from EL0's pages");

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

static const struct user_registers marks = { 0x1d0e1d0e1d0e1d0e, 0x0e1d0e1d0e1d0e1d };

static void check_registers(struct selftest *test, struct user_registers expected)
{
	struct user_registers found = user_registers_get();

	test_equal(test, found.tpidr, expected.tpidr, "TPIDR_EL0");
	test_equal(test, found.tpidrro, expected.tpidrro, "TPIDRRO_EL0");
}

static void count_down(void *context)
{
	(void)context;
	user_go_on(vaddr(0), USER_SP);
}

/* EL0, or else the kernel, is busy until the timer has come to it a few times. */
static void interrupt(struct selftest *test, bool user)
{
	u64 start = counter_read(), patience = PATIENCE_SECONDS * counter_frequency();
	struct fault fault = { 0 };

	interrupt_timer_start(counter_frequency() / TICKS_PER_SECOND);
	while (interrupt_timer_count() < INTERRUPTS_WANTED && counter_read() - start < patience &&
	       test->failures == 0) {
		if (!user)
			continue;
		test_check(test, fault_catch(count_down, NULL, &fault), "no exception", 0);
		test_class(test, &fault, ESR_EL1_EC_SVC64, 4 * sizeof(u32));
		test_equal(test, fault.sp, USER_SP, "SP_EL0");
	}
	test_check(test, interrupt_timer_stop() >= INTERRUPTS_WANTED, "interrupts taken", user);
	check_registers(test, marks);
}

static void user_code(struct scratch *scratch)
{
	scratch_code(scratch, 0, CODE_SVC, LEAF_UXN, LEAF_USER | LEAF_READ_ONLY | LEAF_PXN);
	*scratch_word(scratch, 0) = (u64)CODE_SUB_X0_1 << 32 | CODE_MOVZ_X0_1M;
	*scratch_word(scratch, 1) = (u64)CODE_SVC << 32 | CODE_CBNZ_X0_BACK;
	code_publish(linear_va(&scratch->test->kernel->linear, scratch->data), 2 * sizeof(u64));
}

/* EL0 shows a number by making it its stack pointer. */
#define CODE_MOV_SP_X0 0x9100001f
#define CODE_ORR_X0(number) (0xaa000000 | (u32)(number) << 16) /* with x@number */
#define GENERAL_REGISTERS 31

/* mrs x0, S3_3_C@crn_C@crm_@op2: all that EL0 can read is there. */
#define CODE_MRS_X0(crn, crm, op2) (0xd53b0000 | (crn) << 12 | (crm) << 8 | (op2) << 5)

static void go_to_user(void *context)
{
	(void)context;
	user_run(vaddr(0));
}

/* The code at EL0's address 0: @count instructions, and svc. */
static bool run_at_el0(struct scratch *scratch, const u32 *code, unsigned count,
		       struct fault *fault)
{
	for (unsigned i = 0; i <= count; i += 2) {
		u32 first = i < count ? code[i] : CODE_SVC;
		u32 second = i + 1 < count ? code[i + 1] : CODE_SVC;

		*scratch_word(scratch, i / 2) = (u64)second << 32 | first;
	}
	code_publish(linear_va(&scratch->test->kernel->linear, scratch->data),
		     (count / 2 + 1) * sizeof(u64));
	return fault_catch(go_to_user, NULL, fault);
}

static void check_general(struct selftest *test, struct scratch *scratch)
{
	u32 code[GENERAL_REGISTERS];
	struct fault fault = { 0 };

	for (unsigned i = 0; i + 1 < GENERAL_REGISTERS; i++)
		code[i] = CODE_ORR_X0(i + 1);
	code[GENERAL_REGISTERS - 1] = CODE_MOV_SP_X0;
	test_check(test, run_at_el0(scratch, code, GENERAL_REGISTERS, &fault), "no exception", 0);
	test_class(test, &fault, ESR_EL1_EC_SVC64, sizeof(code) + sizeof(u32));
	test_equal(test, fault.sp, 0, "x0 to x30 at EL0, all in one");
}

/*
 * What the CPU is, the time, and EL0's own: each is known, or it traps. SCTLR_EL1.TSCXT, set, has
 * SCXTNUM_EL0 trap, and EnTP2, clear, TPIDR2_EL0.
 */
static const struct {
	u32 code;
	bool zero; /* EL0's own, which nobody has written */
} readable[] = {
	{ CODE_MRS_X0(13, 0, 2), true }, /* TPIDR_EL0 */
	{ CODE_MRS_X0(13, 0, 3), true }, /* TPIDRRO_EL0 */
	{ CODE_MRS_X0(4, 2, 0), false }, /* NZCV */
	{ CODE_MRS_X0(4, 4, 0), true }, /* FPCR */
	{ CODE_MRS_X0(4, 4, 1), true }, /* FPSR */
	{ CODE_MRS_X0(0, 0, 1), false }, /* CTR_EL0 */
	{ CODE_MRS_X0(0, 0, 7), false }, /* DCZID_EL0 */
	{ CODE_MRS_X0(14, 0, 0), false }, /* CNTFRQ_EL0 */
	{ CODE_MRS_X0(14, 0, 1), false }, /* CNTPCT_EL0 */
	{ CODE_MRS_X0(14, 0, 2), false }, /* CNTVCT_EL0 */
	{ CODE_MRS_X0(9, 13, 0), false }, /* PMCCNTR_EL0 */
	{ CODE_MRS_X0(9, 14, 0), false }, /* PMUSERENR_EL0 */
};

static void check_readable(struct selftest *test, struct scratch *scratch)
{
	for (unsigned i = 0; i < ARRAY_SIZE(readable); i++) {
		u32 code[] = { readable[i].code, CODE_MOV_SP_X0 };
		struct fault fault = { 0 };
		u64 value;

		test_check(test, run_at_el0(scratch, code, 2, &fault), "no exception", i);
		/* Any other exception is of the first instruction, which EL0 may not execute. */
		value = SYSREG_GET(ESR_EL1_EC, fault.esr) == ESR_EL1_EC_SVC64 ? fault.sp : 0;
		test_check(test, fault.elr <= sizeof(code) + sizeof(u32),
			   "an exception of the kernel's at", fault.elr);
		test_check(test, !(value & BIT(55)), "EL0 reads an address of the kernel's", value);
		test_check(test, !readable[i].zero || value == 0, "EL0 reads", value);
	}
}

SELFTEST(user, secrets, "EL0 can read nothing of the kernel's in registers");

static void user_secrets(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	user_code(&scratch);
	check_general(test, &scratch);
	check_readable(test, &scratch);
	scratch_end(&scratch);
}

SELFTEST(user, registers, "interrupts and faults leave EL0's registers alone");

/* At boot there is nothing in them: what EL0 reads there shall not be the kernel's. */
static void user_registers(struct selftest *test)
{
	enum interrupt_result started = interrupt_timer_init(test->kernel);
	struct scratch scratch;
	struct fault fault;

	check_registers(test, (struct user_registers){ 0, 0 });
	if (!test_needs(test, started == INTERRUPT_OK, interrupt_result_str(started)) ||
	    !scratch_begin(&scratch, test, 48))
		return;
	user_registers_set(marks);
	touch(TOUCH_LOAD, vaddr(cpu_this()->guard.start), &fault);
	check_registers(test, marks);
	interrupt(test, false);
	user_code(&scratch);
	interrupt(test, true);
	user_registers_set((struct user_registers){ 0, 0 });
	scratch_end(&scratch);
}
