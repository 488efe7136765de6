// SPDX-License-Identifier: MIT
/*
 * The kernel: what happens after the flip, in order.
 * Runs with the MMU on, on the boot stack at its virtual address, interrupts masked.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/dev/efi_map.h>
#include <pagoda/kernel/proc/kpti.h>
#include <pagoda/kernel/prompt/shell.h>
#include <pagoda/kernel/show/report.h>
#include <pagoda/kernel/smp/smp.h>
#include <pagoda/kernel/start/acpi_tree.h>
#include <pagoda/kernel/start/alloc.h>
#include <pagoda/kernel/start/console_choice.h>
#include <pagoda/kernel/start/console_fallback.h>
#include <pagoda/kernel/start/memory.h>
#include <pagoda/kernel/start/spaces.h>
#include <pagoda/kernel/start/tree.h>
#include <pagoda/kernel/trap/exception.h>
#include <pagoda/lib/string.h>
#include <pagoda/kernel/start/main.h>

struct boot_handoff boot_handoff __attribute__((section(".noinit")));
struct boot_lists boot_lists __attribute__((section(".noinit")));

static void note_flip(struct boot_handoff *handoff, u64 published, u64 flipped)
{
	handoff->timeline[STAGE_PUBLISHED] = published;
	handoff->timeline[STAGE_FLIP] = flipped;
	handoff->timeline[STAGE_KERNEL_MAIN] = counter_read();
}

LANDING_PAD(kernel_main);
void kernel_main(struct boot_handoff *handoff, u64 published, u64 flipped, u64 forbidden)
{
	static struct kernel kernel;
	struct stop stop;

	note_flip(handoff, published, flipped);
	if (handoff->plan.pan)
		pan_set(true);
	cpu_init(handoff);
	kernel.handoff = handoff;
	kernel.forbidden = forbidden;
	spaces_init(&kernel, handoff);
	stop = tree_take(&kernel, handoff);
	handoff->timeline[STAGE_TREE] = counter_read();
	exception_init(&kernel);
	console_find(&kernel, handoff, &stop);
	console_fallbacks_find(&kernel);
	serror_init(&kernel);
	efi_map_read(&kernel);
	if (stop.code == STOP_NONE)
		stop = memory_init(&kernel, handoff);
	if (stop.code != STOP_NONE) {
		secret_wipe(&handoff->seed, sizeof(handoff->seed));
		cannot_boot(&stop);
	}
	acpi_take(&kernel, handoff);
	idmap_disable();
	kernel.init_result = memory_release_init(&kernel);
	kernel.pool_result = memory_close_pool(&kernel);
	alloc_init(&kernel);
	console_fallback(&kernel);
	smp_start(&kernel, handoff);
	kernel.kpti_result = kpti_start(&kernel);
	kernel.guard_result = cpu_guard_stack(&kernel.kernel_space);
	kernel.symbols = symbols_get();
	control_read(kernel.registers);
	handoff->timeline[STAGE_MEMORY] = counter_read();
	report_boot(&kernel);
	handoff->timeline[STAGE_PROMPT] = counter_read();
	shell_run(&kernel);
}
