// SPDX-License-Identifier: MIT
#include <string.h>

#include "fake_frames.h"

static void put(u8 *image, u32 at, u32 word)
{
	memcpy(image + at, &word, sizeof(word));
}

u32 frames_add_cie(u8 *image, u32 at)
{
	static const u8 body[] = {
		1,    'z',  'R', 0, /* version, augmentation */
		4,    0x78, 30, /* units of code and of data, the return address's column */
		1,    0x1b, /* of FDEs: pc-relative, four bytes, signed */
		0x0c, 31,   0, /* DW_CFA_def_cfa: SP + 0 */
	};

	put(image, at, 4 + sizeof(body));
	put(image, at + 4, 0);
	memcpy(image + at + 8, body, sizeof(body));
	return at + 8 + (u32)sizeof(body);
}

u32 frames_add_fde(u8 *image, u32 at, const struct fake_fde *fde)
{
	u32 end = (u32)align_up(at + 17 + fde->count, 4);

	put(image, at, end - at - 4);
	put(image, at + 4, at + 4 - fde->cie);
	put(image, at + 8, fde->start - (at + 8));
	put(image, at + 12, fde->size);
	memset(image + at + 16, 0, end - at - 16);
	memcpy(image + at + 17, fde->instructions, fde->count);
	return end;
}
