// SPDX-License-Identifier: MIT
/*
 * W^X for programs. With SCTLR.WXN what can be written is not executed, whatever a descriptor says;
 * so a mapping that is to be both would lie. arm64.nowxn is the one way to one.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/proc/linux.h>
#include <pagoda/kernel/proc/policy.h>

static const char *asker_str(enum policy_asker asker)
{
	switch (asker) {
	case POLICY_MMAP:
		return "mmap";
	case POLICY_MPROTECT:
		return "mprotect";
	case POLICY_SEGMENT:
		return "a segment";
	case POLICY_STACK:
		return "its stack";
	}
	return "unknown asker";
}

int policy_grants(const struct process *process, enum policy_asker asker, u64 start, u64 end,
		  u32 prot)
{
	u32 both = LINUX_PROT_WRITE | LINUX_PROT_EXEC;

	if ((prot & both) != both || !process->kernel->handoff->plan.wxn)
		return 0;
	process_label(process);
	print("%s: 0x%016lx-0x%016lx, writable and executable: refused (WXN is on)\n",
	      asker_str(asker), start, end);
	return -LINUX_EACCES;
}
