/* SPDX-License-Identifier: MIT */
/*
 * All programs, by number, and those that wait for their turn, in the order in which they came to.
 * For kernel/proc. MMU on, any CPU at any time; and the host.
 */
#ifndef PROC_QUEUE_H
#define PROC_QUEUE_H

#include <pagoda/kernel/proc/process.h>

/* queue_add() - a new one, ready. */
void queue_add(struct process *process, bool foreground);

/* queue_next() - the one whose turn it is, which is the caller's from now on; null for none. */
struct process *queue_next(void);

/*
 * queue_put_back() - the caller's is no longer: it waits for its turn, or for its time, as
 * @process->then says. True: it has ended, and is nobody's but the caller's, for good.
 */
bool queue_put_back(struct process *process);

/* queue_take_out() - one that is no CPU's is the caller's, for good. */
void queue_take_out(struct process *process);

/* queue_wakes() - it is time for one that sleeps. */
bool queue_wakes(void);

/* How many wait for their turn, and how many there are in the foreground, just now. */
u32 queue_ready(void);
u32 queue_foreground(void);

/* queue_first() - the one with the lowest number, or null. */
struct process *queue_first(void);

#endif /* PROC_QUEUE_H */
