/* SPDX-License-Identifier: MIT */
/*
 * Where programs come from: an initrd, or those that the Image brings along. MMU on, after
 * alloc_init().
 */
#ifndef PAGODA_PROGRAM_H
#define PAGODA_PROGRAM_H

#include <pagoda/kernel/proc/process.h>
#include <pagoda/kernel/prompt/arguments.h>

/* An ELF file. */
struct program {
	const void *data;
	u64 size;
};

/*
 * program_find() - the file @name in the initrd, or else the built-in program of that name. False,
 * and a line that says why, where there is none.
 */
bool program_find(const struct kernel *kernel, struct words name, struct program *program);

/*
 * program_load() - a process of @program that is ready to begin, with @count words at @word as its
 * arguments, of which the first is its name; null, and a line that says why, where that cannot be.
 */
struct process *program_load(const struct kernel *kernel, const struct program *program,
			     const struct words *word, unsigned count);

/* A program that the Image brings along: rows of the table "programs". Offsets. */
struct program_row {
	s32 name, start, end;
};

/* program_next() - the row after @last, the first after null; or null. */
const struct program_row *program_next(const struct program_row *last);

#endif /* PAGODA_PROGRAM_H */
