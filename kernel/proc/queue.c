// SPDX-License-Identifier: MIT
/*
 * Who is there, and who waits for what.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/lock.h>

#include "queue.h"

static struct {
	struct lock lock; /* all of this, and of a process what is said to be under it */
	struct process *first; /* of all, by number */
	struct process *head, *tail; /* of those that are ready */
	u32 ready, sleeping, foreground;
	u64 wake; /* none of those that sleep wakes before */
} queue;

static void enqueue(struct process *process)
{
	process->state = PROCESS_READY;
	process->queued = NULL;
	if (queue.head)
		queue.tail->queued = process;
	else
		queue.head = process;
	queue.tail = process;
	queue.ready++;
}

/* Those whose time has come. */
static void wake_up(u64 now)
{
	if (now < queue.wake)
		return;
	queue.wake = ~(u64)0;
	for (struct process *process = queue.first; process; process = process->next) {
		if (process->state != PROCESS_SLEEPING)
			continue;
		if (process->wake > now) {
			queue.wake = min_u64(queue.wake, process->wake);
			continue;
		}
		queue.sleeping--;
		enqueue(process);
	}
}

static struct process *dequeue(void)
{
	struct process *process = queue.head;

	if (!process)
		return NULL;
	queue.head = process->queued;
	queue.ready--;
	process->state = PROCESS_RUNNING;
	return process;
}

bool queue_wakes(void)
{
	bool wakes;

	lock_take(&queue.lock);
	wakes = queue.sleeping > 0 && counter_read() >= queue.wake;
	lock_drop(&queue.lock);
	return wakes;
}

struct process *queue_next(void)
{
	struct process *process;

	lock_take(&queue.lock);
	if (queue.sleeping > 0)
		wake_up(counter_read());
	process = dequeue();
	lock_drop(&queue.lock);
	return process;
}

/* Out of the list of all. */
static void unlink(struct process *process)
{
	struct process **link = &queue.first;

	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
	queue.foreground -= process->foreground;
	process->state = PROCESS_ENDED;
}

bool queue_put_back(struct process *process)
{
	bool ended = process->then == PROCESS_ENDED;

	lock_take(&queue.lock);
	switch (process->then) {
	case PROCESS_READY:
	case PROCESS_RUNNING:
		enqueue(process);
		break;
	case PROCESS_SLEEPING:
		process->state = PROCESS_SLEEPING;
		queue.wake = queue.sleeping++ == 0 ? process->wake :
						     min_u64(queue.wake, process->wake);
		break;
	case PROCESS_ENDED:
		unlink(process);
		break;
	}
	lock_drop(&queue.lock);
	return ended;
}

static void leave_line(struct process *process)
{
	struct process *before = NULL, *at = queue.head;

	while (at != process) {
		before = at;
		at = at->queued;
	}
	if (before)
		before->queued = process->queued;
	else
		queue.head = process->queued;
	if (queue.tail == process)
		queue.tail = before;
	queue.ready--;
}

void queue_take_out(struct process *process)
{
	lock_take(&queue.lock);
	if (process->state == PROCESS_READY)
		leave_line(process);
	else
		queue.sleeping--;
	unlink(process);
	lock_drop(&queue.lock);
}

void queue_add(struct process *process, bool foreground)
{
	struct process **link = &queue.first;

	lock_take(&queue.lock);
	while (*link)
		link = &(*link)->next;
	*link = process;
	process->foreground = foreground;
	queue.foreground += foreground;
	enqueue(process);
	lock_drop(&queue.lock);
}

u32 queue_ready(void)
{
	return __atomic_load_n(&queue.ready, __ATOMIC_RELAXED);
}

u32 queue_foreground(void)
{
	return __atomic_load_n(&queue.foreground, __ATOMIC_RELAXED);
}

struct process *queue_first(void)
{
	return queue.first;
}
