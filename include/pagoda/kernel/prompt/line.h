/* SPDX-License-Identifier: MIT */
/*
 * A line editor for a terminal of 80 columns or more, or for a pipe: bytes in, what to print and
 * what happened out. Knows neither the console nor commands. Pure; the kernel with the MMU on, and
 * the host.
 *
 * Typing at the end of the line is echoed and nothing else, so a pipe sees what it sent. Everything
 * else is shown with backspaces and blanks, as any terminal understands them. A line longer than
 * the screen is wide is edited through a window on it, on a new row.
 */
#ifndef PAGODA_LINE_H
#define PAGODA_LINE_H

#include <pagoda/types.h>

#define LINE_TEXT_MAX 4096 /* characters on a line */
#define LINE_HISTORY_SIZE 8192 /* bytes of lines remembered, with a NUL after each */
#define LINE_COLUMNS 80
#define LINE_OUTPUT_MAX 512 /* more than one byte of input ever makes */

enum line_event {
	LINE_NOTHING,
	LINE_ENTERED, /* the line stands in text, without a NUL */
	LINE_CANCELLED, /* Ctrl-C */
	LINE_TAB, /* complete the word before the cursor: line_insert(), line_show() */
};

/* Where in an escape sequence the input is (ECMA-48). */
enum line_escape {
	ESCAPE_NONE,
	ESCAPE_BEGUN, /* ESC */
	ESCAPE_CSI, /* ESC [, parameters */
	ESCAPE_SS3, /* ESC O */
};

struct line {
	const char *prompt;
	char text[LINE_TEXT_MAX];
	u32 length, cursor;
	u64 dropped; /* characters for which there was no room: the line must not be run */

	enum line_escape escape;
	u32 parameter; /* the first of a CSI sequence */
	bool has_modifier; /* and a second one: Ctrl, Shift or Alt was held */
	u32 sequence; /* bytes of the sequence so far */
	bool after_cr; /* the next LF belongs to the CR before it */

	u32 left; /* the window begins at this character */
	char shown[LINE_COLUMNS]; /* what stands on the screen after the prompt */
	u32 shown_length, shown_cursor;
	bool unbounded; /* echoed past the window, wherever the terminal put it */

	char history[LINE_HISTORY_SIZE]; /* oldest first */
	u32 history_used;
	u32 recalled; /* how many lines back; 0: the one being typed, which draft keeps */
	char draft[LINE_TEXT_MAX];
	u32 draft_length;

	char output[LINE_OUTPUT_MAX]; /* to be printed, and output_length set to 0 */
	u32 output_length;
};

/* line_init() - an editor without history. @prompt: text that stays, below half a screen row. */
void line_init(struct line *line, const char *prompt);

/* line_begin() - an empty line, and its prompt in the output. */
void line_begin(struct line *line);

/* line_input() - take one byte. After LINE_ENTERED or LINE_CANCELLED, line_begin() comes next. */
enum line_event line_input(struct line *line, u8 byte);

/* line_insert() - insert @length characters at the cursor, as if typed, but not shown yet. */
void line_insert(struct line *line, const char *text, u32 length);

/* line_show() - bring the screen up to date. */
void line_show(struct line *line);

/* line_show_again() - prompt and line on a row of their own, after something else was printed. */
void line_show_again(struct line *line);

/* line_remember() - make the line the latest of the history; not if it is empty or the same. */
void line_remember(struct line *line);

#endif /* PAGODA_LINE_H */
