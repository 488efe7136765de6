// SPDX-License-Identifier: MIT
/*
 * Memory that programs have.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/proc/memory.h>
#include <pagoda/lib/string.h>

/* What programs leave of RAM for the kernel: page tables, and whoever asks next. */
#define RAM_RESERVE MIB(2)

static bool pages_make(struct alloc *alloc, u64 count, paddr_t **page)
{
	void *list;

	*page = NULL;
	if (count == 0)
		return true;
	if (count > GIB(1) || heap_alloc(&alloc->heap, count * sizeof(paddr_t), &list) != HEAP_OK)
		return false;
	memset(list, 0xff, count * sizeof(paddr_t)); /* MEMORY_NONE, each */
	*page = list;
	return true;
}

struct memory *memory_create(struct alloc *alloc, u64 count)
{
	struct memory *memory;
	void *object;

	if (heap_alloc(&alloc->heap, sizeof(*memory), &object) != HEAP_OK)
		return NULL;
	memory = object;
	memory->owners = 1;
	memory->count = count;
	if (pages_make(alloc, count, &memory->page))
		return memory;
	(void)heap_free(&alloc->heap, memory);
	return NULL;
}

bool memory_resize(struct alloc *alloc, struct memory *memory, u64 count)
{
	paddr_t *page;

	if (!pages_make(alloc, count, &page))
		return false;
	if (count < memory->count)
		memory_drop(alloc, memory, count, memory->count - count);
	if (memory->page) {
		if (page)
			memcpy(page, memory->page, min_u64(count, memory->count) * sizeof(paddr_t));
		(void)heap_free(&alloc->heap, memory->page);
	}
	memory->page = page;
	memory->count = count;
	return true;
}

static bool page_fill(const struct kernel *kernel, paddr_t *page)
{
	struct buddy *buddy = &kernel->alloc->buddy;

	if (buddy_alloc(buddy, 0, page) != BUDDY_OK) {
		*page = paddr(MEMORY_NONE);
		return false;
	}
	memset(linear_pointer(&kernel->linear, *page), 0,
	       regime_granule(&kernel->kernel_space.regime));
	return true;
}

/* Pages that were there before stay, where others could not come to be. */
bool memory_fill(const struct kernel *kernel, struct memory *memory, u64 first, u64 count)
{
	u64 granule = regime_granule(&kernel->kernel_space.regime), missing = 0;

	for (u64 i = first; i < first + count; i++)
		missing += memory->page[i].value == MEMORY_NONE;
	if (missing != 0 && !buddy_has(&kernel->alloc->buddy, missing * granule + RAM_RESERVE))
		return false;
	for (u64 i = first; i < first + count; i++)
		if (memory->page[i].value == MEMORY_NONE && !page_fill(kernel, &memory->page[i]))
			return false;
	return true;
}

void memory_drop(struct alloc *alloc, struct memory *memory, u64 first, u64 count)
{
	for (u64 i = first; i < first + count; i++) {
		if (memory->page[i].value != MEMORY_NONE)
			(void)buddy_free(&alloc->buddy, memory->page[i], 0);
		memory->page[i] = paddr(MEMORY_NONE);
	}
}

void memory_leave(struct alloc *alloc, struct memory *memory)
{
	if (--memory->owners != 0)
		return;
	memory_drop(alloc, memory, 0, memory->count);
	if (memory->page)
		(void)heap_free(&alloc->heap, memory->page);
	(void)heap_free(&alloc->heap, memory);
}

void memory_put(const struct kernel *kernel, const struct memory *memory, u64 at, const void *from,
		u64 size)
{
	u64 granule = regime_granule(&kernel->kernel_space.regime);
	const u8 *next = from;

	while (size > 0) {
		u64 into = at & (granule - 1), piece = min_u64(size, granule - into);
		u8 *page = linear_pointer(&kernel->linear, memory->page[at / granule]);

		memcpy(page + into, next, piece);
		next += piece;
		at += piece;
		size -= piece;
	}
}
