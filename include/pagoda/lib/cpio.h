/* SPDX-License-Identifier: MIT */
/*
 * Files of a cpio archive in the "newc" format, which is what an initrd is. Bounded by the
 * archive's size; what is damaged ends it. Pure: any world, and the host.
 * Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
 */
#ifndef PAGODA_CPIO_H
#define PAGODA_CPIO_H

#include <pagoda/types.h>

enum cpio_result {
	CPIO_OK,
	CPIO_END, /* its trailer */
	CPIO_NOT_CPIO, /* it does not begin as one: compressed, perhaps */
	CPIO_DAMAGED, /* no entry where one should be, or one that ends behind the archive */
};

const char *cpio_result_str(enum cpio_result result);

struct cpio {
	const char *data;
	u64 size, at;
};

struct cpio_file {
	const char *name; /* without its NUL */
	size_t name_length;
	const void *data;
	u64 size;
	bool regular;
};

/* cpio_next() - the next entry into @file, from @cpio->at = 0 on; or why there is none. */
enum cpio_result cpio_next(struct cpio *cpio, struct cpio_file *file);

/*
 * cpio_find() - the regular file of the name of @length characters at @name, a "/" or "./" before
 * either not counted. CPIO_END where there is none.
 */
enum cpio_result cpio_find(const void *archive, u64 size, const char *name, size_t length,
			   struct cpio_file *file);

#endif /* PAGODA_CPIO_H */
