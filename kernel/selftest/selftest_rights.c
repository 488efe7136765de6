// SPDX-License-Identifier: MIT
/*
 * Self tests: who may do what. Every combination of AP, PXN and UXN in a leaf, of APTable, PXNTable
 * and UXNTable in a table above it, of WXN, PAN and EPAN, is tried by every kind of access, and
 * what a model of the manual says must come of it.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/rights_model.h>
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(61, rights);

/* Of a test's number: the access in bits 3:0, APTable in 5:4, and that tables do not count. */
#define NUMBER_TABLE_SHIFT 4
#define NUMBER_HPD BIT(6)

/* What a page of data has where, and what EL0 executes to touch it. */
#define OFFSET_EL1_CODE 0
#define OFFSET_EL0_CODE 8
#define OFFSET_DATA 16
#define CODE_LOAD 0xf9400800 /* ldr x0, [x0, #16], and x0 is 0 */
#define CODE_STORE 0xf900081f /* str xzr, [x0, #16] */

#define RIGHTS(name, what, access)                                                                \
	SELFTEST_CASE(rights, name##_0, "D8.4 AP", what ", no limits in tables", rights_check,    \
		      access);                                                                    \
	SELFTEST_CASE(rights, name##_1, "D8.4 APTable", what ", APTable 01", rights_check,        \
		      access + 0x10);                                                             \
	SELFTEST_CASE(rights, name##_2, "D8.4 APTable", what ", APTable 10", rights_check,        \
		      access + 0x20);                                                             \
	SELFTEST_CASE(rights, name##_3, "D8.4 APTable", what ", APTable 11", rights_check,        \
		      access + 0x30);                                                             \
	SELFTEST_CASE(rights, name##_hpd, "D8.4 HPD", what ", tables not counting", rights_check, \
		      access + 0x70)

/* The numbers are those of enum rights_access, which rights_check() compares. */
RIGHTS(el1_read, "loads of EL1", 0);
RIGHTS(el1_write, "stores of EL1", 1);
RIGHTS(el1_fetch, "fetches of EL1", 2);
RIGHTS(el0_read, "loads at EL0", 3);
RIGHTS(el0_write, "stores at EL0", 4);
RIGHTS(el0_fetch, "fetches at EL0", 5);
RIGHTS(ldtr, "LDTR", 6);
RIGHTS(sttr, "STTR", 7);
RIGHTS(at_s1e1r, "AT S1E1R", 8);
RIGHTS(at_s1e1w, "AT S1E1W", 9);
RIGHTS(at_s1e0r, "AT S1E0R", 10);
RIGHTS(at_s1e0w, "AT S1E0W", 11);
RIGHTS(at_s1e1rp, "AT S1E1RP", 12);
RIGHTS(at_s1e1wp, "AT S1E1WP", 13);

_Static_assert(RIGHTS_EL0_FETCH == 5 && RIGHTS_AT_S1E1WP == 13, "the numbers above");

struct trial {
	struct selftest *test;
	struct scratch scratch;
	enum rights_access access;
	u64 user_code; /* a page of EL0's that has other tables above it than the one that is tried */
	u64 sctlr; /* the kernel's */
};

struct answer {
	bool fault;
	unsigned status;
	struct fault details; /* where it was an exception */
};

static void go(void *context)
{
	const struct trial *trial = context;

	switch (trial->access) {
	case RIGHTS_EL0_READ:
	case RIGHTS_EL0_WRITE:
		user_run(vaddr(trial->user_code));
		break;
	case RIGHTS_EL0_FETCH:
		user_run(vaddr(OFFSET_EL0_CODE));
		break;
	case RIGHTS_EL1_READ:
		memory_load(vaddr(OFFSET_DATA), 8);
		break;
	case RIGHTS_EL1_WRITE:
		memory_store(vaddr(OFFSET_DATA), 8, 0);
		break;
	case RIGHTS_EL1_FETCH:
		code_run(vaddr(OFFSET_EL1_CODE));
		break;
	case RIGHTS_UNPRIVILEGED_READ:
		user_load(vaddr(OFFSET_DATA));
		break;
	case RIGHTS_UNPRIVILEGED_WRITE:
		user_store(vaddr(OFFSET_DATA), 0);
		break;
	case RIGHTS_AT_S1E1R:
	case RIGHTS_AT_S1E1W:
	case RIGHTS_AT_S1E0R:
	case RIGHTS_AT_S1E0W:
	case RIGHTS_AT_S1E1RP:
	case RIGHTS_AT_S1E1WP:
		break;
	}
}

static bool is_at(enum rights_access access)
{
	return access >= RIGHTS_AT_S1E1R;
}

static struct answer ask(struct trial *trial)
{
	static const u8 at[] = { AT_READ,	AT_WRITE,    AT_USER_READ,
				 AT_USER_WRITE, AT_PAN_READ, AT_PAN_WRITE };
	struct answer answer = { 0 };
	u64 par;

	if (is_at(trial->access)) {
		par = at_translate_as(vaddr(0),
				      (enum at_access)at[trial->access - RIGHTS_AT_S1E1R]);
		answer.fault = SYSREG_GET(PAR_EL1_F, par);
		answer.status = (unsigned)SYSREG_GET(PAR_EL1_FST, par);
		return answer;
	}
	answer.fault = fault_catch(go, trial, &answer.details);
	answer.status = (unsigned)SYSREG_GET(ESR_EL1_FSC, answer.details.esr);
	/* What EL0 does when it has done it. */
	if (SYSREG_GET(ESR_EL1_EC, answer.details.esr) == ESR_EL1_EC_SVC64)
		answer.fault = false;
	return answer;
}

static unsigned class_of(enum rights_access access)
{
	switch (access) {
	case RIGHTS_EL0_READ:
	case RIGHTS_EL0_WRITE:
		return ESR_EL1_EC_DABT_LOW;
	case RIGHTS_EL0_FETCH:
		return ESR_EL1_EC_IABT_LOW;
	case RIGHTS_EL1_FETCH:
		return ESR_EL1_EC_IABT_CUR;
	default:
		return ESR_EL1_EC_DABT_CUR;
	}
}

/* The exception has the class, the address and the direction of the access. */
static void check_details(struct trial *trial, const struct fault *fault)
{
	struct selftest *test = trial->test;
	enum rights_access access = trial->access;
	bool fetch = access == RIGHTS_EL1_FETCH || access == RIGHTS_EL0_FETCH;
	u64 far = !fetch ? OFFSET_DATA : access == RIGHTS_EL1_FETCH ? 0 : OFFSET_EL0_CODE;

	test_equal(test, SYSREG_GET(ESR_EL1_EC, fault->esr), class_of(access), "exception class");
	test_equal(test, fault->far, far, "FAR");
	test_equal(test, SYSREG_GET(ESR_EL1_S1PTW, fault->esr), 0, "S1PTW");
	if (!fetch)
		test_equal(test, SYSREG_GET(ESR_EL1_WNR, fault->esr),
			   access == RIGHTS_EL1_WRITE || access == RIGHTS_EL0_WRITE ||
				   access == RIGHTS_UNPRIVILEGED_WRITE,
			   "WnR");
}

/* All of the case, in a word for whoever reads a failure: see docs/selftest.md. */
static u64 case_word(const struct rights *rights)
{
	return (u64)rights->ap | (u64)rights->pxn << 4 | (u64)rights->uxn << 5 |
	       (u64)rights->ap_table << 8 | (u64)rights->pxn_table << 12 |
	       (u64)rights->uxn_table << 13 | (u64)rights->hpd << 16 | (u64)rights->wxn << 20 |
	       (u64)rights->pan << 21 | (u64)rights->epan << 22;
}

static void try_one(struct trial *trial, const struct rights *rights)
{
	struct selftest *test = trial->test;
	bool allowed = rights_allow(rights, trial->access);
	struct answer answer = ask(trial);

	if (answer.fault == allowed) {
		test_check(test, false, allowed ? "refused" : "allowed", case_word(rights));
		return;
	}
	test->checks++;
	if (allowed)
		return;
	test_equal(test, answer.status, fault_status(FAULT_PERMISSION, LEVEL_PAGE), "fault status");
	if (!is_at(trial->access))
		check_details(trial, &answer.details);
}

static void write_descriptors(struct trial *trial, const struct rights *rights)
{
	struct scratch *scratch = &trial->scratch;
	u64 table = (u64)rights->ap_table << TABLE_AP_SHIFT | (rights->pxn_table ? TABLE_PXN : 0) |
		    (rights->uxn_table ? TABLE_UXN : 0);
	u64 leaf = (u64)rights->ap << LEAF_AP_SHIFT | (rights->pxn ? LEAF_PXN : 0) |
		   (rights->uxn ? LEAF_UXN : 0);

	scratch_off(scratch);
	scratch_write(scratch, 0, LEVEL_PAGE - 1, TABLE_PXN | TABLE_UXN | (u64)3 << TABLE_AP_SHIFT,
		      table);
	scratch_write(scratch, 0, LEVEL_PAGE, LEAF_PXN | LEAF_UXN | LEAF_USER | LEAF_READ_ONLY,
		      leaf);
	tables_publish();
	scratch_control(scratch, 0, rights->hpd ? TCR_EL1_HPD0_MASK : 0);
}

/* Under each state of the CPU that it has. */
static void try_states(struct trial *trial, struct rights *rights)
{
	u64 pan_level = test_feature(trial->test, ID_AA64MMFR1_EL1, PAN);
	u64 sctlr = trial->sctlr & ~(SCTLR_EL1_WXN_MASK | SCTLR_EL1_EPAN_MASK);
	bool has_pan = trial->test->kernel->handoff->plan.pan;
	unsigned states = !has_pan ? 1 : pan_level >= 3 ? 3 : 2;

	for (unsigned state = 0; state < 2 * states; state++) {
		rights->wxn = state >= states;
		rights->pan = state % states != 0;
		rights->epan = state % states == 2;
		/* The kernel's own text would be writable, and so not executable. */
		if (rights->wxn && trial->test->kernel->kernel_space.policy.text_writable)
			break;
		system_control_set(sctlr | SYSREG_PUT(SCTLR_EL1_WXN, rights->wxn) |
				   SYSREG_PUT(SCTLR_EL1_EPAN, rights->epan));
		if (has_pan)
			pan_set(rights->pan);
		try_one(trial, rights);
		if (has_pan)
			pan_set(true);
	}
	system_control_set(trial->sctlr);
}

static void try_all(struct trial *trial)
{
	struct rights rights = { 0 };

	rights.hpd = trial->test->number & NUMBER_HPD;
	rights.ap_table = trial->test->number >> NUMBER_TABLE_SHIFT & 3;
	for (unsigned bits = 0; bits < 64; bits++) {
		rights.ap = bits & 3;
		rights.pxn = bits & 4;
		rights.uxn = bits & 8;
		rights.pxn_table = bits & 16;
		rights.uxn_table = bits & 32;
		write_descriptors(trial, &rights);
		try_states(trial, &rights);
	}
}

static bool can_ask(struct selftest *test, enum rights_access access)
{
	const struct boot_plan *plan = &test->kernel->handoff->plan;

	if (access == RIGHTS_AT_S1E1RP || access == RIGHTS_AT_S1E1WP)
		return test_needs(test,
				  plan->pan && test_feature(test, ID_AA64MMFR1_EL1, PAN) >=
						       ID_AA64MMFR1_EL1_PAN_PAN2,
				  "no FEAT_PAN2, or turned off");
	if (access == RIGHTS_AT_S1E0R || access == RIGHTS_AT_S1E0W)
		return test_needs(test, plan->el == 1, "EL0 of EL2 is not what AT asks about");
	return true;
}

static void code_write(struct trial *trial)
{
	const struct scratch *scratch = &trial->scratch;
	u64 load = (u64)CODE_SVC << 32 | CODE_LOAD, store = (u64)CODE_SVC << 32 | CODE_STORE;

	trial->user_code = regime_span(&scratch->space.regime, LEVEL_PAGE - 1);
	scratch_off(scratch);
	*scratch_word(scratch, OFFSET_EL1_CODE / 8) = (u64)CODE_RET << 32 | CODE_BTI;
	*scratch_word(scratch, OFFSET_EL0_CODE / 8) = (u64)CODE_SVC << 32 | CODE_SVC;
	*scratch_word(scratch, scratch->page / 8) = trial->access == RIGHTS_EL0_READ ? load : store;
	scratch_open(scratch, 0);
	scratch_open(scratch, trial->user_code);
	scratch_write(scratch, trial->user_code, LEVEL_PAGE, LEAF_UXN,
		      LEAF_USER | LEAF_READ_ONLY | LEAF_PXN);
	tables_publish();
	scratch_publish(scratch);
}

static void rights_check(struct selftest *test)
{
	struct trial trial = { .test = test, .access = (enum rights_access)(test->number & 15) };
	u64 registers[SYSREG_COUNT];
	struct scratch *scratch = &trial.scratch;

	if (!can_ask(test, trial.access) ||
	    !test_needs(test,
			!(test->number & NUMBER_HPD) ||
				test_feature(test, ID_AA64MMFR1_EL1, HPDS) != 0,
			"no FEAT_HPDS") ||
	    !scratch_begin(scratch, test, 48))
		return;
	control_read(registers);
	trial.sctlr = registers[SYSREG_SCTLR_EL1];
	trial.user_code = regime_span(&scratch->space.regime, LEVEL_PAGE - 1);
	scratch_page(scratch, 0);
	scratch_map(scratch, trial.user_code, scratch->data.value + scratch->page, scratch->page,
		    (struct map_attr){ PROT_READ_ONLY, MEM_NORMAL });
	code_write(&trial);
	try_all(&trial);
	scratch_end(scratch);
}
