// SPDX-License-Identifier: MIT
/*
 * Whether a CPU can follow the first one's decision: each field that may differ, alone, by the bit
 * numbers of the manual (DDI 0487 D19.2).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pagoda/kernel/handoff/follow.h>

static u64 first_id[SYSREG_FACT_COUNT], id[SYSREG_FACT_COUNT];
static struct cpu_facts first, cpu;
static struct boot_plan plan;

static void put(u64 registers[], enum sysreg reg, unsigned bit, u64 content)
{
	registers[reg] = (registers[reg] & ~((u64)0xf << bit)) | content << bit;
}

/* What both CPUs of a machine with everything have. */
static void fill(u64 registers[])
{
	static const struct {
		enum sysreg reg;
		unsigned bit;
		u64 content;
	} fields[] = {
		{ SYSREG_ID_AA64MMFR0_EL1, 28, 1 }, /* TGran4: LPA2 */
		{ SYSREG_ID_AA64MMFR0_EL1, 20, 2 }, /* TGran16: LPA2 */
		{ SYSREG_ID_AA64MMFR0_EL1, 4, 2 }, /* ASIDBits: 16 */
		{ SYSREG_ID_AA64MMFR0_EL1, 0, 6 }, /* PARange: 52 */
		{ SYSREG_ID_AA64MMFR1_EL1, 4, 2 }, /* VMIDBits: 16 */
		{ SYSREG_ID_AA64MMFR1_EL1, 8, 1 }, /* VH */
		{ SYSREG_ID_AA64MMFR1_EL1, 20, 3 }, /* PAN */
		{ SYSREG_ID_AA64MMFR2_EL1, 16, 1 }, /* VARange */
		{ SYSREG_ID_AA64MMFR2_EL1, 48, 1 }, /* TTL */
		{ SYSREG_ID_AA64MMFR2_EL1, 52, 2 }, /* BBM */
		{ SYSREG_ID_AA64MMFR2_EL1, 60, 1 }, /* E0PD */
		{ SYSREG_ID_AA64ISAR0_EL1, 56, 2 }, /* TLB */
		{ SYSREG_ID_AA64ISAR1_EL1, 4, 5 }, /* APA */
		{ SYSREG_ID_AA64PFR0_EL1, 60, 1 }, /* CSV3 */
		{ SYSREG_ID_AA64PFR1_EL1, 0, 1 }, /* BT */
		{ SYSREG_ID_AA64PFR1_EL1, 8, 3 }, /* MTE */
		{ SYSREG_CTR_EL0, 16, 4 }, /* DminLine: 64 bytes */
		{ SYSREG_CTR_EL0, 0, 4 }, /* IminLine */
		{ SYSREG_CTR_EL0, 28, 3 }, /* IDC and DIC */
	};

	memset(registers, 0, SYSREG_FACT_COUNT * sizeof(registers[0]));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		put(registers, fields[i].reg, fields[i].bit, fields[i].content);
}

static int machine_make(void **state)
{
	(void)state;
	fill(first_id);
	fill(id);
	first = (struct cpu_facts){ 2, 62500000, first_id };
	cpu = (struct cpu_facts){ 2, 62500000, id };
	memset(&plan, 0, sizeof(plan));
	plan.el = 2;
	plan.kernel = regime_make(GRANULE_SHIFT_4K, 52, 52, true);
	plan.idmap = regime_make(GRANULE_SHIFT_4K, 48, 52, true);
	plan.bti = plan.pac = plan.pan = plan.e0pd = true;
	plan.kpti = KPTI_NO_NEED;
	return 0;
}

static void expect(enum follow_field field, u64 has, u64 needs)
{
	struct follow follow = cpu_follows(&plan, &first, &cpu);

	assert_string_equal(follow_field_str(follow.field), follow_field_str(field));
	assert_int_equal(follow.has, has);
	assert_int_equal(follow.needs, needs);
}

static void a_cpu_like_the_first_one_follows(void **state)
{
	(void)state;
	expect(FOLLOW_OK, 0, 0);
}

static void a_cpu_that_has_more_follows(void **state)
{
	(void)state;
	put(first_id, SYSREG_ID_AA64PFR1_EL1, 8, 1);
	put(first_id, SYSREG_ID_AA64MMFR2_EL1, 52, 0);
	put(first_id, SYSREG_ID_AA64MMFR0_EL1, 4, 0);
	put(first_id, SYSREG_CTR_EL0, 16, 3);
	put(first_id, SYSREG_CTR_EL0, 28, 0);
	expect(FOLLOW_OK, 0, 0);
}

/* Each, lowered alone, is what is named; and with it the number that it comes to. */
static void what_a_cpu_lacks_is_named(void **state)
{
	static const struct {
		enum sysreg reg;
		unsigned bit;
		u64 content;
		struct follow follow;
	} rows[] = {
		{ SYSREG_ID_AA64MMFR0_EL1, 28, 0xf, { FOLLOW_PAGE_SIZE, 0, 4096 } },
		{ SYSREG_ID_AA64MMFR0_EL1, 28, 0, { FOLLOW_VA_BITS, 48, 52 } },
		{ SYSREG_ID_AA64MMFR0_EL1, 0, 5, { FOLLOW_PA_BITS, 48, 52 } },
		{ SYSREG_ID_AA64MMFR0_EL1, 0, 2, { FOLLOW_PA_BITS, 40, 52 } },
		{ SYSREG_ID_AA64MMFR1_EL1, 8, 0, { FOLLOW_VHE, 0, 1 } },
		{ SYSREG_ID_AA64PFR1_EL1, 0, 0, { FOLLOW_BTI, 0, 1 } },
		{ SYSREG_ID_AA64ISAR1_EL1, 4, 0, { FOLLOW_PAC, 0, 5 } },
		{ SYSREG_ID_AA64ISAR1_EL1, 4, 3, { FOLLOW_PAC, 3, 5 } },
		{ SYSREG_ID_AA64ISAR1_EL1, 8, 5, { FOLLOW_PAC, 0x55, 5 } },
		{ SYSREG_ID_AA64ISAR2_EL1, 12, 5, { FOLLOW_PAC, 0x505, 5 } },
		{ SYSREG_ID_AA64MMFR1_EL1, 20, 0, { FOLLOW_PAN, 0, 1 } },
		{ SYSREG_ID_AA64MMFR2_EL1, 60, 0, { FOLLOW_E0PD, 0, 1 } },
		{ SYSREG_ID_AA64PFR0_EL1, 60, 0, { FOLLOW_KPTI, 0, 1 } },
		{ SYSREG_ID_AA64MMFR0_EL1, 4, 0, { FOLLOW_ASID_BITS, 8, 16 } },
		{ SYSREG_ID_AA64MMFR1_EL1, 4, 0, { FOLLOW_VMID_BITS, 8, 16 } },
		{ SYSREG_ID_AA64PFR1_EL1, 8, 2, { FOLLOW_MTE, 2, 3 } },
		{ SYSREG_ID_AA64MMFR2_EL1, 52, 1, { FOLLOW_BBM, 1, 2 } },
		{ SYSREG_ID_AA64ISAR0_EL1, 56, 1, { FOLLOW_TLBI_RANGE, 0, 2 } },
		{ SYSREG_ID_AA64MMFR2_EL1, 48, 0, { FOLLOW_TTL, 0, 1 } },
		{ SYSREG_CTR_EL0, 16, 3, { FOLLOW_DATA_LINE, 32, 64 } },
		{ SYSREG_CTR_EL0, 0, 3, { FOLLOW_CODE_LINE, 32, 64 } },
		{ SYSREG_CTR_EL0, 28, 1, { FOLLOW_CODE_SYNC, BIT(28), BIT(28) | BIT(29) } },
		{ SYSREG_CTR_EL0, 28, 2, { FOLLOW_CODE_SYNC, BIT(29), BIT(28) | BIT(29) } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		machine_make(state);
		put(id, rows[i].reg, rows[i].bit, rows[i].content);
		expect(rows[i].follow.field, rows[i].follow.has, rows[i].follow.needs);
	}
}

#define CORTEX_A57 0x411fd070
#define THUNDERX_2_1 0x431f0a11

/* Without CSV3, by the core; and with the kernel's mappings not global, or not needing to be. */
static void whoever_needs_kpti_or_cannot_have_it_is_held_against_the_plan(void **state)
{
	static const struct {
		u64 midr;
		enum kpti kpti;
		enum follow_field field;
	} rows[] = {
		{ CORTEX_A57, KPTI_NO_NEED, FOLLOW_OK },
		{ THUNDERX_2_1, KPTI_NO_NEED, FOLLOW_KPTI },
		{ 0, KPTI_NO_NEED, FOLLOW_KPTI },
		{ 0, KPTI_OFF, FOLLOW_OK },
		{ THUNDERX_2_1, KPTI_OFF, FOLLOW_OK },
		{ THUNDERX_2_1, KPTI_NEVER, FOLLOW_OK },
		{ THUNDERX_2_1, KPTI_ON, FOLLOW_NOT_GLOBAL },
		{ CORTEX_A57, KPTI_ON, FOLLOW_OK },
		{ THUNDERX_2_1, KPTI_LATE, FOLLOW_NOT_GLOBAL },
		{ THUNDERX_2_1, KPTI_HIDES_PLACE, FOLLOW_NOT_GLOBAL },
		{ 0, KPTI_HIDES_CONTENT, FOLLOW_OK },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		machine_make(state);
		put(id, SYSREG_ID_AA64PFR0_EL1, 60, 0);
		id[SYSREG_MIDR_EL1] = rows[i].midr;
		plan.kpti = rows[i].kpti;
		expect(rows[i].field, 0, rows[i].field != FOLLOW_OK);
	}
}

static void of_what_the_plan_does_not_use_nothing_is_asked(void **state)
{
	(void)state;
	plan.el = 1;
	plan.bti = plan.pac = plan.pan = plan.e0pd = false;
	plan.kpti = KPTI_OFF;
	put(id, SYSREG_ID_AA64PFR0_EL1, 60, 0);
	plan.kernel = regime_make(GRANULE_SHIFT_4K, 48, 40, false);
	plan.idmap = plan.kernel;
	put(id, SYSREG_ID_AA64MMFR0_EL1, 28, 0);
	put(id, SYSREG_ID_AA64MMFR0_EL1, 20, 0);
	put(id, SYSREG_ID_AA64MMFR0_EL1, 24, 0xf);
	put(id, SYSREG_ID_AA64MMFR0_EL1, 0, 2);
	put(id, SYSREG_ID_AA64MMFR1_EL1, 8, 0);
	put(id, SYSREG_ID_AA64MMFR1_EL1, 20, 0);
	put(id, SYSREG_ID_AA64MMFR2_EL1, 16, 0);
	put(id, SYSREG_ID_AA64MMFR2_EL1, 60, 0);
	put(id, SYSREG_ID_AA64ISAR1_EL1, 4, 0);
	put(id, SYSREG_ID_AA64PFR1_EL1, 0, 0);
	expect(FOLLOW_OK, 0, 0);
}

/* 64K pages have two words for 52 bits: FEAT_LVA for what goes in, FEAT_LPA for what comes out. */
static void wide_addresses_of_64k_pages_are_asked_for_apart(void **state)
{
	(void)state;
	plan.kernel = regime_make(GRANULE_SHIFT_64K, 52, 52, true);
	plan.idmap = regime_make(GRANULE_SHIFT_64K, 48, 52, true);
	put(id, SYSREG_ID_AA64MMFR2_EL1, 16, 0);
	expect(FOLLOW_VA_BITS, 48, 52);
	plan.kernel = regime_make(GRANULE_SHIFT_64K, 48, 52, true);
	expect(FOLLOW_OK, 0, 0);
	put(id, SYSREG_ID_AA64MMFR0_EL1, 0, 5);
	expect(FOLLOW_WIDE_PA, 48, 52);
}

/* Where only the identity map is wide, since the Image lies high. */
static void the_identity_map_s_width_counts_too(void **state)
{
	(void)state;
	plan.kernel = regime_make(GRANULE_SHIFT_64K, 48, 52, true);
	plan.idmap = regime_make(GRANULE_SHIFT_64K, 52, 52, true);
	put(id, SYSREG_ID_AA64MMFR2_EL1, 16, 0);
	expect(FOLLOW_VA_BITS, 48, 52);
}

static void a_cpu_at_another_level_does_not_follow(void **state)
{
	(void)state;
	cpu.el = 1;
	expect(FOLLOW_LEVEL, 1, 2);
	put(id, SYSREG_ID_AA64MMFR0_EL1, 28, 0);
	expect(FOLLOW_LEVEL, 1, 2);
}

static void a_counter_of_another_frequency_is_told_apart_either_way(void **state)
{
	(void)state;
	cpu.frequency = 1000000000;
	expect(FOLLOW_FREQUENCY, 1000000000, 62500000);
	cpu.frequency = 0;
	expect(FOLLOW_FREQUENCY, 0, 62500000);
}

static void every_field_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < FOLLOW_FIELD_COUNT; i++)
		for (int other = 0; other < i; other++)
			assert_string_not_equal(follow_field_str(i), follow_field_str(other));
	assert_string_not_equal(follow_field_str(FOLLOW_FIELD_COUNT - 1), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_cpu_like_the_first_one_follows, machine_make),
		cmocka_unit_test_setup(a_cpu_that_has_more_follows, machine_make),
		cmocka_unit_test_setup(what_a_cpu_lacks_is_named, machine_make),
		cmocka_unit_test(whoever_needs_kpti_or_cannot_have_it_is_held_against_the_plan),
		cmocka_unit_test_setup(of_what_the_plan_does_not_use_nothing_is_asked,
				       machine_make),
		cmocka_unit_test_setup(wide_addresses_of_64k_pages_are_asked_for_apart,
				       machine_make),
		cmocka_unit_test_setup(the_identity_map_s_width_counts_too, machine_make),
		cmocka_unit_test_setup(a_cpu_at_another_level_does_not_follow, machine_make),
		cmocka_unit_test_setup(a_counter_of_another_frequency_is_told_apart_either_way,
				       machine_make),
		cmocka_unit_test(every_field_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
