// SPDX-License-Identifier: MIT
/*
 * ELF files of static AArch64 programs.
 * Runs in the kernel, MMU on, and on the host. May not use: anything but its arguments.
 */
#include <pagoda/lib/elf.h>
#include <pagoda/lib/string.h>

/* Offsets in the file's header, and in each of the program headers. */
#define EH_TYPE 16
#define EH_MACHINE 18
#define EH_ENTRY 24
#define EH_PHOFF 32
#define EH_PHENTSIZE 54
#define EH_PHNUM 56
#define EH_SIZE 64
#define PH_TYPE 0
#define PH_FLAGS 4
#define PH_OFFSET 8
#define PH_VADDR 16
#define PH_FILESZ 32
#define PH_MEMSZ 40
#define PH_SIZE 56

#define ET_EXEC 2
#define ET_DYN 3
#define EM_AARCH64 183
#define PT_LOAD 1
#define PT_INTERP 3
#define PT_GNU_STACK 0x6474e551
#define PT_GNU_PROPERTY 0x6474e553
#define PF_X 1
#define PF_W 2

/* Of a note, and of a property in it. */
#define NOTE_HEAD 16 /* three words and "GNU\0" */
#define NT_GNU_PROPERTY_TYPE_0 5
#define FEATURE_1_AND 0xc0000000
#define FEATURE_1_BTI 1

/* Addresses of programs end far below; so sums of two of them do not wrap. */
#define ADDRESS_END BIT(56)

const char *elf_result_str(enum elf_result result)
{
	switch (result) {
	case ELF_OK:
		return "ok";
	case ELF_NOT_ELF:
		return "no ELF file of 64 bits, little-endian";
	case ELF_OTHER_MACHINE:
		return "no program for AArch64";
	case ELF_NOT_STATIC:
		return "not static: it asks for an interpreter";
	case ELF_DAMAGED:
		return "a header or segment is not in the file";
	case ELF_NOT_SORTED:
		return "its segments overlap or do not ascend";
	case ELF_TOO_MANY:
		return "it has no segments, or too many";
	}
	return "unknown result";
}

/* Nothing in a file need be aligned. */
static u64 read_number(const u8 *at, unsigned size)
{
	u64 value = 0;

	while (size-- > 0)
		value = value << 8 | at[size];
	return value;
}

/* [@offset, @offset + @size) is in a file of @file_size bytes. */
static bool lies_in(u64 offset, u64 size, u64 file_size)
{
	return offset <= file_size && size <= file_size - offset;
}

static enum elf_result read_segment(const u8 *header, u64 file_size, struct elf *elf)
{
	u64 flags = read_number(header + PH_FLAGS, 4);
	struct elf_segment segment = {
		.offset = read_number(header + PH_OFFSET, 8),
		.file_size = read_number(header + PH_FILESZ, 8),
		.address = read_number(header + PH_VADDR, 8),
		.memory_size = read_number(header + PH_MEMSZ, 8),
		.write = flags & PF_W,
		.execute = flags & PF_X,
	};
	u64 reached = 0;

	if (segment.memory_size == 0)
		return ELF_OK;
	if (!lies_in(segment.offset, segment.file_size, file_size) ||
	    segment.file_size > segment.memory_size ||
	    !lies_in(segment.address, segment.memory_size, ADDRESS_END))
		return ELF_DAMAGED;
	if (elf->count == ELF_SEGMENTS_MAX)
		return ELF_TOO_MANY;
	if (elf->count > 0)
		reached = elf->segment[elf->count - 1].address +
			  elf->segment[elf->count - 1].memory_size;
	if (segment.address < reached)
		return ELF_NOT_SORTED;
	elf->segment[elf->count++] = segment;
	return ELF_OK;
}

/* The first property of the one note; a file whose note is otherwise is a file without BTI. */
static bool read_guarded(const u8 *file, u64 file_size, const u8 *header)
{
	u64 offset = read_number(header + PH_OFFSET, 8);
	u64 size = read_number(header + PH_FILESZ, 8);
	const u8 *note;

	if (!lies_in(offset, size, file_size) || size < NOTE_HEAD + 12)
		return false;
	note = file + offset;
	return read_number(note, 4) == 4 && read_number(note + 8, 4) == NT_GNU_PROPERTY_TYPE_0 &&
	       memcmp(note + 12, "GNU", 4) == 0 &&
	       read_number(note + NOTE_HEAD, 4) == FEATURE_1_AND &&
	       read_number(note + NOTE_HEAD + 4, 4) >= 4 &&
	       (read_number(note + NOTE_HEAD + 8, 4) & FEATURE_1_BTI);
}

static enum elf_result read_header(const u8 *file, u64 size, const u8 *header, struct elf *elf)
{
	switch (read_number(header + PH_TYPE, 4)) {
	case PT_LOAD:
		return read_segment(header, size, elf);
	case PT_INTERP:
		return ELF_NOT_STATIC;
	case PT_GNU_STACK:
		elf->stack_executable = read_number(header + PH_FLAGS, 4) & PF_X;
		break;
	case PT_GNU_PROPERTY:
		elf->guarded = read_guarded(file, size, header);
		break;
	}
	return ELF_OK;
}

/* Where the program finds its own headers, if they are loaded. */
static u64 headers_address(const struct elf *elf, u64 offset, u64 size)
{
	for (u32 i = 0; i < elf->count; i++) {
		const struct elf_segment *segment = &elf->segment[i];

		if (offset >= segment->offset &&
		    lies_in(offset - segment->offset, size, segment->file_size))
			return segment->address + (offset - segment->offset);
	}
	return 0;
}

static enum elf_result check_file(const u8 *file, u64 size)
{
	static const u8 magic[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 }; /* 64 bits, little, version */
	u64 type;

	if (size < EH_SIZE || memcmp(file, magic, sizeof(magic)) != 0)
		return ELF_NOT_ELF;
	type = read_number(file + EH_TYPE, 2);
	if (read_number(file + EH_MACHINE, 2) != EM_AARCH64 || (type != ET_EXEC && type != ET_DYN))
		return ELF_OTHER_MACHINE;
	return ELF_OK;
}

enum elf_result elf_read(const void *data, u64 size, struct elf *elf)
{
	const u8 *file = data;
	enum elf_result result = check_file(file, size);
	u64 offset;

	*elf = (struct elf){ 0 };
	if (result != ELF_OK)
		return result;
	elf->entry = read_number(file + EH_ENTRY, 8);
	elf->movable = read_number(file + EH_TYPE, 2) == ET_DYN;
	elf->header_count = (u32)read_number(file + EH_PHNUM, 2);
	offset = read_number(file + EH_PHOFF, 8);
	if (elf->entry >= ADDRESS_END || read_number(file + EH_PHENTSIZE, 2) != PH_SIZE ||
	    !lies_in(offset, (u64)elf->header_count * PH_SIZE, size))
		return ELF_DAMAGED;
	for (u32 i = 0; result == ELF_OK && i < elf->header_count; i++)
		result = read_header(file, size, file + offset + (u64)i * PH_SIZE, elf);
	if (result == ELF_OK && elf->count == 0)
		result = ELF_TOO_MANY;
	elf->headers = headers_address(elf, offset, (u64)elf->header_count * PH_SIZE);
	return result;
}
