// SPDX-License-Identifier: MIT
/*
 * The JSON writer, called in any order that its header allows, with any text: the output is a JSON
 * document (RFC 8259) in ASCII, and has every string that was written, byte for byte as Latin-1.
 * The input is a list of calls. Host only.
 */
#include <pagoda/lib/json.h>

#include "fuzz.h"

#define OUTPUT_MAX (1 << 20)
#define INPUT_MAX 4096 /* each byte is 6 at most, and a container's line has at most 16 spaces */
#define STRING_MAX 256

static char output[OUTPUT_MAX];
static size_t output_length;

/* The strings written, each with its NUL; what was read back is compared with it. */
static char written[OUTPUT_MAX];
static size_t written_length;

static void collect(const char *text, size_t length)
{
	FUZZ_CHECK(length < OUTPUT_MAX - output_length, "too much output");
	memcpy(output + output_length, text, length);
	output_length += length;
	output[output_length] = '\0';
}

/* ---- Writing ---- */

/* Text up to a NUL, remembered as written. */
static const char *take_string(struct fuzz_input *input, char *text)
{
	size_t length = 0;

	while (length < STRING_MAX - 1 && (text[length] = (char)fuzz_byte(input)) != '\0')
		length++;
	text[length] = '\0';
	memcpy(written + written_length, text, length + 1);
	written_length += length + 1;
	return text;
}

static void note_hex(u64 value)
{
	written_length += (size_t)snprintf(written + written_length, 20, "0x%016lx", value) + 1;
}

static void write_value(struct json *json, struct fuzz_input *input, uint8_t choice,
			const char *key)
{
	char text[STRING_MAX];
	u64 number;

	switch (choice % 4) {
	case 0:
		json_string(json, key, take_string(input, text));
		return;
	case 1:
		fuzz_take(input, &number, sizeof(number));
		json_number(json, key, (s64)number);
		return;
	case 2:
		json_bool(json, key, choice & 4);
		return;
	}
	fuzz_take(input, &number, sizeof(number));
	json_hex(json, key, number);
	note_hex(number);
}

/* One call, of those that are allowed now. */
static void call(struct json *json, struct fuzz_input *input)
{
	uint8_t choice = fuzz_byte(input);
	char text[STRING_MAX];
	const char *key = NULL;

	if (choice % 8 == 7) {
		if (json->depth > 1)
			json_close(json);
		return;
	}
	if (choice % 8 < 3 && json->depth == JSON_DEPTH_MAX)
		return;
	if (!json->is_array[json->depth - 1])
		key = take_string(input, text);
	switch (choice % 8) {
	case 0:
		json_object(json, key);
		return;
	case 1:
		json_array(json, key);
		return;
	case 2:
		json_row(json, key);
		return;
	}
	write_value(json, input, choice / 8, key);
}

/* ---- Reading ---- */

struct reader {
	const char *at;
	const char *expected; /* where in @written */
	char closing[JSON_DEPTH_MAX]; /* what ends each open container */
	int depth;
};

static void skip_space(struct reader *reader)
{
	while (*reader->at == ' ' || *reader->at == '\n')
		reader->at++;
}

static unsigned read_escape(struct reader *reader)
{
	char digits[5] = { 0 }, *end;
	unsigned code;

	switch (*reader->at++) {
	case '"':
		return '"';
	case '\\':
		return '\\';
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'u':
		memcpy(digits, reader->at, strnlen(reader->at, 4));
		code = (unsigned)strtoul(digits, &end, 16);
		FUZZ_CHECK(end == digits + 4 && code > 0 && code < 256, "escape %s", digits);
		reader->at += 4;
		return code;
	}
	FUZZ_CHECK(false, "an escape that is none");
	return 0;
}

static void read_string(struct reader *reader)
{
	FUZZ_CHECK(*reader->at++ == '"', "a string was expected at %.20s", reader->at);
	while (*reader->at != '"') {
		unsigned c = (uint8_t)*reader->at++;

		FUZZ_CHECK(c >= ' ' && c < 0x7f, "byte %#x in a string", c);
		if (c == '\\')
			c = read_escape(reader);
		FUZZ_CHECK(c == (uint8_t)*reader->expected, "%#x instead of %#x", c,
			   (uint8_t)*reader->expected);
		reader->expected++;
	}
	FUZZ_CHECK(*reader->expected++ == '\0', "a string was cut");
	reader->at++;
}

static void read_scalar(struct reader *reader)
{
	static const char *const words[] = { "true", "false" };
	char *end;

	for (int i = 0; i < 2; i++) {
		if (strncmp(reader->at, words[i], strlen(words[i])) != 0)
			continue;
		reader->at += strlen(words[i]);
		return;
	}
	if (*reader->at == '"') {
		read_string(reader);
		return;
	}
	FUZZ_CHECK(*reader->at == '-' || (*reader->at >= '0' && *reader->at <= '9'),
		   "a value was expected at %.20s", reader->at);
	strtoll(reader->at, &end, 10);
	reader->at = end;
}

/* A value's end: then come closing brackets, and a comma or the end of the document. */
static void read_ends(struct reader *reader)
{
	skip_space(reader);
	while (reader->depth > 0 && *reader->at == reader->closing[reader->depth - 1]) {
		reader->depth--;
		reader->at++;
		skip_space(reader);
	}
	if (reader->depth == 0)
		return;
	FUZZ_CHECK(*reader->at == ',', "a comma was expected at %.20s", reader->at);
	reader->at++;
	skip_space(reader);
}

/* A container's opening bracket; its end too, where it is empty. */
static void read_opening(struct reader *reader)
{
	char closing = *reader->at++ == '{' ? '}' : ']';

	FUZZ_CHECK(reader->depth < JSON_DEPTH_MAX, "too deep");
	reader->closing[reader->depth++] = closing;
	skip_space(reader);
	if (*reader->at == closing)
		read_ends(reader);
}

static void read_member(struct reader *reader)
{
	if (reader->closing[reader->depth - 1] == '}') {
		read_string(reader);
		FUZZ_CHECK(*reader->at++ == ':', "a colon was expected at %.20s", reader->at);
		skip_space(reader);
	}
	if (*reader->at == '{' || *reader->at == '[') {
		read_opening(reader);
	} else {
		read_scalar(reader);
		read_ends(reader);
	}
}

static void read_document(void)
{
	struct reader reader = { .at = output, .expected = written };

	FUZZ_CHECK(*reader.at == '{', "no document");
	read_opening(&reader);
	while (reader.depth > 0)
		read_member(&reader);
	FUZZ_CHECK(*reader.at == '\0', "more after the document: %.20s", reader.at);
	FUZZ_CHECK(reader.expected == written + written_length, "strings are missing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size < INPUT_MAX ? size : INPUT_MAX };
	struct json json;

	output_length = written_length = 0;
	json_begin(&json, collect);
	while (input.size > 0)
		call(&json, &input);
	while (json.depth > 1)
		json_close(&json);
	json_end(&json);
	read_document();
	return 0;
}
