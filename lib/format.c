// SPDX-License-Identifier: MIT
/*
 * Formatted text: the conversions that Pagoda's messages use, with C's meaning.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, instructions a host compiler cannot build.
 */
#include <pagoda/lib/format.h>
#include <pagoda/lib/string.h>

/* Where the text goes: what does not fit is counted, not kept; the last byte becomes the NUL. */
struct output {
	char *buffer;
	size_t size;
	size_t length;
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
	const char *before; /* "-", "0x" or "" */
};

static void put(struct output *out, char c)
{
	if (out->length < out->size)
		out->buffer[out->length] = c;
	out->length++;
}

static void put_text(struct output *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		put(out, text[i]);
}

static void put_repeated(struct output *out, char c, size_t count)
{
	while (count-- > 0)
		put(out, c);
}

/* @text with spaces on one side of it up to the width. */
static void put_padded(struct output *out, const struct conversion *how, const char *text,
		       size_t length)
{
	size_t padding = how->width > length ? how->width - length : 0;

	put_repeated(out, ' ', how->left ? 0 : padding);
	put_text(out, text, length);
	put_repeated(out, ' ', how->left ? padding : 0);
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
	size_t before = strlen(number->before);
	size_t length = before + number->count;
	size_t padding = how->width > length ? how->width - length : 0;
	bool zeroes = how->zeroes && !how->left; /* as in C, - wins */

	put_repeated(out, ' ', how->left || zeroes ? 0 : padding);
	put_text(out, number->before, before);
	put_repeated(out, '0', zeroes ? padding : 0);
	put_text(out, number->digits + DIGITS_MAX - number->count, number->count);
	put_repeated(out, ' ', how->left ? padding : 0);
}

/* The digits are made from the last to the first, at the end of their room. */
static struct number number_make(u64 value, unsigned base, const char *before)
{
	struct number number = { .before = before };

	do {
		number.digits[DIGITS_MAX - ++number.count] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	return number;
}

static struct number number_signed(s64 value)
{
	return value < 0 ? number_make(-(u64)value, 10, "-") : number_make((u64)value, 10, "");
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

/* The conversion whose % stands before @text. Returns what comes after it. */
static const char *read_conversion(const char *text, struct arguments *arguments,
				   struct conversion *how)
{
	int count;

	*how = (struct conversion){ 0 };
	text = read_count(read_flags(text, how), arguments, &count);
	how->left |= count < 0;
	how->width = count < 0 ? -(unsigned)count : (unsigned)count;
	if (*text == '.') {
		text = read_count(text + 1, arguments, &count);
		how->has_precision = true;
		how->precision = (unsigned)count; /* negative is none: no text is that long */
	}
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

/* False where there is no such conversion. A precision belongs to %s only. */
static bool convert(struct output *out, const struct conversion *how, struct arguments *arguments)
{
	struct number number;
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
		number = number_signed(read_signed(how, arguments));
		break;
	case 'u':
		number = number_make(read_unsigned(how, arguments), 10, "");
		break;
	case 'x':
		number = number_make(read_unsigned(how, arguments), 16, "");
		/* A zero has no prefix, says C. */
		if (how->prefix && number.digits[DIGITS_MAX - number.count] != '0')
			number.before = "0x";
		break;
	case '%':
		put(out, '%');
		return true;
	default: /* a character, not an enum */
		return false;
	}
	put_number(out, how, &number);
	return true;
}

size_t format_list(char *buffer, size_t size, const char *text, va_list arguments)
{
	struct output out = { .buffer = buffer, .size = size };
	struct arguments rest;

	va_copy(rest.list, arguments);
	while (*text != '\0') {
		const char *start = text++;
		struct conversion how;

		if (*start != '%') {
			put(&out, *start);
			continue;
		}
		text = read_conversion(text, &rest, &how);
		if (!convert(&out, &how, &rest))
			put_text(&out, start, (size_t)(text - start));
	}
	va_end(rest.list);
	if (size > 0)
		buffer[out.length < size ? out.length : size - 1] = '\0';
	return out.length;
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
