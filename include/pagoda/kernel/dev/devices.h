/* SPDX-License-Identifier: MIT */
/*
 * The devices in the FDT that have to do with interrupts: the controller, the timer's and the
 * console's lines to it; and the numbers of PSCI 0.1's calls. The pass over the tree has noted
 * where they are (tree_nodes.h); what they say is read here, when it is asked for. Kernel, host.
 *
 * An interrupt goes from a node to its parent, which need not be the GIC: an interrupt-map stands
 * for other interrupts, and some controllers in front of the GIC pass on what comes under the
 * number that it has there. Sources: Devicetree Specification 0.4, 2.4; the bindings of Arm's GIC
 * and timer, of MediaTek's sysirq, NVIDIA's legacy interrupt controller and NXP's GPC of version 2.
 */
#ifndef PAGODA_DEVICES_H
#define PAGODA_DEVICES_H

#include <pagoda/kernel/handoff/facts.h>

/* A line to the GIC. */
struct device_line {
	u32 number; /* as the GIC counts; 0, which no device can have: there is none */
	u32 flags; /* 1, 2: an edge; 4, 8: a level */
};

struct device_gic {
	unsigned version; /* 2, 3; 0: there is none */
	unsigned regions; /* of registers, as many as there is room for */
	unsigned rows; /* version 3: as many after the first have redistributors, */
	u64 stride; /* each so many bytes from the one before; 0: as each says itself */
	struct tree_region region[TREE_GIC_REGIONS_MAX];
};

/* The CPU's timers that a kernel may use. */
enum device_timer {
	DEVICE_TIMER_VIRTUAL,
	DEVICE_TIMER_HYPERVISOR, /* EL2's own, physical */
	DEVICE_TIMER_COUNT,
};

/*
 * Firmware of PSCI 0.1, which says itself under which numbers it is called. Source: the binding
 * "arm,psci".
 */
struct device_psci {
	enum psci_conduit conduit; /* PSCI_HVC, PSCI_SMC; PSCI_NONE: there is none */
	u32 cpu_on, cpu_off; /* 0: it has no such call */
};

struct devices {
	struct device_gic gic;
	struct device_line timer[DEVICE_TIMER_COUNT];
	bool has_console; /* a UART among whose registers the console's are */
	struct device_line console; /* its first */
	struct device_psci psci_old;
};

struct kernel;

/*
 * devices_read() - what @fdt says of the nodes that @nodes has; @console is the address of the
 * console's registers. Pure; nodes anywhere in the tree, also none that are what they should be, do
 * no harm. kernel_devices() - those of @kernel, read when this is first asked: a boot needs none of
 * them before its prompt.
 */
void devices_read(const struct fdt *fdt, const struct tree_nodes *nodes, paddr_t console,
		  struct devices *devices);
const struct devices *kernel_devices(const struct kernel *kernel);

#endif /* PAGODA_DEVICES_H */
