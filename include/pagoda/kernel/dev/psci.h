/* SPDX-License-Identifier: MIT */
/*
 * The Power State Coordination Interface, as far as Pagoda uses it. MMU on.
 * Source: Arm DEN 0022.
 */
#ifndef PAGODA_PSCI_H
#define PAGODA_PSCI_H

#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/handoff/facts.h>

/* Both return only where firmware refused, or @conduit is none or has no such call. */
void psci_poweroff(enum psci_conduit conduit);
void psci_reboot(enum psci_conduit conduit);

/* Answers: 0 for success, and others below 0. */
#define PSCI_NOT_SUPPORTED -1
#define PSCI_AFFINITY_OFF 1

/*
 * psci_cpus() - those calls, by their numbers: the ones that all versions since 0.2 have, or those
 * that the FDT has for version 0.1. psci_cpu_on() - start the one with @mpidr,
 * affinity only, at the physical address @entry with @context in x0, at the caller's exception
 * level or the highest that firmware leaves to it. psci_cpu_off() - this CPU; returns only where
 * firmware refused. psci_cpu_is_off() - firmware says so, or is too
 * old to be asked. Answers are those of DEN 0022 5.2.
 */
struct device_psci psci_cpus(const struct kernel *kernel);
s64 psci_cpu_on(const struct device_psci *psci, u64 mpidr, paddr_t entry, u64 context);
s64 psci_cpu_off(const struct device_psci *psci);
bool psci_cpu_is_off(enum psci_conduit conduit, u64 mpidr);

/*
 * psci_cpu_suspend() - this CPU sleeps as WFI does, in the state with number 0, which loses
 * nothing (a standby state of this CPU's, for the extended format, too), until an interrupt is
 * pending. Below 0: it has not slept.
 */
s64 psci_cpu_suspend(enum psci_conduit conduit);

#endif /* PAGODA_PSCI_H */
