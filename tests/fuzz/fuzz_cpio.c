// SPDX-License-Identifier: MIT
/*
 * The reader of cpio archives: every entry lies in the archive, and they come to an end. Host only.
 */
#include <pagoda/lib/cpio.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *archive = fuzz_exact(data, size);
	struct cpio cpio = { archive, size, 0 };
	struct cpio_file file;
	u64 before = 0;

	while (cpio_next(&cpio, &file) == CPIO_OK) {
		const char *content = file.data;

		FUZZ_CHECK(cpio.at > before && cpio.at <= size, "the next entry is at %lu of %zu",
			   cpio.at, size);
		FUZZ_CHECK(file.name >= archive && file.name + file.name_length <= content,
			   "a name that is not in its entry");
		FUZZ_CHECK(content <= archive + size &&
				   file.size <= (size_t)(archive + size - content),
			   "data that is not in the archive");
		before = cpio.at;
	}
	(void)cpio_find(archive, size, "name", 4, &file);
	free(archive);
	return 0;
}
