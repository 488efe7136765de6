/* SPDX-License-Identifier: MIT */
/*
 * A program that runs at EL0: its registers, its addresses, its files. One thread each, so whatever
 * changes it runs on its behalf, or when it does not run. MMU on, after alloc_init().
 */
#ifndef PAGODA_PROCESS_H
#define PAGODA_PROCESS_H

#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/kernel/proc/area.h>
#include <pagoda/kernel/proc/asid.h>
#include <pagoda/kernel/proc/memory.h>

#define PROCESS_NAME_MAX 24 /* with the NUL */
#define PROCESS_FILES 8 /* 0 to 2 are the console */

enum process_state {
	PROCESS_READY, /* in the queue */
	PROCESS_RUNNING, /* a CPU has it */
	PROCESS_SLEEPING, /* until its time comes */
	PROCESS_ENDED,
};

/* "ready", "running", "sleeping", "ended". */
const char *process_state_str(enum process_state state);

struct process {
	/* Under the queue's lock: kernel/proc/queue.c. */
	struct process *next; /* of all, by number */
	struct process *queued; /* behind it in the queue */
	enum process_state state;

	/* The rest is of the CPU that has it, or else of the one that boots. */
	enum process_state then; /* PROCESS_RUNNING, or what it is to be when its turn is over */
	const struct kernel *kernel;
	u32 number;
	char name[PROCESS_NAME_MAX];
	bool foreground; /* the console is its, for reading */
	int status; /* once it has ended: of exit(), or 128 and a signal */

	struct exception_frame frame;
	u64 thread_pointer; /* TPIDR_EL0 */
	bool has_fp; /* it has used SIMD or floating point */
	struct fp_state fp;

	struct space space;
	asid_t asid;
	struct areas areas;
	u64 break_start, break_end; /* brk() */
	struct memory *file[PROCESS_FILES];

	u64 wake; /* by the counter: when to go on */
	u64 slice_end; /* when it is another's turn */
	u64 ticks, switches, calls;
};

/*
 * process_create() - one that has no memory yet, with @name, of which the last part counts; null
 * where there is no memory for it. process_destroy() - give back all it has; no CPU has it.
 */
struct process *process_create(const struct kernel *kernel, const char *name, size_t length);
void process_destroy(struct process *process);

/* process_memory() - bytes of RAM that are mapped in it. */
u64 process_memory(const struct process *process);

/* A message's beginning: "name[number]: ". */
void process_label(const struct process *process);

#endif /* PAGODA_PROCESS_H */
