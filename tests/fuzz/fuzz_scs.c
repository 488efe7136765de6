// SPDX-License-Identifier: MIT
/*
 * The patcher of shadow call stacks over any unwind tables and any code: nothing is read or written
 * outside the two, tables stay as they are, and of the code only PACIASP and AUTIASP change, to a
 * push and a pop; and nothing where nothing is counted. Host only.
 *
 *   input   the size of the code, in instructions: one byte; the code; the rest is tables. A CIE
 *           stands before them, so that inputs need only FDEs of it; they may bring their own.
 */
#include <pagoda/pi/scs.h>

#include "../unit/support/fake_frames.h"
#include "fuzz.h"

#define CODE_START 64 /* so that offsets below it are somebody else's */
#define TABLES_MAX KIB(4)
#define CIE_SIZE 20

struct parts {
	u32 code_end, tables_end;
};

static void check_code(const u8 *now, const u8 *before, const struct parts *parts)
{
	for (u32 at = 0; at < parts->tables_end; at += sizeof(u32)) {
		u32 was, is;

		memcpy(&was, before + at, sizeof(was));
		memcpy(&is, now + at, sizeof(is));
		if (is == was)
			continue;
		FUZZ_CHECK(at >= CODE_START && at < parts->code_end, "%#x was written", at);
		FUZZ_CHECK((was == FAKE_PACIASP && is == FAKE_PUSH) ||
				   (was == FAKE_AUTIASP && is == FAKE_POP),
			   "%#x became %#x at %#x", was, is, at);
	}
}

static u32 entries_most(const struct parts *parts)
{
	return (parts->tables_end - parts->code_end) / sizeof(u32);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	u32 code_size = fuzz_byte(&input) * 4u;
	u32 room = (u32)min_u64(input.size > code_size ? input.size - code_size : 0, TABLES_MAX) &
		   ~3u;
	struct parts parts = { CODE_START + code_size, CODE_START + code_size + CIE_SIZE + room };
	u8 *image = malloc(parts.tables_end), *before = malloc(parts.tables_end);
	struct scs_image whole = { .base = image,
				   .text = { CODE_START, parts.code_end },
				   .frames = { parts.code_end, parts.tables_end } };
	struct scs_counts counts;

	memset(image, 0, CODE_START);
	fuzz_take(&input, image + CODE_START, code_size);
	frames_add_cie(image, parts.code_end);
	fuzz_take(&input, image + parts.code_end + CIE_SIZE, room);
	memcpy(before, image, parts.tables_end);
	counts = scs_patch(&whole);
	check_code(image, before, &parts);
	FUZZ_CHECK(counts.patched + counts.left <= entries_most(&parts), "%u patched, %u left",
		   counts.patched, counts.left);
	if (counts.patched == 0)
		FUZZ_CHECK(memcmp(image, before, parts.tables_end) == 0, "written, not counted");
	free(image);
	free(before);
	return 0;
}
