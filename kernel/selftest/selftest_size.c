// SPDX-License-Identifier: MIT
/*
 * Self tests: every input size, in both halves: where the walk starts, how large the root is and
 * where it may lie, which addresses are within; and what else of TCR decides about addresses.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(41, size);

#define ROOT_ALIGN 64 /* of a root, at least */
#define TTST_BITS 25 /* fewer bits of address take FEAT_TTST */

#define LOWER(bits)                                    \
	SELFTEST_CASE(size, lower_##bits, "D8.2 TxSZ", \
		      "TTBR0: start, root and bounds of " #bits " address bits", size_lower, bits)
#define UPPER(bits)                                    \
	SELFTEST_CASE(size, upper_##bits, "D8.2 TxSZ", \
		      "TTBR1: start, root and bounds of " #bits " address bits", size_upper, bits)

LOWER(16);
LOWER(17);
LOWER(20);
LOWER(24);
LOWER(25);
LOWER(26);
LOWER(27);
LOWER(28);
LOWER(29);
LOWER(30);
LOWER(31);
LOWER(32);
LOWER(33);
LOWER(34);
LOWER(35);
LOWER(36);
LOWER(37);
LOWER(38);
LOWER(39);
LOWER(40);
LOWER(41);
LOWER(42);
LOWER(43);
LOWER(44);
LOWER(45);
LOWER(46);
LOWER(47);
LOWER(48);
LOWER(49);
LOWER(50);
LOWER(51);
LOWER(52);

UPPER(16);
UPPER(20);
UPPER(25);
UPPER(28);
UPPER(30);
UPPER(31);
UPPER(32);
UPPER(34);
UPPER(36);
UPPER(37);
UPPER(39);
UPPER(40);
UPPER(42);
UPPER(43);
UPPER(47);
UPPER(48);
UPPER(49);
UPPER(50);
UPPER(51);
UPPER(52);

/* The start level, from the manual's words: as many levels as the bits above the page take. */
static int start_level(unsigned granule_shift, unsigned bits)
{
	unsigned above = bits - granule_shift, each = granule_shift - 3;

	return 4 - (int)((above + each - 1) / each);
}

/* Where FEAT_TTST lets it end: 48 in T0SZ, 47 with 64K pages. */
static bool size_exists(struct selftest *test, unsigned bits)
{
	unsigned granule_shift = test->kernel->kernel_space.regime.granule_shift;

	if (bits < TTST_BITS) {
		if (!test_needs(test, test_feature(test, ID_AA64MMFR2_EL1, ST) != 0,
				"no FEAT_TTST"))
			return false;
		return test_needs(test, bits >= (granule_shift == GRANULE_SHIFT_64K ? 17 : 16),
				  "too small for this page size");
	}
	return test_needs(test, bits <= scratch_bits(test), "no 52-bit addresses in this regime");
}

/* The root's entries where only the alignment of its size is kept, and no more. */
static void move_root(struct scratch *scratch)
{
	const struct regime *regime = &scratch->space.regime;
	unsigned entries = regime_entries(regime, regime->root_level);
	u64 size = entries * sizeof(u64) < ROOT_ALIGN ? ROOT_ALIGN : entries * sizeof(u64);
	u64 place = scratch->tables.value + SCRATCH_TABLES_SIZE - size;

	if (size >= scratch->page)
		return;
	scratch_off(scratch);
	for (unsigned i = 0; i < entries; i++)
		slot_edit(slot_at(&scratch->space, paddr(place + i * sizeof(u64))),
			  slot_read(slot_at(&scratch->space,
					    paddr_add(scratch->space.root, i * sizeof(u64)))));
	scratch->space.root = paddr(place);
	tables_publish();
	scratch_control(scratch, 0, 0);
}

static void check_lower(struct selftest *test, struct scratch *scratch, unsigned bits)
{
	u64 last = BIT(bits) - scratch->page;

	test_translates(test, 0, scratch->data.value);
	test_translates(test, last, scratch->data.value);
	test_works(test, TOUCH_LOAD, vaddr(last));
	test_status(test, BIT(bits), fault_status(FAULT_TRANSLATION, 0));
	test_faults(test, TOUCH_LOAD, vaddr(BIT(bits) + last), fault_status(FAULT_TRANSLATION, 0));
	test_status(test, BIT(54), fault_status(FAULT_TRANSLATION, 0));
}

static void size_lower(struct selftest *test)
{
	unsigned bits = test->number;
	struct scratch scratch;
	int start;

	if (!size_exists(test, bits) || !scratch_begin(&scratch, test, bits))
		return;
	start = start_level(scratch.space.regime.granule_shift, bits);
	test_equal(test, (u64)scratch.space.regime.root_level, (u64)start, "start level");
	test_status(test, 0, fault_status(FAULT_TRANSLATION, start));
	test_status(test, BIT(bits) - 1, fault_status(FAULT_TRANSLATION, start));
	scratch_page(&scratch, 0);
	scratch_page(&scratch, BIT(bits) - scratch.page);
	check_lower(test, &scratch, bits);
	move_root(&scratch);
	check_lower(test, &scratch, bits);
	scratch_end(&scratch);
}

/* What the CPU makes of @va with the scratch tables in TTBR1, and TCR's @clear and @set. */
static u64 probe(struct scratch *scratch, u64 va, u64 clear, u64 set)
{
	const struct boot_handoff *handoff = scratch->test->kernel->handoff;
	u64 code = (u64)(uintptr_t)ttbr1_probe - handoff->plan.image_va.value;
	u64 tcr = scratch->tcr & ~(TCR_EL1_T1SZ_MASK | clear);

	lower_half_set(scratch->ttbr0, scratch->tcr);
	test_about(scratch->test, vaddr(va));
	tcr |= SYSREG_PUT(TCR_EL1_T1SZ, 64 - scratch->space.regime.va_bits) | set;
	return upper_half_probe(ttbr_encode(&scratch->space.regime, scratch->space.root), tcr,
				vaddr(va), paddr(code + handoff->facts.image.pa.value));
}

static void probe_translates(struct scratch *scratch, u64 va, u64 clear, u64 set)
{
	u64 par = probe(scratch, va, clear, set);

	test_equal(scratch->test, par & (PAR_EL1_F_MASK | PAR_EL1_PA_MASK), scratch->data.value,
		   "PAR_EL1 in the upper half");
}

static void probe_faults(struct scratch *scratch, u64 va, int level, u64 set)
{
	u64 par = probe(scratch, va, 0, set);

	test_equal(scratch->test, par & (PAR_EL1_F_MASK | PAR_EL1_FST_MASK),
		   PAR_EL1_F_MASK | SYSREG_PUT(PAR_EL1_FST, fault_status(FAULT_TRANSLATION, level)),
		   "PAR_EL1 in the upper half");
}

static void size_upper(struct selftest *test)
{
	unsigned bits = test->number;
	struct scratch scratch;
	int start;

	if (!size_exists(test, bits) || !scratch_begin(&scratch, test, bits))
		return;
	start = start_level(scratch.space.regime.granule_shift, bits);
	probe_faults(&scratch, -BIT(bits), start, 0);
	probe_faults(&scratch, ~(u64)0, start, 0);
	scratch_page(&scratch, 0);
	scratch_page(&scratch, BIT(bits) - scratch.page);
	probe_translates(&scratch, -BIT(bits), 0, 0);
	probe_translates(&scratch, -scratch.page, 0, 0);
	probe_faults(&scratch, -BIT(bits) - 1, 0, 0);
	probe_faults(&scratch, BIT(55), 0, 0);
	scratch_end(&scratch);
}

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
	probe_translates(&scratch, -BIT(48), TCR_EL1_TBI1_MASK, on);
	if (on)
		probe_translates(&scratch, va, TCR_EL1_TBI1_MASK, on);
	else
		probe_faults(&scratch, va, 0, 0);
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
	probe_translates(&scratch, -BIT(bits), 0, 0);
	probe_faults(&scratch, -BIT(bits), 0, TCR_EL1_EPD1_MASK);
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

#define GRANULE(name, shift)                                   \
	SELFTEST_CASE(size, granule_##name, "D8.2 TG",         \
		      "pages of " #name " in the lower half, " \
		      "whatever the upper half has",           \
		      size_granule, shift)

GRANULE(4k, 12);
GRANULE(16k, 14);
GRANULE(64k, 16);

static void size_granule(struct selftest *test)
{
	static const u8 sizes[] = { 28, 36, 39, 42, 47, 48 };
	unsigned shift = test->number;
	struct scratch scratch;

	if (!test_needs(test, scratch_has_granule(test, shift),
			"no such pages beside the kernel's") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	scratch_granule(&scratch, shift);
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned bits = sizes[i];

		scratch_reset(&scratch, bits);
		test_status(test, 0, fault_status(FAULT_TRANSLATION, start_level(shift, bits)));
		scratch_page(&scratch, 0);
		scratch_page(&scratch, BIT(bits) - scratch.page);
		check_lower(test, &scratch, bits);
		test_faults(test, TOUCH_LOAD, vaddr(scratch.page),
			    fault_status(FAULT_TRANSLATION, LEVEL_PAGE));
	}
	scratch_end(&scratch);
}
