/* SPDX-License-Identifier: MIT */
/*
 * The devices in the FDT that the kernel has a use for once it runs, all found in one pass. Only
 * those on the root's bus: other buses translate addresses and interrupts. Kernel and host.
 * Sources: Devicetree Specification 0.4; the bindings of Arm's GIC and timer.
 */
#ifndef PAGODA_DEVICES_H
#define PAGODA_DEVICES_H

#include <pagoda/lib/fdt.h>

#define DEVICE_REGIONS_MAX 2
#define DEVICE_INTERRUPTS_MAX 4

struct device {
	bool found;
	unsigned regions, interrupts; /* found, as many as there is room for */
	struct {
		u64 start, size;
	} region[DEVICE_REGIONS_MAX]; /* `reg` */
	struct {
		u32 type, number; /* 0: shared, 1: of each CPU; numbers count from 0 in either */
		u32 flags; /* 1, 2: an edge; 4, 8: a level */
	} interrupt[DEVICE_INTERRUPTS_MAX]; /* by the binding of Arm's GIC */
	u32 phandle, interrupt_parent; /* 0 for none */
};

/* Of several, the first that is not disabled. */
struct devices {
	struct device console; /* whose registers start where the console's are */
	struct device gic; /* of the higher version, where there are two */
	unsigned gic_version; /* 2, 3 */
	struct device timer; /* arm,armv8-timer */
};

struct kernel;

/*
 * devices_read() - look for all of them; @console is the address of the console's registers. Pure.
 * kernel_devices() - those in @kernel's FDT, which is looked through when this is first asked: a
 * boot needs none of them before its prompt.
 */
void devices_read(const struct fdt *fdt, paddr_t console, struct devices *devices);
const struct devices *kernel_devices(const struct kernel *kernel);

#endif /* PAGODA_DEVICES_H */
