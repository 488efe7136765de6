// SPDX-License-Identifier: MIT
/*
 * CPUs: who they are, and how each is started.
 * Runs as pass.c does, and may not use what that may not.
 *
 * Sources: Devicetree Specification 0.4, 3.8, and Linux's binding of Arm's CPUs. A CPU whose status
 * is "disabled" is one that sleeps until its enable-method wakes it, and so is as good as any;
 * Linux takes it, too. Left out is only what has failed.
 */
#include <pagoda/kernel/tree/scan.h>
#include <pagoda/lib/string.h>

static bool has_failed(const struct fdt_node *node)
{
	struct fdt_value status = fdt_value(node, PROPERTY_STATUS);
	u32 word = sizeof("fail") - 1;

	return status.size > word && memcmp(status.data, "fail", word) == 0 &&
	       (status.data[word] == '\0' || status.data[word] == '-');
}

/* One number, of as many cells as the tree counts in an address; more are other threads'. */
static bool read_mpidr(const struct fdt_node *node, u64 *mpidr)
{
	struct fdt_value reg = fdt_value(node, PROPERTY_REG);
	u32 cells = address_cells(&node[-1]);

	*mpidr = 0;
	if (cells < 1 || cells > CELLS_MAX || reg.size < cells * sizeof(u32))
		return false;
	*mpidr = fdt_cells(reg.data, cells);
	return (*mpidr & ~(u64)MPIDR_AFFINITY) == 0;
}

static enum cpu_method method_of(const struct fdt_event *event)
{
	if (fdt_has_string(event->data, event->size, "psci"))
		return CPU_METHOD_PSCI;
	if (fdt_has_string(event->data, event->size, "spin-table"))
		return CPU_METHOD_SPIN_TABLE;
	return CPU_METHOD_OTHER;
}

/* Few nodes are asked for these: the walk need not look out for them. */
static void read_method(const struct scan *scan, const struct fdt_node *node, struct cpu_entry *cpu)
{
	struct fdt_cursor cursor = fdt_properties(scan->walk.fdt, node->offset);
	struct fdt_event event;

	while (fdt_next_property(&cursor, &event)) {
		if (strcmp(event.name, "enable-method") == 0)
			cpu->method = method_of(&event);
		else if (event.size == sizeof(u64) && strcmp(event.name, "cpu-release-addr") == 0)
			cpu->release = fdt_cells(event.data, 2);
	}
}

void scan_cpu(struct scan *scan, const struct fdt_node *node)
{
	struct cpu_list *list = &scan->lists->cpus;
	struct cpu_entry cpu = { .method = CPU_METHOD_NONE };

	if (!fdt_node_has_string(node, PROPERTY_DEVICE_TYPE, "cpu"))
		return;
	if (!read_mpidr(node, &cpu.mpidr)) {
		cpu_list_lose(list, CPU_LOSS_BAD_REG, cpu.mpidr, node->offset);
		return;
	}
	if (has_failed(node)) {
		cpu_list_lose(list, CPU_LOSS_FAILED, cpu.mpidr, node->offset);
		return;
	}
	read_method(scan, node, &cpu);
	cpu_list_add(list, &cpu, node->offset);
}
