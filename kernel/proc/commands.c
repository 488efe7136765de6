// SPDX-License-Identifier: MIT
/*
 * The commands about programs: run, ps, kill.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/proc/program.h>
#include <pagoda/kernel/proc/sched.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/lib/features.h>
#include <pagoda/lib/format.h>
#include <pagoda/lib/text.h>

#include "parts.h"
#include "turn.h"

#define COPIES_MAX 1000

COMMAND(192, run, "[COUNT] PROGRAM [ARGUMENT...] [&]",
	"a program at EL0, or many; & has them run beside the prompt", "run hello",
	"hello wx wxseg jit high faults spin pair chaos null");

static void list_programs(void)
{
	print("built in:");
	for (const struct program_row *row = program_next(NULL); row; row = program_next(row))
		print(" %s", row_text(&row->name));
	print("; others are files of the initrd\n");
}

/* What is to be run, and how. */
struct order {
	const struct words *word; /* the program's name and its arguments */
	unsigned count;
	u64 copies;
	bool foreground;
};

static bool read_order(const struct arguments *arguments, struct order *order)
{
	unsigned first = 0, count = arguments->count;

	*order = (struct order){ .copies = 1, .foreground = true };
	if (count > 0 &&
	    text_number(arguments->word[0].text, arguments->word[0].length, &order->copies)) {
		if (order->copies < 1 || order->copies > COPIES_MAX)
			return argument_refuse(arguments, 0, "are not from 1 to 1000 copies");
		first = 1;
	}
	if (count > first && argument_is(arguments, count - 1, "&")) {
		order->foreground = false;
		count--;
	}
	order->word = &arguments->word[first];
	order->count = count - first;
	if (order->count > 0)
		return true;
	list_programs();
	return false;
}

static void command_run(const struct kernel *kernel, const struct arguments *arguments)
{
	struct program program;
	struct order order;

	if (!read_order(arguments, &order))
		return;
	if (!sched_init(kernel)) {
		print("run: there is no memory for programs\n");
		return;
	}
	if (!program_find(kernel, order.word[0], &program))
		return;
	for (u64 i = 0; i < order.copies; i++) {
		struct process *process = program_load(kernel, &program, order.word, order.count);

		if (!process)
			break;
		sched_add(process, order.foreground);
		if (!order.foreground)
			print("[%u]\n", process->number);
	}
	if (order.foreground)
		sched_foreground();
}

COMMAND(194, ps, "", "the programs there are", "ps", "");

static void show_process(const struct process *process)
{
	u64 milliseconds = process->ticks * 1000 / counter_frequency();

	print("%6u  %-8s %8lu ms %9lu %9lu %8s  %5u  %s\n", process->number,
	      process_state_str(process->state), milliseconds, process->switches, process->calls,
	      size_text(process_memory(process)).text, asid_number(process->asid), process->name);
}

static void command_ps(const struct kernel *kernel, const struct arguments *arguments)
{
	struct sched_counts counts = sched_counts();

	(void)kernel;
	if (!argument_count(arguments, 0, 0))
		return;
	print("number  state           time  switches     calls   memory   asid  name\n");
	for (const struct process *process = sched_next(NULL); process;
	     process = sched_next(process))
		show_process(process);
	print("ASIDs of %u bits, generation %lu, %lu switches, %lu on other CPUs\n",
	      counts.asid_bits, counts.generation, counts.switches, counts.elsewhere);
}

COMMAND(196, kill, "NUMBER", "end a program", "kill 1", "");

static void command_kill(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 number;

	(void)kernel;
	if (!argument_count(arguments, 1, 1) || !argument_number(arguments, 0, &number))
		return;
	if (number >> 32 != 0 || !sched_kill((u32)number))
		argument_refuse(arguments, 0, "is no program's number; ps shows them");
}

#define ASID_BITS_MIN 2 /* of four numbers one is nobody's */

COMMAND(198, asids, "BITS", "have programs share so few ASIDs, to see them run out", "asids 2", "");

static void command_asids(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 bits;

	if (!argument_count(arguments, 1, 1) || !argument_number(arguments, 0, &bits))
		return;
	if (bits < ASID_BITS_MIN || bits > turn_asid_bits(kernel))
		argument_refuse(arguments, 0, "is not from 2 to what the CPU has");
	else if (!sched_init(kernel))
		print("asids: there is no memory for programs\n");
	else
		sched_limit_asids((unsigned)bits);
}
