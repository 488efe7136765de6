// SPDX-License-Identifier: MIT
/*
 * cpio archives in the newc format.
 * Runs in the kernel, MMU on, and on the host. May not use: anything but its arguments.
 */
#include <pagoda/lib/cpio.h>
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>

/* A header: "070701" and thirteen numbers of eight hexadecimal digits, then the name. */
#define HEADER_SIZE 110
#define MAGIC_SIZE 6
#define DIGITS 8
#define FIELD_MODE 1
#define FIELD_FILESIZE 6
#define FIELD_NAMESIZE 11
#define ALIGN 4 /* of data and of the next header */

#define MODE_TYPE 0170000
#define MODE_REGULAR 0100000

const char *cpio_result_str(enum cpio_result result)
{
	switch (result) {
	case CPIO_OK:
		return "ok";
	case CPIO_END:
		return "no such file in it";
	case CPIO_NOT_CPIO:
		return "no cpio archive in the newc format";
	case CPIO_DAMAGED:
		return "the cpio archive is damaged";
	}
	return "unknown result";
}

static bool read_digit(char c, u64 *value)
{
	unsigned digit;

	if (c >= '0' && c <= '9')
		digit = (unsigned)(c - '0');
	else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		digit = (unsigned)((c | 0x20) - 'a') + 10;
	else
		return false;
	*value = *value << 4 | digit;
	return true;
}

static bool read_field(const char *header, unsigned field, u64 *value)
{
	const char *digits = header + MAGIC_SIZE + (size_t)field * DIGITS;

	*value = 0;
	for (unsigned i = 0; i < DIGITS; i++)
		if (!read_digit(digits[i], value))
			return false;
	return true;
}

/* 070702 has a checksum besides, which nobody checks. */
static bool is_header(const char *header)
{
	return memcmp(header, "07070", MAGIC_SIZE - 1) == 0 &&
	       (header[MAGIC_SIZE - 1] == '1' || header[MAGIC_SIZE - 1] == '2');
}

enum cpio_result cpio_next(struct cpio *cpio, struct cpio_file *file)
{
	enum cpio_result wrong = cpio->at == 0 ? CPIO_NOT_CPIO : CPIO_DAMAGED;
	u64 left = cpio->size - cpio->at, mode, size, name_size, data;
	const char *header = cpio->data + cpio->at;

	if (left < HEADER_SIZE || !is_header(header))
		return wrong;
	if (!read_field(header, FIELD_MODE, &mode) || !read_field(header, FIELD_FILESIZE, &size) ||
	    !read_field(header, FIELD_NAMESIZE, &name_size))
		return CPIO_DAMAGED;
	data = align_up(HEADER_SIZE + name_size, ALIGN); /* both are of 32 bits */
	if (name_size == 0 || data > left || size > left - data)
		return CPIO_DAMAGED;
	*file = (struct cpio_file){ .name = header + HEADER_SIZE,
				    .name_length = strnlen(header + HEADER_SIZE, name_size),
				    .data = header + data,
				    .size = size,
				    .regular = (mode & MODE_TYPE) == MODE_REGULAR };
	/* The last entry need not be padded. */
	cpio->at += min_u64(align_up(data + size, ALIGN), left);
	return text_equal(file->name, file->name_length, "TRAILER!!!") ? CPIO_END : CPIO_OK;
}

static void skip_root(const char **name, size_t *length)
{
	size_t skip = 0;

	if (*length >= 2 && (*name)[0] == '.' && (*name)[1] == '/')
		skip = 2;
	else if (*length >= 1 && (*name)[0] == '/')
		skip = 1;
	*name += skip;
	*length -= skip;
}

enum cpio_result cpio_find(const void *archive, u64 size, const char *name, size_t length,
			   struct cpio_file *file)
{
	struct cpio cpio = { archive, size, 0 };
	enum cpio_result result;

	skip_root(&name, &length);
	while ((result = cpio_next(&cpio, file)) == CPIO_OK) {
		skip_root(&file->name, &file->name_length);
		if (file->regular && file->name_length == length &&
		    memcmp(file->name, name, length) == 0)
			break;
	}
	return result;
}
