// SPDX-License-Identifier: MIT
/*
 * What became of a CPU, in words.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/smp/smp.h>
#include <pagoda/lib/format.h>

const char *cpu_state_str(enum cpu_state state)
{
	switch (state) {
	case CPU_STATE_OFF:
		return "off";
	case CPU_STATE_RUNNING:
		return "running";
	case CPU_STATE_REFUSED:
		return "refused";
	case CPU_STATE_SILENT:
		return "silent";
	}
	return "unknown state";
}

/* Reasons that are the same for all, by enum cpu_reason. */
static const char plain[][64] = {
	[CPU_REASON_NONE] = "",
	[CPU_REASON_LIMIT] = "left out: maxcpus= or nosmp",
	[CPU_REASON_NO_METHOD] = "no way to start it that Pagoda knows is described",
	[CPU_REASON_NO_MEMORY] = "no memory for its stacks",
	[CPU_REASON_NO_MAILBOX] = "too many CPUs before it have gone silent",
	[CPU_REASON_ASKED] = "turned off: cpu off",
	[CPU_REASON_NO_KEY] = "a higher level forbids it APIAKey_EL1",
	[CPU_REASON_SILENT] = "called, and not heard of within 2 s",
	[CPU_REASON_LEFT] = "told to turn itself off, and neither off nor back",
	[CPU_REASON_LOST] = "it came, and has not turned its MMU on within 2 s",
};

void smp_reason(const struct smp_cpu *cpu, char *text, size_t size)
{
	switch (cpu->reason) {
	case CPU_REASON_DENIED:
		format(text, size, "firmware's answer to CPU_ON is %ld", (s64)cpu->value);
		break;
	case CPU_REASON_RELEASE:
		format(text, size, "its release address 0x%lx cannot be written", cpu->value);
		break;
	case CPU_REASON_FOLLOWS_NOT:
		format(text, size, "%s: it has %lu, and needs %lu",
		       follow_field_str(cpu->follow.field), cpu->follow.has, cpu->follow.needs);
		break;
	case CPU_REASON_FAULTED:
		format(text, size, "an exception with its MMU off: ESR 0x%lx, ELR 0x%lx, FAR 0x%lx",
		       cpu->fault.esr, cpu->fault.elr, cpu->fault.far);
		break;
	case CPU_REASON_NONE:
	case CPU_REASON_LIMIT:
	case CPU_REASON_NO_METHOD:
	case CPU_REASON_NO_MEMORY:
	case CPU_REASON_NO_MAILBOX:
	case CPU_REASON_ASKED:
	case CPU_REASON_NO_KEY:
	case CPU_REASON_SILENT:
	case CPU_REASON_LEFT:
	case CPU_REASON_LOST:
		format(text, size, "%s", plain[cpu->reason]);
		break;
	}
}
