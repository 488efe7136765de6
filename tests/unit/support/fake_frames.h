/* SPDX-License-Identifier: MIT */
/*
 * Functions and the unwind tables that tell of them, to be patched: written from the manuals, byte
 * by byte, into an image of the test's. Host only.
 */
#ifndef FAKE_FRAMES_H
#define FAKE_FRAMES_H

#include <pagoda/types.h>

/* Code: the words of a function that may matter. */
#define FAKE_PACIASP 0xd503233fu
#define FAKE_AUTIASP 0xd50323bfu
#define FAKE_PUSH 0xf800865eu /* str x30, [x18], #8 */
#define FAKE_POP 0xf85f8e5eu /* ldr x30, [x18, #-8]! */
#define FAKE_RET 0xd65f03c0u
#define FAKE_NOP 0xd503201fu

/* frames_add_cie(), frames_add_fde() - one at offset @at of @image: returns where it ends. */
u32 frames_add_cie(u8 *image, u32 at);

/* An FDE: of @size bytes of code at @start, with @count bytes of call-frame instructions. */
struct fake_fde {
	u32 cie, start, size;
	const u8 *instructions;
	u32 count;
};

u32 frames_add_fde(u8 *image, u32 at, const struct fake_fde *fde);

#endif /* FAKE_FRAMES_H */
