// SPDX-License-Identifier: MIT
/*
 * Facts from /chosen: command line, KASLR seed, initrd, and what the EFI stub found out.
 * Runs with the MMU off, .bss clear, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/handoff/chosen.h>
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>
#include <pagoda/pi/scan.h>

/* The seed of /chosen, which goes to @scan->seed, or why it is none. */
static enum fdt_seed take_seed(struct scan *scan, const struct fdt_node *chosen)
{
	struct fdt_value value = fdt_value(chosen, PROPERTY_KASLR_SEED);

	if (!fdt_is_usable(chosen, PROPERTY_STATUS))
		return FDT_SEED_DISABLED;
	if (value.size != sizeof(u64))
		return FDT_SEED_SIZE;
	*scan->seed = fdt_cells(value.data, 2);
	return *scan->seed != 0 ? FDT_SEED_TAKEN : FDT_SEED_ZERO;
}

/*
 * A seed tells where a kernel is; nothing after this may read it, used or not. Its lines were
 * cleaned before it was read, so they can be invalidated without bringing the old bytes back.
 */
void scan_seed(struct scan *scan, const struct fdt_node *node)
{
	struct fdt_value value = fdt_value(node, PROPERTY_KASLR_SEED);
	volatile u8 *data = (volatile u8 *)(uintptr_t)value.data;
	struct boot_facts *facts = scan->facts;

	if (scan->walk.depth == 1 && fdt_name_is(node->name, "chosen") &&
	    facts->fdt.seed != FDT_SEED_TAKEN)
		facts->fdt.seed = take_seed(scan, node);
	for (u32 i = 0; i < value.size; i++)
		data[i] = 0;
	dcache_invalidate(value.data, value.size, dcache_line_size(facts->id[SYSREG_CTR_EL0]));
}

static void read_efi_property(struct efi_facts *efi, const struct fdt_event *event)
{
	u64 number = event->size <= sizeof(u64) ? fdt_cells(event->data, event->size / 4) : 0;

	if (strcmp(event->name, CHOSEN_SYSTEM_TABLE) == 0)
		efi->system_table = number;
	else if (strcmp(event->name, CHOSEN_MAP_START) == 0)
		efi->map_start = number;
	else if (strcmp(event->name, CHOSEN_MAP_SIZE) == 0)
		efi->map_size = (u32)number;
	else if (strcmp(event->name, CHOSEN_MAP_DESCRIPTOR_SIZE) == 0)
		efi->descriptor_size = (u32)number;
	else if (strcmp(event->name, CHOSEN_MAP_DESCRIPTOR_VERSION) == 0)
		efi->descriptor_version = (u32)number;
	else if (strcmp(event->name, CHOSEN_RSDP) == 0)
		efi->rsdp = number;
	else if (strcmp(event->name, CHOSEN_KASLR_SOURCE) == 0)
		efi->seed = fdt_has_string(event->data, event->size, CHOSEN_KASLR_SOURCE_EFI);
}

/*
 * A second look at /chosen, for names that other boots need not look out for: one that shares its
 * hash with a name that is common in trees costs each boot an instruction in twenty.
 */
static void read_efi(struct scan *scan, const struct fdt_node *node)
{
	struct fdt_cursor cursor = fdt_begin(&scan->facts->fdt.tree);
	struct fdt_event event;

	cursor.offset = node->offset;
	cursor.root_seen = true;
	cursor.depth = 1;
	while (fdt_next(&cursor, &event) == FDT_OK && event.token != FDT_END_NODE)
		if (event.token == FDT_PROP && event.depth == 1)
			read_efi_property(&scan->facts->efi, &event);
}

/* An address in one cell or two: loaders write either. */
static u64 chosen_address(const struct fdt_node *node, enum property property)
{
	struct fdt_value value = fdt_value(node, property);

	return value.size <= sizeof(u64) ? fdt_cells(value.data, value.size / sizeof(u32)) : 0;
}

static void read_initrd(struct scan *scan, const struct fdt_node *node)
{
	u64 start = chosen_address(node, PROPERTY_INITRD_START);
	u64 end = chosen_address(node, PROPERTY_INITRD_END);

	if (start < end)
		memory_add(scan->memory, start, end - start, MEMORY_INITRD);
}

void scan_chosen(struct scan *scan, const struct fdt_node *node)
{
	struct boot_facts *facts = scan->facts;
	struct fdt_value bootargs = fdt_value(node, PROPERTY_BOOTARGS);
	const char *text = (const char *)bootargs.data;

	facts->fdt.has_chosen = true;
	scan->stdout_path = fdt_value(node, PROPERTY_STDOUT_PATH);
	if (node->found & BIT(PROPERTY_FIRMWARE))
		read_efi(scan, node);
	if (node->found & BIT(PROPERTY_INITRD_START))
		read_initrd(scan, node);
	facts->command_line_length = bootargs.size != 0 ? strnlen(text, bootargs.size) : 0;
	if (facts->command_line_length == 0)
		return;
	facts->command_line_cut =
		!text_copy(scan->command_line, COMMAND_LINE_MAX, text, facts->command_line_length);
	if (facts->command_line_cut)
		facts->command_line_length = COMMAND_LINE_MAX - 1;
}
