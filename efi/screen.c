// SPDX-License-Identifier: MIT
/*
 * The screen as firmware leaves it: a frame buffer that stays where it is when boot services end,
 * for a kernel that finds no UART.
 * Runs under firmware, MMU on, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/efi/efi_stub.h>
#include <pagoda/lib/string.h>

#define HANDLES_MAX 16

static const struct efi_guid graphics_guid = {
	0x9042a9de, 0x23dc, 0x4a38, { 0x96, 0xfb, 0x7a, 0xde, 0xd0, 0x80, 0x51, 0x6a }
};

/* Pixels, as the binding of simple-framebuffer calls them. */
static const struct {
	struct efi_pixel_masks masks;
	u32 bytes;
	char name[FDT_SCREEN_FORMAT_SIZE];
} formats[] = {
	{ { 0x000000ff, 0x0000ff00, 0x00ff0000, 0 }, 4, "x8b8g8r8" },
	{ { 0x00ff0000, 0x0000ff00, 0x000000ff, 0 }, 4, "x8r8g8b8" },
	{ { 0x3ff00000, 0x000ffc00, 0x000003ff, 0 }, 4, "x2r10g10b10" },
	{ { 0xf800, 0x07e0, 0x001f, 0 }, 2, "r5g6b5" },
};

static bool same_colours(const struct efi_pixel_masks *a, const struct efi_pixel_masks *b)
{
	return a->red == b->red && a->green == b->green && a->blue == b->blue;
}

/* False where pixels cannot be reached, only drawn by firmware, or are in no known format. */
static bool find_format(const struct efi_graphics_info *info, unsigned *format)
{
	switch (info->format) {
	case EFI_PIXEL_RGBX:
		*format = 0;
		return true;
	case EFI_PIXEL_BGRX:
		*format = 1;
		return true;
	case EFI_PIXEL_MASKS:
		for (*format = 0; *format < ARRAY_SIZE(formats); (*format)++)
			if (same_colours(&info->masks, &formats[*format].masks))
				return true;
	}
	return false;
}

static bool read_screen(const struct efi_graphics *graphics, struct fdt_screen *screen)
{
	const struct efi_graphics_mode *mode = graphics != NULL ? graphics->mode : NULL;
	unsigned format;
	u64 stride;

	if (mode == NULL || mode->info == NULL || mode->frame_buffer == 0 ||
	    !find_format(mode->info, &format))
		return false;
	stride = (u64)mode->info->pixels_per_line * formats[format].bytes;
	if (stride >> 32 != 0)
		return false;
	screen->address = mode->frame_buffer;
	screen->width = mode->info->width;
	screen->height = mode->info->height;
	screen->stride = (u32)stride;
	screen->size = stride * screen->height;
	memcpy(screen->format, formats[format].name, sizeof(screen->format));
	return screen->size != 0 && screen->size <= mode->frame_buffer_size;
}

/*
 * The first that has a frame buffer: one that stands for several screens, which the console's
 * handle has on some firmware, has none.
 */
void efi_read_screen(struct efi_stub *stub)
{
	void *handles[HANDLES_MAX], *found;
	u64 size = sizeof(handles);
	struct fdt_screen screen;

	if (stub->boot->locate_handle(EFI_BY_PROTOCOL, &graphics_guid, NULL, &size, handles) !=
	    EFI_SUCCESS)
		return;
	for (u64 i = 0; i < min_u64(size / sizeof(handles[0]), HANDLES_MAX); i++) {
		found = NULL;
		if (stub->boot->handle_protocol(handles[i], &graphics_guid, &found) ==
			    EFI_SUCCESS &&
		    read_screen(found, &screen)) {
			stub->screen = screen;
			return;
		}
	}
}
