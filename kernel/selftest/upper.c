// SPDX-License-Identifier: MIT
/*
 * The upper half as a place for self tests, from the identity map.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/upper.h>

u64 upper_probe(struct scratch *scratch, u64 va, u64 clear, u64 set)
{
	const struct kernel *kernel = scratch->test->kernel;
	u64 tcr = scratch->tcr & ~(TCR_EL1_T1SZ_MASK | clear);

	lower_half_set(scratch->ttbr0, scratch->tcr);
	test_about(scratch->test, vaddr(va));
	tcr |= SYSREG_PUT(TCR_EL1_T1SZ, 64 - scratch->space.regime.va_bits) | set;
	return upper_half_probe(ttbr_encode(&scratch->space.regime, scratch->space.root), tcr,
				vaddr(va), kernel_physical(kernel, (void *)ttbr1_probe));
}

void upper_translates(struct scratch *scratch, u64 va, u64 clear, u64 set)
{
	u64 par = upper_probe(scratch, va, clear, set);

	test_equal(scratch->test, par & (PAR_EL1_F_MASK | PAR_EL1_PA_MASK), scratch->data.value,
		   "PAR_EL1 in the upper half");
}

void upper_faults(struct scratch *scratch, u64 va, int level, u64 set)
{
	u64 par = upper_probe(scratch, va, 0, set);

	test_equal(scratch->test, par & (PAR_EL1_F_MASK | PAR_EL1_FST_MASK),
		   PAR_EL1_F_MASK | SYSREG_PUT(PAR_EL1_FST, fault_status(FAULT_TRANSLATION, level)),
		   "PAR_EL1 in the upper half");
}
