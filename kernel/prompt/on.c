// SPDX-License-Identifier: MIT
/*
 * The command on: another command, on other CPUs, one after the other.
 * Runs in the kernel, MMU on, on the boot CPU.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/smp/smp.h>
#include <pagoda/lib/text.h>

/* What a CPU is to execute. */
struct order {
	const struct kernel *kernel;
	struct words line;
};

static void execute(void *context)
{
	const struct order *order = context;

	command_execute(order->kernel, order->line);
}

/* All words from the second on, as they were typed. */
static struct words rest_of(const struct arguments *arguments)
{
	const struct words *last = &arguments->word[arguments->count - 1];
	const char *start = arguments->word[1].text;

	return (struct words){ start, (size_t)(last->text + last->length - start) };
}

static void run_on(const struct kernel *kernel, u32 number, struct words line)
{
	struct order order = { kernel, line };
	struct cpu_work work = { execute, &order };
	struct cpu *cpu = kernel->smp->cpu[number].cpu;

	print("on CPU %u:\n", number);
	if (cpu == cpu_this()) {
		execute(&order);
		return;
	}
	cpu_call(cpu, &work);
	cpu_wait(cpu, 0);
}

/* The number before the next comma; false where that is no CPU that runs. */
static bool take_number(const struct smp *smp, struct words *list, u64 *number)
{
	size_t length = 0;
	const char *text = list->text;

	while (length < list->length && text[length] != ',')
		length++;
	if (!text_number(text, length, number) || *number >= smp->count ||
	    smp->cpu[*number].state != CPU_STATE_RUNNING)
		return false;
	length += length < list->length;
	*list = (struct words){ text + length, list->length - length };
	return true;
}

/* All numbers are looked at before the first CPU does anything. */
static bool is_list(const struct smp *smp, struct words list)
{
	u64 number;

	while (list.length > 0)
		if (!take_number(smp, &list, &number))
			return false;
	return true;
}

COMMAND(46, on, "CPU[,CPU...]|all COMMAND...", "a command on other CPUs, one after the other",
	"on 1 registers", "all *");

static void command_on(const struct kernel *kernel, const struct arguments *arguments)
{
	struct words list, line;
	u64 number;

	if (!argument_count(arguments, 2, ARGUMENTS_MAX))
		return;
	if (argument_is(arguments, 1, "on")) {
		argument_refuse(arguments, 1, "cannot be given to on");
		return;
	}
	list = arguments->word[0];
	line = rest_of(arguments);
	if (words_equal(list, "all")) {
		for (u32 i = 0; i < kernel->smp->count && !console_interrupted(); i++)
			if (kernel->smp->cpu[i].state == CPU_STATE_RUNNING)
				run_on(kernel, i, line);
	} else if (!is_list(kernel->smp, list)) {
		argument_refuse(arguments, 0, "names no CPU that runs; cpus lists them");
	} else {
		while (list.length > 0 && take_number(kernel->smp, &list, &number))
			run_on(kernel, (u32)number, line);
	}
}
