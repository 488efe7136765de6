/* SPDX-License-Identifier: MIT */
/*
 * What a lock is: two counters, as at a counter where numbers are drawn. Whoever wants the lock
 * draws the next one and waits until it is served; whoever gives it up serves the next. So it is
 * fair: nobody gets it twice while another waits, and those who wait get it in the order in which
 * they came. How a CPU waits, and who it is, is the machine's: pagoda/arch/lock.h.
 *
 * All zero is a lock that nobody has. It stands with the data that it protects, in Normal cacheable
 * memory: with the MMU off, and in Device memory, exclusives do not work. So no code that the early
 * runtime shares takes one. Pure C: kernel, MMU on, and the host.
 */
#ifndef PAGODA_LOCK_H
#define PAGODA_LOCK_H

#include <pagoda/types.h>

struct lock {
	u32 next; /* the number to be drawn next */
	u32 serving; /* the number whose turn it is; next, where nobody has the lock */
	u64 holder; /* MPIDR of who has it, which is never 0; 0: nobody, or not written yet */
};

/* lock_draw() - a number. The lock is the caller's once lock_serving() is equal to it. */
static inline u32 lock_draw(struct lock *lock)
{
	return __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
}

/* Acquire: what those did who had it before is seen by who finds his number here. */
static inline u32 lock_serving(const struct lock *lock)
{
	return __atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE);
}

/*
 * lock_draw_free() - draw a number only where it is served at once. Between the two looks nobody
 * can have had the lock: then another number would be next.
 */
static inline bool lock_draw_free(struct lock *lock)
{
	u32 ticket = lock_serving(lock);

	return __atomic_compare_exchange_n(&lock->next, &ticket, ticket + 1, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static inline u64 lock_holder(const struct lock *lock)
{
	return __atomic_load_n(&lock->holder, __ATOMIC_RELAXED);
}

static inline void lock_hold(struct lock *lock, u64 cpu)
{
	__atomic_store_n(&lock->holder, cpu, __ATOMIC_RELAXED);
}

/* lock_serve_next() - the caller gives it up. Release: the next sees all that was done. */
static inline void lock_serve_next(struct lock *lock)
{
	lock_hold(lock, 0);
	__atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}

#endif /* PAGODA_LOCK_H */
