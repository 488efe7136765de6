// SPDX-License-Identifier: MIT
/*
 * What EL2 and stage 2 follow from, against the manual: DDI 0487 D8.2.4 (concatenated tables),
 * D8.2.8 to D8.2.10 (start levels of stage 2), D19.2.146 (TCR_EL2), D19.2.162 (VTCR_EL2). Host
 * only.
 * The tables below are the manual's, written down once more.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <pagoda/kernel/hyp/decide.h>
#include <pagoda/lib/features.h>

#include "support/random.h"

/* One row for each page size, DS and size that PARange can name. */
static const struct start {
	unsigned granule_bits;
	bool ds; /* 64K: 52-bit descriptors */
	unsigned ipa_bits;
	int level; /* with the fewest lookups */
	unsigned tables; /* side by side */
	unsigned sl0, sl2;
} starts[] = {
	{ 12, false, 32, 2, 4, 0, 0 }, { 12, false, 36, 1, 1, 1, 0 },
	{ 12, false, 40, 1, 2, 1, 0 }, { 12, false, 42, 1, 8, 1, 0 },
	{ 12, false, 44, 0, 1, 2, 0 }, { 12, false, 48, 0, 1, 2, 0 },
	{ 12, true, 32, 2, 4, 0, 0 },  { 12, true, 36, 1, 1, 1, 0 },
	{ 12, true, 40, 1, 2, 1, 0 },  { 12, true, 42, 1, 8, 1, 0 },
	{ 12, true, 44, 0, 1, 2, 0 },  { 12, true, 48, 0, 1, 2, 0 },
	{ 12, true, 52, 0, 16, 2, 0 }, { 14, false, 32, 2, 1, 1, 0 },
	{ 14, false, 36, 2, 1, 1, 0 }, { 14, false, 40, 2, 16, 1, 0 },
	{ 14, false, 42, 1, 1, 2, 0 }, { 14, false, 44, 1, 1, 2, 0 },
	{ 14, false, 48, 1, 2, 2, 0 }, { 14, true, 32, 2, 1, 1, 0 },
	{ 14, true, 36, 2, 1, 1, 0 },  { 14, true, 40, 2, 16, 1, 0 },
	{ 14, true, 42, 1, 1, 2, 0 },  { 14, true, 44, 1, 1, 2, 0 },
	{ 14, true, 48, 1, 2, 2, 0 },  { 14, true, 52, 0, 1, 3, 0 },
	{ 16, false, 32, 3, 8, 0, 0 }, { 16, false, 36, 2, 1, 1, 0 },
	{ 16, false, 40, 2, 1, 1, 0 }, { 16, false, 42, 2, 1, 1, 0 },
	{ 16, false, 44, 2, 4, 1, 0 }, { 16, false, 48, 1, 1, 2, 0 },
	{ 16, true, 32, 3, 8, 0, 0 },  { 16, true, 36, 2, 1, 1, 0 },
	{ 16, true, 40, 2, 1, 1, 0 },  { 16, true, 42, 2, 1, 1, 0 },
	{ 16, true, 44, 2, 4, 1, 0 },  { 16, true, 48, 1, 1, 2, 0 },
	{ 16, true, 52, 1, 1, 2, 0 },
};

static void stage_2_starts_where_the_manual_lets_it_with_the_fewest_lookups(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		const struct start *s = &starts[i];
		struct regime regime =
			regime_make_stage2(s->granule_bits, s->ipa_bits, s->ipa_bits, s->ds);

		print_message("%uK, %u bits%s\n", 1u << (s->granule_bits - 10), s->ipa_bits,
			      s->ds ? ", wide" : "");
		assert_int_equal(regime.root_level, s->level);
		assert_int_equal(regime_root_tables(&regime), s->tables);
		assert_int_equal(regime_start_code(&regime), s->sl2 ? 4 : s->sl0);
		assert_int_equal(hyp_vtcr(&regime, 0) & (3 << 6 | BIT(33)),
				 (u64)s->sl0 << 6 | (u64)s->sl2 << 33);
		assert_int_equal(regime.whose, WHOSE_GUEST);
		assert_int_equal(regime.va_bits, s->ipa_bits);
	}
}

/* Levels that the manual allows, by its inequalities, and none with fewer lookups. */
static bool level_is_legal(const struct start *s, int level)
{
	int per_level = (int)s->granule_bits - 3;
	int shift = (int)s->granule_bits + (3 - level) * per_level;
	int resolved = (int)s->ipa_bits - shift;

	if (resolved < 1 || resolved > per_level + 4)
		return false;
	if (s->granule_bits == 12 && level <= 0 && s->ipa_bits <= 42)
		return false; /* level 0: a PA size of 44 bits or more */
	if (s->granule_bits == 14 && level == 1 && s->ipa_bits <= 40)
		return false;
	if (s->granule_bits == 16 && level == 1 && s->ipa_bits <= 42)
		return false;
	return s->granule_bits == 12 || level > 0 || (s->granule_bits == 14 && s->ds);
}

static void no_legal_start_has_fewer_lookups(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		assert_true(level_is_legal(&starts[i], starts[i].level));
		for (int level = starts[i].level + 1; level <= 3; level++)
			assert_false(level_is_legal(&starts[i], level));
	}
}

/* Level -1 is never needed where four bits can be concatenated; its fields all the same. */
static void a_walk_from_level_minus_1_needs_sl2(void **state)
{
	struct regime regime = regime_make(12, 52, 52, true);

	(void)state;
	assert_int_equal(hyp_vtcr(&regime, 0) & (3 << 6 | BIT(33)), BIT(33));
}

/* ---- from the plan ---- */

struct machine {
	u64 id[SYSREG_FACT_COUNT];
	struct boot_plan plan;
};

/* TGran4 1, TGran16 2, TGran64 0, LVA; @parange. Stage 2 as stage 1. */
static void machine_make(struct machine *m, unsigned granule_bits, unsigned parange, bool wide)
{
	static const unsigned sizes[] = { 32, 36, 40, 42, 44, 48, 52 };
	unsigned pa_bits = sizes[parange];

	memset(m, 0, sizeof(*m));
	m->id[SYSREG_ID_AA64MMFR0_EL1] = parange | (wide ? 2ull << 20 | 1ull << 28 : 1ull << 20);
	m->id[SYSREG_ID_AA64MMFR2_EL1] = (u64)wide << 16;
	if (!wide && pa_bits == 52 && granule_bits != 16)
		pa_bits = 48;
	m->plan.kernel = regime_make(granule_bits,
				     wide		? 52 :
				     granule_bits == 14 ? 47 :
							  48,
				     pa_bits, granule_bits == 16 ? pa_bits == 52 : wide);
	m->plan.idmap = regime_make(granule_bits, 48, pa_bits, wide);
	/* TG0, SH0 inner, WBWA; and what must not come through: TG1, IPS, EPD0, DS, T1SZ. */
	m->plan.registers.tcr = (granule_bits == 12 ? 0ull :
				 granule_bits == 14 ? 2ull :
						      1ull)
					<< 14 |
				0x3500 | 3ull << 30 | 5ull << 32 | 1 << 7 | 1ull << 59 | 12 << 16;
	m->plan.registers.mair = 0x44ffff0400;
	m->plan.bti = true;
}

static u64 field(u64 value, unsigned high, unsigned low)
{
	return value >> low & (~(u64)0 >> (63 - (high - low)));
}

static void check_decision(const struct machine *m, const struct hyp_decision *d, unsigned parange)
{
	unsigned granule_bits = m->plan.kernel.granule_shift;
	bool lpa2 = m->plan.kernel.format == DESC_LPA2;
	u64 tcr = d->registers.tcr, vtcr = d->registers.vtcr;

	assert_int_equal(tcr & ~(u64)0x18087ff3f, 0); /* nothing else: no HA, HD, TBI, HPD */
	assert_int_equal(field(tcr, 31, 31) & field(tcr, 23, 23), 1);
	assert_int_equal(field(tcr, 32, 32), lpa2);
	assert_int_equal(field(tcr, 15, 8), field(m->plan.registers.tcr, 15, 8));
	assert_int_equal(field(tcr, 5, 0), 64 - d->self.va_bits);
	assert_int_equal(field(tcr, 18, 16), m->plan.kernel.pa_bits == 48 ? 5 : parange);
	assert_int_equal(vtcr & ~(u64)0x38007ffff, 0);
	assert_int_equal(field(vtcr, 31, 31), 1);
	assert_int_equal(field(vtcr, 32, 32), lpa2);
	assert_int_equal(field(vtcr, 15, 8), field(m->plan.registers.tcr, 15, 8));
	assert_int_equal(field(vtcr, 18, 16), field(tcr, 18, 16));
	/* 16K: bit 51 is left out where there is nothing. */
	if (granule_bits == 14 && m->plan.kernel.pa_bits == 52) {
		assert_int_equal(64 - field(vtcr, 5, 0), 51);
		assert_int_equal(field(vtcr, 7, 6), 2);
		assert_int_equal(regime_root_tables(&d->host), 16);
		return;
	}
	assert_int_equal(64 - field(vtcr, 5, 0), m->plan.kernel.pa_bits);
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (starts[i].granule_bits == granule_bits &&
		    starts[i].ipa_bits == m->plan.kernel.pa_bits)
			assert_int_equal(field(vtcr, 7, 6), starts[i].sl0);
	/* SCTLR_EL2: RES1, and M, C, SA, I, WXN, BT. */
	assert_int_equal(d->registers.sctlr,
			 0x30c50830 | 1 | 4 | 8 | 1 << 12 | 1 << 19 | 1ull << 36);
	assert_int_equal(d->registers.mair, m->plan.registers.mair);
}

static void el2_follows_the_plan_for_every_page_size_pa_size_and_format(void **state)
{
	struct hyp_decision d;
	struct machine m;

	(void)state;
	for (unsigned granule_bits = 12; granule_bits <= 16; granule_bits += 2)
		for (unsigned parange = 0; parange <= 6; parange++)
			for (int wide = 0; wide <= 1; wide++) {
				machine_make(&m, granule_bits, parange, wide);
				assert_int_equal(hyp_decide(&d, &m.plan, m.id, 0, paddr(GIB(3))),
						 HYP_OK);
				assert_int_equal(d.self.va_bits, 48);
				assert_int_equal(d.self.whose, WHOSE_HYPERVISOR);
				check_decision(&m, &d, parange);
				assert_int_equal(hyp_decide(&d, &m.plan, m.id, 52, paddr(GIB(3))),
						 HYP_OK);
				assert_int_equal(d.self.va_bits, wide ? 52 : 48);
				assert_int_equal(d.va_bits_refused, !wide);
				check_decision(&m, &d, parange);
			}
}

/* pagoda.va_bits=39, say: the CPU has LPA2, at stage 2 too, and the kernel does not use it. */
static void a_host_of_48_bits_has_a_stage_2_of_48_bits_on_any_cpu(void **state)
{
	struct hyp_decision d;
	struct machine m;

	(void)state;
	for (unsigned granule_bits = 12; granule_bits <= 16; granule_bits += 2) {
		machine_make(&m, granule_bits, 6, true);
		m.plan.kernel = regime_make(granule_bits, 42, 48, false);
		assert_int_equal(hyp_decide(&d, &m.plan, m.id, 0, paddr(GIB(3))), HYP_OK);
		assert_int_equal(d.host.format, DESC_48);
		assert_int_equal(d.guest.format, DESC_48);
		assert_int_equal(d.host.pa_bits, 48);
		assert_int_equal(field(d.registers.vtcr, 32, 32), 0);
		assert_int_equal(field(d.registers.tcr, 32, 32), 0);
	}
}

static void an_image_beyond_48_bits_needs_52_at_el2_too(void **state)
{
	struct hyp_decision d;
	struct machine m;

	(void)state;
	machine_make(&m, 12, 6, true);
	m.plan.idmap = regime_make(12, 52, 52, true);
	assert_int_equal(hyp_decide(&d, &m.plan, m.id, 48, paddr(0)), HYP_OK);
	assert_int_equal(d.self.va_bits, 52);
}

static void ram_above_bit_51_takes_a_level_more_with_16k_pages(void **state)
{
	struct hyp_decision d;
	struct machine m;

	(void)state;
	machine_make(&m, 14, 6, true);
	assert_int_equal(hyp_decide(&d, &m.plan, m.id, 0, paddr(BIT(51))), HYP_OK);
	assert_int_equal(d.host.root_level, 1);
	assert_int_equal(hyp_decide(&d, &m.plan, m.id, 0, paddr(BIT(51) + 1)), HYP_OK);
	assert_int_equal(d.host.root_level, 0);
	assert_int_equal(field(d.registers.vtcr, 7, 6), 3);
	assert_int_equal(field(d.registers.vtcr, 5, 0), 12);
}

static void a_page_size_without_stage_2_and_ram_beyond_it_are_refused(void **state)
{
	struct hyp_decision d;
	struct machine m;

	(void)state;
	for (unsigned granule_bits = 12; granule_bits <= 16; granule_bits += 2) {
		unsigned low = granule_bits == 12 ? 40 : granule_bits == 14 ? 32 : 36;

		machine_make(&m, granule_bits, 2, false);
		m.id[SYSREG_ID_AA64MMFR0_EL1] |= 1ull << low;
		assert_int_equal(hyp_decide(&d, &m.plan, m.id, 0, paddr(0)), HYP_NO_GRANULE);
		m.id[SYSREG_ID_AA64MMFR0_EL1] ^= 3ull << low;
		assert_int_equal(hyp_decide(&d, &m.plan, m.id, 0, paddr(BIT(40))), HYP_OK);
		assert_int_equal(hyp_decide(&d, &m.plan, m.id, 0, paddr(BIT(40) + 1)), HYP_NARROW);
	}
	/* Stage 1 has LPA2, stage 2 not: 48 bits. */
	machine_make(&m, 12, 6, true);
	m.id[SYSREG_ID_AA64MMFR0_EL1] |= 2ull << 40;
	assert_int_equal(hyp_decide(&d, &m.plan, m.id, 0, paddr(BIT(48) + 1)), HYP_NARROW);
	assert_int_equal(d.host.format, DESC_48);
	assert_int_equal(field(d.registers.vtcr, 32, 32), 0);
	assert_int_equal(field(d.registers.tcr, 32, 32), 1);
}

static void the_base_is_in_the_half_without_the_identity_map_and_leaves_room(void **state)
{
	struct random random = random_start();
	struct regime regime = regime_make(12, 48, 48, false);

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		u64 pa = random_next(&random) & (BIT(48) - 1);
		u64 base = hyp_base(&regime, paddr(pa), random_next(&random)).value;

		assert_int_equal(base & (MIB(2) - 1), 0);
		assert_int_not_equal(base >> 47, pa >> 47);
		assert_int_equal((base + HYP_WINDOW - 1) >> 47, base >> 47);
		assert_int_equal(base >> 48, 0);
	}
	assert_int_equal(hyp_base(&regime, paddr(0), 0).value, BIT(47) + MIB(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stage_2_starts_where_the_manual_lets_it_with_the_fewest_lookups),
		cmocka_unit_test(no_legal_start_has_fewer_lookups),
		cmocka_unit_test(a_walk_from_level_minus_1_needs_sl2),
		cmocka_unit_test(el2_follows_the_plan_for_every_page_size_pa_size_and_format),
		cmocka_unit_test(a_host_of_48_bits_has_a_stage_2_of_48_bits_on_any_cpu),
		cmocka_unit_test(an_image_beyond_48_bits_needs_52_at_el2_too),
		cmocka_unit_test(ram_above_bit_51_takes_a_level_more_with_16k_pages),
		cmocka_unit_test(a_page_size_without_stage_2_and_ram_beyond_it_are_refused),
		cmocka_unit_test(the_base_is_in_the_half_without_the_identity_map_and_leaves_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
