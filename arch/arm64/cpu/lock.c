// SPDX-License-Identifier: MIT
/*
 * How a CPU waits for a lock, and how it masks interrupts for one. What costs nothing to inline is
 * in pagoda/arch/lock.h: taking a lock that is free is ten instructions, and dropping it five. LDXR
 * and STXR, since not every CPU has LSE.
 * Runs in the kernel, MMU on. May not use: absolute addresses, .bss.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/lock.h>

/*
 * LDAXR marks the counter for this CPU's exclusive monitor; the store that serves another number
 * clears the mark, which is an event, and ends WFE (DDI 0487 B2.9.1, D1.6.1). So nobody needs SEV.
 * With the event of SEVL the first WFE falls through.
 */
void lock_wait(struct lock *lock, u32 ticket)
{
	u32 serving;

	if (lock_mine(lock)) {
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

u64 lock_take_masked(struct lock *lock)
{
	u64 daif;

	asm volatile("mrs %0, daif\n\tmsr daifset, #2" : "=r"(daif)::"memory");
	lock_take(lock);
	return daif;
}

void lock_drop_masked(struct lock *lock, u64 daif)
{
	lock_drop(lock);
	asm volatile("msr daif, %0" ::"r"(daif) : "memory");
}
