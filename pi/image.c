// SPDX-License-Identifier: MIT
/*
 * Where the Image lies, and its parts, as the linker knows them.
 * Runs with the MMU off, image not relocated: linker symbols are reached relative to the PC and so
 * are physical addresses here. Not built for the host.
 */
#include <pagoda/pi/early.h>
#include <pagoda/pi/start.h>

/* First bytes and ends that linker/pagoda.lds.S defines; only their addresses mean anything. */
extern u8 _rodata_start[], _rodata_end[], _text_start[], _text_end[];
extern u8 _init_text_start[], _init_text_end[], _init_data_start[], _init_data_end[];
extern u8 _data_start[], _data_end[], _rela_start[], _rela_end[], _bss_start[], _bss_end[];
extern u8 _pool_start[], _pool_end[], _entry_start[], _entry_end[], _end[];

void image_describe(struct image *image)
{
	image->pa = paddr((uintptr_t)_text);
	image->link_va = IMAGE_LINK_VA;
	image->size = image_offset(_end);
	image->segment[SEGMENT_RODATA].start = image_offset(_rodata_start);
	image->segment[SEGMENT_RODATA].end = image_offset(_rodata_end);
	image->segment[SEGMENT_TEXT].start = image_offset(_text_start);
	image->segment[SEGMENT_TEXT].end = image_offset(_text_end);
	image->segment[SEGMENT_INIT_TEXT].start = image_offset(_init_text_start);
	image->segment[SEGMENT_INIT_TEXT].end = image_offset(_init_text_end);
	image->segment[SEGMENT_INIT_DATA].start = image_offset(_init_data_start);
	image->segment[SEGMENT_INIT_DATA].end = image_offset(_init_data_end);
	image->segment[SEGMENT_DATA].start = image_offset(_data_start);
	image->segment[SEGMENT_DATA].end = image_offset(_data_end);
	image->entry.start = image_offset(_entry_start);
	image->entry.end = image_offset(_entry_end);
	image->rela.start = image_offset(_rela_start);
	image->rela.end = image_offset(_rela_end);
	image->bss.start = image_offset(_bss_start);
	image->bss.end = image_offset(_bss_end);
	image->pool.start = image_offset(_pool_start);
	image->pool.end = image_offset(_pool_end);
}
