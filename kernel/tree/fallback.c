// SPDX-License-Identifier: MIT
/*
 * What there is to print on without a UART.
 * Runs in the kernel, right after the flip, on machines where no UART has answered; and on the
 * host.
 */
#include <pagoda/kernel/tree/fallback.h>
#include <pagoda/kernel/tree/scan.h>
#include <pagoda/lib/string.h>
#include <pagoda/lib/virtio_console.h>

enum {
	PROPERTY_WIDTH = PROPERTY_COMMON_COUNT,
	PROPERTY_HEIGHT,
	PROPERTY_STRIDE,
	PROPERTY_FORMAT,
	PROPERTIES,
};

static const char property_names[PROPERTIES][FDT_NAME_SIZE] = {
	PROPERTY_COMMON_NAMES,	      [PROPERTY_WIDTH] = "width",   [PROPERTY_HEIGHT] = "height",
	[PROPERTY_STRIDE] = "stride", [PROPERTY_FORMAT] = "format",
};

/* What stdout-path says, and what an alias at its beginning stands for. */
struct wanted {
	const char *path, *alias; /* null where it says nothing */
};

static bool read_screen(const struct fdt_node *node, struct fallback *screen)
{
	struct fdt_value format = fdt_value(node, PROPERTY_FORMAT);
	u64 size;

	screen->mode.width = fdt_cell(node, PROPERTY_WIDTH, 0);
	screen->mode.height = fdt_cell(node, PROPERTY_HEIGHT, 0);
	screen->mode.stride = fdt_cell(node, PROPERTY_STRIDE, 0);
	if (!fdt_is_string(format.data, format.size) ||
	    !screen_format_find((const char *)format.data, &screen->mode.format))
		return false;
	size = screen_mode_size(&screen->mode);
	return size != 0 && size <= screen->size && is_aligned(screen->address.value, sizeof(u32));
}

static bool read_fallback(const struct fdt_node *node, struct fallback *fallback)
{
	switch (fallback->type) {
	case FALLBACK_NONE:
		break;
	case FALLBACK_VIRTIO:
		return fallback->size >= VIRTIO_REGISTERS_SIZE &&
		       is_aligned(fallback->address.value, VIRTIO_REGISTERS_ALIGN);
	case FALLBACK_SCREEN:
		return read_screen(node, fallback);
	}
	return false;
}

static enum fallback_type type_of(const struct fdt_node *node)
{
	if (fdt_node_has_string(node, PROPERTY_COMPATIBLE, "virtio,mmio"))
		return FALLBACK_VIRTIO;
	if (fdt_node_has_string(node, PROPERTY_COMPATIBLE, "simple-framebuffer"))
		return FALLBACK_SCREEN;
	return FALLBACK_NONE;
}

static bool is_wanted(const struct fdt_walk *walk, const struct wanted *wanted)
{
	struct console console = { .depth = walk->depth };

	if (wanted->path == NULL || walk->depth > CONSOLE_DEPTH_MAX)
		return false;
	for (int i = 0; i < walk->depth; i++)
		console.path[i] = walk->node[i + 1].name;
	return console_has_path(&console, wanted->path, wanted->alias);
}

static void keep(const struct fdt_walk *walk, const struct wanted *wanted,
		 struct fallbacks *fallbacks)
{
	const struct fdt_node *node = walk->reached;
	struct fallback *fallback = &fallbacks->list[fallbacks->count];
	u64 address, size;

	if (walk->depth == 0 || !fdt_is_usable(node, PROPERTY_STATUS) ||
	    !scan_reg(node, 0, &address, &size) || !scan_translate(node, walk->node, &address) ||
	    address == 0 || address + size < address)
		return;
	*fallback =
		(struct fallback){ .type = type_of(node), .address = paddr(address), .size = size };
	if (!read_fallback(node, fallback))
		return;
	fallback->named = is_wanted(walk, wanted);
	fallbacks->count++;
}

static struct wanted read_wanted(const struct fdt *fdt)
{
	struct wanted wanted = { NULL, NULL };
	struct fdt_cursor cursor;
	struct fdt_event event;
	u32 node;

	if (fdt_seek(fdt, "chosen", &cursor, &node) != FDT_OK)
		return wanted;
	while (fdt_next_property(&cursor, &event))
		if (strcmp(event.name, "stdout-path") == 0 && fdt_is_string(event.data, event.size))
			wanted.path = wanted.alias = (const char *)event.data;
	if (wanted.path != NULL && fdt_seek(fdt, "aliases", &cursor, &node) == FDT_OK)
		wanted.alias = console_alias(fdt, node, wanted.path);
	return wanted;
}

void fallbacks_find(const struct fdt *fdt, struct fallbacks *fallbacks)
{
	struct wanted wanted = read_wanted(fdt);
	struct fdt_walk walk;

	fallbacks->count = 0;
	fdt_walk_begin(&walk, fdt, property_names, PROPERTIES);
	while (fallbacks->count < FALLBACKS_MAX && fdt_walk_next(&walk) == FDT_OK)
		if (type_of(walk.reached) != FALLBACK_NONE)
			keep(&walk, &wanted, fallbacks);
}
