// SPDX-License-Identifier: MIT
/*
 * Sizes as text.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/show/size.h>
#include <pagoda/lib/format.h>

struct size_text size_text(u64 bytes)
{
	struct size_text size;

	format_size(size.text, sizeof(size.text), bytes);
	return size;
}

struct size_text size_rounded(u64 bytes)
{
	const char *units = "BKMGTPE";
	struct size_text size;
	bool exact = true;

	while (bytes >= 10000 || (bytes >= 1024 && bytes % 1024 == 0)) {
		exact = exact && bytes % 1024 == 0;
		bytes = (bytes + 512) / 1024;
		units++;
	}
	format(size.text, sizeof(size.text), "%c%4lu%c", exact ? ' ' : '~', bytes, *units);
	return size;
}
