// SPDX-License-Identifier: MIT
/*
 * The prompt: what is typed, what comes back. The shell never returns; the console's fake leaves it
 * with a long jump when there is nothing left to read. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/prompt/line.h>
#include <pagoda/kernel/dev/psci.h>
#include <pagoda/kernel/prompt/shell.h>
#include <pagoda/kernel/selftest/selftest.h>

#include "support/console_capture.h"
#include "support/no_caches.h"
#include "support/sample_kernel.h"

static struct sample sample;
static const char *typed;
static bool pasted; /* all at once */
static jmp_buf typed_out;
static unsigned poweroffs, reboots;

int console_read(void)
{
	static bool idle;

	idle = !idle && !pasted; /* every other time nothing was typed yet */
	if (idle)
		return -1;
	if (!*typed)
		longjmp(typed_out, 1);
	return (u8)*typed++;
}

int console_wait(void)
{
	int c;

	while ((c = console_read()) < 0)
		;
	return c;
}

int console_wait_working(bool (*work)(void))
{
	(void)work();
	return console_wait();
}

u64 at_translate(vaddr_t va, bool write)
{
	(void)va;
	(void)write;
	return 0x809; /* a translation fault */
}

u64 memory_load(vaddr_t va, unsigned size)
{
	(void)size;
	return va.value & 0xff;
}

void memory_store(vaddr_t va, unsigned size, u64 value)
{
	(void)va;
	(void)size;
	(void)value;
}

/* Any file may add a command, and this one does. */
COMMAND(115, example, "[LEFT|RIGHT]", "an example in a test", "example left", "left right");
COMPLETION("example", "up down");
COMPLETION("--example", "one two");

static void command_example(const struct kernel *kernel, const struct arguments *arguments)
{
	assert_ptr_equal(kernel, &sample.kernel);
	print("%s of %u\n", arguments->command, arguments->count);
}

void psci_poweroff(enum psci_conduit conduit)
{
	assert_int_equal(conduit, sample.handoff.facts.psci);
	poweroffs++;
}

void psci_reboot(enum psci_conduit conduit)
{
	assert_int_equal(conduit, sample.handoff.facts.psci);
	reboots++;
}

static u64 ticks;

/* Whoever looks twice finds that milliseconds have gone by. */
u64 counter_read(void)
{
	return ticks += 1000000;
}

void control_read(u64 registers[SYSREG_COUNT])
{
	memset(registers, 0, SYSREG_COUNT * sizeof(u64));
	registers[SYSREG_TCR_EL1] = 0x1234;
}

/* A shell with a console never comes to this. */
void cpu_halt(u64 code, u64 value, u64 limit, u64 extra)
{
	fail_msg("halted with %lu, %lu, %lu, %lu", code, value, limit, extra);
	abort();
}

void test_guarded(struct selftest *test, selftest_function *run)
{
	run(test);
}

/* Self tests that stand for the machine's, and say that they ran. */
static unsigned tests_run;

SELFTEST_SUBJECT(20, memory);
SELFTEST_RULE(memory, ends, "D8.2 ends", "ends");
SELFTEST_COST("memory.ends", 12);
SELFTEST_COST("vmalloc.areas", 3000);
SELFTEST_COST("change.live", 3000);

static void memory_ends(struct selftest *test)
{
	tests_run |= 1;
	test_check(test, test->kernel == &sample.kernel, "another kernel", 0);
}

SELFTEST_SUBJECT(10, buddy);
SELFTEST(buddy, refusals, "refusals");

static void buddy_refusals(struct selftest *test)
{
	tests_run |= 2;
	test_equal(test, 1, 2, "one");
	for (u64 i = 0; i < 9; i++)
		test_check(test, false, "wrong", i);
}

SELFTEST_SUBJECT(30, vmalloc);
SELFTEST(vmalloc, pages, "pages");

static void vmalloc_pages(struct selftest *test)
{
	tests_run |= 4;
	test_needs(test, false, "no reason");
}

SELFTEST(vmalloc, areas, "areas");

static void vmalloc_areas(struct selftest *test)
{
	tests_run |= 8;
	print("# %lu areas\n", test_count(test, 7));
	test_check(test, true, "", 0);
}

SELFTEST_SUBJECT(20, change);
SELFTEST(change, live, "live");

static void change_live(struct selftest *test)
{
	tests_run |= 16;
	(void)test; /* and checks nothing */
}

static u64 change_steps, change_seed;

SELFTEST(change, random, "random");

static void change_random(struct selftest *test)
{
	tests_run |= 32;
	change_steps = test_count(test, 1);
	change_seed = test->random;
	test_check(test, true, "", 0);
}

/* Type @keys, with pagoda.run=@run. The console has what was printed. */
static void run_shell(const char *run, const char *keys)
{
	sample_set_run(&sample, run);
	typed = keys;
	capture_clear();
	if (setjmp(typed_out) == 0)
		shell_run(&sample.kernel);
}

static void assert_session(const char *keys, const char *expected)
{
	sample_make(&sample, 12, 52);
	run_shell("", keys);
	assert_string_equal(captured, expected);
}

static void an_unknown_command_is_one_line_that_names_help(void **state)
{
	(void)state;
	assert_session("frob\r", "pagoda> frob\n"
				 "unknown command 'frob'; help lists those there are\n"
				 "pagoda> ");
	assert_session("report xml\r", "pagoda> report xml\n"
				       "report: 'xml' is no form of the report; there is: json\n"
				       "pagoda> ");
	assert_session("helpful\r", "pagoda> helpful\n"
				    "unknown command 'helpful'; help lists those there are\n"
				    "pagoda> ");
}

static void cr_lf_and_both_end_a_line_once(void **state)
{
	(void)state;
	assert_session("\r", "pagoda> \npagoda> ");
	assert_session("\n", "pagoda> \npagoda> ");
	assert_session("\r\n", "pagoda> \npagoda> ");
	assert_session("\n\n", "pagoda> \npagoda> \npagoda> ");
	assert_session("\r\r", "pagoda> \npagoda> \npagoda> ");
}

static void backspace_takes_back_one_character_and_no_more_than_there_are(void **state)
{
	(void)state;
	assert_session("\bab\177\b\bx\r", "pagoda> ab\b \b\b \bx\n"
					  "unknown command 'x'; help lists those there are\n"
					  "pagoda> ");
}

static void ctrl_u_takes_back_the_line(void **state)
{
	(void)state;
	assert_session("ab\025y\r", "pagoda> ab\b\b  \b\by\n"
				    "unknown command 'y'; help lists those there are\n"
				    "pagoda> ");
}

static void control_characters_are_neither_echoed_nor_taken(void **state)
{
	(void)state;
	assert_session("\033\001\377z\r", "pagoda> z\n"
					  "unknown command 'z'; help lists those there are\n"
					  "pagoda> ");
}

static void a_line_that_is_too_long_is_not_run_and_how_much_is_said(void **state)
{
	static char keys[LINE_TEXT_MAX + 3];

	(void)state;
	memset(keys, ' ', sizeof(keys));
	memcpy(keys, "poweroff", strlen("poweroff"));
	strcpy(keys + LINE_TEXT_MAX, "\r");
	poweroffs = 0;
	sample_make(&sample, 12, 52);
	run_shell("", keys);
	assert_int_equal(poweroffs, 1);
	strcpy(keys + LINE_TEXT_MAX, " \r");
	run_shell("", keys);
	assert_int_equal(poweroffs, 1);
	assert_non_null(strstr(captured, "\nline too long: 4096 characters at most; 1 were dropped "
					 "and nothing was run\npagoda> "));
}

static void blanks_around_and_between_words_do_not_matter(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	run_shell("", "  ptdump \t  idmap  \r");
	assert_non_null(strstr(captured, "identity map: 4K pages, 48-bit addresses"));
	run_shell("", "ptdumpidmap\r");
	assert_non_null(strstr(captured, "unknown command"));
}

static void walk_wants_an_address(void **state)
{
	(void)state;
	assert_session("walk\r", "pagoda> walk\n"
				 "walk: an argument is missing; usage: walk [NUMBER:]ADDR\n"
				 "pagoda> ");
	assert_session("walk 1 2\r",
		       "pagoda> walk 1 2\n"
		       "walk: '2' is one argument too many; usage: walk [NUMBER:]ADDR\n"
		       "pagoda> ");
	assert_session("walk 0x12q\r", "pagoda> walk 0x12q\n"
				       "walk: '0x12q' is not a number: hexadecimal after 0x, "
				       "octal after 0, or decimal, 64 bits at most\n"
				       "pagoda> ");
	assert_session("walk 0x10000000000000\r",
		       "pagoda> walk 0x10000000000000\n"
		       "walk 0x0010000000000000: not canonical: addresses end at 0x1000000000000 "
		       "and begin again at 0xfff0000000000000\n"
		       "pagoda> ");
	run_shell("", "walk  0xffff800080010000 \r");
	assert_non_null(strstr(captured, "translates to  0x0000000040210000\n"));
}

static void the_commands_of_pagoda_run_come_before_the_prompt(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	run_shell(" overrides ;; nope;", "");
	assert_string_equal(captured, "pagoda> overrides\n"
				      "  overrides    none\n"
				      "pagoda> nope\n"
				      "unknown command 'nope'; help lists those there are\n"
				      "pagoda> ");
}

static void pagoda_run_cannot_send_control_characters_to_the_terminal(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	run_shell("\033[2J", "");
	assert_string_equal(captured, "pagoda> ?[2J\n"
				      "unknown command '?[2J'; help lists those there are\n"
				      "pagoda> ");
}

static void poweroff_and_reboot_say_why_the_machine_is_still_there(void **state)
{
	(void)state;
	poweroffs = reboots = 0;
	sample_make(&sample, 12, 52);
	run_shell("poweroff; reboot", "");
	assert_int_equal(poweroffs, 1);
	assert_int_equal(reboots, 1);
	assert_non_null(strstr(captured, "poweroff: the firmware refused\n"));
	assert_non_null(strstr(captured, "reboot: the firmware refused\n"));
	sample.handoff.facts.psci = PSCI_NONE;
	run_shell("poweroff; reboot", "");
	assert_non_null(strstr(captured, "poweroff: the FDT names no PSCI\n"));
	assert_non_null(strstr(captured, "reboot: the FDT names no PSCI\n"));
}

static void every_command_that_help_lists_is_known_and_has_help(void **state)
{
	static const char *const names[] = {
		"help",	  "report", "layout",  "features", "overrides", "registers",
		"memory", "ptdump", "walk",    "at",	   "find",	"timeline",
		"read",	  "write",  "example", "poweroff", "reboot",	"log",
		"more",	  "buddy",  "vmalloc", "change",
	};

	(void)state;
	sample_make(&sample, 12, 52);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		char line[80], usage[80];

		run_shell("help", "");
		snprintf(usage, sizeof(usage), "\n  %s ", names[i]);
		assert_non_null(strstr(captured, usage));
		snprintf(line, sizeof(line), "help %s; %s 1 2 3 4", names[i], names[i]);
		run_shell(line, "");
		snprintf(usage, sizeof(usage), "\nusage:   %s ", names[i]);
		assert_non_null(strstr(captured, usage));
		assert_non_null(strstr(captured, "\nexample: "));
		assert_true(strcmp(names[i], "more") == 0 || strcmp(names[i], "help") == 0 ||
			    !strstr(captured, "unknown command"));
	}
}

static void assert_runs(const char *line, unsigned tests, const char *part)
{
	tests_run = 0;
	run_shell(line, "");
	assert_int_equal(tests_run, tests);
	if (!strstr(captured, part))
		fail_msg("'%s' shows no '%s' but\n%s", line, part, captured);
}

static void commands_with_the_word_test_run_self_tests(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	assert_runs("memory test", 1, "1..1\n");
	assert_runs("buddy test", 2, "1..1\n");
	assert_runs("vmalloc test", 4 + 8, "# 7 areas\n");
	assert_runs("vmalloc test 100000", 8, "1..1\n");
	assert_runs("vmalloc test 100000", 8, "# 100000 areas\nok 1 vmalloc.areas\n");
	assert_runs("vmalloc test 0", 8, "# 0 areas\n");
	assert_runs("change test", 16 + 32, "1..2\n");
	assert_runs("memory; buddy; vmalloc", 0, "buddy: no free RAM\n");
	assert_runs("memory test 1", 0, "memory: '1' is one argument too many");
	assert_runs("buddy tests", 0, "buddy: 'tests' is unknown here; there is: test\n");
	assert_runs("vmalloc test x", 0, "vmalloc: 'x' is not a number");
	assert_runs("vmalloc test 1 2", 0, "vmalloc: '2' is one argument too many");
}

static void self_tests_are_listed_by_subject_and_reported_as_ktap(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	run_shell("selftest list", "");
	assert_string_equal(captured, "pagoda> selftest list\n"
				      "  buddy.refusals                           ?  refusals\n"
				      "  memory.ends                             12  ends\n"
				      "  change.live                           3000  live\n"
				      "  change.random                            ?  random\n"
				      "  vmalloc.pages                            ?  pages\n"
				      "  vmalloc.areas                         3000  areas\n"
				      "pagoda> ");
	run_shell("selftest all 0x12", "");
	assert_string_equal(captured,
			    "pagoda> selftest all 0x12\n"
			    "KTAP version 1\n1..6\n# seed 0x12\n"
			    "# one: 0x1, not 0x2\n"
			    "# wrong: 0x0000000000000000\n# wrong: 0x0000000000000001\n"
			    "# wrong: 0x0000000000000002\n# wrong: 0x0000000000000003\n"
			    "# wrong: 0x0000000000000004\n# wrong: 0x0000000000000005\n"
			    "# wrong: 0x0000000000000006\n# and 2 more\n"
			    "not ok 1 buddy.refusals\nok 2 memory.ends\nnot ok 3 change.live\n"
			    "ok 4 change.random\nok 5 vmalloc.pages # SKIP no reason\n# 7 areas\n"
			    "ok 6 vmalloc.areas\n"
			    "# Totals: pass:3 fail:2 xfail:0 xpass:0 skip:1 error:0\n"
			    "pagoda> ");
	assert_runs("selftest change", 16 + 32, "1..2\n");
	assert_runs("selftest change.live", 16, "1..1\n");
	assert_runs("selftest change,memory.ends", 1 + 16 + 32, "1..3\n");
	assert_runs("selftest all,-change,-vmalloc.areas", 1 + 2 + 4, "1..3\n");
	assert_runs("selftest -change", 0, "'-change' is no test; selftest list names them\n");
	assert_runs("selftest chang", 0, "'chang' is no test; selftest list names them\n");
	assert_runs("selftest all 0", 0, "'0' is no seed: any other number is\n");
	assert_session("selftest cha\t", "pagoda> selftest change ");
}

static void self_tests_run_as_far_as_a_budget_of_instructions_goes(void **state)
{
	(void)state;
	assert_runs("selftest all --budget 11", 0, "pass:0 fail:0 xfail:0 xpass:0 skip:6");
	assert_runs("selftest all --budget 12", 1, "ok 2 memory.ends\n");
	assert_runs("selftest all 7 --budget 3011", 1,
		    "ok 6 vmalloc.areas # SKIP costs more than the budget has\n");
	/* Of two that cost the same there is no first. */
	assert_runs("selftest all --budget 6011", 1, "pass:1 fail:0 xfail:0 xpass:0 skip:5");
	assert_runs("selftest all --budget 6012", 1 + 8 + 16, "skip:3");
	assert_runs("selftest all,-change --budget 3012", 1 + 8, "pass:2 fail:0 xfail:0");
	assert_runs("selftest vmalloc --budget 3000", 8, "pass:1");
	assert_runs("selftest all --budget", 0, "'--budget' is for a number of instructions\n");
	assert_runs("selftest all --budget x", 0, "'x' is not a number");
	assert_runs("selftest all 1 2", 0, "'2' is one argument too many\n");
}

static void self_tests_are_reported_as_json_with_all_that_repeats_a_failure(void **state)
{
	(void)state;
	assert_runs("selftest memory json 0x12", 1,
		    "{\n  \"pagoda\": \"0.1.0\",\n  \"seed\": \"0x0000000000000012\",\n"
		    "  \"planned\": 1,\n");
	assert_runs("selftest memory json", 1,
		    "      \"check\": \"memory.ends\",\n      \"what\": \"ends\",\n"
		    "      \"rule\": \"D8.2 ends\",\n      \"result\": \"pass\",\n");
	assert_runs("selftest buddy json", 2,
		    "          \"what\": \"one\",\n"
		    "          \"expected\": \"0x0000000000000002\",\n"
		    "          \"observed\": \"0x0000000000000001\",\n");
	assert_runs("selftest buddy json", 2, "\"TCR_EL1\": \"0x0000000000001234\"");
	assert_runs("selftest buddy json", 2,
		    "\"totals\": {\"pass\": 0, \"fail\": 1, \"skip\": 0}");
	assert_runs("selftest vmalloc.pages json", 4, "\"reason\": \"no reason\",\n");
}

static void a_file_adds_a_command_and_what_completion_knows_by_itself(void **state)
{
	(void)state;
	assert_session("exa\t1 2\r", "pagoda> example 1 2\nexample of 2\npagoda> ");
	assert_session("example l\t", "pagoda> example left ");
	assert_session("example \t", "pagoda> example \nleft  right  up  down  \npagoda> example ");
	assert_session("example --example t\t", "pagoda> example --example two ");
	assert_session("example --example two d\t", "pagoda> example --example two down ");
	run_shell("help; help example", "");
	assert_non_null(strstr(captured, "\n  ptdump     the page tables\n"
					 "  example    an example in a test\n"
					 "  walk "));
	assert_non_null(strstr(captured, "usage:   example [LEFT|RIGHT]\n"
					 "         an example in a test\n"
					 "example: example left\n"));
}

static void change_test_takes_a_number_of_steps_and_a_seed(void **state)
{
	(void)state;
	sample_make(&sample, 12, 52);
	run_shell("change test", "");
	assert_true(change_steps > 1000 && change_steps < 100000);
	assert_int_equal(change_seed, ticks | 1);
	run_shell("change test 12", "");
	assert_int_equal(change_steps, 12);
	assert_int_equal(change_seed, ticks | 1);
	run_shell("change test 0x100 0xabcdef", "");
	assert_int_equal(change_steps, 0x100);
	assert_int_equal(change_seed, 0xabcdef);
	tests_run = 0;
	run_shell("change; change 1; change test x; change test 1 x; change test 1 2 3;"
		  "change test 1 0",
		  "");
	assert_int_equal(tests_run, 0);
	assert_int_equal(change_steps, 0x100);
}

/* The examples that help gives, but for those that would end the session, are good commands. */
static void the_example_of_every_command_runs_without_an_error(void **state)
{
	char *example;
	const char *help = "help report layout features overrides registers memory ptdump;"
			   "help walk at find timeline read write log more";
	static char text[CAPTURE_MAX];
	char line[80];

	(void)state;
	sample_make(&sample, 12, 52);
	run_shell(help, "");
	strcpy(text, captured);
	for (example = strstr(text, "example: "); example; example = strstr(example, "example: ")) {
		example += strlen("example: ");
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(example, "\n"), example);
		run_shell(line, "");
		assert_null(strstr(captured, "usage"));
		assert_null(strstr(captured, "unknown"));
		assert_null(strstr(captured, " is no"));
	}
}

static void a_tab_completes_the_word_before_it(void **state)
{
	(void)state;
	assert_session("ov\t", "pagoda> overrides ");
	assert_session("report j\t", "pagoda> report json ");
	assert_session("help tim\t", "pagoda> help timeline ");
	assert_session("more ptdump --w\t", "pagoda> more ptdump --wx ");
	assert_session("re\t", "pagoda> re\nreport  registers  read  reboot  \npagoda> re");
	assert_session("po\tx", "pagoda> poweroff x");
	assert_session("zz\t", "pagoda> zz");
	assert_session("walk \t", "pagoda> walk ");
}

static void a_tab_that_was_pasted_is_a_blank(void **state)
{
	(void)state;
	pasted = true;
	assert_session("#\tre\t\tport\r", "pagoda> # re  port\npagoda> ");
	pasted = false;
}

static void the_history_brings_lines_back(void **state)
{
	(void)state;
	assert_session("# a\r# b\r\033[A\033[A\r", "pagoda> # a\npagoda> # b\n"
						   "pagoda> # b\ba\npagoda> ");
}

static void ctrl_c_drops_the_line(void **state)
{
	(void)state;
	assert_session("reboot\003\r", "pagoda> reboot^C\npagoda> \npagoda> ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_command_is_one_line_that_names_help),
		cmocka_unit_test(cr_lf_and_both_end_a_line_once),
		cmocka_unit_test(backspace_takes_back_one_character_and_no_more_than_there_are),
		cmocka_unit_test(ctrl_u_takes_back_the_line),
		cmocka_unit_test(control_characters_are_neither_echoed_nor_taken),
		cmocka_unit_test(a_line_that_is_too_long_is_not_run_and_how_much_is_said),
		cmocka_unit_test(blanks_around_and_between_words_do_not_matter),
		cmocka_unit_test(walk_wants_an_address),
		cmocka_unit_test(the_commands_of_pagoda_run_come_before_the_prompt),
		cmocka_unit_test(pagoda_run_cannot_send_control_characters_to_the_terminal),
		cmocka_unit_test(poweroff_and_reboot_say_why_the_machine_is_still_there),
		cmocka_unit_test(every_command_that_help_lists_is_known_and_has_help),
		cmocka_unit_test(commands_with_the_word_test_run_self_tests),
		cmocka_unit_test(self_tests_are_listed_by_subject_and_reported_as_ktap),
		cmocka_unit_test(self_tests_run_as_far_as_a_budget_of_instructions_goes),
		cmocka_unit_test(self_tests_are_reported_as_json_with_all_that_repeats_a_failure),
		cmocka_unit_test(a_file_adds_a_command_and_what_completion_knows_by_itself),
		cmocka_unit_test(change_test_takes_a_number_of_steps_and_a_seed),
		cmocka_unit_test(the_example_of_every_command_runs_without_an_error),
		cmocka_unit_test(a_tab_completes_the_word_before_it),
		cmocka_unit_test(a_tab_that_was_pasted_is_a_blank),
		cmocka_unit_test(the_history_brings_lines_back),
		cmocka_unit_test(ctrl_c_drops_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
