/* SPDX-License-Identifier: MIT */
/*
 * The machine's CPUs: who there is, what became of each, and how to have one do something. The boot
 * CPU starts the others, judges what they are (cpu_follows()) and lets them turn their MMU on with
 * its own registers, or has them turn themselves off. None but the boot CPU calls what is here,
 * where nothing else is said. MMU on, after alloc_init().
 * Sources: Arm DEN 0022 (PSCI); the binding of /cpus, enable-method "spin-table".
 */
#ifndef PAGODA_SMP_H
#define PAGODA_SMP_H

#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/kernel/handoff/cpu_list.h>
#include <pagoda/kernel/handoff/follow.h>

/* What a CPU is doing. */
enum cpu_state {
	CPU_STATE_OFF,
	CPU_STATE_RUNNING,
	CPU_STATE_REFUSED, /* it came, and was told to turn itself off */
	CPU_STATE_SILENT, /* it was called, and has not been heard of since */
};

/* "off", "running", "refused", "silent". */
const char *cpu_state_str(enum cpu_state state);

/* Why it is in that state. */
enum cpu_reason {
	CPU_REASON_NONE, /* it runs */
	CPU_REASON_LIMIT, /* off: maxcpus=, nosmp */
	CPU_REASON_NO_METHOD, /* off: nobody says how to start it */
	CPU_REASON_NO_MEMORY, /* off: for its stacks */
	CPU_REASON_NO_MAILBOX, /* off: too many have gone silent with theirs */
	CPU_REASON_DENIED, /* off: firmware's answer to CPU_ON is in value */
	CPU_REASON_RELEASE, /* off: its release address, in value, cannot be written */
	CPU_REASON_ASKED, /* off: cpu off */
	CPU_REASON_FOLLOWS_NOT, /* refused: see follow */
	CPU_REASON_NO_KEY, /* refused: a higher level forbids it the key for return addresses */
	CPU_REASON_FAULTED, /* refused: an exception with its MMU off; see fault */
	CPU_REASON_SILENT, /* silent: it has not come */
	CPU_REASON_LEFT, /* silent: it was to turn itself off, and is neither off nor back */
	CPU_REASON_LOST, /* silent: it came, was told to go on, and did not come out of the flip */
};

/* A CPU of the machine. */
struct smp_cpu {
	const struct cpu_entry *entry; /* as the FDT has it */
	enum cpu_state state;
	enum cpu_reason reason;
	u64 value;
	struct follow follow;
	struct fault fault;
	u64 el; /* where it entered; 0 before it has */
	struct cpu *cpu; /* null where it has never been let in */
};

struct smp {
	u32 count; /* of CPUs; number 0 is the one that boots */
	u32 running;
	const char *repeat_tlbi; /* the erratum for which TLBI is done twice; null: none */
	struct smp_cpu *cpu;
};

/* smp_start() - find and start the CPUs, as the command line has it. kernel->smp from then on. */
void smp_start(struct kernel *kernel, struct boot_handoff *handoff);

/*
 * smp_cpu_off() - CPU @number, which runs and does not boot, turns itself off, with nothing to do.
 * False where firmware did not let it: @answer is what it said. smp_cpu_on() - start it, as
 * smp_start() does; it has a state and a reason afterwards.
 */
bool smp_cpu_off(const struct kernel *kernel, u32 number, s64 *answer);
void smp_cpu_on(const struct kernel *kernel, u32 number);

/* smp_reason() - why CPU @cpu is in its state, a clause; empty where it runs. */
#define SMP_REASON_MAX 120
void smp_reason(const struct smp_cpu *cpu, char *text, size_t size);

/*
 * smp_stop_others() - from an exception that is reported: all CPUs but @cpu, this one, stop, those
 * that listen; where another one reports already, this one does. smp_stopping() - somebody does.
 * smp_stop_here() - this CPU, in an interrupt, is one that stops. On any CPU.
 */
struct exception_frame;
void smp_stop_others(struct cpu *cpu);
bool smp_stopping(void);
void smp_stop_here(struct cpu *cpu, const struct exception_frame *frame) __attribute__((noreturn));

/* smp_heed_stop() - stop here where that is asked of this CPU; for loops with interrupts masked. */
void smp_heed_stop(void);

/* cpu_nudge() - @cpu looks for work, or notices that it is to stop. Any CPU. */
void cpu_nudge(struct cpu *cpu);

/* What a CPU may be asked to do. */
struct cpu_work {
	void (*function)(void *context);
	void *context;
};

/*
 * cpu_call() - have @cpu, which runs, has nothing to do and is not this one, do @work. cpu_wait() -
 * until that is done; false where it is not within @ticks of the counter; 0: as long as it takes.
 * @work is the caller's until then.
 */
void cpu_call(struct cpu *cpu, struct cpu_work *work);
bool cpu_wait(const struct cpu *cpu, u64 ticks);

#endif /* PAGODA_SMP_H */
