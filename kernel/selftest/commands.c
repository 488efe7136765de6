// SPDX-License-Identifier: MIT
/*
 * Commands that show something, and with the word test try it: memory, buddy, vmalloc, change.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/show/report.h>
#include <pagoda/kernel/start/alloc.h>
#include <pagoda/kernel/start/memory.h>

#define CHANGE_STEPS 3000 /* unless a number is given */

/* The argument is test, and not missing, or it is refused: for commands that know no other. */
static bool asks_for_test(const struct arguments *arguments)
{
	return argument_is(arguments, 0, "test") ||
	       (arguments->count > 0 &&
		argument_refuse(arguments, 0, "is unknown here; there is: test"));
}

COMMAND(70, memory, "[test]", "physical memory: what is where; or write and read its ends",
	"memory test", "test");

static void command_memory(const struct kernel *kernel, const struct arguments *arguments)
{
	if (asks_for_test(arguments) && argument_count(arguments, 1, 1))
		memory_test(kernel);
	else if (arguments->count == 0)
		report_memory(kernel);
}

COMMAND(80, buddy, "[test]", "the page allocator's free lists; or have it refuse what it must",
	"buddy test", "test");

static void command_buddy(const struct kernel *kernel, const struct arguments *arguments)
{
	if (asks_for_test(arguments) && argument_count(arguments, 1, 1))
		alloc_test_buddy(kernel);
	else if (arguments->count == 0)
		alloc_show_buddy(kernel);
}

COMMAND(90, vmalloc, "[test [AREAS]]",
	"what is mapped in the vmalloc region; or map, use and unmap some", "vmalloc test", "test");

static void command_vmalloc(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 count;

	if (arguments->count == 0)
		alloc_show_vmalloc(kernel);
	else if (!asks_for_test(arguments) || !argument_count(arguments, 1, 2))
		return;
	else if (arguments->count == 1)
		alloc_test_vmalloc(kernel);
	else if (argument_number(arguments, 1, &count))
		alloc_test_areas(kernel, count);
}

COMMAND(100, change, "test [STEPS [SEED]]",
	"live mappings: protect, split, merge, unmap; random steps; another root",
	"change test 100000 0x1234", "test");

static void command_change(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 steps = CHANGE_STEPS, seed = counter_read();

	if (!argument_count(arguments, 1, 3) || !asks_for_test(arguments) ||
	    (arguments->count > 1 && !argument_number(arguments, 1, &steps)) ||
	    (arguments->count > 2 && !argument_number(arguments, 2, &seed)))
		return;
	change_test(kernel);
	change_test_random(kernel, steps, seed);
}
