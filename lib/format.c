// SPDX-License-Identifier: MIT
/*
 * Formatted text: the conversions that Pagoda's messages use, with C's meaning.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, instructions a host compiler cannot build.
 */
#include <pagoda/lib/format.h>
#include <pagoda/lib/string.h>

/* Where the text goes: what does not fit is counted, not kept. */
struct output {
	char *at, *end;
	size_t lost;
};

/* A va_list may be an array, which no function takes by reference unless something holds it. */
struct arguments {
	va_list list;
};

struct conversion {
	bool left, zeroes, prefix; /* the flags - 0 # */
	bool has_precision;
	bool wide; /* l, ll and z: all 64 bits, here and on the host */
	unsigned width;
	unsigned precision;
	char type;
};

/* The digits of the longest number: 2^64 - 1 in decimal. */
#define DIGITS_MAX 20

struct number {
	char digits[DIGITS_MAX];
	unsigned count;
	const char *before; /* "-" or "0x", or nothing */
	unsigned before_length;
};

/* Room for @length characters more, as far as there is any: where it ends. */
static inline char *put_end(struct output *out, size_t length)
{
	size_t kept = min_u64(length, (u64)(out->end - out->at));

	out->lost += length - kept;
	return out->at + kept;
}

/* The loops are over what is local: a character that is stored might be one of struct output. */
static inline void put_text(struct output *out, const char *text, size_t length)
{
	char *to = out->at, *end = put_end(out, length);

	while (to != end)
		*to++ = *text++;
	out->at = end;
}

static inline void put_repeated(struct output *out, char c, size_t length)
{
	char *to = out->at, *end = put_end(out, length);

	while (to != end)
		*to++ = c;
	out->at = end;
}

/* Most characters are above both, and a space is one of the others. */
static inline bool ends_literal(char c)
{
	return (u8)c <= '%' && ((BIT('%') | BIT('\0')) >> c & 1) != 0;
}

/* @text up to a conversion or its end. Returns where that is. */
static const char *put_literal(struct output *out, const char *text)
{
	char *to = out->at, *end = out->end;

	for (; to != end && !ends_literal(*text); text++)
		*to++ = *text;
	for (; !ends_literal(*text); text++)
		out->lost++;
	out->at = to;
	return text;
}

/* @text with spaces on one side of it up to the width. */
static inline void put_padded(struct output *out, const struct conversion *how, const char *text,
			      size_t length)
{
	size_t padding = how->width > length ? how->width - length : 0;

	if (padding != 0 && !how->left)
		put_repeated(out, ' ', padding);
	put_text(out, text, length);
	if (padding != 0 && how->left)
		put_repeated(out, ' ', padding);
}

static void put_string(struct output *out, const struct conversion *how, const char *text)
{
	if (text == NULL)
		text = "(null)";
	put_padded(out, how, text,
		   how->has_precision ? strnlen(text, how->precision) : strlen(text));
}

static void put_number(struct output *out, const struct conversion *how,
		       const struct number *number)
{
	const char *digits = number->digits + DIGITS_MAX - number->count;
	size_t length = number->before_length + number->count;
	size_t padding = how->width > length ? how->width - length : 0;

	if (padding != 0 && !how->left && !how->zeroes)
		put_repeated(out, ' ', padding);
	put_text(out, number->before, number->before_length);
	if (padding != 0 && !how->left && how->zeroes)
		put_repeated(out, '0', padding);
	put_text(out, digits, number->count);
	if (padding != 0 && how->left) /* as in C, it wins over 0 */
		put_repeated(out, ' ', padding);
}

/* The digits are made from the last to the first, at the end of their room. */
static inline void number_make(struct number *number, u64 value, unsigned base)
{
	char *first = number->digits + DIGITS_MAX;

	do {
		*--first = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	number->count = (unsigned)(number->digits + DIGITS_MAX - first);
}

/* A width or precision at @text: digits, or * for an int argument. Returns what comes after. */
static const char *read_count(const char *text, struct arguments *arguments, int *count)
{
	*count = 0;
	if (*text == '*') {
		*count = va_arg(arguments->list, int);
		return text + 1;
	}
	for (; *text >= '0' && *text <= '9'; text++)
		*count = *count * 10 + (*text - '0');
	return text;
}

static const char *read_flags(const char *text, struct conversion *how)
{
	for (;; text++) {
		switch (*text) {
		case '-':
			how->left = true;
			break;
		case '0':
			how->zeroes = true;
			break;
		case '#':
			how->prefix = true;
			break;
		default: /* a character, not an enum */
			return text;
		}
	}
}

static const char *read_shape(const char *text, struct arguments *arguments, struct conversion *how)
{
	int count;

	text = read_count(read_flags(text, how), arguments, &count);
	how->left |= count < 0;
	how->width = count < 0 ? -(unsigned)count : (unsigned)count;
	if (*text == '.') {
		text = read_count(text + 1, arguments, &count);
		how->has_precision = true;
		how->precision = (unsigned)count; /* negative is none: no text is that long */
	}
	return text;
}

/* The conversion whose % stands before @text. Returns what comes after it. */
static const char *read_conversion(const char *text, struct arguments *arguments,
				   struct conversion *how)
{
	*how = (struct conversion){ 0 };
	if (*text < 'a') /* most are a letter and no more */
		text = read_shape(text, arguments, how);
	while (*text == 'l' || *text == 'z') {
		how->wide = true;
		text++;
	}
	how->type = *text;
	return how->type != '\0' ? text + 1 : text;
}

static u64 read_unsigned(const struct conversion *how, struct arguments *arguments)
{
	return how->wide ? va_arg(arguments->list, u64) : va_arg(arguments->list, unsigned);
}

static s64 read_signed(const struct conversion *how, struct arguments *arguments)
{
	return how->wide ? va_arg(arguments->list, s64) : va_arg(arguments->list, int);
}

static void put_signed(struct output *out, const struct conversion *how, s64 value)
{
	struct number number = { .before = "-", .before_length = value < 0 };

	number_make(&number, value < 0 ? -(u64)value : (u64)value, 10);
	put_number(out, how, &number);
}

static void put_decimal(struct output *out, const struct conversion *how, u64 value)
{
	struct number number = { .before = "" };

	number_make(&number, value, 10);
	put_number(out, how, &number);
}

/* A zero has no prefix, says C. */
static void put_hex(struct output *out, const struct conversion *how, u64 value)
{
	struct number number = { .before = "0x" };

	number.before_length = how->prefix && value != 0 ? 2 : 0;
	number_make(&number, value, 16);
	put_number(out, how, &number);
}

/* False where there is no such conversion. A precision belongs to %s only. */
static bool convert(struct output *out, const struct conversion *how, struct arguments *arguments)
{
	char c;

	switch (how->has_precision && how->type != 's' ? '\0' : how->type) {
	case 's':
		put_string(out, how, va_arg(arguments->list, const char *));
		return true;
	case 'c':
		c = (char)va_arg(arguments->list, int);
		put_padded(out, how, &c, 1);
		return true;
	case 'd':
		put_signed(out, how, read_signed(how, arguments));
		return true;
	case 'u':
		put_decimal(out, how, read_unsigned(how, arguments));
		return true;
	case 'x':
		put_hex(out, how, read_unsigned(how, arguments));
		return true;
	case '%':
		put_text(out, "%", 1);
		return true;
	default: /* a character, not an enum */
		return false;
	}
}

size_t format_list(char *buffer, size_t size, const char *text, va_list arguments)
{
	struct output out = { .at = buffer, .end = size > 0 ? buffer + size - 1 : buffer };
	struct arguments rest;

	va_copy(rest.list, arguments);
	while (*(text = put_literal(&out, text)) != '\0') {
		const char *start = text;
		struct conversion how;

		text = read_conversion(text + 1, &rest, &how);
		if (!convert(&out, &how, &rest))
			put_text(&out, start, (size_t)(text - start));
	}
	va_end(rest.list);
	if (size > 0)
		*out.at = '\0';
	return (size_t)(out.at - buffer) + out.lost;
}

size_t format(char *buffer, size_t size, const char *text, ...)
{
	va_list arguments;
	size_t length;

	va_start(arguments, text);
	length = format_list(buffer, size, text, arguments);
	va_end(arguments);
	return length;
}

size_t format_size(char *buffer, size_t size, u64 bytes)
{
	unsigned unit = 0;

	if (bytes == 0)
		return format(buffer, size, "16E");
	for (; bytes % KIB(1) == 0; bytes /= KIB(1))
		unit++;
	return format(buffer, size, "%lu%c", bytes, "BKMGTPE"[unit]);
}
