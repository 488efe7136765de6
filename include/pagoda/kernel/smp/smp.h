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
void smp_start(struct kernel *kernel);

/* smp_reason() - why CPU @cpu is in its state, a clause; empty where it runs. */
#define SMP_REASON_MAX 120
void smp_reason(const struct smp_cpu *cpu, char *text, size_t size);

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
