/* SPDX-License-Identifier: MIT */
/*
 * Locks as a CPU takes them. Kernel, MMU on. What protects what, and in which order locks are
 * taken, is in docs/design.md, "Locks"; host tests hold that order against what they see.
 *
 * Nobody sleeps, waits for a device or calls what may fault while he has one, but for the console.
 */
#ifndef PAGODA_ARCH_LOCK_H
#define PAGODA_ARCH_LOCK_H

#include <pagoda/lib/lock.h>

/*
 * lock_take() - wait for @lock, asleep (WFE) while others have it, and take it; not in the handler
 * of an interrupt. lock_drop() gives it up. A CPU that has it already would wait for ever: it takes
 * a BRK exception instead, LOCK_TWICE in its syndrome, @lock in x0.
 *
 * lock_try() - take it where that needs no wait; false where somebody has it.
 *
 * lock_self() - this CPU, as a lock's holder.
 */
#define LOCK_TWICE 0x10c

#if __STDC_HOSTED__

/* Host tests watch who takes what. There a thread is a CPU. */
void lock_take(struct lock *lock);
bool lock_try(struct lock *lock);
void lock_drop(struct lock *lock);
u64 lock_self(void);

#else

/* lock_wait() - until @ticket is served. */
void lock_wait(struct lock *lock, u32 ticket);

/* MPIDR_EL1: one instruction, and the same name at either level. */
static inline u64 lock_self(void)
{
	u64 value;

	asm("mrs %0, mpidr_el1" : "=r"(value));
	return value;
}

static inline void lock_take(struct lock *lock)
{
	u32 ticket = lock_draw(lock);

	if (lock_serving(lock) != ticket)
		lock_wait(lock, ticket);
	lock_hold(lock, lock_self());
}

static inline bool lock_try(struct lock *lock)
{
	if (!lock_draw_free(lock))
		return false;
	lock_hold(lock, lock_self());
	return true;
}

static inline void lock_drop(struct lock *lock)
{
	lock_serve_next(lock);
}

#endif

/* lock_mine() - this CPU has it. */
static inline bool lock_mine(const struct lock *lock)
{
	return lock_holder(lock) == lock_self();
}

/*
 * lock_take_masked() - the same as lock_take(), with interrupts masked from before it is taken: for
 * what their handlers take, too. lock_drop_masked() - and back to what was: @daif is what the other
 * has returned.
 */
u64 lock_take_masked(struct lock *lock);
void lock_drop_masked(struct lock *lock, u64 daif);

#endif /* PAGODA_ARCH_LOCK_H */
