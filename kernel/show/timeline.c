// SPDX-License-Identifier: MIT
/*
 * The command `timeline`: what each stage of the boot took, by the virtual counter.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/show/timeline.h>

#define BAR_WIDTH 40

static void print_bar(u64 ticks, u64 total)
{
	/* Any time at all shows. */
	u64 length = total != 0 ? (ticks * BAR_WIDTH + total - 1) / total : 0;

	for (u64 i = 0; i < length; i++)
		print("#");
}

/* Without a product of 64 by 64 bits. Firmware may have left the frequency unset. */
static u64 nanoseconds_of(u64 ticks)
{
	u64 hz = counter_frequency();

	return hz != 0 ? ticks / hz * 1000000000 + ticks % hz * 1000000000 / hz : 0;
}

static void print_stage(const char *name, u64 ticks, u64 total)
{
	u64 nanoseconds = nanoseconds_of(ticks);
	u64 permille = total != 0 ? ticks * 1000 / total : 0;

	print("  %-12s %10lu %10lu.%03lu %4lu.%lu%%  ", name, ticks, nanoseconds / 1000,
	      nanoseconds % 1000, permille / 10, permille % 10);
	print_bar(ticks, total);
	print("\n");
}

/* The first stage ends none: it is when counting begins. Those not reached have no time. */
void timeline_text(const struct kernel *kernel)
{
	const u64 *timeline = kernel->handoff->timeline;
	u64 total = timeline[STAGE_PROMPT] - timeline[STAGE_ENTRY];
	u64 last = timeline[STAGE_ENTRY];

	print("  until             ticks   microseconds   share\n");
	for (unsigned i = STAGE_ENTRY + 1; i < STAGE_COUNT; i++) {
		if (timeline[i] == 0)
			continue;
		print_stage(boot_stage_str(i), timeline[i] - last, total);
		last = timeline[i];
	}
	print_stage("all", total, total);
}

COMMAND(150, timeline, "", "how long each stage of the boot took", "timeline", "");

static void command_timeline(const struct kernel *kernel, const struct arguments *arguments)
{
	if (argument_count(arguments, 0, 0))
		timeline_text(kernel);
}
