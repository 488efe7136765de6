// SPDX-License-Identifier: MIT
/*
 * Programs in turn, on the CPU that waits for them and on all that have nothing else to do.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/irq/timer.h>
#include <pagoda/kernel/prompt/shell.h>
#include <pagoda/kernel/smp/smp.h>

#include "parts.h"
#include "queue.h"
#include "turn.h"

#define PSTATE_I BIT(7)
#define STATUS_INTERRUPTED 130 /* 128 and SIGINT */

/* What the boot CPU asks for. It changes while no other CPU lets programs run, but for over. */
static struct {
	const struct kernel *kernel; /* null before sched_init() */
	bool once; /* a turn for one program on each CPU; or as long as there is a foreground */
	bool over; /* no more turns */
	bool shared; /* other CPUs let programs run, too */
	int status; /* of the last that ended in the foreground */
} sched;

/* ---- Ends ---- */

/* What nobody waits for says so by itself; what it died of has been said. */
static void say_end(const struct process *process)
{
	if (process->foreground && (process->status == 0 || process->status > LINUX_STATUS_SIGNAL))
		return;
	process_label(process);
	print("status %d\n", process->status);
}

static void bury(struct process *process)
{
	if (process->foreground)
		__atomic_store_n(&sched.status, process->status, __ATOMIC_RELAXED);
	say_end(process);
	process_destroy(process);
}

/* Of one that no CPU has. */
static void end_now(struct process *process, int status)
{
	queue_take_out(process);
	process_end(process, status);
	bury(process);
}

/* ---- Turns ---- */

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

	process->then = PROCESS_RUNNING;
	process->slice_end = start + counter_frequency() / SLICES_A_SECOND;
	process->frame.spsr &= ~PSTATE_I;
	if (!turn->timer)
		process->frame.spsr |= PSTATE_I;
	turn_load(cpu, process);
	while (process->then == PROCESS_RUNNING && !over) {
		cpu->user.frame = &process->frame;
		if (user_enter(&process->frame, turn->sctlr, &cpu->user.resume, turn->exit)) {
			over = counter_read() >= process->slice_end;
		} else {
			serve(process);
			over = process->slice_end == 0;
		}
	}
	process->ticks += counter_read() - start;
}

/* Whoever may go on elsewhere leaves nothing of himself in this CPU. */
static void run_next(const struct turn *turn, struct process *process)
{
	run(turn, process);
	if (sched.shared || process->then == PROCESS_ENDED)
		turn_unload(turn->cpu);
	if (queue_put_back(process))
		bury(process);
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

static bool go_on(void)
{
	return !sched.once && queue_foreground() > 0 &&
	       !__atomic_load_n(&sched.over, __ATOMIC_RELAXED);
}

/* On any CPU. The one that boots sees what is typed. */
static void turns(bool boots)
{
	struct turn turn;

	turn_begin(&turn);
	do {
		struct process *process = queue_next();

		if (process)
			run_next(&turn, process);
		else if (!sched.once)
			wait(&turn);
		if (boots && console_interrupted())
			__atomic_store_n(&sched.over, true, __ATOMIC_RELAXED);
	} while (go_on());
	turn_end(&turn);
}

/* ---- All CPUs ---- */

static void help(void *context)
{
	(void)context;
	turns(false);
}

/* Filled in when it is needed: a pointer there from the start would be a relocation in .data. */
static struct cpu_work work;

/* A CPU without interrupts could not end a slice. The first is the one that boots. */
static struct cpu *helper(u32 number)
{
	const struct smp_cpu *entry = &sched.kernel->smp->cpu[number];

	return entry->state == CPU_STATE_RUNNING && entry->cpu->gic ? entry->cpu : NULL;
}

/* As many as there are programs for, and all come to an end. */
static void all_turns(void)
{
	const struct smp *smp = sched.kernel->smp;
	u32 count = smp ? smp->count : 1, left = queue_ready();

	work.function = help;
	sched.over = false;
	sched.shared = false;
	for (u32 i = 1; i < count && left > 1; i++) {
		struct cpu *cpu = helper(i);

		if (!cpu)
			continue;
		sched.shared = true;
		cpu_call(cpu, &work);
		left--;
	}
	turns(true);
	for (u32 i = 1; sched.shared && i < count; i++)
		if (helper(i))
			cpu_wait(helper(i), 0);
}

static void interrupt_foreground(void)
{
	struct process *next;

	for (struct process *process = queue_first(); process; process = next) {
		next = process->next;
		if (process->foreground)
			end_now(process, STATUS_INTERRUPTED);
	}
}

int sched_foreground(void)
{
	sched.once = false;
	all_turns();
	interrupt_foreground();
	return sched.status;
}

/* While a key is waited for: some have a turn; false where none is ready. */
static bool background(void)
{
	if (queue_ready() == 0 && !queue_wakes())
		return false;
	sched.once = true;
	all_turns();
	return true;
}

bool sched_init(const struct kernel *kernel)
{
	enum interrupt_result timer;

	if (sched.kernel)
		return true;
	if (!kernel->alloc || !turns_init(kernel))
		return false;
	timer = interrupt_timer_init(kernel);
	if (timer != INTERRUPT_OK)
		print("run: %s: a program that neither ends nor calls will not be stopped\n",
		      interrupt_result_str(timer));
	sched.kernel = kernel;
	shell_work(background);
	return true;
}

void sched_add(struct process *process, bool foreground)
{
	queue_add(process, foreground);
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
	return last ? last->next : queue_first();
}

struct process *sched_find(u32 number)
{
	struct process *process = sched_next(NULL);

	while (process && process->number != number)
		process = process->next;
	return process;
}
