// SPDX-License-Identifier: MIT
/*
 * The command selftest: which tests there are, running them, and their results as KTAP, one line a
 * test, with a line that begins with # for whatever is not as it should be.
 * Runs in the kernel, MMU on. The table holds characters, not pointers: each of those would be a
 * relocation, and cost the boot.
 */
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/lib/string.h>

#define FAILURES_SHOWN 8

#define TEST_NAME(subject, name, what) TEST_##subject##_##name,
#define TEST_ROW(subject, name, what) { #subject "." #name, what },
#define TEST_CASE(subject, name, what)  \
	case TEST_##subject##_##name:   \
		subject##_##name(test); \
		break;

enum test_id {
	SELFTEST_EACH(TEST_NAME) TEST_COUNT
};

static const struct {
	char name[32];
	char what[64];
} tests[TEST_COUNT] = { SELFTEST_EACH(TEST_ROW) };

static void test_run(struct selftest *test, enum test_id id)
{
	switch (id) {
		SELFTEST_EACH(TEST_CASE)
	case TEST_COUNT:
		break;
	}
}

void test_check(struct selftest *test, bool holds, const char *what, u64 value)
{
	test->checks++;
	if (holds)
		return;
	if (test->failures++ < FAILURES_SHOWN)
		print("# %s: 0x%016lx\n", what, value);
}

void test_equal(struct selftest *test, u64 value, u64 expected, const char *what)
{
	test->checks++;
	if (value == expected)
		return;
	if (test->failures++ < FAILURES_SHOWN)
		print("# %s: 0x%lx, not 0x%lx\n", what, value, expected);
}

bool test_needs(struct selftest *test, bool has, const char *reason)
{
	if (!has && !test->skipped)
		test->skipped = reason;
	return has;
}

struct alloc *test_alloc(struct selftest *test)
{
	if (!test->kernel->alloc)
		test_needs(test, false, "no RAM is left for an allocator");
	return test->kernel->alloc;
}

/* xorshift64*: its state is never 0. */
u64 test_random(struct selftest *test, u64 limit)
{
	u64 x = test->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	test->random = x;
	return (x * 0x2545f4914f6cdd1d >> 1) % limit;
}

unsigned fault_status(enum fault_kind kind, int level)
{
	if (level < 0)
		return kind == FAULT_ADDRESS_SIZE ? 0x29 : 0x2b;
	return kind << 2 | (unsigned)level;
}

int leaf_level(const struct selftest *test, vaddr_t va)
{
	return pt_find(&test->kernel->kernel_space, va).level;
}

struct touched {
	enum touch touch;
	vaddr_t va;
};

static void touch_now(void *context)
{
	const struct touched *touched = context;

	switch (touched->touch) {
	case TOUCH_LOAD:
		memory_load(touched->va, 8);
		break;
	case TOUCH_STORE:
		memory_store(touched->va, 8, 0);
		break;
	case TOUCH_RUN:
		code_run(touched->va);
		break;
	case TOUCH_JUMP:
		code_jump(touched->va);
		break;
	case TOUCH_USER_LOAD:
		user_load(touched->va);
		break;
	case TOUCH_USER_STORE:
		user_store(touched->va, 0);
		break;
	case TOUCH_USER_RUN:
		user_run(touched->va);
		break;
	}
}

bool touch(enum touch touch, vaddr_t va, struct fault *fault)
{
	struct touched touched = { touch, va };

	return fault_catch(touch_now, &touched, fault);
}

static unsigned touch_class(enum touch touch)
{
	switch (touch) {
	case TOUCH_LOAD:
	case TOUCH_STORE:
	case TOUCH_USER_LOAD:
	case TOUCH_USER_STORE:
		return ESR_EL1_EC_DABT_CUR;
	case TOUCH_RUN:
	case TOUCH_JUMP:
		return ESR_EL1_EC_IABT_CUR;
	case TOUCH_USER_RUN:
		break;
	}
	return ESR_EL1_EC_IABT_LOW;
}

static bool touch_writes(enum touch touch)
{
	return touch == TOUCH_STORE || touch == TOUCH_USER_STORE;
}

void test_faults(struct selftest *test, enum touch what, vaddr_t va, unsigned status)
{
	struct fault fault;

	if (!touch(what, va, &fault)) {
		test_check(test, false, "no fault at", va.value);
		return;
	}
	test_equal(test, SYSREG_GET(ESR_EL1_EC, fault.esr), touch_class(what), "exception class");
	test_equal(test, SYSREG_GET(ESR_EL1_FSC, fault.esr), status, "fault status");
	test_equal(test, fault.far, va.value, "FAR");
	if (touch_class(what) == ESR_EL1_EC_DABT_CUR)
		test_equal(test, SYSREG_GET(ESR_EL1_WNR, fault.esr), touch_writes(what), "WnR");
	else
		test_equal(test, fault.elr, va.value, "ELR");
}

void test_works(struct selftest *test, enum touch what, vaddr_t va)
{
	struct fault fault = { 0 };

	if (touch(what, va, &fault)) {
		test_check(test, false, "fault, with ESR", fault.esr);
		test_check(test, false, "and FAR", fault.far);
	}
	test->checks++;
}

void test_class(struct selftest *test, const struct fault *fault, unsigned class, u64 elr)
{
	test_equal(test, SYSREG_GET(ESR_EL1_EC, fault->esr), class, "exception class");
	test_equal(test, fault->elr, elr, "ELR");
}

/* A test's name, the subject of several, or all. */
static bool is_asked_for(const struct arguments *arguments, enum test_id id)
{
	struct words word = arguments->word[0];
	const char *name = tests[id].name;

	if (argument_is(arguments, 0, "all") || argument_is(arguments, 0, name))
		return true;
	return word.length < strlen(name) && name[word.length] == '.' &&
	       memcmp(name, word.text, word.length) == 0;
}

struct totals {
	unsigned pass, fail, skip;
};

static void run_one(struct selftest *test, enum test_id id, unsigned number, struct totals *totals)
{
	test->skipped = NULL;
	test->checks = test->failures = 0;
	test_run(test, id);
	if (test->failures > FAILURES_SHOWN)
		print("# and %u more\n", test->failures - FAILURES_SHOWN);
	if (test->failures > 0 || (test->checks == 0 && !test->skipped)) {
		totals->fail++;
		print("not ok %u %s\n", number, tests[id].name);
	} else if (test->skipped) {
		totals->skip++;
		print("ok %u %s # SKIP %s\n", number, tests[id].name, test->skipped);
	} else {
		totals->pass++;
		print("ok %u %s\n", number, tests[id].name);
	}
}

static void run_all(const struct kernel *kernel, const struct arguments *arguments,
		    unsigned planned, u64 seed)
{
	struct selftest test = { .kernel = kernel, .random = seed };
	struct totals totals = { 0 };
	unsigned number = 0;

	print("KTAP version 1\n1..%u\n# seed 0x%lx\n", planned, seed);
	for (unsigned id = 0; id < TEST_COUNT; id++) {
		if (!is_asked_for(arguments, (enum test_id)id))
			continue;
		if (console_interrupted()) {
			print("Bail out! interrupted\n");
			return;
		}
		run_one(&test, (enum test_id)id, ++number, &totals);
	}
	print("# Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:0\n", totals.pass,
	      totals.fail, totals.skip);
}

static void list_all(void)
{
	for (unsigned id = 0; id < TEST_COUNT; id++)
		print("  %-30s %s\n", tests[id].name, tests[id].what);
}

COMMAND(190, selftest, "NAME|SUBJECT|all [SEED] | list",
	"check the map against the CPU, and report as KTAP", "selftest walk",
	"all list walk audit permission descriptor illegal execute user tlb change");

static void command_selftest(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 seed = counter_read() | 1;
	unsigned planned = 0;

	if (!argument_count(arguments, 1, 2))
		return;
	if (arguments->count == 1 && argument_is(arguments, 0, "list")) {
		list_all();
		return;
	}
	for (unsigned id = 0; id < TEST_COUNT; id++)
		planned += is_asked_for(arguments, (enum test_id)id);
	if (planned == 0) {
		argument_refuse(arguments, 0, "is no test; selftest list names them");
		return;
	}
	if (arguments->count == 2 && !argument_number(arguments, 1, &seed))
		return;
	if (seed == 0)
		argument_refuse(arguments, 1, "is no seed: any other number is");
	else
		run_all(kernel, arguments, planned, seed);
}
