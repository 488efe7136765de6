/* SPDX-License-Identifier: MIT */
/*
 * What the parts of kernel/proc share.
 */
#ifndef PROC_PARTS_H
#define PROC_PARTS_H

#include <pagoda/kernel/proc/linux.h>
#include <pagoda/kernel/proc/policy.h>
#include <pagoda/kernel/proc/process.h>

static inline u64 process_granule(const struct process *process)
{
	return regime_granule(&process->space.regime);
}

/*
 * Where mappings go that nobody asks a place for ends: programs keep other things above bit 47 of
 * a pointer, so only those get there that ask (Linux's rule). And where addresses end.
 */
#define WINDOW_BITS 48

static inline u64 address_end(const struct process *process)
{
	return pt_end(&process->space).value;
}

static inline u64 window_end(const struct process *process)
{
	return min_u64(address_end(process), BIT(WINDOW_BITS));
}

/* Nothing is mapped below: what a null pointer with an offset finds. */
#define ADDRESS_START KIB(64)

/* Of these @size is a multiple of the page size, and more than 0. */
#define USER_STACK_SIZE KIB(256)
#define USER_STACK_GAP MIB(1) /* nothing is put there: what overflows a stack faults */

/*
 * space_create() - a lower half without a mapping; false where there is no memory for its root.
 * space_destroy() - give back all that @process has in its own, and the root.
 */
bool space_create(const struct kernel *kernel, struct space *space);
void space_destroy(struct process *process);

/* space_show() - have what is in @area mapped as it says. 0, or -ENOMEM and nothing is. */
int space_show(struct process *process, const struct area *area);

/* space_hide() - nothing of @area is mapped any more, in no TLB either. */
void space_hide(struct process *process, const struct area *area);

/*
 * Changes of what a program has, after policy_grants() and after their range was looked at: whole
 * pages, in its addresses. 0 or a negative error.
 *
 * area_add() - [@area->start, @area->end), where nothing is, with pages of @area->memory, which it
 * owns from now on where it succeeds. area_take() - nothing is in [@start, @end) any more.
 * area_protect() - [@start, @end), all of it in areas, gets @prot.
 */
int area_add(struct process *process, const struct area *area);
int area_take(struct process *process, u64 start, u64 end);
int area_protect(struct process *process, u64 start, u64 end, u32 prot);

/* area_new() - the same as area_add() of memory of its own, cleared. */
int area_new(struct process *process, u64 start, u64 end, u32 prot);

/*
 * user_get(), user_put() - copy from or to what @process, which this CPU has, may read or write at
 * @va; false where it may not: -EFAULT.
 */
bool user_get(const struct process *process, void *to, u64 va, size_t size);
bool user_put(const struct process *process, u64 va, const void *from, size_t size);

/* process_call() - the call that @process makes, by its registers, and what comes of it. */
void process_call(struct process *process);

/* Of those: the ones about memory. */
s64 call_mmap(struct process *process, const u64 arguments[6]);
s64 call_munmap(struct process *process, u64 start, u64 size);
s64 call_mprotect(struct process *process, u64 start, u64 size, u64 prot);
s64 call_brk(struct process *process, u64 end);
s64 call_memfd_create(struct process *process, u64 name, u64 flags);
s64 call_ftruncate(struct process *process, u64 file, u64 size);
s64 call_close(struct process *process, u64 file);

/* process_fault() - it has done what it must not, as its frame says: say what, and end it. */
void process_fault(struct process *process);

/* process_end() - it makes no step any more. */
void process_end(struct process *process, int status);

#endif /* PROC_PARTS_H */
