/* SPDX-License-Identifier: MIT */
/*
 * Text on a frame buffer: white on black, each character a cell of 6 by 10 dots, and each dot as
 * many pixels as leave 80 columns and 40 rows. A line that does not fit goes on in the next row;
 * after the last row comes the first again, with a blank row between what is new and what is old:
 * nothing is ever read from the frame buffer, which is slow to read. Pure, and no state but the
 * caller's. Source: Linux's binding "simple-framebuffer", for the words.
 */
#ifndef PAGODA_SCREEN_H
#define PAGODA_SCREEN_H

#include <pagoda/types.h>

/* A pixel: all ones is white in every format. */
struct screen_format {
	u8 bytes; /* 2, 3 or 4 */
	u32 black; /* ones in the alpha bits */
};

/* screen_format_find() - what the binding calls @name, "x8r8g8b8" for one. False: not known. */
bool screen_format_find(const char *name, struct screen_format *format);

struct screen_mode {
	u32 width, height; /* in pixels */
	u32 stride; /* bytes from one row of pixels to the next */
	struct screen_format format;
};

/* The largest mode there is: 16384 by 16384 pixels. */
#define SCREEN_PIXELS_MAX 16384

/*
 * screen_mode_size() - bytes of a frame buffer in @mode, which begins at an address that is a
 * multiple of 4; 0 where the mode makes no sense, or has no room for text.
 */
u64 screen_mode_size(const struct screen_mode *mode);

struct screen {
	struct screen_mode mode;
	volatile u8 *pixels;
	u32 scale; /* pixels in a dot, each way */
	u32 columns, rows; /* of text */
	u32 column, row; /* of the next character; column may be columns */
	u8 escape; /* enum in screen.c: in a sequence for terminals, which is passed over */
	bool wrapped; /* what is below is old */
};

/* screen_begin() - turn the frame buffer at @pixels black. screen_mode_size() is not 0. */
void screen_begin(struct screen *screen, const struct screen_mode *mode, volatile void *pixels);

/* screen_write() - show @length characters; line feed, carriage return, tabulator, backspace. */
void screen_write(struct screen *screen, const char *text, size_t length);

#endif /* PAGODA_SCREEN_H */
