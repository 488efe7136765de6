// SPDX-License-Identifier: MIT
/*
 * Self tests: what of TCR beside the sizes decides about addresses, and where roots may lie.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/upper.h>

SELFTEST_MORE(41, size);

/* The top byte: bits that are not looked at with TBI, and must be as bit 55 is without. */
#define TAG ((u64)0xa5 << 56)

SELFTEST_CASE(size, tbi0_off, "D8.7 TBI", "without TBI0 the top byte must be 0", size_tbi0, 0);
SELFTEST_CASE(size, tbi0_on, "D8.7 TBI", "with TBI0 the top byte is ignored", size_tbi0, 1);
SELFTEST_CASE(size, tbi1_off, "D8.7 TBI", "without TBI1 the top byte must be ones", size_tbi1, 0);
SELFTEST_CASE(size, tbi1_on, "D8.7 TBI", "with TBI1 the top byte is ignored", size_tbi1, 1);

static void size_tbi0(struct selftest *test)
{
	bool on = test->number;
	struct scratch scratch;
	u64 half = TAG & ~BIT(55);

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	scratch_control(&scratch, TCR_EL1_TBI0_MASK | TCR_EL1_TBID0_MASK,
			on ? TCR_EL1_TBI0_MASK : 0);
	test_translates(test, 0, scratch.data.value);
	if (on) {
		test_translates(test, half, scratch.data.value);
		test_works(test, TOUCH_LOAD, vaddr(half));

	} else {
		test_status(test, half, fault_status(FAULT_TRANSLATION, 0));
		test_faults(test, TOUCH_LOAD, vaddr(half), fault_status(FAULT_TRANSLATION, 0));
		test_faults(test, TOUCH_STORE, vaddr(BIT(56)), fault_status(FAULT_TRANSLATION, 0));
	}
	/* What is beyond the size is beyond it with any top byte. */
	test_status(test, half | BIT(48), fault_status(FAULT_TRANSLATION, 0));
	scratch_end(&scratch);
}

static void size_tbi1(struct selftest *test)
{
	u64 on = test->number ? TCR_EL1_TBI1_MASK : 0;
	struct scratch scratch;
	u64 va = ((u64)0x5a << 56) | ((BIT(56) - 1) & -BIT(48));

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	upper_translates(&scratch, -BIT(48), TCR_EL1_TBI1_MASK, on);
	if (on)
		upper_translates(&scratch, va, TCR_EL1_TBI1_MASK, on);
	else
		upper_faults(&scratch, va, 0, 0);
	scratch_end(&scratch);
}

SELFTEST_CASE(size, epd0, "D8.2 EPD", "EPD0: no walks of the lower half", size_epd0, 0);
SELFTEST_CASE(size, epd1, "D8.2 EPD", "EPD1: no walks of the upper half", size_epd1, 0);

/* A walk that is forbidden is a translation fault at level 0, whatever level it would start at. */
static void size_epd0(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	scratch_page(&scratch, 0);
	scratch_control(&scratch, 0, TCR_EL1_EPD0_MASK);
	test_status(test, 0, fault_status(FAULT_TRANSLATION, 0));
	test_faults(test, TOUCH_LOAD, vaddr(0), fault_status(FAULT_TRANSLATION, 0));
	test_faults(test, TOUCH_RUN, vaddr(0), fault_status(FAULT_TRANSLATION, 0));
	test_faults(test, TOUCH_USER_STORE, vaddr(0), fault_status(FAULT_TRANSLATION, 0));
	scratch_control(&scratch, 0, 0);
	test_translates(test, 0, scratch.data.value);
	scratch_end(&scratch);
}

static void size_epd1(struct selftest *test)
{
	unsigned bits = scratch_bits(test);
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, bits))
		return;
	scratch_page(&scratch, 0);
	upper_translates(&scratch, -BIT(bits), 0, 0);
	upper_faults(&scratch, -BIT(bits), 0, TCR_EL1_EPD1_MASK);
	scratch_end(&scratch);
}

SELFTEST_CASE(size, e0pd0, "D8.2 E0PD", "E0PD0: nothing of the lower half is EL0's", size_e0pd, 1);
SELFTEST_CASE(size, e0pd0_off, "D8.2 E0PD", "and without it what AP gives", size_e0pd, 0);

static void size_e0pd(struct selftest *test)
{
	bool on = test->number;
	struct scratch scratch;

	if (!test_needs(test, test_feature(test, ID_AA64MMFR2_EL1, E0PD) != 0, "no FEAT_E0PD") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	scratch_edit(&scratch, 0, 0, LEAF_USER);
	scratch_control(&scratch, TCR_EL1_E0PD0_MASK, on ? TCR_EL1_E0PD0_MASK : 0);
	if (on) {
		test_faults(test, TOUCH_USER_LOAD, vaddr(0), fault_status(FAULT_TRANSLATION, 0));
		test_faults(test, TOUCH_USER_STORE, vaddr(0), fault_status(FAULT_TRANSLATION, 0));
		test_faults(test, TOUCH_USER_RUN, vaddr(0), fault_status(FAULT_TRANSLATION, 0));
	} else {
		test_works(test, TOUCH_USER_LOAD, vaddr(0));
		test_works(test, TOUCH_USER_STORE, vaddr(0));
	}
	/* EL1 is not meant; AT without PAN asks for it. */
	test_translates(test, 0, scratch.data.value);
	scratch_end(&scratch);
}

SELFTEST_CASE(size, cnp, "D8.13 CnP", "TTBR0 with CnP translates as without", size_cnp, 0);

static void size_cnp(struct selftest *test)
{
	struct scratch scratch;

	if (!test_needs(test, test_feature(test, ID_AA64MMFR2_EL1, CNP) != 0, "no FEAT_TTCNP") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	lower_root_set(ttbr_encode(&scratch.space.regime, scratch.space.root) | TTBR0_EL1_CNP_MASK);
	tlb_invalidate_all();
	test_translates(test, 0, scratch.data.value);
	test_works(test, TOUCH_LOAD, vaddr(0));
	scratch_end(&scratch);
}

SELFTEST_CASE(size, root_too_large, "D8.2 TTBR address size",
	      "a root beyond the output size faults at level 0", size_root_too_large, 0);

/*
 * Wherever the walk would start. BADDR has bits 51:48 only where the output size is 52 bits, so one
 * below 48 it is, which a bit of those that are always there exceeds.
 */
#define IPS_44 4

static void size_root_too_large(struct selftest *test)
{
	struct scratch scratch;
	u64 tcr, root;

	if (!test_needs(test, test->kernel->kernel_space.regime.pa_bits >= 44,
			"no address is beyond the CPU's output size") ||
	    !scratch_size_will_do(test, IPS_44) ||
	    !scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	scratch_page(&scratch, 0);
	scratch_control(&scratch, TCR_EL1_IPS_MASK, SYSREG_PUT(TCR_EL1_IPS, IPS_44));
	test_translates(test, 0, scratch.data.value);
	tcr = (scratch.tcr & ~(TCR_EL1_IPS_MASK | TCR_EL1_EPD0_MASK | TCR_EL1_T0SZ_MASK)) |
	      SYSREG_PUT(TCR_EL1_IPS, IPS_44) |
	      SYSREG_PUT(TCR_EL1_T0SZ, 64 - scratch.space.regime.va_bits);
	root = scratch.space.root.value | BIT(scratch_ips_bits[IPS_44]);
	lower_half_set(ttbr_encode(&scratch.space.regime, paddr(root)), tcr);
	test_status(test, 0, fault_status(FAULT_ADDRESS_SIZE, 0));
	test_faults(test, TOUCH_LOAD, vaddr(0), fault_status(FAULT_ADDRESS_SIZE, 0));
	test_faults(test, TOUCH_RUN, vaddr(0), fault_status(FAULT_ADDRESS_SIZE, 0));
	scratch_end(&scratch);
}

SELFTEST_CASE(size, root_high, "D8.2 TTBR bits 5:2", "a root above 48 bits is found",
	      size_root_high, 0);

#define ROOT_WORDS 8 /* of a root, at least; of these two are entries */

/* The end of RAM is lent for a root, and given back as it was. */
static void check_root_at(struct scratch *scratch, paddr_t place)
{
	struct selftest *test = scratch->test;
	u64 *words = (u64 *)linear_pointer(&test->kernel->linear, place), before[ROOT_WORDS];
	paddr_t root = scratch->space.root;

	scratch_off(scratch);
	for (unsigned i = 0; i < ROOT_WORDS; i++)
		before[i] = words[i];
	for (unsigned i = 0; i < 2; i++)
		slot_edit(slot_at(&scratch->space, paddr_add(place, i * sizeof(u64))),
			  slot_read(slot_at(&scratch->space, paddr_add(root, i * sizeof(u64)))));
	tables_publish();
	scratch->space.root = place;
	scratch_control(scratch, 0, 0);
	test_translates(test, 0, scratch->data.value);
	test_works(test, TOUCH_LOAD, vaddr(0));
	test_works(test, TOUCH_STORE, vaddr(0));
	scratch_off(scratch);
	scratch->space.root = root;
	for (unsigned i = 0; i < ROOT_WORDS; i++)
		words[i] = before[i];
}

/* Of an address size whose root has two entries: one bit more than two levels have. */
static void size_root_high(struct selftest *test)
{
	unsigned granule_shift = test->kernel->kernel_space.regime.granule_shift;
	u64 place = test_ram_end(test, true) - ROOT_WORDS * sizeof(u64);
	struct scratch scratch;

	if (!test_needs(test, place >> 48 != 0, "no RAM above 48 bits") ||
	    !scratch_begin(&scratch, test, 3 * granule_shift - 5))
		return;
	scratch_page(&scratch, 0);
	check_root_at(&scratch, paddr(place));
	scratch_end(&scratch);
}

SELFTEST_CASE(size, tbid0_off, "D8.7 TBID", "without TBID0 fetches ignore the top byte, too",
	      size_tbid0, 0);
SELFTEST_CASE(size, tbid0_on, "D8.7 TBID", "with TBID0 fetches do not ignore the top byte",
	      size_tbid0, 1);
SELFTEST_CASE(size, tbid0_load, "D8.7 TBID", "nor after a load that did", size_tbid0, 3);

#define TBID_ON 1 /* of a test's number */
#define TBID_LOAD 2

static void size_tbid0(struct selftest *test)
{
	u64 va = TAG & ~BIT(55), set = TCR_EL1_TBI0_MASK;
	struct scratch scratch;

	if (!test_needs(test, test->kernel->handoff->plan.pac, "no FEAT_PAuth, or turned off") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	if (test->number & TBID_ON)
		set |= TCR_EL1_TBID0_MASK;
	scratch_code(&scratch, 0, CODE_BTI, LEAF_PXN, LEAF_READ_ONLY);
	scratch_control(&scratch, TCR_EL1_TBID0_MASK, set);
	if (test->number & TBID_LOAD)
		test_works(test, TOUCH_LOAD, vaddr(va));
	if (test->number & TBID_ON)
		test_faults(test, TOUCH_RUN, vaddr(va), fault_status(FAULT_TRANSLATION, 0));
	else
		test_works(test, TOUCH_RUN, vaddr(va));
	test_works(test, TOUCH_RUN, vaddr(0));
	test_works(test, TOUCH_LOAD, vaddr(va));
	scratch_end(&scratch);
}

SELFTEST_CASE(size, hpd1_off, "D8.4 HPD", "without HPD1 tables of the upper half limit rights",
	      size_hpd1, 0);
SELFTEST_CASE(size, hpd1_on, "D8.4 HPD", "with HPD1 they do not", size_hpd1, 1);

#define WRITE 1 /* of upper_probe()'s address */

static void size_hpd1(struct selftest *test)
{
	u64 hpd = test->number ? TCR_EL1_HPD1_MASK : 0, va = -BIT(48);
	struct scratch scratch;
	u64 par;

	if (!test_needs(test, test_feature(test, ID_AA64MMFR1_EL1, HPDS) != 0, "no FEAT_HPDS") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	upper_translates(&scratch, va | WRITE, TCR_EL1_HPD1_MASK, hpd);
	scratch_off(&scratch);
	scratch_write(&scratch, 0, LEVEL_PAGE - 1, 0, (u64)2 << TABLE_AP_SHIFT);
	tables_publish();
	upper_translates(&scratch, va, TCR_EL1_HPD1_MASK, hpd);
	if (test->number) {
		upper_translates(&scratch, va | WRITE, TCR_EL1_HPD1_MASK, hpd);
	} else {
		par = upper_probe(&scratch, va | WRITE, TCR_EL1_HPD1_MASK, hpd);
		test_equal(test, par & (PAR_EL1_F_MASK | PAR_EL1_FST_MASK),
			   PAR_EL1_F_MASK | SYSREG_PUT(PAR_EL1_FST,
						       fault_status(FAULT_PERMISSION, LEVEL_PAGE)),
			   "PAR_EL1 of a write in the upper half");
	}
	scratch_end(&scratch);
}
