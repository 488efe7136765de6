/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor, as the kernel that it is below has it: how it was started, calls to it, and its
 * tables to read. Kernel, MMU on.
 */
#ifndef PAGODA_HYP_H
#define PAGODA_HYP_H

#include <pagoda/kernel/hyp/decide.h>
#include <pagoda/kernel/hyp/el2.h>
#include <pagoda/kernel/kernel.h>

struct hyp {
	enum hyp_result result; /* HYP_OK: it is there */
	enum hyp_mode mode; /* as asked for */
	struct hyp_decision decision;
	vaddr_t base; /* at EL2 */
	paddr_t block; /* all of its memory, 2^order pages */
	unsigned order;
	struct el2_range text, rodata, data, stacks, tables; /* in it */
	struct el2_state *state; /* through the linear map: until it runs, and where unprotected */
	u32 cpus; /* that there are stacks for */
	u32 running; /* CPUs that it runs on */
	bool all_failed; /* pagoda.stage2=full found too few tables, and the rest is lazy */
	/* A page that both see, and a copy of the tables, in which these are read. */
	paddr_t mailbox;
	u64 mailbox_slot;
	paddr_t copy;
	struct space self, host, guest;
};

/*
 * hyp_start() - what kvm-arm.mode= asks for, on the CPU that boots: decide, take memory, build
 * EL2's map, install. Sets kernel->hyp, where any is asked for. @handoff: whose hyp_random is used
 * up. @cpus: as many as there may be, this one is number 0.
 * hyp_start_cpu() - the same hypervisor on this CPU, which is number @cpu. After hyp_start(); where
 * that has none, nothing is done.
 */
void hyp_start(struct kernel *kernel, struct boot_handoff *handoff, u32 cpus);
enum hyp_result hyp_start_cpu(const struct kernel *kernel, unsigned cpu);

/* hyp_stop_cpu() - EL2 on this CPU is the stub's again. False where nobody answers. */
bool hyp_stop_cpu(const struct kernel *kernel);

/* hyp_runs() - there is one to call. */
static inline bool hyp_runs(const struct kernel *kernel)
{
	return kernel->hyp && kernel->hyp->running != 0;
}

/*
 * hyp_call() - call @what with @a, @b, @c; x1 to x3 come back in @x, which may be null. Only where
 * it runs.
 */
enum el2_answer hyp_call(enum el2_call what, u64 a, u64 b, u64 c, u64 x[3]);

/* hyp_refresh() - the copy of its tables is as they are now; false where it could not be had. */
bool hyp_refresh(const struct kernel *kernel);

/* Maps that the kernel does not run in. */
enum hyp_map {
	HYP_MAP_SELF, /* EL2's own */
	HYP_MAP_HOST, /* stage 2 under the kernel */
	HYP_MAP_GUEST, /* stage 2 of a guest */
};

#define HYP_MAP_COUNT 3

/* "hyp", "host2", "guest2"; and for people. */
const char *hyp_map_str(enum hyp_map map);
const char *hyp_map_title(enum hyp_map map);

/* hyp_space() - the tables of @map, to read, as they are now; null where there are none. */
const struct space *hyp_space(const struct kernel *kernel, enum hyp_map map);

/* hyp_own_guest - a guest's stage 2 of a kernel that is at EL2 itself; null where there is none. */
extern const struct space *hyp_own_guest;

/* hyp_is_table() - @pa is in memory that tables of theirs are in. */
bool hyp_is_table(const struct kernel *kernel, paddr_t pa);

#endif /* PAGODA_HYP_H */
