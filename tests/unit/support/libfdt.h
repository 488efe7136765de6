/* SPDX-License-Identifier: MIT */
/*
 * libfdt beside Pagoda's own reader and writer: its names for tokens are macros, and Pagoda's the
 * same words. Include this before <pagoda/fdt.h>, and after <cmocka.h>. Host only.
 */
#ifndef SUPPORT_LIBFDT_H
#define SUPPORT_LIBFDT_H

#include <libfdt.h>
#include <stdbool.h>

enum {
	LIBFDT_BEGIN_NODE = FDT_BEGIN_NODE,
	LIBFDT_END_NODE = FDT_END_NODE,
	LIBFDT_PROP = FDT_PROP,
	LIBFDT_NOP = FDT_NOP,
	LIBFDT_END = FDT_END,
};

#undef FDT_BEGIN_NODE
#undef FDT_END_NODE
#undef FDT_PROP
#undef FDT_NOP
#undef FDT_END
#undef FDT_MAGIC

/* The value of a property of @tree, or a null pointer. */
static inline const void *tree_value(const void *tree, const char *path, const char *name,
				     int *size)
{
	int node = fdt_path_offset(tree, path);

	return node < 0 ? NULL : fdt_getprop(tree, node, name, size);
}

static inline void assert_tree_value(const void *tree, const char *path, const char *name,
				     const void *expected, int expected_size)
{
	int size;
	const void *value = tree_value(tree, path, name, &size);

	if (value == NULL)
		fail_msg("no %s in %s", name, path);
	assert_int_equal(size, expected_size);
	assert_memory_equal(value, expected, (size_t)size);
}

/* A literal as it is, with its NUL; and one with that left out. */
#define assert_text(tree, path, name, text) \
	assert_tree_value((tree)->bytes, path, name, text, sizeof(text))
#define assert_bytes(tree, path, name, text) \
	assert_tree_value((tree)->bytes, path, name, text, sizeof(text) - 1)

static inline bool tree_has(const void *tree, const char *path, const char *name)
{
	int size;

	return tree_value(tree, path, name, &size) != NULL;
}

#endif /* SUPPORT_LIBFDT_H */
