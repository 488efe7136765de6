// SPDX-License-Identifier: MIT
/*
 * The reader of ELF files: what it accepts lies in the file, ascends, and wraps nowhere. Host only.
 */
#include <pagoda/lib/elf.h>

#include "fuzz.h"

static void check_segment(const struct elf *elf, u32 index, size_t size)
{
	const struct elf_segment *segment = &elf->segment[index];

	FUZZ_CHECK(segment->offset <= size && segment->file_size <= size - segment->offset,
		   "segment %u is not in the file", index);
	FUZZ_CHECK(segment->memory_size != 0 && segment->file_size <= segment->memory_size,
		   "segment %u is larger in the file", index);
	FUZZ_CHECK(segment->address + segment->memory_size > segment->address &&
			   segment->address + segment->memory_size <= BIT(56),
		   "segment %u wraps", index);
	if (index > 0)
		FUZZ_CHECK(segment->address >= segment[-1].address + segment[-1].memory_size,
			   "segment %u overlaps", index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *file = fuzz_exact(data, size);
	struct elf elf;

	if (elf_read(file, size, &elf) == ELF_OK) {
		FUZZ_CHECK(elf.count >= 1 && elf.count <= ELF_SEGMENTS_MAX, "%u segments",
			   elf.count);
		FUZZ_CHECK(elf.entry < BIT(56), "an entry beyond all addresses");
		for (u32 i = 0; i < elf.count; i++)
			check_segment(&elf, i, size);
	}
	free(file);
	return 0;
}
