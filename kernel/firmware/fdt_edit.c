// SPDX-License-Identifier: MIT
/*
 * Device trees with another /memory and another /chosen: both nodes, and copies of a tree with them
 * in place of its own.
 * Runs in the EFI stub before relocation, in the kernel as long as that has its init code, and on
 * the host. May not use: absolute addresses, .bss, unaligned accesses, instructions a host compiler
 * cannot build.
 */
#include <pagoda/kernel/firmware/fdt_write.h>
#include <pagoda/lib/string.h>

#define HEADER_BOOT_CPU 28 /* byte offset of boot_cpuid_phys */

static bool is_usable(const struct memory_range *range)
{
	return range->kind == MEMORY_RAM && range->end.value > range->start.value;
}

/* One range as pairs of address and size, several where a size does not fit its one cell. */
static void put_range(struct fdt_writer *writer, const struct memory_range *range,
		      u32 address_cells, u32 size_cells)
{
	u64 start = range->start.value, end = range->end.value;
	u64 step = size_cells == 2 ? end - start : GIB(2);

	if (address_cells == 1 && end > GIB(4))
		fdt_write_fail(writer, FDT_WRITE_CELLS);
	while (start < end && writer->status == FDT_WRITE_OK) {
		u64 size = min_u64(end - start, step);

		fdt_write_number(writer, start, address_cells);
		fdt_write_number(writer, size, size_cells);
		start += size;
	}
}

void fdt_write_memory(struct fdt_writer *writer, const struct fdt_edit *edit, u32 address_cells,
		      u32 size_cells)
{
	const struct memory_range *range = edit->memory, *end = range + edit->memory_count;

	while (range < end && !is_usable(range))
		range++;
	if (range == end)
		return;
	if (address_cells - 1 > 1 || size_cells - 1 > 1)
		fdt_write_fail(writer, FDT_WRITE_CELLS);
	fdt_write_node_at(writer, "memory", range->start.value);
	fdt_write_string(writer, "device_type", "memory");
	fdt_write_list(writer, "reg");
	for (; range < end; range++)
		if (is_usable(range))
			put_range(writer, range, address_cells, size_cells);
	fdt_write_list_end(writer);
	fdt_write_node_end(writer);
}

void fdt_write_screen(struct fdt_writer *writer, const struct fdt_edit *edit, u32 address_cells,
		      u32 size_cells)
{
	const struct fdt_screen *screen = edit->screen;

	if (screen == NULL || screen->size == 0 || address_cells - 1 > 1 || size_cells - 1 > 1 ||
	    screen->address >> 32 * (address_cells - 1) >> 32 != 0 ||
	    screen->size >> 32 * (size_cells - 1) >> 32 != 0)
		return;
	fdt_write_node_at(writer, "framebuffer", screen->address);
	fdt_write_string(writer, "compatible", "simple-framebuffer");
	fdt_write_list(writer, "reg");
	fdt_write_number(writer, screen->address, address_cells);
	fdt_write_number(writer, screen->size, size_cells);
	fdt_write_list_end(writer);
	fdt_write_u32(writer, "width", screen->width);
	fdt_write_u32(writer, "height", screen->height);
	fdt_write_u32(writer, "stride", screen->stride);
	fdt_write_string(writer, "format", screen->format);
	fdt_write_node_end(writer);
}

static void write_setting(struct fdt_writer *writer, const struct fdt_setting *setting)
{
	switch (setting->kind) {
	case FDT_SETTING_STRING:
		fdt_write_string(writer, setting->name, setting->text);
		break;
	case FDT_SETTING_U32:
		fdt_write_u32(writer, setting->name, (u32)setting->number);
		break;
	case FDT_SETTING_U64:
		fdt_write_u64(writer, setting->name, setting->number);
		break;
	case FDT_SETTING_ABSENT:
		break;
	}
}

void fdt_write_settings(struct fdt_writer *writer, const struct fdt_edit *edit)
{
	for (u32 i = 0; i < edit->chosen_count; i++)
		write_setting(writer, &edit->chosen[i]);
}

bool fdt_edit_sets(const struct fdt_edit *edit, const char *name)
{
	for (u32 i = 0; i < edit->chosen_count; i++)
		if (strcmp(edit->chosen[i].name, name) == 0)
			return true;
	return false;
}

struct copy {
	const struct fdt *fdt;
	const struct fdt_edit *edit;
	struct fdt_cursor cursor;
	struct fdt_writer *writer;
	u32 address_cells, size_cells; /* of the root */
	bool chosen_seen;
	bool in_chosen;
};

/* The properties of the node that has just begun say that it is memory. */
static bool is_memory(struct fdt_cursor ahead)
{
	struct fdt_event event;

	while (fdt_next(&ahead, &event) == FDT_OK && event.token == FDT_PROP)
		if (strcmp(event.name, "device_type") == 0)
			return fdt_has_string(event.data, event.size, "memory");
	return false;
}

static enum fdt_status skip_node(struct copy *copy, int depth)
{
	struct fdt_event event;
	enum fdt_status status;

	do
		status = fdt_next(&copy->cursor, &event);
	while (status == FDT_OK && (event.token != FDT_END_NODE || event.depth != depth));
	return status;
}

static enum fdt_status copy_node(struct copy *copy, const struct fdt_event *event)
{
	bool chosen = event->depth == 1 && fdt_name_is(event->name, "chosen");

	if ((chosen && copy->chosen_seen) ||
	    (event->depth == 1 && !fdt_name_is(event->name, "reserved-memory") &&
	     is_memory(copy->cursor)))
		return skip_node(copy, event->depth);
	fdt_write_node(copy->writer, event->depth == 0 ? "" : event->name);
	if (chosen) {
		copy->chosen_seen = copy->in_chosen = true;
		fdt_write_settings(copy->writer, copy->edit);
	}
	return FDT_OK;
}

/*
 * A node that is not RAM may say that it is memory, below /reserved-memory for one. It stays, as a
 * reservation or whatever it is, and loses the word.
 */
static bool calls_it_memory(const struct fdt_event *event)
{
	return strcmp(event->name, "device_type") == 0 &&
	       fdt_has_string(event->data, event->size, "memory");
}

/* The names' block was taken over as it is, so the name is where it was. */
static void copy_property(struct copy *copy, const struct fdt_event *event)
{
	const u8 *strings_end = copy->fdt->blob + copy->fdt->strings_end;

	if (!copy->writer->properties || calls_it_memory(event) ||
	    (copy->in_chosen && event->depth == 1 && fdt_edit_sets(copy->edit, event->name)))
		return;
	if (event->depth == 0 && event->size == sizeof(u32)) {
		if (strcmp(event->name, "#address-cells") == 0)
			copy->address_cells = (u32)fdt_cells(event->data, 1);
		else if (strcmp(event->name, "#size-cells") == 0)
			copy->size_cells = (u32)fdt_cells(event->data, 1);
	}
	fdt_write_named(copy->writer, (u32)(strings_end - (const u8 *)event->name), event->data,
			event->size);
}

static void copy_node_end(struct copy *copy, const struct fdt_event *event)
{
	if (event->depth == 1)
		copy->in_chosen = false;
	if (event->depth == 0) {
		if (!copy->chosen_seen) {
			fdt_write_node(copy->writer, "chosen");
			fdt_write_settings(copy->writer, copy->edit);
			fdt_write_node_end(copy->writer);
		}
		fdt_write_memory(copy->writer, copy->edit, copy->address_cells, copy->size_cells);
		fdt_write_screen(copy->writer, copy->edit, copy->address_cells, copy->size_cells);
	}
	fdt_write_node_end(copy->writer);
}

static enum fdt_status copy_event(struct copy *copy, const struct fdt_event *event)
{
	switch (event->token) {
	case FDT_BEGIN_NODE:
		return copy_node(copy, event);
	case FDT_PROP:
		copy_property(copy, event);
		break;
	case FDT_END_NODE:
		copy_node_end(copy, event);
		break;
	case FDT_NOP:
	case FDT_END_TOKEN:
		break;
	}
	return FDT_OK;
}

static void copy_nodes(struct copy *copy)
{
	struct fdt_event event;
	enum fdt_status status = FDT_OK;

	while (status == FDT_OK && copy->writer->status == FDT_WRITE_OK) {
		status = fdt_next(&copy->cursor, &event);
		if (status == FDT_OK)
			status = copy_event(copy, &event);
	}
	if (status != FDT_OK && status != FDT_END)
		fdt_write_fail(copy->writer, FDT_WRITE_BAD_SOURCE);
}

enum fdt_write_status fdt_copy(const struct fdt *fdt, const struct fdt_edit *edit, void *buffer,
			       size_t size, u32 *written)
{
	struct fdt_writer writer;
	struct copy copy = { .fdt = fdt,
			     .edit = edit,
			     .cursor = fdt_begin(fdt),
			     .writer = &writer,
			     .address_cells = 2, /* the specification's defaults */
			     .size_cells = 1 };
	u64 start, bytes;

	fdt_write_begin(&writer, buffer, size);
	for (u32 i = 0; fdt_reserve(fdt, i, &start, &bytes); i++)
		fdt_write_reserve(&writer, start, bytes);
	writer.boot_cpu = (u32)fdt_cells(fdt->blob + HEADER_BOOT_CPU, 1);
	fdt_write_names(&writer, fdt->blob + fdt->strings_start,
			fdt->strings_end - fdt->strings_start);
	copy_nodes(&copy);
	return fdt_write_finish(&writer, written);
}
