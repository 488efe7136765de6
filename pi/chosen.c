// SPDX-License-Identifier: MIT
/*
 * What is read of the FDT before the flip: its header, to know that it is one, and /chosen, since
 * command line and seed decide where everything goes. Nothing else in it decides anything, and
 * here every byte is read from memory: the kernel reads the rest with its caches on (kernel/tree).
 * Runs with the MMU off, .bss clear, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/handoff/chosen.h>
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>
#include <pagoda/pi/early.h>

enum property {
	PROPERTY_BOOTARGS,
	PROPERTY_KASLR_SEED,
	PROPERTY_KASLR_SOURCE,
	PROPERTY_STATUS,
	PROPERTY_COUNT,
};

static const char property_names[PROPERTY_COUNT][FDT_NAME_SIZE] = {
	[PROPERTY_BOOTARGS] = CHOSEN_BOOTARGS,
	[PROPERTY_KASLR_SEED] = CHOSEN_KASLR_SEED,
	[PROPERTY_KASLR_SOURCE] = CHOSEN_KASLR_SOURCE,
	[PROPERTY_STATUS] = "status",
};

/* /chosen while it is read. */
struct chosen {
	u64 line; /* bytes in a cache line */
	struct fdt_value value[PROPERTY_COUNT];
	enum fdt_seed found;
	u64 seed;
};

/*
 * Its lines were cleaned before it was read, so they can be invalidated without bringing the old
 * bytes back.
 */
void seed_wipe(const struct fdt_value *seed, u64 line)
{
	secret_wipe((void *)(uintptr_t)seed->data, seed->size);
	dcache_invalidate(seed->data, seed->size, line);
}

/* A seed tells where a kernel is; nothing after this may read it, used or not. */
static void take_seed(struct chosen *chosen, const struct fdt_value *value)
{
	if (value->size != sizeof(u64)) {
		chosen->found = FDT_SEED_SIZE;
	} else {
		chosen->seed = fdt_cells(value->data, 2);
		chosen->found = chosen->seed != 0 ? FDT_SEED_TAKEN : FDT_SEED_ZERO;
	}
	seed_wipe(value, chosen->line);
}

/* @name, of which @left bytes may be read, is @word. */
static bool is_name(const u8 *name, u64 left, const char *word)
{
	for (u64 i = 0; i < left && name[i] == (u8)word[i]; i++)
		if (word[i] == '\0')
			return true;
	return false;
}

/*
 * Which property @event has; PROPERTY_COUNT for one that nobody wants. Of the strings block only
 * the names of /chosen's own properties are read, and so only their lines are cleaned. A name that
 * does not end in the block is none of these; the kernel says so.
 */
static enum property property_of(const struct fdt *fdt, const struct fdt_event *event, u64 line)
{
	const u8 *name = (const u8 *)event->name;
	u64 left = fdt->strings_end - (u64)(name - fdt->blob);
	unsigned property = 0;

	left = min_u64(left, FDT_NAME_SIZE);
	dcache_clean(name, left, line);
	while (property < PROPERTY_COUNT && !is_name(name, left, property_names[property]))
		property++;
	return property;
}

/* Of properties with one name the last one counts, as everywhere. */
static enum fdt_status read_properties(struct chosen *chosen, struct fdt_cursor *cursor)
{
	enum fdt_status status;
	struct fdt_event event;

	while ((status = fdt_next(cursor, &event)) == FDT_OK && event.token == FDT_PROP) {
		struct fdt_value value = { event.data, event.size };
		enum property property = property_of(cursor->fdt, &event, chosen->line);

		if (property == PROPERTY_KASLR_SEED)
			take_seed(chosen, &value);
		if (property != PROPERTY_COUNT)
			chosen->value[property] = value;
	}
	return status;
}

static void take_bootargs(struct boot_facts *facts, struct fdt_value value, u64 phys_offset)
{
	const char *text = (const char *)value.data;

	facts->command_line_length = value.size != 0 ? (u32)strnlen(text, value.size) : 0;
	if (facts->command_line_length == 0)
		return;
	facts->command_line_cut = !text_copy(facts_lists(facts, phys_offset)->command_line,
					     COMMAND_LINE_MAX, text, facts->command_line_length);
	if (facts->command_line_cut)
		facts->command_line_length = COMMAND_LINE_MAX - 1;
}

static enum fdt_status read_chosen(struct boot_facts *facts, struct fdt_cursor *cursor, u64 *seed,
				   u64 phys_offset)
{
	struct chosen chosen = { .line = dcache_line_size(facts->id[SYSREG_CTR_EL0]) };
	enum fdt_status status = read_properties(&chosen, cursor);
	struct fdt_value *source = &chosen.value[PROPERTY_KASLR_SOURCE];

	if (!fdt_is_okay(chosen.value[PROPERTY_STATUS])) {
		if (chosen.found != FDT_SEED_NONE)
			facts->fdt.seed = FDT_SEED_DISABLED;
	} else {
		facts->fdt.has_chosen = true;
		facts->fdt.seed = chosen.found;
		*seed = chosen.seed;
		facts->efi.seed =
			fdt_has_string(source->data, source->size, CHOSEN_KASLR_SOURCE_EFI);
		take_bootargs(facts, chosen.value[PROPERTY_BOOTARGS], phys_offset);
	}
	secret_wipe(&chosen.seed, sizeof(chosen.seed));
	return status;
}

static struct stop stop_fdt(const struct boot_facts *facts, enum fdt_status status)
{
	return (struct stop){ STOP_FDT, status, facts->entry.fdt, facts->fdt.tree.total_size };
}

static bool overlaps_image(const struct boot_facts *facts, u64 start, u64 size)
{
	u64 image = facts->image.pa.value;

	return start < image + facts->image.size && image < start + size;
}

/*
 * The boot protocol promises a clean Image, not a clean FDT: with the MMU off only lines cleaned
 * first are read. Of the structure block nobody knows yet how much that is.
 */
static struct stop open_fdt(struct boot_facts *facts, const u8 *blob, u64 line)
{
	struct fdt *fdt = &facts->fdt.tree;
	u64 address = facts->entry.fdt;
	enum fdt_status status;

	/* A pointer into the image points at what has been cleared: say that, not "bad magic". */
	if (overlaps_image(facts, address, 1))
		return (struct stop){ STOP_FDT_OVERLAPS_IMAGE, address, 0, 0 };
	if (blob != NULL && is_aligned(address, FDT_ALIGN))
		dcache_clean(blob, FDT_HEADER_SIZE, line);
	status = fdt_size(blob, &fdt->total_size);
	if (status != FDT_OK)
		return stop_fdt(facts, status);
	if (overlaps_image(facts, address, fdt->total_size))
		return (struct stop){ STOP_FDT_OVERLAPS_IMAGE, address, fdt->total_size, 0 };
	status = fdt_locate(fdt, blob);
	if (status != FDT_OK)
		return stop_fdt(facts, status);
	dcache_clean(blob + fdt->struct_start, fdt->struct_end - fdt->struct_start, line);
	return stop_none();
}

struct stop facts_read_chosen(struct boot_facts *facts, u64 *seed, u64 phys_offset)
{
	u64 address = facts->entry.fdt;
	const u8 *blob = address != 0 ? (const u8 *)(uintptr_t)(address + phys_offset) : NULL;
	struct stop stop = open_fdt(facts, blob, dcache_line_size(facts->id[SYSREG_CTR_EL0]));
	struct fdt_cursor cursor;
	enum fdt_status status;

	if (stop.code != STOP_NONE)
		return stop;
	status = fdt_seek(&facts->fdt.tree, "chosen", &cursor, &facts->fdt.chosen);
	if (status == FDT_END)
		return stop_none();
	if (status == FDT_OK)
		status = read_chosen(facts, &cursor, seed, phys_offset);
	return status == FDT_OK ? stop_none() : stop_fdt(facts, status);
}
