/* SPDX-License-Identifier: MIT */
/*
 * Files in tests/unit/data, found by __FILE__: a test must run where its sources were compiled.
 * Include after <cmocka.h>. Host only.
 */
#ifndef SUPPORT_DATA_H
#define SUPPORT_DATA_H

#include <stdio.h>
#include <string.h>

/* The size of the file @name, all of which is now at @bytes; it must be less than @room. */
static inline size_t data_read(const char *name, void *bytes, size_t room)
{
	char path[4096] = __FILE__; /* tests/unit/support/data.h */
	char *slash = strrchr(path, '/');
	size_t size;
	FILE *file;

	snprintf(slash + 1, sizeof(path) - (size_t)(slash + 1 - path), "../data/%s", name);
	file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	size = fread(bytes, 1, room, file);
	fclose(file);
	assert_in_range(size, 1, room - 1);
	return size;
}

#endif /* SUPPORT_DATA_H */
