// SPDX-License-Identifier: MIT
/*
 * Backtraces over stacks made by hand, sound and damaged. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pagoda/kernel/trap/backtrace.h>

#include "support/console_capture.h"
#include "support/random.h"

#define TEXT 0xffff800080010000
#define VA_BITS 52
#define SIGNATURE 0xa550000000000000 /* in the bits that PAC takes, 63:56 and 54:52 */

static const u32 offsets[] = { 0x10, 0x40, 0x48, 0x100 };
static const char names[] = "first\0second\0third\0fourth\0";

static const struct symbols symbols = {
	.text_start = TEXT, .text_end = TEXT + 0x200, .count = 4, .offsets = offsets, .names = names
};

static u64 memory[256] __attribute__((aligned(16)));

static struct stack stack(void)
{
	return (struct stack){ (uintptr_t)memory, (uintptr_t)(memory + 256) };
}

static u64 record(unsigned index, u64 above, u64 caller)
{
	memory[index] = above;
	memory[index + 1] = caller;
	return (uintptr_t)&memory[index];
}

static void assert_calls(struct place place, const char *expected)
{
	capture_clear();
	backtrace_print(&symbols, stack(), &place, VA_BITS);
	assert_string_equal(captured, expected);
}

static void assert_symbol(u64 address, const char *name, u64 offset)
{
	u64 found = ~(u64)0;
	const char *text = symbols_find(&symbols, address, &found);

	assert_string_equal(text, name);
	assert_int_equal(found, offset);
}

static void an_address_belongs_to_the_function_that_begins_before_it(void **state)
{
	u64 offset;

	(void)state;
	assert_symbol(TEXT + 0x10, "first", 0);
	assert_symbol(TEXT + 0x3f, "first", 0x2f);
	assert_symbol(TEXT + 0x40, "second", 0);
	assert_symbol(TEXT + 0x4b, "third", 3);
	assert_symbol(TEXT + 0x1ff, "fourth", 0xff);
	assert_null(symbols_find(&symbols, TEXT + 0xf, &offset));
	assert_null(symbols_find(&symbols, TEXT - 1, &offset));
	assert_null(symbols_find(&symbols, TEXT + 0x200, &offset));
	assert_null(symbols_find(&(struct symbols){ 0 }, 0, &offset));
}

static void a_chain_of_frames_is_followed_to_its_end(void **state)
{
	u64 last = record(40, 0, 0);
	u64 middle = record(20, last, TEXT + 0x44);
	u64 first = record(10, middle, (TEXT + 0x104) ^ SIGNATURE);

	(void)state;
	assert_calls((struct place){ TEXT + 0x14, TEXT + 0x18, first },
		     "  0xffff800080010014  first+0x4\n"
		     "  0xffff800080010104  fourth+0x4\n"
		     "  0xffff800080010044  second+0x4\n");
}

static void a_function_without_a_frame_is_not_left_out(void **state)
{
	u64 frame = record(10, record(40, 0, 0), TEXT + 0x104);

	(void)state;
	assert_calls((struct place){ TEXT + 0x14, (TEXT + 0x4c) ^ SIGNATURE, frame },
		     "  0xffff800080010014  first+0x4\n"
		     "  0xffff80008001004c  third+0x4\n"
		     "  0xffff800080010104  fourth+0x4\n");
	/* A jump to nowhere: only x30 knows where from. */
	assert_calls((struct place){ 0x1234, TEXT + 0x4c, 0 }, "  0x0000000000001234\n"
							       "  0xffff80008001004c  third+0x4\n");
}

static void a_call_that_is_the_last_of_its_function_is_that_functions(void **state)
{
	u64 frame = record(10, record(40, 0, 0), TEXT + 0x100);

	(void)state;
	assert_calls((struct place){ TEXT + 0x14, TEXT + 0x48, frame },
		     "  0xffff800080010014  first+0x4\n"
		     "  0xffff800080010048  second+0x8\n"
		     "  0xffff800080010100  third+0xb8\n");
}

static void a_recursion_is_one_line(void **state)
{
	u64 frame = record(250, 0, 0);

	(void)state;
	frame = record(240, frame, TEXT + 0x44);
	for (unsigned i = 200; i > 0; i -= 2)
		frame = record(i, frame, TEXT + 0x104);
	assert_calls((struct place){ TEXT + 0x110, 0, frame },
		     "  0xffff800080010110  fourth+0x10\n"
		     "  0xffff800080010104  fourth+0x4\n"
		     "  the same 99 times more\n"
		     "  0xffff800080010044  second+0x4\n");
}

static void a_chain_without_an_end_is_cut(void **state)
{
	u64 frame = 0;
	unsigned lines = 0;

	(void)state;
	for (unsigned i = 200; i > 0; i -= 2)
		frame = record(i, frame ? frame : (uintptr_t)&memory[210], TEXT + 0x100 + i % 4);
	capture_clear();
	backtrace_print(&symbols, stack(), &(struct place){ 0, 0, frame }, VA_BITS);
	for (const char *at = captured; *at; at++)
		lines += *at == '\n';
	assert_int_equal(lines, 34);
	assert_non_null(strstr(captured, "  and more\n"));
}

/* ASan sees to it that nothing outside the stack is read. */
static void no_damage_to_the_stack_leads_out_of_it_or_round_in_it(void **state)
{
	struct random random = random_start();

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		u64 base = (uintptr_t)memory;

		for (unsigned j = 0; j < 256; j++)
			memory[j] = random_below(&random, 3) ? base + random_below(&random, 2200) :
							       random_next(&random);
		capture_clear();
		backtrace_print(&symbols, stack(),
				&(struct place){ random_next(&random), random_next(&random),
						 base + 8 * random_below(&random, 260) },
				VA_BITS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_belongs_to_the_function_that_begins_before_it),
		cmocka_unit_test(a_chain_of_frames_is_followed_to_its_end),
		cmocka_unit_test(a_function_without_a_frame_is_not_left_out),
		cmocka_unit_test(a_call_that_is_the_last_of_its_function_is_that_functions),
		cmocka_unit_test(a_recursion_is_one_line),
		cmocka_unit_test(a_chain_without_an_end_is_cut),
		cmocka_unit_test(no_damage_to_the_stack_leads_out_of_it_or_round_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
