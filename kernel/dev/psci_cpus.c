// SPDX-License-Identifier: MIT
/*
 * How PSCI turns CPUs on and off here.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/dev/psci.h>
#include <pagoda/kernel/kernel.h>

#define PSCI_CPU_OFF 0x84000002
#define PSCI_CPU_ON 0xc4000003 /* with 64-bit arguments */

struct device_psci psci_cpus(const struct kernel *kernel)
{
	enum psci_conduit conduit = kernel->handoff->facts.psci;

	switch (conduit) {
	case PSCI_HVC:
	case PSCI_SMC:
		return (struct device_psci){ conduit, PSCI_CPU_ON, PSCI_CPU_OFF };
	case PSCI_OLD:
		return kernel_devices(kernel)->psci_old;
	case PSCI_NONE:
		break;
	}
	return (struct device_psci){ PSCI_NONE, 0, 0 };
}
