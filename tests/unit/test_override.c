// SPDX-License-Identifier: MIT
/*
 * Overrides for CPUs that do not boot: what of the words is kept, and what becomes of such a CPU's
 * registers. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pagoda/kernel/handoff/override.h>
#include <pagoda/lib/features.h>

#include "support/sysreg_find.h"

static struct boot_handoff handoff;

/* What the CPU that boots has, and, but for what a test changes, the others. */
static const u64 all_have[SYSREG_FACT_COUNT] = {
	[SYSREG_ID_AA64PFR1_EL1] = 0x0000000001000321,
	[SYSREG_ID_AA64ISAR1_EL1] = 0x0011111101211252,
	[SYSREG_ID_AA64MMFR0_EL1] = 0x1000032310211126,
	[SYSREG_ID_AA64MMFR1_EL1] = 0x0000011011312122,
	[SYSREG_ID_AA64MMFR2_EL1] = 0x1221011112111011,
};

static void boot_with(const char *line)
{
	memset(&handoff, 0, sizeof(handoff));
	memcpy(handoff.facts.id, all_have, sizeof(all_have));
	memcpy(handoff.id, all_have, sizeof(all_have));
	options_parse(&handoff.options, handoff.id, line, (u32)strlen(line));
}

static int field_of(const u64 *id, enum sysreg reg, const char *name)
{
	return sysreg_field_get(sysreg_find_field(reg, name), id[reg]);
}

static void assert_fate(u32 record, enum override_status status, enum override_reason reason)
{
	assert_true(record < handoff.options.record_count);
	assert_int_equal(handoff.options.record[record].status, status);
	assert_int_equal(handoff.options.record[record].reason, reason);
}

static void a_word_about_one_cpu_is_kept_for_it_and_changes_no_other(void **state)
{
	const struct boot_options *options = &handoff.options;
	u64 id[SYSREG_FACT_COUNT];

	(void)state;
	boot_with("pagoda.cpu=2:id_aa64mmfr0.tgran4=0 pagoda.cpu=0x1ff:id_aa64pfr1.bt=0x0");
	assert_int_equal(options->cpu_override_count, 2);
	assert_int_equal(options->cpu_override[0].cpu, 2);
	assert_int_equal(options->cpu_override[1].cpu, 511);
	assert_memory_equal(handoff.id, all_have, sizeof(all_have));
	assert_string_equal(options->record[0].option, "pagoda.cpu");
	assert_string_equal(options->record[0].field, "cpu2.id_aa64mmfr0.tgran4");
	assert_string_equal(options->record[0].value, "0");
	assert_string_equal(options->record[1].field, "cpu511.id_aa64pfr1.bt");
	assert_fate(0, OVERRIDE_REFUSED, REASON_NO_CPU);
	memcpy(id, all_have, sizeof(id));
	override_apply_for_cpu(&handoff, 1, id);
	assert_memory_equal(id, all_have, sizeof(all_have));
	assert_fate(0, OVERRIDE_REFUSED, REASON_NO_CPU);
	override_apply_for_cpu(&handoff, 2, id);
	assert_int_equal(field_of(id, SYSREG_ID_AA64MMFR0_EL1, "tgran4"), 0);
	assert_int_equal(id[SYSREG_ID_AA64PFR1_EL1], all_have[SYSREG_ID_AA64PFR1_EL1]);
	assert_fate(0, OVERRIDE_APPLIED, REASON_NONE);
	assert_fate(1, OVERRIDE_REFUSED, REASON_NO_CPU);
}

static void a_word_about_one_cpu_that_makes_no_sense_is_said(void **state)
{
	static const struct {
		const char *line;
		enum override_status status;
		enum override_reason reason;
	} rows[] = {
		{ "pagoda.cpu", OVERRIDE_MALFORMED, REASON_NO_VALUE },
		{ "pagoda.cpu=1", OVERRIDE_MALFORMED, REASON_BAD_NUMBER },
		{ "pagoda.cpu=:id_aa64pfr1.bt=0", OVERRIDE_MALFORMED, REASON_BAD_NUMBER },
		{ "pagoda.cpu=512:id_aa64pfr1.bt=0", OVERRIDE_MALFORMED, REASON_BAD_NUMBER },
		{ "pagoda.cpu=id_aa64pfr1.bt=0", OVERRIDE_MALFORMED, REASON_BAD_NUMBER },
		{ "pagoda.cpu=1:", OVERRIDE_MALFORMED, REASON_UNKNOWN_FIELD },
		{ "pagoda.cpu=1:=0", OVERRIDE_MALFORMED, REASON_UNKNOWN_FIELD },
		{ "pagoda.cpu=1:id_aa64pfr1=0", OVERRIDE_MALFORMED, REASON_UNKNOWN_FIELD },
		{ "pagoda.cpu=1:id_aa64pfr1.nobody=0", OVERRIDE_MALFORMED, REASON_UNKNOWN_FIELD },
		{ "pagoda.cpu=1:ctr_el0.dminline=0", OVERRIDE_MALFORMED, REASON_UNKNOWN_FIELD },
		{ "pagoda.cpu=1:.dminline=0", OVERRIDE_MALFORMED, REASON_UNKNOWN_FIELD },
		{ "pagoda.cpu=1:.implementer=0", OVERRIDE_MALFORMED, REASON_UNKNOWN_FIELD },
		{ "pagoda.cpu=1:arm64.nobti", OVERRIDE_MALFORMED, REASON_UNKNOWN_FIELD },
		{ "pagoda.cpu=1:id_aa64pfr1.bt", OVERRIDE_MALFORMED, REASON_NO_VALUE },
		{ "pagoda.cpu=1:id_aa64pfr1.bt=", OVERRIDE_MALFORMED, REASON_NO_VALUE },
		{ "pagoda.cpu=1:id_aa64pfr1.bt=00", OVERRIDE_MALFORMED, REASON_NOT_A_DIGIT },
		{ "pagoda.cpu=1:id_aa64smfr0.fa64=2", OVERRIDE_MALFORMED, REASON_TOO_WIDE },
		{ "pagoda.cpu=0:id_aa64pfr1.bt=0", OVERRIDE_REFUSED, REASON_ALL_CPUS },
		{ "pagoda.cpu=1:arm64_sw.nokaslr=1", OVERRIDE_REFUSED, REASON_ALL_CPUS },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		boot_with(rows[i].line);
		assert_int_equal(handoff.options.record_count, 1);
		if (handoff.options.record[0].reason != rows[i].reason)
			print_error("%s\n", rows[i].line);
		assert_fate(0, rows[i].status, rows[i].reason);
		assert_int_equal(handoff.options.cpu_override_count, 0);
		assert_memory_equal(handoff.id, all_have, sizeof(all_have));
	}
}

static void a_cpu_is_lowered_and_never_raised(void **state)
{
	u64 id[SYSREG_FACT_COUNT];

	(void)state;
	boot_with("pagoda.cpu=1:id_aa64pfr1.bt=1 pagoda.cpu=1:id_aa64mmfr0.tgran64=f "
		  "pagoda.cpu=1:id_aa64mmfr0.tgran64=0 pagoda.cpu=1:id_aa64mmfr2.bbm=2");
	memcpy(id, all_have, sizeof(id));
	id[SYSREG_ID_AA64PFR1_EL1] = 0; /* this CPU has no BTI */
	override_apply_for_cpu(&handoff, 1, id);
	assert_fate(0, OVERRIDE_REFUSED, REASON_RAISES);
	assert_int_equal(id[SYSREG_ID_AA64PFR1_EL1], 0);
	/* Each is held against what the CPU has, not against what the one before has left. */
	assert_fate(1, OVERRIDE_APPLIED, REASON_NONE);
	assert_fate(2, OVERRIDE_APPLIED, REASON_NONE);
	assert_int_equal(field_of(id, SYSREG_ID_AA64MMFR0_EL1, "tgran64"), 0);
	assert_fate(3, OVERRIDE_APPLIED, REASON_NONE);
	assert_int_equal(field_of(id, SYSREG_ID_AA64MMFR2_EL1, "bbm"), 2);
}

static void what_is_lowered_for_all_is_lowered_on_each(void **state)
{
	u64 id[SYSREG_FACT_COUNT];

	(void)state;
	boot_with("arm64.nopauth arm64.nolva nokaslr id_aa64mmfr1.pan=2 "
		  "pagoda.cpu=1:id_aa64mmfr0.tgran4=0");
	memcpy(id, all_have, sizeof(id));
	override_apply_for_cpu(&handoff, 3, id);
	assert_memory_equal(id, handoff.id, sizeof(id));
	/* What a CPU has less of stays so; what it has more of, and nobody has lowered, too. */
	memcpy(id, all_have, sizeof(id));
	id[SYSREG_ID_AA64MMFR1_EL1] = 0x0000011011012122; /* no PAN, */
	id[SYSREG_ID_AA64PFR1_EL1] = 0x0000000001000421; /* and MTE of another version */
	override_apply_for_cpu(&handoff, 3, id);
	assert_int_equal(field_of(id, SYSREG_ID_AA64MMFR1_EL1, "pan"), 0);
	assert_int_equal(field_of(id, SYSREG_ID_AA64PFR1_EL1, "mte"), 4);
	assert_int_equal(field_of(id, SYSREG_ID_AA64MMFR2_EL1, "varange"), 0);
	assert_int_equal(id[SYSREG_ARM64_SW], handoff.id[SYSREG_ARM64_SW]);
}

static void varange_zero_leaves_a_cpu_no_52_bits(void **state)
{
	u64 id[SYSREG_FACT_COUNT];

	(void)state;
	boot_with("pagoda.cpu=1:id_aa64mmfr2.varange=0");
	memcpy(id, all_have, sizeof(id));
	override_apply_for_cpu(&handoff, 1, id);
	assert_int_equal(cpu_granule(id, GRANULE_SHIFT_4K).va_bits, 48);
	assert_true(cpu_granule(id, GRANULE_SHIFT_4K).present);
	assert_int_equal(cpu_granule(id, GRANULE_SHIFT_16K).va_bits, 48);
	assert_int_equal(cpu_pa_bits(id[SYSREG_ID_AA64MMFR0_EL1]), 48);
}

static void a_cpu_whose_e2h_is_stuck_keeps_vhe(void **state)
{
	(void)state;
	for (unsigned stuck = 0; stuck < 2; stuck++) {
		u64 id[SYSREG_FACT_COUNT];

		boot_with("pagoda.cpu=1:id_aa64mmfr1.vh=0");
		memcpy(id, all_have, sizeof(id));
		id[SYSREG_ID_AA64MMFR4_EL1] = stuck ? (u64)0xf << 24 : 0;
		override_apply_for_cpu(&handoff, 1, id);
		assert_int_equal(cpu_has_vhe(id), stuck);
		assert_fate(0, stuck ? OVERRIDE_REFUSED : OVERRIDE_APPLIED,
			    stuck ? REASON_E2H_STUCK : REASON_NONE);
	}
}

static void words_and_records_beyond_the_room_are_said(void **state)
{
	static const char word[] = "pagoda.cpu=1:id_aa64pfr1.bt=0 ";
	char line[(OVERRIDES_MAX + 1) * sizeof(word)] = "";
	u64 id[SYSREG_FACT_COUNT];

	(void)state;
	for (unsigned i = 0; i <= CPU_OVERRIDES_MAX; i++)
		strcat(line, word);
	boot_with(line);
	assert_int_equal(handoff.options.cpu_override_count, CPU_OVERRIDES_MAX);
	assert_fate(CPU_OVERRIDES_MAX - 1, OVERRIDE_REFUSED, REASON_NO_CPU);
	assert_fate(CPU_OVERRIDES_MAX, OVERRIDE_REFUSED, REASON_NO_ROOM);
	line[0] = '\0';
	for (unsigned i = 0; i < OVERRIDES_MAX; i++)
		strcat(line, "arm64.nobti ");
	strcat(line, word);
	boot_with(line);
	assert_int_equal(handoff.options.records_dropped, 1);
	memcpy(id, all_have, sizeof(id));
	override_apply_for_cpu(&handoff, 1, id);
	assert_int_equal(field_of(id, SYSREG_ID_AA64PFR1_EL1, "bt"), 0);
	for (u32 i = 0; i < OVERRIDES_MAX; i++)
		assert_fate(i, OVERRIDE_APPLIED, REASON_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_about_one_cpu_is_kept_for_it_and_changes_no_other),
		cmocka_unit_test(a_word_about_one_cpu_that_makes_no_sense_is_said),
		cmocka_unit_test(a_cpu_is_lowered_and_never_raised),
		cmocka_unit_test(what_is_lowered_for_all_is_lowered_on_each),
		cmocka_unit_test(varange_zero_leaves_a_cpu_no_52_bits),
		cmocka_unit_test(a_cpu_whose_e2h_is_stuck_keeps_vhe),
		cmocka_unit_test(words_and_records_beyond_the_room_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
