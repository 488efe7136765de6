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
 */
void lock_take(struct lock *lock);
#define LOCK_TWICE 0x10c

/* lock_try() - take it where that needs no wait; false where somebody has it. */
bool lock_try(struct lock *lock);

/* lock_mine() - this CPU has it. */
bool lock_mine(const struct lock *lock);

/*
 * lock_take_masked() - the same as lock_take(), with interrupts masked from before it is taken: for
 * what their handlers take, too. lock_drop_masked() - and back to what was: @daif is what the other
 * has returned.
 */
u64 lock_take_masked(struct lock *lock);
void lock_drop_masked(struct lock *lock, u64 daif);

#endif /* PAGODA_ARCH_LOCK_H */
