// SPDX-License-Identifier: MIT
/*
 * What the dump, the walk and the reports print about a kernel that was made by hand. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include <pagoda/kernel/show/dump.h>
#include <pagoda/lib/format.h>
#include <pagoda/kernel/show/report.h>

#include "support/console_capture.h"
#include "support/sample_kernel.h"

/* Every regime that a boot can choose. */
static const struct {
	unsigned granule_shift, va_bits;
} regimes[] = {
	{ 12, 39 }, { 12, 48 }, { 12, 52 }, { 14, 36 }, { 14, 47 },
	{ 14, 48 }, { 14, 52 }, { 16, 42 }, { 16, 48 }, { 16, 52 },
};

static struct sample sample;

static const struct dump_filter all_json = { .kernel = true, .idmap = true, .json = true };

static void assert_printed(const char *text)
{
	if (!strstr(captured, text))
		fail_msg("not printed: %s\nbut:\n%s", text, captured);
}

static void assert_not_printed(const char *text)
{
	if (strstr(captured, text))
		fail_msg("printed: %s\nin:\n%s", text, captured);
}

static void assert_line_count(unsigned expected)
{
	unsigned lines = 0;

	for (const char *at = captured; (at = strchr(at, '\n')); at++)
		lines++;
	if (lines != expected)
		fail_msg("%u lines, expected %u:\n%s", lines, expected, captured);
}

/* Every range begins where the one before it ended. *start: of the first; *end: of the last. */
static void read_ranges(u64 *start, u64 *end)
{
	bool first = true;

	for (const char *at = captured; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		unsigned long from, to;

		if (sscanf(at, "0x%16lx-0x%16lx", &from, &to) != 2)
			continue;
		if (first)
			*start = from;
		else
			assert_int_equal(from, *end);
		first = false;
		*end = to;
	}
	assert_false(first);
}

static void a_dump_covers_the_address_space_without_gaps_in_every_regime(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(regimes); i++) {
		u64 start, end;

		sample_make(&sample, regimes[i].granule_shift, regimes[i].va_bits);
		capture_clear();
		dump_kernel(&sample.kernel);
		read_ranges(&start, &end);
		assert_int_equal(start, -BIT(regimes[i].va_bits));
		assert_int_equal(end, 0);
		capture_clear();
		dump_idmap(&sample.kernel);
		read_ranges(&start, &end);
		assert_int_equal(start, 0);
		assert_int_equal(end, BIT(48));
	}
}

static void dump(unsigned granule_shift, unsigned va_bits)
{
	sample_make(&sample, granule_shift, va_bits);
	capture_clear();
	dump_kernel(&sample.kernel);
}

static void a_dump_shows_each_segment_as_one_run_between_its_markers(void **state)
{
	(void)state;
	dump(12, 52);
	assert_printed("---[ vmalloc() area ]---\n"
		       "---[ Image start ]---\n"
		       "---[ Image rodata ]---\n"
		       "0xffff800080000000-0xffff800080010000      64K L3  0x0000000040200000"
		       " ro NX     AF    CON     UXN    MEM/NORMAL\n"
		       "---[ Image text ]---\n"
		       "0xffff800080010000-0xffff800080030000     128K L3  0x0000000040210000"
		       " ro x      AF    CON     UXN GP MEM/NORMAL\n"
		       "---[ Image init_text ]---\n");
	assert_printed("---[ Image data ]---\n"
		       "0xffff800080050000-0xffff800080090000     256K L3  0x0000000040250000"
		       " RW NX     AF    CON     UXN    MEM/NORMAL\n"
		       "---[ Image end ]---\n");
}

static void a_dump_names_devices_and_audits_itself(void **state)
{
	unsigned rows = 0;

	(void)state;
	dump(12, 52);
	assert_printed("0xffffffffff7f0000-0xffffffffff7f1000       4K L3  0x0000000009000000"
		       " RW NX     AF            UXN    DEVICE/nGnRE\n");
	/* Six rows, of four runs: text and data are each cut by the marker of an init segment. */
	assert_printed("580K mapped in 6 runs; W^X holds: none is writable and executable\n");
	for (const char *at = captured; (at = strstr(at, "UXN")); at++)
		rows++;
	assert_int_equal(rows, 6);
}

static void a_dump_shows_holes_at_their_level_without_attributes(void **state)
{
	(void)state;
	dump(12, 52);
	assert_printed("---[ Linear Mapping start ]---\n"
		       "0xfff0000000000000-0xffff000000000000    3840T L-1\n"
		       "0xffff000000000000-0xffff800000000000     128T L0\n"
		       "---[ Linear Mapping end ]---\n");
}

static void shareability_is_the_descriptors_only_without_lpa2(void **state)
{
	(void)state;
	dump(12, 52);
	assert_not_printed("SHD");
	dump(14, 52);
	assert_not_printed("SHD");
	dump(12, 48);
	assert_printed(" ro x  SHD AF    CON     UXN GP MEM/NORMAL\n");
	dump(16, 52);
	assert_printed(" ro x  SHD AF            UXN GP MEM/NORMAL\n");
}

static void a_dump_says_where_writable_memory_is_executable(void **state)
{
	struct map_attr text = { PROT_READ_EXECUTE, MEM_NORMAL };
	struct map_request request = { vaddr(-GIB(64)), vaddr(-GIB(64) + MIB(2)), paddr(0x48000000),
				       text };

	(void)state;
	sample_make(&sample, 12, 52);
	sample.kernel.kernel_space.policy.text_writable = true;
	assert_int_equal(map_range(&sample.kernel.kernel_space, &request), MAP_OK);
	capture_clear();
	dump_kernel(&sample.kernel);
	assert_printed(" RW x      AF        BLK UXN GP MEM/NORMAL\n");
	assert_printed("W^X BROKEN: 1 writable and executable, the first at 0xfffffff000000000\n");
	report_text(&sample.kernel);
	assert_printed("WARNING      W^X is BROKEN");
}

/* Counts @text in what was printed. */
static unsigned printed(const char *text)
{
	unsigned count = 0;

	for (const char *at = captured; (at = strstr(at, text)) != NULL; at++)
		count++;
	return count;
}

static void of_many_banks_the_report_shows_some_and_how_many_more_there_are(void **state)
{
	struct memory_map *memory;

	(void)state;
	for (u64 banks = 32; banks <= MEMORY_BANKS_MAX; banks += 480) {
		sample_make(&sample, 12, 52);
		memory = sample.kernel.memory;
		memory_begin(memory);
		for (u64 i = 0; i < banks; i++)
			memory_add(memory, GIB(1) + i * MIB(2), MIB(1), MEMORY_RAM);
		memory_add(memory, GIB(1), KIB(64), MEMORY_RESERVED);
		memory_normalise(memory, KIB(4));
		capture_clear();
		report_text(&sample.kernel);
		assert_int_equal(printed("     1M  ram\n"), 32);
		assert_int_equal(printed("    64K  reserved\n"), 1);
		assert_int_equal(printed("and 480 more of ram\n"), banks > 32);
		assert_int_equal(printed(" more of "), banks > 32);
		capture_clear();
		report_json(&sample.kernel);
		assert_int_equal(printed("\"kind\": \"ram\""), banks);
	}
}

static void walk(u64 va)
{
	capture_clear();
	dump_walk(&sample.kernel, vaddr(va), false);
}

static void a_walk_shows_every_level_and_the_translation(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	walk(0xffff800080011234);
	assert_line_count(9);
	assert_printed("walk 0xffff800080011234: upper half, kernel map (TTBR1_EL1)\n"
		       "  level -1  index   15  ");
	assert_printed("  level  0  index  256  ");
	assert_printed("  level  3  index   17  0x0054000040211483  4K page at 0x0000000040211000\n"
		       "  translates to  0x0000000040211234\n"
		       "  permissions    read-only, executable, guarded (BTI), no-execute at EL0\n"
		       "  memory         MEM/NORMAL, shareability inner (from TCR), contiguous\n");
}

static void a_walk_of_a_hole_ends_where_the_tables_do(void **state)
{
	(void)state;
	sample_make(&sample, 12, 48);
	walk(0xffff000000000000);
	assert_line_count(3);
	assert_printed("  level  0  index    0  0x0000000000000000  invalid\n"
		       "  not mapped: translation fault, level 0\n");
}

static void a_walk_of_the_lower_half_names_the_identity_map(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	walk(SAMPLE_IMAGE_PA + 0x11123);
	assert_printed("lower half, identity map (no longer in TTBR0_EL1)\n");
	assert_printed("  translates to  0x0000000040211123\n");
	walk(SAMPLE_IMAGE_PA + 0x50123);
	assert_printed("  not mapped: translation fault, level 3\n");
	sample.kernel.registers[SYSREG_TCR_EL1] = 0;
	sample.kernel.registers[SYSREG_TTBR0_EL1] =
		ttbr_encode(&sample.kernel.idmap_space.regime, sample.kernel.idmap_space.root);
	walk(0);
	assert_printed("lower half, identity map (in TTBR0_EL1)\n");
}

static void a_walk_of_an_address_that_is_not_canonical_is_one_line(void **state)
{
	(void)state;
	sample_make(&sample, 12, 48);
	walk(0x0001000000000000);
	assert_line_count(1);
	assert_printed("walk 0x0001000000000000: not canonical: addresses end at 0x1000000000000"
		       " and begin again at 0xffff000000000000\n");
}

static void a_walk_does_not_follow_a_table_outside_ram(void **state)
{
	const struct space *space = &sample.kernel.kernel_space;
	u64 *root;

	(void)state;
	sample_make(&sample, 12, 48);
	root = (u64 *)(uintptr_t)(space->root.value + space->phys_offset);
	root[0] = 0x123450003; /* a table descriptor */
	walk(0xffff000000000000);
	assert_line_count(3);
	assert_printed("  table 0x0000000123450000 is not in RAM: not followed\n");
}

/* Members of a document have one line each; `tables` is the last of them. */
static void json_documents_stand_between_braces_in_column_0(void **state)
{
	const char *const end = "\n}\n";

	(void)state;
	sample_make(&sample, 12, 52);
	for (unsigned i = 0; i < 2; i++) {
		capture_clear();
		if (i == 0)
			report_json(&sample.kernel);
		else
			dump_filtered(&sample.kernel, &all_json);
		assert_int_equal(strncmp(captured, "{\n", 2), 0);
		assert_string_equal(captured + captured_length - strlen(end), end);
		assert_int_equal(strstr(captured, end) + strlen(end) - captured, captured_length);
		assert_int_equal(strstr(captured, "\n  \"tables\": [") != NULL, i == 1);
	}
}

static void json_tables_hold_runs_that_markers_do_not_cut(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	capture_clear();
	dump_filtered(&sample.kernel, &all_json);
	/* init_data and data are one run: alike, and neighbours. */
	assert_printed("{\"start\": \"0xffff800080040000\", \"end\": \"0xffff800080090000\", "
		       "\"pa\": \"0x0000000040240000\", \"size\": 327680, \"level\": 3, "
		       "\"kind\": \"page\", \"contiguous\": true, \"read\": true, \"write\": true, "
		       "\"execute\": false, \"user\": false, \"type\": \"MEM/NORMAL\", "
		       "\"shareability\": \"inner\", \"raw\": \"0x0070000040240403\"}");
}

static void a_kernel_at_el2_has_its_registers_under_their_names_there(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	for (unsigned el = 1; el <= 2; el++) {
		char expected[80];

		sample.handoff.plan.el = el;
		sample.kernel.registers[SYSREG_TTBR1_EL1] = 0x40254000;
		sample.kernel.registers[SYSREG_HCR_EL2] = 0x488000000;
		capture_clear();
		report_text(&sample.kernel);
		report_json(&sample.kernel);
		format(expected, sizeof(expected), "TTBR1_EL%u 0x0000000040254000\n", el);
		assert_printed(expected);
		format(expected, sizeof(expected), "\"TTBR1_EL%u\": \"0x0000000040254000\"", el);
		assert_printed(expected);
		format(expected, sizeof(expected), "TCR_EL%u", 3 - el);
		assert_null(strstr(captured, expected));
		assert_int_equal(strstr(captured, "HCR_EL2   0x0000000488000000\n") != NULL,
				 el == 2);
		assert_int_equal(strstr(captured, "\"HCR_EL2\": \"0x0000000488") != NULL, el == 2);
		walk(0xffff000000000000);
		format(expected, sizeof(expected), "upper half, kernel map (TTBR1_EL%u)\n", el);
		assert_printed(expected);
	}
}

static void a_report_says_how_the_image_was_entered(void **state)
{
	struct entry_state *entry = &sample.handoff.facts.entry;

	(void)state;
	sample_make(&sample, 12, 52);
	capture_clear();
	report_text(&sample.kernel);
	report_json(&sample.kernel);
	assert_printed("entered at   EL1, MMU off, data cache off, instruction cache off\n");
	assert_printed("EL1: entered there\n");
	assert_printed("\"entry\": {\"mmu\": false, \"data_cache\": false, "
		       "\"instruction_cache\": false, \"e2h_stuck\": false}");
	*entry = (struct entry_state){ .el = 2, .sctlr = 0x1005, .hcr = 0x400000000 };
	sample.handoff.plan.el = 2;
	sample.handoff.plan.el_reason = EL_REASON_VHE;
	capture_clear();
	report_text(&sample.kernel);
	report_json(&sample.kernel);
	assert_printed("entered at   EL2, MMU on, data cache on, instruction cache on, "
		       "HCR_EL2.E2H stuck at 1\n");
	assert_printed("EL2 (VHE): the CPU has FEAT_VHE\n");
	assert_printed("\"entry\": {\"mmu\": true, \"data_cache\": true, "
		       "\"instruction_cache\": true, \"e2h_stuck\": true}");
}

static void a_report_says_why_writable_text_is_executable(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	sample.kernel.registers[SYSREG_SCTLR_EL1] = 0;
	sample.handoff.id[SYSREG_ARM64_SW] = ARM64_SW_RODATAOFF_MASK;
	capture_clear();
	report_text(&sample.kernel);
	assert_printed("W^X          NOT ENFORCED: WXN is off (rodata=off)\n");
	assert_printed("WARNING      W^X is NOT enforced: rodata=off");
	sample.handoff.id[SYSREG_ARM64_SW] = ARM64_SW_NOWXN_MASK;
	capture_clear();
	report_text(&sample.kernel);
	assert_printed("W^X          NOT ENFORCED: WXN is off (arm64.nowxn)\n");
	assert_printed("WARNING      W^X is NOT enforced by the CPU: WXN is off (arm64.nowxn)\n");
}

static void reported(const char *line)
{
	capture_clear();
	report_text(&sample.kernel);
	report_json(&sample.kernel);
	assert_printed(line);
}

/* What a word of the command line took is not what the CPU lacks. */
static void a_decision_that_an_override_made_is_not_put_down_to_the_cpu(void **state)
{
	u64 *id = sample.handoff.id;

	(void)state;
	sample_make(&sample, 12, 48);
	sample.handoff.plan.va_reason = VA_REASON_NO_LPA2;
	reported("48-bit addresses: the CPU lacks FEAT_LPA2 for this page size (by override)\n");
	assert_printed("\"va_bits\": \"the CPU lacks FEAT_LPA2 for this page size (by override)\"");
	reported("4K pages: the smallest the CPU has\n");
	reported("48-bit physical addresses: all that these descriptors hold, though PARange is");
	id[SYSREG_ID_AA64MMFR0_EL1] = 0x10201125;
	reported("48-bit physical addresses: PARange was lowered by override\n");
	sample_make(&sample, 16, 48);
	reported("64K pages: the smallest the CPU has (by override)\n");
}

static void a_report_tells_a_missing_path_to_the_console_from_a_wrong_one(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	sample.kernel.console.source = CONSOLE_FIRST_UART;
	reported("WARNING      /chosen has no stdout-path: the console is the FDT's first UART\n");
	assert_null(strstr(captured, "stdout-path names no UART"));
	sample.handoff.facts.fdt.has_stdout_path = true;
	reported(
		"WARNING      stdout-path names no UART that can be used: this is the FDT's first");
	assert_null(strstr(captured, "has no stdout-path"));
	sample.kernel.console.source = CONSOLE_STDOUT_PATH;
	capture_clear();
	report_text(&sample.kernel);
	assert_null(strstr(captured, "stdout-path names"));
}

static void a_report_shows_what_overrides_took_away(void **state)
{
	struct override_record refused = { "id_aa64pfr1.bt", "id_aa64pfr1.bt", "9",
					   OVERRIDE_REFUSED, REASON_RAISES };
	struct override_record applied = { "arm64.nobti", "id_aa64pfr1.bt", "0", OVERRIDE_APPLIED,
					   REASON_NONE };

	(void)state;
	sample_make(&sample, 12, 48);
	sample_add_override(&sample, refused);
	sample_add_override(&sample, applied);
	sample.handoff.id[SYSREG_ID_AA64PFR1_EL1] = 0;
	sample.handoff.id[SYSREG_ID_AA64MMFR0_EL1] = 0x00101125;
	capture_clear();
	report_text(&sample.kernel);
	assert_printed(
		"page sizes   4K 48 of 52 bits, 16K 48 of 52 bits, 64K 52 bits (overridden)\n");
	assert_printed("PARange 52 bits (overridden to 48)");
	assert_printed("overridden   BTI\n");
	assert_printed("overrides    refused    id_aa64pfr1.bt=9: above what the CPU has; "
		       "overrides only lower\n"
		       "               applied    arm64.nobti -> id_aa64pfr1.bt=0\n");
}

static void a_report_hides_the_seed_and_the_control_characters_of_others(void **state)
{
	const char line[] = "a\033[2Jb";
	static struct boot_lists lists;

	(void)state;
	sample_make(&sample, 12, 52);
	sample.handoff.seed.kaslr = 0x5eed5eed5eed5eed;
	memcpy(lists.command_line, line, sizeof(line));
	sample.handoff.facts.lists =
		paddr((uintptr_t)&lists - sample.kernel.kernel_space.phys_offset);
	sample.handoff.facts.command_line_length = sizeof(line) - 1;
	capture_clear();
	report_text(&sample.kernel);
	assert_printed("command line a?[2Jb\n");
	report_json(&sample.kernel);
	assert_not_printed("5eed5eed");
	assert_not_printed("\033");
}

static void a_report_says_that_there_was_no_entropy(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	sample.handoff.plan.kaslr_source = KASLR_OFF_NO_ENTROPY;
	capture_clear();
	report_text(&sample.kernel);
	assert_printed("KASLR        off: no entropy\n");
	assert_printed("WARNING      KASLR off: no entropy");
}

static void report_lines_fit_100_columns(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	capture_clear();
	report_text(&sample.kernel);
	for (const char *at = captured; *at; at = strchr(at, '\n') + 1)
		if (strchr(at, '\n') - at > 100)
			fail_msg("too long: %.*s", (int)(strchr(at, '\n') - at), at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_many_banks_the_report_shows_some_and_how_many_more_there_are),
		cmocka_unit_test(a_dump_covers_the_address_space_without_gaps_in_every_regime),
		cmocka_unit_test(a_dump_shows_each_segment_as_one_run_between_its_markers),
		cmocka_unit_test(a_dump_names_devices_and_audits_itself),
		cmocka_unit_test(a_dump_shows_holes_at_their_level_without_attributes),
		cmocka_unit_test(shareability_is_the_descriptors_only_without_lpa2),
		cmocka_unit_test(a_dump_says_where_writable_memory_is_executable),
		cmocka_unit_test(a_walk_shows_every_level_and_the_translation),
		cmocka_unit_test(a_walk_of_a_hole_ends_where_the_tables_do),
		cmocka_unit_test(a_walk_of_the_lower_half_names_the_identity_map),
		cmocka_unit_test(a_walk_of_an_address_that_is_not_canonical_is_one_line),
		cmocka_unit_test(a_walk_does_not_follow_a_table_outside_ram),
		cmocka_unit_test(json_documents_stand_between_braces_in_column_0),
		cmocka_unit_test(json_tables_hold_runs_that_markers_do_not_cut),
		cmocka_unit_test(a_kernel_at_el2_has_its_registers_under_their_names_there),
		cmocka_unit_test(a_report_says_how_the_image_was_entered),
		cmocka_unit_test(a_report_says_why_writable_text_is_executable),
		cmocka_unit_test(a_decision_that_an_override_made_is_not_put_down_to_the_cpu),
		cmocka_unit_test(a_report_tells_a_missing_path_to_the_console_from_a_wrong_one),
		cmocka_unit_test(a_report_shows_what_overrides_took_away),
		cmocka_unit_test(a_report_hides_the_seed_and_the_control_characters_of_others),
		cmocka_unit_test(a_report_says_that_there_was_no_entropy),
		cmocka_unit_test(report_lines_fit_100_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
