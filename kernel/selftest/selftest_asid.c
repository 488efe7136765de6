// SPDX-License-Identifier: MIT
/*
 * Self tests: ASIDs, of two roots that both are in the TLB.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/tlbi_checks.h>

SELFTEST_MORE(81, tlbi);

/* Two roots for the same address: the space's own, and a copy of it in the last table. */
static paddr_t second_root(struct scratch *scratch)
{
	paddr_t root = paddr(scratch->tables.value + SCRATCH_TABLES_SIZE - scratch->page);
	struct scratch other = *scratch;

	slots_clear(slot_at(&scratch->space, root), (unsigned)(scratch->page / sizeof(u64)));
	other.space.root = root;
	tlbi_put(&other, PAGES_AT, true, LEAF_NG);
	scratch->pool = other.pool;
	return root;
}

struct roots {
	struct selftest *test;
	struct scratch *scratch;
	u64 ttbr[2];
};

static void switch_to(struct roots *roots, unsigned which)
{
	lower_root_set(roots->ttbr[which]);
	tlbi_check_reads(roots->test, PAGES_AT, which);
}

/* Each has its own page at one address, used. */
static void roots_begin(struct roots *roots, u64 first, u64 second, u64 as)
{
	struct scratch *scratch = roots->scratch;
	const struct regime *regime = &scratch->space.regime;

	tlbi_put(scratch, PAGES_AT, false, LEAF_NG);
	roots->ttbr[0] = ttbr_encode(regime, scratch->space.root) | first << ASID_SHIFT;
	roots->ttbr[1] = ttbr_encode(regime, second_root(scratch)) | second << ASID_SHIFT;
	scratch_control(scratch, TCR_EL1_A1_MASK | TCR_EL1_AS_MASK, as);
	switch_to(roots, 0);
	switch_to(roots, 1);
}

/* A test's number: AS in bit 0, and the two ASIDs. */
#define ASIDS(name, rule, what, number) SELFTEST_CASE(tlbi, name, rule, what, tlbi_asids, number)

ASIDS(asids_switch, "D8.13 ASID", "what is of one ASID is not used for another", 0x5b5a0);
ASIDS(asids_zero, "D8.13 ASID", "ASID 0 is one like others", 0x01000);
ASIDS(asids_16_bits, "D8.13 AS", "with AS all 16 bits of an ASID count", 0x15a5a1);

static void tlbi_asids(struct selftest *test)
{
	struct scratch scratch;
	struct roots roots = { .test = test, .scratch = &scratch };
	u64 first = test->number >> 4 & 0xff, second = test->number >> 12;

	if (!test_needs(test,
			!(test->number & 1) || test_feature(test, ID_AA64MMFR0_EL1, ASIDBITS) == 2,
			"ASIDs of 8 bits") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	roots_begin(&roots, first, second, test->number & 1 ? TCR_EL1_AS_MASK : 0);
	for (unsigned i = 0; i < 4; i++)
		switch_to(&roots, i % 2);
	scratch_end(&scratch);
}

SELFTEST_CASE(tlbi, asid_one_of_two, "D8.13 ASID", "one of two ASIDs invalidated, both right",
	      tlbi_one_of_two, 0);

static void tlbi_one_of_two(struct selftest *test)
{
	struct scratch scratch;
	struct roots roots = { .test = test, .scratch = &scratch };
	struct slot *slot;

	if (!scratch_begin(&scratch, test, 48))
		return;
	roots_begin(&roots, ASID, OTHER_ASID, 0);
	lower_root_set(roots.ttbr[0]);
	slot = scratch_slot(&scratch, PAGES_AT, LEVEL_PAGE);
	slot_break(slot);
	tlbi_issue(TLBI_WHATS + TLBI_ASIDE1, ASID << ASID_SHIFT);
	tlbi_check_gone(test, PAGES_AT);
	switch_to(&roots, 1);
	lower_root_set(roots.ttbr[0]);
	tlbi_check_gone(test, PAGES_AT);
	scratch_end(&scratch);
}

SELFTEST_CASE(tlbi, asid_8_bits, "D8.13 AS", "without AS bits 15:8 of an ASID do not count",
	      tlbi_asid_8_bits, 0);

static void tlbi_asid_8_bits(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_control(&scratch, TCR_EL1_A1_MASK | TCR_EL1_AS_MASK, 0);
	tlbi_put(&scratch, PAGES_AT, false, LEAF_NG);
	lower_root_set(ttbr_encode(&scratch.space.regime, scratch.space.root) |
		       (ASID | 0x100) << ASID_SHIFT);
	tlbi_check_reads(test, PAGES_AT, false);
	slot_break(scratch_slot(&scratch, PAGES_AT, LEVEL_PAGE));
	tlbi_issue(TLBI_WHATS + TLBI_ASIDE1, ASID << ASID_SHIFT);
	tlbi_check_gone(test, PAGES_AT);
	scratch_end(&scratch);
}

SELFTEST_CASE(tlbi, asid_of_ttbr1, "D8.13 A1", "with A1 the ASID is TTBR1's", tlbi_a1, 0);

/* TTBR0's is 0 then. */
static void tlbi_a1(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	tlbi_put(&scratch, PAGES_AT, false, LEAF_NG);
	scratch_control(&scratch, 0, TCR_EL1_A1_MASK);
	lower_root_set(ttbr_encode(&scratch.space.regime, scratch.space.root) |
		       OTHER_ASID << ASID_SHIFT);
	tlbi_check_reads(test, PAGES_AT, false);
	slot_break(scratch_slot(&scratch, PAGES_AT, LEVEL_PAGE));
	tlbi_issue(TLBI_WHATS + TLBI_ASIDE1, OTHER_ASID << ASID_SHIFT);
	tlbi_check_gone(test, PAGES_AT);
	scratch_end(&scratch);
}

SELFTEST_CASE(tlbi, global, "D8.13 nG", "by address and another ASID: what is global goes",
	      tlbi_global, 0);

static void tlbi_global(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	tlbi_use_asid(&scratch, ASID);
	tlbi_put(&scratch, PAGES_AT, false, 0);
	tlbi_check_reads(test, PAGES_AT, false);
	slot_break(scratch_slot(&scratch, PAGES_AT, LEVEL_PAGE));
	tlbi_issue(TLBI_WHATS + TLBI_VAE1, OTHER_ASID << ASID_SHIFT | PAGES_AT >> 12);
	tlbi_check_gone(test, PAGES_AT);
	scratch_end(&scratch);
}
