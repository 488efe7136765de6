// SPDX-License-Identifier: MIT
/*
 * The end of a boot that cannot go on: in words on the console, and in registers.
 * Runs with the MMU off, whenever after .bss was cleared; also on the host. May not use: absolute
 * addresses, pointers in static data.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/tree/rescue.h>
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

static void seeds_wipe(const struct fdt_value *seed, const struct boot_facts *facts)
{
	seed_wipe(seed, dcache_line_size(facts->id[SYSREG_CTR_EL0]));
}

/*
 * The device tree from its first node on. Its structure block has been cleaned to memory, the names
 * in it have not. Seeds go, too.
 */
static void seek_console(struct boot_handoff *handoff, u64 phys_offset)
{
	struct boot_facts *facts = &handoff->facts;
	struct boot_lists *lists = facts_lists(facts, phys_offset);
	struct fdt *fdt = &facts->fdt.tree;
	struct fdt_value seed;
	struct scan scan;

	dcache_clean(fdt->blob + fdt->strings_start, fdt->strings_end - fdt->strings_start,
		     dcache_line_size(facts->id[SYSREG_CTR_EL0]));
	fdt_cut(fdt);
	tree_begin(&scan, fdt, facts, lists);
	while (tree_read(&scan, &seed))
		seeds_wipe(&seed, facts);
	tree_choose_console(&scan);
	tree_list_consoles(&scan, lists->console);
}

/* The command line may name a console: where it has been found, and not been looked at. */
static void read_command_line(struct boot_handoff *handoff, const char *text, u32 length)
{
	if (handoff->timeline[STAGE_FACTS] != 0 || handoff->options.has_earlycon)
		return;
	memcpy(handoff->id, handoff->facts.id, sizeof(handoff->id));
	options_parse(&handoff->options, handoff->id, text, length);
}

/*
 * How far a blob may be read that may not be one: as far as the boot protocol lets a device tree
 * reach, and not into the Image. Where its header is not believed, RAM need not go on behind it: it
 * ends at a multiple of 2 MiB.
 */
static u32 room_at(const struct boot_facts *facts, bool by_header)
{
	u64 start = facts->entry.fdt, image = facts->image.pa.value;
	u64 end = by_header ? start + FDT_SIZE_MAX : align_down(start, MIB(2)) + MIB(2);

	if (start == 0 || !is_aligned(start, FDT_ALIGN) ||
	    (start >= image && start < image + facts->image.size))
		return 0;
	if (start < image && image < end)
		end = image;
	return (u32)(end - start);
}

/* Whatever the loader has passed, if there is reason to take it for a device tree. */
static void rescue_console(struct boot_handoff *handoff, bool by_header, u64 phys_offset)
{
	struct boot_facts *facts = &handoff->facts;
	u64 line = dcache_line_size(facts->id[SYSREG_CTR_EL0]);
	const u8 *blob = (const u8 *)(uintptr_t)(facts->entry.fdt + phys_offset);
	u32 room = room_at(facts, by_header), size;
	struct tree_rescue rescue;
	struct fdt_value seed;
	struct fdt fdt;

	if (room <= FDT_HEADER_SIZE)
		return;
	dcache_clean(blob, FDT_HEADER_SIZE, line);
	size = fdt_rescue_size(blob, room);
	if (size == 0)
		return;
	if (!by_header)
		size = room;
	dcache_clean(blob, size, line);
	if (!fdt_rescue(&fdt, blob, size, by_header))
		return;
	tree_rescue_begin(&rescue, &fdt, facts);
	while (tree_rescue_read(&rescue, &seed))
		seeds_wipe(&seed, facts);
	tree_list_consoles(&rescue.scan, facts_lists(facts, phys_offset)->console);
	if (rescue.bootargs.data != NULL)
		read_command_line(
			handoff, (const char *)rescue.bootargs.data,
			(u32)strnlen((const char *)rescue.bootargs.data, rescue.bootargs.size));
}

/* The searches, in order: each may be the one that an exception ends. */
enum search {
	SEARCH_COMMAND_LINE,
	SEARCH_TREE, /* as a boot would; not where the tree itself is what is wrong */
	SEARCH_BY_HEADER,
	SEARCH_BLOCKS,
	SEARCH_COUNT,
};

static void search(struct boot_handoff *handoff, enum search how, u64 phys_offset)
{
	const struct boot_facts *facts = &handoff->facts;
	enum stop_code why = handoff->stop.code;

	switch (how) {
	case SEARCH_COMMAND_LINE:
		read_command_line(handoff, facts_command_line(facts, phys_offset),
				  facts->command_line_length);
		break;
	case SEARCH_TREE:
		if (facts->fdt.tree.struct_end != 0 && why != STOP_FDT &&
		    why != STOP_FDT_OVERLAPS_IMAGE)
			seek_console(handoff, phys_offset);
		break;
	case SEARCH_BY_HEADER:
	case SEARCH_BLOCKS:
		/* An exception that came of the FDT's header would come again. */
		if (why != STOP_EXCEPTION || facts->fdt.tree.struct_end != 0)
			rescue_console(handoff, how == SEARCH_BY_HEADER, phys_offset);
		break;
	case SEARCH_COUNT:
		break;
	}
}

/* Those that the last search has left, each once. */
static bool try_consoles(struct boot_handoff *handoff, u64 phys_offset)
{
	const struct boot_lists *lists = facts_lists(&handoff->facts, phys_offset);
	bool said = false;

	while (!said && handoff->consoles_tried < CONSOLES_MAX) {
		struct console_choice console =
			handoff_console(handoff, lists, handoff->consoles_tried++);

		if (console_exists(&console))
			said = say(console.kind, console.address, &handoff->stop);
	}
	return said;
}

/*
 * Each search is made once, and of what it finds each console is tried once: touching one that is
 * not there is an exception, which comes back to this. What went wrong first is what is reported,
 * to the end.
 */
void boot_fail(struct boot_handoff *handoff, const struct stop *stop, u64 phys_offset)
{
	struct console_choice asked;

	secret_wipe(&handoff->seed, sizeof(handoff->seed));
	if (handoff->stop.code == STOP_NONE)
		handoff->stop = *stop;
	if (handoff->searches == 0)
		handoff->consoles_tried = CONSOLES_MAX;
	while (!try_consoles(handoff, phys_offset) && handoff->searches < SEARCH_COUNT) {
		bool tried;

		asked = handoff_console_asked(handoff);
		tried = handoff->searches > SEARCH_COMMAND_LINE && console_exists(&asked);
		handoff->facts.console.address = paddr(0);
		handoff->facts.consoles = 0;
		search(handoff, (enum search)handoff->searches++, phys_offset);
		handoff->consoles_tried = tried;
	}
	stop = &handoff->stop;
	cpu_halt(stop->code, stop->x1, stop->x2, stop->x3);
}
