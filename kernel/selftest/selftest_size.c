// SPDX-License-Identifier: MIT
/*
 * Self tests: every input size, in both halves: where the walk starts, how large the root is and
 * where it may lie, and which addresses are within.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/upper.h>

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
LOWER(18);
LOWER(19);
LOWER(20);
LOWER(21);
LOWER(22);
LOWER(23);
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
UPPER(17);
UPPER(18);
UPPER(19);
UPPER(20);
UPPER(21);
UPPER(22);
UPPER(23);
UPPER(24);
UPPER(25);
UPPER(26);
UPPER(27);
UPPER(28);
UPPER(29);
UPPER(30);
UPPER(31);
UPPER(32);
UPPER(33);
UPPER(34);
UPPER(35);
UPPER(36);
UPPER(37);
UPPER(38);
UPPER(39);
UPPER(40);
UPPER(41);
UPPER(42);
UPPER(43);
UPPER(44);
UPPER(45);
UPPER(46);
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

static void size_upper(struct selftest *test)
{
	unsigned bits = test->number;
	struct scratch scratch;
	int start;

	if (!size_exists(test, bits) || !scratch_begin(&scratch, test, bits))
		return;
	start = start_level(scratch.space.regime.granule_shift, bits);
	upper_faults(&scratch, -BIT(bits), start, 0);
	upper_faults(&scratch, ~(u64)0, start, 0);
	scratch_page(&scratch, 0);
	scratch_page(&scratch, BIT(bits) - scratch.page);
	upper_translates(&scratch, -BIT(bits), 0, 0);
	upper_translates(&scratch, -scratch.page, 0, 0);
	upper_faults(&scratch, -BIT(bits) - 1, 0, 0);
	upper_faults(&scratch, BIT(55), 0, 0);
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
