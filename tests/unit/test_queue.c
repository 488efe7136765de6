// SPDX-License-Identifier: MIT
/*
 * kernel/proc/queue.c: whose turn it is. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pagoda/arch/arch.h>

#include "../../kernel/proc/queue.h"

#define PROGRAMS 5

static struct process program[PROGRAMS];
static u64 now;

u64 counter_read(void)
{
	return now;
}

static int begin(void **state)
{
	(void)state;
	now = 0;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		program[i] = (struct process){ .number = i + 1 };
		queue_add(&program[i], i % 2 == 0);
	}
	return 0;
}

/* Whatever a test has left. */
static int end(void **state)
{
	(void)state;
	for (struct process *process = queue_first(); process; process = queue_first()) {
		if (process->state == PROCESS_RUNNING) {
			process->then = PROCESS_ENDED;
			queue_put_back(process);
		} else {
			queue_take_out(process);
		}
	}
	assert_int_equal(queue_ready(), 0);
	assert_int_equal(queue_foreground(), 0);
	return 0;
}

static void put_back(struct process *process, enum process_state then)
{
	process->then = then;
	assert_int_equal(queue_put_back(process), then == PROCESS_ENDED);
}

static void each_has_its_turn_in_the_order_in_which_it_came(void **state)
{
	(void)state;
	assert_int_equal(queue_foreground(), 3);
	for (unsigned i = 0; i < 3 * PROGRAMS; i++) {
		struct process *process = queue_next();

		assert_ptr_equal(process, &program[i % PROGRAMS]);
		assert_int_equal(process->state, PROCESS_RUNNING);
		assert_int_equal(queue_ready(), PROGRAMS - 1);
		put_back(process, PROCESS_RUNNING);
		assert_int_equal(process->state, PROCESS_READY);
	}
}

static void who_runs_is_nobody_elses(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++)
		assert_ptr_equal(queue_next(), &program[i]);
	assert_null(queue_next());
	put_back(&program[3], PROCESS_RUNNING);
	assert_ptr_equal(queue_next(), &program[3]);
	assert_null(queue_next());
}

static void who_sleeps_comes_when_his_time_has_come(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		struct process *process = queue_next();

		process->wake = 100 - 10 * i;
		put_back(process, PROCESS_SLEEPING);
	}
	assert_null(queue_next());
	now = 59;
	assert_false(queue_wakes());
	assert_null(queue_next());
	now = 60;
	assert_true(queue_wakes());
	assert_ptr_equal(queue_next(), &program[4]);
	assert_null(queue_next());
	assert_false(queue_wakes());
	now = 85;
	assert_ptr_equal(queue_next(), &program[2]);
	assert_ptr_equal(queue_next(), &program[3]);
	assert_null(queue_next());
	now = 1000;
	assert_ptr_equal(queue_next(), &program[0]);
	assert_ptr_equal(queue_next(), &program[1]);
}

static void who_has_ended_is_gone(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++)
		queue_next();
	put_back(&program[2], PROCESS_ENDED);
	assert_int_equal(queue_foreground(), 2);
	assert_ptr_equal(program[1].next, &program[3]);
	put_back(&program[0], PROCESS_ENDED);
	assert_ptr_equal(queue_first(), &program[1]);
	put_back(&program[4], PROCESS_ENDED);
	assert_null(program[3].next);
	assert_int_equal(queue_foreground(), 0);
}

/* From the front, the middle and the end of the line, and out of sleep. */
static void who_is_taken_out_has_no_turn(void **state)
{
	struct process *process;

	(void)state;
	queue_take_out(&program[0]);
	queue_take_out(&program[2]);
	queue_take_out(&program[4]);
	process = queue_next();
	assert_ptr_equal(process, &program[1]);
	process->wake = 5;
	put_back(process, PROCESS_SLEEPING);
	queue_take_out(process);
	now = 10;
	assert_false(queue_wakes());
	assert_ptr_equal(queue_next(), &program[3]);
	assert_null(queue_next());
	put_back(&program[3], PROCESS_RUNNING);
	assert_ptr_equal(queue_next(), &program[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_has_its_turn_in_the_order_in_which_it_came,
						begin, end),
		cmocka_unit_test_setup_teardown(who_runs_is_nobody_elses, begin, end),
		cmocka_unit_test_setup_teardown(who_sleeps_comes_when_his_time_has_come, begin,
						end),
		cmocka_unit_test_setup_teardown(who_has_ended_is_gone, begin, end),
		cmocka_unit_test_setup_teardown(who_is_taken_out_has_no_turn, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
