/* SPDX-License-Identifier: MIT */
/*
 * The Image in memory: where it lies, and its parts. pi/image.c fills it in.
 */
#ifndef PAGODA_IMAGE_H
#define PAGODA_IMAGE_H

#include <pagoda/types.h>

enum segment {
	SEGMENT_RODATA, /* the Image header and all that is only read */
	SEGMENT_TEXT,
	SEGMENT_INIT_TEXT, /* code and data that only the early runtime needs: adjoining, and */
	SEGMENT_INIT_DATA, /* unmapped after boot */
	SEGMENT_DATA, /* .bss, the table pool and the stacks */
	SEGMENT_COUNT,
};

/* "rodata", "text" and so on. */
const char *segment_str(enum segment segment);

/* Where the image lies, and what the linker knows about it. Offsets are from its first byte. */
struct image {
	paddr_t pa;
	u64 link_va; /* of the first byte, as the relocations assume */
	u32 size; /* with .bss, pool and stacks */
	struct {
		u32 start, end;
	} segment[SEGMENT_COUNT]; /* 64 KiB aligned, in ascending order, without gaps */
	struct {
		u32 start, end;
	} entry, rela, bss, pool; /* entry: arch/arm64/entry, the first of text */
};

#endif /* PAGODA_IMAGE_H */
