// SPDX-License-Identifier: MIT
/*
 * The line editor. Each byte changes the text or the cursor; then line_show() compares what should
 * be on the screen with what is, and prints the difference.
 * Runs in the kernel, MMU on, and on the host. May not use: anything but string functions.
 */
#include <pagoda/kernel/prompt/line.h>
#include <pagoda/lib/string.h>

#define CONTROL(letter) ((letter) - '@')
#define KEY_ESCAPE 0x1b
#define KEY_DELETE 0x7f /* what most terminals send for the backspace key */

/* Longer escape sequences are garbage: what follows is text again. */
#define SEQUENCE_MAX 16
#define PARAMETER_MAX 1000

static void put(struct line *line, const char *text, size_t length)
{
	memcpy(line->output + line->output_length, text, length);
	line->output_length += (u32)length;
}

static void put_repeated(struct line *line, char c, u32 count)
{
	memset(line->output + line->output_length, c, count);
	line->output_length += count;
}

/* The last column stays free: terminals differ in what happens after it is written. */
static u32 window(const struct line *line)
{
	return LINE_COLUMNS - 1 - (u32)strlen(line->prompt);
}

/* Going right is printing again what stands there. */
static void move_to(struct line *line, u32 column)
{
	if (column < line->shown_cursor)
		put_repeated(line, '\b', line->shown_cursor - column);
	else
		put(line, line->shown + line->shown_cursor, column - line->shown_cursor);
	line->shown_cursor = column;
}

static void window_follow_cursor(struct line *line)
{
	u32 size = window(line);

	if (line->length < size)
		line->left = 0;
	else if (line->cursor < line->left || line->cursor - line->left >= size)
		line->left = line->cursor > size / 2 ? line->cursor - size / 2 : 0;
}

/* The prompt at the start of a row; nothing of the line is shown yet. */
static void begin_row(struct line *line)
{
	put(line, line->prompt, strlen(line->prompt));
	line->unbounded = false;
	line->shown_length = 0;
	line->shown_cursor = 0;
}

void line_show(struct line *line)
{
	const char *text;
	u32 length, same = 0, old;

	if (line->unbounded) {
		put(line, "\n", 1);
		begin_row(line);
	}
	window_follow_cursor(line);
	text = line->text + line->left;
	length = (u32)min_u64(line->length - line->left, window(line));
	old = line->shown_length;
	while (same < length && same < old && text[same] == line->shown[same])
		same++;
	if (same < length || same < old) {
		move_to(line, same);
		memcpy(line->shown, text, length);
		put(line, text + same, length - same);
		if (old > length) {
			put_repeated(line, ' ', old - length);
			put_repeated(line, '\b', old - length);
		}
		line->shown_length = line->shown_cursor = length;
	}
	move_to(line, line->cursor - line->left);
}

void line_show_again(struct line *line)
{
	begin_row(line);
	line_show(line);
}

void line_init(struct line *line, const char *prompt)
{
	memset(line, 0, sizeof(*line));
	line->prompt = prompt;
}

void line_begin(struct line *line)
{
	line->length = 0;
	line->cursor = 0;
	line->dropped = 0;
	line->escape = ESCAPE_NONE;
	line->recalled = 0;
	line->unbounded = false;
	line_show_again(line);
}

void line_insert(struct line *line, const char *text, u32 length)
{
	u32 room = LINE_TEXT_MAX - line->length;
	u32 kept = length < room ? length : room;

	memmove(line->text + line->cursor + kept, line->text + line->cursor,
		line->length - line->cursor);
	memcpy(line->text + line->cursor, text, kept);
	line->length += kept;
	line->cursor += kept;
	line->dropped += length - kept;
}

/* At the end of a line longer than the window, plain echo: nothing has to be shown again. */
static void type(struct line *line, char c)
{
	bool echo = line->cursor == line->length && line->left == 0 && line->dropped == 0 &&
		    (line->unbounded || line->length + 1 >= window(line));

	if (line->dropped > 0 || line->length == LINE_TEXT_MAX) {
		line->dropped++;
		return;
	}
	line_insert(line, &c, 1);
	if (!echo) {
		line_show(line);
		return;
	}
	put(line, &c, 1);
	line->unbounded = true;
}

/* Take the characters in [@start, @end) out; the cursor is where they were. */
static void erase(struct line *line, u32 start, u32 end)
{
	memmove(line->text + start, line->text + end, line->length - end);
	line->length -= end - start;
	line->cursor = start;
}

static void go_to(struct line *line, u32 cursor)
{
	if (cursor != line->cursor) {
		line->cursor = cursor;
		line_show(line);
	}
}

static void erase_and_show(struct line *line, u32 start, u32 end)
{
	erase(line, start, end);
	if (line->length == 0)
		line->dropped = 0;
	if (start != end)
		line_show(line);
}

static u32 word_left(const struct line *line)
{
	u32 at = line->cursor;

	while (at > 0 && line->text[at - 1] == ' ')
		at--;
	while (at > 0 && line->text[at - 1] != ' ')
		at--;
	return at;
}

static u32 word_right(const struct line *line)
{
	u32 at = line->cursor;

	while (at < line->length && line->text[at] == ' ')
		at++;
	while (at < line->length && line->text[at] != ' ')
		at++;
	return at;
}

static u32 left_of(const struct line *line)
{
	return line->cursor > 0 ? line->cursor - 1 : 0;
}

static u32 right_of(const struct line *line)
{
	return line->cursor < line->length ? line->cursor + 1 : line->length;
}

/* The line @back lines ago, or a null pointer where the history is shorter. */
static const char *history_line(const struct line *line, u32 back)
{
	u32 at = line->history_used;

	for (; back > 0 && at > 0; back--)
		for (at--; at > 0 && line->history[at - 1] != '\0'; at--)
			;
	return back == 0 ? line->history + at : NULL;
}

void line_remember(struct line *line)
{
	const char *last = history_line(line, 1);
	u32 needed = line->length + 1;

	if (line->length == 0)
		return;
	if (last && strlen(last) == line->length && memcmp(last, line->text, line->length) == 0)
		return;
	while (line->history_used + needed > LINE_HISTORY_SIZE) {
		u32 oldest = (u32)strlen(line->history) + 1;

		line->history_used -= oldest;
		memmove(line->history, line->history + oldest, line->history_used);
	}
	memcpy(line->history + line->history_used, line->text, line->length);
	line->history_used += needed;
	line->history[line->history_used - 1] = '\0';
}

static void recall(struct line *line, u32 back)
{
	const char *text = line->draft;
	u32 length = line->draft_length;

	if (back > 0) {
		text = history_line(line, back);
		if (!text)
			return;
		length = (u32)strlen(text);
	}
	if (line->recalled == 0) {
		memcpy(line->draft, line->text, line->length);
		line->draft_length = line->length;
	}
	memcpy(line->text, text, length);
	line->length = line->cursor = length;
	line->dropped = 0;
	line->recalled = back;
	line_show(line);
}

static void recall_newer(struct line *line)
{
	if (line->recalled > 0)
		recall(line, line->recalled - 1);
}

static void clear_screen(struct line *line)
{
	static const char home_and_erase[] = "\033[H\033[2J";

	put(line, home_and_erase, sizeof(home_and_erase) - 1);
	line_show_again(line);
}

/* The keys that end a sequence with their number and a tilde. */
static void numbered_key(struct line *line)
{
	switch (line->parameter) {
	case 1:
	case 7:
		go_to(line, 0);
		break;
	case 3:
		erase_and_show(line, line->cursor, right_of(line));
		break;
	case 4:
	case 8:
		go_to(line, line->length);
		break;
	}
}

static void cursor_key(struct line *line, char key)
{
	switch (key) {
	case 'A':
		recall(line, line->recalled + 1);
		break;
	case 'B':
		recall_newer(line);
		break;
	case 'C':
		go_to(line, line->has_modifier ? word_right(line) : right_of(line));
		break;
	case 'D':
		go_to(line, line->has_modifier ? word_left(line) : left_of(line));
		break;
	case 'F':
		go_to(line, line->length);
		break;
	case 'H':
		go_to(line, 0);
		break;
	case '~':
		numbered_key(line);
		break;
	}
}

/* Alt and a letter, as ESC and the letter. */
static void alt_key(struct line *line, char key)
{
	switch (key) {
	case 'b':
		go_to(line, word_left(line));
		break;
	case 'd':
		erase_and_show(line, line->cursor, word_right(line));
		break;
	case 'f':
		go_to(line, word_right(line));
		break;
	}
}

static void escape_begun(struct line *line, char c)
{
	line->escape = ESCAPE_NONE;
	line->parameter = 0;
	line->has_modifier = false;
	line->sequence = 0;
	if (c == '[')
		line->escape = ESCAPE_CSI;
	else if (c == 'O')
		line->escape = ESCAPE_SS3;
	else
		alt_key(line, c);
}

static void escape_csi(struct line *line, char c)
{
	if (c >= '@' || ++line->sequence > SEQUENCE_MAX) {
		line->escape = ESCAPE_NONE;
		cursor_key(line, c);
	} else if (c == ';') {
		line->has_modifier = true;
	} else if (c >= '0' && c <= '9' && !line->has_modifier && line->parameter < PARAMETER_MAX) {
		line->parameter = line->parameter * 10 + (u32)(c - '0');
	}
}

/*
 * True where @byte belonged to an escape sequence. A control character ends one: right after ESC it
 * goes with it, later it is what it is, so that garbage cannot swallow the end of a line.
 */
static bool escape_take(struct line *line, u8 byte)
{
	enum line_escape escape = line->escape;

	switch (escape) {
	case ESCAPE_NONE:
		return false;
	case ESCAPE_BEGUN:
		escape_begun(line, (char)byte);
		return byte != '\r' && byte != '\n';
	case ESCAPE_CSI:
	case ESCAPE_SS3:
		break;
	}
	if (byte < ' ' || byte > '~') {
		line->escape = ESCAPE_NONE;
		return false;
	}
	if (escape == ESCAPE_CSI) {
		escape_csi(line, (char)byte);
	} else {
		line->escape = ESCAPE_NONE;
		cursor_key(line, (char)byte);
	}
	return true;
}

/* False where @key erases nothing. */
static bool edit_erase(struct line *line, u8 key)
{
	switch (key) {
	case CONTROL('D'):
		erase_and_show(line, line->cursor, right_of(line));
		return true;
	case CONTROL('H'):
	case KEY_DELETE:
		erase_and_show(line, left_of(line), line->cursor);
		return true;
	case CONTROL('K'):
		erase_and_show(line, line->cursor, line->length);
		return true;
	case CONTROL('U'):
		erase_and_show(line, 0, line->cursor);
		return true;
	case CONTROL('W'):
		erase_and_show(line, word_left(line), line->cursor);
		return true;
	}
	return false;
}

static void edit(struct line *line, u8 key)
{
	if (edit_erase(line, key))
		return;
	switch (key) {
	case CONTROL('A'):
		go_to(line, 0);
		break;
	case CONTROL('B'):
		go_to(line, left_of(line));
		break;
	case CONTROL('E'):
		go_to(line, line->length);
		break;
	case CONTROL('F'):
		go_to(line, right_of(line));
		break;
	case CONTROL('L'):
		clear_screen(line);
		break;
	case CONTROL('N'):
		recall_newer(line);
		break;
	case CONTROL('P'):
		recall(line, line->recalled + 1);
		break;
	case KEY_ESCAPE:
		line->escape = ESCAPE_BEGUN;
		break;
	}
}

enum line_event line_input(struct line *line, u8 byte)
{
	bool after_cr = line->after_cr;

	line->after_cr = byte == '\r';
	if (escape_take(line, byte) || (byte == '\n' && after_cr))
		return LINE_NOTHING;
	switch (byte) {
	case '\r':
	case '\n':
		put(line, "\n", 1);
		return LINE_ENTERED;
	case CONTROL('C'):
		put(line, "^C\n", 3);
		return LINE_CANCELLED;
	case '\t':
		return LINE_TAB;
	}
	if (byte >= ' ' && byte <= '~')
		type(line, (char)byte);
	else
		edit(line, byte);
	return LINE_NOTHING;
}
