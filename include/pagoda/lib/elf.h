/* SPDX-License-Identifier: MIT */
/*
 * What a static AArch64 program in ELF wants to have in memory. Reads, bounded by the file's size,
 * and believes nothing: what elf_read() has accepted lies in the file and wraps nowhere.
 * Pure: any world, and the host. Sources: the System V ABI, ELF for the Arm 64-bit Architecture.
 */
#ifndef PAGODA_ELF_H
#define PAGODA_ELF_H

#include <pagoda/types.h>

#define ELF_SEGMENTS_MAX 8

enum elf_result {
	ELF_OK,
	ELF_NOT_ELF, /* no ELF file of 64 bits, little-endian */
	ELF_OTHER_MACHINE, /* nor of AArch64, or no program */
	ELF_NOT_STATIC, /* it asks for an interpreter */
	ELF_DAMAGED, /* a header or a segment is not in the file, or wraps */
	ELF_NOT_SORTED, /* segments overlap, or do not ascend */
	ELF_TOO_MANY, /* segments, or none at all */
};

const char *elf_result_str(enum elf_result result);

struct elf_segment {
	u64 offset, file_size; /* in the file: less than in memory, or as much */
	u64 address, memory_size; /* the rest is zero; memory_size is not 0 */
	bool write, execute; /* it can be read in any case */
};

struct elf {
	u64 entry;
	bool movable; /* ET_DYN: addresses count from wherever it is put */
	bool stack_executable; /* PT_GNU_STACK asks for it */
	bool guarded; /* every function of it is a BTI landing pad */
	u64 headers; /* the program headers' address in memory; 0 where they are in no segment */
	u32 header_count;
	u32 count;
	struct elf_segment segment[ELF_SEGMENTS_MAX];
};

/* elf_read() - what the @size bytes at @file say. @elf means something with ELF_OK only. */
enum elf_result elf_read(const void *file, u64 size, struct elf *elf);

#endif /* PAGODA_ELF_H */
