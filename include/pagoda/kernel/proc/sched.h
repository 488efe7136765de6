/* SPDX-License-Identifier: MIT */
/*
 * Which program runs when: all that are ready stand in one queue, and each has its turn until it
 * waits, or a slice of time is over. MMU on, after alloc_init().
 */
#ifndef PAGODA_SCHED_H
#define PAGODA_SCHED_H

#include <pagoda/kernel/proc/process.h>

#define SLICES_A_SECOND 100

/* sched_init() - what it takes to have programs; more than once is as good as once. */
bool sched_init(const struct kernel *kernel);

/* sched_add() - @process runs from now on, when its turn comes. */
void sched_add(struct process *process, bool foreground);

/*
 * sched_foreground() - run programs until none of those in the foreground is left, or Ctrl-C has
 * ended them. Returns the status of the last that ended.
 */
int sched_foreground(void);

/* sched_kill() - end number @number; false where there is none. */
bool sched_kill(u32 number);

/* Since there are programs: bits of an ASID, generations of them, switches between programs. */
struct sched_counts {
	unsigned asid_bits;
	u64 generation, switches;
};

/* sched_counts() - zeroes where there never was one. */
struct sched_counts sched_counts(void);

/*
 * sched_limit_asids() - programs share the ASIDs of @bits from now on, no more than the CPU has: so
 * that a test need not run thousands to see what happens when there are none left.
 */
void sched_limit_asids(unsigned bits);

/* sched_empty() - the lower half of a CPU without a program; null where there never was one. */
const struct space *sched_empty(void);

/* sched_next() - after @last, the first after null; or null. sched_find() - by number. */
struct process *sched_next(const struct process *last);
struct process *sched_find(u32 number);

#endif /* PAGODA_SCHED_H */
