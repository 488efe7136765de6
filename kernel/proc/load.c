// SPDX-License-Identifier: MIT
/*
 * A process from an ELF file: segments, stack, and what stands on that at the beginning, which is
 * Linux's.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/proc/program.h>
#include <pagoda/lib/elf.h>
#include <pagoda/lib/features.h>

#include "parts.h"

#define ELF_HEADER_SIZE 56 /* AT_PHENT */
#define CLOCK_TICKS 100 /* AT_CLKTCK */
#define RANDOM_SIZE 16
#define FP_NONE 0xf /* ID_AA64PFR0_EL1.FP */

enum load_result {
	LOAD_OK,
	LOAD_ELF, /* an elf_result says why */
	LOAD_OUTSIDE, /* addresses that programs do not have */
	LOAD_SHARED_PAGE, /* segments that do not begin on pages of their own */
	LOAD_NO_MEMORY,
	LOAD_REFUSED, /* by the policy, which has said why */
};

static const char *load_result_str(enum load_result result)
{
	switch (result) {
	case LOAD_OK:
		return "ok";
	case LOAD_ELF:
		return "not an ELF file to be loaded";
	case LOAD_OUTSIDE:
		return "it wants addresses that programs do not have";
	case LOAD_SHARED_PAGE:
		return "two of its segments share a page";
	case LOAD_NO_MEMORY:
		return "not enough memory";
	case LOAD_REFUSED:
		return "writable and executable at once";
	}
	return "unknown result";
}

static int load_error(enum load_result result)
{
	switch (result) {
	case LOAD_OK:
		return 0;
	case LOAD_ELF:
	case LOAD_SHARED_PAGE:
		return -LINUX_ENOEXEC;
	case LOAD_OUTSIDE:
	case LOAD_NO_MEMORY:
		return -LINUX_ENOMEM;
	case LOAD_REFUSED:
		break;
	}
	return -LINUX_EACCES;
}

/* What is known while a process is made. */
struct loader {
	struct process *process;
	const struct program *program;
	struct elf elf;
	u64 base; /* what addresses in the file count from */
	u64 reached; /* where the segments so far end */
};

static u64 stack_end(const struct process *process)
{
	return window_end(process) - process_granule(process);
}

static u64 stack_start(const struct process *process)
{
	return window_end(process) - USER_STACK_SIZE;
}

static u32 segment_prot(const struct loader *loader, const struct elf_segment *segment)
{
	bool guarded = loader->elf.guarded && loader->process->kernel->handoff->plan.bti;
	u32 prot = LINUX_PROT_READ;

	if (segment->write)
		prot |= LINUX_PROT_WRITE;
	if (segment->execute)
		prot |= LINUX_PROT_EXEC | (guarded ? LINUX_PROT_BTI : 0);
	return prot;
}

/* Memory for @area with a copy of what the file has for it, @into its first page. */
static enum load_result load_area(struct loader *loader, const struct elf_segment *segment,
				  struct area area, u64 into)
{
	const struct kernel *kernel = loader->process->kernel;
	const u8 *file = loader->program->data;
	u64 pages = (area.end - area.start) / process_granule(loader->process);
	bool loaded;

	area.memory = memory_create(kernel->alloc, pages);
	if (!area.memory)
		return LOAD_NO_MEMORY;
	loaded = memory_fill(kernel, area.memory, 0, pages);
	if (loaded) {
		memory_put(kernel, area.memory, into, file + segment->offset, segment->file_size);
		loaded = area_add(loader->process, &area) == 0;
	}
	if (!loaded)
		memory_leave(kernel->alloc, area.memory);
	return loaded ? LOAD_OK : LOAD_NO_MEMORY;
}

static enum load_result load_segment(struct loader *loader, const struct elf_segment *segment)
{
	struct process *process = loader->process;
	u64 granule = process_granule(process), address = loader->base + segment->address;
	struct area area = { .start = align_down(address, granule),
			     .end = align_up(address + segment->memory_size, granule),
			     .prot = segment_prot(loader, segment) };

	if (area.start < ADDRESS_START || area.end > stack_start(process) - USER_STACK_GAP)
		return LOAD_OUTSIDE;
	if (area.start < loader->reached)
		return LOAD_SHARED_PAGE;
	if (policy_grants(process, POLICY_SEGMENT, area.start, area.end, area.prot) != 0)
		return LOAD_REFUSED;
	loader->reached = area.end;
	return load_area(loader, segment, area, address - area.start);
}

static enum load_result load_stack(struct loader *loader)
{
	struct process *process = loader->process;
	u64 start = stack_start(process), end = stack_end(process);
	u32 prot = LINUX_PROT_READ | LINUX_PROT_WRITE;

	if (loader->elf.stack_executable)
		prot |= LINUX_PROT_EXEC;
	if (policy_grants(process, POLICY_STACK, start, end, prot) != 0)
		return LOAD_REFUSED;
	return area_new(process, start, end, prot) == 0 ? LOAD_OK : LOAD_NO_MEMORY;
}

/* Downwards from where it ends. */
struct stack_writer {
	const struct process *process;
	const struct memory *memory;
	u64 at;
};

static u64 stack_push(struct stack_writer *stack, const void *from, u64 size)
{
	stack->at -= size;
	memory_put(stack->process->kernel, stack->memory, stack->at - stack_start(stack->process),
		   from, size);
	return stack->at;
}

/* For canaries and the like; no secret of the kernel's. */
static u64 push_random(struct stack_writer *stack)
{
	bool rndr = cpu_feature_level(cpu_this()->id, CPU_RNDR) != 0;
	u64 number[RANDOM_SIZE / sizeof(u64)];

	for (unsigned i = 0; i < ARRAY_SIZE(number); i++)
		if (!rndr || !random_read(&number[i]))
			number[i] = counter_read() * 0x9e3779b97f4a7c15;
	return stack_push(stack, number, sizeof(number));
}

static bool has_fp(const struct process *process)
{
	const u64 *id = process->kernel->handoff->id;

	return SYSREG_GET(ID_AA64PFR0_EL1_FP, id[SYSREG_ID_AA64PFR0_EL1]) != FP_NONE;
}

/* argc, argv and an empty environment, the auxiliary vector: upwards from the stack pointer. */
static void push_vectors(const struct loader *loader, struct stack_writer *stack,
			 const u64 *argument, unsigned count)
{
	const struct elf *elf = &loader->elf;
	u64 headers = elf->headers != 0 ? loader->base + elf->headers : 0;
	u64 hwcap = has_fp(loader->process) ? LINUX_HWCAP_FP | LINUX_HWCAP_ASIMD : 0;
	const u64 auxiliary[][2] = {
		{ LINUX_AT_PHDR, headers },
		{ LINUX_AT_PHENT, ELF_HEADER_SIZE },
		{ LINUX_AT_PHNUM, elf->header_count },
		{ LINUX_AT_PAGESZ, process_granule(loader->process) },
		{ LINUX_AT_BASE, 0 },
		{ LINUX_AT_ENTRY, loader->base + elf->entry },
		{ LINUX_AT_UID, 0 },
		{ LINUX_AT_GID, 0 },
		{ LINUX_AT_HWCAP, hwcap },
		{ LINUX_AT_CLKTCK, CLOCK_TICKS },
		{ LINUX_AT_SECURE, 0 },
		{ LINUX_AT_RANDOM, push_random(stack) },
		{ LINUX_AT_NULL, 0 },
	};
	const u64 ends[2] = { 0, 0 }; /* of the arguments, and of the environment */
	u64 number = count;

	/* The stack pointer, at the number of arguments, is a multiple of 16. */
	stack->at = align_down(stack->at, 16);
	if (count % 2 == 0)
		stack->at -= sizeof(u64);
	stack_push(stack, auxiliary, sizeof(auxiliary));
	stack_push(stack, ends, sizeof(ends));
	stack_push(stack, argument, count * sizeof(*argument));
	stack_push(stack, &number, sizeof(number));
}

static void start_registers(struct loader *loader, const struct words *word, unsigned count)
{
	struct process *process = loader->process;
	const struct areas *areas = &process->areas;
	struct stack_writer stack = {
		.process = process,
		.memory = areas->area[area_from(areas, stack_start(process))].memory,
		.at = stack_end(process),
	};
	u64 argument[ARGUMENTS_MAX];

	for (unsigned i = 0; i < count; i++) {
		stack_push(&stack, "", 1);
		argument[i] = stack_push(&stack, word[i].text, word[i].length);
	}
	push_vectors(loader, &stack, argument, count);
	process->frame.sp = stack.at;
	process->frame.elr = loader->base + loader->elf.entry;
}

/* Two thirds up the window, as Linux puts what can be anywhere. */
static u64 base_of(const struct process *process, const struct elf *elf)
{
	return elf->movable ? align_down(window_end(process) / 3 * 2, MIB(2)) : 0;
}

static enum load_result load(struct loader *loader)
{
	struct process *process = loader->process;
	enum load_result result = LOAD_OK;

	loader->base = base_of(process, &loader->elf);
	for (u32 i = 0; result == LOAD_OK && i < loader->elf.count; i++)
		result = load_segment(loader, &loader->elf.segment[i]);
	if (result == LOAD_OK)
		result = load_stack(loader);
	process->break_start = process->break_end = loader->reached;
	return result;
}

static void say(struct words name, enum load_result result, enum elf_result elf)
{
	print("run: ");
	print_quoted(name);
	print(": %s%s%s (error %d)\n", load_result_str(result), result == LOAD_ELF ? ": " : "",
	      result == LOAD_ELF ? elf_result_str(elf) : "", load_error(result));
}

struct process *program_load(const struct kernel *kernel, const struct program *program,
			     const struct words *word, unsigned count)
{
	struct loader loader = { .program = program };
	enum elf_result elf = elf_read(program->data, program->size, &loader.elf);
	enum load_result result = LOAD_NO_MEMORY;

	if (elf != ELF_OK) {
		say(word[0], LOAD_ELF, elf);
		return NULL;
	}
	loader.process = process_create(kernel, word[0].text, word[0].length);
	if (loader.process)
		result = load(&loader);
	if (result == LOAD_OK) {
		start_registers(&loader, word, count);
		return loader.process;
	}
	say(word[0], result, elf);
	if (loader.process)
		process_destroy(loader.process);
	return NULL;
}
