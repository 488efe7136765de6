/* SPDX-License-Identifier: MIT */
/*
 * The CPUs that the device tree has: who they are, and how each is started. Number 0 is the one
 * that boots, whether or not the tree knows of it; the others follow in the order of the tree.
 */
#ifndef PAGODA_CPU_LIST_H
#define PAGODA_CPU_LIST_H

#include <pagoda/types.h>

#define CPUS_MAX 512

/* What of MPIDR_EL1 says which CPU it is: Aff3, and Aff2 to Aff0. */
#define MPIDR_AFFINITY 0xff00ffffff

/* How a CPU is started: its enable-method. */
enum cpu_method {
	CPU_METHOD_NONE, /* the tree does not say */
	CPU_METHOD_PSCI,
	CPU_METHOD_SPIN_TABLE,
	CPU_METHOD_OTHER, /* none of these */
};

/* "none", "psci", "spin-table", "other". */
const char *cpu_method_str(enum cpu_method method);

struct cpu_entry {
	u64 mpidr; /* its MPIDR_AFFINITY */
	u64 release; /* with a spin table: where it looks for its entry; 0: the tree does not say */
	enum cpu_method method;
};

/* Why a CPU of the tree is not in the list. */
enum cpu_loss {
	CPU_LOSS_NO_ROOM,
	CPU_LOSS_TWICE, /* an earlier node has the same MPIDR */
	CPU_LOSS_BAD_REG, /* not one number of one or two cells, or bits that no MPIDR has */
	CPU_LOSS_FAILED, /* its status is "fail", or begins with "fail-" */
	CPU_LOSS_COUNT,
};

/* A clause without its subject: "has the MPIDR of an earlier one". */
const char *cpu_loss_str(enum cpu_loss loss);

struct cpu_list {
	u32 count; /* from 1 on: the CPU that boots is always there */
	bool boot_seen; /* the tree has that one, too */
	struct {
		u32 count;
		u32 node; /* of the first: its offset in the FDT, */
		u64 mpidr; /* and its reg, 0 where that is none */
	} lost[CPU_LOSS_COUNT];
	u16 order[CPUS_MAX]; /* numbers of CPUs, by rising MPIDR */
	struct cpu_entry cpu[CPUS_MAX];
};

/* cpu_list_begin() - the CPU with @mpidr, which boots, and no other. */
void cpu_list_begin(struct cpu_list *list, u64 mpidr);

/*
 * cpu_list_add() - @cpu, whose node is at @node, as far as there is room and it is not there
 * already. Of the CPU that boots, the first counts as what the tree says of that one.
 * cpu_list_lose() - the CPU whose node is at @node is left out.
 */
void cpu_list_add(struct cpu_list *list, const struct cpu_entry *cpu, u32 node);
void cpu_list_lose(struct cpu_list *list, enum cpu_loss loss, u64 mpidr, u32 node);

/* cpu_list_find() - the number of the CPU with @mpidr, other bits aside; CPUS_MAX: not there. */
u32 cpu_list_find(const struct cpu_list *list, u64 mpidr);

#endif /* PAGODA_CPU_LIST_H */
