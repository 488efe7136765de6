// SPDX-License-Identifier: MIT
/*
 * kernel/proc/asid.c against the worst TLB: on every CPU, at any time, it learns what the program
 * with the ASID in its TTBR0 has, and forgets only when it is told to. Nobody may ever find under
 * his number what is another's. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pagoda/kernel/proc/asid.h>

#include "support/random.h"

#define CPUS 4
#define PROGRAMS 40
#define NOBODY PROGRAMS

static struct asids asids;
static asid_t had[PROGRAMS];
static unsigned running[CPUS]; /* a program, or NOBODY */
static unsigned known[CPUS][1 << 16]; /* whose translations a TLB has under a number */
static unsigned flushes;

static void begin(unsigned bits)
{
	asids_init(&asids, bits);
	memset(had, 0, sizeof(had));
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		running[cpu] = NOBODY;
		for (unsigned i = 0; i < ARRAY_SIZE(known[0]); i++)
			known[cpu][i] = NOBODY;
	}
	flushes = 0;
}

/* What walks at any time: all CPUs learn of what they run. */
static void learn(void)
{
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		if (running[cpu] != NOBODY)
			known[cpu][asid_number(had[running[cpu]])] = running[cpu];
}

static void forget(void)
{
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		for (unsigned i = 0; i < BIT(asids.bits); i++)
			known[cpu][i] = NOBODY;
	flushes++;
	learn();
}

static void leave(unsigned cpu)
{
	running[cpu] = NOBODY;
	asid_leave(&asids, cpu);
}

static void take(unsigned cpu, unsigned program)
{
	asid_t asid;

	if (asid_take(&asids, cpu, had[program], &asid))
		forget();
	assert_int_not_equal(asid_number(asid), ASID_NONE);
	assert_true(asid_number(asid) >> asids.bits == 0);
	had[program] = asid;
	for (unsigned i = 0; i < CPUS; i++)
		if (known[i][asid_number(asid)] != NOBODY)
			assert_int_equal(known[i][asid_number(asid)], program);
	running[cpu] = program;
	learn();
}

static bool is_running(unsigned program)
{
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		if (running[cpu] == program)
			return true;
	return false;
}

static void nobody_finds_anothers_translations(void **state)
{
	static const unsigned sizes[] = { 3, 4, 8 };
	struct random random = random_start();

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		begin(sizes[i]);
		for (unsigned step = 0; step < 20000; step++) {
			unsigned cpu = random_below(&random, CPUS);
			unsigned program = random_below(&random, PROGRAMS);

			if (running[cpu] != NOBODY)
				leave(cpu);
			if (random_below(&random, 8) == 0)
				had[program] = (asid_t){ is_running(program) ? had[program].value :
									       ASID_NONE };
			if (!is_running(program))
				take(cpu, program);
		}
		assert_true(flushes > 0);
	}
}

static void a_program_keeps_its_number_as_long_as_there_are_others(void **state)
{
	(void)state;
	begin(8);
	for (unsigned program = 0; program < PROGRAMS; program++) {
		take(0, program);
		leave(0);
		assert_int_equal(asid_number(had[program]), program + 1);
	}
	for (unsigned program = 0; program < PROGRAMS; program++) {
		take(0, program);
		leave(0);
		assert_int_equal(asid_number(had[program]), program + 1);
	}
	assert_int_equal(flushes, 0);
}

static void all_numbers_but_nobodys_are_used_before_anything_is_forgotten(void **state)
{
	(void)state;
	for (unsigned bits = 8; bits <= 16; bits += 8) {
		begin(bits);
		for (u64 i = 1; i < BIT(bits); i++) {
			asid_t asid;

			assert_false(asid_take(&asids, 0, (asid_t){ ASID_NONE }, &asid));
			assert_int_equal(asid_number(asid), i);
			asid_leave(&asids, 0);
		}
		assert_true(asid_take(&asids, 0, (asid_t){ ASID_NONE }, &(asid_t){ 0 }));
	}
}

static void who_runs_while_the_numbers_run_out_goes_on_with_his(void **state)
{
	u16 number;

	(void)state;
	begin(3);
	take(1, 0);
	number = asid_number(had[0]);
	for (unsigned program = 1; program < 12; program++) {
		take(0, program);
		leave(0);
		assert_int_not_equal(asid_number(had[program]), number);
	}
	assert_true(flushes > 0);
	leave(1);
	take(2, 0);
	if (flushes == 1)
		assert_int_equal(asid_number(had[0]), number);
}

static void a_limit_begins_a_new_generation(void **state)
{
	asid_t before, after;

	(void)state;
	begin(8);
	asid_take(&asids, 0, (asid_t){ ASID_NONE }, &before);
	asid_leave(&asids, 0);
	asids_limit(&asids, 2);
	assert_false(asid_take(&asids, 0, before, &after));
	assert_int_not_equal(after.value, before.value);
	for (unsigned i = 0; i < 3; i++) {
		asid_leave(&asids, 0);
		asid_take(&asids, 0, (asid_t){ ASID_NONE }, &after);
		assert_in_range(asid_number(after), 1, 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_finds_anothers_translations),
		cmocka_unit_test(a_program_keeps_its_number_as_long_as_there_are_others),
		cmocka_unit_test(all_numbers_but_nobodys_are_used_before_anything_is_forgotten),
		cmocka_unit_test(who_runs_while_the_numbers_run_out_goes_on_with_his),
		cmocka_unit_test(a_limit_begins_a_new_generation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
