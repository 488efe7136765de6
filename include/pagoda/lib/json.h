/* SPDX-License-Identifier: MIT */
/*
 * A JSON writer that streams to wherever the caller wants it: it keeps track of commas, nesting and
 * indentation, so that whoever reports a fact only names it. One line a member; the outermost
 * braces stand in column 0, alone on their lines. After relocation. Source: RFC 8259.
 */
#ifndef PAGODA_JSON_H
#define PAGODA_JSON_H

#include <pagoda/types.h>

#define JSON_DEPTH_MAX 8

/* Takes @length bytes of a document, many at a time. */
typedef void json_write(const char *text, size_t length);

struct json {
	json_write *write;
	int depth; /* containers open */
	bool has_member[JSON_DEPTH_MAX];
	bool is_array[JSON_DEPTH_MAX];
	bool compact[JSON_DEPTH_MAX]; /* the container's members stand on one line */
	u32 length; /* of what is in the buffer, and not written yet */
	char buffer[256];
};

/*
 * json_begin() and json_end() - the document itself, an object. json_end() closes only the
 * outermost object: every other container must have been closed. Only then is all of it written.
 */
void json_begin(struct json *json, json_write *write);
void json_end(struct json *json);

/*
 * Containers and values. @key is the member's name in an object, a null pointer in an array.
 * Containers nest to JSON_DEPTH_MAX; deeper is a programming error, and asserted.
 * json_row() opens an object whose members, and all inside it, stand on one line.
 */
void json_object(struct json *json, const char *key);
void json_array(struct json *json, const char *key);
void json_row(struct json *json, const char *key);
void json_close(struct json *json);

void json_string(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, s64 number);
void json_bool(struct json *json, const char *key, bool value);

/*
 * A 64-bit value as a string of 16 hex digits, "0x0000000040200000": JSON numbers lose bits above
 * 2^53.
 */
void json_hex(struct json *json, const char *key, u64 value);

#endif /* PAGODA_JSON_H */
