// SPDX-License-Identifier: MIT
/*
 * Commands that show something, and with the word test try it: memory, buddy, vmalloc, change.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/kernel/show/alloc_show.h>
#include <pagoda/kernel/show/report.h>
#include <pagoda/lib/string.h>

#define CHANGE_STEPS 3000 /* unless a number is given */

/* The argument is test, and not missing, or it is refused: for commands that know no other. */
static bool asks_for_test(const struct arguments *arguments)
{
	return argument_is(arguments, 0, "test") ||
	       (arguments->count > 0 &&
		argument_refuse(arguments, 0, "is unknown here; there is: test"));
}

/* @names, and how much of it where @count is not null. */
static void run(const struct kernel *kernel, const char *names, u64 seed, const u64 *count)
{
	struct selftest_request request = { .names = { names, strlen(names) },
					    .seed = seed,
					    .has_count = count,
					    .count = count ? *count : 0 };

	selftest_run(kernel, &request);
}

/* All tests of what the command is about, which has its name. */
static void run_subject(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 seed;

	if (selftest_seed(arguments, 1, &seed))
		run(kernel, arguments->command, seed, NULL);
}

COMMAND(70, memory, "[test]", "physical memory: what is where; or write and read its ends",
	"memory test", "test");

static void command_memory(const struct kernel *kernel, const struct arguments *arguments)
{
	if (asks_for_test(arguments) && argument_count(arguments, 1, 1))
		run_subject(kernel, arguments);
	else if (arguments->count == 0)
		report_memory(kernel);
}

COMMAND(80, buddy, "[test]", "the page allocator's free lists; or have it refuse what it must",
	"buddy test", "test");

static void command_buddy(const struct kernel *kernel, const struct arguments *arguments)
{
	if (asks_for_test(arguments) && argument_count(arguments, 1, 1))
		run_subject(kernel, arguments);
	else if (arguments->count == 0)
		alloc_show_buddy(kernel);
}

COMMAND(90, vmalloc, "[test [AREAS]]",
	"what is mapped in the vmalloc region; or map, use and unmap some", "vmalloc test", "test");

static void command_vmalloc(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 count, seed;

	if (arguments->count == 0)
		alloc_show_vmalloc(kernel);
	else if (!asks_for_test(arguments) || !argument_count(arguments, 1, 2))
		return;
	else if (arguments->count == 1)
		run_subject(kernel, arguments);
	else if (argument_number(arguments, 1, &count) && selftest_seed(arguments, 2, &seed))
		run(kernel, "vmalloc.areas", seed, &count);
}

COMMAND(100, change, "test [STEPS [SEED]]",
	"live mappings: protect, split, merge, unmap; random steps; another root",
	"change test 100000 0x1234", "test");

static void command_change(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 steps = CHANGE_STEPS, seed;

	if (!argument_count(arguments, 1, 3) || !asks_for_test(arguments) ||
	    (arguments->count > 1 && !argument_number(arguments, 1, &steps)) ||
	    !selftest_seed(arguments, 2, &seed))
		return;
	run(kernel, "change.live change.random", seed, &steps);
}
