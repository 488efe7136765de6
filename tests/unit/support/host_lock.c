// SPDX-License-Identifier: MIT
/*
 * pagoda/arch/lock.h for threads. Of each pair of locks that somebody held at once the order is
 * remembered; the other order is an error wherever it comes up, whether or not anybody waits.
 * Host only.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <pagoda/arch/arch.h>
#include "host_lock.h"

#define HELD_MAX 8
#define PAIRS_MAX 4096

static __thread const struct lock *held[HELD_MAX];
static __thread unsigned held_count;
static __thread u64 number;
static u64 numbers;

/*
 * Of locks by their address. Entries are added and never change. All of it relaxed, since what is
 * looked at for races must not be put in order by who looks.
 */
static struct {
	const struct lock *first, *second;
} pairs[PAIRS_MAX];
static unsigned pair_count;

u64 lock_self(void)
{
	if (number == 0)
		number = BIT(31) + __atomic_fetch_add(&numbers, 1, __ATOMIC_RELAXED);
	return number;
}

static void __attribute__((noreturn)) give_up(const char *why, const struct lock *lock)
{
	fprintf(stderr, "lock at %p: %s\n", (const void *)lock, why);
	abort();
}

bool host_lock_ordered(const struct lock *first, const struct lock *second)
{
	unsigned count = __atomic_load_n(&pair_count, __ATOMIC_RELAXED);

	for (unsigned i = 0; i < count && i < PAIRS_MAX; i++)
		if (__atomic_load_n(&pairs[i].first, __ATOMIC_RELAXED) == first &&
		    __atomic_load_n(&pairs[i].second, __ATOMIC_RELAXED) == second)
			return true;
	return false;
}

static void pair_note(const struct lock *first, const struct lock *second)
{
	unsigned at;

	if (!host_lock_ordered(first, second)) {
		at = __atomic_fetch_add(&pair_count, 1, __ATOMIC_RELAXED);
		if (at >= PAIRS_MAX)
			give_up("too many pairs", second);
		__atomic_store_n(&pairs[at].first, first, __ATOMIC_RELAXED);
		__atomic_store_n(&pairs[at].second, second, __ATOMIC_RELAXED);
	}
	if (host_lock_ordered(second, first))
		give_up("taken after one that others take after it", second);
}

/* Before it waits: a deadlock is to be said, not met. What is only tried has no order. */
static void order_check(const struct lock *lock)
{
	if (lock_holder(lock) == lock_self())
		give_up("taken twice", lock);
	for (unsigned i = 0; i < held_count; i++)
		pair_note(held[i], lock);
}

static void hold(struct lock *lock)
{
	if (held_count == HELD_MAX)
		give_up("too many at once", lock);
	held[held_count++] = lock;
	lock_hold(lock, lock_self());
}

/* In any order: of those held before it all stay. */
void lock_drop(struct lock *lock)
{
	unsigned at = held_count;

	while (at > 0 && held[at - 1] != lock)
		at--;
	if (at == 0)
		give_up("dropped by who has not got it", lock);
	for (; at < held_count; at++)
		held[at - 1] = held[at];
	held_count--;
	lock_serve_next(lock);
}

void lock_take(struct lock *lock)
{
	u32 ticket;

	order_check(lock);
	ticket = lock_draw(lock);
	while (lock_serving(lock) != ticket)
		sched_yield();
	hold(lock);
}

bool lock_try(struct lock *lock)
{
	if (!lock_draw_free(lock))
		return false;
	hold(lock);
	return true;
}

u64 lock_take_masked(struct lock *lock)
{
	bool masked = interrupts_mask(true);

	lock_take(lock);
	return masked;
}

void lock_drop_masked(struct lock *lock, u64 daif)
{
	lock_drop(lock);
	interrupts_mask(daif != 0);
}
