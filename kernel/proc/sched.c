// SPDX-License-Identifier: MIT
/*
 * Programs in turn.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/irq/timer.h>
#include <pagoda/kernel/prompt/shell.h>

#include "parts.h"
#include "turn.h"

#define STATUS_INTERRUPTED 130 /* 128 and SIGINT */

/* All programs, and those that are ready. */
struct sched {
	struct process *first; /* by number */
	struct process *head, *tail; /* the queue */
	u32 sleeping, foreground;
	u64 wake; /* none of those that sleep wakes before */
	int status; /* of the last that ended in the foreground */
};

static struct sched *sched;

/* ---- The queue ---- */

static void enqueue(struct process *process)
{
	process->state = PROCESS_READY;
	process->queued = NULL;
	if (sched->head)
		sched->tail->queued = process;
	else
		sched->head = process;
	sched->tail = process;
}

/* Those whose time has come. */
static void wake_up(u64 now)
{
	sched->wake = ~(u64)0;
	for (struct process *process = sched->first; process; process = process->next) {
		if (process->state != PROCESS_SLEEPING)
			continue;
		if (process->wake > now) {
			sched->wake = min_u64(sched->wake, process->wake);
			continue;
		}
		sched->sleeping--;
		enqueue(process);
	}
}

static struct process *dequeue(void)
{
	struct process *process;

	if (sched->sleeping > 0) {
		u64 now = counter_read();

		if (now >= sched->wake)
			wake_up(now);
	}
	process = sched->head;
	if (process)
		sched->head = process->queued;
	return process;
}

/* @process out of the queue, wherever in it it stands. */
static void take_out(struct process *process)
{
	struct process *before = NULL, *at = sched->head;

	while (at && at != process) {
		before = at;
		at = at->queued;
	}
	if (!at)
		return;
	if (before)
		before->queued = process->queued;
	else
		sched->head = process->queued;
	if (sched->tail == process)
		sched->tail = before;
}

/* ---- Ends ---- */

/* What nobody waits for says so by itself. */
static void say_end(const struct process *process)
{
	if (process->foreground && process->status == 0)
		return;
	if (process->status > LINUX_STATUS_SIGNAL && process->foreground)
		return;
	process_label(process);
	print("status %d\n", process->status);
}

static void reap(struct process *process)
{
	struct process **link = &sched->first;

	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
	if (process->foreground) {
		sched->foreground--;
		sched->status = process->status;
	}
	say_end(process);
	process_destroy(process);
}

static void end_now(struct process *process, int status)
{
	take_out(process);
	sched->sleeping -= process->state == PROCESS_SLEEPING;
	process_end(process, status);
	reap(process);
}

/* ---- Turns ---- */

#define PSTATE_I BIT(7)

/* Its first use of SIMD or floating point finds zeroes. */
static void give_fp(struct process *process)
{
	process->has_fp = true;
	fp_access(true);
	fp_load(&process->fp);
}

static void serve(struct process *process)
{
	u64 esr = process->frame.esr;

	switch (SYSREG_GET(ESR_EL1_EC, esr)) {
	case ESR_EL1_EC_SVC64:
		process_call(process);
		return;
	case ESR_EL1_EC_FP:
		if (!process->has_fp) {
			give_fp(process);
			return;
		}
		break;
	}
	process_fault(process);
}

/* Until it waits, ends, or has had its slice. */
static void run(const struct turn *turn, struct process *process)
{
	struct cpu *cpu = turn->cpu;
	u64 start = counter_read();
	bool over = false;

	process->state = PROCESS_RUNNING;
	process->slice_end = start + counter_frequency() / SLICES_A_SECOND;
	process->frame.spsr &= ~PSTATE_I;
	if (!turn->timer)
		process->frame.spsr |= PSTATE_I;
	turn_load(cpu, process);
	while (process->state == PROCESS_RUNNING && !over) {
		cpu->user.frame = &process->frame;
		if (user_enter(&process->frame, turn->sctlr, &cpu->user.sp)) {
			over = counter_read() >= process->slice_end;
		} else {
			serve(process);
			over = process->slice_end == 0;
		}
	}
	process->ticks += counter_read() - start;
}

static void run_next(const struct turn *turn, struct process *process)
{
	run(turn, process);
	switch (process->state) {
	case PROCESS_RUNNING:
	case PROCESS_READY:
		enqueue(process);
		break;
	case PROCESS_SLEEPING:
		sched->sleeping++;
		sched->wake = min_u64(sched->wake, process->wake);
		break;
	case PROCESS_ENDED:
		turn_unload(turn->cpu);
		reap(process);
		break;
	}
}

/* Nobody is ready: until the next interrupt, or where there is none, not at all. */
static void wait(const struct turn *turn)
{
	bool masked;

	if (!turn->timer)
		return;
	masked = interrupts_mask(true);
	interrupt_sleep();
	interrupts_mask(masked);
}

static void interrupt_foreground(void)
{
	struct process *next;

	for (struct process *process = sched->first; process; process = next) {
		next = process->next;
		if (process->foreground)
			end_now(process, STATUS_INTERRUPTED);
	}
}

int sched_foreground(void)
{
	struct turn turn;

	turn_begin(&turn);
	while (sched->foreground > 0 && !console_interrupted()) {
		struct process *process = dequeue();

		if (process)
			run_next(&turn, process);
		else
			wait(&turn);
	}
	turn_end(&turn);
	interrupt_foreground();
	return sched->status;
}

/* While a key is waited for: one of them has its turn; false where none is ready. */
static bool background(void)
{
	struct process *process = dequeue();
	struct turn turn;

	if (!process)
		return false;
	turn_begin(&turn);
	run_next(&turn, process);
	turn_end(&turn);
	return true;
}

bool sched_init(const struct kernel *kernel)
{
	void *object;

	if (sched)
		return true;
	if (!kernel->alloc || heap_alloc(&kernel->alloc->heap, sizeof(*sched), &object) != HEAP_OK)
		return false;
	if (!turns_init(kernel)) {
		(void)heap_free(&kernel->alloc->heap, object);
		return false;
	}
	sched = object;
	shell_work(background);
	return true;
}

void sched_add(struct process *process, bool foreground)
{
	struct process **link = &sched->first;

	while (*link)
		link = &(*link)->next;
	*link = process;
	process->foreground = foreground;
	sched->foreground += foreground;
	enqueue(process);
}

bool sched_kill(u32 number)
{
	struct process *process = sched_find(number);

	if (!process)
		return false;
	end_now(process, LINUX_STATUS_SIGNAL + LINUX_SIGKILL);
	return true;
}

struct process *sched_next(const struct process *last)
{
	if (last)
		return last->next;
	return sched ? sched->first : NULL;
}

struct process *sched_find(u32 number)
{
	struct process *process = sched_next(NULL);

	while (process && process->number != number)
		process = process->next;
	return process;
}
