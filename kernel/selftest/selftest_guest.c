// SPDX-License-Identifier: MIT
/*
 * Self tests: a guest of two pages, at EL1 under a stage 2 and a VMID of its own.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/tlbi.h>
#include <pagoda/kernel/hyp/guest.h>
#include <pagoda/kernel/irq/timer.h>
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/pt/slot.h>

SELFTEST_SUBJECT(150, guest);

/* Where it has its pages, whatever the page size; and nothing in between. */
#define CODE_AT MIB(2)
#define DATA_AT MIB(3)
#define NOTHING_AT MIB(4)

#define ANSWER 42
#define MAGIC 0x5061676f6461a55a
#define TICKS_A_SECOND 200

/* Its program: at each offset the turn that begins there. */
static const u32 program[] = {
	0xd2800540, /* mov x0, #42 */
	0xd4000002, /* hvc #0 */
#define GUEST_LOAD 8
	0xf9400041, /* ldr x1, [x2] */
	0xd4000002,
#define GUEST_STORE 16
	0xf9000041, /* str x1, [x2] */
	0xd4000002,
#define GUEST_SPIN 24
	0x14000000, /* b . */
#define GUEST_SMC 28
	0xd4000003, /* smc #0 */
};

struct guest_test {
	struct selftest *test;
	const struct kernel *kernel;
	paddr_t code, data;
	u64 page;
	struct guest_run run;
};

static u64 *words_of(const struct guest_test *guest, paddr_t pa)
{
	return linear_pointer(&guest->kernel->linear, pa);
}

static void pages_fill(struct guest_test *guest)
{
	u32 *code = linear_pointer(&guest->kernel->linear, guest->code);

	for (unsigned i = 0; i < ARRAY_SIZE(program); i++)
		code[i] = program[i];
	words_of(guest, guest->data)[0] = MAGIC;
	code_publish(vaddr_of(code), guest->page);
}

static void expect_answer(struct guest_test *guest, enum el2_answer answer,
			  enum el2_answer expected)
{
	test_equal(guest->test, answer, expected, "answer");
}

static bool guest_begin(struct guest_test *guest, struct selftest *test)
{
	const char *none = guest_none_str(test->kernel);
	struct alloc *alloc = test_alloc(test);

	*guest = (struct guest_test){ .test = test, .kernel = test->kernel };
	if (!alloc || !test_needs(test, none == NULL, none))
		return false;
	guest->page = regime_granule(&test->kernel->kernel_space.regime);
	if (!test_needs(test, buddy_alloc(&alloc->buddy, 0, &guest->code) == BUDDY_OK, "no page"))
		return false;
	if (!test_needs(test, buddy_alloc(&alloc->buddy, 0, &guest->data) == BUDDY_OK, "no page"))
		return false;
	pages_fill(guest);
	expect_answer(guest, guest_page(guest->kernel, CODE_AT, guest->code, PROT_READ_EXECUTE),
		      EL2_OK);
	expect_answer(guest, guest_page(guest->kernel, DATA_AT, guest->data, PROT_READ_WRITE),
		      EL2_OK);
	return true;
}

static void guest_finish(struct guest_test *guest)
{
	struct buddy *buddy = &guest->kernel->alloc->buddy;

	guest_end(guest->kernel);
	(void)buddy_free(buddy, guest->code, 0);
	(void)buddy_free(buddy, guest->data, 0);
}

/* From @pc on with x1 and x2, until it is over; that is to be for @reason. */
static void turn(struct guest_test *guest, u64 pc, u64 x1, u64 x2, enum guest_exit reason)
{
	guest->run.pc = pc;
	guest->run.x[1] = x1;
	guest->run.x[2] = x2;
	expect_answer(guest, guest_run(guest->kernel, &guest->run), EL2_OK);
	test_equal(guest->test, guest->run.reason, reason, guest_exit_str(reason));
}

/* An abort of @class at @ipa with this @status; a permission fault has no address but FAR. */
static void turn_aborts(struct guest_test *guest, u64 pc, u64 x2, unsigned class, unsigned status)
{
	u64 at = class == ESR_EL1_EC_IABT_LOW ? pc : x2;

	turn(guest, pc, MAGIC, x2, GUEST_ABORT);
	test_equal(guest->test, SYSREG_GET(ESR_EL1_EC, guest->run.esr), class, "class");
	test_equal(guest->test, SYSREG_GET(ESR_EL1_FSC, guest->run.esr), status, "status");
	test_equal(guest->test, guest->run.far, at, "FAR");
	if (status < 0xc)
		test_equal(guest->test, align_down(guest->run.ipa, guest->page),
			   align_down(at, guest->page), "HPFAR");
}

static int level_of(const struct guest_test *guest, u64 ipa)
{
	const struct space *space = guest_space(guest->kernel);

	return space ? pt_find(space, vaddr(ipa)).level : LEVEL_PAGE;
}

SELFTEST(guest, calls, "a guest runs, calls, and goes on behind the call");

static void guest_calls(struct selftest *test)
{
	struct guest_test guest;

	if (!guest_begin(&guest, test))
		return;
	turn(&guest, CODE_AT, 1, 2, GUEST_HVC);
	test_equal(test, guest.run.x[0], ANSWER, "x0");
	test_equal(test, guest.run.x[1], 1, "x1 is as it was");
	test_equal(test, guest.run.pc, CODE_AT + 8, "behind the call");
	test_equal(test, guest.run.pstate & 0x3cf, 0x3c5, "at EL1 with its stack pointer, masked");
	turn(&guest, guest.run.pc, 0, DATA_AT, GUEST_HVC);
	test_equal(test, guest.run.x[1], MAGIC, "what the kernel wrote");
	turn(&guest, CODE_AT + GUEST_STORE, ~MAGIC, DATA_AT, GUEST_HVC);
	turn(&guest, CODE_AT + GUEST_LOAD, 0, DATA_AT, GUEST_HVC);
	test_equal(test, guest.run.x[1], ~MAGIC, "what the guest wrote");
	turn(&guest, CODE_AT + GUEST_SMC, 0, 0, GUEST_TRAP);
	guest_finish(&guest);
}

SELFTEST(guest, faults, "and faults where it must, with the right address");

static void guest_faults(struct selftest *test)
{
	unsigned permission = fault_status(FAULT_PERMISSION, LEVEL_PAGE), nothing;
	struct guest_test guest;

	if (!guest_begin(&guest, test))
		return;
	nothing = fault_status(FAULT_TRANSLATION, level_of(&guest, NOTHING_AT));
	turn_aborts(&guest, CODE_AT + GUEST_LOAD, NOTHING_AT, ESR_EL1_EC_DABT_LOW, nothing);
	turn_aborts(&guest, CODE_AT + GUEST_STORE, NOTHING_AT + 8, ESR_EL1_EC_DABT_LOW, nothing);
	test_check(test, guest.run.esr & ESR_EL1_WNR_MASK, "is not called a write", guest.run.esr);
	turn_aborts(&guest, CODE_AT + GUEST_STORE, CODE_AT, ESR_EL1_EC_DABT_LOW, permission);
	turn_aborts(&guest, DATA_AT, 0, ESR_EL1_EC_IABT_LOW, permission);
	turn_aborts(&guest, NOTHING_AT, 0, ESR_EL1_EC_IABT_LOW, nothing);
	turn(&guest, CODE_AT + GUEST_LOAD, 0, CODE_AT, GUEST_HVC);
	test_equal(test, (u32)guest.run.x[1], program[0], "its own code may be read");
	guest_finish(&guest);
}

SELFTEST(guest, ends, "a guest that goes on for ever is interrupted");

static void guest_ends(struct selftest *test)
{
	struct guest_test guest;

	if (!test_needs(test, interrupt_timer_init(test->kernel) == INTERRUPT_OK,
			"no interrupt of the timer's") ||
	    !guest_begin(&guest, test))
		return;
	for (unsigned i = 0; i < 3; i++) {
		interrupt_timer_start(counter_frequency() / TICKS_A_SECOND);
		turn(&guest, CODE_AT + GUEST_SPIN, 0, 0, GUEST_INTERRUPT);
		test_equal(test, guest.run.pc, CODE_AT + GUEST_SPIN, "where it was");
		interrupt_timer_stop();
	}
	guest_finish(&guest);
}

SELFTEST(guest, gone, "torn down, it has nothing, and the kernel its pages");

static void guest_gone(struct selftest *test)
{
	struct guest_test guest;
	const struct space *space;
	struct pt_audit audit;

	if (!guest_begin(&guest, test))
		return;
	turn(&guest, CODE_AT, 0, 0, GUEST_HVC);
	space = guest_space(guest.kernel);
	audit = pt_audit_space(space);
	test_equal(test, audit.mapped, 2 * guest.page, "two pages");
	test_equal(test, audit.writable_executable, 0, "W^X");
	expect_answer(&guest, guest_page_back(guest.kernel, CODE_AT), EL2_OK);
	expect_answer(&guest, guest_page_back(guest.kernel, CODE_AT), EL2_NOTHING_THERE);
	turn_aborts(&guest, CODE_AT, 0, ESR_EL1_EC_IABT_LOW,
		    fault_status(FAULT_TRANSLATION, level_of(&guest, CODE_AT)));
	guest_end(guest.kernel);
	space = guest_space(guest.kernel);
	audit = pt_audit_space(space);
	test_equal(test, audit.mapped, 0, "nothing is left");
	test_works(test, TOUCH_STORE, vaddr_of(words_of(&guest, guest.data)));
	test_works(test, TOUCH_STORE, vaddr_of(words_of(&guest, guest.code)));
	guest_finish(&guest);
}

SELFTEST(guest, private,
	 "where it is protected, its pages are not the kernel's, and come back clear");

static void guest_private(struct selftest *test)
{
	struct guest_test guest;
	vaddr_t data;

	if (!test_needs(test,
			hyp_runs(test->kernel) && test->kernel->hyp->mode == HYP_MODE_PROTECTED,
			"nothing is protected") ||
	    !guest_begin(&guest, test))
		return;
	data = vaddr_of(words_of(&guest, guest.data));
	test_faults(test, TOUCH_LOAD, data, ESR_EL1_FSC_SEA);
	test_faults(test, TOUCH_STORE, data, ESR_EL1_FSC_SEA);
	turn(&guest, CODE_AT + GUEST_LOAD, 0, DATA_AT, GUEST_HVC);
	test_equal(test, guest.run.x[1], MAGIC, "the guest has it");
	expect_answer(&guest, guest_page_back(guest.kernel, DATA_AT), EL2_OK);
	test_works(test, TOUCH_LOAD, data);
	test_equal(test, words_of(&guest, guest.data)[0], 0, "cleared");
	guest_finish(&guest);
}

/* Behind the program, with CODE_AT in x3: to EL0 at x2, PSTATE in x1; and what its SVC finds. */
static const u32 to_el0[] = {
	0xd518c003, /* msr vbar_el1, x3 */
	0xd5184022, /* msr elr_el1, x2 */
	0xd5184001, /* msr spsr_el1, x1 */
	0xd69f03e0, /* eret */
};
#define GUEST_TO_EL0 0x40
#define GUEST_FROM_EL0 0x400 /* of a table of vectors: a synchronous exception from AArch64 */
#define PSTATE_EL0 0x3c0

/* In the other page: at EL1 the first two, at EL0 the third. */
static const u32 either[] = { 0xd2800540, 0xd4000002, 0xd4000001 /* svc #0 */ };
static const u32 from_el0[] = { 0xd2800540, 0xd4000002 };
#define EITHER_AT_EL0 8

#define S2_XN_SHIFT 53

static void code_put(struct guest_test *guest, paddr_t page, u64 offset, const u32 *code,
		     unsigned count)
{
	u32 *at = linear_pointer(&guest->kernel->linear, paddr_add(page, offset));

	for (unsigned i = 0; i < count; i++)
		at[i] = code[i];
	code_publish(vaddr_of(at), count * sizeof(*code));
}

/* @allowed: what is at @at answers; or else that is an instruction abort there. */
static void expect_fetch(struct guest_test *guest, u64 pc, u64 at, bool allowed)
{
	struct selftest *test = guest->test;

	turn(guest, pc, PSTATE_EL0, at, allowed ? GUEST_HVC : GUEST_ABORT);
	if (allowed) {
		test_equal(test, guest->run.x[0], ANSWER, "x0");
		return;
	}
	test_equal(test, SYSREG_GET(ESR_EL1_EC, guest->run.esr), ESR_EL1_EC_IABT_LOW, "class");
	test_equal(test, SYSREG_GET(ESR_EL1_FSC, guest->run.esr),
		   fault_status(FAULT_PERMISSION, LEVEL_PAGE), "status");
	test_equal(test, guest->run.far, at, "FAR");
}

/* XN[1:0] goes into a descriptor that is valid already: what a TLB may have of it is to go. */
static void check_xn(struct guest_test *guest, u64 xn)
{
	const struct space *space = guest_space(guest->kernel);
	struct pt_entry entry;

	expect_answer(guest, guest_page(guest->kernel, DATA_AT, guest->data, PROT_READ_EXECUTE),
		      EL2_OK);
	entry = pt_find(space, vaddr(DATA_AT));
	entry.pte.bits &= ~((u64)3 << S2_XN_SHIFT);
	slot_edit(slot_at(space, entry.slot), (pte_t){ entry.pte.bits | xn << S2_XN_SHIFT });
	tlb_invalidate_by((struct tlb_op){ .kind = TLB_STAGE2_ALL });
	test_about(guest->test, vaddr(xn));
	expect_fetch(guest, DATA_AT, DATA_AT, xn == 0 || xn == 3);
	expect_fetch(guest, CODE_AT + GUEST_TO_EL0, DATA_AT + EITHER_AT_EL0, xn <= 1);
	expect_answer(guest, guest_page_back(guest->kernel, DATA_AT), EL2_OK);
}

SELFTEST_RULE(guest, xnx, "D8.4 XNX", "stage 2 says for EL1 and EL0 apart who may execute");

static void guest_xnx(struct selftest *test)
{
	struct guest_test guest;

	if (!test_needs(test, test->kernel->handoff->plan.el == 2, "the kernel is not at EL2") ||
	    !test_needs(test, test_feature(test, ID_AA64MMFR1_EL1, XNX) != 0, "no FEAT_XNX") ||
	    !guest_begin(&guest, test))
		return;
	expect_answer(&guest, guest_page_back(guest.kernel, DATA_AT), EL2_OK);
	code_put(&guest, guest.code, GUEST_TO_EL0, to_el0, ARRAY_SIZE(to_el0));
	code_put(&guest, guest.code, GUEST_FROM_EL0, from_el0, ARRAY_SIZE(from_el0));
	code_put(&guest, guest.data, 0, either, ARRAY_SIZE(either));
	guest.run.x[3] = CODE_AT;
	for (u64 xn = 0; xn <= 3; xn++)
		check_xn(&guest, xn);
	guest_finish(&guest);
}
