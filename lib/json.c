// SPDX-License-Identifier: MIT
/*
 * The JSON writer.
 * Runs in the kernel, MMU on, after console_init(); on the host over a console_write() of the
 * test's. May not use: anything but the console and format().
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/lib/format.h>
#include <pagoda/lib/json.h>
#include <pagoda/lib/string.h>

#define NUMBER_MAX 24 /* a 64-bit number with sign or prefix, quoted, and the NUL */

static void put(const char *text)
{
	console_write(text, strlen(text));
}

/* A caller's mistake: say where, and stop in the exception handler, which shows the caller. */
static void check(bool right, const char *what, int depth)
{
	char buffer[64];

	if (right)
		return;
	format(buffer, sizeof(buffer), "\njson: %s at depth %d\n", what, depth);
	put(buffer);
	__builtin_trap();
}

/* What has to be escaped, and what cannot be trusted to be UTF-8. */
static bool is_plain(u8 c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_escaped(u8 c)
{
	char buffer[8];

	switch (c) {
	case '"':
		put("\\\"");
		return;
	case '\\':
		put("\\\\");
		return;
	case '\n':
		put("\\n");
		return;
	case '\t':
		put("\\t");
		return;
	}
	/* Bytes above ASCII come from outside in an unknown encoding; as Latin-1 none is lost. */
	format(buffer, sizeof(buffer), "\\u%04x", c);
	put(buffer);
}

static void put_string(const char *text)
{
	put("\"");
	while (*text != '\0') {
		size_t plain = 0;

		while (is_plain((u8)text[plain]))
			plain++;
		console_write(text, plain);
		text += plain;
		if (*text != '\0')
			put_escaped((u8)*text++);
	}
	put("\"");
}

/* A new line for what stands in @depth containers. */
static void put_line(int depth)
{
	put("\n");
	while (depth-- > 0)
		put("  ");
}

/* What comes before a value: the comma after the one before it, its place, and its key. */
static void member_begin(struct json *json, const char *key)
{
	int inside = json->depth - 1;

	check(inside >= 0, "a value outside the document", json->depth);
	check((key == NULL) == json->is_array[inside], "a key too few or too many", json->depth);
	if (json->has_member[inside])
		put(json->compact[inside] ? ", " : ",");
	if (!json->compact[inside])
		put_line(json->depth);
	json->has_member[inside] = true;
	if (key == NULL)
		return;
	put_string(key);
	put(": ");
}

static void container_open(struct json *json, bool is_array, bool compact)
{
	check(json->depth < JSON_DEPTH_MAX, "nested too deep", json->depth);
	json->has_member[json->depth] = false;
	json->is_array[json->depth] = is_array;
	json->compact[json->depth] = compact;
	json->depth++;
	put(is_array ? "[" : "{");
}

static void container_close(struct json *json)
{
	int closed = --json->depth;

	if (json->has_member[closed] && !json->compact[closed])
		put_line(json->depth);
	put(json->is_array[closed] ? "]" : "}");
}

static bool is_compact(const struct json *json)
{
	return json->compact[json->depth - 1];
}

void json_begin(struct json *json)
{
	json->depth = 0;
	container_open(json, false, false);
}

void json_end(struct json *json)
{
	check(json->depth == 1, "the document ended", json->depth);
	if (!json->has_member[0]) /* its braces are alone on their lines in any case */
		put_line(0);
	container_close(json);
	put("\n");
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
	check(json->depth > 1, "a container closed that is not open", json->depth);
	container_close(json);
}

void json_string(struct json *json, const char *key, const char *text)
{
	member_begin(json, key);
	put_string(text);
}

void json_number(struct json *json, const char *key, s64 number)
{
	char buffer[NUMBER_MAX];

	format(buffer, sizeof(buffer), "%ld", number);
	member_begin(json, key);
	put(buffer);
}

void json_bool(struct json *json, const char *key, bool value)
{
	member_begin(json, key);
	put(value ? "true" : "false");
}

void json_hex(struct json *json, const char *key, u64 value)
{
	char buffer[NUMBER_MAX];

	format(buffer, sizeof(buffer), "\"0x%016lx\"", value);
	member_begin(json, key);
	put(buffer);
}
