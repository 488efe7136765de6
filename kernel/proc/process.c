// SPDX-License-Identifier: MIT
/*
 * A program as the kernel has it.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>

#include "parts.h"

const char *process_state_str(enum process_state state)
{
	switch (state) {
	case PROCESS_READY:
		return "ready";
	case PROCESS_RUNNING:
		return "running";
	case PROCESS_SLEEPING:
		return "sleeping";
	case PROCESS_ENDED:
		return "ended";
	}
	return "unknown state";
}

static void name_take(struct process *process, const char *name, size_t length)
{
	for (size_t i = length; i > 0; i--)
		if (name[i - 1] == '/') {
			name += i;
			length -= i;
			break;
		}
	(void)text_copy(process->name, sizeof(process->name), name, length);
}

/* Of the process made last. */
static u32 last_number;

struct process *process_create(const struct kernel *kernel, const char *name, size_t length)
{
	struct process *process;
	void *object;

	if (heap_alloc(&kernel->alloc->heap, sizeof(*process), &object) != HEAP_OK)
		return NULL;
	process = object;
	process->kernel = kernel;
	process->number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
	name_take(process, name, length);
	if (space_create(kernel, &process->space))
		return process;
	(void)heap_free(&kernel->alloc->heap, process);
	return NULL;
}

void process_destroy(struct process *process)
{
	struct alloc *alloc = process->kernel->alloc;

	space_destroy(process);
	for (unsigned i = 0; i < PROCESS_FILES; i++)
		if (process->file[i])
			memory_leave(alloc, process->file[i]);
	(void)heap_free(&alloc->heap, process);
}

u64 process_memory(const struct process *process)
{
	u64 size = 0;

	for (u32 i = 0; i < process->areas.count; i++)
		if (process->areas.area[i].prot != 0)
			size += process->areas.area[i].end - process->areas.area[i].start;
	return size;
}

void process_label(const struct process *process)
{
	console_write_safe(process->name, strnlen(process->name, sizeof(process->name)));
	print("[%u]: ", process->number);
}

void process_end(struct process *process, int status)
{
	process->then = PROCESS_ENDED;
	process->status = status;
}
