// SPDX-License-Identifier: MIT
/*
 * The machine's CPUs, in the reports: how many run, and why the others do not.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/smp/smp.h>

#include "parts.h"

#define OTHERS_SHOWN 8 /* in the report; the command has all */

static void print_reason(const struct smp *smp, u32 number)
{
	char reason[SMP_REASON_MAX];

	smp_reason(&smp->cpu[number], reason, sizeof(reason));
	print("CPU %u (MPIDR 0x%lx) is %s: %s\n", number, smp->cpu[number].entry->mpidr,
	      cpu_state_str(smp->cpu[number].state), reason);
}

static void print_others(const struct smp *smp)
{
	u32 shown = 0;

	for (u32 i = 1; i < smp->count; i++) {
		if (smp->cpu[i].state == CPU_STATE_RUNNING)
			continue;
		report_label("");
		if (shown++ == OTHERS_SHOWN) {
			print("and others: see cpus\n");
			return;
		}
		print_reason(smp, i);
	}
}

/* What of the FDT is not in the list at all. */
static void print_losses(const struct cpu_list *list)
{
	for (unsigned loss = 0; loss < CPU_LOSS_COUNT; loss++) {
		if (list->lost[loss].count == 0)
			continue;
		report_label("");
		print("%u left out; the first, with reg 0x%lx, %s\n", list->lost[loss].count,
		      list->lost[loss].mpidr, cpu_loss_str(loss));
	}
	if (!list->boot_seen && list->count > 1) {
		report_label("");
		print("the FDT lacks CPU 0, which boots\n");
	}
}

void report_cpus(const struct kernel *kernel)
{
	const struct smp *smp = kernel->smp;

	if (smp == NULL)
		return;
	report_label("CPUs");
	print("%u of %u running", smp->running, smp->count);
	if (smp->repeat_tlbi != NULL)
		print("; TLBI is done twice, for erratum %s", smp->repeat_tlbi);
	print("\n");
	print_others(smp);
	print_losses(kernel->cpus);
}

void report_json_cpus(const struct kernel *kernel, struct json *json)
{
	const struct smp *smp = kernel->smp;
	char reason[SMP_REASON_MAX];

	json_array(json, "cpus");
	for (u32 i = 0; smp != NULL && i < smp->count; i++) {
		smp_reason(&smp->cpu[i], reason, sizeof(reason));
		json_row(json, NULL);
		json_number(json, "cpu", i);
		json_hex(json, "mpidr", smp->cpu[i].entry->mpidr);
		json_string(json, "state", cpu_state_str(smp->cpu[i].state));
		json_string(json, "reason", reason);
		json_close(json);
	}
	json_close(json);
}

COMMAND(45, cpus, "", "the machine's CPUs: which run, and why others do not", "cpus", "");

static void command_cpus(const struct kernel *kernel, const struct arguments *arguments)
{
	const struct smp *smp = kernel->smp;

	if (!argument_count(arguments, 0, 0))
		return;
	for (u32 i = 0; i < smp->count && !console_interrupted(); i++)
		if (smp->cpu[i].state == CPU_STATE_RUNNING)
			print("CPU %u (MPIDR 0x%lx) is running\n", i, smp->cpu[i].entry->mpidr);
		else
			print_reason(smp, i);
	print_losses(kernel->cpus);
}
