// SPDX-License-Identifier: MIT
/*
 * The prompt: what is typed, what comes back. The shell never returns; the console's fake leaves it
 * with a long jump when there is nothing left to read. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pagoda/alloc.h>
#include <pagoda/memory.h>
#include <pagoda/psci.h>
#include <pagoda/shell.h>

#include "support/console_capture.h"
#include "support/sample_kernel.h"

static struct sample sample;
static const char *typed;
static jmp_buf typed_out;
static unsigned poweroffs, reboots;

int console_read(void)
{
	static bool idle;

	idle = !idle; /* every other time nothing was typed yet */
	if (idle)
		return -1;
	if (!*typed)
		longjmp(typed_out, 1);
	return (u8)*typed++;
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

static unsigned allocator_commands;

void memory_test(const struct kernel *kernel)
{
	assert_ptr_equal(kernel, &sample.kernel);
	allocator_commands |= 16;
}

void change_test(const struct kernel *kernel)
{
	assert_ptr_equal(kernel, &sample.kernel);
	allocator_commands |= 32;
}

void alloc_show_buddy(const struct kernel *kernel)
{
	assert_ptr_equal(kernel, &sample.kernel);
	allocator_commands |= 1;
}

void alloc_test_buddy(const struct kernel *kernel)
{
	assert_ptr_equal(kernel, &sample.kernel);
	allocator_commands |= 2;
}

void alloc_show_vmalloc(const struct kernel *kernel)
{
	assert_ptr_equal(kernel, &sample.kernel);
	allocator_commands |= 4;
}

void alloc_test_vmalloc(const struct kernel *kernel)
{
	assert_ptr_equal(kernel, &sample.kernel);
	allocator_commands |= 8;
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
				       "unknown command 'report xml'; help lists those there are\n"
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
	assert_session("ab\025y\r", "pagoda> ab\b \b\b \by\n"
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

static void a_line_that_is_too_long_is_not_run(void **state)
{
	const char *const error = "\nline too long: 256 characters at most; nothing was run\n";
	char keys[SHELL_LINE_MAX + 3];

	(void)state;
	memset(keys, ' ', sizeof(keys));
	memcpy(keys, "poweroff", strlen("poweroff"));
	strcpy(keys + SHELL_LINE_MAX, "\r");
	poweroffs = 0;
	sample_make(&sample, 12, 52);
	run_shell("", keys);
	assert_int_equal(poweroffs, 1);
	strcpy(keys + SHELL_LINE_MAX, " \r");
	run_shell("", keys);
	assert_int_equal(poweroffs, 1);
	assert_non_null(strstr(captured, error));
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
				 "walk: needs an address, like walk 0xffff800080000000\n"
				 "pagoda> ");
	assert_session("walk 0x12q\r", "pagoda> walk 0x12q\n"
				       "walk: '0x12q' is not an address: hexadecimal after 0x, or "
				       "decimal, 64 bits at most\n"
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

static void every_command_that_help_lists_is_known(void **state)
{
	static const char *const names[] = { "help",	    "report",	   "report json",
					     "overrides",   "ptdump",	   "ptdump idmap",
					     "ptdump json", "layout",	   "memory",
					     "memory test", "change test", "buddy",
					     "buddy test",  "vmalloc",	   "vmalloc test",
					     "poweroff",    "reboot",	   "walk 0" };

	(void)state;
	sample_make(&sample, 12, 52);
	run_shell("help", "");
	for (unsigned i = 0; i < ARRAY_SIZE(names) - 1; i++)
		assert_non_null(strstr(captured, names[i]));
	assert_non_null(strstr(captured, "walk ADDR"));
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		run_shell(names[i], "");
		assert_null(strstr(captured, "unknown command"));
	}
	assert_int_equal(allocator_commands, 0x3f); /* every one, and each its own */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_command_is_one_line_that_names_help),
		cmocka_unit_test(cr_lf_and_both_end_a_line_once),
		cmocka_unit_test(backspace_takes_back_one_character_and_no_more_than_there_are),
		cmocka_unit_test(ctrl_u_takes_back_the_line),
		cmocka_unit_test(control_characters_are_neither_echoed_nor_taken),
		cmocka_unit_test(a_line_that_is_too_long_is_not_run),
		cmocka_unit_test(blanks_around_and_between_words_do_not_matter),
		cmocka_unit_test(walk_wants_an_address),
		cmocka_unit_test(the_commands_of_pagoda_run_come_before_the_prompt),
		cmocka_unit_test(pagoda_run_cannot_send_control_characters_to_the_terminal),
		cmocka_unit_test(poweroff_and_reboot_say_why_the_machine_is_still_there),
		cmocka_unit_test(every_command_that_help_lists_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
