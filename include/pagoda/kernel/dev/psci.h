/* SPDX-License-Identifier: MIT */
/*
 * The Power State Coordination Interface, as far as Pagoda uses it. MMU on.
 * Source: Arm DEN 0022, SYSTEM_OFF and SYSTEM_RESET.
 */
#ifndef PAGODA_PSCI_H
#define PAGODA_PSCI_H

#include <pagoda/kernel/handoff/facts.h>

/* Both return only where firmware refused, or @conduit is none or has no such call. */
void psci_poweroff(enum psci_conduit conduit);
void psci_reboot(enum psci_conduit conduit);

#endif /* PAGODA_PSCI_H */
