// SPDX-License-Identifier: MIT
/*
 * What self tests do to addresses, and what the CPU should say to it.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/selftest.h>

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

void touch_bare(enum touch touch, vaddr_t va)
{
	switch (touch) {
	case TOUCH_LOAD:
		memory_load(va, 8);
		break;
	case TOUCH_STORE:
		memory_store(va, 8, 0);
		break;
	case TOUCH_LOAD_BYTE:
		memory_load(va, 1);
		break;
	case TOUCH_STORE_BYTE:
		memory_store(va, 1, 0);
		break;
	case TOUCH_RUN:
		code_run(va);
		break;
	case TOUCH_JUMP:
		code_jump(va);
		break;
	case TOUCH_USER_LOAD:
		user_load(va);
		break;
	case TOUCH_USER_STORE:
		user_store(va, 0);
		break;
	case TOUCH_USER_RUN:
		user_run(va);
		break;
	}
}

struct touched {
	enum touch touch;
	vaddr_t va;
};

static void touch_now(void *context)
{
	const struct touched *touched = context;

	touch_bare(touched->touch, touched->va);
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
	case TOUCH_LOAD_BYTE:
	case TOUCH_STORE_BYTE:
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
	return touch == TOUCH_STORE || touch == TOUCH_STORE_BYTE || touch == TOUCH_USER_STORE;
}

void test_faults(struct selftest *test, enum touch what, vaddr_t va, unsigned status)
{
	struct fault fault;

	test_about(test, va);
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

	test_about(test, va);
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
