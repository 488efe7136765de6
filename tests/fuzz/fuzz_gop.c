// SPDX-License-Identifier: MIT
/*
 * Screens as firmware may describe them, any numbers in any of them: the stub takes one whose every
 * pixel is inside the frame buffer that firmware names, or none; and what the kernel then finds in
 * its tree can be drawn on as it is. Host only.
 *
 *   input   how many handles are told, and which of them have nothing behind them; then a mode each
 */
#include <stdalign.h>

#include <pagoda/efi/efi_stub.h>
#include <pagoda/kernel/tree/fallback.h>

#include "fuzz.h"

#define SCREENS 4
#define HANDLES 16 /* that there is room for */
#define TREE_SIZE 2048

static struct screen_of_firmware {
	struct efi_graphics graphics;
	struct efi_graphics_mode mode;
	struct efi_graphics_info info;
	u8 missing; /* parts */
} screens[SCREENS];

static unsigned told;

enum missing {
	MISSING_PROTOCOL = 1,
	MISSING_INTERFACE = 2,
	MISSING_MODE = 4,
	MISSING_INFO = 8,
};

static efi_status_t locate_handle(u32 how, const struct efi_guid *protocol, void *key, u64 *size,
				  void **handles)
{
	(void)protocol;
	FUZZ_CHECK(how == EFI_BY_PROTOCOL && key == NULL && *size == HANDLES * sizeof(void *),
		   "%#lx bytes of handles", *size);
	*size = told * sizeof(void *);
	if (told == 0)
		return EFI_NOT_FOUND;
	if (told > HANDLES)
		return EFI_BUFFER_TOO_SMALL;
	for (unsigned i = 0; i < told; i++)
		handles[i] = &screens[i % SCREENS];
	return EFI_SUCCESS;
}

static efi_status_t handle_protocol(void *handle, const struct efi_guid *protocol, void **interface)
{
	struct screen_of_firmware *screen = handle;

	(void)protocol;
	if (screen->missing & MISSING_PROTOCOL)
		return EFI_NOT_FOUND;
	*interface = screen->missing & MISSING_INTERFACE ? NULL : &screen->graphics;
	return EFI_SUCCESS;
}

static void take_screen(struct fuzz_input *input, struct screen_of_firmware *screen)
{
	screen->missing = fuzz_byte(input);
	fuzz_take(input, &screen->info, sizeof(screen->info));
	fuzz_take(input, &screen->mode.frame_buffer, sizeof(u64));
	fuzz_take(input, &screen->mode.frame_buffer_size, sizeof(u64));
	screen->mode.info = screen->missing & MISSING_INFO ? NULL : &screen->info;
	screen->graphics.mode = screen->missing & MISSING_MODE ? NULL : &screen->mode;
}

/* One of firmware's, of which every row and all of it has room. */
static bool is_of_firmware(const struct fdt_screen *found, const struct screen_of_firmware *screen)
{
	unsigned bytes = strcmp(found->format, "r5g6b5") == 0 ? 2 : 4;

	return (screen->missing & 0xf) == 0 && found->address == screen->mode.frame_buffer &&
	       found->width == screen->info.width && found->height == screen->info.height &&
	       found->stride == (u64)screen->info.pixels_per_line * bytes &&
	       (unsigned __int128)found->stride * found->height == found->size &&
	       found->size <= screen->mode.frame_buffer_size;
}

static void check_screen(const struct fdt_screen *found)
{
	unsigned i = 0;

	while (i < SCREENS && !is_of_firmware(found, &screens[i]))
		i++;
	FUZZ_CHECK(i < SCREENS, "%u by %u, %u a row, %#lx bytes: nobody's", found->width,
		   found->height, found->stride, found->size);
}

/* What the kernel makes of it. */
static void check_tree(const struct fdt_screen *screen)
{
	static alignas(8) u8 blob[TREE_SIZE];
	const struct fdt_edit edit = { .screen = screen };
	struct fallbacks fallbacks;
	struct fdt_writer writer;
	struct fdt fdt;
	u32 size;

	fdt_write_begin(&writer, blob, sizeof(blob));
	fdt_write_node(&writer, "");
	fdt_write_u32(&writer, "#address-cells", 2);
	fdt_write_u32(&writer, "#size-cells", 2);
	fdt_write_screen(&writer, &edit, 2, 2);
	fdt_write_node_end(&writer);
	FUZZ_CHECK(fdt_write_finish(&writer, &size) == FDT_WRITE_OK, "no tree");
	FUZZ_CHECK(fdt_open(&fdt, blob) == FDT_OK, "no good tree");
	fdt_cut(&fdt);
	fallbacks_find(&fdt, &fallbacks);
	FUZZ_CHECK(fallbacks.count <= 1, "%u screens", fallbacks.count);
	if (fallbacks.count == 0)
		return;
	FUZZ_CHECK(screen_mode_size(&fallbacks.list[0].mode) == screen->size &&
			   fallbacks.list[0].address.value == screen->address,
		   "another screen");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct efi_boot_services boot = { .locate_handle = locate_handle,
					  .handle_protocol = handle_protocol };
	struct efi_stub stub = { .boot = &boot };

	told = fuzz_byte(&input) % (HANDLES + 2);
	for (unsigned i = 0; i < SCREENS; i++)
		take_screen(&input, &screens[i]);
	efi_read_screen(&stub);
	if (stub.screen.size == 0)
		return 0;
	check_screen(&stub.screen);
	check_tree(&stub.screen);
	return 0;
}
