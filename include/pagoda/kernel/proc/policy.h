/* SPDX-License-Identifier: MIT */
/*
 * The mmap policy: what programs may have of write and execute at once. Asked before any mapping
 * exists, by mmap, mprotect and the loader; nobody else decides. MMU on.
 */
#ifndef PAGODA_POLICY_H
#define PAGODA_POLICY_H

#include <pagoda/kernel/proc/process.h>

/* Who asks, for the line in the log. */
enum policy_asker {
	POLICY_MMAP,
	POLICY_MPROTECT,
	POLICY_SEGMENT,
	POLICY_STACK,
};

/*
 * policy_grants() - 0 where @process may have [@start, @end) with @prot, Linux's bits; -EACCES, and
 * a line that says so, where not: to write and execute, while WXN is on.
 */
int policy_grants(const struct process *process, enum policy_asker asker, u64 start, u64 end,
		  u32 prot);

#endif /* PAGODA_POLICY_H */
