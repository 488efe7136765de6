/* SPDX-License-Identifier: MIT */
/*
 * Who has which ASID. There are few: numbers are handed out in order, and when they are all gone, a
 * new generation begins, before which every TLB forgets what it had. A number of an older
 * generation means nothing, but for those that a CPU was using when that ended: they are kept.
 * Pure: the kernel, under the lock of whoever has it, and the host.
 */
#ifndef PAGODA_ASID_H
#define PAGODA_ASID_H

#include <pagoda/kernel/handoff/cpu_list.h>

#define ASID_CPUS_MAX CPUS_MAX
#define ASID_NONE 0 /* of nobody: what a CPU has that runs no program */

/* A number below 2^16 and, above it, its generation; ASID_NONE for whoever never had one. */
typedef struct {
	u64 value;
} asid_t;

struct asids {
	unsigned bits; /* 8 or 16, or fewer for tests */
	u64 generation; /* from 1 on */
	u64 next; /* the number to try next */
	asid_t active[ASID_CPUS_MAX]; /* by CPU: what its TTBR0 has */
	asid_t kept[ASID_CPUS_MAX]; /* numbers not to be handed out in this generation */
};

/* asids_init() - all numbers of @bits are free. */
void asids_init(struct asids *asids, unsigned bits);

/*
 * asids_limit() - from now on numbers of @bits, from a new generation on; every TLB must be
 * invalidated before anybody takes one.
 */
void asids_limit(struct asids *asids, unsigned bits);

/* The number itself, as TTBR0 and TLBI take it. */
static inline u16 asid_number(asid_t asid)
{
	return (u16)asid.value;
}

/*
 * asid_take() - for a program that had @had when it last ran: what @cpu is to use for it now. True:
 * every TLB must be invalidated before anybody uses it, or takes another. @cpu has ASID_NONE.
 */
bool asid_take(struct asids *asids, unsigned cpu, asid_t had, asid_t *asid);

/* asid_leave() - the TTBR0 of @cpu has ASID_NONE from before this call on. */
void asid_leave(struct asids *asids, unsigned cpu);

#endif /* PAGODA_ASID_H */
