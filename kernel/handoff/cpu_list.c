// SPDX-License-Identifier: MIT
/*
 * The list of CPUs. Its numbers are kept in order of MPIDR beside it, so that one CPU is found
 * among hundreds in a few steps, and a tree that lists them in that order, as most do, adds at the
 * end.
 * Runs in the kernel, right after the flip; with the MMU off, where a boot cannot get that far; and
 * on the host. May not use: absolute addresses, pointers in static data, .bss.
 */
#include <pagoda/kernel/handoff/cpu_list.h>
#include <pagoda/lib/string.h>

void cpu_list_begin(struct cpu_list *list, u64 mpidr)
{
	list->count = 1;
	list->boot_seen = false;
	memset(list->lost, 0, sizeof(list->lost));
	list->order[0] = 0;
	list->cpu[0] = (struct cpu_entry){ .mpidr = mpidr & MPIDR_AFFINITY };
}

/* Where in the order @mpidr stands, or would: before the first that is not below it. */
static u32 place_of(const struct cpu_list *list, u64 mpidr)
{
	u32 start = 0, end = list->count;

	while (start < end) {
		u32 middle = (start + end) / 2;

		if (list->cpu[list->order[middle]].mpidr < mpidr)
			start = middle + 1;
		else
			end = middle;
	}
	return start;
}

/* The number of the CPU that stands there and has @mpidr; CPUS_MAX for none. */
static u32 number_at(const struct cpu_list *list, u32 place, u64 mpidr)
{
	if (place == list->count || list->cpu[list->order[place]].mpidr != mpidr)
		return CPUS_MAX;
	return list->order[place];
}

void cpu_list_lose(struct cpu_list *list, enum cpu_loss loss, u64 mpidr, u32 node)
{
	if (list->lost[loss].count++ != 0)
		return;
	list->lost[loss].node = node;
	list->lost[loss].mpidr = mpidr;
}

void cpu_list_add(struct cpu_list *list, const struct cpu_entry *cpu, u32 node)
{
	u32 place = place_of(list, cpu->mpidr), number = number_at(list, place, cpu->mpidr);

	if (number == 0 && !list->boot_seen) {
		list->boot_seen = true;
		list->cpu[0] = *cpu;
	} else if (number != CPUS_MAX) {
		cpu_list_lose(list, CPU_LOSS_TWICE, cpu->mpidr, node);
	} else if (list->count == CPUS_MAX) {
		cpu_list_lose(list, CPU_LOSS_NO_ROOM, cpu->mpidr, node);
	} else {
		memmove(&list->order[place + 1], &list->order[place],
			(list->count - place) * sizeof(list->order[0]));
		list->order[place] = (u16)list->count;
		list->cpu[list->count++] = *cpu;
	}
}

u32 cpu_list_find(const struct cpu_list *list, u64 mpidr)
{
	mpidr &= MPIDR_AFFINITY;
	return number_at(list, place_of(list, mpidr), mpidr);
}
