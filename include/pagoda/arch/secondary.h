/* SPDX-License-Identifier: MIT */
/*
 * How the boot CPU and one that starts speak with each other while that one has its MMU off: by a
 * mailbox in memory, of which each writes one half and reads the other. What the starting CPU
 * stores goes past the caches, and so does what it loads; the boot CPU invalidates its lines of the
 * one half before it reads, and cleans those of the other after it has written. No line is in both
 * halves: none is longer than 2 KiB.
 */
#ifndef PAGODA_SECONDARY_H
#define PAGODA_SECONDARY_H

/* Mailboxes, and so the CPUs that may be on their way at a time. */
#define MAILBOXES 16
#define MAILBOX_SIZE 4096
#define MAILBOX_HALF 2048
#define MAILBOX_STACK_SIZE 1536 /* at the end of the first half, */
#define MAILBOX_SHADOW_SIZE 64 /* and before it that for return addresses */

/* Offsets in struct mailbox, for assembly. */
#define SAID_STATE 0
#define SAID_EL_FREQUENCY 8
#define SAID_FAULT 24
#define SAID_ID 48
#define TOLD_MPIDR 2048
#define TOLD_VERDICT 2056
#define TOLD_OFF 2064
#define TOLD_OFF_FUNCTION 2072
#define TOLD_PAC 2080
#define TOLD_KEY 2088
#define TOLD_FLIP 2104

/* What a starting CPU says of itself. */
#define SAID_NOTHING 0
#define SAID_ARRIVED 1 /* it waits for the verdict; el, frequency and id count */
#define SAID_OFF 2 /* as it was told. From this word and the next two on it reads no more here */
#define SAID_FAULTED 3 /* it met an exception, which esr, elr and far have, and turns itself off */
#define SAID_NO_KEY 4 /* a higher level forbids the key for return addresses; it does, too */

/* What it is told to do. */
#define VERDICT_NONE 0
#define VERDICT_GO 1 /* at the level where it is */
#define VERDICT_GO_VHE 2
#define VERDICT_GO_DROP 3
#define VERDICT_REFUSED 4 /* turn yourself off */

/* How to turn itself off. */
#define OFF_PARK 0 /* there is no way: sleep for ever */
#define OFF_HVC 1
#define OFF_SMC 2

/* No CPU's MPIDR. */
#define MPIDR_NOBODY -1

#ifndef __ASSEMBLER__

#include <pagoda/arch/entry.h>
#include <pagoda/lib/sysreg.h>

struct said {
	u64 state; /* SAID_ */
	u64 el, frequency; /* CurrentEL; CNTFRQ_EL0, Hz */
	u64 esr, elr, far;
	u64 id[SYSREG_FACT_COUNT]; /* its ID registers; behind them are its stacks */
};

struct told {
	u64 mpidr; /* whose mailbox it is */
	u64 verdict; /* VERDICT_ */
	u64 off; /* OFF_ */
	u64 off_function; /* number of the call for it */
	u64 pac; /* not 0: it is to have this key */
	u64 key[2];
	struct flip flip;
};

struct mailbox {
	struct said said __attribute__((aligned(MAILBOX_SIZE)));
	struct told told __attribute__((aligned(MAILBOX_HALF)));
};

#define MAILBOX_HAS(offset, member) \
	_Static_assert(__builtin_offsetof(struct mailbox, member) == (offset), "secondary.S")
MAILBOX_HAS(SAID_STATE, said.state);
MAILBOX_HAS(SAID_EL_FREQUENCY, said.el);
MAILBOX_HAS(SAID_FAULT, said.esr);
MAILBOX_HAS(SAID_ID, said.id);
MAILBOX_HAS(TOLD_MPIDR, told.mpidr);
MAILBOX_HAS(TOLD_VERDICT, told.verdict);
MAILBOX_HAS(TOLD_OFF, told.off);
MAILBOX_HAS(TOLD_OFF_FUNCTION, told.off_function);
MAILBOX_HAS(TOLD_PAC, told.pac);
MAILBOX_HAS(TOLD_KEY, told.key);
MAILBOX_HAS(TOLD_FLIP, told.flip);
#undef MAILBOX_HAS
_Static_assert(sizeof(struct said) + MAILBOX_SHADOW_SIZE <= MAILBOX_HALF - MAILBOX_STACK_SIZE,
	       "room for stacks");
_Static_assert(sizeof(struct mailbox) == MAILBOX_SIZE, "secondary.S goes from one to the next");

/* Read by secondary.S where a CPU comes with nothing in x0; the kernel's from its start on. */
extern struct mailbox secondary_mailboxes[MAILBOXES];

/*
 * secondary_entry() - where PSCI's CPU_ON enters, with a mailbox's physical address in x0.
 * secondary_entry_search() - where a spin table's release address leads: the mailbox is that with
 * this CPU's MPIDR; as long as there is none, it waits. MMU and data cache off, at EL1 or EL2.
 */
void secondary_entry(struct mailbox *mailbox);
void secondary_entry_search(void);

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_SECONDARY_H */
