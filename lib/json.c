// SPDX-License-Identifier: MIT
/*
 * The JSON writer.
 * Runs in the kernel, MMU on, and on the host. May not use: anything but what it was given to
 * write with. Its output is collected in struct json, since a call for each name and bracket would
 * cost more than all the rest.
 */
#include <pagoda/lib/json.h>

static void flush(struct json *json)
{
	json->write(json->buffer, json->length);
	json->length = 0;
}

static void put_char(struct json *json, char c)
{
	if (json->length == sizeof(json->buffer))
		flush(json);
	json->buffer[json->length++] = c;
}

static void put(struct json *json, const char *text)
{
	while (*text != '\0')
		put_char(json, *text++);
}

static void put_hex(struct json *json, u64 value, unsigned digits)
{
	while (digits-- > 0)
		put_char(json, "0123456789abcdef"[value >> 4 * digits & 0xf]);
}

static void put_number(struct json *json, s64 number)
{
	u64 rest = number < 0 ? -(u64)number : (u64)number;
	char digits[20]; /* of 2^64 - 1, from the last on */
	unsigned count = 0;

	for (; count == 0 || rest != 0; rest /= 10)
		digits[count++] = (char)('0' + rest % 10);
	if (number < 0)
		put_char(json, '-');
	while (count > 0)
		put_char(json, digits[--count]);
}

/* A caller's mistake: say where, and stop in the exception handler, which shows the caller. */
static void check(struct json *json, bool right, const char *what)
{
	if (right)
		return;
	put(json, "\njson: ");
	put(json, what);
	put(json, " at depth ");
	put_number(json, json->depth);
	put(json, "\n");
	flush(json);
	__builtin_trap();
}

/* What has to be escaped, and what cannot be trusted to be UTF-8. */
static bool is_plain(u8 c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_escaped(struct json *json, u8 c)
{
	switch (c) {
	case '"':
		put(json, "\\\"");
		return;
	case '\\':
		put(json, "\\\\");
		return;
	case '\n':
		put(json, "\\n");
		return;
	case '\t':
		put(json, "\\t");
		return;
	}
	/* Bytes above ASCII come from outside in an unknown encoding; as Latin-1 none is lost. */
	put(json, "\\u");
	put_hex(json, c, 4);
}

static void put_string(struct json *json, const char *text)
{
	put_char(json, '"');
	for (; *text != '\0'; text++) {
		if (is_plain((u8)*text))
			put_char(json, *text);
		else
			put_escaped(json, (u8)*text);
	}
	put_char(json, '"');
}

/* A new line for what stands in @depth containers. */
static void put_line(struct json *json, int depth)
{
	put_char(json, '\n');
	while (depth-- > 0)
		put(json, "  ");
}

/* What comes before a value: the comma after the one before it, its place, and its key. */
static void member_begin(struct json *json, const char *key)
{
	int inside = json->depth - 1;

	check(json, inside >= 0, "a value outside the document");
	check(json, (key == NULL) == json->is_array[inside], "a key too few or too many");
	if (json->has_member[inside])
		put(json, json->compact[inside] ? ", " : ",");
	if (!json->compact[inside])
		put_line(json, json->depth);
	json->has_member[inside] = true;
	if (key == NULL)
		return;
	put_string(json, key);
	put(json, ": ");
}

static void container_open(struct json *json, bool is_array, bool compact)
{
	check(json, json->depth < JSON_DEPTH_MAX, "nested too deep");
	json->has_member[json->depth] = false;
	json->is_array[json->depth] = is_array;
	json->compact[json->depth] = compact;
	json->depth++;
	put_char(json, is_array ? '[' : '{');
}

static void container_close(struct json *json)
{
	int closed = --json->depth;

	if (json->has_member[closed] && !json->compact[closed])
		put_line(json, json->depth);
	put_char(json, json->is_array[closed] ? ']' : '}');
}

static bool is_compact(const struct json *json)
{
	return json->compact[json->depth - 1];
}

void json_begin(struct json *json, json_write *write)
{
	json->write = write;
	json->length = 0;
	json->depth = 0;
	container_open(json, false, false);
}

void json_end(struct json *json)
{
	check(json, json->depth == 1, "the document ended");
	if (!json->has_member[0]) /* its braces are alone on their lines in any case */
		put_line(json, 0);
	container_close(json);
	put(json, "\n");
	flush(json);
}

void json_object(struct json *json, const char *key)
{
	member_begin(json, key);
	container_open(json, false, is_compact(json));
}

void json_array(struct json *json, const char *key)
{
	member_begin(json, key);
	container_open(json, true, is_compact(json));
}

void json_row(struct json *json, const char *key)
{
	member_begin(json, key);
	container_open(json, false, true);
}

void json_close(struct json *json)
{
	check(json, json->depth > 1, "a container closed that is not open");
	container_close(json);
}

void json_string(struct json *json, const char *key, const char *text)
{
	member_begin(json, key);
	put_string(json, text);
}

void json_number(struct json *json, const char *key, s64 number)
{
	member_begin(json, key);
	put_number(json, number);
}

void json_bool(struct json *json, const char *key, bool value)
{
	member_begin(json, key);
	put(json, value ? "true" : "false");
}

void json_hex(struct json *json, const char *key, u64 value)
{
	member_begin(json, key);
	put(json, "\"0x");
	put_hex(json, value, 16);
	put_char(json, '"');
}
