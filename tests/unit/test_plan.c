// SPDX-License-Identifier: MIT
/*
 * The plan over a table of CPUs, command lines and CPUs that could exist. Host only. Register
 * fields are taken apart here with bit numbers from DDI 0487 (TCR_EL1, SCTLR_EL1, ID_AA64*), and
 * expected values are literals: Pagoda's macros and formulas are what is under test.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/kernel/handoff/plan.h>

#include "support/fake_machine.h"
#include "support/random.h"

#define IMAGE_PA 0x40210000
#define IMAGE_SIZE 0x120000

/* 2 MiB, the step of KASLR. */
#define STEP 0x200000ul

/* Everything that goes into a plan, and comes out of it. Large, so not on the stack. */
static struct {
	struct boot_facts facts;
	u64 id[SYSREG_FACT_COUNT];
	struct boot_options options;
	enum kaslr_source entropy;
	u64 number; /* that places the image */
	struct boot_plan plan;
} boot;

static u64 bits(u64 value, unsigned high, unsigned low)
{
	return value >> low & ((2ul << (high - low)) - 1);
}

/* A machine with @cpu, entered at EL1, without entropy. */
static void boot_reset(enum fake_cpu cpu)
{
	memset(&boot, 0, sizeof(boot));
	memcpy(boot.facts.id, fake_cpu_id(cpu), sizeof(boot.facts.id));
	boot.facts.entry.el = 1;
	boot.facts.image.pa = paddr(IMAGE_PA);
	boot.facts.image.size = IMAGE_SIZE;
	boot.entropy = KASLR_OFF_NO_ENTROPY;
}

/* Bits [high:low] of the CPU's own register @reg become @value. */
static void boot_set_id(enum sysreg reg, unsigned high, unsigned low, u64 value)
{
	u64 mask = ((2ul << (high - low)) - 1) << low;

	boot.facts.id[reg] = (boot.facts.id[reg] & ~mask) | value << low;
}

static struct stop boot_plan(const char *command_line)
{
	struct stop stop;

	memcpy(boot.id, boot.facts.id, sizeof(boot.id));
	memset(&boot.options, 0, sizeof(boot.options));
	memset(&boot.plan, 0, sizeof(boot.plan));
	options_parse(&boot.options, boot.id, command_line, strlen(command_line));
	stop = plan_make(&boot.plan, &boot.facts, boot.id, &boot.options, boot.entropy);
	if (stop.code == STOP_NONE && kaslr_has_seed(boot.plan.kaslr_source))
		plan_move_image(&boot.plan, &boot.facts.image, boot.number);
	return stop;
}

static void assert_stop(struct stop stop, enum stop_code code, u64 value, u64 limit, u64 extra)
{
	assert_int_equal(stop.code, code);
	assert_int_equal(stop.x1, value);
	assert_int_equal(stop.x2, limit);
	assert_int_equal(stop.x3, extra);
}

/* What TCR_EL1 of a running system says about its two halves. */
struct tcr_fields {
	u64 t0sz, t1sz, ips, ds, tg0, tg1;
};

/*
 * Every bit: cacheable, write-back, inner shareable walks (0x35: SH 0b11, ORGN 0b01, IRGN 0b01) at
 * 8 and 24; E0PD1 at 56; A1 at 22 where @kpti; everything else 0.
 */
static void assert_tcr(u64 tcr, struct tcr_fields expected, u64 e0pd, u64 kpti)
{
	assert_int_equal(bits(tcr, 5, 0), expected.t0sz);
	assert_int_equal(bits(tcr, 21, 16), expected.t1sz);
	assert_int_equal(bits(tcr, 34, 32), expected.ips);
	assert_int_equal(bits(tcr, 59, 59), expected.ds);
	assert_int_equal(bits(tcr, 15, 14), expected.tg0);
	assert_int_equal(bits(tcr, 31, 30), expected.tg1);
	assert_int_equal(tcr, 0x35003500 | expected.t0sz | expected.t1sz << 16 |
				      expected.ips << 32 | expected.ds << 59 | expected.tg0 << 14 |
				      expected.tg1 << 30 | e0pd << 56 | kpti << 22);
}

/* What the manual reserves: a CPU given this would misbehave, whatever else is right. */
static void assert_architected(void)
{
	u64 tcr = boot.plan.registers.tcr;
	u64 mmfr0 = boot.facts.id[SYSREG_ID_AA64MMFR0_EL1];
	bool is_64k = bits(tcr, 15, 14) == 1;
	bool wide_va = is_64k ? bits(boot.facts.id[SYSREG_ID_AA64MMFR2_EL1], 19, 16) != 0 :
				bits(tcr, 59, 59) != 0;
	u64 t0sz_least = wide_va ? 12 : 16;

	assert_true(bits(tcr, 5, 0) >= t0sz_least && bits(tcr, 5, 0) <= 39);
	assert_true(bits(tcr, 21, 16) >= t0sz_least && bits(tcr, 21, 16) <= 39);
	/* IPS 0b110 needs DS with the small granules, and PARange in any case. */
	assert_true(bits(tcr, 34, 32) < 6 || is_64k || bits(tcr, 59, 59) == 1);
	assert_true(bits(tcr, 34, 32) <= bits(mmfr0, 3, 0));
	/* DS with 64K pages is RES0. */
	assert_true(!is_64k || bits(tcr, 59, 59) == 0);
}

struct row {
	enum fake_cpu cpu;
	const char *command_line;
	unsigned granule_shift, va_bits, pa_bits;
	int levels, root_level, idmap_root;
	enum va_reason reason;
	struct tcr_fields tcr;
};

/* clang-format off */
static const struct row rows[] = {
	/* What the issue lists. */
	{ FAKE_CPU_MAX, "", 12, 52, 52, 5, -1, 0, VA_REASON_LPA2, { 16, 12, 6, 1, 0, 2 } },
	{ FAKE_CPU_MAX, "arm64.nolva", 12, 48, 48, 4, 0, 0, VA_REASON_NOLVA,
	  { 16, 16, 5, 0, 0, 2 } },
	{ FAKE_CPU_MAX_LPA2_OFF, "", 12, 48, 48, 4, 0, 0, VA_REASON_NO_LPA2,
	  { 16, 16, 5, 0, 0, 2 } },
	{ FAKE_CPU_MAX, "arm64.pagesize=16k", 14, 52, 52, 4, 0, 0, VA_REASON_LPA2,
	  { 16, 12, 6, 1, 2, 1 } },
	{ FAKE_CPU_MAX, "arm64.pagesize=16k arm64.nolva", 14, 47, 48, 3, 1, 0, VA_REASON_NOLVA,
	  { 16, 17, 5, 0, 2, 1 } },
	{ FAKE_CPU_MAX, "arm64.pagesize=64k", 16, 52, 52, 3, 1, 1, VA_REASON_LVA,
	  { 16, 12, 6, 0, 1, 3 } },
	{ FAKE_CPU_MAX, "arm64.pagesize=64k arm64.nolva", 16, 48, 48, 3, 1, 1, VA_REASON_NOLVA,
	  { 16, 16, 5, 0, 1, 3 } },
	{ FAKE_CPU_CORTEX_A57, "", 12, 48, 44, 4, 0, 0, VA_REASON_NO_LPA2,
	  { 16, 16, 4, 0, 0, 2 } },
	{ FAKE_CPU_CORTEX_A57, "arm64.pagesize=64k", 16, 48, 44, 3, 1, 1, VA_REASON_NO_LVA,
	  { 16, 16, 4, 0, 1, 3 } },
	{ FAKE_CPU_CORTEX_A76, "arm64.pagesize=16k", 14, 47, 40, 3, 1, 0, VA_REASON_NO_LPA2,
	  { 16, 17, 2, 0, 2, 1 } },
	{ FAKE_CPU_MAX, "pagoda.va_bits=39", 12, 39, 48, 3, 1, 0, VA_REASON_ASKED,
	  { 16, 25, 5, 0, 0, 2 } },
	{ FAKE_CPU_MAX, "pagoda.va_bits=42 arm64.pagesize=64k", 16, 42, 52, 2, 2, 1,
	  VA_REASON_ASKED, { 16, 22, 6, 0, 1, 3 } },
	{ FAKE_CPU_MAX, "pagoda.va_bits=36 arm64.pagesize=16k", 14, 36, 48, 2, 2, 0,
	  VA_REASON_ASKED, { 16, 28, 5, 0, 2, 1 } },
	/* The other CPUs, as they are. */
	{ FAKE_CPU_CORTEX_A53, "", 12, 48, 40, 4, 0, 0, VA_REASON_NO_LPA2,
	  { 16, 16, 2, 0, 0, 2 } },
	{ FAKE_CPU_CORTEX_A72, "", 12, 48, 44, 4, 0, 0, VA_REASON_NO_LPA2,
	  { 16, 16, 4, 0, 0, 2 } },
	{ FAKE_CPU_CORTEX_A76, "", 12, 48, 40, 4, 0, 0, VA_REASON_NO_LPA2,
	  { 16, 16, 2, 0, 0, 2 } },
	{ FAKE_CPU_NEOVERSE_N1, "", 12, 48, 48, 4, 0, 0, VA_REASON_NO_LPA2,
	  { 16, 16, 5, 0, 0, 2 } },
	{ FAKE_CPU_NEOVERSE_N1, "arm64.pagesize=16k", 14, 47, 48, 3, 1, 0, VA_REASON_NO_LPA2,
	  { 16, 17, 5, 0, 2, 1 } },
	{ FAKE_CPU_A64FX, "", 12, 48, 40, 4, 0, 0, VA_REASON_NO_LPA2, { 16, 16, 2, 0, 0, 2 } },
	{ FAKE_CPU_A64FX, "arm64.pagesize=64k", 16, 48, 40, 3, 1, 1, VA_REASON_NO_LVA,
	  { 16, 16, 2, 0, 1, 3 } },
	/* LVA and LPA without LPA2: 64K has 52 bits all the same. */
	{ FAKE_CPU_MAX_LPA2_OFF, "arm64.pagesize=16k", 14, 47, 48, 3, 1, 0, VA_REASON_NO_LPA2,
	  { 16, 17, 5, 0, 2, 1 } },
	{ FAKE_CPU_MAX_LPA2_OFF, "arm64.pagesize=64k", 16, 52, 52, 3, 1, 1, VA_REASON_LVA,
	  { 16, 12, 6, 0, 1, 3 } },
	/* Sizes asked for. 52 bits and the wide descriptors go together, but with 64K pages. */
	{ FAKE_CPU_MAX, "pagoda.va_bits=52", 12, 52, 52, 5, -1, 0, VA_REASON_ASKED,
	  { 16, 12, 6, 1, 0, 2 } },
	{ FAKE_CPU_MAX, "pagoda.va_bits=48", 12, 48, 48, 4, 0, 0, VA_REASON_ASKED,
	  { 16, 16, 5, 0, 0, 2 } },
	{ FAKE_CPU_MAX, "pagoda.va_bits=47 arm64.pagesize=16k", 14, 47, 48, 3, 1, 0,
	  VA_REASON_ASKED, { 16, 17, 5, 0, 2, 1 } },
	{ FAKE_CPU_MAX, "pagoda.va_bits=48 arm64.pagesize=16k", 14, 48, 48, 4, 0, 0,
	  VA_REASON_ASKED, { 16, 16, 5, 0, 2, 1 } },
	{ FAKE_CPU_MAX, "pagoda.va_bits=48 arm64.pagesize=64k", 16, 48, 52, 3, 1, 1,
	  VA_REASON_ASKED, { 16, 16, 6, 0, 1, 3 } },
	{ FAKE_CPU_CORTEX_A57, "pagoda.va_bits=39", 12, 39, 44, 3, 1, 0, VA_REASON_ASKED,
	  { 16, 25, 4, 0, 0, 2 } },
	{ FAKE_CPU_A64FX, "pagoda.va_bits=42 arm64.pagesize=64k", 16, 42, 40, 2, 2, 1,
	  VA_REASON_ASKED, { 16, 22, 2, 0, 1, 3 } },
	/* Overrides of the fields themselves. PARange alone stays 6 in the first: the IPS trap. */
	{ FAKE_CPU_MAX, "id_aa64mmfr0.tgran4=0", 12, 48, 48, 4, 0, 0, VA_REASON_NO_LPA2,
	  { 16, 16, 5, 0, 0, 2 } },
	{ FAKE_CPU_MAX, "id_aa64mmfr0.tgran4=f", 14, 52, 52, 4, 0, 0, VA_REASON_LPA2,
	  { 16, 12, 6, 1, 2, 1 } },
	{ FAKE_CPU_MAX, "id_aa64mmfr0.tgran16=1 arm64.pagesize=16k", 14, 47, 48, 3, 1, 0,
	  VA_REASON_NO_LPA2, { 16, 17, 5, 0, 2, 1 } },
	{ FAKE_CPU_MAX, "id_aa64mmfr0.parange=5", 12, 52, 48, 5, -1, 0, VA_REASON_LPA2,
	  { 16, 12, 5, 1, 0, 2 } },
	{ FAKE_CPU_MAX, "id_aa64mmfr0.parange=0", 12, 52, 32, 5, -1, 0, VA_REASON_LPA2,
	  { 16, 12, 0, 1, 0, 2 } },
	{ FAKE_CPU_MAX, "id_aa64mmfr0.parange=5 arm64.pagesize=64k", 16, 52, 48, 3, 1, 1,
	  VA_REASON_LVA, { 16, 12, 5, 0, 1, 3 } },
	{ FAKE_CPU_MAX, "id_aa64mmfr2.varange=0 arm64.pagesize=64k", 16, 48, 48, 3, 1, 1,
	  VA_REASON_NOLVA, { 16, 16, 5, 0, 1, 3 } },
	{ FAKE_CPU_CORTEX_A57, "arm64.nolva", 12, 48, 44, 4, 0, 0, VA_REASON_NOLVA,
	  { 16, 16, 4, 0, 0, 2 } },
};
/* clang-format on */

static void assert_row(const struct row *row)
{
	struct stop stop;
	const struct boot_plan *plan = &boot.plan;

	boot_reset(row->cpu);
	stop = boot_plan(row->command_line);
	print_message("%s, \"%s\"\n", fake_cpu_str(row->cpu), row->command_line);
	assert_int_equal(stop.code, STOP_NONE);
	assert_int_equal(plan->kernel.granule_shift, row->granule_shift);
	assert_int_equal(plan->kernel.va_bits, row->va_bits);
	assert_int_equal(plan->kernel.pa_bits, row->pa_bits);
	assert_int_equal(regime_levels(&plan->kernel), row->levels);
	assert_int_equal(plan->kernel.root_level, row->root_level);
	assert_int_equal(plan->idmap.granule_shift, row->granule_shift);
	assert_int_equal(plan->idmap.va_bits, 48);
	assert_int_equal(plan->idmap.pa_bits, row->pa_bits);
	assert_int_equal(plan->idmap.root_level, row->idmap_root);
	assert_int_equal(plan->idmap.format, plan->kernel.format);
	assert_int_equal(plan->kernel.format == DESC_LPA2, row->tcr.ds);
	assert_int_equal(plan->va_reason, row->reason);
	assert_int_equal(plan->page_size_asked, strstr(row->command_line, "pagesize") != NULL);
	assert_tcr(plan->registers.tcr, row->tcr,
		   row->cpu == FAKE_CPU_MAX || row->cpu == FAKE_CPU_MAX_LPA2_OFF,
		   row->cpu == FAKE_CPU_A64FX);
	assert_architected();
	assert_int_equal(plan->registers.mair, 0x000444ffff);
}

static void every_cpu_and_command_line_gets_its_regime_and_its_tcr(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(&rows[i]);
}

/* The kernel's own level, and why. */
static void assert_level(const char *command_line, unsigned el, enum el_reason reason)
{
	assert_int_equal(boot_plan(command_line).code, STOP_NONE);
	assert_int_equal(boot.plan.el, el);
	assert_int_equal(boot.plan.el_reason, reason);
}

static void a_kernel_entered_at_el2_stays_there_where_the_cpu_has_vhe(void **state)
{
	(void)state;
	for (int cpu = 0; cpu < FAKE_CPU_COUNT; cpu++) {
		bool vhe;

		boot_reset(cpu);
		vhe = bits(boot.facts.id[SYSREG_ID_AA64MMFR1_EL1], 11, 8) != 0;
		assert_level("", 1, EL_REASON_ENTRY);
		assert_level("id_aa64mmfr1.vh=0", 1, EL_REASON_ENTRY);
		boot.facts.entry.el = 2;
		assert_level("", vhe ? 2 : 1, vhe ? EL_REASON_VHE : EL_REASON_NO_VHE);
		assert_level("id_aa64mmfr1.vh=0", 1, vhe ? EL_REASON_VHE_OFF : EL_REASON_NO_VHE);
	}
}

static void the_exception_level_changes_nothing_else(void **state)
{
	static struct boot_plan at_el1;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		boot_reset(rows[i].cpu);
		boot_plan(rows[i].command_line);
		memcpy(&at_el1, &boot.plan, sizeof(at_el1));
		boot.facts.entry.el = 2;
		assert_int_equal(boot_plan(rows[i].command_line).code, STOP_NONE);
		at_el1.el = boot.plan.el;
		at_el1.el_reason = boot.plan.el_reason;
		assert_true(same_plan(&boot.plan, &at_el1));
	}
}

static void entry_at_any_other_level_stops(void **state)
{
	(void)state;
	boot_reset(FAKE_CPU_MAX);
	boot.facts.entry.el = 3;
	assert_stop(boot_plan(""), STOP_ENTRY_EL, 3, 0, 0);
	boot.facts.entry.el = 0;
	assert_stop(boot_plan(""), STOP_ENTRY_EL, 0, 0, 0);
}

/* ---- CPUs that no QEMU option gives ---- */

static void a_tgran4_of_0xf_is_no_4k_and_not_more_than_lpa2(void **state)
{
	(void)state;
	boot_reset(FAKE_CPU_MAX);
	boot_set_id(SYSREG_ID_AA64MMFR0_EL1, 31, 28, 0xf);
	assert_int_equal(boot_plan("").code, STOP_NONE);
	assert_int_equal(boot.plan.kernel.granule_shift, 14);
	boot_set_id(SYSREG_ID_AA64MMFR0_EL1, 23, 20, 0);
	assert_int_equal(boot_plan("").code, STOP_NONE);
	assert_int_equal(boot.plan.kernel.granule_shift, 16);
	assert_stop(boot_plan("arm64.pagesize=4k"), STOP_PAGE_SIZE, 12, 1 << 16, 0);
}

static void reserved_granule_values_compare_as_the_manual_says(void **state)
{
	(void)state;
	for (unsigned value = 0; value <= 0xf; value++) {
		boot_reset(FAKE_CPU_MAX);
		boot_set_id(SYSREG_ID_AA64MMFR0_EL1, 31, 28, value); /* TGran4, signed */
		boot_plan("");
		assert_int_equal(boot.plan.kernel.granule_shift, value < 8 ? 12 : 14);
		assert_int_equal(boot.plan.kernel.va_bits, value == 0 ? 48 : 52);
		assert_architected();

		boot_reset(FAKE_CPU_MAX);
		boot_set_id(SYSREG_ID_AA64MMFR0_EL1, 27, 24, value); /* TGran64, signed */
		assert_int_equal(boot_plan("arm64.pagesize=64k").code,
				 value < 8 ? STOP_NONE : STOP_PAGE_SIZE);
	}
	for (unsigned value = 0; value <= 7; value++) {
		boot_reset(FAKE_CPU_MAX);
		boot_set_id(SYSREG_ID_AA64MMFR0_EL1, 23, 20, value); /* TGran16, 0 is "not there" */
		assert_int_equal(boot_plan("arm64.pagesize=16k").code,
				 value != 0 ? STOP_NONE : STOP_PAGE_SIZE);
		if (value != 0)
			assert_int_equal(boot.plan.kernel.va_bits, value == 1 ? 47 : 52);
	}
}

static void a_reserved_parange_is_taken_as_52_bits_and_no_more(void **state)
{
	(void)state;
	for (unsigned value = 7; value <= 0xf; value++) {
		boot_reset(FAKE_CPU_MAX);
		boot_set_id(SYSREG_ID_AA64MMFR0_EL1, 3, 0, value);
		assert_int_equal(boot_plan("").code, STOP_NONE);
		assert_int_equal(bits(boot.plan.registers.tcr, 34, 32), 6);
		assert_int_equal(boot.plan.kernel.pa_bits, 52);
		assert_int_equal(boot_plan("id_aa64mmfr0.tgran4=0").code, STOP_NONE);
		assert_int_equal(bits(boot.plan.registers.tcr, 34, 32), 5);
		assert_int_equal(boot.plan.kernel.pa_bits, 48);
	}
}

static void every_parange_becomes_its_ips(void **state)
{
	static const unsigned pa_bits[] = { 32, 36, 40, 42, 44, 48, 52 };

	(void)state;
	for (unsigned value = 0; value < ARRAY_SIZE(pa_bits); value++) {
		boot_reset(FAKE_CPU_MAX);
		boot_set_id(SYSREG_ID_AA64MMFR0_EL1, 3, 0, value);
		assert_int_equal(boot_plan("").code, STOP_NONE);
		assert_int_equal(boot.plan.kernel.pa_bits, pa_bits[value]);
		assert_int_equal(bits(boot.plan.registers.tcr, 34, 32), value);
	}
}

static void varange_says_nothing_about_small_pages(void **state)
{
	(void)state;
	boot_reset(FAKE_CPU_MAX);
	boot_set_id(SYSREG_ID_AA64MMFR2_EL1, 19, 16, 0); /* LPA2 without LVA */
	boot_plan("");
	assert_int_equal(boot.plan.kernel.va_bits, 52);
	assert_int_equal(boot.plan.va_reason, VA_REASON_LPA2);
	boot_plan("arm64.pagesize=16k");
	assert_int_equal(boot.plan.kernel.va_bits, 52);
	boot_plan("arm64.pagesize=64k");
	assert_int_equal(boot.plan.kernel.va_bits, 48);
	assert_int_equal(boot.plan.va_reason, VA_REASON_NO_LVA);
	assert_tcr(boot.plan.registers.tcr, (struct tcr_fields){ 16, 16, 6, 0, 1, 3 }, 1, 0);
	assert_int_equal(boot.plan.kernel.format, DESC_64K_LPA);

	boot_reset(FAKE_CPU_CORTEX_A76);
	boot_set_id(SYSREG_ID_AA64MMFR2_EL1, 19, 16, 1); /* LVA without LPA2 */
	boot_plan("");
	assert_int_equal(boot.plan.kernel.va_bits, 48);
	boot_plan("arm64.pagesize=16k");
	assert_int_equal(boot.plan.kernel.va_bits, 47);
	boot_plan("arm64.pagesize=64k");
	assert_int_equal(boot.plan.kernel.va_bits, 52);
	assert_tcr(boot.plan.registers.tcr, (struct tcr_fields){ 16, 12, 2, 0, 1, 3 }, 0, 0);
	assert_int_equal(boot.plan.kernel.format, DESC_48);
}

static void lva3_counts_as_52_bits(void **state)
{
	(void)state;
	boot_reset(FAKE_CPU_MAX);
	boot_set_id(SYSREG_ID_AA64MMFR2_EL1, 19, 16, 2);
	boot_plan("arm64.pagesize=64k");
	assert_int_equal(boot.plan.kernel.va_bits, 52);
}

/* ---- What the CPU or the page size lacks ---- */

static void a_page_size_the_cpu_lacks_stops_with_those_it_has(void **state)
{
	(void)state;
	boot_reset(FAKE_CPU_CORTEX_A57);
	assert_stop(boot_plan("arm64.pagesize=16k"), STOP_PAGE_SIZE, 14, 1 << 12 | 1 << 16, 0);
	boot_reset(FAKE_CPU_MAX);
	assert_stop(boot_plan("id_aa64mmfr0.tgran64=f arm64.pagesize=64k"), STOP_PAGE_SIZE, 16,
		    1 << 12 | 1 << 14, 0);
}

static void a_cpu_without_any_page_size_stops(void **state)
{
	(void)state;
	boot_reset(FAKE_CPU_MAX);
	boot.facts.id[SYSREG_ID_AA64MMFR0_EL1] = 0xff000006;
	assert_stop(boot_plan(""), STOP_PAGE_SIZE, 0, 0, 0);
}

static void an_impossible_address_size_stops_with_the_possible_ones(void **state)
{
	static const struct {
		enum fake_cpu cpu;
		const char *command_line;
		unsigned asked, shift;
		u64 possible;
	} cases[] = {
		{ FAKE_CPU_MAX, "pagoda.va_bits=47", 47, 12, 1ul << 39 | 1ul << 48 | 1ul << 52 },
		{ FAKE_CPU_MAX, "pagoda.va_bits=36", 36, 12, 1ul << 39 | 1ul << 48 | 1ul << 52 },
		{ FAKE_CPU_CORTEX_A57, "pagoda.va_bits=52", 52, 12, 1ul << 39 | 1ul << 48 },
		{ FAKE_CPU_MAX, "pagoda.va_bits=52 arm64.nolva", 52, 12, 1ul << 39 | 1ul << 48 },
		{ FAKE_CPU_MAX, "pagoda.va_bits=42 arm64.pagesize=16k", 42, 14,
		  1ul << 36 | 1ul << 47 | 1ul << 48 | 1ul << 52 },
		{ FAKE_CPU_CORTEX_A76, "pagoda.va_bits=52 arm64.pagesize=16k", 52, 14,
		  1ul << 36 | 1ul << 47 | 1ul << 48 },
		{ FAKE_CPU_MAX, "pagoda.va_bits=39 arm64.pagesize=64k", 39, 16,
		  1ul << 42 | 1ul << 48 | 1ul << 52 },
		{ FAKE_CPU_A64FX, "pagoda.va_bits=52 arm64.pagesize=64k", 52, 16,
		  1ul << 42 | 1ul << 48 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		boot_reset(cases[i].cpu);
		assert_stop(boot_plan(cases[i].command_line), STOP_VA_BITS, cases[i].asked,
			    cases[i].shift, cases[i].possible);
	}
}

/* ---- Features ---- */

/*
 * SCTLR_EL1: M 0, C 2, SA 3, EOS 11, I 12, WXN 19, TSCXT 20, EIS 22, SPAN 23, nTLSMD 28, LSMAOE 29,
 * EnIA 31, BT1 36.
 */
#define SCTLR_BASE                                                                        \
	(1ul << 0 | 1ul << 2 | 1ul << 3 | 1ul << 11 | 1ul << 12 | 1ul << 20 | 1ul << 22 | \
	 1ul << 28 | 1ul << 29)

static void features_are_on_where_there_and_not_overridden(void **state)
{
	static const struct {
		enum fake_cpu cpu;
		const char *command_line;
		bool wxn, bti, pac, pan, e0pd, text_writable;
	} cases[] = {
		{ FAKE_CPU_MAX, "", true, true, true, true, true, false },
		{ FAKE_CPU_MAX, "arm64.nobti", true, false, true, true, true, false },
		{ FAKE_CPU_MAX, "id_aa64pfr1.bt=0", true, false, true, true, true, false },
		{ FAKE_CPU_MAX, "arm64.nopauth", true, true, false, true, true, false },
		{ FAKE_CPU_MAX, "id_aa64mmfr1.pan=0", true, true, true, false, true, false },
		{ FAKE_CPU_MAX, "id_aa64mmfr2.e0pd=0", true, true, true, true, false, false },
		{ FAKE_CPU_MAX, "arm64.nowxn", false, true, true, true, true, false },
		{ FAKE_CPU_MAX, "rodata=off", false, true, true, true, true, true },
		{ FAKE_CPU_MAX, "rodata=off arm64.nowxn", false, true, true, true, true, true },
		{ FAKE_CPU_MAX, "arm64_sw.rodataoff=1", false, true, true, true, true, true },
		{ FAKE_CPU_CORTEX_A57, "", true, false, false, false, false, false },
		{ FAKE_CPU_CORTEX_A76, "", true, false, false, true, false, false },
		{ FAKE_CPU_A64FX, "", true, false, false, true, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct boot_plan *plan = &boot.plan;
		u64 sctlr = SCTLR_BASE | (u64)cases[i].wxn << 19 | (u64)!cases[i].pan << 23 |
			    (u64)cases[i].pac << 31 | (u64)cases[i].bti << 36;

		boot_reset(cases[i].cpu);
		assert_int_equal(boot_plan(cases[i].command_line).code, STOP_NONE);
		print_message("%s, \"%s\"\n", fake_cpu_str(cases[i].cpu), cases[i].command_line);
		assert_int_equal(plan->wxn, cases[i].wxn);
		assert_int_equal(plan->bti, cases[i].bti);
		assert_int_equal(plan->pac, cases[i].pac);
		assert_int_equal(plan->pan, cases[i].pan);
		assert_int_equal(plan->e0pd, cases[i].e0pd);
		assert_int_equal(plan->policy.guarded, cases[i].bti);
		assert_int_equal(plan->policy.text_writable, cases[i].text_writable);
		assert_int_equal(plan->registers.sctlr, sctlr);
		assert_int_equal(bits(plan->registers.tcr, 56, 56), cases[i].e0pd);
	}
}

static void pac_is_found_in_each_of_its_three_fields(void **state)
{
	static const struct {
		enum sysreg reg;
		unsigned low;
	} fields[] = {
		{ SYSREG_ID_AA64ISAR1_EL1, 4 }, /* APA */
		{ SYSREG_ID_AA64ISAR1_EL1, 8 }, /* API */
		{ SYSREG_ID_AA64ISAR2_EL1, 12 }, /* APA3 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		boot_reset(FAKE_CPU_CORTEX_A57);
		boot_set_id(fields[i].reg, fields[i].low + 3, fields[i].low, 1);
		boot_plan("");
		assert_true(boot.plan.pac);
		boot_plan("arm64.nopauth");
		assert_false(boot.plan.pac);
	}
	boot_reset(FAKE_CPU_CORTEX_A57);
	boot_set_id(SYSREG_ID_AA64ISAR1_EL1, 31, 24, 0x11); /* GPI and GPA sign no addresses */
	boot_plan("");
	assert_false(boot.plan.pac);
}

/* ---- Where the image lies ---- */

static void an_image_misaligned_for_the_page_size_stops(void **state)
{
	(void)state;
	boot_reset(FAKE_CPU_MAX);
	boot.facts.image.pa = paddr(0x40201000);
	assert_int_equal(boot_plan("").code, STOP_NONE);
	assert_stop(boot_plan("arm64.pagesize=16k"), STOP_IMAGE_MISALIGNED, 0x40201000, 0x4000, 0);
	assert_stop(boot_plan("arm64.pagesize=64k"), STOP_IMAGE_MISALIGNED, 0x40201000, 0x10000, 0);
	boot.facts.image.pa = paddr(0x40204000);
	assert_int_equal(boot_plan("arm64.pagesize=16k").code, STOP_NONE);
	assert_stop(boot_plan("arm64.pagesize=64k"), STOP_IMAGE_MISALIGNED, 0x40204000, 0x10000, 0);
	boot.facts.image.pa = paddr(0x40200800);
	assert_stop(boot_plan(""), STOP_IMAGE_MISALIGNED, 0x40200800, 0x1000, 0);
}

struct far_case {
	enum fake_cpu cpu;
	const char *command_line;
	int idmap_root;
	struct tcr_fields tcr;
};

static void an_image_above_48_bits_gets_a_52_bit_identity_map(void **state)
{
	static const struct far_case cases[] = {
		{ FAKE_CPU_MAX, "", -1, { 12, 12, 6, 1, 0, 2 } },
		{ FAKE_CPU_MAX, "arm64.pagesize=16k", 0, { 12, 12, 6, 1, 2, 1 } },
		{ FAKE_CPU_MAX, "arm64.pagesize=64k", 1, { 12, 12, 6, 0, 1, 3 } },
		{ FAKE_CPU_MAX, "arm64.pagesize=64k pagoda.va_bits=48", 1, { 12, 16, 6, 0, 1, 3 } },
		{ FAKE_CPU_MAX, "arm64.pagesize=64k pagoda.va_bits=42", 1, { 12, 22, 6, 0, 1, 3 } },
		{ FAKE_CPU_MAX_LPA2_OFF, "arm64.pagesize=64k", 1, { 12, 12, 6, 0, 1, 3 } },
	};
	static const u64 places[] = {
		(1ul << 48) - 0x10000, /* the image crosses 2^48 */
		1ul << 48, 5ul << 49, (1ul << 52) - IMAGE_SIZE, /* the last place there is */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(places); i++) {
		const struct far_case *far = &cases[i / ARRAY_SIZE(places)];

		boot_reset(far->cpu);
		boot.facts.image.pa = paddr(places[i % ARRAY_SIZE(places)]);
		assert_int_equal(boot_plan(far->command_line).code, STOP_NONE);
		assert_int_equal(boot.plan.idmap.va_bits, 52);
		assert_int_equal(boot.plan.idmap.root_level, far->idmap_root);
		assert_tcr(boot.plan.registers.tcr, far->tcr, 1, 0);
		assert_architected();
	}
}

static void an_image_that_ends_at_2_to_the_48_needs_no_more_than_48_bits(void **state)
{
	(void)state;
	boot_reset(FAKE_CPU_MAX);
	boot.facts.image.pa = paddr((1ul << 48) - IMAGE_SIZE);
	assert_int_equal(boot_plan("").code, STOP_NONE);
	assert_int_equal(boot.plan.idmap.va_bits, 48);
	assert_int_equal(boot_plan("arm64.nolva").code, STOP_NONE);
}

static void an_image_out_of_reach_stops_with_its_end_and_the_bits_there_are(void **state)
{
	static const struct {
		enum fake_cpu cpu;
		const char *command_line;
		u64 pa;
		unsigned reach;
	} cases[] = {
		{ FAKE_CPU_MAX, "arm64.nolva", 1ul << 48, 48 },
		{ FAKE_CPU_MAX, "arm64.nolva", (1ul << 48) - 0x10000, 48 },
		{ FAKE_CPU_MAX, "pagoda.va_bits=39", 1ul << 48, 48 },
		{ FAKE_CPU_MAX, "pagoda.va_bits=48", 1ul << 48, 48 },
		{ FAKE_CPU_MAX, "arm64.pagesize=16k arm64.nolva", 1ul << 48, 48 },
		{ FAKE_CPU_MAX, "arm64.pagesize=64k arm64.nolva", 1ul << 48, 48 },
		{ FAKE_CPU_MAX, "id_aa64mmfr0.parange=5", 1ul << 48, 48 },
		{ FAKE_CPU_MAX, "id_aa64mmfr0.parange=2", 1ul << 40, 40 },
		{ FAKE_CPU_MAX, "", (1ul << 52) - 0x10000, 52 },
		{ FAKE_CPU_MAX_LPA2_OFF, "", 1ul << 48, 48 },
		{ FAKE_CPU_CORTEX_A57, "", 1ul << 44, 44 },
		{ FAKE_CPU_CORTEX_A57, "arm64.pagesize=64k", (1ul << 44) - 0x10000, 44 },
		{ FAKE_CPU_CORTEX_A57, "", 1ul << 48, 44 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		boot_reset(cases[i].cpu);
		boot.facts.image.pa = paddr(cases[i].pa);
		assert_stop(boot_plan(cases[i].command_line), STOP_IMAGE_UNREACHABLE,
			    cases[i].pa + IMAGE_SIZE, cases[i].reach, 0);
	}
}

static void wide_output_without_wide_input_does_not_reach_above_48_bits(void **state)
{
	(void)state;
	boot_reset(FAKE_CPU_MAX);
	boot_set_id(SYSREG_ID_AA64MMFR2_EL1, 19, 16, 0);
	boot.facts.image.pa = paddr(1ul << 48);
	assert_stop(boot_plan("arm64.pagesize=64k"), STOP_IMAGE_UNREACHABLE,
		    (1ul << 48) + IMAGE_SIZE, 48, 0);
	assert_int_equal(boot_plan("").code, STOP_NONE);
}

/* ---- KPTI ---- */

#define THUNDERX(rp) (0x430f0a10 | ((rp) >> 4) << 20 | ((rp)&0xf))
#define CSV3 1
#define E0PD 2
#define SEED 4

/* Cores by MIDR_EL1, what they have, the command line, and what comes of it. */
static const struct {
	u64 midr;
	unsigned has;
	const char *command_line;
	enum kpti kpti;
} kpti_rows[] = {
	/* Nothing to hide, or nobody to hide it from. */
	{ 0x000f0510, CSV3 | E0PD | SEED, "", KPTI_NO_NEED },
	{ 0x000f0510, CSV3, "", KPTI_NO_NEED },
	{ 0x000f0510, CSV3 | SEED, "nokaslr", KPTI_NO_NEED },
	{ 0x411fd070, E0PD, "", KPTI_NO_NEED }, /* Cortex-A57 keeps EL0 out without CSV3 */
	{ 0x411fd070, SEED, "nokaslr", KPTI_NO_NEED },
	{ 0x410fd034, 0, "kpti=auto", KPTI_NO_NEED }, /* Cortex-A53 */
	/* Where the image is, EL0 could time. */
	{ 0x411fd070, SEED, "", KPTI_HIDES_PLACE },
	{ 0x000f0510, CSV3 | SEED, "", KPTI_HIDES_PLACE },
	{ 0x000f0510, CSV3 | E0PD | SEED, "id_aa64mmfr2.e0pd=0", KPTI_HIDES_PLACE },
	/* What memory has, EL0 could read. */
	{ 0x461f0010, 0, "", KPTI_HIDES_CONTENT }, /* A64FX */
	{ 0x412fd0a0, E0PD | SEED, "", KPTI_HIDES_CONTENT }, /* Cortex-A75 */
	{ 0x000f0510, CSV3 | E0PD | SEED, "id_aa64pfr0.csv3=0", KPTI_HIDES_CONTENT },
	{ 0x510f8020, E0PD, "", KPTI_HIDES_CONTENT }, /* Kryo 3xx Gold */
	/* As asked. */
	{ 0x000f0510, CSV3 | E0PD | SEED, "kpti=on", KPTI_ON },
	{ 0x000f0510, CSV3 | E0PD | SEED, "kpti=1", KPTI_ON },
	{ 0x000f0510, CSV3 | E0PD | SEED, "kpti=y", KPTI_ON },
	{ 0x000f0510, CSV3 | E0PD | SEED, "kpti=late", KPTI_LATE },
	{ 0x461f0010, SEED, "kpti=off", KPTI_OFF },
	{ 0x461f0010, SEED, "kpti=0", KPTI_OFF },
	{ 0x461f0010, SEED, "kpti=n", KPTI_OFF },
	{ 0x461f0010, SEED, "kpti=off kpti=auto", KPTI_HIDES_CONTENT },
	{ 0x461f0010, SEED, "kpti=off kpti=maybe", KPTI_OFF },
	/* ThunderX to pass 2.1 and the first CN81xx cannot have it; later ones can. */
	{ THUNDERX(0x00), SEED, "", KPTI_NEVER },
	{ THUNDERX(0x11), 0, "", KPTI_NEVER },
	{ THUNDERX(0x11), SEED, "kpti=on", KPTI_NEVER },
	{ THUNDERX(0x11), SEED, "kpti=late", KPTI_NEVER },
	{ THUNDERX(0x11), SEED, "kpti=off", KPTI_OFF },
	{ THUNDERX(0x12), SEED, "", KPTI_HIDES_CONTENT },
	{ 0x430f0a20, SEED, "", KPTI_NEVER },
	{ 0x430f0a21, SEED, "kpti=on", KPTI_ON },
	{ 0x431f0af0, SEED, "", KPTI_HIDES_PLACE }, /* ThunderX2 */
};

static void whether_el0_sees_the_kernel_follows_from_core_seed_and_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kpti_rows); i++) {
		enum kpti kpti = kpti_rows[i].kpti;
		bool never = kpti == KPTI_NEVER, late = kpti == KPTI_LATE;
		bool seed = kpti_rows[i].has & SEED;

		boot_reset(FAKE_CPU_CORTEX_A57);
		boot.facts.id[SYSREG_MIDR_EL1] = kpti_rows[i].midr;
		boot_set_id(SYSREG_ID_AA64PFR0_EL1, 63, 60, (kpti_rows[i].has & CSV3) != 0);
		boot_set_id(SYSREG_ID_AA64MMFR2_EL1, 63, 60, (kpti_rows[i].has & E0PD) != 0);
		boot.entropy = seed ? KASLR_FDT : KASLR_OFF_NO_ENTROPY;
		assert_int_equal(boot_plan(kpti_rows[i].command_line).code, STOP_NONE);
		assert_string_equal(kpti_str(boot.plan.kpti), kpti_str(kpti));
		/* From the first descriptor on, with the ASID where the root is that changes. */
		assert_int_equal(boot.plan.policy.not_global, kpti_is_on(kpti) && !late);
		assert_int_equal(bits(boot.plan.registers.tcr, 22, 22),
				 boot.plan.policy.not_global);
		if (never)
			assert_int_equal(boot.plan.kaslr_source,
					 seed ? KASLR_OFF_IN_SIGHT : KASLR_OFF_NO_ENTROPY);
		else if (seed && !strstr(kpti_rows[i].command_line, "nokaslr"))
			assert_int_equal(boot.plan.kaslr_source, KASLR_FDT);
	}
}

static void on_a_core_that_cannot_have_it_the_word_is_refused(void **state)
{
	(void)state;
	boot_reset(FAKE_CPU_CORTEX_A57);
	boot.facts.id[SYSREG_MIDR_EL1] = THUNDERX(0x11);
	boot_plan("kpti=on kpti=late kpti=off kpti=auto");
	assert_int_equal(boot.options.record_count, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(boot.options.record[i].option, "kpti");
		assert_int_equal(boot.options.record[i].status, OVERRIDE_REFUSED);
		assert_int_equal(boot.options.record[i].reason, REASON_NOT_GLOBAL);
	}
}

/* ---- KASLR ---- */

static void nokaslr_puts_the_image_at_the_kernel_base_plus_its_place_in_2_mib(void **state)
{
	static const struct {
		const char *command_line;
		u64 base;
	} cases[] = {
		{ "nokaslr", 0xffff800080000000 },
		{ "nokaslr arm64.nolva", 0xffff800080000000 },
		{ "arm64_sw.nokaslr=1", 0xffff800080000000 },
		{ "nokaslr pagoda.va_bits=39", 0xffffffc080000000 },
		{ "nokaslr arm64.pagesize=16k", 0xffffc00080000000 },
		{ "nokaslr arm64.pagesize=16k pagoda.va_bits=47", 0xffffc00080000000 },
		{ "nokaslr arm64.pagesize=16k pagoda.va_bits=36", 0xfffffff880000000 },
		{ "nokaslr arm64.pagesize=64k", 0xffff800080000000 },
		{ "nokaslr arm64.pagesize=64k pagoda.va_bits=42", 0xfffffe0080000000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		boot_reset(FAKE_CPU_MAX);
		boot.entropy = KASLR_FDT;
		boot.number = 0x8000000000000000;
		boot_plan(cases[i].command_line);
		assert_int_equal(boot.plan.image_va.value, cases[i].base + 0x10000);
		assert_int_equal(boot.plan.kaslr_offset, 0);
		assert_int_equal(boot.plan.kaslr_source, KASLR_OFF_ASKED);
		boot.facts.image.pa = paddr(0x403f0000);
		boot_plan(cases[i].command_line);
		assert_int_equal(boot.plan.image_va.value, cases[i].base + 0x1f0000);
	}
}

static void without_entropy_the_image_stays_at_the_kernel_base(void **state)
{
	(void)state;
	boot_reset(FAKE_CPU_MAX);
	boot_plan("");
	assert_int_equal(boot.plan.image_va.value, 0xffff800080010000);
	assert_int_equal(boot.plan.kaslr_source, KASLR_OFF_NO_ENTROPY);
}

/* Every region that images are placed in, and its number of bytes from 2 GiB above modules on. */
static const char *const kaslr_regimes[] = {
	"",
	"arm64.nolva",
	"pagoda.va_bits=39",
	"arm64.pagesize=16k",
	"arm64.pagesize=16k pagoda.va_bits=48",
	"arm64.pagesize=16k pagoda.va_bits=36",
	"arm64.pagesize=64k",
	"arm64.pagesize=64k pagoda.va_bits=42",
};

static struct layout_region kaslr_room(const char *command_line)
{
	boot_reset(FAKE_CPU_MAX);
	assert_int_equal(boot_plan(command_line).code, STOP_NONE);
	return boot.plan.layout.region[LAYOUT_VMALLOC];
}

static void any_seed_puts_the_image_in_the_middle_half_in_steps_of_2_mib(void **state)
{
	struct random random = random_start();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kaslr_regimes); i++) {
		struct layout_region room = kaslr_room(kaslr_regimes[i]);
		u64 size = room.end.value - room.start.value;

		for (int round = 0; round < 5000; round++) {
			u64 offset = kaslr_offset(room, IMAGE_SIZE, random_next(&random));

			assert_int_equal(offset % STEP, 0);
			/* Wherever in its first 2 MiB the image begins. */
			assert_true(offset >= size / 4);
			assert_true(offset + STEP + IMAGE_SIZE <= size / 4 * 3);
		}
	}
}

static void the_lowest_and_the_highest_seed_reach_both_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kaslr_regimes); i++) {
		struct layout_region room = kaslr_room(kaslr_regimes[i]);
		u64 size = room.end.value - room.start.value;

		assert_true(kaslr_offset(room, IMAGE_SIZE, 0) < size / 4 + STEP);
		assert_true(kaslr_offset(room, IMAGE_SIZE, UINT64_MAX) + STEP + STEP + IMAGE_SIZE >
			    size / 4 * 3);
	}
}

/* 32 buckets of 1000 expected each; a standard deviation is 31, and six of them never happen. */
static void offsets_are_spread_evenly(void **state)
{
	struct random random = random_start();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kaslr_regimes); i++) {
		struct layout_region room = kaslr_room(kaslr_regimes[i]);
		u64 half = (room.end.value - room.start.value) / 2;
		u64 quarter = half / 2;
		unsigned bucket[32] = { 0 };

		for (int round = 0; round < 32000; round++) {
			u64 offset = kaslr_offset(room, IMAGE_SIZE, random_next(&random));

			bucket[(offset - quarter) / (half / 32)]++;
		}
		for (int b = 0; b < 32; b++)
			assert_in_range(bucket[b], 814, 1186);
	}
}

static void with_a_seed_the_image_keeps_its_place_in_2_mib_and_fits_vmalloc(void **state)
{
	struct random random = random_start();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kaslr_regimes); i++) {
		boot_reset(FAKE_CPU_MAX);
		for (int round = 0; round < 50; round++) {
			const struct layout_region *room = &boot.plan.layout.region[LAYOUT_VMALLOC];
			u64 va;

			boot.facts.image.pa =
				paddr(0x40000000 + random_below(&random, 64) * 0x10000ul);
			boot.entropy = KASLR_FDT;
			boot.number = random_next(&random);
			assert_int_equal(boot_plan(kaslr_regimes[i]).code, STOP_NONE);
			va = boot.plan.image_va.value;
			assert_int_equal(va % STEP, boot.facts.image.pa.value % STEP);
			assert_int_equal(va, room->start.value + boot.plan.kaslr_offset +
						     boot.facts.image.pa.value % STEP);
			assert_true(va >= room->start.value && va + IMAGE_SIZE <= room->end.value);
			assert_int_equal(boot.plan.kaslr_source, KASLR_FDT);
		}
	}
}

/* ---- Entropy ---- */

static struct boot_handoff handoff;

static struct seed take(struct fake_machine *machine, enum fake_cpu cpu, u64 given)
{
	struct seed seed;

	memset(&handoff, 0, sizeof(handoff));
	memcpy(handoff.id, fake_cpu_id(cpu), sizeof(handoff.id));
	handoff.facts.entry.counter = 1000;
	handoff.seed.kaslr = given;
	machine->random_calls = 0;
	machine_select(machine);
	seed_take(&seed, &handoff);
	return seed;
}

static void a_seed_in_the_fdt_comes_first_and_is_forgotten(void **state)
{
	struct fake_machine machine = { .random_works = true, .random_answer = 7 };
	struct seed seed = take(&machine, FAKE_CPU_MAX, 42);

	(void)state;
	assert_int_equal(seed.source, KASLR_FDT);
	assert_int_equal(seed.word, 42);
	assert_int_equal(handoff.seed.kaslr, 0);
}

static void rndr_adds_to_a_seed_of_the_fdt_what_keys_are_made_of(void **state)
{
	struct fake_machine machine = { .random_works = true, .random_answer = 7 };
	struct seed seed = take(&machine, FAKE_CPU_MAX, 42), bare = seed;
	struct fake_key key;

	(void)state;
	assert_int_equal(seed.more, 7);
	assert_int_equal(machine.random_calls, 1);
	bare.more = 0;
	secret_pac_key(&seed);
	key = machine.key;
	secret_pac_key(&bare);
	assert_true(key.low != machine.key.low && key.high != machine.key.high);
	assert_int_equal(secret_place(&seed, SECRET_IMAGE), secret_place(&bare, SECRET_IMAGE));
	assert_int_equal(secret_place(&seed, SECRET_LINEAR), secret_place(&bare, SECRET_LINEAR));
}

static void without_a_seed_in_the_fdt_rndr_is_asked(void **state)
{
	struct fake_machine machine = { .random_works = true, .random_answer = 7 };
	struct seed seed = take(&machine, FAKE_CPU_MAX, 0);

	(void)state;
	assert_int_equal(seed.source, KASLR_RNDR);
	assert_int_equal(seed.word, 7);
	assert_int_equal(machine.random_calls, 2);
}

static void an_rndr_that_fails_is_no_entropy(void **state)
{
	struct fake_machine machine = { .random_works = false };
	struct seed seed = take(&machine, FAKE_CPU_MAX, 0);

	(void)state;
	assert_int_equal(seed.source, KASLR_OFF_NO_ENTROPY);
	assert_int_equal(seed.word, 0);
	assert_int_equal(seed.more, 1000);
}

static void a_cpu_without_rndr_is_not_asked_for_it(void **state)
{
	struct fake_machine machine = { .random_works = true, .random_answer = 7 };
	struct seed seed = take(&machine, FAKE_CPU_CORTEX_A57, 0);

	(void)state;
	assert_int_equal(seed.source, KASLR_OFF_NO_ENTROPY);
	assert_int_equal(machine.random_calls, 0);
}

/* Aumasson and Bernstein, 2012, appendix A; the first two of the vectors that came with it. */
static void siphash_gives_what_its_authors_published(void **state)
{
	static const u64 key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	u8 message[15];

	(void)state;
	for (u8 i = 0; i < sizeof(message); i++)
		message[i] = i;
	assert_int_equal(siphash(key, message, 15), 0xa129ca6149be45e5);
	assert_int_equal(siphash(key, message, 0), 0x726fdb47dd0e0e31);
	assert_int_equal(siphash(key, message, 1), 0x74f839c593dc67fd);
}

static void no_two_secrets_are_one_or_the_seed(void **state)
{
	struct fake_machine machine = { .random_works = true, .random_answer = 7 };
	struct seed seed = take(&machine, FAKE_CPU_MAX, 42);

	(void)state;
	/* Where RNDR adds nothing, only their labels keep the numbers apart. */
	for (unsigned turn = 0; turn < 2; turn++, seed.more = 0) {
		u64 numbers[6] = { seed.word, seed.more, secret_place(&seed, SECRET_IMAGE),
				   secret_place(&seed, SECRET_LINEAR) };

		secret_pac_key(&seed);
		numbers[4] = machine.key.low;
		numbers[5] = machine.key.high;
		for (int i = 0; i < 6; i++)
			for (int k = 0; k < i; k++)
				assert_true(numbers[i] != numbers[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cpu_and_command_line_gets_its_regime_and_its_tcr),
		cmocka_unit_test(a_kernel_entered_at_el2_stays_there_where_the_cpu_has_vhe),
		cmocka_unit_test(the_exception_level_changes_nothing_else),
		cmocka_unit_test(entry_at_any_other_level_stops),
		cmocka_unit_test(a_tgran4_of_0xf_is_no_4k_and_not_more_than_lpa2),
		cmocka_unit_test(reserved_granule_values_compare_as_the_manual_says),
		cmocka_unit_test(a_reserved_parange_is_taken_as_52_bits_and_no_more),
		cmocka_unit_test(every_parange_becomes_its_ips),
		cmocka_unit_test(varange_says_nothing_about_small_pages),
		cmocka_unit_test(lva3_counts_as_52_bits),
		cmocka_unit_test(a_page_size_the_cpu_lacks_stops_with_those_it_has),
		cmocka_unit_test(a_cpu_without_any_page_size_stops),
		cmocka_unit_test(an_impossible_address_size_stops_with_the_possible_ones),
		cmocka_unit_test(features_are_on_where_there_and_not_overridden),
		cmocka_unit_test(pac_is_found_in_each_of_its_three_fields),
		cmocka_unit_test(an_image_misaligned_for_the_page_size_stops),
		cmocka_unit_test(an_image_above_48_bits_gets_a_52_bit_identity_map),
		cmocka_unit_test(an_image_that_ends_at_2_to_the_48_needs_no_more_than_48_bits),
		cmocka_unit_test(an_image_out_of_reach_stops_with_its_end_and_the_bits_there_are),
		cmocka_unit_test(wide_output_without_wide_input_does_not_reach_above_48_bits),
		cmocka_unit_test(nokaslr_puts_the_image_at_the_kernel_base_plus_its_place_in_2_mib),
		cmocka_unit_test(whether_el0_sees_the_kernel_follows_from_core_seed_and_word),
		cmocka_unit_test(on_a_core_that_cannot_have_it_the_word_is_refused),
		cmocka_unit_test(without_entropy_the_image_stays_at_the_kernel_base),
		cmocka_unit_test(any_seed_puts_the_image_in_the_middle_half_in_steps_of_2_mib),
		cmocka_unit_test(the_lowest_and_the_highest_seed_reach_both_ends),
		cmocka_unit_test(offsets_are_spread_evenly),
		cmocka_unit_test(with_a_seed_the_image_keeps_its_place_in_2_mib_and_fits_vmalloc),
		cmocka_unit_test(a_seed_in_the_fdt_comes_first_and_is_forgotten),
		cmocka_unit_test(without_a_seed_in_the_fdt_rndr_is_asked),
		cmocka_unit_test(an_rndr_that_fails_is_no_entropy),
		cmocka_unit_test(a_cpu_without_rndr_is_not_asked_for_it),
		cmocka_unit_test(rndr_adds_to_a_seed_of_the_fdt_what_keys_are_made_of),
		cmocka_unit_test(siphash_gives_what_its_authors_published),
		cmocka_unit_test(no_two_secrets_are_one_or_the_seed),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
