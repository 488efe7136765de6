// SPDX-License-Identifier: MIT
/*
 * Programs by name.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/proc/program.h>
#include <pagoda/lib/cpio.h>
#include <pagoda/row.h>

/* The linker: pagoda/row.h. */
extern const struct program_row __start_programs[], __stop_programs[];

const struct program_row *program_next(const struct program_row *last)
{
	const struct program_row *next = last ? last + 1 : __start_programs;

	return next == __stop_programs ? NULL : next;
}

static bool find_built_in(struct words name, struct program *program)
{
	for (const struct program_row *row = program_next(NULL); row; row = program_next(row)) {
		const char *start = row_target(&row->start), *end = row_target(&row->end);

		if (!words_equal(name, row_text(&row->name)))
			continue;
		*program = (struct program){ start, (u64)(end - start) };
		return true;
	}
	return false;
}

/* All of @range can be read: it is RAM that the linear map shows. */
static bool is_mapped(const struct kernel *kernel, const struct memory_range *range)
{
	const struct space *space = &kernel->kernel_space;
	u64 granule = regime_granule(&space->regime);
	vaddr_t va = vaddr_align_down(linear_va(&kernel->linear, range->start), granule);
	vaddr_t end = vaddr_align_up(linear_va(&kernel->linear, range->end), granule);

	while (va.value != end.value) {
		struct pt_run run;

		if (!pt_contains(space, va))
			return false;
		run = pt_next_run(space, va, end);
		if (!pte_is_leaf(run.kind) || run.info.type != MEM_NORMAL)
			return false;
		va = run.end;
	}
	return true;
}

/* CPIO_END where there is no initrd. */
static enum cpio_result find_in_initrd(const struct kernel *kernel, struct words name,
				       struct program *program)
{
	const struct memory_map *memory = kernel->memory;
	enum cpio_result result = CPIO_END;

	for (u32 i = 0; i < memory->count && result != CPIO_OK; i++) {
		const struct memory_range *range = &memory->range[i];
		struct cpio_file file;

		if (range->kind != MEMORY_INITRD || !is_mapped(kernel, range))
			continue;
		result = cpio_find(linear_pointer(&kernel->linear, range->start),
				   paddr_diff(range->end, range->start), name.text, name.length,
				   &file);
		if (result == CPIO_OK)
			*program = (struct program){ file.data, file.size };
	}
	return result;
}

bool program_find(const struct kernel *kernel, struct words name, struct program *program)
{
	enum cpio_result result = find_in_initrd(kernel, name, program);

	if (result == CPIO_OK || find_built_in(name, program))
		return true;
	print("run: there is no program ");
	print_quoted(name);
	if (result == CPIO_END)
		print("\n");
	else
		print("; the initrd: %s\n", cpio_result_str(result));
	return false;
}
