// SPDX-License-Identifier: MIT
/*
 * Power off and reboot through PSCI. MMU on.
 */
#include <pagoda/kernel/dev/psci.h>

#define PSCI_SYSTEM_OFF 0x84000008
#define PSCI_SYSTEM_RESET 0x84000009

/* arch/arm64/cpu/psci.S */
s64 psci_call_hvc(u64 function, u64 x1, u64 x2, u64 x3);
s64 psci_call_smc(u64 function, u64 x1, u64 x2, u64 x3);

static void call(enum psci_conduit conduit, u64 function)
{
	switch (conduit) {
	case PSCI_NONE:
	case PSCI_OLD:
		break;
	case PSCI_HVC:
		psci_call_hvc(function, 0, 0, 0);
		break;
	case PSCI_SMC:
		psci_call_smc(function, 0, 0, 0);
		break;
	}
}

void psci_poweroff(enum psci_conduit conduit)
{
	call(conduit, PSCI_SYSTEM_OFF);
}

void psci_reboot(enum psci_conduit conduit)
{
	call(conduit, PSCI_SYSTEM_RESET);
}
