// SPDX-License-Identifier: MIT
/*
 * Self tests: what of the kernel EL0 has in its upper half, where there is KPTI.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/proc/kpti.h>
#include <pagoda/kernel/selftest/scratch.h>
#include <pagoda/mm/alloc/alloc.h>

SELFTEST_MORE(71, user);

static bool needs_kpti(struct selftest *test)
{
	return test_needs(test, test->kernel->el0_space.root.value != 0, "KPTI is off");
}

static vaddr_t trampoline(const struct kernel *kernel)
{
	return vaddr(kpti_exit(kernel) - TRAMPOLINE_EXIT);
}

SELFTEST(user, kpti_map, "with KPTI EL0 has one page of the kernel's, which is the trampoline");

static void user_kpti_map(struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	const struct space *el0 = &kernel->el0_space;
	vaddr_t va = pt_start(el0), end = pt_end(el0);
	unsigned runs = 0;
	paddr_t pa;

	if (!needs_kpti(test))
		return;
	do {
		struct pt_run run = pt_next_run(el0, va, end);

		va = run.end;
		if (run.kind == PTE_INVALID)
			continue;
		runs++;
		test_equal(test, run.start.value, trampoline(kernel).value, "what is mapped");
		test_equal(test, vaddr_diff(run.end, run.start), regime_granule(&el0->regime),
			   "bytes of it");
		test_check(test,
			   run.info.execute && run.info.write == el0->policy.text_writable &&
				   !run.info.user && run.info.uxn && !run.info.global,
			   "mapped wrongly", run.pte.bits);
		test_check(test,
			   pt_translate(&kernel->kernel_space, run.start, &pa) &&
				   pa.value == run.info.pa.value,
			   "mapped otherwise in the kernel", run.start.value);
	} while (va.value != end.value);
	test_equal(test, runs, 1, "runs");
}

/* What EL1 cannot read there is nothing that EL0 could. */
static u64 probe(const struct kernel *kernel, u64 va)
{
	const struct space *el0 = &kernel->el0_space;

	return upper_half_probe(ttbr_encode(&el0->regime, el0->root),
				kernel->registers[SYSREG_TCR_EL1], vaddr(va),
				kernel_physical(kernel, (void *)ttbr1_probe));
}

static bool is_missing(u64 par)
{
	for (int level = LEVEL_MIN; level <= LEVEL_PAGE; level++)
		if (SYSREG_GET(PAR_EL1_FST, par) == fault_status(FAULT_TRANSLATION, level))
			return SYSREG_GET(PAR_EL1_F, par);
	return false;
}

SELFTEST(user, kpti_probe, "with KPTI the CPU finds nothing else of the kernel for EL0");

static void user_kpti_probe(struct selftest *test)
{
	static const char text[] = "rodata";
	const struct kernel *kernel = test->kernel;
	const u64 secrets[] = {
		(uintptr_t)user_kpti_probe,
		(uintptr_t)text,
		(uintptr_t)cpu_this(),
		(uintptr_t)secrets,
		vectors_get(),
		linear_va(&kernel->linear, kernel->kernel_space.root).value,
		kernel->alloc->vmalloc.region.start.value,
	};

	if (!needs_kpti(test))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(secrets); i++) {
		u64 par = probe(kernel, secrets[i]);

		test_about(test, vaddr(secrets[i]));
		test_check(test, is_missing(par), "the CPU does not say that it is missing", par);
	}
	test_check(test, !SYSREG_GET(PAR_EL1_F, probe(kernel, trampoline(kernel).value)),
		   "the trampoline is not there", trampoline(kernel).value);
}
