// SPDX-License-Identifier: MIT
/*
 * The calls about memory, with Linux's rules as to what they refuse, and how.
 * Runs in the kernel, MMU on, and on the host.
 */
#include "parts.h"

#define PROT_KNOWN (LINUX_PROT_READ | LINUX_PROT_WRITE | LINUX_PROT_EXEC | LINUX_PROT_BTI)
#define MAP_SHARING (LINUX_MAP_SHARED | LINUX_MAP_PRIVATE)
#define FILE_FIRST 3 /* those before are the console */

/* What mmap() asks for. */
struct request {
	u64 hint, size, flags;
	u32 prot;
	struct memory *file; /* or null */
	u64 first; /* of its pages */
	u64 start; /* where it goes */
};

static bool has_bti(const struct process *process)
{
	return process->kernel->handoff->plan.bti;
}

/* The memory behind an open file that has some. */
static struct memory *file_memory(const struct process *process, u64 file)
{
	return file < PROCESS_FILES ? process->file[file] : NULL;
}

static int read_file(const struct process *process, const u64 arguments[6], struct request *request)
{
	unsigned shift = process->space.regime.granule_shift;

	if (request->flags & LINUX_MAP_ANONYMOUS)
		return 0;
	request->file = file_memory(process, arguments[4]);
	request->first = arguments[5] >> shift;
	if (!request->file)
		return arguments[4] < FILE_FIRST ? -LINUX_ENODEV : -LINUX_EBADF;
	/* A copy that is made when it is written to would need what nobody else here does. */
	if (!(request->flags & LINUX_MAP_SHARED))
		return -LINUX_ENODEV;
	if (request->first > request->file->count ||
	    request->size >> shift > request->file->count - request->first)
		return -LINUX_EINVAL;
	return 0;
}

static int read_request(const struct process *process, const u64 arguments[6],
			struct request *request)
{
	u64 granule = process_granule(process), sharing = arguments[3] & MAP_SHARING;

	*request = (struct request){ .hint = arguments[0],
				     .size = align_up(arguments[1], granule),
				     .flags = arguments[3],
				     .prot = (u32)arguments[2] };
	if (arguments[1] == 0 || (arguments[2] & ~(u64)PROT_KNOWN) != 0 ||
	    (sharing != LINUX_MAP_SHARED && sharing != LINUX_MAP_PRIVATE) ||
	    !is_aligned(arguments[5], granule))
		return -LINUX_EINVAL;
	if (request->size == 0 || request->size > address_end(process))
		return -LINUX_ENOMEM;
	/* Who asks for it need not know whether there is such a thing. mprotect() refuses it. */
	if (!has_bti(process))
		request->prot &= ~(u32)LINUX_PROT_BTI;
	return read_file(process, arguments, request);
}

/* There, and nowhere else. */
static int place_fixed(const struct process *process, struct request *request)
{
	u64 end = address_end(process);

	if (!is_aligned(request->hint, process_granule(process)))
		return -LINUX_EINVAL;
	if (request->hint > end || request->size > end - request->hint)
		return -LINUX_ENOMEM;
	if (request->hint < ADDRESS_START)
		return -LINUX_EPERM;
	if ((request->flags & LINUX_MAP_FIXED_NOREPLACE) &&
	    !area_none(&process->areas, request->hint, request->hint + request->size))
		return -LINUX_EEXIST;
	request->start = request->hint;
	return 0;
}

/*
 * From the stack downwards; what asks for an address above the window gets there where the kernel
 * has such, from its end downwards where the very address is taken.
 */
static int place_anywhere(const struct process *process, struct request *request)
{
	u64 window = window_end(process);
	u64 end = request->hint >= window ? address_end(process) : window;
	u64 hint = align_up(request->hint, process_granule(process));
	u64 high = end == window ? window - USER_STACK_SIZE - USER_STACK_GAP : end;

	if (hint >= ADDRESS_START && hint < end && request->size <= end - hint &&
	    area_none(&process->areas, hint, hint + request->size)) {
		request->start = hint;
		return 0;
	}
	if (area_hole(&process->areas, request->size, ADDRESS_START, high, &request->start))
		return 0;
	return -LINUX_ENOMEM;
}

static int place(const struct process *process, struct request *request)
{
	u64 fixed = LINUX_MAP_FIXED | LINUX_MAP_FIXED_NOREPLACE;

	return request->flags & fixed ? place_fixed(process, request) :
					place_anywhere(process, request);
}

static int map_file(struct process *process, const struct request *request)
{
	struct area area = { request->start, request->start + request->size, request->prot,
			     request->file, request->first };
	int error = area_add(process, &area);

	if (error == 0)
		request->file->owners++;
	return error;
}

s64 call_mmap(struct process *process, const u64 arguments[6])
{
	struct request request;
	int error = read_request(process, arguments, &request);
	u64 end;

	if (error == 0)
		error = place(process, &request);
	if (error != 0)
		return error;
	end = request.start + request.size;
	error = policy_grants(process, POLICY_MMAP, request.start, end, request.prot);
	if (error == 0)
		error = area_take(process, request.start, end);
	if (error == 0)
		error = request.file ? map_file(process, &request) :
				       area_new(process, request.start, end, request.prot);
	return error != 0 ? error : (s64)request.start;
}

/* [@start, @start + @size) as whole pages of the program's addresses. */
static bool read_range(const struct process *process, u64 start, u64 size, u64 *end)
{
	u64 granule = process_granule(process), pages = align_up(size, granule);

	*end = start + pages;
	return is_aligned(start, granule) && pages >= size && start <= address_end(process) &&
	       pages <= address_end(process) - start;
}

s64 call_munmap(struct process *process, u64 start, u64 size)
{
	u64 end;

	if (size == 0 || !read_range(process, start, size, &end))
		return -LINUX_EINVAL;
	return area_take(process, start, end);
}

s64 call_mprotect(struct process *process, u64 start, u64 size, u64 prot)
{
	int error;
	u64 end;

	if (!is_aligned(start, process_granule(process)) || (prot & ~(u64)PROT_KNOWN) != 0 ||
	    ((prot & LINUX_PROT_BTI) && !has_bti(process)))
		return -LINUX_EINVAL;
	if (size == 0)
		return 0;
	if (!read_range(process, start, size, &end) || !area_all(&process->areas, start, end))
		return -LINUX_ENOMEM;
	error = policy_grants(process, POLICY_MPROTECT, start, end, (u32)prot);
	return error != 0 ? error : area_protect(process, start, end, (u32)prot);
}

/* What cannot be is no error: the answer is where memory ends, as before. */
s64 call_brk(struct process *process, u64 end)
{
	u64 granule = process_granule(process), had = align_up(process->break_end, granule);
	u64 limit = window_end(process) - USER_STACK_SIZE - USER_STACK_GAP;
	u64 wanted = align_up(end, granule);
	int error = 0;

	if (end < process->break_start || end > limit)
		return (s64)process->break_end;
	if (wanted < had)
		error = area_take(process, wanted, had);
	else if (wanted > had && !area_none(&process->areas, had, wanted))
		error = -LINUX_ENOMEM;
	else if (wanted > had)
		error = area_new(process, had, wanted, LINUX_PROT_READ | LINUX_PROT_WRITE);
	if (error == 0)
		process->break_end = end;
	return (s64)process->break_end;
}

/* The name is for nobody but whoever reads it here: that it can be read is all. */
static int check_name(const struct process *process, u64 name)
{
	for (unsigned i = 0; i < LINUX_MFD_NAME_MAX; i++) {
		char c;

		if (!user_get(process, &c, name + i, 1))
			return -LINUX_EFAULT;
		if (c == '\0')
			return 0;
	}
	return -LINUX_EINVAL;
}

s64 call_memfd_create(struct process *process, u64 name, u64 flags)
{
	int error = check_name(process, name);
	unsigned file = FILE_FIRST;

	if (flags & ~(u64)LINUX_MFD_FLAGS)
		return -LINUX_EINVAL;
	if (error != 0)
		return error;
	while (file < PROCESS_FILES && process->file[file])
		file++;
	if (file == PROCESS_FILES)
		return -LINUX_EMFILE;
	process->file[file] = memory_create(process->kernel->alloc, 0);
	if (!process->file[file])
		return -LINUX_ENOMEM;
	process->file[file]->whole = true;
	return file;
}

/* A file that is mapped does not become shorter. */
s64 call_ftruncate(struct process *process, u64 file, u64 size)
{
	struct memory *memory = file_memory(process, file);
	u64 count = align_up(size, process_granule(process)) >> process->space.regime.granule_shift;

	if (!memory)
		return file < FILE_FIRST ? -LINUX_EINVAL : -LINUX_EBADF;
	if (size > address_end(process))
		return -LINUX_EFBIG;
	if (count < memory->count && memory->owners > 1)
		return -LINUX_EBUSY;
	return memory_resize(process->kernel->alloc, memory, count) ? 0 : -LINUX_ENOMEM;
}

s64 call_close(struct process *process, u64 file)
{
	struct memory *memory = file_memory(process, file);

	if (!memory)
		return file < FILE_FIRST ? 0 : -LINUX_EBADF;
	process->file[file] = NULL;
	memory_leave(process->kernel->alloc, memory);
	return 0;
}
