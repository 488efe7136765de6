// SPDX-License-Identifier: MIT
/*
 * From the console that was chosen at boot to one that works.
 * Runs in the kernel, MMU on, before anything is printed: there may be nowhere to. An address from
 * the command line may be anything; the early runtime has not touched it, and here it can be tried
 * without harm.
 *
 * The registers are mapped here and not with the other tables because here it is cheap: with 64K
 * pages the two tables it takes would cost the early runtime, which must clear and invalidate them
 * uncached, as much as all the rest of the map.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/start/console_choice.h>
#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/kernel/start/memory.h>
#include <pagoda/kernel/start/tree.h>
#include <pagoda/kernel/dev/window.h>

/* Memory is one once it has been made one: it can be read, and what is written is there. */
static bool buffer_answers(struct serial_kind kind, u64 registers)
{
	u64 value;

	if (!load_catch(vaddr(registers), sizeof(u32), &value))
		return false;
	serial_enable(kind, (void *)(uintptr_t)registers);
	return load_catch(vaddr(registers), sizeof(u32), &value) && value == TEXT_BUFFER_MAGIC;
}

/* A bus that has nobody at an address answers with an error, or with ones. */
static bool answers(struct serial_kind kind, u64 registers)
{
	struct serial_register status = serial_status(kind);
	u64 value;

	if (kind.type == SERIAL_BUFFER)
		return buffer_answers(kind, registers);
	return load_catch(vaddr(registers + status.offset), status.width, &value) &&
	       value != ~(u64)0 >> (64 - 8 * status.width);
}

static void enable_now(void *context)
{
	const struct serial_kind *kind = context;

	serial_enable(*kind, SERIAL_NO_REGISTERS);
}

/* Where nobody serves semihosting the call is an undefined instruction. */
static enum console_fault semihost_try(struct serial_kind kind)
{
	struct fault fault;

	if (fault_catch(enable_now, &kind, &fault))
		return CONSOLE_SILENT;
	console_init(kind, SERIAL_NO_REGISTERS);
	return CONSOLE_WORKS;
}

/* No RAM, or for a buffer RAM that the tree has set aside, so that no other mapping is made. */
static bool may_be_mapped(const struct memory_map *map, const struct window *window, bool buffer)
{
	u64 start = window->pa.value;

	if (memory_may_map_device(map, window->pa, window->size))
		return true;
	for (u32 i = 0; buffer && i < map->count; i++) {
		const struct memory_range *range = &map->range[i];

		if (range->kind == MEMORY_NOMAP && range->start.value <= start &&
		    range->end.value - start >= window->size && range->end.value > start)
			return true;
	}
	return false;
}

/* One granule of registers, of which a UART has fewer; or a buffer. */
static enum console_fault console_try(struct kernel *kernel, const struct console_choice *console)
{
	vaddr_t slot = layout_fixmap(&kernel->handoff->plan.layout, FIXMAP_CONSOLE);
	struct window window = { .pa = console->address,
				 .size = serial_size(console->kind),
				 .attr = { PROT_READ_WRITE, MEM_DEVICE_NGNRE } };
	enum map_result result;

	if (!serial_has_registers(console->kind))
		return semihost_try(console->kind);
	/* The list is as the FDT has it: not in order yet, but complete. */
	if (!may_be_mapped(memory_list(kernel), &window, console->kind.type == SERIAL_BUFFER))
		return CONSOLE_IN_RAM;
	result = window_open(kernel, slot, &window);
	if (result != MAP_OK)
		return result == MAP_UNREACHABLE ? CONSOLE_OUT_OF_REACH : CONSOLE_NOT_MAPPED;
	if (answers(console->kind, window.va.value)) {
		console_init(console->kind, (void *)(uintptr_t)window.va.value);
		return CONSOLE_WORKS;
	}
	window_close(kernel, &window);
	return CONSOLE_SILENT;
}

void console_choose(struct kernel *kernel)
{
	const struct boot_lists *lists = boot_lists_of(kernel);

	for (unsigned i = 0; i < CONSOLES_MAX; i++) {
		struct console_choice console = handoff_console(kernel->handoff, lists, i);
		enum console_fault fault;

		if (!console_exists(&console))
			continue;
		fault = console_try(kernel, &console);
		if (fault == CONSOLE_WORKS) {
			kernel->console = console;
			return;
		}
		kernel->console_fault = fault;
		kernel->console_lost = console;
	}
}

void console_find(struct kernel *kernel, struct boot_handoff *handoff, const struct stop *stop)
{
	console_choose(kernel);
	if (stop->code == STOP_NONE)
		return;
	for (int by_header = 1; by_header >= 0 && kernel->console.source == CONSOLE_NONE;
	     by_header--)
		if (tree_rescue(kernel, handoff, by_header))
			console_choose(kernel);
}
