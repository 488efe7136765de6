// SPDX-License-Identifier: MIT
/*
 * The end of a boot that cannot go on: in words on the console, and in registers.
 * Runs with the MMU off, whenever after .bss was cleared; also on the host. May not use: absolute
 * addresses, pointers in static data.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/tree/tree.h>
#include <pagoda/lib/format.h>
#include <pagoda/lib/serial.h>
#include <pagoda/pi/early.h>
#include <pagoda/pi/start.h>
#include <pagoda/lib/string.h>

/* False where the device does not take it. Where there is none at all, this may not return. */
static bool say(struct serial_kind kind, paddr_t console, const struct stop *stop)
{
	volatile void *registers = (volatile void *)(uintptr_t)console.value;
	char reason[STOP_TEXT_MAX], line[STOP_TEXT_MAX + 32];

	stop_describe(stop, reason, sizeof(reason));
	format(line, sizeof(line), "pagoda: cannot boot: %s\n", reason);
	serial_enable(kind, registers);
	return serial_write(kind, registers, 1, line, strlen(line));
}

/*
 * The device tree from its first node on, as far as it can be read: it may be what the boot failed
 * for. Its structure block has been cleaned to memory, the names in it have not. Seeds go, too.
 */
static void seek_console(struct boot_handoff *handoff)
{
	struct boot_facts *facts = &handoff->facts;
	struct fdt *fdt = &facts->fdt.tree;
	u64 phys_offset = (u64)(uintptr_t)fdt->blob - facts->entry.fdt;
	u64 line = dcache_line_size(facts->id[SYSREG_CTR_EL0]);
	struct fdt_value seed;
	struct scan scan;

	dcache_clean(fdt->blob + fdt->strings_start, fdt->strings_end - fdt->strings_start, line);
	fdt_cut(fdt);
	tree_begin(&scan, fdt, facts, facts_lists(facts, phys_offset));
	while (tree_read(&scan, &seed))
		seed_wipe(&seed, line);
	tree_choose_console(&scan);
}

/*
 * The tree is looked through once, and each console tried once: touching one that is not there is
 * an exception, which comes back to this. What went wrong first is what is reported, to the end.
 */
void boot_fail(struct boot_handoff *handoff, const struct stop *stop)
{
	bool said = false;

	secret_wipe(&handoff->seed, sizeof(handoff->seed));
	if (handoff->stop.code == STOP_NONE)
		handoff->stop = *stop;
	if (!handoff->console_sought && handoff->facts.fdt.tree.struct_end != 0) {
		handoff->console_sought = true;
		seek_console(handoff);
	}
	while (!said && handoff->consoles_tried < CONSOLES_MAX) {
		struct console_choice console = handoff_console(handoff, handoff->consoles_tried++);

		if (console.address.value != 0)
			said = say(console.kind, console.address, &handoff->stop);
	}
	stop = &handoff->stop;
	cpu_halt(stop->code, stop->x1, stop->x2, stop->x3);
}
