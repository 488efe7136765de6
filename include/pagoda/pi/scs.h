/* SPDX-License-Identifier: MIT */
/*
 * Shadow call stacks: a return address is kept on a stack of its own, which x18 leads to, where the
 * CPU cannot sign it. MMU off, .bss clear, the image not published; also on the host.
 */
#ifndef PAGODA_SCS_H
#define PAGODA_SCS_H

#include <pagoda/pi/early.h>

/* The instructions there are, and those that take their place. */
#define SCS_PACIASP 0xd503233f
#define SCS_AUTIASP 0xd50323bf
#define SCS_PUSH 0xf800865e /* str x30, [x18], #8 */
#define SCS_POP 0xf85f8e5e /* ldr x30, [x18, #-8]! */

/* An image at @base, a multiple of 4. Offsets from there, multiples of 4, in ascending order. */
struct scs_image {
	u8 *base;
	struct {
		u32 start, end;
	} text, frames; /* what may be changed, and .eh_frame, which is behind it */
};

/*
 * scs_patch() - in every function that .eh_frame describes, turn each PACIASP into a push of the
 * return address and each AUTIASP into a pop, where its call-frame instructions say that this is
 * where it is signed and no longer signed. A function with one that is not known, or that does not
 * fit the code, stays as it was, and counts as left; so does all of what is damaged, as one. What
 * is nowhere described is not touched.
 */
struct scs_counts scs_patch(const struct scs_image *image);

#endif /* PAGODA_SCS_H */
