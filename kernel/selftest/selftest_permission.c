// SPDX-License-Identifier: MIT
/*
 * Self tests: what the tables forbid does not happen, and the fault is the one that the manual
 * names. Everything here is in the kernel's own map.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(30, permission);

/* linker/pagoda.lds.S: only their addresses mean anything. */
extern u8 _text[], _text_start[], _bss_start[];

#define CODE ((u64)CODE_RET << 32 | CODE_BTI)

static void check_permission(struct selftest *test, enum touch what, vaddr_t va)
{
	test_faults(test, what, va, fault_status(FAULT_PERMISSION, leaf_level(test, va)));
}

static void check_missing(struct selftest *test, enum touch what, vaddr_t va)
{
	test_faults(test, what, va, fault_status(FAULT_TRANSLATION, leaf_level(test, va)));
}

static bool needs_read_only(struct selftest *test)
{
	return test_needs(test, !test->kernel->kernel_space.policy.text_writable, "rodata=off");
}

SELFTEST_RULE(permission, text, "D8.4 AP", "text cannot be written");

static void permission_text(struct selftest *test)
{
	test_works(test, TOUCH_LOAD, pointer_va(_text_start));
	if (needs_read_only(test))
		check_permission(test, TOUCH_STORE, pointer_va(_text_start));
}

SELFTEST_RULE(permission, rodata, "D8.4 AP", "read-only data cannot be written");

static void permission_rodata(struct selftest *test)
{
	test_works(test, TOUCH_LOAD, pointer_va(_text));
	check_permission(test, TOUCH_RUN, pointer_va(_text));
	if (needs_read_only(test))
		check_permission(test, TOUCH_STORE, pointer_va(_text));
}

SELFTEST_RULE(permission, guard, "D8.3 Valid", "guard pages cannot be read or written");

static void permission_guard(struct selftest *test)
{
	u64 start = cpu_this()->guard.start, end = cpu_this()->guard.end;

	check_missing(test, TOUCH_LOAD, vaddr(start));
	check_missing(test, TOUCH_STORE, vaddr(start));
	check_missing(test, TOUCH_LOAD, vaddr(end - 8));
	check_missing(test, TOUCH_STORE, vaddr(end - 8));
	check_missing(test, TOUCH_RUN, vaddr(end - 8));
	check_missing(test, TOUCH_LOAD, vaddr((uintptr_t)_text - 8));
}

SELFTEST_RULE(permission, data, "D8.4 PXN", "data cannot be executed");

static void permission_data(struct selftest *test)
{
	static u64 code[2];

	code[0] = CODE;
	check_permission(test, TOUCH_RUN, pointer_va(code));
	check_permission(test, TOUCH_RUN, pointer_va(_bss_start));
}

static void overflow(void *context)
{
	*(u64 *)context = use_stack(0);
}

SELFTEST_RULE(permission, stack, "D8.4 PXN", "the stack cannot be executed, and ends in a guard");

static void permission_stack(struct selftest *test)
{
	const struct stack *guard = &cpu_this()->guard;
	u64 code[2] = { CODE, 0 };
	struct fault fault = { 0 };

	check_permission(test, TOUCH_RUN, pointer_va(code));
	/* Without the gap there is no end to it. */
	if (SYSREG_GET(PAR_EL1_F, at_translate(vaddr(guard->end - 8), true)) == 0) {
		test_check(test, false, "no gap below the stack", guard->end);
		return;
	}
	test_check(test, fault_catch(overflow, code, &fault), "frames fitted", code[0]);
	test_equal(test, SYSREG_GET(ESR_EL1_EC, fault.esr), ESR_EL1_EC_DABT_CUR, "class");
	test_equal(test, SYSREG_GET(ESR_EL1_FSC, fault.esr),
		   fault_status(FAULT_TRANSLATION, leaf_level(test, vaddr(fault.far))), "status");
	test_check(test, fault.far >= guard->start && fault.far < guard->end,
		   "not in the gap below the stack", fault.far);
}

SELFTEST_RULE(permission, linear, "D8.4 PXN",
	      "the linear map cannot be executed, nor text written there");

static void permission_linear(struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	const struct image *image = &kernel->handoff->facts.image;
	paddr_t text = paddr(image->pa.value + image->segment[SEGMENT_TEXT].start);
	paddr_t rodata = paddr(image->pa.value + image->segment[SEGMENT_RODATA].start);
	paddr_t data = paddr(image->pa.value + image->segment[SEGMENT_DATA].start);

	check_permission(test, TOUCH_RUN, linear_va(&kernel->linear, text));
	check_permission(test, TOUCH_RUN, linear_va(&kernel->linear, data));
	if (!needs_read_only(test))
		return;
	check_permission(test, TOUCH_STORE, linear_va(&kernel->linear, text));
	check_permission(test, TOUCH_STORE, linear_va(&kernel->linear, rodata));
}

SELFTEST_RULE(permission, vmalloc, "D8.4 PXN", "vmalloc memory cannot be executed");

static void permission_vmalloc(struct selftest *test)
{
	u64 granule = regime_granule(&test->kernel->kernel_space.regime);
	struct alloc *alloc = test_alloc(test);
	struct vmalloc *vmalloc;
	vaddr_t va;

	if (!alloc)
		return;
	vmalloc = &alloc->vmalloc;
	if (!test_needs(test, vmalloc_alloc(vmalloc, granule, &va) == VMALLOC_OK, "no memory"))
		return;
	memory_store(va, 8, CODE);
	test_equal(test, memory_load(va, 8), CODE, "what was written");
	check_permission(test, TOUCH_RUN, va);
	check_missing(test, TOUCH_LOAD, vaddr(va.value + granule));
	check_missing(test, TOUCH_LOAD, vaddr(va.value - 8));
	test_equal(test, vmalloc_free(vmalloc, va), VMALLOC_OK, "freeing it");
	check_missing(test, TOUCH_LOAD, va);
}
