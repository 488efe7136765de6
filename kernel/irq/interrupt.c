// SPDX-License-Identifier: MIT
/*
 * Who handles which interrupt.
 * Runs in the kernel, MMU on, and on the host; interrupt_handle() with interrupts masked, on the
 * exception stack.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/lock.h>
#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/irq/gic.h>
#include <pagoda/kernel/irq/interrupt.h>
#include <pagoda/lib/string.h>
#include <pagoda/kernel/cpu/cpu.h>

/* There are 1020 numbers, and few that anybody asks for. */
#define ROWS 8

static bool started;

/* Cleared when it is first needed, not with the MMU off. The lock is the rows'. */
static struct {
	struct gic gic;
	struct gic_cpu boot_cpu;
	struct lock lock;
	u32 count;
	struct interrupt row[ROWS];
} table __attribute__((section(".noinit")));

const char *interrupt_result_str(enum interrupt_result result)
{
	switch (result) {
	case INTERRUPT_OK:
		return "ok";
	case INTERRUPT_NO_CONTROLLER:
		return "no GICv2 or GICv3 is described";
	case INTERRUPT_NOT_MAPPED:
		return "the GIC's registers cannot be mapped";
	case INTERRUPT_OTHER:
		return "what is at the GIC's address is no GIC of its version";
	case INTERRUPT_SILENT:
		return "the GIC does not answer";
	case INTERRUPT_NOT_THIS_CPU:
		return "the GICv3 has no registers for this CPU, or none that it may use";
	case INTERRUPT_NO_TIMER:
		return "no timer of the GIC's is described for this exception level";
	case INTERRUPT_NOT_DELIVERED:
		return "the GIC does not pass on the timer's interrupt";
	case INTERRUPT_NO_LINE:
		return "the GIC has no such interrupt";
	case INTERRUPT_TAKEN:
		return "the interrupt is another's";
	}
	return "unknown result";
}

static enum interrupt_result from_gic(enum gic_result result)
{
	switch (result) {
	case GIC_OK:
		return INTERRUPT_OK;
	case GIC_NOT_MAPPED:
		return INTERRUPT_NOT_MAPPED;
	case GIC_OTHER:
		return INTERRUPT_OTHER;
	case GIC_SILENT:
		return INTERRUPT_SILENT;
	case GIC_NOT_THIS_CPU:
		return INTERRUPT_NOT_THIS_CPU;
	}
	return INTERRUPT_SILENT;
}

/* What start_gic() or find_cpu() is about to touch, and what came of it. */
struct attempt {
	const struct kernel *kernel;
	const struct cpu *cpu;
	enum gic_result result;
};

static void start_gic(void *context)
{
	struct attempt *attempt = context;

	attempt->result = gic_start(&table.gic, cpu_this()->gic, attempt->kernel,
				    &kernel_devices(attempt->kernel)->gic);
}

/* There may be nobody at the controller's address. */
enum interrupt_result interrupt_start(const struct kernel *kernel)
{
	struct attempt attempt = { kernel, cpu_this(), GIC_SILENT };
	struct fault fault;

	if (started)
		return INTERRUPT_OK;
	if (kernel_devices(kernel)->gic.version == 0)
		return INTERRUPT_NO_CONTROLLER;
	memset(&table, 0, sizeof(table));
	cpu_this()->gic = &table.boot_cpu;
	if (fault_catch(start_gic, &attempt, &fault))
		attempt.result = GIC_SILENT;
	started = attempt.result == GIC_OK;
	if (!started)
		gic_unmap(&table.gic, cpu_this()->gic, kernel);
	return from_gic(attempt.result);
}

static void find_cpu(void *context)
{
	struct attempt *attempt = context;

	attempt->result = gic_find_cpu(&table.gic, attempt->cpu->gic, attempt->kernel,
				       &kernel_devices(attempt->kernel)->gic, attempt->cpu->mpidr);
}

/* A row of redistributors may be longer in the FDT than it is. */
enum interrupt_result interrupt_find_cpu(const struct kernel *kernel, struct cpu *cpu,
					 struct gic_cpu *gic)
{
	struct attempt attempt = { kernel, cpu, GIC_SILENT };
	struct fault fault;

	if (!started)
		return INTERRUPT_NO_CONTROLLER;
	*gic = (struct gic_cpu){ 0 };
	cpu->gic = gic;
	if (fault_catch(find_cpu, &attempt, &fault))
		attempt.result = GIC_SILENT;
	if (attempt.result != GIC_OK)
		cpu->gic = NULL;
	return from_gic(attempt.result);
}

enum interrupt_result interrupt_start_cpu(void)
{
	struct gic_cpu *cpu = cpu_this()->gic;
	enum gic_result result;

	if (cpu == NULL)
		return INTERRUPT_NOT_THIS_CPU;
	result = gic_start_cpu(&table.gic, cpu);
	for (u32 i = 0; result == GIC_OK && i < table.count; i++)
		if (table.row[i].number < GIC_SGIS)
			gic_enable(&table.gic, cpu, table.row[i].number, 0);
	return from_gic(result);
}

void interrupt_stop_cpu(void)
{
	if (cpu_this()->gic != NULL)
		gic_stop_cpu(&table.gic, cpu_this()->gic);
}

enum interrupt_result interrupt_send(const struct cpu *to, u32 number)
{
	if (!started || to->gic == NULL)
		return INTERRUPT_NO_CONTROLLER;
	return gic_send(&table.gic, to->gic, number) ? INTERRUPT_OK : INTERRUPT_NOT_THIS_CPU;
}

void interrupt_take_over(void)
{
	for (u32 i = 0; i < table.count; i++)
		if (table.row[i].number >= GIC_SPI_FIRST)
			gic_route(&table.gic, cpu_this()->gic, table.row[i].number);
}

static struct interrupt *find(u32 number)
{
	for (u32 i = 0; i < table.count; i++)
		if (table.row[i].number == number)
			return &table.row[i];
	return NULL;
}

/* The row stands before the interrupt can come. */
static enum interrupt_result row_put(const struct interrupt *interrupt)
{
	const struct interrupt *row = find(interrupt->number);

	if (row == NULL ? table.count == ROWS :
			  row->handle != interrupt->handle || row->context != interrupt->context)
		return INTERRUPT_TAKEN;
	if (row == NULL)
		table.row[table.count++] = *interrupt;
	if (row == NULL || interrupt->number < GIC_SPI_FIRST)
		gic_enable(&table.gic, cpu_this()->gic, interrupt->number, interrupt->flags);
	return INTERRUPT_OK;
}

enum interrupt_result interrupt_register(const struct interrupt *interrupt)
{
	enum interrupt_result result;
	u64 daif;

	if (!started || !gic_has(&table.gic, interrupt->number))
		return INTERRUPT_NO_LINE;
	daif = lock_take_masked(&table.lock);
	result = row_put(interrupt);
	lock_drop_masked(&table.lock, daif);
	return result;
}

void interrupt_unregister(u32 number)
{
	struct interrupt *row;
	u64 daif;

	if (!started)
		return;
	daif = lock_take_masked(&table.lock);
	row = find(number);
	if (row != NULL) {
		gic_disable(&table.gic, cpu_this()->gic, number);
		*row = table.row[--table.count];
	}
	lock_drop_masked(&table.lock, daif);
}

/* A copy: another CPU may take the row out of the table meanwhile. */
static bool look_up(u32 number, struct interrupt *found)
{
	u64 daif = lock_take_masked(&table.lock);
	const struct interrupt *row = find(number);

	if (row != NULL)
		*found = *row;
	lock_drop_masked(&table.lock, daif);
	return row != NULL;
}

/* An interrupt that is nobody's would come for ever if its device holds on to it. */
static void dispatch(u32 number)
{
	struct interrupt row;

	if (look_up(number, &row))
		row.handle(row.context);
	else if (gic_has(&table.gic, number))
		gic_disable(&table.gic, cpu_this()->gic, number);
}

bool interrupt_handle(void)
{
	u32 acknowledged, number;

	if (!started)
		return false;
	acknowledged = gic_acknowledge(&table.gic, cpu_this()->gic);
	number = gic_number(&table.gic, acknowledged);
	if (number >= GIC_SPURIOUS_FIRST && number <= GIC_SPURIOUS_LAST)
		return true;
	dispatch(number);
	gic_end(&table.gic, cpu_this()->gic, acknowledged);
	return true;
}
