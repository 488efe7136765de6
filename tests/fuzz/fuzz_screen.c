// SPDX-License-Identifier: MIT
/*
 * Text on a frame buffer: any mode that is let through, and any bytes for text. Nothing outside the
 * frame buffer is touched, nor between its rows of pixels; every pixel is white or black, and the
 * cursor stays on the screen. Host only.
 *
 *   input   width, height, stride, bytes of a pixel; the rest is text
 */
#include <pagoda/lib/screen.h>

#include "fuzz.h"

#define SIZE_MAX_HERE MIB(4) /* larger ones take long and show nothing else */
#define TEXT_MAX 2000

static void check_pixels(const struct screen *screen, const u8 *pixels)
{
	const struct screen_mode *mode = &screen->mode;
	u32 bytes = mode->format.bytes, white = 0xffffffff >> (32 - 8 * bytes);

	for (u32 y = 0; y < mode->height; y++) {
		const u8 *row = pixels + (u64)y * mode->stride;

		for (u32 x = 0; x < mode->width; x++) {
			u32 value = 0;

			memcpy(&value, row + x * bytes, bytes);
			FUZZ_CHECK(value == white || value == mode->format.black, "%#x at %u, %u",
				   value, x, y);
		}
		for (u32 x = mode->width * bytes; x < mode->stride; x++)
			FUZZ_CHECK(row[x] == 0xa5, "between rows, at %u, %u", x, y);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct screen_mode mode = { 0 };
	struct screen screen;
	u64 bytes;
	u8 *pixels;

	fuzz_take(&input, &mode.width, sizeof(mode.width));
	fuzz_take(&input, &mode.height, sizeof(mode.height));
	fuzz_take(&input, &mode.stride, sizeof(mode.stride));
	mode.format.bytes = fuzz_byte(&input);
	bytes = screen_mode_size(&mode);
	FUZZ_CHECK(bytes <= (u64)SCREEN_PIXELS_MAX * SCREEN_PIXELS_MAX * 16, "%#lx bytes", bytes);
	if (bytes == 0 || bytes > SIZE_MAX_HERE)
		return 0;
	pixels = malloc(bytes);
	memset(pixels, 0xa5, bytes);
	screen_begin(&screen, &mode, pixels);
	screen_write(&screen, (const char *)input.data, min_u64(input.size, TEXT_MAX));
	FUZZ_CHECK(screen.row < screen.rows && screen.column <= screen.columns, "row %u, column %u",
		   screen.row, screen.column);
	check_pixels(&screen, pixels);
	free(pixels);
	return 0;
}
