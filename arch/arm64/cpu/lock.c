// SPDX-License-Identifier: MIT
/*
 * How a CPU waits for a lock, and what it writes there.
 * Runs in the kernel, MMU on. May not use: absolute addresses, .bss.
 *
 * Uncontended, taking is ten instructions and dropping four: LDXR and STXR, since not every CPU has
 * LSE; MPIDR for the holder, since it is one instruction at either level.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/lock.h>

static inline u64 self(void)
{
	u64 value;

	asm volatile("mrs %0, mpidr_el1" : "=r"(value));
	return value;
}

/*
 * LDAXR marks the counter for this CPU's exclusive monitor; the store that serves another number
 * clears the mark, which is an event, and ends WFE (DDI 0487 B2.9.1, D1.6.1). So nobody needs SEV.
 * An event that came before, as from SEVL, makes the first WFE fall through.
 */
static void __attribute__((noinline)) turn_wait(struct lock *lock, u32 ticket)
{
	u32 serving;

	if (lock_holder(lock) == self()) {
		register struct lock *x0 asm("x0") = lock;

		asm volatile("brk %0" ::"i"(LOCK_TWICE), "r"(x0) : "memory");
	}
	asm volatile("sevl\n"
		     "1:	wfe\n"
		     "	ldaxr %w0, %1\n"
		     "	cmp %w0, %w2\n"
		     "	b.ne 1b"
		     : "=&r"(serving)
		     : "Q"(lock->serving), "r"(ticket)
		     : "cc", "memory");
}

static inline void take(struct lock *lock)
{
	u32 ticket = lock_draw(lock);

	if (lock_serving(lock) != ticket)
		turn_wait(lock, ticket);
	lock_hold(lock, self());
}

void lock_take(struct lock *lock)
{
	take(lock);
}

bool lock_try(struct lock *lock)
{
	if (!lock_draw_free(lock))
		return false;
	lock_hold(lock, self());
	return true;
}

bool lock_mine(const struct lock *lock)
{
	return lock_holder(lock) == self();
}

u64 lock_take_masked(struct lock *lock)
{
	u64 daif;

	asm volatile("mrs %0, daif\n\tmsr daifset, #2" : "=r"(daif)::"memory");
	take(lock);
	return daif;
}

void lock_drop_masked(struct lock *lock, u64 daif)
{
	lock_drop(lock);
	asm volatile("msr daif, %0" ::"r"(daif) : "memory");
}
