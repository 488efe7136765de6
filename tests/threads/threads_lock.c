// SPDX-License-Identifier: MIT
/*
 * Locks among threads, watched by ThreadSanitizer: what they protect is one's at a time, who came
 * first goes first, and what would hang is said.
 * Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/host_lock.h"
#include "threads.h"

#define THREADS 4
#define ROUNDS 20000

static struct lock lock, other;
static u64 counter; /* no atomic: the lock's */

static void count(struct thread *thread)
{
	(void)thread;
	for (unsigned i = 0; i < ROUNDS; i++) {
		lock_take(&lock);
		assert_true(lock_mine(&lock));
		counter++;
		lock_drop(&lock);
		assert_false(lock_mine(&lock));
	}
}

static void what_a_lock_protects_is_ones_at_a_time(void **state)
{
	(void)state;
	counter = 0;
	threads_run(THREADS, count, NULL);
	assert_int_equal(counter, THREADS * ROUNDS);
	assert_int_equal(lock.next, lock.serving);
}

static void count_tried(struct thread *thread)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (thread->number % 2 == 0)
			lock_take(&lock);
		else
			while (!lock_try(&lock))
				sched_yield();
		counter++;
		lock_drop(&lock);
	}
}

static void a_lock_that_was_tried_is_as_good(void **state)
{
	(void)state;
	counter = 0;
	threads_run(THREADS, count_tried, NULL);
	assert_int_equal(counter, THREADS * ROUNDS);
}

static void a_lock_that_somebody_has_is_not_got_by_trying(void **state)
{
	(void)state;
	assert_true(lock_try(&lock));
	assert_false(lock_try(&lock));
	assert_true(lock_mine(&lock));
	lock_drop(&lock);
	assert_true(lock_try(&lock));
	lock_drop(&lock);
}

/* Masked or not, and past the last number: 2^32 of them are few enough to be used up. */
static void numbers_begin_again_after_the_last(void **state)
{
	(void)state;
	lock = (struct lock){ .next = ~(u32)0 - 1, .serving = ~(u32)0 - 1 };
	for (unsigned i = 0; i < 4; i++) {
		u64 daif = lock_take_masked(&lock);

		assert_false(lock_try(&lock));
		lock_drop_masked(&lock, daif);
	}
	assert_int_equal(lock.next, 2);
	assert_int_equal(lock.serving, 2);
	counter = 0;
	threads_run(THREADS, count, NULL);
	assert_int_equal(counter, THREADS * ROUNDS);
}

/* Each comes only when the one before it waits: so the order in which they wait is known. */
static unsigned order[THREADS], ordered;

static void come_in_turn(struct thread *thread)
{
	while (__atomic_load_n(&lock.next, __ATOMIC_RELAXED) != thread->number + 1)
		sched_yield();
	lock_take(&lock);
	order[ordered++] = thread->number;
	lock_drop(&lock);
}

static void keep(struct thread *thread)
{
	if (thread->number != THREADS) {
		come_in_turn(thread);
		return;
	}
	lock_take(&lock);
	while (__atomic_load_n(&lock.next, __ATOMIC_RELAXED) != THREADS + 1)
		sched_yield();
	lock_drop(&lock);
}

static void who_came_first_goes_first(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		lock = (struct lock){ 0 };
		ordered = 0;
		threads_run(THREADS + 1, keep, NULL);
		assert_int_equal(ordered, THREADS);
		for (unsigned i = 0; i < THREADS; i++)
			assert_int_equal(order[i], i);
	}
	lock = (struct lock){ 0 };
}

/* @work in a process of its own; what it says before it aborts is in @said. */
static bool aborts(void (*work)(void), char *said, size_t size)
{
	int ends[2], status;
	ssize_t length;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		work();
		_exit(0);
	}
	close(ends[1]);
	length = read(ends[0], said, size - 1);
	said[length > 0 ? length : 0] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void take_twice(void)
{
	lock_take(&lock);
	lock_take(&lock);
}

static void take_both_ways(void)
{
	lock_take(&lock);
	lock_take(&other);
	lock_drop(&other);
	lock_drop(&lock);
	lock_take(&other);
	lock_take(&lock);
}

static void taking_one_twice_is_said_and_does_not_hang(void **state)
{
	char said[200];

	(void)state;
	assert_true(aborts(take_twice, said, sizeof(said)));
	assert_non_null(strstr(said, "taken twice"));
}

static void two_that_are_taken_in_either_order_are_found_without_a_deadlock(void **state)
{
	char said[200];

	(void)state;
	assert_true(aborts(take_both_ways, said, sizeof(said)));
	assert_non_null(strstr(said, "taken after one that others take after it"));
	lock_take(&lock);
	lock_take(&other);
	lock_drop(&lock); /* in any order */
	lock_drop(&other);
	assert_true(host_lock_ordered(&lock, &other));
	assert_false(host_lock_ordered(&other, &lock));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_lock_protects_is_ones_at_a_time),
		cmocka_unit_test(a_lock_that_was_tried_is_as_good),
		cmocka_unit_test(a_lock_that_somebody_has_is_not_got_by_trying),
		cmocka_unit_test(numbers_begin_again_after_the_last),
		cmocka_unit_test(who_came_first_goes_first),
		cmocka_unit_test(taking_one_twice_is_said_and_does_not_hang),
		cmocka_unit_test(two_that_are_taken_in_either_order_are_found_without_a_deadlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
