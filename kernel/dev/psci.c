// SPDX-License-Identifier: MIT
/*
 * CPUs on and off, power off and reboot through PSCI. MMU on.
 */
#include <pagoda/kernel/dev/psci.h>

#define PSCI_CPU_SUSPEND 0xc4000001
#define PSCI_AFFINITY_INFO 0xc4000004
#define PSCI_SYSTEM_OFF 0x84000008
#define PSCI_SYSTEM_RESET 0x84000009

/* arch/arm64/cpu/psci.S */
s64 psci_call_hvc(u64 function, u64 x1, u64 x2, u64 x3);
s64 psci_call_smc(u64 function, u64 x1, u64 x2, u64 x3);

static s64 call(enum psci_conduit conduit, u64 function, u64 x1, u64 x2, u64 x3)
{
	switch (conduit) {
	case PSCI_NONE:
	case PSCI_OLD:
		break;
	case PSCI_HVC:
		return (s32)psci_call_hvc(function, x1, x2, x3);
	case PSCI_SMC:
		return (s32)psci_call_smc(function, x1, x2, x3);
	}
	return PSCI_NOT_SUPPORTED;
}

void psci_poweroff(enum psci_conduit conduit)
{
	call(conduit, PSCI_SYSTEM_OFF, 0, 0, 0);
}

void psci_reboot(enum psci_conduit conduit)
{
	call(conduit, PSCI_SYSTEM_RESET, 0, 0, 0);
}

s64 psci_cpu_on(const struct device_psci *psci, u64 mpidr, paddr_t entry, u64 context)
{
	return call(psci->conduit, psci->cpu_on, mpidr, entry.value, context);
}

s64 psci_cpu_off(const struct device_psci *psci)
{
	return call(psci->conduit, psci->cpu_off, 0, 0, 0);
}

s64 psci_cpu_suspend(enum psci_conduit conduit)
{
	return call(conduit, PSCI_CPU_SUSPEND, 0, 0, 0);
}

bool psci_cpu_is_off(enum psci_conduit conduit, u64 mpidr)
{
	return conduit == PSCI_OLD ||
	       call(conduit, PSCI_AFFINITY_INFO, mpidr, 0, 0) == PSCI_AFFINITY_OFF;
}
