// SPDX-License-Identifier: MIT
/*
 * Who called whom, to be kept: of each call four bytes.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/mm/check/kasan.h>

/* No frame is larger, and no chain of frames goes on below itself or further away than that. */
#define FRAME_MAX KIB(16)

u64 kasan_caller(s32 caller)
{
	return (uintptr_t)&kasan_offset + (u64)(s64)caller;
}

/*
 * A frame record is the caller's, and a return address, whose upper bits may be a signature: what
 * is kept of it has none.
 */
void kasan_trace_take(struct kasan_trace *trace, unsigned skip)
{
	const u64 *frame = __builtin_frame_address(0);

	while (skip-- > 0)
		frame = (const u64 *)(uintptr_t)frame[0];
	for (unsigned i = 0; i < KASAN_TRACE; i++) {
		const u64 *above = frame ? (const u64 *)(uintptr_t)frame[0] : NULL;

		trace->caller[i] = 0;
		if (frame == NULL)
			continue;
		trace->caller[i] = (s32)(u32)(frame[1] - (uintptr_t)&kasan_offset);
		if (above <= frame || (uintptr_t)above - (uintptr_t)frame > FRAME_MAX ||
		    !is_aligned((uintptr_t)above, 2 * sizeof(u64)) || above[0] == 0)
			above = NULL;
		frame = above;
	}
}
