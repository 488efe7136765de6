/* SPDX-License-Identifier: MIT */
/*
 * Sizes as text, by value: print("%s", size_text(bytes).text). Pure.
 */
#ifndef PAGODA_SIZE_H
#define PAGODA_SIZE_H

#include <pagoda/types.h>

struct size_text {
	char text[24];
};

/* size_text() - exactly, as format_size() says it: "512M", "1792K"; 0 stands for 2^64, "16E". */
struct size_text size_text(u64 bytes);

/*
 * size_rounded() - for columns: four digits at most and a unit, six characters, with '~' in front
 * where that is not exact: "   64M", "~2048T".
 */
struct size_text size_rounded(u64 bytes);

#endif /* PAGODA_SIZE_H */
