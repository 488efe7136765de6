// SPDX-License-Identifier: MIT
/*
 * Text on a frame buffer.
 * Runs in the kernel, MMU on, also in exception handlers, and on the host. The frame buffer may be
 * mapped as Device memory: only aligned accesses as wide as a pixel, or as its bytes.
 */
#include <generated/font.h>
#include <pagoda/lib/screen.h>
#include <pagoda/lib/string.h>

#define CELL_WIDTH 6
#define CELL_HEIGHT 10
#define COLUMNS_WANTED 80
#define ROWS_WANTED 40
#define COLUMNS_MIN 20
#define ROWS_MIN 4
#define TAB 8
#define WHITE 0xffffffff

_Static_assert(CELL_WIDTH > FONT_WIDTH && CELL_HEIGHT > FONT_HEIGHT, "characters would touch");

enum escape {
	ESCAPE_NONE,
	ESCAPE_BEGUN, /* ESC */
	ESCAPE_SEQUENCE, /* ESC [, up to a letter */
};

static const struct {
	char name[12];
	struct screen_format format;
} formats[] = {
	{ "r5g6b5", { 2, 0 } },
	{ "r5g5b5a1", { 2, 0x0001 } },
	{ "x1r5g5b5", { 2, 0 } },
	{ "a1r5g5b5", { 2, 0x8000 } },
	{ "r8g8b8", { 3, 0 } },
	{ "x8r8g8b8", { 4, 0 } },
	{ "a8r8g8b8", { 4, 0xff000000 } },
	{ "x8b8g8r8", { 4, 0 } },
	{ "a8b8g8r8", { 4, 0xff000000 } },
	{ "r8g8b8a8", { 4, 0x000000ff } },
	{ "x2r10g10b10", { 4, 0 } },
	{ "a2r10g10b10", { 4, 0xc0000000 } },
};

bool screen_format_find(const char *name, struct screen_format *format)
{
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		if (strcmp(name, formats[i].name) != 0)
			continue;
		*format = formats[i].format;
		return true;
	}
	return false;
}

u64 screen_mode_size(const struct screen_mode *mode)
{
	u32 bytes = mode->format.bytes;

	if (bytes < 2 || bytes > 4 || mode->width > SCREEN_PIXELS_MAX ||
	    mode->height > SCREEN_PIXELS_MAX || mode->width < COLUMNS_MIN * CELL_WIDTH ||
	    mode->height < ROWS_MIN * CELL_HEIGHT)
		return 0;
	if (mode->stride < mode->width * bytes || mode->stride > 4 * SCREEN_PIXELS_MAX * bytes ||
	    (bytes != 3 && mode->stride % bytes != 0))
		return 0;
	return (u64)mode->stride * mode->height;
}

/* @count pixels of one value from (@x, @y) on. */
static void fill(const struct screen *screen, u32 x, u32 y, u32 count, u32 value)
{
	u32 bytes = screen->mode.format.bytes;
	volatile u8 *at = screen->pixels + (u64)y * screen->mode.stride + x * bytes;

	for (const volatile u8 *end = at + (u64)count * bytes; at < end; at += bytes) {
		switch (bytes) {
		case 2:
			*(volatile u16 *)at = (u16)value;
			break;
		case 4:
			*(volatile u32 *)at = value;
			break;
		default:
			at[0] = (u8)value;
			at[1] = (u8)(value >> 8);
			at[2] = (u8)(value >> 16);
		}
	}
}

static void clear_row(const struct screen *screen, u32 row)
{
	u32 height = CELL_HEIGHT * screen->scale;

	for (u32 y = row * height; y < (row + 1) * height; y++)
		fill(screen, 0, y, screen->mode.width, screen->mode.format.black);
}

static void draw_dots(const struct screen *screen, u32 x, u32 y, unsigned dots)
{
	u32 black = screen->mode.format.black;

	for (unsigned i = 0; i < CELL_WIDTH; i++, x += screen->scale)
		fill(screen, x, y, screen->scale,
		     i < FONT_WIDTH && dots & BIT(FONT_WIDTH - 1 - i) ? WHITE : black);
}

static void draw(const struct screen *screen, char c)
{
	const u8 *dots = font[(c >= ' ' && c <= '~' ? c : '?') - ' '];
	u32 x = screen->column * CELL_WIDTH * screen->scale;
	u32 y = screen->row * CELL_HEIGHT * screen->scale;

	for (u32 i = 0; i < FONT_HEIGHT * screen->scale; i++)
		draw_dots(screen, x, y + i, dots[i / screen->scale]);
}

static void new_line(struct screen *screen)
{
	screen->column = 0;
	if (++screen->row == screen->rows) {
		screen->row = 0;
		screen->wrapped = true;
		clear_row(screen, 0);
	}
	if (screen->wrapped && screen->row + 1 < screen->rows)
		clear_row(screen, screen->row + 1);
}

static void put(struct screen *screen, char c)
{
	if (screen->column >= screen->columns)
		new_line(screen);
	draw(screen, c);
	screen->column++;
}

/* Whether @c belongs to a sequence for terminals. */
static bool escapes(struct screen *screen, char c)
{
	switch ((enum escape)screen->escape) {
	case ESCAPE_NONE:
		if (c == '\033')
			screen->escape = ESCAPE_BEGUN;
		return c == '\033';
	case ESCAPE_BEGUN:
		screen->escape = c == '[' ? ESCAPE_SEQUENCE : ESCAPE_NONE;
		return true;
	case ESCAPE_SEQUENCE:
		if (c >= '@')
			screen->escape = ESCAPE_NONE;
		return true;
	}
	return false;
}

static void write_character(struct screen *screen, char c)
{
	if (escapes(screen, c))
		return;
	if (c == '\n') {
		new_line(screen);
	} else if (c == '\r') {
		screen->column = 0;
	} else if (c == '\b') {
		screen->column -= screen->column > 0;
	} else if (c == '\t') {
		do
			put(screen, ' ');
		while (screen->column % TAB != 0 && screen->column < screen->columns);
	} else {
		put(screen, c);
	}
}

void screen_write(struct screen *screen, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		write_character(screen, text[i]);
}

void screen_begin(struct screen *screen, const struct screen_mode *mode, volatile void *pixels)
{
	u64 scale = min_u64(mode->width / (COLUMNS_WANTED * CELL_WIDTH),
			    mode->height / (ROWS_WANTED * CELL_HEIGHT));

	*screen = (struct screen){ .mode = *mode, .pixels = pixels };
	screen->scale = scale != 0 ? (u32)scale : 1;
	screen->columns = mode->width / (CELL_WIDTH * screen->scale);
	screen->rows = mode->height / (CELL_HEIGHT * screen->scale);
	for (u32 y = 0; y < mode->height; y++)
		fill(screen, 0, y, mode->width, mode->format.black);
}
